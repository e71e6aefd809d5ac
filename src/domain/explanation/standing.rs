//! Where an entry stands: its place in the queue, what that follows from, and what is free
//! for it.

use crate::domain::{
    account::AccountKey,
    allocation::would_take,
    calendar::Timestamp,
    capacity::PlaceGroup,
    ids::{LedgerId, MunicipalityNumber, PlaceGroupId, PriorityCode},
    ledger::Ledger,
    registry::Registry,
    waitlist::{Entry, OrderKey},
};

/// Where an entry stands, and what is free for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What the registry calls what it is about.
    pub names: Names,
    /// The municipality whose quota counts; `None` where one pool serves the area.
    pub municipality: Option<MunicipalityNumber>,
    /// Its place in the queue; nowhere when it is not eligible.
    pub position: Option<Position>,
    /// What its place in the order follows from.
    pub key: OrderKey,
    /// The priority class.
    pub priority_class: Option<PriorityCode>,
    /// The share of a place it asks for.
    pub participation_percent: u32,
    /// Whether that is more of a place the person has.
    pub is_increase: bool,
    /// What is free.
    pub free: Free,
}

/// What the registry calls things; `None` for what it does not know, which words then call
/// by what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The measure type.
    pub measure: Option<String>,
    /// The area.
    pub area: Option<String>,
    /// The municipality whose quota counts.
    pub municipality: Option<String>,
}

/// Where an entry stands among the eligible; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// In the whole ledger's queue.
    pub in_area: u64,
    /// In its municipality's own; `None` where one pool serves the area.
    pub in_municipality: Option<u64>,
}

/// What is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Free {
    /// What the municipality's quota, or the pool, has free, in per cents of a place.
    pub second_account_percent: i64,
    /// The open groups with something free, by name and id.
    pub place_groups: Vec<FreePlaceGroup>,
}

/// A place group with something free.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreePlaceGroup {
    /// Where it is.
    pub site: Site,
    /// Which.
    pub place_group_id: PlaceGroupId,
    /// How much is free, in per cents of a place.
    pub free_percent: i64,
    /// Whether the person would take a place there.
    pub would_take: bool,
}

/// Where a place is, as people call it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// The place group's name.
    pub name: String,
    /// The provider's.
    pub provider_name: Option<String>,
}

impl Standing {
    /// Where `entry` stands at a time in a ledger, whose accounts and place groups are loaded.
    pub fn of(
        ledger: &Ledger,
        entry: &Entry,
        position: Option<Position>,
        registry: &Registry,
        at: Timestamp,
    ) -> Self {
        let queue = ledger.queue_of(entry);
        let municipality = queue.municipality();
        Self {
            names: Names::of(ledger.id(), municipality, registry, at),
            municipality: municipality.cloned(),
            position,
            key: entry.key,
            priority_class: entry.priority_class.clone(),
            participation_percent: entry.participation_percent,
            is_increase: entry.increase_of.is_some(),
            free: Free {
                second_account_percent: ledger.account(&queue.account()).free(),
                place_groups: free_place_groups(ledger, entry, registry, at),
            },
        }
    }
}

impl Names {
    pub(super) fn of(
        id: &LedgerId,
        municipality: Option<&MunicipalityNumber>,
        registry: &Registry,
        at: Timestamp,
    ) -> Self {
        let municipality = municipality.and_then(|number| registry.municipality(number));
        Self {
            measure: registry
                .ledger_measure_on(id, at.date_in_norway())
                .map(|measure| measure.name.clone()),
            area: registry.area(&id.county_id).map(|area| area.name.clone()),
            municipality: municipality.map(|municipality| municipality.name.clone()),
        }
    }
}

impl Site {
    /// Of a place group.
    pub fn of(group: &PlaceGroup, registry: &Registry) -> Self {
        let provider = registry.provider(&group.organisation_number);
        Self {
            name: group.name.clone(),
            provider_name: provider.map(|provider| provider.name.clone()),
        }
    }
}

/// One that is closed has nothing to give.
fn free_place_groups(
    ledger: &Ledger,
    entry: &Entry,
    registry: &Registry,
    at: Timestamp,
) -> Vec<FreePlaceGroup> {
    let today = at.date_in_norway();
    let open = ledger.place_groups().filter(|group| !group.is_closed(today));
    let free = open.map(|group| FreePlaceGroup {
        site: Site::of(group, registry),
        place_group_id: group.place_group_id,
        free_percent: ledger.account(&AccountKey::PlaceGroup(group.place_group_id)).free(),
        would_take: would_take(group, entry, at),
    });
    let mut free: Vec<_> = free.filter(|group| group.free_percent > 0).collect();
    free.sort_unstable();
    free
}
