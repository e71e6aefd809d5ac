//! What a token claims, and the rules by which the claims are believed. Pure: the signature is
//! checked elsewhere and the time is an argument.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::domain::access::{Actor, Caller, Employer, Role, Standing};
use crate::domain::national_identity::NationalIdentityNumber;
use crate::domain::protection::Protection;

/// The only audience whose tokens this service takes.
pub const AUDIENCE: &str = "tiltaksplass";
/// A longer token is refused before it is looked at.
pub const TOKEN_MAX_BYTES: usize = 8 * 1024;
/// The longest time between issue and expiry.
pub const TOKEN_MAX_LIFETIME: Duration = Duration::hours(24);
/// How far the clocks of issuer and service may lie apart.
pub const CLOCK_SKEW: Duration = Duration::seconds(60);
/// The longest subject, organisation or name.
pub const CLAIM_MAX_BYTES: usize = 200;

/// The refusal of a token. Its words are the same for every reason, because each difference would
/// tell a forger how far he came; the reason is for the service's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is missing, malformed, expired or not for this service")]
pub struct TokenRejected {
    reason: RejectionReason,
}

impl TokenRejected {
    /// What was wrong. For logs only.
    pub fn reason(self) -> RejectionReason {
        self.reason
    }
}

impl From<RejectionReason> for TokenRejected {
    fn from(reason: RejectionReason) -> Self {
        Self { reason }
    }
}

/// What was wrong with a token. Never contains anything of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RejectionReason {
    /// The request has no authorization header.
    #[error("no authorization header")]
    Missing,
    /// The request has several authorization headers.
    #[error("more than one authorization header")]
    Repeated,
    /// The header is not of the form `Bearer <token>`.
    #[error("the authorization header is not a bearer token")]
    NotBearer,
    /// The token is longer than `TOKEN_MAX_BYTES`.
    #[error("the token is too long")]
    TooLong,
    /// The token is not three parts of base64url with JSON in them.
    #[error("the token is not a signed JSON web token")]
    Malformed,
    /// The header names another algorithm, key or type than the issuer's, or something besides.
    #[error("the header of the token is not the issuer's")]
    Header,
    /// The signature does not fit.
    #[error("the signature of the token does not fit")]
    Signature,
    /// Someone else issued the token.
    #[error("the token is from another issuer")]
    Issuer,
    /// The token is for another service.
    #[error("the token is for another audience")]
    Audience,
    /// The token expires before it is issued or more than `TOKEN_MAX_LIFETIME` after.
    #[error("the token lives too long or ends before it begins")]
    Lifetime,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token is not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The token was issued later than now.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// The subject is empty, too long, or has control characters.
    #[error("the subject is not a plain text")]
    Subject,
    /// The organisation is empty, too long, or has control characters.
    #[error("the organisation is not a plain text")]
    Organisation,
    /// The name is empty, too long, or has control characters.
    #[error("the name is not a plain text")]
    Name,
    /// The role is none of the service's.
    #[error("the role is unknown")]
    Role,
    /// The employer is neither the state nor one municipality, or an office's worker has none.
    #[error("the employer is neither STATE nor MUNICIPAL with a municipality number")]
    Employer,
    /// A protection is none of the service's.
    #[error("the clearance is unknown")]
    Clearance,
    /// What should be the bearer's identity number is none.
    #[error("the identity number is none")]
    Identity,
    /// The issuer has published no key of that name for that algorithm.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// A claim that the issuer's tokens have is not there, or says what they never say.
    #[error("the claims are not those of a token of this kind of issuer")]
    Claims,
    /// The bearer has not shown surely enough who they are.
    #[error("the level of assurance is not high enough")]
    Assurance,
}

/// The claims of a token. Unknown claims are passed over, as the standard asks: a newer replica may
/// write some that this one does not know.
#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: String,
    pub(super) exp: i64,
    pub(super) nbf: i64,
    pub(super) iat: i64,
    pub(super) role: String,
    pub(super) org: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) employer: Option<EmployerClaim>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) municipality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) leads_office: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) clearances: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<String>,
}

