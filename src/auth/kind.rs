//! Whom a token of each kind of issuer names. Pure: signature, issuer, audience and times have been
//! checked.

use serde_json::Value;

use super::grant::Facts;
use super::json::Claims;
use super::token::{RejectionReason, is_plain_text};
use crate::domain::ids::OrganisationNumber;
use crate::domain::national_identity::NationalIdentityNumber;

/// How an issuer words its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Entra ID: people on behalf of whom an application calls, and applications of their own.
    Entra(PersonClaim),
    /// `TokenX`: people who have logged in by ID-porten.
    TokenX,
    /// Maskinporten: organisations, by their own clients, by a supplier's or by a system user.
    Maskinporten,
    /// Any other: the bearer is the `sub`.
    Plain,
}

/// Which claim of an Entra token names a person. It is one for all people of an issuer: whoever
/// had two names would be two pairs of eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PersonClaim {
    NavIdent,
    ObjectId,
}

impl PersonClaim {
    /// The claim's name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NavIdent => "NAVident",
            Self::ObjectId => "oid",
        }
    }
}

/// The levels of assurance that say that somebody has shown who they are by ID-porten's highest.
const HIGH_ASSURANCE: [&str; 2] = ["Level4", "idporten-loa-high"];
/// What names an organisation of Norway in the ISO 6523 scheme.
const ISO6523: &str = "iso6523-actorid-upis";
const NORWEGIAN: &str = "0192:";
/// The kind of authorization that a system user of Altinn has.
const SYSTEM_USER: &str = "urn:altinn:systemuser";

/// Who a token's bearer is, before it is asked what they may.
pub(super) struct Bearer<'t> {
    pub(super) subject: &'t str,
    pub(super) name: Option<&'t str>,
    pub(super) identity: Option<NationalIdentityNumber>,
    /// By which system they call.
    pub(super) client: Option<String>,
    pub(super) on_behalf_of: Option<String>,
    /// Whether it is a system by itself.
    pub(super) is_system: bool,
    pub(super) facts: Facts<'t>,
}

impl<'t> Bearer<'t> {
    /// A bearer of whom nothing is known but these.
    fn new(subject: &'t str, facts: Facts<'t>) -> Self {
        let client = facts.client.map(str::to_owned);
        // By itself a client is its own subject (RFC 9068, 2.2), as Entra's and Maskinporten's are.
        let is_system = facts.client == Some(subject);
        Self { subject, name: None, identity: None, client, on_behalf_of: None, is_system, facts }
    }
}

/// Reads who the bearer is.
pub(super) fn bearer(kind: Kind, claims: &Claims) -> Result<Bearer<'_>, RejectionReason> {
    let bearer = match kind {
        Kind::Entra(person) => match claims.text("idtyp")? {
            Some("app") => entra_app(claims),
            None | Some("user") => entra_person(claims, person),
            Some(_) => Err(RejectionReason::Claims),
        },
        Kind::TokenX => tokenx(claims),
        Kind::Maskinporten => maskinporten(claims),
        Kind::Plain => plain(claims),
    }?;
    // A subject stands in logs for ever, and there no identity number may.
    if !is_plain_text(bearer.subject) || NationalIdentityNumber::parse(bearer.subject).is_ok() {
        return Err(RejectionReason::Subject);
    }
    let shown = [bearer.client.as_deref(), bearer.on_behalf_of.as_deref()];
    if shown.into_iter().flatten().any(|text| !is_plain_text(text)) {
        return Err(RejectionReason::Claims);
    }
    Ok(bearer)
}

/// An application by itself: it says so, and nobody has let it act for them.
fn entra_app(claims: &Claims) -> Result<Bearer<'_>, RejectionReason> {
    let has = |name| claims.get(name).is_some();
    if has("scp") || has(PersonClaim::NavIdent.as_str()) {
        return Err(RejectionReason::Claims);
    }
    claims.required(PersonClaim::ObjectId.as_str())?;
    let client = entra_client(claims)?;
    let app_roles = claims.texts("roles");
    Ok(Bearer::new(client, Facts { app_roles, client: Some(client), ..Facts::default() }))
}

/// A person: only a token on behalf of one has scopes. An application whose token does not say
/// `idtyp`, since that is an optional claim, has none and does not pass as a person.
fn entra_person(claims: &Claims, person: PersonClaim) -> Result<Bearer<'_>, RejectionReason> {
    let scopes = claims.required("scp")?;
    if scopes.trim().is_empty() {
        return Err(RejectionReason::Claims);
    }
    claims.required(PersonClaim::ObjectId.as_str())?;
    let client = entra_client(claims)?;
    let facts = Facts {
        groups: claims.texts("groups"),
        scopes: claims.words("scp"),
        claims: Some(claims),
        client: Some(client),
        ..Facts::default()
    };
    let subject = claims.required(person.as_str())?;
    Ok(Bearer { name: shown_name(claims), ..Bearer::new(subject, facts) })
}

