//! What a municipality's quota is on a day: its own, less what it lends, and what it borrows.
//!
//! The limits of all quotas together are what the quotas are, whatever is lent, so the budget
//! holds for both (I2). Where a quota is lowered below what it has lent, the loan stands: the
//! lender's limit is 0, and all limits together are more than the quotas by what is missing.

use std::collections::BTreeSet;

use time::Date;

use crate::domain::{
    account::WHOLE_PLACE,
    capacity::{PlacesInPeriod, Quota, QuotaBasis, boundaries_after, places_on},
    ids::MunicipalityNumber,
    ledger::Frame,
    lending::Loan,
};

impl Frame {
    /// The places of a municipality's own quota on a date, whatever of them is lent.
    pub fn own_places(&self, number: &MunicipalityNumber, date: Date) -> u32 {
        self.quotas.get(number).map_or(0, |history| places_of(history, date))
    }

    /// The places it has lent to others on a date.
    pub fn lent_places(&self, number: &MunicipalityNumber, date: Date) -> u32 {
        self.sum_of_loans(date, |loan| loan.from_municipality == *number)
    }

    /// The places it has borrowed of others on a date.
    pub fn borrowed_places(&self, number: &MunicipalityNumber, date: Date) -> u32 {
        self.sum_of_loans(date, |loan| loan.to_municipality == *number)
    }

    fn sum_of_loans(&self, date: Date, is_counted: impl Fn(&Loan) -> bool) -> u32 {
        let counted = self.loans.iter().filter(|loan| loan.covers(date) && is_counted(loan));
        counted.fold(0, |sum, loan| sum.saturating_add(loan.places))
    }

    /// What its account may use on a date, in per cents of a place.
    pub fn quota_limit(&self, number: &MunicipalityNumber, date: Date) -> i64 {
        let left = self.own_places(number, date).saturating_sub(self.lent_places(number, date));
        (i64::from(left) + i64::from(self.borrowed_places(number, date))) * WHOLE_PLACE
    }

    /// The days after `date` on which what it may use can change.
    pub fn quota_days_after(&self, number: &MunicipalityNumber, date: Date) -> BTreeSet<Date> {
        let own = self.quotas.get(number).into_iter().flatten();
        let own = own.flat_map(|quota| {
            boundaries_after(std::slice::from_ref(&quota.places), date).collect::<Vec<_>>()
        });
        let loans = self.loans.iter().filter(|loan| loan.concerns(number));
        own.chain(loans.flat_map(|loan| days_of(loan, date))).collect()
    }

    /// How many of its own places it can do without on `date` and on all days to come: what is
    /// neither lent nor set to be less later. Below 0 where more is lent than it has.
    pub fn spare_places(&self, number: &MunicipalityNumber, date: Date) -> i64 {
        let own = self.quotas.get(number).into_iter().flatten();
        let own = own.map(|quota| quota.places.valid_from).filter(|day| *day > date);
        let loans = self.loans.iter().filter(|loan| loan.from_municipality == *number);
        let days: BTreeSet<Date> = own.chain(loans.flat_map(|loan| days_of(loan, date))).collect();
        let spare = |day| {
            i64::from(self.own_places(number, day)) - i64::from(self.lent_places(number, day))
        };
        [date].into_iter().chain(days).map(spare).min().unwrap_or(0)
    }

    /// The places the budget has on `date` and on all days to come.
    pub fn lasting_budget(&self, date: Date) -> u32 {
        let days = boundaries_after(&self.budgets, date).filter(|day| *day > date);
        let places = [date].into_iter().chain(days).map(|day| places_on(&self.budgets, day));
        places.min().unwrap_or(0)
    }

    /// How many places of the budget no quota holds on `date` and on all days to come.
    pub fn room_in_budget(&self, date: Date) -> u64 {
        let quotas = self.quotas.values().flatten();
        let quotas = quotas.map(|quota| quota.places.valid_from).filter(|day| *day > date);
        let loans = self.loans.iter().flat_map(|loan| days_of(loan, date));
        let budgets = boundaries_after(&self.budgets, date);
        let days: BTreeSet<Date> = quotas.chain(loans).chain(budgets).collect();
        let room = |day| {
            let budget = u64::from(places_on(&self.budgets, day));
            budget.saturating_sub(self.sum_of_limits(day))
        };
        [date].into_iter().chain(days).map(room).min().unwrap_or(0)
    }

