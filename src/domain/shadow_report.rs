//! What was given by hand in a period, beside what the rules would have done (skyggerapport),
//! as it may be told.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    access::Behind,
    allocation::OutOfTurnReason,
    disclosure::{Disclosed, Threshold, Told, disclose_below, told_below},
    ids::MunicipalityNumber,
    shadow::Verdict,
};

/// Places given by hand that are alike: the finest figures there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The entitled municipality of who got them, as it was then.
    pub municipality_number: MunicipalityNumber,
    /// How what was done compares with the rules.
    pub verdict: Verdict,
    /// Why, by code; `None` where no reason was given.
    pub reason: Option<OutOfTurnReason>,
    /// How many.
    pub count: u64,
    /// How often somebody who stood ahead and could have had the place was passed over.
    pub passed_over: u64,
    /// The most of them at one place.
    pub passed_over_most: u64,
    /// Whether there were more at one of these places than were looked at.
    pub passed_over_is_least: bool,
}

/// The figures of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowReport<'a> {
    /// All places, and by verdict.
    pub verdicts: Disclosed<Verdict>,
    /// The deviations by reason.
    pub reasons: Disclosed<Option<OutOfTurnReason>>,
    /// Who was passed over; `None` where it is not told.
    pub passed_over: Option<PassedOver>,
    /// All places by municipality.
    pub municipalities: Disclosed<&'a MunicipalityNumber>,
    /// The deviations by municipality; empty where they are not told.
    pub deviating: BTreeMap<&'a MunicipalityNumber, u64>,
}

/// Those who stood ahead and could have had a place that was given to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassedOver {
    /// How often somebody was.
    pub total: u64,
    /// The most at one place; `None` where it is not told.
    pub most: Option<u64>,
    /// Whether there were more than were looked at.
    pub is_least: bool,
}

/// The report of these cells, to who sees the people behind them or but some.
///
/// A municipality's own figure is told to it, and to the office that serves it; so the others
/// together must not be few.
///
/// Of who does not, each table is told so that its total gives nothing away. What hangs on the
/// deviations is told only where their number is. Two figures of one municipality would tell of
/// the difference between them, and the most of one place is about one deviation: neither is told.
pub fn report<'a>(cells: &'a [Cell], behind: &Behind, threshold: Threshold) -> ShadowReport<'a> {
    let deviations = || cells.iter().filter(|cell| cell.verdict == Verdict::Deviates);
    let by_verdict = sum(cells.iter().map(|cell| (cell.verdict, cell.count)));
    let by_reason = sum(deviations().map(|cell| (cell.reason, cell.count)));
    let by_municipality = sum(cells.iter().map(|cell| (&cell.municipality_number, cell.count)));
    let passed_over = PassedOver {
        total: cells.iter().map(|cell| cell.passed_over).sum(),
        most: cells.iter().map(|cell| cell.passed_over_most).max().or(Some(0)),
        is_least: cells.iter().any(|cell| cell.passed_over_is_least),
    };
    let own = match behind {
        Behind::Own(own) => &own.municipalities,
        Behind::Everyone => {
            return ShadowReport {
                verdicts: whole(by_verdict),
                reasons: whole(by_reason),
                passed_over: Some(passed_over),
                municipalities: whole(by_municipality),
                deviating: sum(deviations().map(|cell| (&cell.municipality_number, cell.count))),
            };
        }
    };
    let municipalities = beside_own(by_municipality, own, threshold);
    // The others are the sum less the reader's own.
    let others_are_few = municipalities.total == Told::Few;
    let verdicts = if others_are_few { hidden() } else { disclose_below(&by_verdict, threshold) };
    let is_told = !verdicts.is_hidden || verdicts.by_kind.contains_key(&Verdict::Deviates);
    let may_be_told = is_told && told_below(passed_over.total, threshold) != Told::Few;
    ShadowReport {
        verdicts,
        reasons: if is_told { disclose_below(&by_reason, threshold) } else { hidden() },
        passed_over: may_be_told.then_some(PassedOver { most: None, ..passed_over }),
        municipalities,
        deviating: BTreeMap::new(),
    }
}

/// The municipalities as they may be told to who knows its own. The total is that of the others.
fn beside_own<'a>(
    by_municipality: BTreeMap<&'a MunicipalityNumber, u64>,
    own: &BTreeSet<MunicipalityNumber>,
    threshold: Threshold,
) -> Disclosed<&'a MunicipalityNumber> {
    let (known, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
        by_municipality.into_iter().partition(|(number, _)| own.contains(*number));
    let mut told = disclose_below(&others, threshold);
    told.by_kind.extend(known);
    told
}

fn sum<K: Ord>(counts: impl Iterator<Item = (K, u64)>) -> BTreeMap<K, u64> {
    let mut sums = BTreeMap::new();
    for (kind, count) in counts {
        *sums.entry(kind).or_default() += count;
    }
    sums
}

/// Counts to who sees each person anyway.
fn whole<K: Ord>(by_kind: BTreeMap<K, u64>) -> Disclosed<K> {
    Disclosed { total: Told::Exactly(by_kind.values().sum()), by_kind, is_hidden: false }
}

/// Counts of which not even the total is told.
fn hidden<K: Ord>() -> Disclosed<K> {
    Disclosed { total: Told::Few, by_kind: BTreeMap::new(), is_hidden: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Own;

    fn cell(number: &str, count: u64) -> Cell {
        Cell {
            municipality_number: number.parse().expect("a number"),
            verdict: Verdict::Agrees,
            reason: None,
            count,
            passed_over: 0,
            passed_over_most: 0,
            passed_over_is_least: false,
        }
    }

    /// A municipality's own is told to it, and nothing by which it could take its own off the sum.
    #[test]
    fn who_knows_one_municipality_is_told_nothing_of_few_others() {
        let municipalities = [cell("1601", 0).municipality_number].into();
        let own = Behind::Own(Own { municipalities, office: None });
        let with = |others: u64| [cell("1601", 3), cell("1612", others)];
        let (one, four, nine) = (with(1), with(4), with(9));
        let told = |cells| report(cells, &own, Threshold::default());
        assert_eq!(told(&one), told(&four));
        let of_one = told(&one);
        assert_eq!((of_one.verdicts.total, of_one.municipalities.is_hidden), (Told::Few, true));
        assert_eq!(of_one.municipalities.by_kind.into_values().collect::<Vec<_>>(), [3]);
        let of_nine = told(&nine);
        assert_eq!(of_nine.verdicts.total, Told::Exactly(12));
        assert_eq!(of_nine.municipalities.by_kind.into_values().collect::<Vec<_>>(), [3, 9]);
        let least = Threshold::new(10).expect("a threshold");
        assert_eq!(report(&nine, &own, least).verdicts.total, Told::Few);
    }
}
