//! Tokens that the service signs itself, for installations without an identity provider and for
//! tests.

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::token::{
    AUDIENCE, Claims, EmployerClaim, RejectionReason, TOKEN_MAX_BYTES, TokenRejected,
};
use crate::domain::access::{Caller, Employer, Role};
use crate::domain::protection::Protection;
use crate::keys::{KeyError, private_file, random};

/// The issuer that local tokens name.
pub const LOCAL_ISSUER: &str = "tiltaksplass-local";

/// An Ed25519 key in PKCS#8 takes 48 to 85 bytes; what is much longer is something else.
const KEY_FILE_MAX_BYTES: usize = 1024;
/// How much of the hash of the public key names it.
const KEY_ID_BYTES: usize = 8;

/// Why the issuer could not start or sign. Never contains a key or a token.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The key file could not be read or made.
    #[error(transparent)]
    File(#[from] KeyError),
    /// The file holds something else than an Ed25519 key.
    #[error(
        "the signing key file {path} is no Ed25519 key in PKCS#8 (DER): restore it, or move it \
         away to get a new key, with which tokens already given out are refused"
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The key could not be made.
    #[error("no signing key could be made: the cryptographic library refused")]
    NotMade,
    /// A token was asked for that this service would refuse itself.
    #[error("no token is given for this: {0}")]
    Unusable(RejectionReason),
    /// The claims could not be signed.
    #[error("the token could not be signed: check that the signing key is whole")]
    NotSigned,
}

/// What a token shall say.
#[derive(Clone)]
pub struct TokenRequest {
    /// Who is to act: a user or system of the organisation.
    pub subject: String,
    /// What they may do.
    pub role: Role,
    /// The office, county, municipality or provider for which they act.
    pub organisation: String,
    /// Who employs them, where both the state and a municipality do in one office.
    pub employer: Option<Employer>,
    /// A name to show; no right follows from it.
    pub name: Option<String>,
    /// Whether they lead their office.
    pub leads_office: bool,
    /// Of which protected people they may see who they are.
    pub clearances: Vec<Protection>,
    /// Their own identity number.
    pub identity_number: Option<String>,
    /// How long the token is valid, at most 24 hours.
    pub lifetime: Duration,
}

impl TokenRequest {
    /// A plain token: of a role, for an organisation; an office's worker is the state's.
    pub fn new(subject: &str, role: Role, organisation: &str, lifetime: Duration) -> Self {
        Self {
            subject: subject.to_owned(),
            role,
            organisation: organisation.to_owned(),
            employer: (role == Role::Office).then_some(Employer::State),
            name: None,
            leads_office: false,
            clearances: Vec::new(),
            identity_number: None,
            lifetime,
        }
    }
}

/// Signs tokens with a local Ed25519 key and verifies them. No `Debug` and no `Clone`.
pub struct LocalIssuer {
    signing: EncodingKey,
    verifying: DecodingKey,
    /// The header of every token of this issuer, field by field.
    header: Header,
    validation: Validation,
}

impl LocalIssuer {
    /// Reads the signing key, or makes one. Of several that make it at once one wins, and all get
    /// its key.
    pub fn load_or_create(path: &Path) -> Result<Self, IssuerError> {
        // Only the first choice of a provider counts in a process, and jsonwebtoken makes it at
        // the first token at the latest, with a panic where it finds two. Made here, it cannot
        // depend on who comes first; a choice that was made before stands, and the error is not
        // one.
        let _earlier_choice = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let document = match private_file::load(path, KEY_FILE_MAX_BYTES)? {
            Some(document) => document,
            None => private_file::create(path, &generate()?, KEY_FILE_MAX_BYTES)?,
        };
        let pair = Ed25519KeyPair::from_pkcs8(&document)
            .map_err(|_| IssuerError::NotAKey { path: path.to_owned() })?;
        let public_key = pair.public_key().as_ref();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(hex::encode(&Sha256::digest(public_key)[..KEY_ID_BYTES]));
        Ok(Self {
            signing: EncodingKey::from_ed_der(&document),
            verifying: DecodingKey::from_ed_der(public_key),
            header,
            validation: signature_alone(),
        })
    }

    /// Signs a token that is valid from now on. What this service would refuse is not signed.
    pub fn mint(&self, request: &TokenRequest, now: OffsetDateTime) -> Result<String, IssuerError> {
        claims(request, now)
            .caller(LOCAL_ISSUER, now)
            .map_err(|rejected| IssuerError::Unusable(rejected.reason()))?;
        jsonwebtoken::encode(&self.header, &claims(request, now), &self.signing)
            .map_err(|_| IssuerError::NotSigned)
    }

    /// The caller that a token names, if this issuer signed it and it is in force.
    ///
    /// The header must be the issuer's own and have nothing besides: so no algorithm, key name,
    /// address of a key or critical extension of a forger's choosing is ever acted upon.
    pub fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Caller, TokenRejected> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(RejectionReason::TooLong.into());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| RejectionReason::Malformed)?;
        if header != self.header {
            return Err(RejectionReason::Header.into());
        }
        let verified = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation)
            .map_err(|error| rejection(error.kind()))?;
        verified.claims.caller(LOCAL_ISSUER, now)
    }
}

/// The claims of a requested token.
fn claims(request: &TokenRequest, now: OffsetDateTime) -> Claims {
    let (employer, municipality) = match &request.employer {
        None => (None, None),
        Some(Employer::State) => (Some(EmployerClaim::State), None),
        Some(Employer::Municipal { municipality_number }) => {
            (Some(EmployerClaim::Municipal), Some(municipality_number.clone()))
        }
    };
    let issued = now.unix_timestamp();
    Claims {
        iss: LOCAL_ISSUER.to_owned(),
        sub: request.subject.clone(),
        aud: AUDIENCE.to_owned(),
        exp: issued.saturating_add(request.lifetime.whole_seconds()),
        nbf: issued,
        iat: issued,
        role: request.role.as_str().to_owned(),
        org: request.organisation.clone(),
        employer,
        municipality,
        name: request.name.clone(),
        leads_office: request.leads_office,
        clearances: request.clearances.iter().map(|kind| kind.as_str().to_owned()).collect(),
        pid: request.identity_number.clone(),
    }
}

/// A validation of algorithm and signature. jsonwebtoken would check times against the system's
/// clock, not the service's, so times are checked in `Claims::actor`, and issuer and audience
/// beside them.
fn signature_alone() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// The reason for which jsonwebtoken refused. Its errors may grow with any version, and what is
/// not the signature is the form.
fn rejection(error: &jsonwebtoken::errors::ErrorKind) -> RejectionReason {
    if matches!(error, jsonwebtoken::errors::ErrorKind::InvalidSignature) {
        RejectionReason::Signature
    } else {
        RejectionReason::Malformed
    }
}

/// A new key in the form that OpenSSL writes too (PKCS#8 version 1, DER).
fn generate() -> Result<Zeroizing<Vec<u8>>, IssuerError> {
    let seed = Zeroizing::new(random::<32>()?);
    let pair =
        Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| IssuerError::NotMade)?;
    let document = pair.to_pkcs8v1().map_err(|_| IssuerError::NotMade)?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}
