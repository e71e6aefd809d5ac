//! An issuer for development and tests, whose key lies in a folder: it signs whatever it is asked
//! to, so whoever can read the folder is anybody.

use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::token::TOKEN_MAX_BYTES;
use crate::keys::{KeyError, private_file};

/// What its tokens have as issuer.
pub const TEST_ISSUER: &str = "https://test-issuer.example/v2.0";
/// What they have as audience.
pub const TEST_AUDIENCE: &str = "tiltaksplass";

/// An RSA key of 2048 bits in PKCS#8 takes some 1,200 bytes.
const KEY_FILE_MAX_BYTES: usize = 8 * 1024;
const KEY_FILE: &str = "key.der";
const KEY_SET_FILE: &str = "jwks.json";
/// How much of the hash of the public key names it.
const KEY_ID_BYTES: usize = 8;

/// Why the issuer could not be made or sign.
#[derive(Debug, thiserror::Error)]
pub enum TestIssuerError {
    /// The key file could not be read or made.
    #[error(transparent)]
    File(#[from] KeyError),
    /// The folder or the file of public keys could not be made.
    #[error("{path} cannot be written: {source}")]
    NotWritten {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// There is no key.
    #[error("there is no key in {path}; `tiltaksplass test-issuer new` makes one")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The file holds something else than an RSA key.
    #[error(
        "the key file {path} is no RSA key in PKCS#8 (DER); remove the folder and make another"
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The cryptographic library refused.
    #[error("the cryptographic library made no key or signature")]
    Refused,
    /// The claims are not an object.
    #[error("the claims must be a JSON object, for example {{\"groups\": [\"9601-tiltak\"]}}")]
    NotAnObject,
    /// A longer token is taken by nobody.
    #[error("the token has {0} bytes; the most is {TOKEN_MAX_BYTES}")]
    TooLong(usize),
}

/// Signs with RS256, as Entra ID does. No `Debug` and no `Clone`.
pub struct TestIssuer {
    pair: RsaKeyPair,
    key_id: String,
}

impl TestIssuer {
    /// A key that is kept nowhere.
    pub fn generate() -> Result<Self, TestIssuerError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| TestIssuerError::Refused)?;
        Ok(Self::of(pair))
    }

    fn of(pair: RsaKeyPair) -> Self {
        let hash = Sha256::digest(pair.public_key().as_ref());
        Self { key_id: hex::encode(&hash[..KEY_ID_BYTES]), pair }
    }

    /// Makes a key in a folder, or takes the one that is there, and writes its public half beside
    /// it; answers the file of that.
    pub fn create(folder: &Path) -> Result<PathBuf, TestIssuerError> {
        let not_written = |path: &Path| {
            let path = path.to_owned();
            |source| TestIssuerError::NotWritten { path, source }
        };
        std::fs::create_dir_all(folder).map_err(not_written(folder))?;
        let path = folder.join(KEY_FILE);
        if private_file::load(&path, KEY_FILE_MAX_BYTES)?.is_none() {
            let made = Self::generate()?;
            let document = made.pair.as_der().map_err(|_| TestIssuerError::Refused)?;
            private_file::create(&path, document.as_ref(), KEY_FILE_MAX_BYTES)?;
        }
        let issuer = Self::open(folder)?;
        let path = folder.join(KEY_SET_FILE);
        std::fs::write(&path, format!("{:#}\n", issuer.key_set())).map_err(not_written(&path))?;
        Ok(path)
    }

    /// Reads the key of a folder.
    pub fn open(folder: &Path) -> Result<Self, TestIssuerError> {
        let path = folder.join(KEY_FILE);
        let Some(document) = private_file::load(&path, KEY_FILE_MAX_BYTES)? else {
            return Err(TestIssuerError::NoKey { path });
        };
        let pair = RsaKeyPair::from_pkcs8(&document)
            .map_err(|_| TestIssuerError::NotAKey { path: path.clone() })?;
        Ok(Self::of(pair))
    }

    /// Its public key, as issuers publish theirs.
    pub fn key_set(&self) -> Value {
        let public = self.pair.public_key();
        let number = |n: &[u8]| URL_SAFE_NO_PAD.encode(n);
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id,
            "n": number(public.modulus().big_endian_without_leading_zero()),
            "e": number(public.exponent().big_endian_without_leading_zero()),
        }]})
    }

    /// A token of Entra's form with these claims, from now on. What they do not say is filled in:
    /// issuer, audience, times, client, and what tells a person from an application.
    pub fn token(
        &self,
        claims: &Value,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<String, TestIssuerError> {
        let claims = claims.as_object().ok_or(TestIssuerError::NotAnObject)?;
        let issued = now.unix_timestamp();
        let mut all = Map::new();
        let who = claims.get("NAVident").or(claims.get("azp")).unwrap_or(&Value::Null).to_string();
        let mut filled = json!({
            "iss": TEST_ISSUER, "aud": TEST_AUDIENCE, "azp": "00000000-0000-0000-0000-000000000001",
            "iat": issued, "nbf": issued,
            "exp": issued.saturating_add(lifetime.whole_seconds()),
            "oid": Uuid::new_v5(&Uuid::NAMESPACE_URL, who.as_bytes()).to_string(),
        });
        if claims.get("idtyp").is_none_or(|idtyp| idtyp != "app") {
            filled["scp"] = "access".into();
        }
        all.extend(filled.as_object().cloned().unwrap_or_default());
        all.extend(claims.clone());
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": self.key_id});
        let token = self.sign(&header.to_string(), &Value::Object(all).to_string())?;
        if token.len() > TOKEN_MAX_BYTES {
            return Err(TestIssuerError::TooLong(token.len()));
        }
        Ok(token)
    }

    /// Signs whatever it is given.
    pub fn sign(&self, header: &str, claims: &str) -> Result<String, TestIssuerError> {
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_| TestIssuerError::Refused)?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
