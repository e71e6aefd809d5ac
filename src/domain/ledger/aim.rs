//! What an active plan aims at: the targets as the budget, the distribution key, the borders and
//! the quotas are now. Whoever has a quota and is none of the area's holders any more (moved to
//! another area, or hosted by another) has no weight and takes nothing; what it holds is all to
//! be given.

use std::collections::{BTreeMap, BTreeSet};

use time::Date;

use crate::domain::{
    capacity::places_on,
    fair_share::holders,
    ids::MunicipalityNumber,
    ledger::Ledger,
    plan::{self, ActivePlan, ChangeCause, Holder, PlanTerms},
    redistribution::Off,
    registry::Registry,
};

/// What a plan aims at on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// Who holds quotas, by number.
    pub holders: Vec<Holder>,
    /// The places that are shared out.
    pub places: u32,
    /// The targets; `None` where the places cannot be shared out so.
    pub targets: Option<BTreeMap<MunicipalityNumber, u32>>,
    /// The date of the distribution key's dataset; `None` where there is none.
    pub key_date: Option<Date>,
    /// In what the plan is other than that; of nothing, the plan aims as it should.
    pub causes: BTreeSet<ChangeCause>,
}

impl Aim {
    /// How many places have yet to move to these targets.
    pub fn remaining(&self) -> u64 {
        self.targets.as_ref().map_or(0, |targets| yet_to_move(&self.holders, targets))
    }
}

/// How many places have yet to move from who holds more than the target (D).
pub(super) fn yet_to_move(holders: &[Holder], targets: &BTreeMap<MunicipalityNumber, u32>) -> u64 {
    let target = |holder: &Holder| targets.get(&holder.municipality_number).copied().unwrap_or(0);
    Off::of(holders.iter().map(|holder| (holder.held, target(holder).into()))).distance()
}

/// What a plan aims at, as the ledger and the registry are; what it aimed at `before` tells what
/// has changed.
pub fn aim(ledger: &Ledger, before: &ActivePlan, registry: &Registry, today: Date) -> Aim {
    let terms = &before.terms;
    let holders = plan_holders(ledger, terms, registry, today);
    let places = places_on(&ledger.frame().budgets, today);
    let targets = targets(terms, places, &holders);
    let key_date = registry.distribution_key(&terms.key_name, terms.key_date).map(|(date, _)| date);
    let causes = targets.as_ref().map_or_else(BTreeSet::new, |targets| {
        let entitled = self::holders(ledger, registry, today);
        let is_new_key = key_date != before.key_date;
        causes((places, targets), before, |number| entitled.contains_key(number), is_new_key)
    });
    Aim { holders, places, targets, key_date, causes }
}

/// Why these are other targets than a plan's.
fn causes(
    (places, targets): (u32, &BTreeMap<MunicipalityNumber, u32>),
    before: &ActivePlan,
    is_entitled: impl Fn(&MunicipalityNumber) -> bool,
    is_new_key: bool,
) -> BTreeSet<ChangeCause> {
    let mut causes = BTreeSet::new();
    if places != before.places {
        causes.insert(ChangeCause::Budget);
    }
    let target = |of: &BTreeMap<_, u32>, number| of.get(number).copied().unwrap_or(0);
    let mut known = before.targets.keys().chain(targets.keys());
    if known.all(|number| target(targets, number) == target(&before.targets, number)) {
        return causes;
    }
    if is_new_key {
        causes.insert(ChangeCause::Key);
    }
    let has_left = |(number, target): (_, &u32)| *target > 0 && !is_entitled(number);
    let has_come = |number| is_entitled(number) && !before.targets.contains_key(number);
    if before.targets.iter().any(has_left) || targets.keys().any(has_come) {
        causes.insert(ChangeCause::Borders);
    }
    if causes.is_empty() {
        causes.insert(ChangeCause::Key);
    }
    causes
}

/// Who holds quotas, with the weights of the plan's key, by number.
pub fn plan_holders(
    ledger: &Ledger,
    terms: &PlanTerms,
    registry: &Registry,
    today: Date,
) -> Vec<Holder> {
    let key = registry.distribution_key(&terms.key_name, terms.key_date);
    let weight = |number: &MunicipalityNumber| {
        key.and_then(|(_, key)| key.weights.get(number)).copied().unwrap_or(0)
    };
    let held = |number: &MunicipalityNumber| u64::from(ledger.frame().own_places(number, today));
    let entitled = holders(ledger, registry, today);
    let of_one = |(number, members): (&&MunicipalityNumber, &Vec<&MunicipalityNumber>)| {
        let maxima = members.iter().map(|member| terms.committed_places.get(*member));
        // A host's maximum is known where that of each of its members is.
        let in_terms: Option<u64> = maxima.map(|most| most.copied().map(u64::from)).sum();
        Holder {
            municipality_number: (*number).clone(),
            weight: members.iter().map(|number| weight(number)).sum(),
            held: held(number),
            maximum: in_terms.or_else(|| committed_on(ledger, number, held(number), today)),
        }
    };
    let left = ledger.frame().quotas.keys().filter(|number| !entitled.contains_key(*number));
    let left = left.filter(|number| held(number) > 0).map(|number| Holder {
        municipality_number: number.clone(),
        weight: 0,
        held: held(number),
        maximum: Some(0),
    });
    let mut all: Vec<Holder> = entitled.iter().map(of_one).chain(left).collect();
    all.sort_by(|a, b| a.municipality_number.cmp(&b.municipality_number));
    all
}

/// The targets of so many places, by number; `None` where they cannot be shared out so.
pub(super) fn targets(
    terms: &PlanTerms,
    places: u32,
    holders: &[Holder],
) -> Option<BTreeMap<MunicipalityNumber, u32>> {
    let told = plan::targets(terms.method, u64::from(places), holders)?;
    let told = told.into_iter().map(|places| u32::try_from(places).unwrap_or(u32::MAX));
    let numbers = holders.iter().map(|holder| holder.municipality_number.clone());
    Some(numbers.zip(told).collect())
}

/// The most a municipality may come to hold where the plan does not say it: what it co-finances by
/// the quota that holds, and no more than leaves those that are set for later within what it
/// co-finances then.
fn committed_on(
    ledger: &Ledger,
    number: &MunicipalityNumber,
    held: u64,
    today: Date,
) -> Option<u64> {
    let frame = ledger.frame();
    let now = frame.committed_places(number, today).map(u64::from);
    let later = frame.committed_room(number, today).map(|room| held + u64::from(room));
    now.into_iter().chain(later).min()
}
