//! The key of one person's data: reasons, need group, free text.

use zeroize::Zeroizing;

use super::KeyError;
use super::envelope::{self, Secret, length_prefixed};

/// One person's data key. No `Debug` and no `Clone`; overwritten in memory when dropped.
pub struct DataKey(Secret);

impl DataKey {
    pub(super) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Seals one value. The context says which value it is (as `entry/<id>/reason`), and the
    /// ciphertext opens only under the same: nobody can move it from one field to another.
    pub fn seal(&self, context: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
        envelope::seal(&[], &self.0, &bound_data(context), plaintext)
    }

    /// The value back, overwritten in memory when it is dropped.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        envelope::open(&self.0, &bound_data(context), sealed)
    }
}

fn bound_data(context: &str) -> Vec<u8> {
    length_prefixed(&[b"tiltaksplass", b"data", context.as_bytes()])
}
