//! Who says of whom it is not shown who they are: the population register and the register of
//! own staff, which lie elsewhere.
//!
//! They are asked anew for each call and nothing of an answer outlives the call, so a grade that
//! was changed acts at once. Whatever else than a whole answer comes, a look is refused: a source
//! that is down closes. Nothing that writes asks, so places are shared out meanwhile.

use std::{collections::BTreeSet, fmt, path::PathBuf, sync::Arc, time::Duration};

use futures::future::BoxFuture;

use crate::domain::{
    national_identity::NationalIdentityNumber,
    protection::{Grades, Look, Protection, look},
};

mod answer;
mod file;
mod remote;
mod section;

pub use section::PeopleSection;

use file::FileSource;
use remote::RemoteSource;

/// How many people one question names at most.
pub const PEOPLE_MAX: usize = 100;
/// How long an answer may take, whole.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Tells of people why they are protected. No implementation may say who it was asked about, in
/// an error or a log.
pub trait Source: Send + Sync {
    /// What there is to be said of these people, at most [`PEOPLE_MAX`], in the order asked for.
    fn people<'a>(
        &'a self,
        people: &'a [&'a NationalIdentityNumber],
    ) -> BoxFuture<'a, Result<Vec<Person>, SourceError>>;
}

/// What a source says of somebody. No `Debug`: it may have a name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Why they are protected.
    pub grades: Grades,
    /// Their surname, where the source tells it; for the review of accesses alone, and kept
    /// nowhere.
    pub surname: Option<String>,
}

/// Why nobody could say who is protected. Never has an identity number.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No answer came in time.
    #[error("there was no answer within {} s", ANSWER_WITHIN.as_secs())]
    TooSlow,
    /// It could not be reached, or the connection broke.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It answered that it does not answer.
    #[error("it answered with HTTP status {0}; only 200 is an answer")]
    Status(u16),
    /// What came is longer than any answer.
    #[error("it has more than {most_bytes} bytes")]
    TooLong {
        /// The most it may have.
        most_bytes: usize,
    },
    /// What came is no answer.
    #[error("what it says is malformed: {0}")]
    Malformed(&'static str),
    /// Somebody who was asked about is not in the answer.
    #[error("its answer lacks somebody")]
    Lacks,
    /// The file is not to be used.
    #[error("the file cannot be used: {0}")]
    File(String),
}

/// Why `[people]` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Two sources are named.
    #[error("[people] names both protection_url and protection_file; one of them must say it")]
    Two,
    /// A token without an address that it could be for.
    #[error("[people] names a protection_token_variable without a protection_url")]
    TokenAlone,
    /// The address is none that identity numbers may be sent to.
    #[error(
        "[people] protection_url must be https, or http to a loopback address such as \
         127.0.0.1, without a name, password, query or fragment"
    )]
    Url,
    /// The variable has no token. Its name is not told: somebody may have put the token there.
    #[error(
        "[people] protection_token_variable must be the name of an environment variable that \
         holds a token; there is none of this name, or what it holds is no token"
    )]
    NoToken,
    /// The client could not be made.
    #[error("[people] protection_url: no client could be made: {0}")]
    Client(reqwest::Error),
    /// The file is not usable as it is now.
    #[error("[people] protection_file {path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: SourceError,
    },
}

/// The one who is asked, as the whole service shares it.
#[derive(Clone)]
pub struct PeopleSource {
    source: Arc<dyn Source>,
    named: Arc<str>,
    is_somebody: bool,
}

impl PeopleSource {
    /// The one the settings name; without one nobody is protected.
    pub fn configured(settings: &PeopleSection) -> Result<Self, SettingsError> {
        let PeopleSection { protection_url, protection_token_variable, protection_file } = settings;
        match (protection_url, protection_file) {
            (Some(_), Some(_)) => Err(SettingsError::Two),
            (None, _) if protection_token_variable.is_some() => Err(SettingsError::TokenAlone),
            (Some(url), None) => {
                let remote = RemoteSource::new(url, protection_token_variable.as_deref())?;
                Ok(Self::of(remote, &format!("{url} is asked")))
            }
            (None, Some(path)) => {
                let file = FileSource::new(path.clone());
                // Later it may come and go; a start with a wrong name would close for ever.
                let unusable = |reason| SettingsError::File { path: path.clone(), reason };
                file.read().map_err(unusable)?;
                Ok(Self::of(file, &format!("{} says who", path.display())))
            }
            (None, None) => Ok(Self::none()),
        }
    }

    /// Nobody is protected.
    pub fn none() -> Self {
        let nobody = Self::of(
            Nobody,
            "nobody is known to be; [people] protection_url or protection_file names who says so",
        );
        Self { is_somebody: false, ..nobody }
    }

    /// A source of one's own.
    pub fn of(source: impl Source + 'static, named: &str) -> Self {
        Self { source: Arc::new(source), named: named.into(), is_somebody: true }
    }

    /// Whether who somebody is may be told to a caller with these clearances, as of now.
    pub async fn look(
        &self,
        person: &NationalIdentityNumber,
        clearances: &BTreeSet<Protection>,
    ) -> Look {
        let grades = self.grades(&[person]).await;
        look(grades.and_then(|grades| grades.into_iter().next()), clearances)
    }

    /// The grades of people in the order asked for, as of now; nothing where the source does
    /// not say it of each of them.
    pub async fn grades(&self, people: &[&NationalIdentityNumber]) -> Option<Vec<Grades>> {
        let told = self.ask(people).await?;
        Some(told.into_iter().map(|person| person.grades).collect())
    }

    /// The surnames of people in the order asked for, of whom they are told; of nobody where the
    /// source is down.
    pub async fn surnames(&self, people: &[&NationalIdentityNumber]) -> Vec<Option<String>> {
        let told = self.ask(people).await.unwrap_or_default();
        told.into_iter().map(|person| person.surname).collect()
    }

    /// Whether there is anybody who could tell a name.
    pub fn tells_names(&self) -> bool {
        self.is_somebody
    }

    async fn ask(&self, people: &[&NationalIdentityNumber]) -> Option<Vec<Person>> {
        let mut all = Vec::with_capacity(people.len());
        for some in people.chunks(PEOPLE_MAX) {
            let answer = tokio::time::timeout(ANSWER_WITHIN, self.source.people(some)).await;
            match answer.unwrap_or(Err(SourceError::TooSlow)) {
                Ok(told) if told.len() == some.len() => all.extend(told),
                Ok(_) => return down(&SourceError::Lacks),
                Err(error) => return down(&error),
            }
        }
        Some(all)
    }
}

/// The one place where it is logged that nobody could say it.
fn down<T>(error: &SourceError) -> Option<T> {
    tracing::warn!(%error, "nobody could say who is protected");
    None
}

impl fmt::Display for PeopleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named)
    }
}

/// Where nobody says it.
struct Nobody;

impl Source for Nobody {
    fn people<'a>(
        &'a self,
        people: &'a [&'a NationalIdentityNumber],
    ) -> BoxFuture<'a, Result<Vec<Person>, SourceError>> {
        Box::pin(std::future::ready(Ok(vec![Person::default(); people.len()])))
    }
}
