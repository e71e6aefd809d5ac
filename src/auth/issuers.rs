//! All whose tokens count: the service's own issuer, and those of the file of settings.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use http::HeaderMap;
use serde::Deserialize;
use time::OffsetDateTime;

use super::acting_as::{ACTING_AS, NotAdmitted, chosen};
use super::grant::{Granted, granted};
use super::jwt::{Unverified, require_audience, require_in_force};
use super::key_source::{KeySource, KeySourceError};
use super::kind::{Bearer, bearer};
use super::local_issuer::{LOCAL_ISSUER, LocalIssuer};
use super::rules::{Rules, SettingsError, check};
use super::settings::IssuerSection;
use super::token::{RejectionReason, TokenRejected};
use crate::domain::access::{Actor, Caller, Standing};

/// How often it is looked whether keys are due and whether a file has changed.
const LOOKED_AT_EVERY: StdDuration = StdDuration::from_secs(2);

/// Everybody whose tokens count.
pub struct Issuers {
    local: Option<Arc<LocalIssuer>>,
    others: Vec<Issuer>,
}

/// An issuer of the file.
struct Issuer {
    rules: Rules,
    keys: Arc<KeySource>,
}

/// Why no caller follows from a call's headers.
pub(super) enum Refused {
    /// The token counts for nothing.
    Token(TokenRejected),
    /// The token names a key that is not at hand, and may be by now at its issuer.
    UnknownKey(Arc<KeySource>),
    /// The token is genuine.
    Bearer(NotAdmitted),
}

impl<E: Into<TokenRejected>> From<E> for Refused {
    fn from(reason: E) -> Self {
        Self::Token(reason.into())
    }
}

impl Issuers {
    /// The service's own issuer alone.
    pub fn local(local: Arc<LocalIssuer>) -> Self {
        Self { local: Some(local), others: Vec::new() }
    }

    /// The issuers of the file beside the service's own, if that one counts. A key file must be
    /// there; an issuer that is down keeps nobody from starting.
    pub fn open(
        local: Option<Arc<LocalIssuer>>,
        sections: &[IssuerSection],
        now: OffsetDateTime,
    ) -> Result<Self, SettingsError> {
        // jsonwebtoken verifies with the provider that was chosen first; see `LocalIssuer`.
        let _earlier_choice = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let mut others = Vec::new();
        for rules in check(sections)? {
            let of_keys = |error: KeySourceError| SettingsError {
                place: format!("[[issuer]] {}", rules.name),
                problem: format!("its keys: {error}"),
            };
            let algorithms = rules.algorithms.clone();
            let keys =
                KeySource::new(&rules.name, rules.place.clone(), algorithms).map_err(of_keys)?;
            keys.load_file(now).map_err(of_keys)?;
            others.push(Issuer { rules, keys: Arc::new(keys) });
        }
        Ok(Self { local, others })
    }

    /// What the installation calls its other issuers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|issuer| issuer.rules.name.as_str())
    }

    /// Whether the service's own tokens count.
    pub fn takes_local_tokens(&self) -> bool {
        self.local.is_some()
    }

    /// Asks for keys when they are due, for ever: at once, and from then on without any token's
    /// asking. All issuers are asked at the same time, so that none that is slow delays another.
    pub async fn keep_keys(self: Arc<Self>, clock: super::Clock) {
        if self.others.is_empty() {
            return;
        }
        loop {
            let now = clock();
            let due = self.others.iter().filter(|issuer| issuer.keys.is_due(now));
            let asked = due.map(|issuer| Arc::clone(&issuer.keys).ask(now));
            futures::future::join_all(asked).await;
            tokio::time::sleep(LOOKED_AT_EVERY).await;
        }
    }

    /// Who calls, by a token and by what the headers say of as whom.
    pub(super) fn caller(
        &self,
        token: &str,
        headers: &HeaderMap,
        now: OffsetDateTime,
    ) -> Result<Caller, Refused> {
        let issuer = match self.others.as_slice() {
            [] => None,
            others => {
                let named = issuer_named(token)?;
                let other = others.iter().find(|issuer| issuer.rules.issuer == named);
                if other.is_none() && named != LOCAL_ISSUER {
                    return Err(RejectionReason::Issuer.into());
                }
                other
            }
        };
        match (issuer, &self.local) {
            (Some(issuer), _) => issuer.caller(token, headers, now),
            (None, Some(local)) => of_local(local.verify(token, now)?, headers),
            (None, None) => Err(RejectionReason::Issuer.into()),
        }
    }
}

/// Whose token this says it is. It only chooses by whose key all of it is then verified.
fn issuer_named(token: &str) -> Result<String, RejectionReason> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    if token.len() > super::TOKEN_MAX_BYTES {
        return Err(RejectionReason::TooLong);
    }
    jsonwebtoken::dangerous::insecure_decode_claims::<Named>(token)
        .map(|named| named.iss)
        .map_err(|_| RejectionReason::Malformed)
}

/// The service's own token names one role; a header that names another is refused all the same.
fn of_local(caller: Caller, headers: &HeaderMap) -> Result<Caller, Refused> {
    if !headers.contains_key(ACTING_AS) {
        return Ok(caller);
    }
    let actor = &caller.actor;
    let only = Granted {
        role: actor.role,
        organisation: actor.organisation.clone(),
        employer: actor.employer.clone(),
        leads_office: caller.standing.leads_office,
        clearances: caller.standing.clearances.clone(),
    };
    chosen(vec![only], headers).map_err(Refused::Bearer)?;
    Ok(caller)
}

impl Issuer {
    fn caller(
        &self,
        token: &str,
        headers: &HeaderMap,
        now: OffsetDateTime,
    ) -> Result<Caller, Refused> {
        let rules = &self.rules;
        let token = Unverified::parse(token)?;
        let (name, algorithm) = token.key_name(&rules.algorithms)?;
        let Some(key) = self.keys.find(name, algorithm) else {
            if self.keys.may_learn(now) {
                return Err(Refused::UnknownKey(Arc::clone(&self.keys)));
            }
            return Err(RejectionReason::UnknownKey.into());
        };
        token.require_signature(&key)?;
        let claims = &token.claims;
        if claims.required("iss")? != rules.issuer {
            return Err(RejectionReason::Issuer.into());
        }
        require_audience(claims, &rules.audience)?;
        require_in_force(claims, now)?;
        let bearer = bearer(rules.kind, claims)?;
        let all = granted(&rules.grants, &bearer.facts).map_err(|_| {
            tracing::warn!(issuer = rules.name, "grants of the settings give one two employers");
            Refused::Bearer(NotAdmitted::NoRight)
        })?;
        let one = chosen(all, headers).map_err(Refused::Bearer)?;
        Ok(caller_of(bearer, one, &rules.issuer))
    }
}

/// Somebody as whom they have chosen to call.
fn caller_of(bearer: Bearer<'_>, granted: Granted, issuer: &str) -> Caller {
    let actor = Actor {
        issuer: issuer.to_owned(),
        subject: bearer.subject.to_owned(),
        role: granted.role,
        organisation: granted.organisation,
        employer: granted.employer,
    };
    let standing = Standing {
        name: bearer.name.map(str::to_owned),
        leads_office: granted.leads_office,
        clearances: granted.clearances,
        identity: bearer.identity,
        client: bearer.client,
        on_behalf_of: bearer.on_behalf_of,
        is_system: bearer.is_system,
    };
    Caller { actor, standing: Arc::new(standing) }
}
