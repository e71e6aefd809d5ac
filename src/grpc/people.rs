//! Who somebody is, and all that is kept of one person: shown only to who may see it, and
//! never without a record of it.

use std::{collections::BTreeMap, sync::Arc};

use base64::Engine as _;

use crate::{
    domain::{
        access::Role,
        authority::Viewer,
        calendar::Timestamp,
        ids::{EntryId, LedgerId},
        protection::Look,
        refusal::Refusal,
        waitlist::{Adviser, Deputy, Entry, Imported, Sealed},
    },
    error::Error,
    grpc::{
        Reader, answer,
        known::entry_to_provider,
        parse::{
            existing::Original,
            join::Grounds,
            waitlist::{EntryQuery, PersonQuery},
        },
        protected::{Named, Whose, protections},
        require_ledger, seen_by,
        waitlist::{entry_answer, target},
    },
    keys::DataKey,
    proto::v1 as pb,
    store::{self, held::HeldByEntry},
};

/// One entry. One that is not the caller's answers like one that is not there.
pub(super) async fn entry(
    mut reader: Reader,
    query: EntryQuery,
) -> Result<pb::GetWaitlistEntryResponse, Error> {
    reader.said.purpose.clone_from(&query.purpose);
    let id = &query.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    require_ledger(id, &registry)?;
    if reader.actor.role == Role::Provider {
        return entry_to_provider(reader, snapshot, &registry, &query).await;
    }
    let found = store::queues::find_entry(&mut snapshot, id, query.entry_id).await?;
    let Some(entry) = found.filter(|entry| reader.permits(&target(id, entry), &registry)) else {
        return not_there(&reader, snapshot, &query).await;
    };
    let held = store::held::of_entries(&mut snapshot, id, &[entry.entry_id]).await?;
    let seq = store::ledger::seq(&mut snapshot, id).await?.unwrap_or(0);
    snapshot.rollback().await?;
    reader.require_another(id, &entry, &registry).await?;
    let whose = if query.with_person { Some(whose(&reader, &entry).await?) } else { None };
    let placements = held.placements.get(&entry.entry_id);
    let latest = placements.and_then(|placements| placements.first());
    let (told, placement) = reader.answering(&registry, |viewer| {
        let entitled = Some(&entry.municipality_number);
        let placement = latest.map(|latest| answer::placement(latest, entitled, viewer));
        (entry_answer(&entry, viewer), placement)
    });
    let person = reader.record_shown(id, &entry, whose).await?;
    let offers = held.offers.get(&entry.entry_id);
    let open = offers.and_then(|offers| offers.iter().find(|offer| offer.state.reserves()));
    Ok(pb::GetWaitlistEntryResponse {
        revisions: vec![answer::revision(id, seq)],
        entry: Some(told),
        person,
        offer: open.map(answer::offer),
        placement,
    })
}

/// What is not there, and what is not the caller's: that it was asked for is written down.
pub(super) async fn not_there<T>(
    reader: &Reader,
    snapshot: sqlx::Transaction<'static, sqlx::Postgres>,
    query: &EntryQuery,
) -> Result<T, Error> {
    snapshot.rollback().await?;
    reader.record(&query.ledger, vec![query.entry_id], false).await?;
    let (what, id) = ("entry", query.entry_id.to_string());
    Err(Refusal::NotFound { what, id }.into())
}

/// Whose an entry is, if the caller may be told. Nothing of it leaves before the access is written
/// down.
pub(super) async fn whose(reader: &Reader, entry: &Entry) -> Result<Whose, Error> {
    let (keys, person_id) = (&reader.app.keys, entry.person_id);
    let mut people = reader.app.db.begin_people().await?;
    let sealed = store::people::sealed(&mut people, person_id).await?;
    people.rollback().await?;
    let (identity, wrapped) =
        sealed.ok_or_else(|| Error::Internal(format!("there is no person {person_id}")))?;
    let identity = keys.open_identity(&identity, person_id.0).map_err(fault)?;
    match reader.look(&identity).await {
        Look::Permitted(grades) => {
            let key = keys.unwrap_data_key(&wrapped, person_id.0).map_err(fault)?;
            Ok(Whose::Told(Box::new(pb::EntryPerson {
                national_identity_number: identity.expose().to_owned(),
                protections: protections(&grades),
                ..kept(reader, entry, &key)?
            })))
        }
        Look::Denied(_) => Ok(Whose::Withheld),
        Look::SourceDown => Ok(Whose::NobodySays),
    }
}

/// What is kept of an entry under the person's own key.
fn kept(reader: &Reader, entry: &Entry, key: &DataKey) -> Result<pb::EntryPerson, Error> {
    let grounds = entry.grounds.as_ref().map(|sealed| open_grounds(key, sealed)).transpose()?;
    let Grounds { priority_ground, adviser_ident, need_group } = grounds.unwrap_or_default();
    // Before it was kept apart, the case worker stood in the grounds.
    let adviser_ident = match &entry.adviser {
        Some(adviser) => Some(open_text(key, Adviser::CONTEXT, &adviser.ident)?),
        None => adviser_ident,
    };
    let deputy = entry.adviser.as_ref().and_then(|adviser| adviser.deputy_on(reader.today()));
    let deputy_ident = deputy.map(|deputy| open_text(key, Deputy::CONTEXT, &deputy.ident));
    let original = entry.imported.as_ref().and_then(|imported| imported.original.as_ref());
    let original = original.map(|sealed| open_original(key, sealed)).transpose()?;
    let Original { priority_changed_by, priority_changed_time, .. } = original.unwrap_or_default();
    Ok(pb::EntryPerson {
        priority_ground: priority_ground.unwrap_or_default(),
        adviser_ident: adviser_ident.unwrap_or_default(),
        need_group: answer::need_group(need_group).into(),
        deputy_adviser_ident: deputy_ident.transpose()?.unwrap_or_default(),
        deputy_until_date: deputy.map(|deputy| answer::date(deputy.until)),
        priority_changed_by: priority_changed_by.unwrap_or_default(),
        priority_changed_time: priority_changed_time.map(answer::timestamp),
        ..pb::EntryPerson::default()
    })
}

