//! The local key file, and everything that is done with its keys.
//!
//! One main key per version lies in a private file. From each, HMAC-SHA-256 derives one sub-key per
//! purpose, so that no key ever serves two. What is sealed carries its key version in front and is
//! bound to its purpose and owner, so that a ciphertext moved to another row does not open.
//!
//! To rotate: a version is added to the file, then `current` is set to it, then the old one is
//! retired; a running service reads the file again ([`Keys::reload`]). Of a retired version only
//! what the log needs is left: the log cannot be sealed anew.

mod data_key;
mod envelope;
mod key_file;
pub(crate) mod private_file;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::national_identity::NationalIdentityNumber;

pub use data_key::DataKey;
pub(crate) use envelope::random;
use envelope::{Secret, length_prefixed};
pub use key_file::{add_version, retire_versions, use_version};

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
    /// The file was exchanged for one that does not go on from it.
    #[error(
        "the key file {path} does not go on from the keys in use: key version {version} is gone \
         or another; the old keys are used on, restore the right file"
    )]
    Exchanged {
        /// The file.
        path: PathBuf,
        /// The version in question.
        version: i32,
    },
    /// A step of a rotation that is not to be taken now.
    #[error("{0}")]
    Step(String),
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

/// All versions of the service's keys, as its file has them. No `Debug` and no `Clone`; overwritten
/// in memory when dropped.
pub struct Keys {
    path: PathBuf,
    holder_id: Uuid,
    versions: RwLock<Arc<Versions>>,
}

/// What a key file holds.
struct Versions {
    current: VersionKeys,
    /// The others, newest first: older ones, and newer ones that are not used for writing yet.
    others: Vec<VersionKeys>,
    /// What is left of those before, newest first.
    retired: Vec<RetiredKeys>,
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

/// The sub-keys that the log needs of a version whose main key is gone: nobody is found or opened
/// by them.
struct RetiredKeys {
    version: i32,
    adviser_hmac: Secret,
    fingerprint: Secret,
}

/// Which versions somebody has, without any key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The one that is written under.
    pub current: i32,
    /// All of which the main key is there.
    pub versions: Vec<i32>,
    /// Those of which only what the log needs is left.
    pub retired: Vec<i32>,
}

impl Held {
    /// The version that was added and is not used yet.
    pub fn pending(&self) -> Option<i32> {
        self.versions.iter().copied().filter(|version| *version > self.current).max()
    }

    /// Why nobody should serve with these keys, by which versions are or were written under:
    /// people are sealed under one that is not there, or would be under one that is to be gone.
    pub fn unfit(&self, in_use: &[i32], retired: &[i32]) -> Option<String> {
        let lacking = in_use.iter().find(|version| !self.versions.contains(version));
        let gone = retired.iter().find(|version| **version == self.current);
        let lacking = lacking.map(|version| {
            format!("people are sealed under key version {version}, which is not in it")
        });
        lacking.or(gone.map(|version| format!("its current key version {version} is retired")))
    }

    /// The versions before the current one whose main key is still there.
    pub fn older(&self) -> Vec<i32> {
        self.versions.iter().copied().filter(|version| *version < self.current).collect()
    }
}

