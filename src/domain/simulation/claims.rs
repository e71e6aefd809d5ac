//! All areas' claims, the greatest first: a tournament, in which a changed claim is played again
//! against as many others as the number of areas has binary digits, at the most.

use crate::domain::apportionment::Claim;

/// The claims of areas to one more place.
#[derive(Debug)]
pub(super) struct Claims {
    /// A tree: the winner of the whole at 1, those of the halves at 2 and 3, and the areas in the
    /// last `size`.
    tree: Vec<Option<Claim>>,
    size: usize,
}

impl Claims {
    /// Of so many areas, none of which has one.
    pub(super) fn new(areas: usize) -> Self {
        let size = areas.next_power_of_two();
        Self { tree: vec![None; 2 * size], size }
    }

    /// The greatest claim.
    pub(super) fn greatest(&self) -> Option<&Claim> {
        self.tree[1].as_ref()
    }

    /// An area's claim from now on; `None` where it may take no place.
    pub(super) fn set(&mut self, area: usize, claim: Option<Claim>) {
        let mut at = self.size + area;
        self.tree[at] = claim;
        while at > 1 {
            at /= 2;
            // Without a claim is less than any; equal ones go to the lower index.
            let winner = self.tree[2 * at].max(self.tree[2 * at + 1]);
            let (before, now) = (self.tree[at].map(|one| one.area()), winner.map(|one| one.area()));
            self.tree[at] = winner;
            if before == now && now != Some(area) {
                // Another won here and still does: nothing above has changed.
                return;
            }
        }
    }
}

impl Clone for Claims {
    fn clone(&self) -> Self {
        Self { tree: self.tree.clone(), size: self.size }
    }

    /// Into the room there is.
    fn clone_from(&mut self, other: &Self) {
        self.tree.clone_from(&other.tree);
        self.size = other.size;
    }
}
