//! Every reason for an error, provoked through the port: its code, its words for people,
//! and the details that programs read. What the proto says of a reason is what comes.

use std::time::Duration as Pause;

use tiltaksplass::proto::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetail, ErrorInfo, StatusExt};

use crate::contract::comments;

mod across;
mod imports;
mod own;
mod request;
mod state;
mod transport;
mod trouble;

/// When a client is told to try again.
const RETRY_AFTER: Pause = Pause::from_millis(500);
/// The least that clients take in headers, for all of them together.
const HEADERS_BYTES: usize = 8 * 1024;
/// What HTTP/2 counts for each header beside its name and value.
const HEADER_OVERHEAD: usize = 32;

/// One row a reason: its code, the details beside `ErrorInfo` and the two texts, and
/// what provokes it. Each row is a test of its own.
macro_rules! rows {
    ($($(#[$attribute:meta])* $name:ident: $reason:ident, $code:ident, [$($detail:ident)?],
       $provoke:path;)*) => {
        const REASONS: &[ErrorReason] = &[$(ErrorReason::$reason),*];

        $(
            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let status = $provoke().await;
                let details: &[&str] = &[$(stringify!($detail))?];
                check(&status, ErrorReason::$reason, Code::$code, details);
            }
        )*
    };
}

rows! {
    invalid_fields: InvalidFields, InvalidArgument, [BadRequest], request::invalid_fields;
    request_id_reused: RequestIdReused, InvalidArgument, [BadRequest], request::reused;
    request_id_expired: RequestIdExpired, FailedPrecondition, [PreconditionFailure],
        request::expired;
    page_token_invalid: PageTokenInvalid, InvalidArgument, [BadRequest], request::page_token;
    unauthenticated: Unauthenticated, Unauthenticated, [], request::without_token;
    permission_denied: PermissionDenied, PermissionDenied, [], request::denied;
    ledger_not_found: LedgerNotFound, NotFound, [ResourceInfo], request::no_ledger;
    not_found: NotFound, NotFound, [ResourceInfo], request::no_offer;
    registry_mismatch: RegistryMismatch, FailedPrecondition, [PreconditionFailure],
        request::no_office;
    registry_rows_invalid: RegistryRowsInvalid, FailedPrecondition, [BadRequest],
        request::bad_rows;
    existing_rows_invalid: ExistingRowsInvalid, FailedPrecondition, [BadRequest],
        imports::no_place_group;
    reconciliation_differs: ReconciliationDiffers, FailedPrecondition, [PreconditionFailure],
        imports::one_too_few;
    distribution_key_not_found: DistributionKeyNotFound, NotFound, [ResourceInfo],
        request::no_key;
    apportionment_impossible: ApportionmentImpossible, FailedPrecondition,
        [PreconditionFailure], request::too_few_seats;
    not_yet_at_seq: NotYetAtSeq, Unavailable, [RetryInfo], request::ahead;

    person_already_waiting: PersonAlreadyWaiting, AlreadyExists, [ResourceInfo],
        state::joining_twice;
    external_reference_taken: ExternalReferenceTaken, AlreadyExists, [ResourceInfo],
        state::reference_taken;
    wrong_state: WrongState, FailedPrecondition, [PreconditionFailure], state::unconfirmed;
    four_eyes: FourEyes, FailedPrecondition, [PreconditionFailure], state::own_submission;
    measure_type_rule: MeasureTypeRule, FailedPrecondition, [PreconditionFailure],
        state::quotas_of_a_pool;
    quotas_exceed_budget: QuotasExceedBudget, FailedPrecondition, [PreconditionFailure],
        state::one_quota_too_many;
    date_out_of_range: DateOutOfRange, FailedPrecondition, [PreconditionFailure],
        state::registered_tomorrow;
    no_room: NoRoom, FailedPrecondition, [PreconditionFailure], state::full_group;
    not_first: NotFirst, FailedPrecondition, [PreconditionFailure], state::second_in_the_queue;
    identity_number_taken: IdentityNumberTaken, AlreadyExists, [ResourceInfo],
        state::number_of_another;
    correction_too_late: CorrectionTooLate, FailedPrecondition, [PreconditionFailure],
        state::long_ago;
    quota_above_committed: QuotaAboveCommitted, FailedPrecondition, [PreconditionFailure],
        state::more_than_is_co_financed;
    limit_reached: LimitReached, FailedPrecondition, [PreconditionFailure],
        state::one_budget_too_many;

    moved: Moved, FailedPrecondition, [PreconditionFailure], across::sent_on;
    not_combinable: NotCombinable, FailedPrecondition, [PreconditionFailure],
        across::placed_elsewhere;

    database_unavailable: DatabaseUnavailable, Unavailable, [RetryInfo], trouble::no_database;
    overloaded: Overloaded, ResourceExhausted, [RetryInfo], trouble::full_lane;
    deadline_exceeded: DeadlineExceeded, DeadlineExceeded, [], trouble::held_ledger;
    internal: Internal, Internal, [], trouble::corrupted_row;
    person_source_unavailable: PersonSourceUnavailable, Unavailable, [RetryInfo],
        crate::protected::nobody_says_it;

    rate_limited: RateLimited, ResourceExhausted, [RetryInfo], transport::too_many_calls;
    message_malformed: MessageMalformed, InvalidArgument, [], transport::no_message;
    message_too_large: MessageTooLarge, InvalidArgument, [], transport::too_large;
    own_case: OwnCase, PermissionDenied, [], own::confirming_ones_own;
    unknown_method: UnknownMethod, Unimplemented, [], transport::no_method;
}

