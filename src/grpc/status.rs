//! From an error to a status: the only place that makes one. Every error of ours has
//! a row here, without a wildcard.

use std::{collections::HashMap, time::Duration};

use time::Date;
use tonic::{Code, Status};
use tonic_types::{
    BadRequest, ErrorDetail, ErrorInfo, LocalizedMessage, PreconditionFailure, ResourceInfo,
    RetryInfo, StatusExt,
};

use crate::{
    domain::{account::WHOLE_PLACE, ids::LedgerId, refusal::Refusal},
    error::{Effect, Error},
    grpc::localized::{self, Words},
    proto::v1::ErrorReason,
};

/// Who says so, in `ErrorInfo`.
const DOMAIN: &str = "tiltaksplass";
/// When to try again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The most violations one status names, and the most bytes of all their texts and of
/// the message. A status travels in headers, of which some clients take 8 KB in all:
/// there each byte of a detail takes four thirds of one, and of a message up to three.
const VIOLATIONS_MAX: usize = 20;
const VIOLATIONS_BYTES_MAX: usize = 2_400;
const MESSAGE_BYTES_MAX: usize = 500;
/// The most bytes of what is said of one field, or of all fields of a row of an import.
const DESCRIPTION_BYTES_MAX: usize = 400;
/// The most bytes of another text in a detail.
const TEXT_BYTES_MAX: usize = 200;

/// The status of an error.
pub(super) fn status(error: &Error) -> Status {
    let (code, reason) = code_and_reason(error);
    let name = reason.as_str_name().trim_start_matches("ERROR_REASON_");
    let mut details: Vec<ErrorDetail> = vec![ErrorInfo::new(name, DOMAIN, metadata(error)).into()];
    details.extend(detail(error, code, name));
    details.extend(localized(localized::of(error)));
    Status::with_error_details_vec(code, message(error), details)
}

/// The status of a call without a valid token: the same for every reason.
pub fn unauthenticated() -> Status {
    let metadata = HashMap::from([effect(Effect::None)]);
    let mut details: Vec<ErrorDetail> =
        vec![ErrorInfo::new("UNAUTHENTICATED", DOMAIN, metadata).into()];
    details.extend(localized(localized::unauthenticated()));
    let message = "the token is missing, malformed, expired or not for this service";
    Status::with_error_details_vec(Code::Unauthenticated, message, details)
}

/// What a person is told, once a language.
fn localized(words: Words) -> [ErrorDetail; 2] {
    [("nb", words.nb), ("en", words.en)]
        .map(|(locale, text)| LocalizedMessage::new(locale, cut(&text, TEXT_BYTES_MAX)).into())
}

/// What a caller is told: a refusal's own words, and no more than its first violations.
fn message(error: &Error) -> String {
    let text = error.to_string();
    if text.len() <= MESSAGE_BYTES_MAX {
        return text;
    }
    format!("{}…", cut(&text, MESSAGE_BYTES_MAX))
}

/// The beginning of a text, so many bytes at most.
fn cut(text: &str, most_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(most_bytes)]
}

