//! Distribution keys (fordelingsnøkler): named, dated datasets of weights, and keys that are exact
//! weighted sums of them.
//!
//! A composite key (sammensatt nøkkel) is defined by a row, and made from the datasets whenever
//! rows come in: so it follows from the registry's version alone, and whatever takes a key by
//! name takes it too. Of each part let f be the factor, w a municipality's weight and W the total
//! of all weights. Then the municipality weighs, summed over the parts,
//!
//! - Σ f · w, in the parts' own units; or,
//! - where the key is *normalised*, Σ f · w / W: of each part its share of the whole, so that
//!   the factors alone say how much each part counts. All weights are multiplied by the least
//!   number that makes them whole and then divided by their greatest common divisor: exact.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    apportionment::MAX_WEIGHT,
    ids::MunicipalityNumber,
    refusal::BadRow,
    registry::{Registry, RegistryRow, RowKind},
};

/// A key's name and date.
pub type KeyId = (String, Date);

/// One municipality's weight in a distribution key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionWeight {
    /// The key's name.
    pub key_name: String,
    /// The date the dataset describes.
    pub key_date: Date,
    /// The municipality.
    pub municipality_number: MunicipalityNumber,
    /// Its weight.
    pub weight: u64,
    /// Who published it.
    pub source: String,
    /// The date of the borders (kommuneinndeling) it is counted by; `None` where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borders_date: Option<Date>,
}

/// That a key is a weighted sum of datasets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompositeKey {
    /// The key's name.
    pub key_name: String,
    /// The date it is of.
    pub key_date: Date,
    /// Its parts.
    pub parts: Vec<KeyPart>,
    /// Whether each part counts by its share of the whole, not in its own unit.
    pub normalised: bool,
    /// Who decided on it.
    pub source: String,
}

/// A part of a composite key: a dataset, and how much it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPart {
    /// The dataset's name.
    pub key_name: String,
    /// Its date.
    pub key_date: Date,
    /// How many times it counts.
    pub factor: u64,
}

/// A distribution key: a named, dated dataset of weights, or a weighted sum of such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionKey {
    /// Who published it.
    pub source: String,
    /// The date of the borders it is counted by.
    pub borders_date: Option<Date>,
    /// The weights.
    pub weights: BTreeMap<MunicipalityNumber, u64>,
    /// What it is made of; `None` for a dataset.
    pub composite: Option<CompositeKey>,
}

impl DistributionKey {
    /// The dataset that a first row begins.
    pub(super) fn dataset(row: &DistributionWeight) -> Self {
        Self {
            source: row.source.clone(),
            borders_date: row.borders_date,
            weights: BTreeMap::new(),
            composite: None,
        }
    }
}

impl Registry {
    /// The key of this name and date, or of its latest date.
    pub fn distribution_key(
        &self,
        name: &str,
        date: Option<Date>,
    ) -> Option<(Date, &DistributionKey)> {
        let (from, to) = date.map_or((Date::MIN, Date::MAX), |d| (d, d));
        self.latest_key(name, from, to)
    }

    /// The key of this name that was the latest on a day.
    pub fn distribution_key_on(&self, name: &str, day: Date) -> Option<(Date, &DistributionKey)> {
        self.latest_key(name, Date::MIN, day)
    }

    fn latest_key(&self, name: &str, from: Date, to: Date) -> Option<(Date, &DistributionKey)> {
        self.distribution_keys
            .range((name.to_owned(), from)..=(name.to_owned(), to))
            .next_back()
            .map(|((_, date), key)| (*date, key))
    }

    /// The distribution keys, by name and date.
    pub fn distribution_keys(&self) -> impl Iterator<Item = (&KeyId, &DistributionKey)> {
        self.distribution_keys.iter()
    }

    /// Makes the composite keys anew from the datasets. One that cannot be made is left out; no
    /// import that was checked leaves any such.
    pub(super) fn compose(&mut self) {
        let made: Vec<(KeyId, DistributionKey)> = self
            .composite_keys
            .iter()
            .filter_map(|(id, row)| Some((id.clone(), self.composed(row).ok()?)))
            .collect();
        self.distribution_keys.extend(made);
    }

