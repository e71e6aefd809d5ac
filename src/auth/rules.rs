//! From what the file says of issuers to what holds, or to what is wrong with it and what to do.

use std::collections::BTreeSet;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use reqwest::Url;

use super::grant::{Condition, EmployerRule, Grant, Said};
use super::key_source::Place;
use super::kind::{Kind, PersonClaim};
use super::local_issuer::LOCAL_ISSUER;
use super::pattern::{Capture, Pattern};
use super::settings::{GrantSection, IssuerKind, IssuerSection};
use super::token::{CLAIM_MAX_BYTES, is_plain_text};
use crate::domain::access::{Actor, Role};
use crate::domain::ids::{AreaId, MunicipalityNumber, OfficeNumber, OrganisationNumber};
use crate::domain::protection::Protection;

/// The most issuers of one installation.
pub const ISSUERS_MAX: usize = 20;
/// The most rules of one issuer.
pub const GRANTS_MAX: usize = 500;

/// Claims by which nobody gets a role: whoever they name may choose or change them, or they are
/// for showing, or they name a person where only groups should.
const NEVER_AUTHORISE: [&str; 18] = [
    "azp_name",
    "app_displayname",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "unique_name",
    "upn",
    "email",
    "verified_primary_email",
    "verified_secondary_email",
    "pid",
    "sub",
    "oid",
    "NAVident",
    "login_hint",
];
/// Claims that have a word of their own in a rule, which heeds whose they are.
const HAVE_A_WORD: [(&str, &str); 9] = [
    ("groups", "group"),
    ("roles", "app_role"),
    ("scp", "scope"),
    ("scope", "scope"),
    ("azp", "client"),
    ("appid", "client"),
    ("client_id", "client"),
    ("consumer", "consumer"),
    ("supplier", "consumer"),
];

/// What is wrong with the settings of issuers, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct SettingsError {
    /// Which section.
    pub place: String,
    /// What is wrong with it, and what to do.
    pub problem: String,
}

/// An issuer's rules, checked.
pub(super) struct Rules {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) place: Place,
    pub(super) grants: Vec<Grant>,
}

/// Checks all sections; the first thing that is wrong is told.
pub(super) fn check(sections: &[IssuerSection]) -> Result<Vec<Rules>, SettingsError> {
    if sections.len() > ISSUERS_MAX {
        let problem = format!("there are {}; the most is {ISSUERS_MAX}", sections.len());
        return Err(SettingsError { place: "[[issuer]]".to_owned(), problem });
    }
    let mut all: Vec<Rules> = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let place = format!("[[issuer]] {} ({})", index + 1, section.name);
        let rules = issuer(section, &place)?;
        if all.iter().any(|other| other.issuer == rules.issuer || other.name == rules.name) {
            let problem = "its `name` or `issuer` is that of another section; each issuer has one \
                           section with all its grants";
            return Err(SettingsError { place, problem: problem.to_owned() });
        }
        all.push(rules);
    }
    Ok(all)
}

fn issuer(section: &IssuerSection, place: &str) -> Result<Rules, SettingsError> {
    let wrong = |problem: String| SettingsError { place: place.to_owned(), problem };
    for (field, text) in
        [("name", &section.name), ("issuer", &section.issuer), ("audience", &section.audience)]
    {
        plain(field, text).map_err(wrong)?;
    }
    let own = [LOCAL_ISSUER.to_owned(), Actor::by_time().issuer];
    if own.contains(&section.issuer) {
        return Err(wrong(format!("`issuer` {:?} is this service's own name", section.issuer)));
    }
    if section.grant.is_empty() {
        let problem = "it has no [[issuer.grant]], so none of its tokens would give anything";
        return Err(wrong(problem.to_owned()));
    }
    if section.grant.len() > GRANTS_MAX {
        let count = section.grant.len();
        return Err(wrong(format!("it has {count} grants; the most is {GRANTS_MAX}")));
    }
    let mut grants = Vec::new();
    for (index, one) in section.grant.iter().enumerate() {
        let checked = grant(section.kind, one);
        grants.push(checked.map_err(|problem| SettingsError {
            place: format!("{place}, [[issuer.grant]] {}", index + 1),
            problem,
        })?);
    }
    Ok(Rules {
        name: section.name.clone(),
        kind: kind(section).map_err(wrong)?,
        issuer: section.issuer.clone(),
        audience: section.audience.clone(),
        algorithms: algorithms(section).map_err(wrong)?,
        place: place_of_keys(section).map_err(wrong)?,
        grants,
    })
}

