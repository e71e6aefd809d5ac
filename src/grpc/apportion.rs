//! The calculation that reads nothing, and what its answer can be checked by.

use crate::{
    domain::apportionment::{self, Apportionment, DivisorInterval, Fraction, Method, Tie},
    error::Error,
    grpc::{Reader, parse::fair_share::ApportionQuery},
    proto::v1 as pb,
};

/// The seats from which on the quota method takes a place among the heavy reads: it counts through
/// up to all of them, where the other methods cost the same for every number of seats.
const HEAVY_SEATS: u64 = 100_000;

/// A pure calculation. It runs where it may take its time without holding others up.
pub(super) async fn apportion(
    reader: Reader,
    query: ApportionQuery,
) -> Result<pb::ApportionResponse, Error> {
    let is_heavy = query.method == Method::Quota && query.seats >= HEAVY_SEATS;
    let _place = if is_heavy { Some(reader.heavy_place().await?) } else { None };
    let calculation = tokio::task::spawn_blocking(move || {
        let result = apportionment::apportion(query.method, query.seats, &query.areas)?;
        Ok(answer(&query, &result))
    });
    calculation.await.map_err(|panic| Error::Internal(panic.to_string()))?
}

/// The areas stand as asked for; the calculation had them by `area_id`.
fn answer(query: &ApportionQuery, result: &Apportionment) -> pb::ApportionResponse {
    let mut areas = vec![pb::ApportionedArea::default(); query.areas.len()];
    for ((name, share), place) in query.names.iter().zip(&result.shares).zip(&query.places) {
        let (n, d) = (share.quota.numerator, share.quota.denominator.max(1));
        areas[*place] = pb::ApportionedArea {
            area_id: name.clone(),
            seats: share.seats,
            quota_whole: u64::try_from(n / d).unwrap_or(u64::MAX),
            quota_millionths: u32::try_from((n % d) * 1_000_000 / d).unwrap_or(0),
        };
    }
    let name = |index: usize| query.names[index].clone();
    let total_weight = query.areas.iter().map(|area| area.weight).sum();
    pb::ApportionResponse {
        areas,
        ties: ties(&result.ties, name),
        certificate: Some(certificate(total_weight, result, name)),
    }
}

/// What a client checks an answer by.
pub(super) fn certificate(
    total_weight: u64,
    result: &Apportionment,
    name: impl Fn(usize) -> String,
) -> pb::ApportionmentCertificate {
    pb::ApportionmentCertificate {
        total_weight,
        divisor: result.divisor.map(divisor),
        multiplier: result.multiplier.map(fraction),
        last_served_area_id: result.last_served.map(&name).unwrap_or_default(),
        runner_up_area_id: result.runner_up.map(&name).unwrap_or_default(),
        runner_up_margin: result.margin.and_then(|margin| u64::try_from(margin).ok()),
    }
}

pub(super) fn ties(ties: &[Tie], name: impl Fn(usize) -> String) -> Vec<pb::ApportionTie> {
    ties.iter()
        .map(|tie| pb::ApportionTie {
            area_ids: tie.areas.iter().map(|index| name(*index)).collect(),
            seats_at_stake: tie.seats_at_stake,
        })
        .collect()
}

fn divisor(interval: DivisorInterval) -> pb::DivisorInterval {
    pb::DivisorInterval {
        lower: Some(fraction(interval.lower)),
        upper: interval.upper.map(fraction),
        squared: interval.squared,
    }
}

fn fraction(fraction: Fraction) -> pb::ExactFraction {
    pb::ExactFraction {
        numerator: fraction.numerator.to_string(),
        denominator: fraction.denominator.to_string(),
    }
}