/// The one detail an error has beside its name and its words: which fields are wrong, what
/// is not there or there already, when to try again, or what the state does not allow.
fn detail(error: &Error, code: Code, name: &str) -> Option<ErrorDetail> {
    match error {
        Error::InvalidFields(violations) => {
            let named = violations.iter().map(|v| (v.field.as_str(), v.description.as_str()));
            Some(bad_request(named))
        }
        Error::Refused(Refusal::RegistryRowsInvalid(rows) | Refusal::ExistingRowsInvalid(rows)) => {
            let fields: Vec<String> = rows.iter().map(|r| format!("rows[{}]", r.index)).collect();
            let named = fields.iter().zip(rows).map(|(f, r)| (f.as_str(), r.problem.as_str()));
            Some(bad_request(named))
        }
        Error::Refused(Refusal::ReasonRequired(why)) => {
            Some(bad_request([("reason", *why), ("reason_text", *why)]))
        }
        Error::Refused(Refusal::FieldRequired { field, why }) => {
            Some(bad_request([(*field, *why)]))
        }
        Error::RequestIdReused => Some(bad_request([("request_id", "was used for another call")])),
        Error::PageTokenInvalid => Some(bad_request([("page_token", "is not of this list")])),
        Error::Refused(refusal) => {
            named_resource(refusal).map(|(kind, name)| resource(error, kind, &name))
        }
        Error::DistributionKeyNotFound { name, date } => {
            let date = date.map(|date| format!("/{date}")).unwrap_or_default();
            Some(resource(error, "distribution key", &format!("{name}{date}")))
        }
        Error::NotYetAtSeq { .. }
        | Error::DatabaseUnavailable
        | Error::PersonSourceUnavailable
        | Error::Overloaded => Some(RetryInfo::new(Some(RETRY_AFTER)).into()),
        Error::RateLimited { wait } => Some(RetryInfo::new(Some(*wait)).into()),
        Error::RequestIdExpired
        | Error::Apportionment(_)
        | Error::MessageMalformed
        | Error::MessageTooLarge { .. }
        | Error::UnknownMethod
        | Error::UnknownName
        | Error::DeadlineExceeded
        | Error::Internal(_) => None,
    }
    .or_else(|| {
        let text = error.to_string();
        let failure = PreconditionFailure::with_violation(name, "", cut(&text, TEXT_BYTES_MAX));
        (code == Code::FailedPrecondition).then(|| failure.into())
    })
}

/// The first of the fields that are wrong.
fn bad_request<'a>(violations: impl IntoIterator<Item = (&'a str, &'a str)>) -> ErrorDetail {
    let mut named = BadRequest::new(Vec::new());
    let mut bytes = 0;
    for (field, description) in violations.into_iter().take(VIOLATIONS_MAX) {
        let field = cut(field, TEXT_BYTES_MAX);
        let description = cut(description, DESCRIPTION_BYTES_MAX);
        bytes += field.len() + description.len();
        if bytes > VIOLATIONS_BYTES_MAX {
            break;
        }
        named.add_violation(field, description);
    }
    named.into()
}

/// What is not there, or there already. Of a person nothing is said, not even which entry it
/// is that stands in the way.
fn named_resource(refusal: &Refusal) -> Option<(&str, String)> {
    match refusal {
        Refusal::LedgerNotFound(id) => Some(("ledger", id.to_string())),
        Refusal::NotFound { what, id } => Some((*what, id.clone())),
        Refusal::PersonAlreadyWaiting => Some(("entry", String::new())),
        Refusal::IdentityNumberTaken => Some(("person", String::new())),
        Refusal::ExternalReferenceTaken { system, id } => {
            Some(("external reference", format!("{system}/{id}")))
        }
        Refusal::OneOf { refusal, .. } => named_resource(refusal),
        Refusal::PermissionDenied
        | Refusal::RegistryMismatch { .. }
        | Refusal::RegistryRowsInvalid(_)
        | Refusal::ExistingRowsInvalid(_)
        | Refusal::ReconciliationDiffers { .. }
        | Refusal::WrongState { .. }
        | Refusal::CommentsOpen { .. }
        | Refusal::Moved { .. }
        | Refusal::NotCombinable { .. }
        | Refusal::FourEyes
        | Refusal::MeasureTypeRule(_)
        | Refusal::Superseded { .. }
        | Refusal::QuotasExceedBudget { .. }
        | Refusal::DateOutOfRange { .. }
        | Refusal::NotLater { .. }
        | Refusal::NoRoom { .. }
        | Refusal::NoRoomForMore { .. }
        | Refusal::NotFirst
        | Refusal::ClosuresOverlap { .. }
        | Refusal::ReasonRequired(_)
        | Refusal::FieldRequired { .. }
        | Refusal::CorrectionTooLate { .. }
        | Refusal::QuotaAboveCommitted { .. }
        | Refusal::TooFewToMove { .. }
        | Refusal::OwnCase
        | Refusal::LimitReached { .. } => None,
    }
}

