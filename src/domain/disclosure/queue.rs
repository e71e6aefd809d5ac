//! How it may be told how many wait in a ledger, and for what.

use std::collections::BTreeMap;

use crate::domain::{
    disclosure::{Threshold, hide, hide_linked},
    ids::{MunicipalityNumber, PlaceGroupId},
};

/// How many wait, by the people the reader does not know of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// By entitled municipality; they add up to all.
    pub municipalities: BTreeMap<MunicipalityNumber, u64>,
    /// By the place groups they name; who names several is counted at each.
    pub place_groups: BTreeMap<PlaceGroupId, u64>,
    /// Who names no group.
    pub without_preference: u64,
    /// Who names one or several. It does not follow from the municipalities: who knows how many of
    /// one wait need not know what they want.
    pub with_preference: u64,
    /// Who waits for a larger share of the place they have, and is not counted above.
    pub increases: u64,
}

/// What is hidden of a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueHidden {
    /// Of these municipalities, how many wait.
    pub municipalities: Vec<MunicipalityNumber>,
    /// Of these groups, how many name them.
    pub place_groups: Vec<PlaceGroupId>,
    /// How many name no group.
    pub without_preference: bool,
    /// How many wait for a larger share.
    pub increases: bool,
    /// How many wait in all, and since when the first has.
    pub total: bool,
}

impl Waiting {
    /// What is hidden to who knows of none of these.
    ///
    /// How many name a group follows from the sum and those who name none, and each group's figure is
    /// at most so many: where that is hidden, no group is told.
    pub fn hidden(&self, threshold: Threshold) -> QueueHidden {
        let rows: Vec<u64> = self.municipalities.values().copied().collect();
        let preference = [self.without_preference, self.with_preference];
        let (by_municipality, by_preference) = hide_linked(&rows, &preference, 1, threshold);
        let groups: Vec<u64> = self.place_groups.values().copied().collect();
        let by_group = hide(&groups, 1, threshold);
        let is_hidden = |row: usize| {
            by_group.rows[row] || by_preference.any() && groups.get(row).is_some_and(|n| *n > 0)
        };
        QueueHidden {
            municipalities: self
                .municipalities
                .keys()
                .zip(&by_municipality.rows)
                .filter(|(_, hidden)| **hidden)
                .map(|(number, _)| number.clone())
                .collect(),
            place_groups: self
                .place_groups
                .keys()
                .enumerate()
                .filter(|(row, _)| is_hidden(*row))
                .map(|(_, group)| *group)
                .collect(),
            without_preference: by_preference.rows[0],
            increases: threshold.is_small(self.increases, 1),
            total: by_municipality.total,
        }
    }
}
