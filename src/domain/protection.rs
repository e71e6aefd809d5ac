//! People of whom it is not shown who they are but to those with a right to it of its own.

use std::{collections::BTreeSet, str::FromStr};

use crate::domain::ids::Malformed;

/// Why somebody is protected, the strictest first: the order in which rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protection {
    /// An address abroad that is strictly confidential (strengt fortrolig utland, code 19).
    StrictlyConfidentialAbroad,
    /// An address that is strictly confidential (strengt fortrolig, code 6).
    StrictlyConfidential,
    /// An address that is confidential (fortrolig, code 7).
    Confidential,
    /// Own staff and their nearest (skjermet person).
    OwnStaff,
}

impl Protection {
    /// Every kind there is, in the order in which rules are asked.
    pub const ALL: [Self; 4] = [
        Self::StrictlyConfidentialAbroad,
        Self::StrictlyConfidential,
        Self::Confidential,
        Self::OwnStaff,
    ];

    /// The word for it, as NAV's registers have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StrictlyConfidentialAbroad => "STRENGT_FORTROLIG_UTLAND",
            Self::StrictlyConfidential => "STRENGT_FORTROLIG",
            Self::Confidential => "FORTROLIG",
            Self::OwnStaff => "SKJERMET",
        }
    }
}

impl FromStr for Protection {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(Malformed {
            expected: "STRENGT_FORTROLIG_UTLAND, STRENGT_FORTROLIG, FORTROLIG or SKJERMET",
        })
    }
}

/// Why somebody is protected, the strictest first; of who is not, nothing.
pub type Grades = BTreeSet<Protection>;

/// What becomes of a look at who somebody is, or at what there is of somebody who is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It is told, and why the person is protected with it, for the reader to be careful.
    Permitted(Grades),
    /// It is not told, for want of the clearance for this.
    Denied(Protection),
    /// Nobody could say whether the person is protected, so it is not told.
    SourceDown,
}

/// Whether who somebody is may be told to a caller with these clearances, `grades` being what the
/// source says of the person, if it says anything. Each kind asks for its own clearance and none
/// stands for another, so whoever is protected in two ways is told to who has both; the rules are
/// asked from the strictest on, and the first that lacks its clearance denies.
pub fn look(grades: Option<Grades>, clearances: &BTreeSet<Protection>) -> Look {
    let Some(grades) = grades else { return Look::SourceDown };
    match grades.difference(clearances).next() {
        Some(lacking) => Look::Denied(*lacking),
        None => Look::Permitted(grades),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Protection::{
        Confidential as Seven, OwnStaff as Staff, StrictlyConfidential as Six,
        StrictlyConfidentialAbroad as Nineteen,
    };

    #[test]
    fn every_kind_needs_its_own_clearance_and_the_strictest_denies_first() {
        let all = Protection::ALL.as_slice();
        // Grades, clearances, and by what it is denied.
        let rows: [(&[Protection], &[Protection], Option<Protection>); 16] = [
            (&[], &[], None),
            (&[], all, None),
            (&[Nineteen], &[], Some(Nineteen)),
            (&[Six], &[], Some(Six)),
            (&[Seven], &[], Some(Seven)),
            (&[Staff], &[], Some(Staff)),
            (&[Nineteen], &[Six, Seven, Staff], Some(Nineteen)),
            (&[Six], &[Nineteen, Seven, Staff], Some(Six)),
            (&[Seven], &[Nineteen, Six, Staff], Some(Seven)),
            (&[Staff], &[Nineteen, Six, Seven], Some(Staff)),
            (&[Seven, Staff], &[], Some(Seven)),
            (&[Staff, Seven], &[Staff], Some(Seven)),
            (&[Seven, Staff], &[Seven], Some(Staff)),
            (&[Seven, Staff], &[Seven, Staff], None),
            (&[Six, Nineteen], &[Seven], Some(Nineteen)),
            (all, &[Nineteen, Six, Staff], Some(Seven)),
        ];
        for (grades, clearances, denied) in rows {
            let grades: Grades = grades.iter().copied().collect();
            let expected = denied.map_or(Look::Permitted(grades.clone()), Look::Denied);
            let clearances = clearances.iter().copied().collect();
            assert_eq!(look(Some(grades.clone()), &clearances), expected, "{grades:?}");
            assert_eq!(look(None, &clearances), Look::SourceDown);
        }
        let everything: Grades = all.iter().copied().collect();
        assert_eq!(look(Some(everything.clone()), &everything), Look::Permitted(everything));
    }

    #[test]
    fn the_words_are_those_of_the_registers() {
        for kind in Protection::ALL {
            assert_eq!(kind.as_str().parse::<Protection>().ok(), Some(kind));
        }
        assert!("UGRADERT".parse::<Protection>().is_err(), "no kind of protection");
        assert!(Protection::ALL.is_sorted(), "the strictest first");
    }
}