fn plain(field: &str, text: &str) -> Result<(), String> {
    if is_plain_text(text) {
        return Ok(());
    }
    Err(format!(
        "`{field}` must be a text of 1 to {CLAIM_MAX_BYTES} bytes without control characters"
    ))
}

fn kind(section: &IssuerSection) -> Result<Kind, String> {
    let person = match section.person.as_deref() {
        None | Some("NAVident") => PersonClaim::NavIdent,
        Some("oid") => PersonClaim::ObjectId,
        Some(other) => return Err(format!("`person` {other:?} is neither NAVident nor oid")),
    };
    if section.person.is_some() && section.kind != IssuerKind::Entra {
        return Err("`person` is for the kind `entra` alone".to_owned());
    }
    match section.kind {
        IssuerKind::Entra => Ok(Kind::Entra(person)),
        IssuerKind::TokenX => Ok(Kind::TokenX),
        IssuerKind::Maskinporten => Ok(Kind::Maskinporten),
        IssuerKind::Jwt => Ok(Kind::Plain),
    }
}

/// What the file pins, or RS256, which all of the named kinds sign with.
fn algorithms(section: &IssuerSection) -> Result<Vec<Algorithm>, String> {
    let Some(names) = &section.algorithms else { return Ok(vec![Algorithm::RS256]) };
    if names.is_empty() {
        return Err("`algorithms` is empty; leave it out for RS256".to_owned());
    }
    let mut pinned = Vec::new();
    for name in names {
        let parsed = name.parse::<Algorithm>().ok();
        match parsed.filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac) {
            Some(algorithm) if !pinned.contains(&algorithm) => pinned.push(algorithm),
            Some(_) => {}
            None => {
                return Err(format!(
                    "`algorithms` has {name:?}; RS256, RS384, RS512, PS256, PS384, PS512, ES256, \
                     ES384 and EdDSA are taken, since nobody can sign with their public keys"
                ));
            }
        }
    }
    Ok(pinned)
}

fn place_of_keys(section: &IssuerSection) -> Result<Place, String> {
    match (&section.jwks_url, &section.jwks_file) {
        (Some(url), None) => {
            let parsed: Url = url.parse().map_err(|e| format!("`jwks_url` {url:?}: {e}"))?;
            let host = parsed.host_str().unwrap_or_default();
            let is_loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
            match parsed.scheme() {
                "https" => Ok(Place::Url(parsed)),
                "http" if is_loopback => Ok(Place::Url(parsed)),
                _ => Err(format!(
                    "`jwks_url` {url:?} must begin with https://; http:// is for 127.0.0.1, \
                     [::1] and localhost"
                )),
            }
        }
        (None, Some(file)) => Ok(Place::File(file.clone())),
        (None, None) => Err("it has no keys; give `jwks_url` or `jwks_file`".to_owned()),
        (Some(_), Some(_)) => Err("`jwks_url` and `jwks_file` are one too many".to_owned()),
    }
}

fn grant(kind: IssuerKind, section: &GrantSection) -> Result<Grant, String> {
    let conditions = conditions(kind, section)?;
    let read: Vec<Capture> = conditions.iter().filter_map(|c| c.pattern().capture()).collect();
    if read.len() > 1 {
        return Err("its conditions read more than one thing; one is the most".to_owned());
    }
    let read = read.first().copied();
    let role: Role = section.role.parse().map_err(|e| format!("`role` {:?} {e}", section.role))?;
    let organisation = said("organisation", &section.organisation, read)?;
    require_organisation(role, &organisation)?;
    let employer = employer(role, section, read)?;
    if section.leads_office && role != Role::Office {
        return Err("`leads_office` is for the role office alone".to_owned());
    }
    let clearances: Result<BTreeSet<Protection>, String> = section
        .clearances
        .iter()
        .map(|text| text.parse().map_err(|e| format!("`clearances` has {text:?}, which {e}")))
        .collect();
    let (leads_office, clearances) = (section.leads_office, clearances?);
    Ok(Grant { conditions, role, organisation, employer, leads_office, clearances })
}