    /// The rows of an import by which a composite key can no longer be made: the one that defines
    /// it, or else the first of a weight of one of its parts.
    pub(super) fn bad_compositions(&self, rows: &[RegistryRow]) -> Vec<BadRow> {
        let touched: BTreeSet<KeyId> = rows.iter().filter_map(key_of).collect();
        let part_id = |part: &KeyPart| (part.key_name.clone(), part.key_date);
        let affected = self.composite_keys.iter().filter(|(id, row)| {
            touched.contains(id) || row.parts.iter().any(|part| touched.contains(&part_id(part)))
        });
        let bad = affected.filter_map(|(id, row)| {
            let problem = self.composed(row).err()?;
            let defines = |row: &RegistryRow| {
                matches!(row, RegistryRow::CompositeKey(_)) && key_of(row).as_ref() == Some(id)
            };
            let is_part = |one: &RegistryRow| {
                key_of(one).is_some_and(|key| row.parts.iter().any(|part| part_id(part) == key))
            };
            let index = rows.iter().position(defines).or_else(|| rows.iter().position(is_part))?;
            let problem = format!("the composite key {} of {}: {problem}", id.0, id.1);
            Some(BadRow { index, problem })
        });
        bad.collect()
    }

    /// What is wrong with a row of a weight.
    pub(super) fn bad_weight(&self, row: &DistributionWeight) -> Option<String> {
        let number = &row.municipality_number;
        let id = (row.key_name.clone(), row.key_date);
        if self.composite_keys.contains_key(&id) {
            return Some(format!("{} of {} is a composite key, not a dataset", id.0, id.1));
        }
        let key = self.distribution_keys.get(&id)?;
        if self.municipality(number).is_none() {
            return Some(format!("there is no municipality {number}"));
        }
        (key.source != row.source)
            .then(|| "one key has one source; this row names another".to_owned())
    }

    /// The first row of each dataset that would not follow the borders of one date throughout.
    pub(super) fn bad_borders(&self, rows: &[RegistryRow]) -> Vec<BadRow> {
        let mut bad = Vec::new();
        let mut looked_at = BTreeSet::new();
        for (index, row) in rows.iter().enumerate() {
            let RegistryRow::DistributionWeight(row) = row else { continue };
            if !looked_at.insert((&row.key_name, row.key_date)) {
                continue;
            }
            let other = self.weights_of(row).find(|one| one.borders_date != row.borders_date);
            let named = |row: &DistributionWeight| match row.borders_date {
                Some(date) => format!("{} says {date}", row.municipality_number),
                None => format!("{} says nothing", row.municipality_number),
            };
            bad.extend(other.map(|other| {
                let (this, other) = (named(row), named(other));
                let problem = format!("one key follows the borders of one date; {this}, {other}");
                BadRow { index, problem }
            }));
        }
        bad
    }

    /// All rows of the dataset that one is of.
    fn weights_of(&self, row: &DistributionWeight) -> impl Iterator<Item = &DistributionWeight> {
        let (name, date) = (row.key_name.clone(), row.key_date);
        let prefix = format!("{name}/{date}/");
        let from = (RowKind::DistributionWeight, prefix.clone());
        self.rows
            .range(from..)
            .take_while(move |((kind, key), _)| {
                *kind == RowKind::DistributionWeight && key.starts_with(&prefix)
            })
            .filter_map(move |(_, row)| {
                if let RegistryRow::DistributionWeight(row) = row { Some(row) } else { None }
            })
            .filter(move |row| row.key_name == name && row.key_date == date)
    }

    /// A composite key with its weights.
    fn composed(&self, row: &CompositeKey) -> Result<DistributionKey, String> {
        let own = self.distribution_keys.get(&(row.key_name.clone(), row.key_date));
        if own.is_some_and(|key| key.composite.is_none()) {
            return Err("there is a dataset of that name and date".to_owned());
        }
        let mut parts = Vec::with_capacity(row.parts.len());
        for part in &row.parts {
            let id = (part.key_name.clone(), part.key_date);
            if self.composite_keys.contains_key(&id) {
                return Err(format!("{} of {} is itself a composite key", id.0, id.1));
            }
            let missing = || format!("there is no dataset {} of {}", id.0, id.1);
            parts.push((part, self.distribution_keys.get(&id).ok_or_else(missing)?));
        }
        let borders_date = same_borders(&parts)?;
        same_municipalities(&parts)?;
        let factors = factors(&parts, row.normalised)?;
        Ok(DistributionKey {
            source: row.source.clone(),
            borders_date,
            weights: sums(&parts, &factors, row.normalised)?,
            composite: Some(row.clone()),
        })
    }
}

