//! Accounts: what may be used and what is. Every place is debited to two of them,
//! its place group and a second one, from the proposal on.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{MunicipalityNumber, PlaceGroupId};

/// One whole place. All counting is in per cents of a place.
pub const WHOLE_PLACE: i64 = 100;

/// Which account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountKey {
    /// A place group's places.
    PlaceGroup(PlaceGroupId),
    /// A municipality's quota.
    Quota(MunicipalityNumber),
    /// The area's one pool.
    Pool,
}

/// An account, in per cents of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// What may be used.
    pub limit: i64,
    /// Held by proposals and offers.
    pub reserved: i64,
    /// Held by placements.
    pub in_use: i64,
    /// What the database lets `reserved + in_use` be at most: the limit, or, while a
    /// lowered limit is still exceeded, what was used when it was lowered. It falls
    /// with use, so what has fallen cannot rise above the limit again (I1, I2).
    pub ceiling: i64,
}

impl Account {
    /// Reserved and in use together.
    pub fn used(&self) -> i64 {
        self.reserved + self.in_use
    }

    /// What is free; 0 while over.
    pub fn free(&self) -> i64 {
        (self.limit - self.used()).max(0)
    }

    /// What use exceeds the limit by.
    pub fn over(&self) -> i64 {
        (self.used() - self.limit).max(0)
    }

    /// Sets what may be used; nobody is put out by a lower limit (I9).
    pub fn set_limit(&mut self, limit: i64) {
        self.limit = limit;
        self.settle();
    }

    /// Holds `percent` for a proposal. The caller has seen that it is free.
    pub fn reserve(&mut self, percent: i64) {
        self.reserved += percent;
    }

    /// Holds `percent` that another system holds already, and lets it be over.
    pub fn hold(&mut self, percent: i64) {
        self.reserved += percent;
        self.settle();
    }

    /// Gives a reservation back.
    pub fn give_back(&mut self, percent: i64) {
        self.reserved -= percent;
        self.settle();
    }

    /// A reserved share begins to be used.
    pub fn begin(&mut self, percent: i64) {
        self.reserved -= percent;
        self.in_use += percent;
    }

    /// A share is used from now on without having been reserved. The caller has seen that it
    /// is free, or lets it be over.
    pub fn take(&mut self, percent: i64) {
        self.in_use += percent;
        self.settle();
    }

    /// A used share ends.
    pub fn end(&mut self, percent: i64) {
        self.in_use -= percent;
        self.settle();
    }

    fn settle(&mut self) {
        self.ceiling = self.limit.max(self.used());
    }

    /// Whether the figures can be: the same the database checks.
    pub fn is_sound(&self) -> bool {
        self.limit >= 0
            && self.reserved >= 0
            && self.in_use >= 0
            && self.ceiling == self.limit.max(self.used())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lowered_limit_puts_nobody_out_and_lets_nothing_in() {
        let mut account = Account::default();
        account.set_limit(300);
        account.reserve(200);
        account.begin(200);
        account.set_limit(100);
        assert_eq!((account.free(), account.over(), account.ceiling), (0, 100, 200));
        account.end(100);
        assert_eq!((account.free(), account.over(), account.ceiling), (0, 0, 100));
        account.end(50);
        assert_eq!((account.free(), account.ceiling), (50, 100));
        assert!(account.is_sound());
    }

    #[test]
    fn what_is_held_elsewhere_may_be_over_and_what_is_reserved_here_may_not() {
        let mut account = Account::default();
        account.set_limit(100);
        account.hold(150);
        assert_eq!((account.free(), account.over(), account.ceiling), (0, 50, 150));
        assert!(account.is_sound());
        account.give_back(150);
        account.reserve(100);
        assert!(account.is_sound());
        account.reserve(50);
        assert!(!account.is_sound());
    }
}