/// A word of a rule, what it says, and the condition it makes.
type Word<'s> = (&'s str, &'s Option<String>, fn(Pattern) -> Condition);

/// What must hold of a token. Each kind of issuer has something that says what its bearer may;
/// who merely is somebody's client or has a token at all gets nothing.
fn conditions(kind: IssuerKind, section: &GrantSection) -> Result<Vec<Condition>, String> {
    let mut all = Vec::new();
    let pattern = |field: &str, text: &str| {
        plain(field, text)?;
        Pattern::parse(text).map_err(|problem| format!("`{field}`: {problem}"))
    };
    let words: [Word<'_>; 5] = [
        ("group", &section.group, Condition::Group),
        ("app_role", &section.app_role, Condition::AppRole),
        ("scope", &section.scope, Condition::Scope),
        ("client", &section.client, Condition::Client),
        ("consumer", &section.consumer, Condition::Consumer),
    ];
    for (field, text, condition) in words {
        let Some(text) = text else { continue };
        if !allowed(kind).contains(&field) {
            let allowed = allowed(kind).join(", ");
            return Err(format!("`{field}` says nothing with this kind; it has {allowed}"));
        }
        let pattern = pattern(field, text)?;
        if pattern.is_bare() && field != "consumer" {
            return Err(format!(
                "`{field}` {text:?} would fit anything of that form; let words stand around it"
            ));
        }
        all.push(condition(pattern));
    }
    match (&section.claim, &section.value) {
        (None, None) => {}
        (Some(name), Some(value)) if allowed(kind).contains(&"claim") => {
            require_may_authorise(name)?;
            all.push(Condition::Claim { name: name.clone(), pattern: pattern("value", value)? });
        }
        (Some(_), Some(_)) => return Err("`claim` says nothing with this kind".to_owned()),
        _ => return Err("`claim` and `value` go together".to_owned()),
    }
    require_ground(kind, section)?;
    if kind == IssuerKind::Maskinporten && section.consumer.is_none() {
        all.push(Condition::Consumer(Pattern::Around {
            before: String::new(),
            capture: Capture::Organisation,
            after: String::new(),
        }));
    }
    Ok(all)
}

/// The conditions that a kind of issuer has.
fn allowed(kind: IssuerKind) -> &'static [&'static str] {
    match kind {
        IssuerKind::Entra => &["group", "app_role", "scope", "claim", "client"],
        IssuerKind::TokenX => &["claim", "client"],
        IssuerKind::Maskinporten => &["scope", "client", "consumer"],
        IssuerKind::Jwt => &["group", "scope", "claim", "client"],
    }
}

/// Whether a rule names something that the issuer gives to few.
fn require_ground(kind: IssuerKind, section: &GrantSection) -> Result<(), String> {
    let (group, app_role, claim) =
        (section.group.is_some(), section.app_role.is_some(), section.claim.is_some());
    let (scope, client) = (section.scope.is_some(), section.client.is_some());
    match kind {
        IssuerKind::Entra if app_role && (group || scope || claim) => {
            Err("`app_role` is for applications and the rest for people; make two grants"
                .to_owned())
        }
        IssuerKind::Entra if !(group || app_role || claim) => {
            Err("it needs `group`, `app_role`, or `claim` and `value`".to_owned())
        }
        IssuerKind::TokenX if !(claim || client) => {
            Err("it needs `client`, or `claim` and `value`".to_owned())
        }
        IssuerKind::Maskinporten if !scope => Err("it needs `scope`".to_owned()),
        IssuerKind::Jwt if !(group || scope || claim) => {
            Err("it needs `group`, `scope`, or `claim` and `value`".to_owned())
        }
        IssuerKind::Entra | IssuerKind::TokenX | IssuerKind::Maskinporten | IssuerKind::Jwt => {
            Ok(())
        }
    }
}