fn resource(error: &Error, kind: &str, name: &str) -> ErrorDetail {
    let (name, text) = (cut(name, TEXT_BYTES_MAX), error.to_string());
    ResourceInfo::new(kind, name, "", cut(&text, TEXT_BYTES_MAX)).into()
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
        Error::PersonSourceUnavailable => (Code::Unavailable, ErrorReason::PersonSourceUnavailable),
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
        Refusal::ExistingRowsInvalid(_) => {
            (Code::FailedPrecondition, ErrorReason::ExistingRowsInvalid)
        }
        Refusal::ReconciliationDiffers { .. } => {
            (Code::FailedPrecondition, ErrorReason::ReconciliationDiffers)
        }
        Refusal::PersonAlreadyWaiting => (Code::AlreadyExists, ErrorReason::PersonAlreadyWaiting),
        Refusal::ExternalReferenceTaken { .. } => {
            (Code::AlreadyExists, ErrorReason::ExternalReferenceTaken)
        }
        Refusal::WrongState { .. } | Refusal::CommentsOpen { .. } => {
            (Code::FailedPrecondition, ErrorReason::WrongState)
        }
        Refusal::Moved { .. } => (Code::FailedPrecondition, ErrorReason::Moved),
        Refusal::NotCombinable { .. } => (Code::FailedPrecondition, ErrorReason::NotCombinable),
        Refusal::FourEyes => (Code::FailedPrecondition, ErrorReason::FourEyes),
        Refusal::MeasureTypeRule(_) | Refusal::Superseded { .. } => {
            (Code::FailedPrecondition, ErrorReason::MeasureTypeRule)
        }
        Refusal::QuotasExceedBudget { .. } => {
            (Code::FailedPrecondition, ErrorReason::QuotasExceedBudget)
        }
        Refusal::DateOutOfRange { .. }
        | Refusal::NotLater { .. }
        | Refusal::ClosuresOverlap { .. } => {
            (Code::FailedPrecondition, ErrorReason::DateOutOfRange)
        }
        Refusal::NoRoom { .. } | Refusal::NoRoomForMore { .. } | Refusal::TooFewToMove { .. } => {
            (Code::FailedPrecondition, ErrorReason::NoRoom)
        }
        Refusal::QuotaAboveCommitted { .. } => {
            (Code::FailedPrecondition, ErrorReason::QuotaAboveCommitted)
        }
        Refusal::NotFirst => (Code::FailedPrecondition, ErrorReason::NotFirst),
        Refusal::ReasonRequired(_) | Refusal::FieldRequired { .. } => {
            (Code::InvalidArgument, ErrorReason::InvalidFields)
        }
        Refusal::CorrectionTooLate { .. } => {
            (Code::FailedPrecondition, ErrorReason::CorrectionTooLate)
        }
        Refusal::IdentityNumberTaken => (Code::AlreadyExists, ErrorReason::IdentityNumberTaken),
        Refusal::LimitReached { .. } => (Code::FailedPrecondition, ErrorReason::LimitReached),
        Refusal::OwnCase => (Code::PermissionDenied, ErrorReason::OwnCase),
        Refusal::OneOf { refusal, .. } => refusal_code_and_reason(refusal),
    }
}

/// What a program may want of a reason, by name. `violations` counts also those that a
/// status has no room for.
fn metadata(error: &Error) -> HashMap<String, String> {
    let pairs: Vec<(&str, String)> = match error {
        Error::Refused(refusal) => metadata_of_refusal(refusal),
        Error::InvalidFields(violations) => vec![("violations", violations.len().to_string())],
        Error::NotYetAtSeq { wanted, .. } => vec![("wanted_seq", wanted.to_string())],
        Error::MessageTooLarge { most_bytes } => vec![("most_bytes", most_bytes.to_string())],
        Error::RequestIdReused
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
        | Error::PersonSourceUnavailable
        | Error::Internal(_) => Vec::new(),
    };
    let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value));
    pairs.chain([effect(error.effect())]).collect()
}

