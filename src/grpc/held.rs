//! What is held for people: pages of offers and placements.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{
        access::{Role, is_known_by_offer, is_known_by_placement},
        allocation::Placement,
        ids::{EntryId, LedgerId, MunicipalityNumber},
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    grpc::{
        Reader,
        answer::{
            self,
            provider::{offer_to_provider, placement_to_provider},
        },
        area_of,
        parse::allocation::HeldQuery,
        require_ledger, seen_by,
    },
    proto::v1 as pb,
    store::{
        self,
        held::{Held, HeldFilter, Seen},
    },
};

/// Offers, the latest first. A provider sees what was offered in its own groups, never what
/// was only proposed; for whom, as long as it is known to it, and no longer by naming an entry.
pub(super) async fn offers(
    reader: Reader,
    query: HeldQuery<pb::OfferState>,
) -> Result<pb::ListOffersResponse, Error> {
    let states: &[&str] = match query.state {
        pb::OfferState::Unspecified => &["PROPOSED", "OFFERED", "ACCEPTED"],
        pb::OfferState::Proposed => &["PROPOSED"],
        pb::OfferState::Offered => &["OFFERED"],
        pb::OfferState::Accepted => &["ACCEPTED"],
        pb::OfferState::Declined => &["DECLINED"],
        pb::OfferState::Expired => &["EXPIRED"],
        pb::OfferState::Lapsed => &["LAPSED"],
        pb::OfferState::Started => &["STARTED"],
        pb::OfferState::Withdrawn => &["WITHDRAWN"],
        pb::OfferState::Objected => &["OBJECTED"],
    };
    let Opened { mut snapshot, registry, seen, before } = open(&reader, &query).await?;
    let filter = filter(&query, states, &seen, before);
    let mut found = store::held::offers(&mut snapshot, &query.ledger, &filter).await?;
    let shown = found.iter().take(query.page.size).map(Held::entry_id);
    reader.note_hosted_of(&mut snapshot, &registry, &query.ledger, shown).await?;
    let seq = store::ledger::seq(&mut snapshot, &query.ledger).await?.unwrap_or(0);
    snapshot.rollback().await?;
    let is_provider = reader.actor.role == Role::Provider;
    if is_provider && query.entry_id.is_some() {
        found.retain(is_known_by_offer);
    }
    let answer = if is_provider { offer_to_provider } else { answer::offer };
    let page = query.page.fill(&reader.app.keys, &found, |row| row.id(), answer)?;
    let (offers, next_page_token) = recorded(&reader, &query, &found, page).await?;
    let revisions = vec![answer::revision(&query.ledger, seq)];
    Ok(pb::ListOffersResponse { revisions, offers, next_page_token })
}

/// Placements, the latest made first.
pub(super) async fn placements(
    mut reader: Reader,
    query: HeldQuery<pb::PlacementState>,
) -> Result<pb::ListPlacementsResponse, Error> {
    let states: &[&str] = match query.state {
        pb::PlacementState::Unspecified => &["RUNNING", "ENDING", "ON_LEAVE"],
        pb::PlacementState::Running => &["RUNNING"],
        pb::PlacementState::Ending => &["ENDING"],
        pb::PlacementState::Ended => &["ENDED"],
        pb::PlacementState::OnLeave => &["ON_LEAVE"],
    };
    let Opened { mut snapshot, registry, seen, before } = open(&reader, &query).await?;
    let filter = filter(&query, states, &seen, before);
    let mut found = store::held::placements(&mut snapshot, &query.ledger, &filter).await?;
    let shown = found.iter().take(query.page.size).map(Held::entry_id);
    reader.note_hosted_of(&mut snapshot, &registry, &query.ledger, shown).await?;
    let seq = store::ledger::seq(&mut snapshot, &query.ledger).await?.unwrap_or(0);
    let entitled = entitled(&mut snapshot, &query.ledger, &found).await?;
    snapshot.rollback().await?;
    let is_provider = reader.actor.role == Role::Provider;
    if is_provider && query.entry_id.is_some() {
        let today = reader.today();
        found.retain(|one| is_known_by_placement(one, today));
    }
    let keys = Arc::clone(&reader.app.keys);
    let page = reader.answering(&registry, |viewer| {
        let told = |one: &Placement| {
            if is_provider {
                placement_to_provider(one, viewer)
            } else {
                answer::placement(one, entitled.get(&one.entry_id), viewer)
            }
        };
        query.page.fill(&keys, &found, |row| row.id(), told)
    })?;
    let (placements, next_page_token) = recorded(&reader, &query, &found, page).await?;
    let revisions = vec![answer::revision(&query.ledger, seq)];
    Ok(pb::ListPlacementsResponse { revisions, placements, next_page_token })
}

/// What a page begins with.
struct Opened {
    snapshot: sqlx::Transaction<'static, sqlx::Postgres>,
    registry: Arc<Registry>,
    seen: Seen,
    before: Option<uuid::Uuid>,
}

/// Reads the token, waits for the ledger, and asks whether the caller may list it at all.
async fn open<S>(reader: &Reader, query: &HeldQuery<S>) -> Result<Opened, Error> {
    let (id, page) = (&query.ledger, &query.page);
    let before = page.after(&reader.app.keys)?;
    let (snapshot, registry) = reader.snapshot(Some((id, page.at_least_seq))).await?;
    require_ledger(id, &registry)?;
    // Offices and providers see their own rows wherever they are, counties their area's.
    let by_row = matches!(reader.actor.role, Role::Office | Role::Provider);
    if !by_row && !reader.permits(&area_of(id), &registry) {
        snapshot.rollback().await?;
        reader.record(id, Vec::new(), false).await?;
        return Err(Refusal::PermissionDenied.into());
    }
    let seen = seen_by(&reader.actor, &registry, reader.today());
    Ok(Opened { snapshot, registry, seen, before })
}

fn filter<'a, S>(
    query: &HeldQuery<S>,
    states: &'a [&'static str],
    seen: &'a Seen,
    before: Option<uuid::Uuid>,
) -> HeldFilter<'a> {
    let (entry_id, place_group_id) = (query.entry_id, query.place_group_id);
    HeldFilter { states, entry_id, place_group_id, seen, before, limit: query.page.rows_to_read() }
}

/// Writes down whose rows a page shows.
async fn recorded<T: Held, S, A>(
    reader: &Reader,
    query: &HeldQuery<S>,
    found: &[T],
    page: (Vec<A>, String),
) -> Result<(Vec<A>, String), Error> {
    let of_shown = found.iter().take(page.0.len()).map(Held::entry_id);
    // Who was asked about counts as well, also where nothing is held for them.
    let entries: BTreeSet<EntryId> = of_shown.chain(query.entry_id).collect();
    reader.record(&query.ledger, entries.into_iter().collect(), true).await?;
    Ok(page)
}

/// The municipalities that those are entitled in of whom it is said how a placement ended: of
/// nobody else does it matter.
async fn entitled(
    snapshot: &mut sqlx::PgConnection,
    ledger: &LedgerId,
    found: &[Placement],
) -> Result<BTreeMap<EntryId, MunicipalityNumber>, Error> {
    let ended = found.iter().filter(|one| one.state.end().is_some());
    let entries: Vec<EntryId> = ended.map(|one| one.entry_id).collect();
    if entries.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(store::queues::entitled(snapshot, ledger, &entries).await?)
}