#[test]
fn every_reason_has_one_row() {
    let pool = crate::contract::pool();
    let reasons = pool.get_enum_by_name("tiltaksplass.v1.ErrorReason").unwrap();
    let mut wanted: Vec<i32> = reasons.values().map(|value| value.number()).collect();
    wanted.retain(|number| *number != 0);
    let mut rows: Vec<i32> = REASONS.iter().map(|reason| i32::from(*reason)).collect();
    rows.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(rows, wanted);
}

fn check(status: &Status, reason: ErrorReason, code: Code, expected: &[&str]) {
    assert_eq!(status.code(), code, "{status:?}");
    let details = status.get_error_details_vec();
    let mut names = vec!["ErrorInfo"];
    names.extend(expected);
    names.extend(["LocalizedMessage"; 2]);
    assert_eq!(details.iter().map(name).collect::<Vec<_>>(), names, "{status:?}");
    check_info(&status.get_details_error_info().unwrap(), reason, code);
    check_words(status, &details);
    for detail in &details {
        check_detail(detail, reason);
    }
    let headers = status.clone().into_http::<()>();
    let bytes = headers.headers().iter();
    let bytes = bytes.map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD);
    assert!(bytes.sum::<usize>() < HEADERS_BYTES);
}

/// Its name, and what the proto's comment says of it: the code and the effect.
fn check_info(info: &ErrorInfo, reason: ErrorReason, code: Code) {
    let value = reason.as_str_name();
    assert_eq!(info.reason, value.trim_start_matches("ERROR_REASON_"));
    assert_eq!(info.domain, "tiltaksplass");
    let comments = comments::all();
    let comment = &comments[&format!("tiltaksplass.v1.ErrorReason.{value}")];
    let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = format!("{code:?}");
    let (said, _) = comment.split_once(": ").unwrap();
    assert_eq!(said.replace('_', ""), name.to_uppercase(), "{comment}");
    let effect = format!("Effect: {}.", info.metadata["effect"]);
    assert!(comment.ends_with(&effect), "{effect} {comment}");
    assert!(comment.contains("Example: "), "{comment}");
}

/// A text for people, and its language.
fn localized(detail: &ErrorDetail) -> Option<(&str, &str)> {
    let ErrorDetail::LocalizedMessage(text) = detail else { return None };
    Some((&text.locale, &text.message))
}

fn check_words(status: &Status, details: &[ErrorDetail]) {
    let texts: Vec<(&str, &str)> = details.iter().filter_map(localized).collect();
    let [("nb", nb), ("en", en)] = texts[..] else { panic!("{status:?}") };
    assert_ne!(nb, en);
    for text in [nb, en] {
        assert!(text.len() > 15 && text.ends_with('.'), "{text}");
        assert!(!text.contains('_'), "for people: {text}");
    }
    let all = format!("{status:?} {nb} {en}");
    // A word, since the middle of an id may well be so many digits.
    let mut words = all.split(|c: char| !c.is_ascii_alphanumeric());
    let is_number = |word: &str| word.len() == 11 && word.bytes().all(|b| b.is_ascii_digit());
    assert!(!words.any(is_number), "somebody's number? {all}");
}

fn check_detail(detail: &ErrorDetail, reason: ErrorReason) {
    if let ErrorDetail::RetryInfo(info) = detail {
        let delay = info.retry_delay.unwrap();
        if reason == ErrorReason::RateLimited {
            // Until the caller's next call is within its share.
            assert!(delay > Pause::ZERO && delay <= Pause::from_secs(1), "{delay:?}");
        } else {
            assert_eq!(delay, RETRY_AFTER);
        }
    }
    if let ErrorDetail::PreconditionFailure(failure) = detail {
        let [violation] = &failure.violations[..] else { panic!("{failure:?}") };
        let name = reason.as_str_name().trim_start_matches("ERROR_REASON_");
        assert_eq!(violation.r#type, name);
        assert!(!violation.description.is_empty());
    }
    if let ErrorDetail::BadRequest(bad) = detail {
        assert!(!bad.field_violations.is_empty());
        for violation in &bad.field_violations {
            assert!(!violation.field.is_empty() && !violation.description.is_empty());
        }
    }
    if let ErrorDetail::ResourceInfo(info) = detail {
        assert!(!info.resource_type.is_empty() && !info.description.is_empty());
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "tonic's enum is open")]
fn name(detail: &ErrorDetail) -> &'static str {
    match detail {
        ErrorDetail::ErrorInfo(_) => "ErrorInfo",
        ErrorDetail::BadRequest(_) => "BadRequest",
        ErrorDetail::PreconditionFailure(_) => "PreconditionFailure",
        ErrorDetail::ResourceInfo(_) => "ResourceInfo",
        ErrorDetail::RetryInfo(_) => "RetryInfo",
        ErrorDetail::LocalizedMessage(_) => "LocalizedMessage",
        _ => "another",
    }
}

/// What is named as missing or taken, and of which kind.
fn resource(status: &Status) -> (String, String) {
    let info = status.get_details_resource_info().unwrap();
    (info.resource_type, info.resource_name)
}

/// What `ErrorInfo` says of a name.
fn metadata(status: &Status, name: &str) -> String {
    let info = status.get_details_error_info().unwrap();
    info.metadata.get(name).unwrap_or_else(|| panic!("no {name}: {status:?}")).clone()
}

/// The two texts for people, bokmål first.
pub fn words(status: &Status) -> [String; 2] {
    let details = status.get_error_details_vec();
    let texts = details.iter().filter_map(localized).map(|(_, text)| text.to_owned());
    texts.collect::<Vec<_>>().try_into().unwrap()
}
