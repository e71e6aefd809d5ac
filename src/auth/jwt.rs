//! The form of a signed token, and what holds for those of every issuer but our own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header};
use time::OffsetDateTime;

use super::json::Claims;
use super::jwks::Key;
use super::token::{CLOCK_SKEW, RejectionReason, TOKEN_MAX_BYTES};

/// The types of token that are taken; none is one of them. Others, an ID token's or a proof's,
/// are signed with the same keys and are for something else.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// A token in its three parts. Nothing of it is believed yet.
pub(super) struct Unverified<'t> {
    /// What is signed: the first two parts as they stand.
    message: &'t str,
    signature: &'t str,
    header: Header,
    pub(super) claims: Claims,
}

impl<'t> Unverified<'t> {
    /// Takes a token apart.
    pub(super) fn parse(token: &'t str) -> Result<Self, RejectionReason> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(RejectionReason::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(RejectionReason::Malformed)?;
        let (_, claims) = message.split_once('.').ok_or(RejectionReason::Malformed)?;
        // A fourth part would stand in the second, where no dot is base64.
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| RejectionReason::Malformed)?;
        let header = jsonwebtoken::decode_header(token).map_err(|_| RejectionReason::Malformed)?;
        Ok(Self { message, signature, header, claims: Claims::parse(&claims)? })
    }

    /// The name of the key and the algorithm, if the header is one that an honest issuer writes.
    ///
    /// What a forger might put there to choose his own key (`jku`, `jwk`, `x5u`, `x5c`), or to
    /// have the token read in another way (`crit`, `zip`, `enc`, `b64`), is refused and never
    /// acted upon.
    pub(super) fn key_name(
        &self,
        algorithms: &[Algorithm],
    ) -> Result<(&str, Algorithm), RejectionReason> {
        let header = &self.header;
        let of_a_forger = header.crit.is_some()
            || header.jku.is_some()
            || header.jwk.is_some()
            || header.x5u.is_some()
            || header.x5c.is_some()
            || header.zip.is_some()
            || header.enc.is_some()
            || header.url.is_some()
            || header.extras.inner().contains_key("b64");
        let is_token = header
            .typ
            .as_deref()
            .is_none_or(|typ| TYPES.contains(&typ.to_ascii_lowercase().as_str()));
        match &header.kid {
            Some(name) if !of_a_forger && is_token && algorithms.contains(&header.alg) => {
                Ok((name, header.alg))
            }
            Some(_) | None => Err(RejectionReason::Header),
        }
    }

    /// Whether this key has signed it.
    pub(super) fn require_signature(&self, key: &Key) -> Result<(), RejectionReason> {
        let message = self.message.as_bytes();
        let verified =
            jsonwebtoken::crypto::verify(self.signature, message, key.public(), self.header.alg);
        match verified {
            Ok(true) => Ok(()),
            Ok(false) => Err(RejectionReason::Signature),
            Err(_) => Err(RejectionReason::Malformed),
        }
    }
}

/// Whether a token is for this audience; it may be for others besides.
pub(super) fn require_audience(claims: &Claims, audience: &str) -> Result<(), RejectionReason> {
    if claims.texts("aud").contains(&audience) { Ok(()) } else { Err(RejectionReason::Audience) }
}

/// Whether a token is in force at this time. It must say from when and until when.
pub(super) fn require_in_force(
    claims: &Claims,
    now: OffsetDateTime,
) -> Result<(), RejectionReason> {
    let issued = claims.number("iat")?.ok_or(RejectionReason::Malformed)?;
    let expires = claims.number("exp")?.ok_or(RejectionReason::Malformed)?;
    // Maskinporten writes no `nbf`.
    let begins = claims.number("nbf")?.unwrap_or(issued);
    let (now, skew) = (now.unix_timestamp(), CLOCK_SKEW.whole_seconds());
    if expires <= issued.max(begins) {
        return Err(RejectionReason::Lifetime);
    }
    if issued > now.saturating_add(skew) {
        return Err(RejectionReason::IssuedInFuture);
    }
    if begins > now.saturating_add(skew) {
        return Err(RejectionReason::NotYetValid);
    }
    if expires <= now.saturating_sub(skew) {
        return Err(RejectionReason::Expired);
    }
    Ok(())
}