/// The client's id: `azp` in tokens of version 2, `appid` in those of version 1.
fn entra_client(claims: &Claims) -> Result<&str, RejectionReason> {
    match claims.text("azp")? {
        Some(client) => Ok(client),
        None => claims.required("appid"),
    }
}

fn tokenx(claims: &Claims) -> Result<Bearer<'_>, RejectionReason> {
    if !HIGH_ASSURANCE.contains(&claims.required("acr")?) {
        return Err(RejectionReason::Assurance);
    }
    let pid = claims.required("pid")?;
    let identity = NationalIdentityNumber::parse(pid).map_err(|_| RejectionReason::Identity)?;
    let client = claims.required("client_id")?;
    let facts = Facts { claims: Some(claims), client: Some(client), ..Facts::default() };
    Ok(Bearer { identity: Some(identity), ..Bearer::new(claims.required("sub")?, facts) })
}

/// For whom a client of Maskinporten acts: for the system user's organisation, for the consumer
/// who has delegated to a supplier, or for its own.
fn maskinporten(claims: &Claims) -> Result<Bearer<'_>, RejectionReason> {
    let client = claims.required("client_id")?;
    let consumer = party(claims.get("consumer").ok_or(RejectionReason::Claims)?)?;
    let facts = |own| Facts {
        scopes: claims.words("scope"),
        claims: Some(claims),
        client: Some(client),
        consumer: Some(own),
        ..Facts::default()
    };
    let supplier = claims.get("supplier").map(party).transpose()?;
    match (claims.get("authorization_details"), supplier) {
        (None, None) => Ok(Bearer::new(client, facts(consumer))),
        (None, Some(supplier)) => Ok(Bearer {
            client: Some(named(supplier)),
            on_behalf_of: Some(named(consumer)),
            ..Bearer::new(client, facts(consumer))
        }),
        (Some(details), None) => {
            let (organisation, system_user) = system_user(details)?;
            Ok(Bearer {
                client: Some(named(consumer)),
                on_behalf_of: Some(named(organisation)),
                is_system: true,
                ..Bearer::new(system_user, facts(organisation))
            })
        }
        (Some(_), Some(_)) => Err(RejectionReason::Claims),
    }
}

fn named(organisation: &str) -> String {
    format!("{NORWEGIAN}{organisation}")
}

/// An organisation number of `{"authority": "iso6523-actorid-upis", "ID": "0192:…"}`. Some
/// issuers write `id`; whoever writes both must say the same twice.
fn party(value: &Value) -> Result<&str, RejectionReason> {
    let member = |name| value.get(name).and_then(Value::as_str);
    let id = match (value.get("ID"), value.get("id")) {
        (Some(id), None) | (None, Some(id)) => id.as_str(),
        (Some(one), Some(other)) if one == other => one.as_str(),
        (Some(_), Some(_)) | (None, None) => None,
    };
    let number = id.and_then(|id| id.strip_prefix(NORWEGIAN));
    number
        .filter(|_| member("authority") == Some(ISO6523))
        .filter(|number| number.parse::<OrganisationNumber>().is_ok())
        .ok_or(RejectionReason::Claims)
}

/// The organisation and the id of the only system user.
fn system_user(details: &Value) -> Result<(&str, &str), RejectionReason> {
    let wrong = RejectionReason::Claims;
    let [detail] = details.as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err(wrong);
    };
    if detail.get("type").and_then(Value::as_str) != Some(SYSTEM_USER) {
        return Err(wrong);
    }
    let organisation = party(detail.get("systemuser_org").ok_or(wrong)?)?;
    let id = match detail.get("systemuser_id") {
        Some(Value::Array(ids)) if ids.len() == 1 => ids[0].as_str(),
        Some(Value::String(id)) => Some(id.as_str()),
        _ => None,
    };
    Ok((organisation, id.ok_or(wrong)?))
}

fn plain(claims: &Claims) -> Result<Bearer<'_>, RejectionReason> {
    let client = match claims.text("azp")? {
        Some(client) => Some(client),
        None => claims.text("client_id")?,
    };
    let pid = claims.text("pid")?.map(NationalIdentityNumber::parse).transpose();
    let facts = Facts {
        groups: claims.texts("groups"),
        scopes: claims.words("scope"),
        claims: Some(claims),
        client,
        ..Facts::default()
    };
    Ok(Bearer {
        name: shown_name(claims),
        identity: pid.map_err(|_| RejectionReason::Identity)?,
        ..Bearer::new(claims.required("sub")?, facts)
    })
}

/// The name to show. No right follows from it, so one that cannot be shown is left out.
fn shown_name(claims: &Claims) -> Option<&str> {
    claims.get("name").and_then(Value::as_str).filter(|name| is_plain_text(name))
}
