//! An entry as its provider sees it: who is coming, how much, when and from which office.

use sqlx::PgConnection;
use time::Date;

use crate::{
    domain::{
        access::{Target, is_known_by_offer, is_known_by_placement},
        allocation::{Offer, OfferState, Placement, PlacementState},
        ids::OrganisationNumber,
        registry::Registry,
        waitlist::Entry,
    },
    error::Error,
    grpc::{
        Reader,
        answer::{
            self,
            provider::{offer_to_provider, placement_to_provider},
        },
        area_of,
        parse::waitlist::EntryQuery,
        people::{not_there, whose},
        protected::Whose,
        seen_by,
    },
    proto::v1 as pb,
    store::{
        self,
        held::{HeldFilter, OF_ONE_ENTRY_MAX, Seen},
    },
};

/// What a provider holds for an entry, and knows of.
struct HeldHere {
    offer: Option<Offer>,
    placement: Option<Placement>,
}

/// One entry, for a provider: only what is offered to it or takes place with it, and nothing of
/// what anybody else holds or knows. All else answers like an entry that is not there.
pub(super) async fn entry_to_provider(
    mut reader: Reader,
    mut snapshot: sqlx::Transaction<'static, sqlx::Postgres>,
    registry: &Registry,
    query: &EntryQuery,
) -> Result<pb::GetWaitlistEntryResponse, Error> {
    let id = &query.ledger;
    let seen = seen_by(&reader.actor, registry, reader.today());
    let held = held_here(&mut snapshot, query, &seen, reader.today()).await?;
    let own = held.is_any().then(|| reader.actor.organisation.parse::<OrganisationNumber>());
    let target = Target { organisation_number: own.and_then(Result::ok), ..area_of(id) };
    let found = store::queues::find_entry(&mut snapshot, id, query.entry_id).await?;
    let Some(entry) = found.filter(|_| reader.permits(&target, registry)) else {
        return not_there(&reader, snapshot, query).await;
    };
    let seq = store::ledger::seq(&mut snapshot, id).await?.unwrap_or(0);
    snapshot.rollback().await?;
    reader.require_another(id, &entry, registry).await?;
    let whose = if query.with_person { Some(identity_alone(&reader, &entry).await?) } else { None };
    let placement = reader.answering(registry, |viewer| {
        held.placement.as_ref().map(|held| placement_to_provider(held, viewer))
    });
    let person = reader.record_shown(id, &entry, whose).await?;
    Ok(pb::GetWaitlistEntryResponse {
        revisions: vec![answer::revision(id, seq)],
        entry: Some(held.entry_answer(&entry)),
        person,
        offer: held.offer.as_ref().map(offer_to_provider),
        placement,
    })
}

/// What is held for an entry in the caller's own place groups, as far as it is known to it.
async fn held_here(
    snapshot: &mut PgConnection,
    query: &EntryQuery,
    seen: &Seen,
    today: Date,
) -> Result<HeldHere, Error> {
    let filter = |states| HeldFilter {
        states,
        entry_id: Some(query.entry_id),
        place_group_id: None,
        seen,
        before: None,
        limit: OF_ONE_ENTRY_MAX,
    };
    let open = filter(&["OFFERED", "ACCEPTED"]);
    let offers = store::held::offers(snapshot, &query.ledger, &open).await?;
    let all = filter(&["RUNNING", "ON_LEAVE", "ENDING", "ENDED"]);
    let placements = store::held::placements(snapshot, &query.ledger, &all).await?;
    Ok(HeldHere {
        offer: offers.into_iter().find(is_known_by_offer),
        placement: placements.into_iter().find(|one| is_known_by_placement(one, today)),
    })
}

impl HeldHere {
    fn is_any(&self) -> bool {
        self.offer.is_some() || self.placement.is_some()
    }

    /// How much of a place, and which office to speak with. The state is what the provider's own
    /// offer or placement says.
    fn entry_answer(&self, entry: &Entry) -> pb::WaitlistEntry {
        pb::WaitlistEntry {
            entry_id: entry.entry_id.to_string(),
            state: self.state().into(),
            following_office_number: entry.following_office_number.to_string(),
            participation_percent: self.percent(),
            ..pb::WaitlistEntry::default()
        }
    }

    fn state(&self) -> pb::EntryState {
        match (&self.offer, &self.placement) {
            (Some(offer), _) if matches!(offer.state, OfferState::Offered { .. }) => {
                pb::EntryState::Offered
            }
            (Some(_), _) => pb::EntryState::Accepted,
            (None, Some(placement)) if !matches!(placement.state, PlacementState::Ended(_)) => {
                pb::EntryState::Placed
            }
            (None, Some(_)) => pb::EntryState::Closed,
            (None, None) => pb::EntryState::Unspecified,
        }
    }

    fn percent(&self) -> u32 {
        let of_placement = || self.placement.as_ref().map(|held| held.participation_percent);
        let of_offer = self.offer.as_ref().map(|held| held.participation_percent);
        of_offer.or_else(of_placement).unwrap_or_default()
    }
}

/// Who it is and nothing beside it. It is opened as for everybody else, so whoever is protected
/// is so here too.
async fn identity_alone(reader: &Reader, entry: &Entry) -> Result<Whose, Error> {
    Ok(match whose(reader, entry).await? {
        Whose::Told(person) => {
            let pb::EntryPerson { national_identity_number, protections, .. } = *person;
            let told =
                pb::EntryPerson { national_identity_number, protections, ..Default::default() };
            Whose::Told(Box::new(told))
        }
        kept @ (Whose::Withheld | Whose::NobodySays) => kept,
    })
}
