//! Fair share (rettferdig andel): what each municipality is entitled to, beside what
//! it has.
//!
//! What is shared is a [`Pot`]: the place budgets of one ledger, of several measure types together
//! (a measure group), or of all areas, as of a day. It stands beside what everyone holds on that
//! day; any key and method can then be held against it.

use std::collections::BTreeMap;

use time::Date;

use crate::domain::{
    apportionment::{Apportionment, ApportionmentError, Area, Method, apportion},
    capacity::places_on,
    fairness::{Indices, indices},
    ids::{AreaId, MunicipalityNumber},
    ledger::Ledger,
    measure::Distribution,
    redistribution::Off,
    registry::{self, DistributionKey, Registry},
};

mod compare;
mod warning;

pub use compare::{COMPARED_MAX, Combination, FLIPS_TOLD, FlipMargin, compare};
pub use warning::{Warning, warnings};

/// The most places the quota method shares here: its work grows with them.
const QUOTA_METHOD_PLACES_MAX: u64 = 100_000;

/// Among whom places are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Each municipality.
    Municipality,
    /// Each municipality with those it hosts on the day.
    HostArea,
    /// Each allocation area.
    AllocationArea,
}

impl Grain {
    /// The grain that the quotas of a measure type have.
    pub fn of(distribution: Option<Distribution>) -> Self {
        match distribution {
            Some(Distribution::ByHostArea) => Self::HostArea,
            Some(Distribution::ByMunicipality | Distribution::CountyPool) | None => {
                Self::Municipality
            }
        }
    }
}

/// Places to share, and those who share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pot {
    /// The place budgets together, in places.
    pub budget: u64,
    /// Among whom.
    pub grain: Grain,
    /// Who shares, by number or id: so ties go to the lower one.
    pub sharers: Vec<Sharer>,
}

/// One of those who share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharer {
    /// The municipality's number, or the area's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its allocation area.
    pub county_id: AreaId,
    /// The municipalities it stands for, itself among them.
    pub members: Vec<MunicipalityNumber>,
    /// The whole places it holds on the day.
    pub current: u64,
}

/// What everyone is entitled to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FairShares {
    /// In the order of the pot's sharers.
    pub shares: Vec<FairShare>,
    /// How the places were shared, with what proves it.
    pub result: Apportionment,
    /// All weights.
    pub total_weight: u64,
    /// All places that are held.
    pub current: u64,
}

/// One share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FairShare {
    /// Its weight in the key, with those it stands for.
    pub weight: u64,
    /// Its part of all weights, in hundredths of a per cent, rounded to nearest.
    pub weight_basis_points: u32,
    /// Its part of all places that are held, likewise.
    pub place_basis_points: u32,
    /// The whole places it is entitled to.
    pub entitled: u64,
    /// The whole places it holds.
    pub current: u64,
}

impl Pot {
    /// The places of these ledgers, and who shares them in these areas on a day.
    ///
    /// Who has a quota holds that, whatever of it is lent. Where one pool serves an area nobody
    /// has one: there the approved places that lie in a municipality count as its own.
    pub fn of(
        ledgers: &[Ledger],
        counties: &[AreaId],
        registry: &Registry,
        grain: Grain,
        day: Date,
    ) -> Self {
        let budget_of = |ledger: &Ledger| u64::from(places_on(&ledger.frame().budgets, day));
        let sharers = match grain {
            Grain::Municipality | Grain::HostArea => {
                sharing_municipalities(ledgers, counties, registry, grain, day)
            }
            Grain::AllocationArea => {
                let areas = counties.iter().filter_map(|id| registry.area(id));
                let sharer = |area: &registry::Area| {
                    let own = |ledger: &&Ledger| ledger.id().county_id == area.county_id;
                    let members = registry.municipalities_of(&area.county_id);
                    Sharer {
                        id: area.county_id.to_string(),
                        name: area.name.clone(),
                        county_id: area.county_id.clone(),
                        members: members.map(|one| one.municipality_number.clone()).collect(),
                        current: ledgers.iter().filter(own).map(budget_of).sum(),
                    }
                };
                areas.map(sharer).collect()
            }
        };
        Self { budget: ledgers.iter().map(budget_of).sum(), grain, sharers }
    }

    /// What a key makes each of them weigh. A municipality the key does not have weighs 0.
    pub fn areas(&self, key: &DistributionKey) -> Vec<Area> {
        let weight = |number: &MunicipalityNumber| key.weights.get(number).copied().unwrap_or(0);
        let sharer = |sharer: &Sharer| Area {
            weight: sharer.members.iter().map(weight).sum(),
            min_seats: 0,
            max_seats: None,
        };
        self.sharers.iter().map(sharer).collect()
    }

    /// How the budget is shared by a key and a method.
    pub fn apportion(
        &self,
        key: &DistributionKey,
        method: Method,
    ) -> Result<Apportionment, ApportionmentError> {
        self.apportion_places(self.budget, key, method)
    }

    /// How another number of places would be.
    fn apportion_places(
        &self,
        places: u64,
        key: &DistributionKey,
        method: Method,
    ) -> Result<Apportionment, ApportionmentError> {
        if method == Method::Quota && places > QUOTA_METHOD_PLACES_MAX {
            let limit = QUOTA_METHOD_PLACES_MAX;
            return Err(ApportionmentError::TooManySeats { seats: places, limit });
        }
        apportion(method, places, &self.areas(key))
    }

