//! The import of what stands in another system: its pieces, and its answer.

use prost::Message;
use tonic::{Status, Streaming};

use crate::{
    domain::{
        account::{Account, AccountKey},
        command::Command,
        existing::{LeftOutReason, Line, Row, State},
        ledger::reconcile,
        waitlist::Imported,
    },
    error::{Error, Violation},
    grpc::{EXISTING_MAX, IMPORT_PIECE_MAX, answer, refused_request},
    proto::v1 as pb,
    write::Done,
};

/// The most rows of one import: a log row holds each twice, in the command and in the event, and
/// the change feed delivers it whole.
const ROWS_MAX: usize = 5_000;

/// Puts the pieces of an import together; the first one says what it is.
pub(super) async fn gather(
    pieces: &mut Streaming<pb::ImportExistingRequest>,
) -> Result<pb::ImportExistingRequest, Error> {
    let mut whole: Option<pb::ImportExistingRequest> = None;
    let mut of_first = pb::ImportExistingRequest::default();
    let mut bytes = 0;
    let refused = |status: Status| refused_request(status.code(), IMPORT_PIECE_MAX);
    while let Some(piece) = pieces.message().await.map_err(refused)? {
        bytes += piece.encoded_len();
        if bytes > EXISTING_MAX {
            return Err(Error::MessageTooLarge { most_bytes: EXISTING_MAX });
        }
        let rows = whole.as_ref().map_or(0, |whole| whole.rows.len()) + piece.rows.len();
        if rows > ROWS_MAX {
            return Err(invalid("rows", &format!("has {rows} items; the most is {ROWS_MAX}")));
        }
        let Some(whole) = &mut whole else {
            of_first = pb::ImportExistingRequest { rows: Vec::new(), ..piece.clone() };
            whole = Some(piece);
            continue;
        };
        if piece.request_id != whole.request_id {
            return Err(invalid("request_id", "must be the same in every piece"));
        }
        let rows = piece.rows;
        let piece = pb::ImportExistingRequest { rows: Vec::new(), ..piece };
        let nothing_else = pb::ImportExistingRequest {
            request_id: piece.request_id.clone(),
            ..pb::ImportExistingRequest::default()
        };
        if piece != nothing_else && piece != of_first {
            let description = "all but the rows must be left out, or be as in the first piece";
            return Err(invalid("rows", description));
        }
        whole.rows.extend(rows);
    }
    whole.ok_or_else(|| invalid("request_id", "is required; the stream was empty"))
}

fn invalid(field: &str, description: &str) -> Error {
    let (field, description) = (field.to_owned(), description.to_owned());
    Error::InvalidFields(vec![Violation { field, description }])
}

/// What came in, and what it sums to. It follows from the command, which also tells what had
/// come in before.
pub(super) fn import_existing(done: &Done<'_>) -> Vec<u8> {
    let Command::ImportExisting(c) = done.command else { return Vec::new() };
    let count = |is: fn(&Row) -> bool| {
        u32::try_from(c.rows.iter().filter(|row| is(row)).count()).unwrap_or(u32::MAX)
    };
    let left_out_rows = (0..).zip(&c.rows).filter_map(|(index, row)| {
        let Row::LeftOut { reason, .. } = row else { return None };
        Some(pb::LeftOutRow { index, reason: left_out_reason(*reason).into() })
    });
    // The decision has made the same reconciliation, or there is no answer.
    let reconciliation = reconcile(done.ledger, c).ok();
    let reconciliation = reconciliation.as_ref();
    let differing = reconciliation.map_or(0, |all| all.differing().count());
    let over = done.ledger.accounts().filter(|(_, account)| account.over() > 0);
    pb::ImportExistingResponse {
        revision: Some(answer::revision_of(done)),
        imported_rows: count(|row| matches!(row, Row::New(_))),
        unchanged_rows: count(|row| matches!(row, Row::Unchanged(_))),
        left_out_rows: left_out_rows.collect(),
        lines: reconciliation.map_or_else(Vec::new, |all| all.lines.iter().map(line).collect()),
        total: reconciliation.map(|all| line(&all.total)),
        differing_lines: u32::try_from(differing).unwrap_or(u32::MAX),
        over_accounts: over.map(over_account).collect(),
    }
    .encode_to_vec()
}

/// Where an entry came from.
pub(super) fn imported(imported: &Imported) -> pb::Imported {
    pb::Imported {
        source: imported.source.clone(),
        cut_over_date: Some(answer::date(imported.cut_over_date)),
        was_not_assessed: imported.was_not_assessed,
    }
}

fn line(line: &Line) -> pb::ReconciliationLine {
    let key = &line.key;
    let expected = line.expected.unwrap_or_default();
    let (difference_persons, difference_percent) = line.difference();
    pb::ReconciliationLine {
        organisation_number: text(key.organisation_number.as_ref()),
        place_group_id: text(key.place_group_id.as_ref()),
        municipality_number: text(key.municipality_number.as_ref()),
        state: key.state.map_or(pb::ExistingState::Unspecified, state).into(),
        persons: line.counted.persons,
        percent: line.counted.percent,
        is_expected: line.expected.is_some(),
        expected_persons: expected.persons,
        expected_percent: expected.percent,
        difference_persons,
        difference_percent,
    }
}

fn text(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn over_account((key, account): (&AccountKey, &Account)) -> pb::OverAccount {
    let place_group_id = match key {
        AccountKey::PlaceGroup(id) => id.to_string(),
        AccountKey::Quota(_) | AccountKey::Pool => String::new(),
    };
    let municipality_number = answer::account_municipality(key);
    pb::OverAccount { place_group_id, municipality_number, usage: Some(answer::usage(account)) }
}

fn state(state: State) -> pb::ExistingState {
    match state {
        State::Waiting => pb::ExistingState::Waiting,
        State::NotYetAssessed => pb::ExistingState::NotYetAssessed,
        State::Offered => pb::ExistingState::Offered,
        State::Accepted => pb::ExistingState::Accepted,
        State::Placed => pb::ExistingState::Placed,
    }
}

fn left_out_reason(reason: LeftOutReason) -> pb::LeftOutReason {
    match reason {
        LeftOutReason::BrokenOff => pb::LeftOutReason::BrokenOff,
        LeftOutReason::Completed => pb::LeftOutReason::Completed,
        LeftOutReason::DidNotMeet => pb::LeftOutReason::DidNotMeet,
        LeftOutReason::NoLongerRelevant => pb::LeftOutReason::NoLongerRelevant,
        LeftOutReason::Declined => pb::LeftOutReason::Declined,
        LeftOutReason::Rejected => pb::LeftOutReason::Rejected,
        LeftOutReason::RegisteredByMistake => pb::LeftOutReason::RegisteredByMistake,
    }
}
