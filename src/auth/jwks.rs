//! An issuer's public keys, as it publishes them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// More keys than this are no issuer's.
pub(super) const KEYS_MAX: usize = 100;
/// A longer document is not read to its end.
pub(super) const DOCUMENT_MAX_BYTES: usize = 256 * 1024;
/// RSA keys outside these are refused: shorter ones can be broken, longer ones only cost time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The longest name of a key.
const KEY_NAME_MAX_BYTES: usize = 200;

/// The keys by which an issuer's tokens are verified.
#[derive(Default)]
pub(super) struct KeySet(Vec<Arc<Key>>);

/// A public key and what it may be used for.
pub(super) struct Key {
    name: String,
    algorithms: Vec<Algorithm>,
    public: DecodingKey,
}

impl Key {
    pub(super) fn public(&self) -> &DecodingKey {
        &self.public
    }
}

/// Why a document is not a key set. Never contains anything of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("it has more than {DOCUMENT_MAX_BYTES} bytes")]
    TooLong,
    #[error("it is no JSON web key set")]
    Malformed,
    #[error("it has {0} keys; the most is {KEYS_MAX}")]
    TooMany(usize),
    #[error("two keys for the same algorithm have one name")]
    TwoOfOneName,
    #[error(
        "none of its {0} keys fits: each needs a `kid`, a pinned algorithm, and 2048 bits if RSA"
    )]
    NoneFits(usize),
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// A key as the standard has it (RFC 7517, 7518, 8037). What it says besides is passed over.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a document. Keys for anything else than these algorithms are passed over, as real
    /// issuers publish them too.
    pub(super) fn parse(document: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        if document.len() > DOCUMENT_MAX_BYTES {
            return Err(KeySetError::TooLong);
        }
        let document: Document =
            serde_json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        let count = document.keys.len();
        if count > KEYS_MAX {
            return Err(KeySetError::TooMany(count));
        }
        let mut keys: Vec<Arc<Key>> = Vec::new();
        for key in document.keys.into_iter().filter_map(|value| read(value, algorithms)) {
            let is_same = |other: &Arc<Key>| {
                other.name == key.name
                    && other.algorithms.iter().any(|a| key.algorithms.contains(a))
            };
            if keys.iter().any(is_same) {
                return Err(KeySetError::TwoOfOneName);
            }
            keys.push(Arc::new(key));
        }
        if keys.is_empty() { Err(KeySetError::NoneFits(count)) } else { Ok(Self(keys)) }
    }

    /// The key of this very name, for this algorithm. The name is compared and nothing else is
    /// done with it.
    pub(super) fn find(&self, name: &str, algorithm: Algorithm) -> Option<Arc<Key>> {
        let fits = |key: &&Arc<Key>| key.name == name && key.algorithms.contains(&algorithm);
        self.0.iter().find(fits).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn read(value: Value, algorithms: &[Algorithm]) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let is_for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
        && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !is_for_signatures {
        return None;
    }
    let name = jwk.kid.clone().filter(|name| name.len() <= KEY_NAME_MAX_BYTES)?;
    let (public, possible) = public_key(&jwk)?;
    let named: Option<Algorithm> = match &jwk.alg {
        None => None,
        Some(text) => Some(text.parse().ok()?),
    };
    let fits = |a: &Algorithm| possible.contains(a) && named.is_none_or(|named| named == *a);
    let algorithms: Vec<_> = algorithms.iter().copied().filter(fits).collect();
    (!algorithms.is_empty()).then_some(Key { name, algorithms, public })
}

/// The key itself, and what a key of its type and curve can verify. Secret keys (`oct`) are never
/// one: with those whoever verifies can sign.
fn public_key(jwk: &Jwk) -> Option<(DecodingKey, &'static [Algorithm])> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let (x, y) = (jwk.x.as_deref(), jwk.y.as_deref());
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", None) => {
            let modulus = URL_SAFE_NO_PAD.decode(jwk.n.as_deref()?).ok()?;
            let exponent = URL_SAFE_NO_PAD.decode(jwk.e.as_deref()?).ok()?;
            let modulus: Vec<u8> = modulus.into_iter().skip_while(|byte| *byte == 0).collect();
            let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
            if !RSA_BITS.contains(&bits) {
                return None;
            }
            let public = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
            Some((public, &[RS256, RS384, RS512, PS256, PS384, PS512]))
        }
        ("EC", Some("P-256")) => Some((DecodingKey::from_ec_components(x?, y?).ok()?, &[ES256])),
        ("EC", Some("P-384")) => Some((DecodingKey::from_ec_components(x?, y?).ok()?, &[ES384])),
        ("OKP", Some("Ed25519")) => Some((DecodingKey::from_ed_components(x?).ok()?, &[EdDSA])),
        _ => None,
    }
}
