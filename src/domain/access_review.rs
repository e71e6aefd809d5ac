//! What a reviewer of the access log should look at: a sample that anybody can draw again, and
//! rules that pick accesses out. Pure; none of the rules says that something was wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{calendar::Timestamp, ids::PersonId};

/// What an hour is.
const HOUR_MICROS: i64 = 60 * 60 * 1_000_000;
/// After how many days a right is old.
pub const OLD_AFTER_DAYS: u32 = 365;

/// What the rules look at of an access.
#[derive(Debug, Clone)]
pub struct Look {
    /// Its name.
    pub access_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who: the issuer, and the name there.
    pub actor: (String, String),
    /// The actor's own name, empty where it is not known.
    pub name: String,
    /// Whose data, where it was one person's.
    pub person: Option<PersonId>,
    /// The record the right rested on.
    pub authority: Option<Uuid>,
    /// Whether a purpose or a case was named.
    pub says_why: bool,
}

/// What is known beside the log.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// A person's surname.
    pub surname: &'a dyn Fn(PersonId) -> Option<String>,
    /// When a record that rights rest on began.
    pub began: &'a dyn Fn(Uuid) -> Option<Timestamp>,
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The actor has the person's surname.
    SameSurname,
    /// No purpose and no case.
    WithoutACase,
    /// One of many different people by one actor within an hour.
    ManyInAnHour,
    /// It rested on a right that was given long before.
    OldRights,
}

/// What a rule found, by the places of the looks.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What it found.
    pub found: Vec<usize>,
    /// How many it could not judge.
    pub not_judged: usize,
}

/// Looks at accesses in the order of time, by every rule. More than `many` different people in
/// an hour are too many.
pub fn review(looks: &[Look], known: Known<'_>, many: usize) -> [Finding; 4] {
    let judged = |rule, judge: &dyn Fn(&Look) -> Option<bool>| {
        let verdicts: Vec<Option<bool>> = looks.iter().map(judge).collect();
        let found = (0..looks.len()).filter(|index| verdicts[*index] == Some(true)).collect();
        let not_judged = verdicts.iter().filter(|verdict| verdict.is_none()).count();
        Finding { rule, found, not_judged }
    };
    [
        judged(Rule::SameSurname, &|look| {
            let surname = look.person.and_then(|person| (known.surname)(person));
            same_surname(&look.name, surname.as_deref())
        }),
        judged(Rule::WithoutACase, &|look| Some(!look.says_why)),
        Finding {
            rule: Rule::ManyInAnHour,
            found: many_in_an_hour(looks, many).into_iter().collect(),
            not_judged: looks.iter().filter(|look| look.person.is_none()).count(),
        },
        judged(Rule::OldRights, &|look| {
            let Some(authority) = look.authority else { return Some(false) };
            (known.began)(authority).map(|began| is_old(began, look.at))
        }),
    ]
}

/// Whether somebody's last name is this surname; `None` where one of them is not known.
pub fn same_surname(name: &str, surname: Option<&str>) -> Option<bool> {
    let last = name.split_whitespace().next_back()?;
    let surname = surname.and_then(|surname| surname.split_whitespace().next_back())?;
    Some(last.to_lowercase() == surname.to_lowercase())
}

/// Whether a right that began then was old at a moment.
fn is_old(began: Timestamp, at: Timestamp) -> bool {
    began.plus_days(OLD_AFTER_DAYS) < at
}

/// The looks at one person that stand with those at more than `many` others in some hour of
/// their actor's.
fn many_in_an_hour(looks: &[Look], many: usize) -> BTreeSet<usize> {
    let mut hours: BTreeMap<&(String, String), Hour> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (index, look) in looks.iter().enumerate() {
        let Some(person) = look.person else { continue };
        let hour = hours.entry(&look.actor).or_default();
        hour.add(index, look.at, person);
        if hour.people.len() > many {
            found.extend(hour.take_new());
        }
    }
    found
}

/// The looks of one actor within the last hour.
#[derive(Default)]
struct Hour {
    looks: VecDeque<(usize, Timestamp, PersonId)>,
    /// How often each person was looked at.
    people: BTreeMap<PersonId, usize>,
    /// How many of the latest looks have not been taken yet.
    new: usize,
}

impl Hour {
    fn add(&mut self, index: usize, at: Timestamp, person: PersonId) {
        let is_past = |first: Timestamp| at.micros() - first.micros() >= HOUR_MICROS;
        while let Some((_, _, gone)) = self.looks.front().copied().filter(|one| is_past(one.1)) {
            self.looks.pop_front();
            let left = self.people.get(&gone).map_or(0, |count| count - 1);
            if left == 0 {
                self.people.remove(&gone);
            } else {
                self.people.insert(gone, left);
            }
        }
        self.looks.push_back((index, at, person));
        *self.people.entry(person).or_default() += 1;
        self.new = (self.new + 1).min(self.looks.len());
    }

    /// The looks that were not taken before.
    fn take_new(&mut self) -> Vec<usize> {
        let taken = std::mem::take(&mut self.new);
        self.looks.iter().rev().take(taken).map(|(index, ..)| *index).collect()
    }
}

/// A sample of so many, the same for the same seed: those whose names, hashed with the seed,
/// come first. In the order they came in.
pub fn sample(looks: &[Look], seed: &str, size: usize) -> Vec<usize> {
    let rank = |look: &Look| -> [u8; 32] {
        let length = (seed.len() as u64).to_be_bytes();
        let hash = Sha256::new().chain_update(length).chain_update(seed);
        hash.chain_update(look.access_id.as_bytes()).finalize().into()
    };
    let mut ranked: Vec<([u8; 32], usize)> =
        looks.iter().enumerate().map(|(index, look)| (rank(look), index)).collect();
    ranked.sort_unstable();
    let mut drawn: Vec<usize> = ranked.into_iter().take(size).map(|(_, index)| index).collect();
    drawn.sort_unstable();
    drawn
}

#[cfg(test)]
mod tests;
