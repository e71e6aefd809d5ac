//! How far places lie from shares: indices of disproportionality, for people to compare by.
//!
//! Let area i have the share pᵢ of all weights and the share sᵢ of all places. Then
//!
//! - Loosemore-Hanby: ½ Σ |sᵢ − pᵢ|, the part of all places that lies in the wrong areas;
//! - Gallagher: √(½ Σ (sᵢ − pᵢ)²), which counts many small deviations less;
//! - Sainte-Laguë: Σ (sᵢ − pᵢ)² / pᵢ, which the method of that name makes as small as can be;
//! - Gini: the weighted Gini coefficient of places by weight, Σ_{i<j} |sᵢ pⱼ − sⱼ pᵢ|: 0 where
//!   all have alike, towards 1 where one has all.
//!
//! Sources: J. Loosemore and V. J. Hanby, *British Journal of Political Science* 1 (1971) 467-477;
//! M. Gallagher, *Electoral Studies* 10 (1991) 33-51; A. Sainte-Laguë (1910); C. Gini (1912).
//!
//! They are in floating point, right to at least twelve decimals: nothing is decided by them.

/// The indices of one state of things.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Indices {
    /// Loosemore-Hanby, 0 to 1.
    pub loosemore_hanby: f64,
    /// Gallagher, 0 to 1.
    pub gallagher: f64,
    /// Sainte-Laguë, from 0; without end where an area without a weight has places (`None`).
    pub sainte_lague: Option<f64>,
    /// Gini, 0 to 1.
    pub gini: f64,
}

/// The indices of areas, each with its weight and its places; `None` where there is no weight or
/// no place at all, since then there are no shares.
pub fn indices(areas: &[(u64, u64)]) -> Option<Indices> {
    let weights: u128 = areas.iter().map(|(weight, _)| u128::from(*weight)).sum();
    let places: u128 = areas.iter().map(|(_, places)| u128::from(*places)).sum();
    if weights == 0 || places == 0 {
        return None;
    }
    let shares: Vec<(f64, f64)> = areas
        .iter()
        .map(|(weight, held)| {
            (ratio(u128::from(*weight), weights), ratio(u128::from(*held), places))
        })
        .collect();
    let off = |(p, s): &(f64, f64)| s - p;
    let absolute: f64 = shares.iter().map(|share| off(share).abs()).sum();
    let squares: f64 = shares.iter().map(|share| off(share).powi(2)).sum();
    let sainte_lague = shares.iter().map(|share| match share {
        (p, s) if *p == 0.0 && *s > 0.0 => None,
        (p, _) if *p == 0.0 => Some(0.0),
        (p, _) => Some(off(share).powi(2) / p),
    });
    Some(Indices {
        loosemore_hanby: absolute / 2.0,
        gallagher: (squares / 2.0).sqrt(),
        sainte_lague: sainte_lague.sum(),
        gini: gini(areas, &shares),
    })
}

/// One less twice the area under the Lorenz curve, areas taken in the order of places by weight.
fn gini(areas: &[(u64, u64)], shares: &[(f64, f64)]) -> f64 {
    // Of who has neither there is nothing to be put in an order.
    let mut order: Vec<usize> = (0..areas.len()).filter(|i| areas[*i] != (0, 0)).collect();
    let key = |index: usize| (u128::from(areas[index].1), u128::from(areas[index].0));
    order.sort_by(|left, right| {
        let ((a, b), (c, d)) = (key(*left), key(*right));
        (a * d).cmp(&(c * b))
    });
    let (mut before, mut under) = (0.0, 0.0);
    for index in order {
        let (p, s) = shares[index];
        under += p * (2.0 * before + s);
        before += s;
    }
    (1.0 - under).max(0.0)
}

#[allow(clippy::cast_precision_loss, reason = "a share, to some sixteen digits")]
fn ratio(part: u128, whole: u128) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_shares_there_are_none_and_places_without_weight_have_no_end() {
        assert_eq!(indices(&[]), None);
        assert_eq!(indices(&[(0, 3)]), None);
        assert_eq!(indices(&[(3, 0)]), None);
        let told = indices(&[(5, 5), (0, 1), (0, 0)]).unwrap();
        assert_eq!(told.sainte_lague, None);
        let even = indices(&[(2, 4), (3, 6), (0, 0)]).unwrap();
        assert_eq!((even.loosemore_hanby, even.gini, even.sainte_lague), (0.0, 0.0, Some(0.0)));
    }
}
