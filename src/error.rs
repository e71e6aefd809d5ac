//! Why a call failed: one enum, and one place that turns it into a status
//! (`grpc/status.rs`).

use crate::domain::{apportionment::ApportionmentError, ids::LedgerId, refusal::Refusal};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields are missing or malformed.
    #[error("{}", describe(.0))]
    InvalidFields(Vec<Violation>),
    /// A rule refused the command.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request id was used for another call, or by someone else.
    #[error("this request_id was used for another call; make a new one")]
    RequestIdReused,
    /// The request id was acknowledged so long ago that its answer is gone.
    #[error("this request_id was acknowledged more than 30 days ago and its answer is gone")]
    RequestIdExpired,
    /// The page token is not of this list or these arguments.
    #[error("the page_token is not one of this list with these arguments; begin without one")]
    PageTokenInvalid,
    /// The registry has no such distribution key.
    #[error("there is no distribution key {name}{}", .date.map(|d| format!(" of {d}")).unwrap_or_default())]
    DistributionKeyNotFound {
        /// Its name.
        name: String,
        /// Its date, if one was asked for.
        date: Option<time::Date>,
    },
    /// Seats cannot be shared so.
    #[error(transparent)]
    Apportionment(#[from] ApportionmentError),
    /// The ledger has not come so far within the wait.
    #[error("{ledger} is not yet at seq {wanted}; try again")]
    NotYetAtSeq {
        /// The ledger.
        ledger: LedgerId,
        /// Where it was to be.
        wanted: u64,
    },
    /// The database cannot be reached now.
    #[error("the database cannot be reached now; try again with the same request_id")]
    DatabaseUnavailable,
    /// The bytes are no message of this method.
    #[error("the message is malformed: it is not one of this method")]
    MessageMalformed,
    /// The message is too large.
    #[error("the message is larger than the {most_bytes} bytes this method takes")]
    MessageTooLarge {
        /// The most it may have.
        most_bytes: usize,
    },
    /// There is no such method.
    #[error("there is no such service or method here; reflection tells which there are")]
    UnknownMethod,
    /// Health or reflection was asked about a name nothing here has.
    #[error("there is no service or symbol of this name here")]
    UnknownName,
    /// This caller has made more calls than its share.
    #[error("you have made more calls than your share; wait a moment")]
    RateLimited {
        /// How long, until the next call is within the share.
        wait: std::time::Duration,
    },
    /// More work is queued than can be done in time.
    #[error("too much work is queued; try again in a moment")]
    Overloaded,
    /// The deadline passed.
    #[error("the deadline passed; retry a mutation with the same request_id")]
    DeadlineExceeded,
    /// Nobody could say whether a person is protected, so it is not told who they are.
    #[error("who is protected cannot be asked now, so who somebody is is not told; try again")]
    PersonSourceUnavailable,
    /// A fault of the service. What it was stands in the log, never in an answer.
    #[error("a fault of the service; its log tells more")]
    Internal(String),
}

/// Whether a call that failed may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing happened, for certain.
    None,
    /// Nobody knows: a mutation may have been stored. The same call with the same
    /// request id happens once, and finds out.
    Unknown,
}

impl Error {
    /// Whether a call that fails so may have changed something. `error_reason.proto`
    /// says the same of each reason.
    pub fn effect(&self) -> Effect {
        match self {
            Self::InvalidFields(_)
            | Self::Refused(_)
            | Self::RequestIdReused
            | Self::RequestIdExpired
            | Self::PageTokenInvalid
            | Self::DistributionKeyNotFound { .. }
            | Self::Apportionment(_)
            | Self::NotYetAtSeq { .. }
            | Self::MessageMalformed
            | Self::MessageTooLarge { .. }
            | Self::UnknownMethod
            | Self::UnknownName
            | Self::RateLimited { .. }
            | Self::PersonSourceUnavailable
            | Self::Overloaded => Effect::None,
            // What the database refused was rolled back; but a fault may also lie
            // between a commit and its answer.
            Self::Internal(_) => Effect::Unknown,
            Self::DatabaseUnavailable | Self::DeadlineExceeded => Effect::Unknown,
        }
    }
}

/// A field that is missing or malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path, as in the proto.
    pub field: String,
    /// What it must be.
    pub description: String,
}

fn describe(violations: &[Violation]) -> String {
    let each: Vec<String> =
        violations.iter().map(|v| format!("{} {}", v.field, v.description)).collect();
    each.join("; ")
}

impl From<sqlx::Error> for Error {
    /// What the database said goes to the log, never to a caller.
    fn from(error: sqlx::Error) -> Self {
        match crate::store::db::classify(&error) {
            crate::store::db::Class::Retry | crate::store::db::Class::TooSlow => {
                tracing::warn!(%error, "the database did not answer");
                Self::DatabaseUnavailable
            }
            crate::store::db::Class::Fault => Self::Internal(format!("database: {error}")),
        }
    }
}