impl Keys {
    /// Reads the key file, which must be there: a mistyped path must not silently give a new key,
    /// with which nothing sealed before can be opened.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        Self::of(path, read(path)?)
    }

    /// Reads the key file, or makes one with a new key. Of several that make it at once one wins,
    /// and all get the winner's key.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let contents = match private_file::load(path, key_file::MAX_BYTES)? {
            Some(contents) => contents,
            None => private_file::create(path, &key_file::generate()?, key_file::MAX_BYTES)?,
        };
        Self::of(path, key_file::parse(path, &contents)?)
    }

    fn of(path: &Path, versions: Versions) -> Result<Self, KeyError> {
        let holder_id = uuid::Builder::from_random_bytes(random()?).into_uuid();
        let versions = RwLock::new(Arc::new(versions));
        Ok(Self { path: path.to_owned(), holder_id, versions })
    }

    /// Reads the file again; says whether it has changed. One that cannot be read, or that does
    /// not go on from these keys, changes nothing. Whoever is in the middle of something goes on
    /// with the keys from before.
    pub fn reload(&self) -> Result<bool, KeyError> {
        let read = read(&self.path)?;
        let now = self.now();
        for version in now.held().versions.into_iter().chain(now.held().retired) {
            if !read.goes_on_from(&now, version) {
                return Err(KeyError::Exchanged { path: self.path.clone(), version });
            }
        }
        let changed = read.held() != now.held();
        if changed {
            *self.versions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
        }
        Ok(changed)
    }

    /// Which versions there are.
    pub fn held(&self) -> Held {
        self.now().held()
    }

    /// Who has these keys in memory: a random name for as long as that is so.
    pub fn holder_id(&self) -> Uuid {
        self.holder_id
    }

    fn now(&self) -> Arc<Versions> {
        Arc::clone(&self.versions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keyed hash by which a person is stored under the current key, and its version.
    pub fn identity_hmac(&self, identity: &NationalIdentityNumber) -> (i32, [u8; 32]) {
        self.now().current.identity_hmac(identity)
    }

    /// The keyed hashes under all versions, the current first: a person stored before a rotation is
    /// found under an older one.
    pub fn identity_hmacs(&self, identity: &NationalIdentityNumber) -> Vec<(i32, [u8; 32])> {
        self.now().all().map(|keys| keys.identity_hmac(identity)).collect()
    }

    /// The number as ciphertext that opens only for this person.
    pub fn seal_identity(
        &self,
        identity: &NationalIdentityNumber,
        person_id: Uuid,
    ) -> Result<Vec<u8>, KeyError> {
        let keys = &self.now().current;
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
        let keys = &self.now().current;
        let wrapped =
            seal_versioned(keys, &keys.wrapping, "data-key", person_id.as_bytes(), secret.bytes())?;
        Ok((DataKey::new(secret), wrapped))
    }

    /// The same data key, wrapped under the current key: what it has sealed stays as it is.
    pub fn rewrap_data_key(&self, wrapped: &[u8], person_id: Uuid) -> Result<Vec<u8>, KeyError> {
        let owner = person_id.as_bytes();
        let bytes = self.open_versioned(|keys| &keys.wrapping, "data-key", owner, wrapped)?;
        let keys = &self.now().current;
        seal_versioned(keys, &keys.wrapping, "data-key", owner, &bytes)
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
        self.now().current.fingerprint.hmac_of_parts(parts)
    }

    /// Whether a stored fingerprint is that of these parts under any version, also a retired one,
    /// compared in constant time: a retry across a rotation is still the same request.
    pub fn fingerprint_matches(&self, parts: &[&[u8]], stored: &[u8]) -> bool {
        let versions = self.now();
        let retired = versions.retired.iter().map(|keys| &keys.fingerprint);
        let mut all = versions.all().map(|keys| &keys.fingerprint).chain(retired);
        all.any(|key| key.verifies_parts(parts, stored))
    }

    /// The keyed hash by which a case worker's people are found, in hexadecimal, under the current
    /// key. Idents are compared without regard to case and to spaces around them: systems write
    /// them as `Z990001` and as `z990001`.
    pub fn adviser_digest(&self, ident: &str) -> String {
        adviser_digest(&self.now().current.adviser_hmac, ident)
    }

    /// The same under all versions, the current first, and retired ones too: who was named before
    /// a rotation is found under an older one.
    pub fn adviser_digests(&self, ident: &str) -> Vec<String> {
        let versions = self.now();
        let retired = versions.retired.iter().map(|keys| &keys.adviser_hmac);
        let all = versions.all().map(|keys| &keys.adviser_hmac).chain(retired);
        all.map(|key| adviser_digest(key, ident)).collect()
    }

    /// A page token: the cursor, unreadable and bound to the other arguments of the request.
    pub fn seal_page_token(&self, bound_to: &[u8], cursor: &[u8]) -> Result<String, KeyError> {
        let keys = &self.now().current;
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
        let versions = self.now();
        let keys = versions
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
}

impl Versions {
    /// All versions whose main key is there, the current first.
    fn all(&self) -> impl Iterator<Item = &VersionKeys> {
        std::iter::once(&self.current).chain(&self.others)
    }

    fn held(&self) -> Held {
        let mut versions: Vec<i32> = self.all().map(|keys| keys.version).collect();
        versions.sort_unstable();
        let mut retired: Vec<i32> = self.retired.iter().map(|keys| keys.version).collect();
        retired.sort_unstable();
        Held { current: self.current.version, versions, retired }
    }

    /// Whether a version is here as it was there, or what is left of it.
    fn goes_on_from(&self, before: &Self, version: i32) -> bool {
        lasting(self, version) == lasting(before, version)
    }
}

/// The two sub-keys that stay for good.
fn lasting(versions: &Versions, version: i32) -> Option<[&[u8; 32]; 2]> {
    let there = versions.all().find(|keys| keys.version == version);
    let left = versions.retired.iter().find(|keys| keys.version == version);
    there
        .map(|keys| [keys.adviser_hmac.bytes(), keys.fingerprint.bytes()])
        .or(left.map(|keys| [keys.adviser_hmac.bytes(), keys.fingerprint.bytes()]))
}

fn read(path: &Path) -> Result<Versions, KeyError> {
    let contents = private_file::load(path, key_file::MAX_BYTES)?
        .ok_or_else(|| KeyError::Missing { path: path.to_owned() })?;
    key_file::parse(path, &contents)
}

fn adviser_digest(key: &Secret, ident: &str) -> String {
    hex::encode(key.hmac(ident.trim().to_uppercase().as_bytes()))
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

/// The version under which something was sealed, where it has one in front.
pub fn version_of(sealed: &[u8]) -> Option<i32> {
    sealed.split_first_chunk::<4>().map(|(version, _)| i32::from_be_bytes(*version))
}
