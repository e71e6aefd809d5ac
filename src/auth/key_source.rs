//! Where an issuer's keys come from: fetched or read, kept, and asked for again when a token names
//! one that is not among them.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration as StdDuration;

use jsonwebtoken::Algorithm;
use reqwest::{Client, StatusCode, Url, redirect::Policy};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use super::jwks::{DOCUMENT_MAX_BYTES, Key, KeySet, KeySetError};

/// How often at most an issuer is asked because a token names an unknown key: whoever makes up
/// names of keys must not make us trouble the issuer.
pub const ASKED_AT_MOST_EVERY: Duration = Duration::seconds(30);
/// How old the keys of an address become before they are fetched anew. What has vanished there
/// counts no longer than this.
pub const FETCHED_EVERY: Duration = Duration::hours(1);
/// How long a fetch may take in all.
const FETCH_TIMEOUT: StdDuration = StdDuration::from_secs(5);

/// Where a key set lies.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Url(Url),
    File(PathBuf),
}

/// An issuer's keys and where they come from.
pub(super) struct KeySource {
    /// What the installation calls the issuer.
    issuer: String,
    place: Place,
    client: Client,
    algorithms: Vec<Algorithm>,
    kept: RwLock<Kept>,
    /// Held while somebody asks: all others wait for that one answer.
    asking: Mutex<()>,
}

#[derive(Default)]
struct Kept {
    keys: Arc<KeySet>,
    /// When the issuer was last asked, whatever it answered.
    asked_at: Option<OffsetDateTime>,
    /// When it last gave keys.
    given_at: Option<OffsetDateTime>,
    /// What was wrong the last time, so that it is said once and not each time.
    trouble: Option<String>,
}

/// Why keys could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeySourceError {
    #[error("the file {path} cannot be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Unreachable(String),
    #[error("it answered {0} where 200 was expected")]
    Status(u16),
    #[error(transparent)]
    Unusable(#[from] KeySetError),
}

impl KeySource {
    /// A source that has nothing yet. No other address is ever asked than that of the file: a
    /// redirect is an answer that is not expected.
    pub(super) fn new(
        issuer: &str,
        place: Place,
        algorithms: Vec<Algorithm>,
    ) -> Result<Self, KeySourceError> {
        let builder = Client::builder().redirect(Policy::none()).timeout(FETCH_TIMEOUT);
        let is_loopback = matches!(&place, Place::Url(url) if url.scheme() == "http");
        let builder = if is_loopback { builder.no_proxy() } else { builder };
        let unreachable = |error: reqwest::Error| KeySourceError::Unreachable(words(&error));
        Ok(Self {
            issuer: issuer.to_owned(),
            place,
            client: builder.build().map_err(unreachable)?,
            algorithms,
            kept: RwLock::default(),
            asking: Mutex::default(),
        })
    }

    /// Whether the keys come over the network.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self.place, Place::Url(_))
    }

    /// The key of a name for an algorithm, among those at hand.
    pub(super) fn find(&self, name: &str, algorithm: Algorithm) -> Option<Arc<Key>> {
        self.read().keys.find(name, algorithm)
    }

    /// Whether it is worth while to wait for `ask`: it may be asked now, or is being asked.
    pub(super) fn may_learn(&self, now: OffsetDateTime) -> bool {
        self.may_ask(now) || self.asking.try_lock().is_err()
    }

    /// Whether it is time to ask without a token's doing so.
    pub(super) fn is_due(&self, now: OffsetDateTime) -> bool {
        let is_old = self.read().given_at.is_none_or(|at| now < at || now - at >= FETCHED_EVERY);
        !self.is_remote() || (is_old && self.may_ask(now))
    }

    /// Asks, unless that was done a moment ago. A caller who goes away does not stop it: else
    /// whoever hangs up at the right time could keep everybody from a new key.
    pub(super) async fn ask(self: Arc<Self>, now: OffsetDateTime) {
        let asked = tokio::spawn(async move {
            let _alone = self.asking.lock().await;
            if self.may_ask(now) || !self.is_remote() {
                self.write().asked_at = Some(now);
                let read = self.load().await;
                self.keep(read, now);
            }
        });
        drop(asked.await);
    }

    fn may_ask(&self, now: OffsetDateTime) -> bool {
        self.read().asked_at.is_none_or(|at| now < at || now - at >= ASKED_AT_MOST_EVERY)
    }

    /// Takes the new keys. Where there are none, those at hand go on: an issuer that is down has
    /// not taken anybody's rights away.
    fn keep(&self, read: Result<KeySet, KeySourceError>, now: OffsetDateTime) {
        let issuer = &self.issuer;
        let mut kept = self.write();
        match read {
            Ok(keys) => {
                if kept.given_at.is_none() || kept.trouble.is_some() {
                    tracing::info!(issuer, keys = keys.len(), "the issuer's keys are here");
                }
                *kept = Kept {
                    keys: Arc::new(keys),
                    asked_at: Some(now),
                    given_at: Some(now),
                    trouble: None,
                };
            }
            Err(error) => {
                let trouble = error.to_string();
                if kept.trouble.as_ref() != Some(&trouble) {
                    let at_hand = kept.keys.len();
                    tracing::warn!(
                        issuer,
                        at_hand,
                        reason = trouble,
                        "the issuer gives no keys; its tokens are verified by those at hand"
                    );
                }
                kept.trouble = Some(trouble);
            }
        }
    }

    async fn load(&self) -> Result<KeySet, KeySourceError> {
        let document = match &self.place {
            Place::Url(url) => self.fetch(url).await?,
            Place::File(path) => {
                let unreadable = |source| KeySourceError::Unreadable { path: path.clone(), source };
                if tokio::fs::metadata(path).await.map_err(unreadable)?.len()
                    > DOCUMENT_MAX_BYTES as u64
                {
                    return Err(KeySetError::TooLong.into());
                }
                tokio::fs::read(path).await.map_err(unreadable)?
            }
        };
        Ok(KeySet::parse(&document, &self.algorithms)?)
    }

    /// Reads a file at once: a local file that is not there is a mistake in the settings, and
    /// not an issuer that is down.
    pub(super) fn load_file(&self, now: OffsetDateTime) -> Result<(), KeySourceError> {
        let Place::File(path) = &self.place else { return Ok(()) };
        let unreadable = |source| KeySourceError::Unreadable { path: path.clone(), source };
        if std::fs::metadata(path).map_err(unreadable)?.len() > DOCUMENT_MAX_BYTES as u64 {
            return Err(KeySetError::TooLong.into());
        }
        let document = std::fs::read(path).map_err(unreadable)?;
        let keys = KeySet::parse(&document, &self.algorithms)?;
        self.keep(Ok(keys), now);
        Ok(())
    }

    async fn fetch(&self, url: &Url) -> Result<Vec<u8>, KeySourceError> {
        let unreachable = |error: reqwest::Error| KeySourceError::Unreachable(words(&error));
        let mut answer = self.client.get(url.clone()).send().await.map_err(unreachable)?;
        if answer.status() != StatusCode::OK {
            return Err(KeySourceError::Status(answer.status().as_u16()));
        }
        let mut document = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(unreachable)? {
            if document.len() + piece.len() > DOCUMENT_MAX_BYTES {
                return Err(KeySetError::TooLong.into());
            }
            document.extend_from_slice(&piece);
        }
        Ok(document)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error of the network with its causes, which are what tells something.
fn words(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
