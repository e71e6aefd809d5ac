//! How the use of a ledger's places may be told: of each place group, of each second account, and of
//! all together.

use std::collections::BTreeMap;

use crate::domain::{
    account::{Account, AccountKey, WHOLE_PLACE},
    disclosure::{Threshold, hide_linked},
    ledger::Ledger,
};

/// So much of an account is held, in per cents of a place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// By proposals and offers.
    pub reserved: u64,
    /// By placements.
    pub in_use: u64,
}

/// What may be told of an account, or of all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseTold {
    /// How much is used: what is free, and what is over, follow from it.
    pub used: bool,
    /// How much of that is reserved, and how much in use.
    pub parts: bool,
}

impl UseTold {
    /// Everything.
    pub const ALL: Self = Self { used: true, parts: true };
}

/// What may be told of a ledger's use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacesTold {
    /// Of the accounts of which not all is.
    accounts: BTreeMap<AccountKey, UseTold>,
    /// Of all places together.
    pub total: UseTold,
}

impl PlacesTold {
    /// To who sees the people behind the figures.
    pub fn everything() -> Self {
        Self { accounts: BTreeMap::new(), total: UseTold::ALL }
    }

    /// Of an account.
    pub fn of(&self, key: &AccountKey) -> UseTold {
        self.accounts.get(key).copied().unwrap_or(UseTold::ALL)
    }

    /// To who knows of this much of each account, and of nothing else.
    pub fn of_ledger(
        ledger: &Ledger,
        known: &BTreeMap<AccountKey, Use>,
        threshold: Threshold,
    ) -> Self {
        let others: Vec<(AccountKey, Use)> = ledger
            .accounts()
            .map(|(key, account)| (key.clone(), without(account, known.get(key))))
            .collect();
        Self::of_others(&others, threshold)
    }

    /// To who knows nothing of these figures. Every place is debited to a place group and to a second
    /// account, so that both lists have the same sum.
    ///
    /// What is used is told row by row. How it is divided into reserved and in use is told of the sum
    /// alone, where both parts may be: of a single row it could be told only where the other rows
    /// together do not give away one of theirs.
    pub fn of_others(others: &[(AccountKey, Use)], threshold: Threshold) -> Self {
        let unit = WHOLE_PLACE.unsigned_abs();
        let (groups, seconds): (Vec<_>, Vec<_>) =
            others.iter().partition(|(key, _)| matches!(key, AccountKey::PlaceGroup(_)));
        let used = |rows: &[&(AccountKey, Use)]| -> Vec<u64> {
            rows.iter().map(|(_, held)| held.reserved + held.in_use).collect()
        };
        let (of_groups, of_seconds) = hide_linked(&used(&groups), &used(&seconds), unit, threshold);
        // Who knows an account's figures need not know in which groups that is: so by both.
        let is_small = |rows: &[&(AccountKey, Use)], part: fn(&Use) -> u64| {
            threshold.is_small(rows.iter().map(|(_, held)| part(held)).sum(), unit)
        };
        let small = [&groups, &seconds]
            .into_iter()
            .any(|rows| is_small(rows, |held| held.reserved) || is_small(rows, |held| held.in_use));
        let total = UseTold { used: !of_groups.total, parts: !of_groups.total && !small };
        let mut accounts = BTreeMap::new();
        let rows = groups.iter().zip(&of_groups.rows).chain(seconds.iter().zip(&of_seconds.rows));
        for ((key, held), hidden) in rows {
            // The pool is all places together.
            let parts = total.parts && *key == AccountKey::Pool;
            if *held != Use::default() {
                accounts.insert(key.clone(), UseTold { used: !hidden, parts });
            }
        }
        Self { accounts, total }
    }
}

/// What others hold of an account.
fn without(account: &Account, known: Option<&Use>) -> Use {
    let known = known.copied().unwrap_or_default();
    Use {
        reserved: account.reserved.unsigned_abs().saturating_sub(known.reserved),
        in_use: account.in_use.unsigned_abs().saturating_sub(known.in_use),
    }
}