/// Of quotas that are too many or too few, with both numbers and the day.
fn metadata_of_quotas(refusal: &Refusal) -> Vec<(&'static str, String)> {
    if let Refusal::QuotasExceedBudget { sum, budget, date } = refusal {
        vec![
            ("sum_places", sum.to_string()),
            ("budget_places", budget.to_string()),
            ("date", date.to_string()),
        ]
    } else if let Refusal::QuotaAboveCommitted { municipality, places, committed, date } = refusal {
        vec![
            ("municipality_number", municipality.to_string()),
            ("places", places.to_string()),
            ("committed_places", committed.to_string()),
            ("date", date.to_string()),
        ]
    } else if let Refusal::TooFewToMove { municipality, left, asked, date } = refusal {
        let percent = |places: u32| (i64::from(places) * WHOLE_PLACE).to_string();
        vec![
            ("municipality_number", municipality.to_string()),
            ("free_percent", percent(*left)),
            ("needed_percent", percent(*asked)),
            ("date", date.to_string()),
        ]
    } else {
        Vec::new()
    }
}

/// Of a plan that municipalities may still comment on.
fn of_draft(silent: usize, from: Date) -> Vec<(&'static str, String)> {
    vec![
        ("state", "DRAFT".to_owned()),
        ("move", "APPROVE".to_owned()),
        ("silent", silent.to_string()),
        ("from_date", from.to_string()),
    ]
}

fn metadata_of_refusal(refusal: &Refusal) -> Vec<(&'static str, String)> {
    match refusal {
        Refusal::NotFound { what, id } => {
            vec![("what", (*what).to_owned()), ("id", id.clone())]
        }
        Refusal::RegistryMismatch { field, value, .. } => {
            vec![("field", (*field).to_owned()), ("value", value.clone())]
        }
        Refusal::WrongState { state, transition, .. } => {
            vec![("state", (*state).to_owned()), ("move", (*transition).to_owned())]
        }
        Refusal::CommentsOpen { silent, from } => of_draft(*silent, *from),
        Refusal::Moved { to } => of_ledger(to),
        Refusal::Superseded { by, from, .. } => {
            vec![("superseded_by", by.to_string()), ("from_date", from.to_string())]
        }
        Refusal::NotCombinable { with } => vec![("measure_code", with.to_string())],
        Refusal::QuotasExceedBudget { .. }
        | Refusal::QuotaAboveCommitted { .. }
        | Refusal::TooFewToMove { .. } => metadata_of_quotas(refusal),
        Refusal::DateOutOfRange { field, value, .. } => {
            vec![("field", (*field).to_owned()), ("value", value.clone())]
        }
        Refusal::NotLater { field, value, than } => vec![
            ("field", (*field).to_owned()),
            ("value", value.to_string()),
            ("than", than.to_string()),
        ],
        Refusal::NoRoom { what, free_percent, needed_percent }
        | Refusal::NoRoomForMore { what, free_percent, needed_percent } => vec![
            ("what", (*what).to_owned()),
            ("free_percent", free_percent.to_string()),
            ("needed_percent", needed_percent.to_string()),
        ],
        Refusal::ClosuresOverlap { asked, other } => vec![
            ("field", "from_date".to_owned()),
            ("value", asked.from.to_string()),
            ("closed", other.to_string()),
        ],
        Refusal::CorrectionTooLate { until } => {
            until.map(|day| ("until_date", day.to_string())).into_iter().collect()
        }
        Refusal::LimitReached { what, would_be, most } => vec![
            ("what", what.as_str().to_owned()),
            ("would_be", would_be.to_string()),
            ("most", most.to_string()),
        ],
        Refusal::ReconciliationDiffers { lines, .. } => {
            vec![("differing_lines", lines.to_string())]
        }
        Refusal::RegistryRowsInvalid(rows) | Refusal::ExistingRowsInvalid(rows) => {
            vec![("bad_rows", rows.len().to_string())]
        }
        Refusal::OneOf { list, index, refusal } => {
            let mut pairs = metadata_of_refusal(refusal);
            pairs.push(("item", format!("{list}[{index}]")));
            pairs
        }
        Refusal::LedgerNotFound(_)
        | Refusal::PermissionDenied
        | Refusal::PersonAlreadyWaiting
        | Refusal::ExternalReferenceTaken { .. }
        | Refusal::FourEyes
        | Refusal::NotFirst
        | Refusal::IdentityNumberTaken
        | Refusal::OwnCase
        | Refusal::MeasureTypeRule(_) => Vec::new(),
        // As of any request that lacks fields: so many.
        Refusal::ReasonRequired(_) => vec![("violations", "2".to_owned())],
        Refusal::FieldRequired { .. } => vec![("violations", "1".to_owned())],
    }
}

