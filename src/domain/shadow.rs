//! The shadow of a place that was given by hand (skygge): what the rules would have done with
//! it, on the very state on which it was given.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    allocation::{PassedOverReason, RunRules, RunScope, judge_alone, run},
    calendar::Timestamp,
    ids::{EntryId, MunicipalityNumber, PlaceGroupId},
    ledger::Ledger,
    refusal::Stop,
    unset::is_false,
    waitlist::Entry,
};

/// How many of those who stand ahead are looked at. They are read under the ledger's lock,
/// and that there were so many tells as much as how many more.
pub const AHEAD_LOOKED_AT: usize = 500;

/// What the rules would have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// Whom a run over the place's group would have served first; `None` for nobody.
    pub would_have_served: Option<EntryId>,
    /// The entitled municipality of the person who got the place, as it was then.
    pub municipality_number: MunicipalityNumber,
    /// How many eligible people who stood ahead of that person could have had the place.
    pub ahead: u64,
    /// Whether more stood ahead than were looked at.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ahead_is_least: bool,
    /// Who stood before the one the rules would have served and could not have it, by reason.
    pub passed_over_counts: BTreeMap<PassedOverReason, u64>,
}

/// How what was done compares with what the rules would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The same person.
    Agrees,
    /// Somebody else.
    Deviates,
    /// Nobody eligible could have it, so nothing can be told.
    Nobody,
}

impl Shadow {
    /// How it compares, if `given_to` got the place.
    pub fn verdict(&self, given_to: EntryId) -> Verdict {
        match self.would_have_served {
            None => Verdict::Nobody,
            Some(served) if served == given_to => Verdict::Agrees,
            Some(_) => Verdict::Deviates,
        }
    }
}

/// What the rules would do at a time with the place in a group that `entry` is about to get:
/// the run that `AllocatePlaces` would make over that group for one proposal.
pub fn shadow(
    ledger: &Ledger,
    entry: &Entry,
    group: PlaceGroupId,
    at: Timestamp,
    rules: RunRules,
) -> Result<Shadow, Stop> {
    let scope = RunScope { only_groups: [group].into(), ..RunScope::all(at, 1, rules) };
    let (served, report) = run(ledger, &scope)?;
    let (ahead, ahead_is_least) = ahead(ledger, entry, &scope)?;
    Ok(Shadow {
        would_have_served: served.first().map(|one| one.entry_id),
        municipality_number: entry.municipality_number.clone(),
        ahead,
        ahead_is_least,
        passed_over_counts: report.passed_over_counts,
    })
}

/// How many who stand ahead of `entry` could have what is free, and whether more were not
/// looked at. Each is judged as if nobody stood ahead of them: they are not served one after
/// another, but each was passed over.
fn ahead(ledger: &Ledger, entry: &Entry, scope: &RunScope) -> Result<(u64, bool), Stop> {
    let mut walk = ledger.walk();
    let (mut could, mut looked_at) = (0, 0);
    while let Some(other) = walk.next_eligible()? {
        if other.key >= entry.key {
            break;
        }
        if looked_at == AHEAD_LOOKED_AT {
            return Ok((could, true));
        }
        looked_at += 1;
        could += u64::from(judge_alone(ledger, scope, other).is_ok());
    }
    Ok((could, false))
}
