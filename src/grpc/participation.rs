//! `CheckParticipation`: one small answer for other services.

use time::{Date, Duration};

use crate::{
    domain::{
        access::Said,
        ids::{LedgerId, MeasureCode},
        national_identity::NationalIdentityNumber,
        participation::on_day,
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    grpc::{
        Reader, answer,
        parse::{Violations, purpose::purpose, waitlist::identity},
        protected::Named,
    },
    proto::v1 as pb,
    store::{self, people::Found},
};

/// How many measure types one question may name, as the proto says.
const MEASURES_MAX: usize = 20;
/// How far back may be asked: ten years with their leap days.
const BACK_MAX: Duration = Duration::days(3_653);

/// What `CheckParticipation` asks for.
pub(super) struct ParticipationQuery {
    identity: NationalIdentityNumber,
    /// `None` for any.
    measure_codes: Option<Vec<MeasureCode>>,
    on_date: Option<Date>,
    purpose: String,
}

pub(super) fn parse(
    r: &pb::CheckParticipationRequest,
    said: &Said,
) -> Result<ParticipationQuery, Error> {
    let mut v = Violations::default();
    let identity = identity(&mut v, &r.national_identity_number);
    v.at_most("measure_codes", r.measure_codes.len(), MEASURES_MAX);
    let named = r.measure_codes.iter().take(MEASURES_MAX).enumerate();
    let codes: Option<Vec<MeasureCode>> =
        named.map(|(index, code)| v.value(&format!("measure_codes[{index}]"), code)).collect();
    let on_date = v.optional_date("on_date", r.on_date.as_ref());
    let purpose = purpose(&mut v, &r.purpose, said, true);
    let parsed = (|| {
        Some(ParticipationQuery {
            identity: identity?,
            measure_codes: Some(codes?).filter(|codes| !codes.is_empty()),
            on_date: on_date?,
            purpose: purpose?,
        })
    })();
    v.finish(parsed)
}

/// Somebody nobody knows answers like somebody who takes part in nothing, or is not to be told
/// of, and is asked for by the same steps. Why somebody is protected is not told here: whoever
/// asks knows who it is, and learns nothing of where.
pub(super) async fn check(
    mut reader: Reader,
    query: ParticipationQuery,
) -> Result<pb::CheckParticipationResponse, Error> {
    reader.said.purpose.clone_from(&query.purpose);
    let day = day(&query, reader.app.clock.now().date_in_norway())?;
    let digests = reader.app.keys.identity_hmacs(&query.identity);
    let mut people = reader.app.db.begin_people().await?;
    let found = store::people::find(&mut people, &[digests]).await?;
    people.rollback().await?;
    let person = found.into_iter().flatten().next().map(|Found { person_id, .. }| person_id);
    let Named { person, asked_about, permitted, grades } =
        reader.named(&query.identity, person).await;
    if grades.is_none() {
        reader.record_of(&LedgerId::registry(), Vec::new(), asked_about, permitted).await?;
        return Err(Error::PersonSourceUnavailable);
    }
    let (mut snapshot, registry) = reader.snapshot(None).await?;
    let measures = query.measure_codes.as_deref();
    require_measures(measures.unwrap_or_default(), &registry)?;
    let placements = store::participations::begun_by(&mut snapshot, person, measures, day).await?;
    snapshot.rollback().await?;
    let under_way = placements
        .iter()
        .filter_map(|(ledger, placement)| Some((ledger, placement, on_day(placement, day)?)));
    let mut under_way: Vec<_> = under_way.collect();
    under_way.sort_by_key(|(ledger, _, on_day)| (&ledger.measure_code, on_day.start_date));
    // A person belongs to no ledger: the record stands with the registry's.
    let entries = under_way.iter().map(|(_, placement, _)| placement.entry_id).collect();
    reader.record_of(&LedgerId::registry(), entries, asked_about, permitted).await?;
    let told = under_way.iter().map(|(ledger, _, on_day)| pb::Participation {
        measure_code: ledger.measure_code.to_string(),
        start_date: Some(answer::date(on_day.start_date)),
        end_date: on_day.end_date.map(answer::date),
        participation_percent: on_day.percent,
    });
    let participations: Vec<pb::Participation> = told.collect();
    let participates = !participations.is_empty();
    Ok(pb::CheckParticipationResponse { participates, participations })
}

/// The day that is asked about: what is to come nobody knows.
fn day(query: &ParticipationQuery, today: Date) -> Result<Date, Refusal> {
    let day = query.on_date.unwrap_or(today);
    let earliest = today.saturating_sub(BACK_MAX);
    if (earliest..=today).contains(&day) {
        return Ok(day);
    }
    let (field, value) = ("on_date", day.to_string());
    Err(Refusal::DateOutOfRange { field, value, expected: "today or up to ten years back" })
}

/// A mistyped code would otherwise be answered as if nobody took part.
fn require_measures(codes: &[MeasureCode], registry: &Registry) -> Result<(), Refusal> {
    let unknown = codes.iter().find(|code| registry.measure_versions(code).next().is_none());
    let Some(code) = unknown else { return Ok(()) };
    let (field, problem) = ("measure_codes", "is not a measure type of the registry");
    Err(Refusal::RegistryMismatch { field, value: code.to_string(), problem })
}