fn of_ledger(id: &LedgerId) -> Vec<(&'static str, String)> {
    vec![("county_id", id.county_id.to_string()), ("measure_code", id.measure_code.to_string())]
}

/// Whether the call may have changed something, for programs.
fn effect(effect: Effect) -> (String, String) {
    let word = match effect {
        Effect::None => "none",
        Effect::Unknown => "unknown",
    };
    ("effect".to_owned(), word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::refusal::BadRow, error::Violation};

    /// The least that clients take in headers, for all of them together.
    const HEADERS_BYTES: usize = 8 * 1024;
    /// What HTTP/2 counts for each header beside its name and value.
    const HEADER_OVERHEAD: usize = 32;

    fn header_bytes(error: &Error) -> usize {
        let headers = status(error).into_http::<()>();
        let bytes = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            name.as_str().len() + value.len() + HEADER_OVERHEAD
        };
        headers.headers().iter().map(bytes).sum()
    }

    #[test]
    fn the_largest_status_fits_into_a_clients_headers() {
        // Letters that take three bytes each in the message and as many in the details.
        let long = "ø€".repeat(1_000);
        let violation = |description: &str| Violation {
            field: format!("external_references[{}].system", description.len()),
            description: description.to_owned(),
        };
        let row = |problem: &str| BadRow { index: 19_999, problem: problem.to_owned() };
        let taken = Refusal::ExternalReferenceTaken { system: long.clone(), id: long.clone() };
        let name = long.clone();
        let errors = [
            Error::InvalidFields(vec![violation(&long); 400]),
            Error::InvalidFields(vec![violation("is required"); 400]),
            Error::Refused(Refusal::RegistryRowsInvalid(vec![row(&long); 20_000])),
            Error::Refused(Refusal::RegistryRowsInvalid(vec![row(&"x".repeat(100)); 20])),
            Error::Refused(taken),
            Error::DistributionKeyNotFound { name, date: Some(Date::MIN) },
        ];
        for error in &errors {
            let bytes = header_bytes(error);
            assert!(bytes < HEADERS_BYTES, "{bytes} bytes: {error:.100}");
        }
    }

    #[test]
    fn a_status_names_the_first_violations_and_counts_all() {
        let violation =
            |n: usize| Violation { field: format!("f[{n}]"), description: "is required".into() };
        let status = status(&Error::InvalidFields((0..30).map(violation).collect()));
        let named = status.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<String> = named.into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, (0..20).map(|n| format!("f[{n}]")).collect::<Vec<_>>());
        assert_eq!(status.get_details_error_info().unwrap().metadata["violations"], "30");
        assert!(status.message().starts_with("f[0] is required; f[1] is required; "));
    }
}
