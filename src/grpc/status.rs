//! From an error to a status: the only place that makes one. Every error of ours has
//! a row here, without a wildcard.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    domain::refusal::Refusal,
    error::{Error, Violation},
    proto::v1::ErrorReason,
};

/// Who says so, in `ErrorInfo`.
const DOMAIN: &str = "tiltaksplass";
/// When to try again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The most violations one status names, and the most characters of one row's problem:
/// a status travels in headers, of which clients take 8 to 16 KB.
const VIOLATIONS_MAX: usize = 20;
const PROBLEM_MAX: usize = 120;

/// The status of an error.
pub(super) fn status(error: &Error) -> Status {
    let (code, reason) = code_and_reason(error);
    let mut details = ErrorDetails::new();
    let name = reason.as_str_name().trim_start_matches("ERROR_REASON_");
    details.set_error_info(name, DOMAIN, metadata(error));
    match error {
        Error::InvalidFields(violations) => {
            for Violation { field, description } in violations.iter().take(VIOLATIONS_MAX) {
                details.add_bad_request_violation(field, description);
            }
        }
        Error::Refused(Refusal::RegistryRowsInvalid(rows)) => {
            for row in rows.iter().take(VIOLATIONS_MAX) {
                let problem: String = row.problem.chars().take(PROBLEM_MAX).collect();
                details.add_bad_request_violation(format!("rows[{}]", row.index), problem);
            }
        }
        Error::Refused(refusal) if code == Code::FailedPrecondition => {
            details.add_precondition_failure_violation(name, "", refusal.to_string());
        }
        Error::NotYetAtSeq { .. } | Error::DatabaseUnavailable | Error::Overloaded => {
            details.set_retry_info(Some(RETRY_AFTER));
        }
        Error::RateLimited { wait } => {
            details.set_retry_info(Some(*wait));
        }
        Error::Refused(_)
        | Error::RequestIdReused
        | Error::RequestIdExpired
        | Error::PageTokenInvalid
        | Error::DistributionKeyNotFound { .. }
        | Error::Apportionment(_)
        | Error::MessageMalformed
        | Error::MessageTooLarge { .. }
        | Error::UnknownMethod
        | Error::UnknownName
        | Error::DeadlineExceeded
        | Error::Internal(_) => {}
    }
    Status::with_error_details(code, message(error), details)
}

/// What a caller is told: a refusal's own words, and no more than its first violations.
fn message(error: &Error) -> String {
    let Error::InvalidFields(violations) = error else { return error.to_string() };
    let first: Vec<String> = violations
        .iter()
        .take(VIOLATIONS_MAX)
        .map(|v| format!("{} {}", v.field, v.description))
        .collect();
    first.join("; ")
}

/// The status of a call without a valid token: the same for every reason.
pub fn unauthenticated() -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info("UNAUTHENTICATED", DOMAIN, HashMap::new());
    let message = "the token is missing, malformed, expired or not for this service";
    Status::with_error_details(Code::Unauthenticated, message, details)
}

/// The table.
fn code_and_reason(error: &Error) -> (Code, ErrorReason) {
    match error {
        Error::InvalidFields(_) => (Code::InvalidArgument, ErrorReason::InvalidFields),
        Error::Refused(refusal) => refusal_code_and_reason(refusal),
        Error::RequestIdReused => (Code::InvalidArgument, ErrorReason::RequestIdReused),
        Error::RequestIdExpired => (Code::FailedPrecondition, ErrorReason::RequestIdExpired),
        Error::PageTokenInvalid => (Code::InvalidArgument, ErrorReason::PageTokenInvalid),
        Error::DistributionKeyNotFound { .. } => {
            (Code::NotFound, ErrorReason::DistributionKeyNotFound)
        }
        Error::Apportionment(_) => (Code::FailedPrecondition, ErrorReason::ApportionmentImpossible),
        Error::NotYetAtSeq { .. } => (Code::Unavailable, ErrorReason::NotYetAtSeq),
        Error::DatabaseUnavailable => (Code::Unavailable, ErrorReason::DatabaseUnavailable),
        Error::MessageMalformed => (Code::InvalidArgument, ErrorReason::MessageMalformed),
        Error::MessageTooLarge { .. } => (Code::InvalidArgument, ErrorReason::MessageTooLarge),
        Error::UnknownMethod => (Code::Unimplemented, ErrorReason::UnknownMethod),
        Error::UnknownName => (Code::NotFound, ErrorReason::NotFound),
        Error::RateLimited { .. } => (Code::ResourceExhausted, ErrorReason::RateLimited),
        Error::Overloaded => (Code::ResourceExhausted, ErrorReason::Overloaded),
        Error::DeadlineExceeded => (Code::DeadlineExceeded, ErrorReason::DeadlineExceeded),
        Error::Internal(_) => (Code::Internal, ErrorReason::Internal),
    }
}