fn open_grounds(key: &DataKey, sealed: &Sealed) -> Result<Grounds, Error> {
    let plain = open_text(key, "entry.grounds", sealed)?;
    serde_json::from_str(&plain).map_err(|_| malformed("entry.grounds"))
}

fn open_original(key: &DataKey, sealed: &Sealed) -> Result<Original, Error> {
    let plain = open_text(key, Imported::CONTEXT, sealed)?;
    serde_json::from_str(&plain).map_err(|_| malformed(Imported::CONTEXT))
}

fn open_text(key: &DataKey, context: &str, Sealed(text): &Sealed) -> Result<String, Error> {
    let sealed = base64::prelude::BASE64_STANDARD.decode(text).map_err(|_| malformed(context))?;
    let plain = key.open(context, &sealed).map_err(fault)?;
    String::from_utf8(plain.to_vec()).map_err(|_| malformed(context))
}

/// Errors say where it went wrong, never what stands there.
fn malformed(context: &str) -> Error {
    Error::Internal(format!("what is sealed as {context} cannot be read"))
}

fn fault(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}

/// Where a page of somebody's entries begins.
type Cursor = (Timestamp, EntryId, LedgerId);

/// Everything of one person that the caller may see. Somebody nobody knows answers like
/// somebody of whom there is nothing to be seen, or nothing to be told, and is asked for by the
/// same steps.
pub(super) async fn lookup(
    mut reader: Reader,
    query: PersonQuery,
) -> Result<pb::LookupPersonResponse, Error> {
    reader.said.purpose.clone_from(&query.purpose);
    let page = &query.page;
    let before: Option<Cursor> = page.after(&reader.app.keys)?;
    let person = reader.find_another(&query.identity).await?;
    let Named { person, asked_about, permitted, grades } =
        reader.named(&query.identity, person).await;
    let Some(grades) = grades else {
        reader.record_of(&LedgerId::registry(), Vec::new(), asked_about, permitted).await?;
        return Err(Error::PersonSourceUnavailable);
    };
    let (mut snapshot, registry) = reader.snapshot(None).await?;
    let seen = seen_by(&reader.actor, &registry, reader.today());
    let entries =
        store::held::entries_of_person(&mut snapshot, person, &seen, before, page.rows_to_read())
            .await?;
    let (mut revisions, held) = held_for(&mut snapshot, &entries).await?;
    snapshot.rollback().await?;
    let of_page = entries.iter().take(page.size);
    reader.note_hosted(of_page.map(|(_, entry)| &entry.municipality_number), &registry);
    let cursor = |(ledger, entry): &&(LedgerId, Entry)| {
        (entry.key.registered_time, entry.entry_id, ledger.clone())
    };
    let keys = Arc::clone(&reader.app.keys);
    let (shown, next_page_token) = reader.answering(&registry, |viewer| {
        page.fill(&keys, &entries, cursor, |(ledger, entry)| {
            person_entry(ledger, entry, &held, viewer)
        })
    })?;
    revisions.retain(|revision| shown.iter().any(|entry| entry.ledger == revision.ledger));
    // A person belongs to no ledger: the record stands with the registry's.
    let ids: Vec<EntryId> =
        entries.iter().take(shown.len()).map(|(_, entry)| entry.entry_id).collect();
    reader.record_of(&LedgerId::registry(), ids, asked_about, permitted).await?;
    // Of somebody of whom nothing is shown it would be all the answer tells.
    let protections = if shown.is_empty() { Vec::new() } else { protections(&grades) };
    Ok(pb::LookupPersonResponse { revisions, entries: shown, next_page_token, protections })
}

/// What was held for entries of several ledgers, and how far each of these has come.
async fn held_for(
    snapshot: &mut sqlx::PgConnection,
    entries: &[(LedgerId, Entry)],
) -> Result<(Vec<pb::Revision>, BTreeMap<LedgerId, HeldByEntry>), Error> {
    let mut by_ledger: BTreeMap<&LedgerId, Vec<EntryId>> = BTreeMap::new();
    for (ledger, entry) in entries {
        by_ledger.entry(ledger).or_default().push(entry.entry_id);
    }
    let (mut revisions, mut held) = (Vec::new(), BTreeMap::new());
    for (ledger, ids) in by_ledger {
        let seq = store::ledger::seq(snapshot, ledger).await?.unwrap_or(0);
        revisions.push(answer::revision(ledger, seq));
        held.insert(ledger.clone(), store::held::of_entries(snapshot, ledger, &ids).await?);
    }
    Ok((revisions, held))
}

fn person_entry(
    ledger: &LedgerId,
    entry: &Entry,
    held: &BTreeMap<LedgerId, HeldByEntry>,
    viewer: &Viewer<'_>,
) -> pb::PersonEntry {
    let of_ledger = held.get(ledger);
    let offers = of_ledger.and_then(|held| held.offers.get(&entry.entry_id));
    let placements = of_ledger.and_then(|held| held.placements.get(&entry.entry_id));
    pb::PersonEntry {
        ledger: Some(answer::ledger(ledger)),
        entry: Some(entry_answer(entry, viewer)),
        offers: offers.into_iter().flatten().map(answer::offer).collect(),
        placements: placements
            .into_iter()
            .flatten()
            .map(|one| answer::placement(one, Some(&entry.municipality_number), viewer))
            .collect(),
    }
}
