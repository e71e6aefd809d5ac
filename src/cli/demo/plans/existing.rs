//! Those who use the places already, and those who wait: they come in as they stand in the system
//! before this one (`ImportExisting`).

use futures::stream;
use time::{Duration, OffsetDateTime};

use crate::{
    cli::{
        Failure,
        demo::stage::{Caller, pb_date, refused, request_id},
    },
    domain::national_identity::NationalIdentityNumber,
    proto::v1::{self as pb, ExistingRow, ExistingState, ExternalReference, ImportExistingRequest},
};

/// The most rows of an import.
const ROWS_MAX: usize = 5_000;
/// How long before they come in people were registered, and began.
const REGISTERED_AGO: Duration = Duration::days(3 * 365);
const BEGUN_AGO: Duration = Duration::days(300);
/// Where they are said to come from.
const SOURCE: &str = "made up for the demonstration";

/// People of one municipality who come in alike.
pub(super) struct Alike {
    /// The municipality.
    pub(super) municipality_number: String,
    /// Its office.
    pub(super) office_number: String,
    /// The place group whose places they use; none where they wait.
    pub(super) place_group_id: Option<String>,
    /// The share of a place.
    pub(super) participation_percent: u32,
    /// How many they are.
    pub(super) people: u32,
}

/// Takes people in; the first has this number. Answers how many came in.
pub(super) async fn take_in(
    county: &Caller,
    ledger: &pb::Ledger,
    now: OffsetDateTime,
    all: &[Alike],
    first: u32,
) -> Result<u32, Failure> {
    let each = all.iter().flat_map(|alike| (0..alike.people).map(move |_| alike));
    let rows: Vec<ExistingRow> = each.zip(first..).map(|(one, n)| row(one, n, now)).collect();
    let mut came_in = 0;
    for rows in rows.chunks(ROWS_MAX) {
        let request = ImportExistingRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            cut_over_date: Some(pb_date((now - Duration::DAY).date())),
            source: SOURCE.to_owned(),
            rows: rows.to_vec(),
            ..ImportExistingRequest::default()
        };
        let answer = county.registry().import_existing(stream::iter([request])).await;
        came_in += answer.map_err(refused("ImportExisting"))?.into_inner().imported_rows;
    }
    Ok(came_in)
}

/// Whoever has the lower number was registered first.
fn row(alike: &Alike, n: u32, now: OffsetDateTime) -> ExistingRow {
    let registered = now - REGISTERED_AGO + Duration::minutes(i64::from(n % 100_000));
    let is_placed = alike.place_group_id.is_some();
    let (state, start) = if is_placed {
        (ExistingState::Placed, Some(pb_date((now - BEGUN_AGO).date())))
    } else {
        (ExistingState::Waiting, None)
    };
    ExistingRow {
        external_reference: Some(ExternalReference {
            system: "demo".to_owned(),
            id: format!("P{n}"),
        }),
        national_identity_number: NationalIdentityNumber::synthetic(n).expose().to_owned(),
        municipality_number: alike.municipality_number.clone(),
        following_office_number: alike.office_number.clone(),
        registered_time: Some(prost_types::Timestamp {
            seconds: registered.unix_timestamp(),
            nanos: 0,
        }),
        participation_percent: alike.participation_percent,
        state: state.into(),
        place_group_id: alike.place_group_id.clone().unwrap_or_default(),
        start_date: start,
        ..ExistingRow::default()
    }
}
