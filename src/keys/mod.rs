//! The local key file, and everything that is done with its keys.
//!
//! One main key per version lies in a private file. From each, HMAC-SHA-256 derives one sub-key per
//! purpose, so that no key ever serves two. What is sealed carries its key version in front and is
//! bound to its purpose and owner, so that a ciphertext moved to another row does not open.
//!
//! To rotate: add a version to the file on every replica, then set `current` to it and start anew.
//! Old versions stay as long as anything is sealed or found under them.

mod data_key;
mod envelope;
mod key_file;
pub(crate) mod private_file;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::national_identity::NationalIdentityNumber;

pub use data_key::DataKey;
pub(crate) use envelope::random;
use envelope::{Secret, length_prefixed};

/// The longest page token that is looked at; the service's own are far shorter.
const PAGE_TOKEN_MAX_CHARACTERS: usize = 4096;

/// Why something could not be done with the keys. Never contains a key, a plaintext or a number.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no file, and none may be made.
    #[error(
        "there is no key file {path}: give the path of the right one, or let one be created where \
         nothing is sealed yet"
    )]
    Missing {
        /// Where the file should be.
        path: PathBuf,
    },
    /// The operating system did not let the file be read.
    #[error("the key file {path} cannot be read: let this user own it, with mode 0600 ({source})")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The operating system did not let the file be made.
    #[error(
        "the key file {path} cannot be created: make its folder, writable for this user and on a \
         file system with hard links, or give another path ({source})"
    )]
    NotCreated {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Others than the owner can read or change the file.
    #[error(
        "the key file {path} is open to others (mode {mode:04o}): run `chmod 600` on it, and \
         replace the keys if someone else may have read them"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is there and private, but holds no keys.
    #[error("the key file {path} is not usable: {reason}; restore it from the backup")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, without anything of what the file says.
        reason: String,
    },
    /// The operating system gave no random bytes.
    #[error(
        "the operating system gives no random bytes: start the service where getrandom works ({0})"
    )]
    NoRandomness(getrandom::Error),
    /// Something was sealed under a version that the file does not have.
    #[error("key version {0} is not in the key file: restore the file that has it")]
    UnknownVersion(i32),
    /// The ciphertext is not what was sealed for this purpose and owner.
    #[error(
        "the ciphertext does not open: it was changed, belongs to another record, or was sealed \
         under another key"
    )]
    NotOpened,
    /// More was to be sealed than the cipher can take.
    #[error("too much to seal at once: split it")]
    TooLarge,
    /// The page token is not one of ours, or not for these arguments.
    #[error("the page token was not given for this request: begin again with the first page")]
    PageToken,
}

/// All versions of the service's keys. No `Debug` and no `Clone`; overwritten in memory when
/// dropped.
pub struct Keys {
    current: VersionKeys,
    /// The others, newest first: older ones, and newer ones that are not used for writing yet.
    others: Vec<VersionKeys>,
}

/// The sub-keys of one version, one for each purpose.
struct VersionKeys {
    version: i32,
    identity_hmac: Secret,
    identity_seal: Secret,
    wrapping: Secret,
    fingerprint: Secret,
    page_token: Secret,
    adviser_hmac: Secret,
}