/// Who employs a caseworker of a NAV office.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum EmployerClaim {
    State,
    Municipal,
}

impl Claims {
    /// The caller that the claims name, if they are believed at this time.
    pub(super) fn caller(self, issuer: &str, now: OffsetDateTime) -> Result<Caller, TokenRejected> {
        if self.iss != issuer {
            return Err(RejectionReason::Issuer.into());
        }
        if self.aud != AUDIENCE {
            return Err(RejectionReason::Audience.into());
        }
        self.check_times(now)?;
        if !is_plain_text(&self.sub) {
            return Err(RejectionReason::Subject.into());
        }
        if !is_plain_text(&self.org) {
            return Err(RejectionReason::Organisation.into());
        }
        if self.name.as_deref().is_some_and(|name| !is_plain_text(name)) {
            return Err(RejectionReason::Name.into());
        }
        let employer = employer(self.employer, self.municipality)?;
        let role: Role = self.role.parse().map_err(|_| RejectionReason::Role)?;
        if role == Role::Office && employer.is_none() {
            return Err(RejectionReason::Employer.into());
        }
        let clearances: Result<_, RejectionReason> = self
            .clearances
            .iter()
            .map(|text| text.parse::<Protection>().map_err(|_| RejectionReason::Clearance))
            .collect();
        let identity = self.pid.as_deref().map(NationalIdentityNumber::parse).transpose();
        let standing = Standing {
            name: self.name,
            leads_office: self.leads_office,
            clearances: clearances?,
            identity: identity.map_err(|_| RejectionReason::Identity)?,
            ..Standing::default()
        };
        let (issuer, subject, organisation) = (self.iss, self.sub, self.org);
        let actor = Actor { issuer, subject, role, organisation, employer };
        Ok(Caller { actor, standing: Arc::new(standing) })
    }

    /// Whether the token is in force. A token of long life is refused even where its key is
    /// right: it could not be called back.
    fn check_times(&self, now: OffsetDateTime) -> Result<(), RejectionReason> {
        let now = now.unix_timestamp();
        let skew = CLOCK_SKEW.whole_seconds();
        let begins = self.iat.min(self.nbf);
        if self.exp <= self.iat.max(self.nbf)
            || self.exp.saturating_sub(begins) > TOKEN_MAX_LIFETIME.whole_seconds()
        {
            return Err(RejectionReason::Lifetime);
        }
        if self.iat > now.saturating_add(skew) {
            return Err(RejectionReason::IssuedInFuture);
        }
        if self.nbf > now.saturating_add(skew) {
            return Err(RejectionReason::NotYetValid);
        }
        if self.exp <= now.saturating_sub(skew) {
            return Err(RejectionReason::Expired);
        }
        Ok(())
    }
}

fn employer(
    claim: Option<EmployerClaim>,
    municipality: Option<String>,
) -> Result<Option<Employer>, RejectionReason> {
    match (claim, municipality) {
        (None, None) => Ok(None),
        (Some(EmployerClaim::State), None) => Ok(Some(Employer::State)),
        (Some(EmployerClaim::Municipal), Some(municipality_number))
            if is_municipality_number(&municipality_number) =>
        {
            Ok(Some(Employer::Municipal { municipality_number }))
        }
        (None | Some(EmployerClaim::State), Some(_)) | (Some(EmployerClaim::Municipal), _) => {
            Err(RejectionReason::Employer)
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

fn is_municipality_number(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a claim can be stored and shown as it is: not empty, bounded, without control
/// characters and without the marks that turn the direction of writing.
pub(super) fn is_plain_text(text: &str) -> bool {
    !text.trim().is_empty()
        && text.len() <= CLAIM_MAX_BYTES
        && !text.chars().any(|c| c.is_control() || turns_direction(c))
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}