    /// How far what is held lies from a key.
    pub fn current_indices(&self, key: &DistributionKey) -> Option<Indices> {
        let held = self.sharers.iter().map(|sharer| sharer.current);
        let areas = self.areas(key);
        indices(&areas.iter().map(|area| area.weight).zip(held).collect::<Vec<_>>())
    }

    /// How far an answer lies from a key.
    pub fn entitled_indices(
        &self,
        key: &DistributionKey,
        result: &Apportionment,
    ) -> Option<Indices> {
        let seats = result.shares.iter().map(|share| share.seats);
        let areas = self.areas(key);
        indices(&areas.iter().map(|area| area.weight).zip(seats).collect::<Vec<_>>())
    }

    /// How many places would have to move (D): from those that hold more than they are entitled to,
    /// and no more than others lack.
    pub fn to_move(&self, result: &Apportionment) -> u64 {
        let pairs = self.sharers.iter().zip(&result.shares);
        Off::of(pairs.map(|(sharer, share)| (sharer.current, share.seats))).distance()
    }
}

/// Shares a pot by a key and a method.
pub fn fair_shares(
    pot: &Pot,
    key: &DistributionKey,
    method: Method,
) -> Result<FairShares, ApportionmentError> {
    let result = pot.apportion(key, method)?;
    let areas = pot.areas(key);
    let total: u128 = areas.iter().map(|area| u128::from(area.weight)).sum();
    let current: u64 = pot.sharers.iter().map(|sharer| sharer.current).sum();
    let shares = pot
        .sharers
        .iter()
        .zip(&areas)
        .zip(&result.shares)
        .map(|((sharer, area), share)| FairShare {
            weight: area.weight,
            weight_basis_points: basis_points(area.weight, total),
            place_basis_points: basis_points(sharer.current, u128::from(current)),
            entitled: share.seats,
            current: sharer.current,
        })
        .collect();
    let total_weight = u64::try_from(total).unwrap_or(u64::MAX);
    Ok(FairShares { shares, result, total_weight, current })
}

/// The municipalities that share, each with those it stands for.
fn sharing_municipalities(
    ledgers: &[Ledger],
    counties: &[AreaId],
    registry: &Registry,
    grain: Grain,
    day: Date,
) -> Vec<Sharer> {
    let lying = lying_places(ledgers, day);
    let held = |number: &MunicipalityNumber| -> u64 {
        let quotas = ledgers.iter().map(|ledger| u64::from(ledger.frame().own_places(number, day)));
        quotas.sum::<u64>() + lying.get(number).copied().unwrap_or(0)
    };
    let mut sharers: BTreeMap<&MunicipalityNumber, Sharer> = BTreeMap::new();
    for municipality in counties.iter().flat_map(|area| registry.municipalities_of(area)) {
        let number = &municipality.municipality_number;
        let holder = match grain {
            Grain::HostArea => registry.host_of(number, day),
            Grain::Municipality | Grain::AllocationArea => number,
        };
        let name = || registry.municipality(holder).map(|one| one.name.clone());
        let sharer = sharers.entry(holder).or_insert_with(|| Sharer {
            id: holder.to_string(),
            name: name().unwrap_or_default(),
            county_id: municipality.county_id.clone(),
            members: Vec::new(),
            current: 0,
        });
        sharer.members.push(number.clone());
        sharer.current += held(number);
    }
    sharers.into_values().collect()
}

/// The approved places of measure types with one pool, by where they lie.
fn lying_places(ledgers: &[Ledger], day: Date) -> BTreeMap<&MunicipalityNumber, u64> {
    let mut places: BTreeMap<_, u64> = BTreeMap::new();
    let pools = ledgers.iter().filter(|ledger| ledger.distribution() == Distribution::CountyPool);
    for group in pools.flat_map(Ledger::place_groups) {
        let approved = u64::from(places_on(&group.capacity, day));
        *places.entry(&group.site_municipality_number).or_default() += approved;
    }
    places
}

/// Whom quotas of a ledger are set for, each with the municipalities they are for: itself, and
/// those it hosts on the day where the measure type is shared by host area.
pub(super) fn holders<'a>(
    ledger: &Ledger,
    registry: &'a Registry,
    today: Date,
) -> BTreeMap<&'a MunicipalityNumber, Vec<&'a MunicipalityNumber>> {
    let by_host = registry.ledger_distribution(ledger.id()) == Some(Distribution::ByHostArea);
    let mut holders: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for municipality in registry.municipalities_of(&ledger.id().county_id) {
        let number = &municipality.municipality_number;
        let holder = if by_host { registry.host_of(number, today) } else { number };
        holders.entry(holder).or_default().push(number);
    }
    holders
}

/// `part / whole` in hundredths of a per cent, half a unit rounded up.
pub fn basis_points(part: u64, whole: u128) -> u32 {
    if whole == 0 {
        return 0;
    }
    let rounded = (u128::from(part) * 20_000 + whole) / (2 * whole);
    u32::try_from(rounded).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_to_the_nearest_hundredth_of_a_per_cent() {
        assert_eq!(basis_points(173_486, 294_066), 5900);
        assert_eq!(basis_points(1, 3), 3333);
        assert_eq!(basis_points(2, 3), 6667);
        assert_eq!(basis_points(1, 20_000), 1);
        assert_eq!(basis_points(0, 0), 0);
    }
}