fn refusal_code_and_reason(refusal: &Refusal) -> (Code, ErrorReason) {
    match refusal {
        Refusal::LedgerNotFound(_) => (Code::NotFound, ErrorReason::LedgerNotFound),
        Refusal::NotFound { .. } => (Code::NotFound, ErrorReason::NotFound),
        Refusal::PermissionDenied => (Code::PermissionDenied, ErrorReason::PermissionDenied),
        Refusal::RegistryMismatch { .. } => {
            (Code::FailedPrecondition, ErrorReason::RegistryMismatch)
        }
        Refusal::RegistryRowsInvalid(_) => {
            (Code::FailedPrecondition, ErrorReason::RegistryRowsInvalid)
        }
        Refusal::PersonAlreadyWaiting => (Code::AlreadyExists, ErrorReason::PersonAlreadyWaiting),
        Refusal::ExternalReferenceTaken { .. } => {
            (Code::AlreadyExists, ErrorReason::ExternalReferenceTaken)
        }
        Refusal::WrongState { .. } => (Code::FailedPrecondition, ErrorReason::WrongState),
        Refusal::FourEyes => (Code::FailedPrecondition, ErrorReason::FourEyes),
        Refusal::MeasureTypeRule(_) => (Code::FailedPrecondition, ErrorReason::MeasureTypeRule),
        Refusal::QuotasExceedBudget { .. } => {
            (Code::FailedPrecondition, ErrorReason::QuotasExceedBudget)
        }
        Refusal::DateOutOfRange { .. } => (Code::FailedPrecondition, ErrorReason::DateOutOfRange),
        Refusal::LimitReached { .. } => (Code::FailedPrecondition, ErrorReason::LimitReached),
    }
}

/// What a program may want of a reason, by name.
fn metadata(error: &Error) -> HashMap<String, String> {
    let pairs: Vec<(&str, String)> = match error {
        Error::Refused(Refusal::NotFound { what, id }) => {
            vec![("what", (*what).to_owned()), ("id", id.clone())]
        }
        Error::Refused(Refusal::RegistryMismatch { field, value, .. }) => {
            vec![("field", (*field).to_owned()), ("value", value.clone())]
        }
        Error::Refused(Refusal::WrongState { state, transition, .. }) => {
            vec![("state", (*state).to_owned()), ("move", (*transition).to_owned())]
        }
        Error::Refused(Refusal::QuotasExceedBudget { sum, budget, date }) => vec![
            ("sum_places", sum.to_string()),
            ("budget_places", budget.to_string()),
            ("date", date.to_string()),
        ],
        Error::Refused(Refusal::DateOutOfRange { field, value, .. }) => {
            vec![("field", (*field).to_owned()), ("value", value.clone())]
        }
        Error::Refused(Refusal::LimitReached { would_be, most, .. }) => {
            vec![("would_be", would_be.to_string()), ("most", most.to_string())]
        }
        Error::Refused(Refusal::RegistryRowsInvalid(rows)) => {
            vec![("bad_rows", rows.len().to_string())]
        }
        Error::NotYetAtSeq { wanted, .. } => vec![("wanted_seq", wanted.to_string())],
        Error::MessageTooLarge { most_bytes } => vec![("most_bytes", most_bytes.to_string())],
        Error::Refused(_)
        | Error::InvalidFields(_)
        | Error::RequestIdReused
        | Error::RequestIdExpired
        | Error::PageTokenInvalid
        | Error::DistributionKeyNotFound { .. }
        | Error::Apportionment(_)
        | Error::MessageMalformed
        | Error::UnknownMethod
        | Error::UnknownName
        | Error::DatabaseUnavailable
        | Error::RateLimited { .. }
        | Error::Overloaded
        | Error::DeadlineExceeded
        | Error::Internal(_) => Vec::new(),
    };
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
