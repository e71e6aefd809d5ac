//! Fair share (rettferdig andel): what each municipality is entitled to, beside what
//! it has.

use std::collections::BTreeMap;

use time::Date;

use crate::domain::{
    apportionment::{ApportionmentError, Area, Method, Tie, apportion},
    capacity::places_on,
    ids::MunicipalityNumber,
    ledger::Ledger,
    measure::Distribution,
    registry::{DistributionKey, Registry},
};

/// The shares of an area's municipalities, or of its host areas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FairShares {
    /// The place budget that was shared, in places.
    pub budget: u32,
    /// By municipality number.
    pub shares: Vec<FairShare>,
    /// Where equal claims were decided by the lower number alone; indices of `shares`.
    pub ties: Vec<Tie>,
}

/// One municipality's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FairShare {
    /// The municipality, or the host.
    pub municipality_number: MunicipalityNumber,
    /// Its name.
    pub name: String,
    /// Its weight in the key, with those it hosts.
    pub weight: u64,
    /// Its part of all weights, in hundredths of a per cent, rounded to nearest.
    pub weight_share_basis_points: u32,
    /// The whole places it is entitled to.
    pub entitled: u64,
    /// The whole places it has now: its own quota, whatever of it is lent.
    pub current: u64,
}

/// Shares the budget that holds on `today` among the area's municipalities by `key`; among its
/// host areas, where those have the quotas.
/// A municipality the key does not have has the weight 0.
pub fn fair_shares(
    ledger: &Ledger,
    registry: &Registry,
    key: &DistributionKey,
    method: Method,
    today: Date,
) -> Result<FairShares, ApportionmentError> {
    let budget = places_on(&ledger.frame().budgets, today);
    let holders = holders(ledger, registry, today);
    let weight = |number| key.weights.get(number).copied().unwrap_or(0);
    let areas: Vec<Area> = holders
        .values()
        .map(|members| {
            let weight = members.iter().copied().map(weight).sum();
            Area { weight, min_seats: 0, max_seats: None }
        })
        .collect();
    let result = apportion(method, u64::from(budget), &areas)?;
    let total: u128 = areas.iter().map(|area| u128::from(area.weight)).sum();
    let name = |number| registry.municipality(number).map(|m| m.name.clone()).unwrap_or_default();
    let shares = holders
        .iter()
        .zip(&areas)
        .zip(&result.shares)
        .map(|(((number, members), area), share)| FairShare {
            municipality_number: (*number).clone(),
            name: name(number),
            weight: area.weight,
            weight_share_basis_points: basis_points(area.weight, total),
            entitled: share.seats,
            current: members.iter().map(|number| current_places(ledger, number, today)).sum(),
        })
        .collect();
    Ok(FairShares { budget, shares, ties: result.ties })
}

/// Whom quotas are set for, each with the municipalities they are for: itself, and those it hosts
/// on the day where the measure type is shared by host area.
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

/// Its own quota: what it has lent is its share all the same, and what it borrows is another's.
fn current_places(ledger: &Ledger, number: &MunicipalityNumber, today: Date) -> u64 {
    u64::from(ledger.frame().own_places(number, today))
}

/// `weight / total` in hundredths of a per cent, half a unit rounded up.
pub fn basis_points(weight: u64, total: u128) -> u32 {
    if total == 0 {
        return 0;
    }
    let rounded = (u128::from(weight) * 20_000 + total) / (2 * total);
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