impl Keys {
    /// Reads the key file, which must be there: a mistyped path must not silently give a new key,
    /// with which nothing sealed before can be opened.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let contents = private_file::load(path, key_file::MAX_BYTES)?
            .ok_or_else(|| KeyError::Missing { path: path.to_owned() })?;
        key_file::parse(path, &contents)
    }

    /// Reads the key file, or makes one with a new key. Of several that make it at once one wins,
    /// and all get the winner's key.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let contents = match private_file::load(path, key_file::MAX_BYTES)? {
            Some(contents) => contents,
            None => private_file::create(path, &key_file::generate()?, key_file::MAX_BYTES)?,
        };
        key_file::parse(path, &contents)
    }

    /// The keyed hash by which a person is stored under the current key, and its version.
    pub fn identity_hmac(&self, identity: &NationalIdentityNumber) -> (i32, [u8; 32]) {
        self.current.identity_hmac(identity)
    }

    /// The keyed hashes under all versions, the current first: a person stored before a rotation is
    /// found under an older one.
    pub fn identity_hmacs(&self, identity: &NationalIdentityNumber) -> Vec<(i32, [u8; 32])> {
        self.all().map(|keys| keys.identity_hmac(identity)).collect()
    }

    /// The number as ciphertext that opens only for this person.
    pub fn seal_identity(
        &self,
        identity: &NationalIdentityNumber,
        person_id: Uuid,
    ) -> Result<Vec<u8>, KeyError> {
        let keys = &self.current;
        seal_versioned(
            keys,
            &keys.identity_seal,
            "identity",
            person_id.as_bytes(),
            identity.expose().as_bytes(),
        )
    }

    /// The number back from its ciphertext.
    pub fn open_identity(
        &self,
        sealed: &[u8],
        person_id: Uuid,
    ) -> Result<NationalIdentityNumber, KeyError> {
        let digits = self.open_versioned(
            |keys| &keys.identity_seal,
            "identity",
            person_id.as_bytes(),
            sealed,
        )?;
        let text = std::str::from_utf8(&digits).map_err(|_| KeyError::NotOpened)?;
        NationalIdentityNumber::parse(text).map_err(|_| KeyError::NotOpened)
    }

    /// A new key for one person's data, and the same key wrapped for storage. Deleting all copies
    /// of the wrapped key erases what it sealed, also in the log that must stay.
    pub fn new_data_key(&self, person_id: Uuid) -> Result<(DataKey, Vec<u8>), KeyError> {
        let secret = Secret::new(random::<32>()?);
        let keys = &self.current;
        let wrapped =
            seal_versioned(keys, &keys.wrapping, "data-key", person_id.as_bytes(), secret.bytes())?;
        Ok((DataKey::new(secret), wrapped))
    }

    /// The person's data key back from its wrapped form.
    pub fn unwrap_data_key(&self, wrapped: &[u8], person_id: Uuid) -> Result<DataKey, KeyError> {
        let bytes =
            self.open_versioned(|keys| &keys.wrapping, "data-key", person_id.as_bytes(), wrapped)?;
        Ok(DataKey::new(Secret::from_slice(&bytes).ok_or(KeyError::NotOpened)?))
    }

    /// The keyed fingerprint of a request. Each part is hashed with its length, so that no two
    /// lists of parts look alike. A plain hash would not do: a body with an eleven-digit number
    /// is guessed in minutes.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.current.fingerprint.hmac_of_parts(parts)
    }

    /// Whether a stored fingerprint is that of these parts under any version, compared in constant
    /// time: a retry across a rotation is still the same request.
    pub fn fingerprint_matches(&self, parts: &[&[u8]], stored: &[u8]) -> bool {
        self.all().any(|keys| keys.fingerprint.verifies_parts(parts, stored))
    }

    /// The keyed hash by which a case worker's people are found, in hexadecimal, under the current
    /// key. Idents are compared without regard to case and to spaces around them: systems write
    /// them as `Z990001` and as `z990001`.
    pub fn adviser_digest(&self, ident: &str) -> String {
        self.current.adviser_digest(ident)
    }

    /// The same under all versions, the current first: who was named before a rotation is found
    /// under an older one.
    pub fn adviser_digests(&self, ident: &str) -> Vec<String> {
        self.all().map(|keys| keys.adviser_digest(ident)).collect()
    }

    /// A page token: the cursor, unreadable and bound to the other arguments of the request.
    pub fn seal_page_token(&self, bound_to: &[u8], cursor: &[u8]) -> Result<String, KeyError> {
        let keys = &self.current;
        seal_versioned(keys, &keys.page_token, "page-token", bound_to, cursor)
            .map(|sealed| URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The cursor of a page token, if it was given for these arguments.
    pub fn open_page_token(&self, bound_to: &[u8], token: &str) -> Result<Vec<u8>, KeyError> {
        if token.len() > PAGE_TOKEN_MAX_CHARACTERS {
            return Err(KeyError::PageToken);
        }
        let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| KeyError::PageToken)?;
        self.open_versioned(|keys| &keys.page_token, "page-token", bound_to, &sealed)
            .map(|cursor| cursor.to_vec())
            .map_err(|_| KeyError::PageToken)
    }

    /// All versions, the current first.
    fn all(&self) -> impl Iterator<Item = &VersionKeys> {
        std::iter::once(&self.current).chain(&self.others)
    }

    /// Opens what `seal_versioned` sealed, with the key of the version that stands in front of it.
    fn open_versioned(
        &self,
        secret: impl Fn(&VersionKeys) -> &Secret,
        purpose: &str,
        owner: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (version, rest) = sealed.split_first_chunk::<4>().ok_or(KeyError::NotOpened)?;
        let version = i32::from_be_bytes(*version);
        let keys = self
            .all()
            .find(|keys| keys.version == version)
            .ok_or(KeyError::UnknownVersion(version))?;
        envelope::open(secret(keys), &bound_data(purpose, version, owner), rest)
    }
}

impl VersionKeys {
    /// Derives the sub-keys of a version from its main key, which is not needed afterwards.
    fn derive(version: i32, main: &Secret) -> Self {
        let sub_key =
            |purpose: &str| Secret::new(main.hmac(format!("tiltaksplass/{purpose}/v1").as_bytes()));
        Self {
            version,
            identity_hmac: sub_key("identity-hmac"),
            identity_seal: sub_key("identity-seal"),
            wrapping: sub_key("wrapping"),
            fingerprint: sub_key("fingerprint"),
            page_token: sub_key("page-token"),
            adviser_hmac: sub_key("adviser-hmac"),
        }
    }

    fn identity_hmac(&self, identity: &NationalIdentityNumber) -> (i32, [u8; 32]) {
        (self.version, self.identity_hmac.hmac(identity.expose().as_bytes()))
    }

    fn adviser_digest(&self, ident: &str) -> String {
        hex::encode(self.adviser_hmac.hmac(ident.trim().to_uppercase().as_bytes()))
    }
}

/// Seals under one of a version's sub-keys, with the version in front so that rotation needs no
/// guessing.
fn seal_versioned(
    keys: &VersionKeys,
    secret: &Secret,
    purpose: &str,
    owner: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let bound = bound_data(purpose, keys.version, owner);
    envelope::seal(&keys.version.to_be_bytes(), secret, &bound, plaintext)
}

/// What a ciphertext is bound to: its purpose, key version and owner.
fn bound_data(purpose: &str, version: i32, owner: &[u8]) -> Vec<u8> {
    length_prefixed(&[b"tiltaksplass", purpose.as_bytes(), &version.to_be_bytes(), owner])
}
