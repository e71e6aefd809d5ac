//! The hash chain of a ledger's log. Stored bytes are hashed, never re-encoded.

use sha2::{Digest, Sha256};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// What the first row of a log follows.
pub const GENESIS: Hash = [0; 32];

const DOMAIN_TAG: &[u8] = b"tiltaksplass.log.v1\0";

/// The digest of a payload's bytes.
pub fn payload_digest(payload: &[u8]) -> Hash {
    Sha256::digest(payload).into()
}

/// The hash of a row: SHA-256(tag ‖ prev ‖ length of header as 8 bytes, most
/// significant first ‖ header ‖ payload digest).
pub fn row_hash(prev: &Hash, header: &[u8], payload_digest: &Hash) -> Hash {
    Sha256::new()
        .chain_update(DOMAIN_TAG)
        .chain_update(prev)
        .chain_update((header.len() as u64).to_be_bytes())
        .chain_update(header)
        .chain_update(payload_digest)
        .finalize()
        .into()
}

const ACCESS_TAG: &[u8] = b"tiltaksplass.access.v1\0";

/// The hash of an access: SHA-256(tag ‖ prev ‖ each part behind its length as 8 bytes).
pub fn access_hash<'a>(prev: &Hash, parts: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let start = Sha256::new().chain_update(ACCESS_TAG).chain_update(prev);
    let whole = parts.into_iter().fold(start, |hasher, part| {
        hasher.chain_update((part.len() as u64).to_be_bytes()).chain_update(part)
    });
    whole.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let base = row_hash(&GENESIS, b"header", &payload_digest(b"payload"));
        assert_ne!(base, row_hash(&[1; 32], b"header", &payload_digest(b"payload")));
        assert_ne!(base, row_hash(&GENESIS, b"headeq", &payload_digest(b"payload")));
        assert_ne!(base, row_hash(&GENESIS, b"header", &payload_digest(b"payloae")));
    }

    #[test]
    fn parts_of_an_access_are_told_apart() {
        let hash = |parts: &[&[u8]]| access_hash(&GENESIS, parts.iter().copied());
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"ab"]), hash(&[b"ab", b""]));
        assert_ne!(hash(&[b"ab"]), access_hash(&[1; 32], [b"ab".as_slice()]));
    }

    /// Computed by another implementation (Python's hashlib), so that a change of the
    /// format cannot pass unseen.
    #[test]
    fn the_format_is_the_published_one() {
        let hash = row_hash(&GENESIS, b"{}", &payload_digest(b"[]"));
        assert_eq!(
            hex::encode(hash),
            "53a26f677130ab85d8a4e657024f3ebeebaf8fcec48f921d001f20c7d8c372a5"
        );
    }
}
