//! Quota without a place, and places without quota (andel uten plass, plass uten andel): a plan
//! moves quotas, and places at providers stay where they are.
//!
//! A place group may serve every municipality of its area, so it is the sums that tell: free quota
//! is matched with free places, on either side what has stood empty longest first, as that would be
//! used first. What is left over on one side cannot be used at all, whoever waits.

use std::collections::BTreeMap;

use time::Date;

use crate::domain::{
    account::{AccountKey, WHOLE_PLACE},
    ledger::Ledger,
    vacancy::{Changes, Lot, free_lots_of},
};

/// Days of the year that a price of a place is for.
const DAYS_OF_YEAR: u128 = 365;

/// What of an account the other side cannot serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// Which.
    pub key: AccountKey,
    /// How much, in per cents of a place.
    pub percent: u64,
    /// Since when the oldest of it has stood empty.
    pub since: Date,
    /// Days from then to today.
    pub days: u32,
    /// All days together, in per cents of a place.
    pub percent_days: u64,
}

impl Apart {
    /// All days together, in days of a whole place, rounded down.
    pub fn place_days(&self) -> u64 {
        self.percent_days / WHOLE_PLACE.unsigned_abs()
    }

    /// What it has cost at so much a place and year, in whole kroner, rounded down.
    pub fn cost(&self, nok_per_place_year: u64) -> u64 {
        cost(self.percent_days, nok_per_place_year)
    }
}

/// What so many days of a hundredth of a place cost, in whole kroner, rounded down.
pub fn cost(percent_days: u64, nok_per_place_year: u64) -> u64 {
    let all = u128::from(percent_days) * u128::from(nok_per_place_year);
    let kroner = all / (DAYS_OF_YEAR * u128::from(WHOLE_PLACE.unsigned_abs()));
    u64::try_from(kroner).unwrap_or(u64::MAX)
}

/// What cannot be used: free quota beyond all free places, and the other way about. At most one of
/// the two has anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlacesApart {
    /// Quota that no place serves, the longest empty first.
    pub quotas: Vec<Apart>,
    /// Places that no quota lets be used, the longest empty first. Closed groups have none.
    pub places: Vec<Apart>,
}

/// What of quotas and places is apart. `used` is how the use of each account has changed.
pub fn apart(ledger: &Ledger, used: &BTreeMap<AccountKey, Changes>, today: Date) -> PlacesApart {
    let lots = |key: &AccountKey| {
        let none = Changes::new();
        let lots = free_lots_of(ledger, key, used.get(key).unwrap_or(&none));
        lots.into_iter().map(|lot| (key.clone(), lot)).collect::<Vec<_>>()
    };
    let quotas: Vec<(AccountKey, Lot)> =
        ledger.second_accounts().flat_map(|(key, _)| lots(key)).collect();
    let open = ledger.place_groups().filter(|group| !group.is_closed(today));
    let places: Vec<(AccountKey, Lot)> =
        open.flat_map(|group| lots(&AccountKey::PlaceGroup(group.place_group_id))).collect();
    let sum = |lots: &[(AccountKey, Lot)]| -> i64 { lots.iter().map(|(_, lot)| lot.percent).sum() };
    let (of_quotas, of_places) = (sum(&quotas), sum(&places));
    PlacesApart {
        quotas: left_of(quotas, of_places, today),
        places: left_of(places, of_quotas, today),
    }
}

/// What is left of lots when so much of them is used, the oldest first.
fn left_of(mut lots: Vec<(AccountKey, Lot)>, mut used: i64, today: Date) -> Vec<Apart> {
    lots.sort_by(|(key, lot), (other, its)| (lot.since, key).cmp(&(its.since, other)));
    let mut left: BTreeMap<AccountKey, Apart> = BTreeMap::new();
    for (key, lot) in lots {
        let taken = lot.percent.min(used);
        used -= taken;
        let percent = (lot.percent - taken).unsigned_abs();
        if percent == 0 {
            continue;
        }
        let days = (today - lot.since).whole_days().max(0).unsigned_abs();
        let apart = left.entry(key.clone()).or_insert(Apart {
            key,
            percent: 0,
            since: lot.since,
            days: u32::try_from(days).unwrap_or(u32::MAX),
            percent_days: 0,
        });
        apart.percent += percent;
        apart.percent_days = apart.percent_days.saturating_add(percent.saturating_mul(days));
    }
    let mut left: Vec<Apart> = left.into_values().collect();
    left.sort_by(|a, b| (a.since, &a.key).cmp(&(b.since, &b.key)));
    left
}
