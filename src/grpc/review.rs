//! `ReviewAccesses`: what somebody should look at who reviews the access log.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    domain::{
        access::{Role, Target},
        access_review::{self, Finding, Known, Look, Rule},
        calendar::start_of_day_in_norway,
        ids::{AccessGrantId, LedgerId, PersonId},
        refusal::Refusal,
    },
    error::Error,
    grpc::{
        Reader,
        audit::{entries_of, own_area, people_of, person_of, record},
        parse::audit::ReviewQuery,
    },
    proto::v1 as pb,
    store::{self, accesses::Noted},
};

/// How many accesses are looked at, as the proto says.
const LOOKED_AT_MAX: usize = 20_000;
/// How many are read at once.
const ROWS_AT_ONCE: usize = 1_000;
/// How many people's surnames are asked for, as the proto says.
const SURNAMES_MAX: usize = 2_000;
/// How many of those a rule has found are told one by one, as the proto says.
const FOUND_SHOWN: usize = 50;

pub(super) async fn review(
    mut reader: Reader,
    query: ReviewQuery,
) -> Result<pb::ReviewAccessesResponse, Error> {
    reader.said.purpose.clone_from(&query.purpose);
    let _place = reader.heavy_place().await?;
    let (mut snapshot, registry) = reader.snapshot(None).await?;
    let asked = query.county_id.as_ref().map(ToString::to_string);
    let area = asked.or_else(|| own_area(&reader).map(str::to_owned));
    let target =
        Target { county_id: area.as_deref().and_then(|id| id.parse().ok()), ..Target::default() };
    if !reader.permits(&target, &registry) {
        snapshot.rollback().await?;
        reader.record(&LedgerId::registry(), Vec::new(), false).await?;
        return Err(Refusal::PermissionDenied.into());
    }
    let (rows, is_cut) = read(&reader, &mut snapshot, area.as_deref(), &query).await?;
    let people = people_of(&mut snapshot, &rows).await?;
    snapshot.rollback().await?;
    let looks: Vec<Look> = rows.iter().map(|row| look(row, person_of(row, &people))).collect();
    let surnames = surnames(&reader, &looks).await?;
    let surname = |person| surnames.get(&person).cloned();
    let began = |id| {
        let grant = registry.access_grant(AccessGrantId(id))?;
        Some(start_of_day_in_norway(grant.valid_from))
    };
    let known = Known { surname: &surname, began: &began };
    let findings = access_review::review(&looks, known, query.many);
    let seed = query.seed.unwrap_or_else(|| reader.app.ids.id().to_string());
    let sample = access_review::sample(&looks, &seed, query.sample_size);
    let told = |index: &usize| rows.get(*index);
    let found = findings.iter().flat_map(|one| one.found.iter().take(FOUND_SHOWN));
    let shown = entries_of(sample.iter().chain(found).filter_map(told));
    // The accesses lie in many ledgers: the record stands with the registry's.
    reader.record(&LedgerId::registry(), shown, true).await?;
    let with_names = reader.actor.role == Role::Auditor;
    let tell = |index: &usize| told(index).map(|row| record(row, with_names));
    Ok(pb::ReviewAccessesResponse {
        looked_at: rows.len() as u64,
        is_cut,
        seed,
        sample: sample.iter().filter_map(tell).collect(),
        findings: findings.iter().map(|one| finding(one, tell)).collect(),
    })
}

/// The accesses of the period, the earliest first, as many as are looked at; and whether there
/// are more.
async fn read(
    reader: &Reader,
    snapshot: &mut PgConnection,
    area: Option<&str>,
    query: &ReviewQuery,
) -> Result<(Vec<Noted>, bool), Error> {
    let (from, until) = (start_of_day_in_norway(query.from), start_of_day_in_norway(query.until));
    let mut rows: Vec<Noted> = Vec::new();
    loop {
        if !reader.is_awaited() {
            return Err(Error::DeadlineExceeded);
        }
        let last = rows.last().map_or((from, Uuid::nil()), |row| (row.at, row.access_id));
        let wanted = ROWS_AT_ONCE.min(LOOKED_AT_MAX - rows.len()).saturating_add(1);
        let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
        let mut more = store::accesses::of_period(&mut *snapshot, area, last, until, limit).await?;
        let has_more = more.len() == wanted;
        more.truncate(wanted - 1);
        rows.extend(more);
        if !has_more || rows.len() >= LOOKED_AT_MAX {
            return Ok((rows, has_more));
        }
    }
}

fn look(row: &Noted, person: Option<PersonId>) -> Look {
    Look {
        access_id: row.access_id,
        at: row.at,
        actor: (row.issuer.clone(), row.subject.clone()),
        name: row.name.clone(),
        person,
        authority: row.authority,
        says_why: !(row.purpose.is_empty() && row.case_reference.is_empty()),
    }
}

/// The surnames of those whom somebody with a name has looked at, the first so many, as the source
/// of who is protected tells them: none is kept here. Of whom it tells none, none is known.
async fn surnames(reader: &Reader, looks: &[Look]) -> Result<BTreeMap<PersonId, String>, Error> {
    let named = looks.iter().filter(|look| !look.name.is_empty());
    let people: BTreeSet<PersonId> = named.filter_map(|look| look.person).collect();
    let people: Vec<PersonId> = people.into_iter().take(SURNAMES_MAX).collect();
    if people.is_empty() || !reader.app.people.tells_names() {
        return Ok(BTreeMap::new());
    }
    let mut connection = reader.app.db.begin_people().await?;
    let sealed = store::people::identities(&mut connection, &people).await?;
    connection.rollback().await?;
    let open =
        |(person, sealed): &(PersonId, Vec<u8>)| reader.app.keys.open_identity(sealed, person.0);
    let numbers: Result<Vec<_>, _> = sealed.iter().map(open).collect();
    let numbers = numbers.map_err(|error| Error::Internal(error.to_string()))?;
    let told = reader.app.people.surnames(&numbers.iter().collect::<Vec<_>>()).await;
    let people = sealed.into_iter().map(|(person, _)| person);
    Ok(people.zip(told).filter_map(|(person, name)| Some((person, name?))).collect())
}

fn finding(
    finding: &Finding,
    tell: impl Fn(&usize) -> Option<pb::AccessRecord>,
) -> pb::AccessFinding {
    pb::AccessFinding {
        rule: rule(finding.rule).into(),
        count: finding.found.len() as u64,
        not_judged: finding.not_judged as u64,
        accesses: finding.found.iter().take(FOUND_SHOWN).filter_map(tell).collect(),
    }
}

fn rule(rule: Rule) -> pb::AccessRule {
    match rule {
        Rule::SameSurname => pb::AccessRule::SameSurname,
        Rule::WithoutACase => pb::AccessRule::WithoutACase,
        Rule::ManyInAnHour => pb::AccessRule::ManyInAnHour,
        Rule::OldRights => pb::AccessRule::OldRights,
    }
}