/// A part with its dataset.
type Part<'a> = (&'a KeyPart, &'a DistributionKey);

/// The key that a row is of.
fn key_of(row: &RegistryRow) -> Option<KeyId> {
    if let RegistryRow::DistributionWeight(row) = row {
        Some((row.key_name.clone(), row.key_date))
    } else if let RegistryRow::CompositeKey(row) = row {
        Some((row.key_name.clone(), row.key_date))
    } else {
        None
    }
}

/// The borders all parts follow, as far as they say.
fn same_borders(parts: &[Part<'_>]) -> Result<Option<Date>, String> {
    let said = |(part, key): &Part<'_>| key.borders_date.map(|date| (part.key_name.clone(), date));
    let mut all = parts.iter().filter_map(said);
    let Some((first, date)) = all.next() else { return Ok(None) };
    match all.find(|(_, other)| *other != date) {
        Some((name, other)) => {
            Err(format!("{first} follows the borders of {date}, {name} those of {other}"))
        }
        None => Ok(Some(date)),
    }
}

/// Refuses parts of which one has a weight for a municipality and another has none.
fn same_municipalities(parts: &[Part<'_>]) -> Result<(), String> {
    let all: BTreeSet<_> = parts.iter().flat_map(|(_, key)| key.weights.keys()).collect();
    for (part, key) in parts {
        if let Some(number) = all.iter().find(|number| !key.weights.contains_key(**number)) {
            let (name, date) = (&part.key_name, part.key_date);
            return Err(format!("{name} of {date} has no weight for {number}"));
        }
    }
    Ok(())
}

/// By how much each part's weights are multiplied.
fn factors(parts: &[Part<'_>], normalised: bool) -> Result<Vec<u128>, String> {
    if !normalised {
        return Ok(parts.iter().map(|(part, _)| u128::from(part.factor)).collect());
    }
    let total = |(part, key): &Part<'_>| {
        let total: u128 = key.weights.values().map(|weight| u128::from(*weight)).sum();
        let none = || format!("{} of {} has no weight at all", part.key_name, part.key_date);
        if total == 0 { Err(none()) } else { Ok(total) }
    };
    let totals: Vec<u128> = parts.iter().map(total).collect::<Result<_, _>>()?;
    let common = totals
        .iter()
        .try_fold(1_u128, |common, total| (common / gcd(common, *total)).checked_mul(*total));
    let too_large = || "the totals of its parts have no common multiple below 2^128".to_owned();
    let common = common.ok_or_else(too_large)?;
    let pairs = parts.iter().zip(&totals);
    pairs
        .map(|((part, _), total)| (common / total).checked_mul(u128::from(part.factor)))
        .collect::<Option<_>>()
        .ok_or_else(too_large)
}

/// Each municipality's sum.
fn sums(
    parts: &[Part<'_>],
    factors: &[u128],
    normalised: bool,
) -> Result<BTreeMap<MunicipalityNumber, u64>, String> {
    let reduced = if normalised { factors.iter().copied().fold(0, gcd).max(1) } else { 1 };
    let mut sums: BTreeMap<&MunicipalityNumber, u128> = BTreeMap::new();
    for ((_, key), factor) in parts.iter().zip(factors) {
        for (number, weight) in &key.weights {
            let sum = sums.entry(number).or_default();
            let product = u128::from(*weight).checked_mul(factor / reduced);
            let added = product.and_then(|product| sum.checked_add(product));
            *sum = added.ok_or_else(|| over(number, "2^128 or more"))?;
        }
    }
    let common = if normalised { sums.values().copied().fold(0, gcd).max(1) } else { 1 };
    let bounded = |(number, sum): (&MunicipalityNumber, u128)| {
        let weight = u64::try_from(sum / common).ok().filter(|weight| *weight <= MAX_WEIGHT);
        let weight = weight.ok_or_else(|| over(number, &(sum / common).to_string()))?;
        Ok((number.clone(), weight))
    };
    sums.into_iter().map(bounded).collect()
}

fn over(number: &MunicipalityNumber, weight: &str) -> String {
    format!("{number} would weigh {weight}; the most is {MAX_WEIGHT}")
}

/// The greatest common divisor; of nothing and a number, the number.
fn gcd(one: u128, other: u128) -> u128 {
    let (mut a, mut b) = (one, other);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests;