    /// The most places a municipality co-finances, by its quota that holds on a date; `None` where
    /// no bound is known.
    pub fn committed_places(&self, number: &MunicipalityNumber, date: Date) -> Option<u32> {
        let holds = self.quotas_from(number, date).first();
        holds.filter(|quota| quota.places.covers(date))?.committed_places
    }

    /// How many more places its quota may get from a date on: on that day and on each later one
    /// it comes to no more than the municipality co-finances then.
    pub fn committed_room(&self, number: &MunicipalityNumber, date: Date) -> Option<u32> {
        let quotas = self.quotas_from(number, date).iter();
        let room = |quota: &Quota| {
            quota.committed_places.map(|most| most.saturating_sub(quota.places.places))
        };
        quotas.filter_map(room).min()
    }

    /// Its quota that holds on a date, if one does, and those that are set for later.
    pub(super) fn quotas_from(&self, number: &MunicipalityNumber, date: Date) -> &[Quota] {
        let history = self.quotas.get(number).map_or(&[][..], Vec::as_slice);
        let later = || history.iter().position(|quota| quota.places.valid_from > date);
        let holds = history.iter().rposition(|quota| quota.places.covers(date)).or_else(later);
        holds.map_or(&[], |at| &history[at..])
    }

    /// Every municipality that has a quota, or lends or borrows.
    pub fn quota_holders(&self) -> BTreeSet<&MunicipalityNumber> {
        let loans = self.loans.iter();
        let lending = loans.flat_map(|loan| [&loan.from_municipality, &loan.to_municipality]);
        self.quotas.keys().chain(lending).collect()
    }

    /// The sum of all quotas on a date, in places.
    pub fn sum_of_quotas(&self, date: Date) -> u64 {
        self.quotas.values().map(|history| u64::from(places_of(history, date))).sum()
    }

    /// The sum of what all quotas may use on a date, in places: the sum of the quotas, where none
    /// was lowered below what it has lent.
    pub fn sum_of_limits(&self, date: Date) -> u64 {
        let used = |number| self.own_places(number, date).max(self.lent_places(number, date));
        self.quota_holders().into_iter().map(|number| u64::from(used(number))).sum()
    }

    /// How many places more than the place budget all quotas may use together on a date: over,
    /// since a budget may be lowered below them.
    pub fn over_budget(&self, date: Date) -> u32 {
        let budget = places_on(&self.budgets, date);
        let over = self.sum_of_limits(date).saturating_sub(u64::from(budget));
        u32::try_from(over).unwrap_or(u32::MAX)
    }
}

/// Gives a quota so many places more or less from a day on; what is set for later is shifted by as
/// many, so that two quotas that are shifted against each other have the same sum on each day. What
/// it rests on, and what the municipality co-finances, stay as they were; one that begins with it
/// rests on `basis`.
pub(super) fn shift(
    frame: &mut Frame,
    number: &MunicipalityNumber,
    date: Date,
    places: i64,
    basis: QuotaBasis,
) {
    let history = frame.quotas.entry(number.clone()).or_default();
    let holds = history.iter().rposition(|quota| quota.places.covers(date));
    if holds.is_none_or(|at| history[at].places.valid_from < date) {
        let mut quota =
            holds.map_or_else(|| first_quota(number, date, basis), |at| history[at].clone());
        quota.places.valid_from = date;
        history.insert(holds.map_or(0, |at| at + 1), quota);
    }
    for quota in history.iter_mut().filter(|quota| quota.places.valid_from >= date) {
        let shifted = i64::from(quota.places.places).saturating_add(places).max(0);
        quota.places.places = u32::try_from(shifted).unwrap_or(u32::MAX);
    }
}

fn first_quota(number: &MunicipalityNumber, date: Date, basis: QuotaBasis) -> Quota {
    Quota {
        municipality_number: number.clone(),
        places: PlacesInPeriod { places: 0, valid_from: date, valid_to: None },
        basis,
        basis_date: None,
        source: String::new(),
        review_by: None,
        committed_places: None,
    }
}

/// The days after `date` on which a loan begins or returns.
pub(super) fn days_of(loan: &Loan, date: Date) -> impl Iterator<Item = Date> {
    [loan.valid_from, loan.valid_to].into_iter().filter(move |day| *day > date)
}

fn places_of(history: &[Quota], date: Date) -> u32 {
    let holds = history.iter().rev().find(|quota| quota.places.covers(date));
    holds.map_or(0, |quota| quota.places.places)
}
