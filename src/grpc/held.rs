//! What is held for people: pages of offers and placements.

use crate::{
    domain::{access::Role, ids::LedgerId, refusal::Refusal},
    error::Error,
    grpc::{Reader, answer, area_of, page, parse::allocation::HeldQuery, require_ledger, seen_by},
    proto::v1 as pb,
    store::{
        self,
        held::{Held, HeldFilter, Seen},
    },
};

/// Offers, the latest first. A provider sees what was offered in its own groups, never what
/// was only proposed.
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
    };
    let opened = open(&reader, &query, "offers", query.state.as_str_name()).await?;
    let Opened { mut snapshot, seen, bound_to, before } = opened;
    let filter = filter(&query, states, &seen, before);
    let found = store::held::offers(&mut snapshot, &query.ledger, &filter).await?;
    let seq = store::ledger::seq(&mut snapshot, &query.ledger).await?.unwrap_or(0);
    snapshot.rollback().await?;
    let (offers, next_page_token) = page(&reader, &query.ledger, &query, &bound_to, found).await?;
    Ok(pb::ListOffersResponse {
        revisions: vec![answer::revision(&query.ledger, seq)],
        offers: offers.iter().map(answer::offer).collect(),
        next_page_token,
    })
}

/// Placements, the latest made first.
pub(super) async fn placements(
    reader: Reader,
    query: HeldQuery<pb::PlacementState>,
) -> Result<pb::ListPlacementsResponse, Error> {
    let states: &[&str] = match query.state {
        pb::PlacementState::Unspecified => &["RUNNING", "ENDING"],
        pb::PlacementState::Running => &["RUNNING"],
        pb::PlacementState::Ending => &["ENDING"],
        pb::PlacementState::Ended => &["ENDED"],
    };
    let opened = open(&reader, &query, "placements", query.state.as_str_name()).await?;
    let Opened { mut snapshot, seen, bound_to, before } = opened;
    let filter = filter(&query, states, &seen, before);
    let found = store::held::placements(&mut snapshot, &query.ledger, &filter).await?;
    let seq = store::ledger::seq(&mut snapshot, &query.ledger).await?.unwrap_or(0);
    snapshot.rollback().await?;
    let (shown, next_page_token) = page(&reader, &query.ledger, &query, &bound_to, found).await?;
    Ok(pb::ListPlacementsResponse {
        revisions: vec![answer::revision(&query.ledger, seq)],
        placements: shown.iter().map(answer::placement).collect(),
        next_page_token,
    })
}

/// What a page begins with.
struct Opened {
    snapshot: sqlx::Transaction<'static, sqlx::Postgres>,
    seen: Seen,
    bound_to: String,
    before: Option<uuid::Uuid>,
}

/// Reads the token, waits for the ledger, and asks whether the caller may list it at all.
async fn open<S>(
    reader: &Reader,
    query: &HeldQuery<S>,
    list: &str,
    state: &str,
) -> Result<Opened, Error> {
    let id = &query.ledger;
    let entry = query.entry_id.map(|id| id.to_string()).unwrap_or_default();
    let group = query.place_group_id.map(|id| id.to_string()).unwrap_or_default();
    let bound_to = format!("{list}/{id}/{state}/{entry}/{group}");
    let before = page::cursor(&reader.app.keys, &bound_to, &query.page_token)?;
    let (snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    require_ledger(id, &registry)?;
    // Offices and providers see their own rows wherever they are, counties their area's.
    let by_row = matches!(reader.actor.role, Role::Office | Role::Provider);
    if !by_row && !reader.permits(&area_of(id), &registry) {
        snapshot.rollback().await?;
        reader.record(id, Vec::new(), false).await?;
        return Err(Refusal::PermissionDenied.into());
    }
    let seen = seen_by(&reader.actor, &registry);
    Ok(Opened { snapshot, seen, bound_to, before })
}

fn filter<'a, S>(
    query: &HeldQuery<S>,
    states: &'a [&'static str],
    seen: &'a Seen,
    before: Option<uuid::Uuid>,
) -> HeldFilter<'a> {
    let (entry_id, place_group_id) = (query.entry_id, query.place_group_id);
    HeldFilter { states, entry_id, place_group_id, seen, before, limit: query.page_size + 1 }
}

/// Cuts what was read down to the page, and writes down whose rows it shows.
async fn page<T: Held, S>(
    reader: &Reader,
    id: &LedgerId,
    query: &HeldQuery<S>,
    bound_to: &str,
    mut found: Vec<T>,
) -> Result<(Vec<T>, String), Error> {
    let size = usize::try_from(query.page_size).unwrap_or(usize::MAX);
    let more = found.len() > size;
    found.truncate(size);
    let token = match found.last() {
        Some(last) if more => page::token(&reader.app.keys, bound_to, &last.id())?,
        _ => String::new(),
    };
    let mut entries: Vec<_> = found.iter().map(Held::entry_id).collect();
    entries.sort_unstable();
    entries.dedup();
    reader.record(id, entries, true).await?;
    Ok((found, token))
}