fn require_may_authorise(claim: &str) -> Result<(), String> {
    plain("claim", claim)?;
    if NEVER_AUTHORISE.iter().any(|never| never.eq_ignore_ascii_case(claim)) {
        return Err(format!(
            "`claim` {claim:?} names or shows somebody and never authorises; use a group, an \
             application's role or a scope"
        ));
    }
    match HAVE_A_WORD.iter().find(|(name, _)| name.eq_ignore_ascii_case(claim)) {
        Some((_, word)) => Err(format!("`claim` {claim:?} has a word of its own: `{word}`")),
        None => Ok(()),
    }
}

/// A text of a rule, or what its condition reads.
fn said(field: &str, text: &str, read: Option<Capture>) -> Result<Said, String> {
    plain(field, text)?;
    let pattern = Pattern::parse(text).map_err(|problem| format!("`{field}`: {problem}"))?;
    match (pattern.capture(), read) {
        (None, _) => Ok(Said::Exactly(text.to_owned())),
        (Some(_), _) if !pattern.is_bare() => {
            Err(format!("`{field}` {text:?} must be what is read and nothing around it"))
        }
        (Some(capture), Some(read)) if capture == read => Ok(Said::Read(capture)),
        (Some(_), _) => Err(format!("`{field}` is {text}, which no condition of it reads")),
    }
}

/// An organisation that its role can have: else the grant would give nothing, silently.
fn require_organisation(role: Role, organisation: &Said) -> Result<(), String> {
    let (capture, form) = match role {
        Role::County => (Capture::Region, "an area, as NO-50"),
        Role::Office => (Capture::Office, "an office number, four digits"),
        Role::Municipality => (Capture::Municipality, "a municipality number, four digits"),
        Role::Provider => (Capture::Organisation, "an organisation number, nine digits"),
        Role::Directorate | Role::Service | Role::Auditor => return Ok(()),
    };
    let fits = match organisation {
        Said::Read(read) => *read == capture,
        Said::Exactly(text) => match capture {
            Capture::Region => text.parse::<AreaId>().is_ok(),
            Capture::Office => text.parse::<OfficeNumber>().is_ok(),
            Capture::Municipality => text.parse::<MunicipalityNumber>().is_ok(),
            Capture::Organisation => text.parse::<OrganisationNumber>().is_ok(),
        },
    };
    let word = capture.word();
    if fits { Ok(()) } else { Err(format!("`organisation` must be {form}, or {word}")) }
}

fn employer(
    role: Role,
    section: &GrantSection,
    read: Option<Capture>,
) -> Result<Option<EmployerRule>, String> {
    let municipality = section.municipality.as_deref();
    match (role, section.employer.as_deref(), municipality) {
        (Role::Office, Some("state"), None) => Ok(Some(EmployerRule::State)),
        (Role::Office, Some("municipal"), Some(number)) => {
            let number = said("municipality", number, read)?;
            match &number {
                Said::Exactly(text) if text.parse::<MunicipalityNumber>().is_err() => {
                    Err("`municipality` must be four digits, or <municipality>".to_owned())
                }
                Said::Read(read) if *read != Capture::Municipality => {
                    Err("`municipality` must be four digits, or <municipality>".to_owned())
                }
                Said::Exactly(_) | Said::Read(_) => Ok(Some(EmployerRule::Municipal(number))),
            }
        }
        (Role::Office, _, _) => Err("an office's worker has an employer: `employer` is \"state\" \
                                     alone, or \"municipal\" with a `municipality`"
            .to_owned()),
        (_, None, None) => Ok(None),
        (_, _, _) => Err("`employer` and `municipality` are for the role office alone".to_owned()),
    }
}
