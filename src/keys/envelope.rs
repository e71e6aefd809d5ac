//! Secrets in memory, keyed hashes, and the one way in which anything is sealed.
//!
//! The cipher is AES-256-GCM-SIV: with it a nonce that is drawn twice (or a restored snapshot of
//! a machine) shows at most that two equal plaintexts are equal, where plain GCM would give its
//! key away.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::KeyError;

const NONCE_BYTES: usize = 12;
/// The block of SHA-256, to which HMAC pads a shorter key with zeros.
const HMAC_BLOCK_BYTES: usize = 64;

/// A 256-bit key. It lies on the heap, so that moving it leaves no copies, and is overwritten
/// when dropped.
pub(super) struct Secret(Box<[u8; 32]>);

impl Secret {
    pub(super) fn new(mut bytes: [u8; 32]) -> Self {
        let secret = Self(Box::new(bytes));
        bytes.zeroize();
        secret
    }

    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA-256 of a message.
    pub(super) fn hmac(&self, message: &[u8]) -> [u8; 32] {
        self.mac().chain_update(message).finalize().into_bytes().into()
    }

    /// HMAC-SHA-256 of a list of parts, each with its length in front.
    pub(super) fn hmac_of_parts(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.mac_of_parts(parts).finalize().into_bytes().into()
    }

    /// Whether a stored hash is that of these parts, compared in constant time.
    pub(super) fn verifies_parts(&self, parts: &[&[u8]], stored: &[u8]) -> bool {
        self.mac_of_parts(parts).verify_slice(stored).is_ok()
    }

    /// A keyed hash to feed. The key is padded here, because the constructor that takes any
    /// length can fail by its type and this one cannot.
    fn mac(&self) -> Hmac<Sha256> {
        let mut block = Zeroizing::new([0_u8; HMAC_BLOCK_BYTES]);
        block[..self.0.len()].copy_from_slice(self.0.as_slice());
        Hmac::new((&*block).into())
    }

    fn mac_of_parts(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        parts.iter().fold(self.mac(), |mac, part| mac.chain_update(length(part)).chain_update(part))
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Random bytes from the operating system: the only place from which keys and nonces come.
#[allow(clippy::disallowed_methods, reason = "this is the one door to randomness for secrets")]
pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(KeyError::NoRandomness)?;
    Ok(bytes)
}

/// The prefix, a random nonce and the ciphertext with its tag. The bound data is not contained,
/// but the ciphertext opens only with the same.
pub(super) fn seal(
    prefix: &[u8],
    secret: &Secret,
    bound: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let nonce = random::<NONCE_BYTES>()?;
    let ciphertext = cipher(secret)
        .encrypt(&Nonce::from(nonce), Payload { msg: plaintext, aad: bound })
        .map_err(|_| KeyError::TooLarge)?;
    Ok([prefix, &nonce, &ciphertext].concat())
}

/// The plaintext of what `seal` gave, without its prefix.
pub(super) fn open(
    secret: &Secret,
    bound: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (nonce, ciphertext) =
        sealed.split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::NotOpened)?;
    cipher(secret)
        .decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad: bound })
        .map(Zeroizing::new)
        .map_err(|_| KeyError::NotOpened)
}

/// The parts one after another, each with its length in front, so that no two lists give the same
/// bytes.
pub(super) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| [length(part).as_slice(), part].concat()).collect()
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}

fn cipher(secret: &Secret) -> Aes256GcmSiv {
    Aes256GcmSiv::new(secret.bytes().into())
}
