//! Fair shares: of one ledger, of several measure types, or of all areas; by one key and method, or
//! several side by side.

use std::sync::Arc;

use time::Date;

use crate::{
    domain::{
        apportionment::{Apportionment, Fraction},
        fair_share::{
            self, Combination, FairShare, FairShares, Grain, Pot, Sharer, Warning, fair_shares,
        },
        fairness::Indices,
        ids::{AreaId, LedgerId},
        ledger::{Head, Ledger},
        measure::Distribution,
        registry::{DistributionKey, Registry},
    },
    error::Error,
    grpc::{
        Reader, answer,
        apportion::{certificate, ties},
        area_of,
        parse::shares::{ComparisonQuery, FairShareQuery, KeyChoice, ShareScope},
        registry::key_parts,
        require_ledger,
    },
    proto::v1 as pb,
    store,
};

/// What was found of what is asked about.
struct Found {
    registry: Arc<Registry>,
    counties: Vec<AreaId>,
    ledgers: Vec<Ledger>,
    revisions: Vec<pb::Revision>,
    grain: Grain,
    day: Date,
}

impl Found {
    fn pot(&self, grain: Grain) -> Pot {
        Pot::of(&self.ledgers, &self.counties, &self.registry, grain, self.day)
    }

    /// The same by the other grain that people ask about: municipality by municipality, or together
    /// with those they are hosted by. `None` where that is the same.
    fn other_grain(&self, pot: &Pot) -> Option<Pot> {
        let other = match self.grain {
            Grain::Municipality => self.pot(Grain::HostArea),
            Grain::HostArea | Grain::AllocationArea => self.pot(Grain::Municipality),
        };
        (other.sharers.len() != pot.sharers.len()).then_some(other)
    }
}

/// A ledger in which nothing has happened: no budget, and nobody has anything.
pub(super) fn empty(id: &LedgerId) -> Ledger {
    Ledger::new(id.clone(), Distribution::CountyPool, Head::EMPTY)
}

/// Reads the ledgers that are asked about.
async fn find(reader: &Reader, scope: &ShareScope) -> Result<Found, Error> {
    let id = &scope.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, scope.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    let named = |county_id: &AreaId, code| {
        let (county_id, measure_code) = (county_id.clone(), code);
        LedgerId { county_id, measure_code }
    };
    let in_area: Vec<LedgerId> =
        scope.measures.iter().map(|code| named(&id.county_id, code.clone())).collect();
    for ledger in &in_area {
        require_ledger(ledger, &registry)?;
    }
    let (counties, ids) = if scope.all_areas {
        let all = store::ledger::list(&mut snapshot, None).await?;
        let asked_for = |ledger: &LedgerId| scope.measures.contains(&ledger.measure_code);
        let ids = all.into_iter().filter(|one| !one.is_registry() && asked_for(one)).collect();
        (registry.areas().map(|area| area.county_id.clone()).collect(), ids)
    } else {
        (vec![id.county_id.clone()], in_area)
    };
    let mut ledgers = Vec::with_capacity(ids.len());
    for one in &ids {
        let ledger = store::ledger::find(&mut snapshot, one).await?;
        ledgers.push(ledger.unwrap_or_else(|| empty(one)));
    }
    snapshot.rollback().await?;
    let revision = |ledger: &Ledger| answer::revision(ledger.id(), ledger.head().seq);
    let mut revisions: Vec<pb::Revision> = ledgers.iter().map(revision).collect();
    if !ids.contains(id) {
        revisions.push(answer::revision(id, 0));
    }
    let as_quotas = || Grain::of(registry.ledger_distribution(id));
    let grain = scope.grain.unwrap_or_else(as_quotas);
    let day = scope.as_of.unwrap_or_else(|| reader.today());
    Ok(Found { registry, counties, ledgers, revisions, grain, day })
}

/// The key of this date; else the latest on the day that is asked about; else the latest.
fn key_of<'a>(
    registry: &'a Registry,
    choice: &KeyChoice,
    as_of: Option<Date>,
) -> Result<(Date, &'a DistributionKey), Error> {
    let found = match (choice.date, as_of) {
        (None, Some(day)) => registry.distribution_key_on(&choice.name, day),
        (date, _) => registry.distribution_key(&choice.name, date),
    };
    let date = choice.date.or(as_of);
    found.ok_or_else(|| Error::DistributionKeyNotFound { name: choice.name.clone(), date })
}

/// Calculates where it may take its time without holding others up.
async fn calculate<A: Send + 'static>(
    calculation: impl FnOnce() -> Result<A, Error> + Send + 'static,
) -> Result<A, Error> {
    let answer = tokio::task::spawn_blocking(calculation).await;
    answer.map_err(|panic| Error::Internal(panic.to_string()))?
}

pub(super) async fn fair_share(
    reader: Reader,
    query: FairShareQuery,
) -> Result<pb::GetFairShareResponse, Error> {
    let _place = if query.scope.all_areas { Some(reader.heavy_place().await?) } else { None };
    let found = find(&reader, &query.scope).await?;
    calculate(move || {
        let (key_date, key) = key_of(&found.registry, &query.key, query.scope.as_of)?;
        let (pot, (wire, method)) = (found.pot(found.grain), query.method);
        let shares = fair_shares(&pot, key, method)?;
        let other = found.other_grain(&pot);
        let warnings = fair_share::warnings(&pot, other.as_ref(), key, method, &shares.result)?;
        let told = |warning: Warning| self::warning(warning, &pot, &query.key.name, key_date);
        let name = |index: usize| pot.sharers[index].id.clone();
        let measures = query.scope.measures.iter();
        Ok(pb::GetFairShareResponse {
            place_budget: u32::try_from(pot.budget).unwrap_or(u32::MAX),
            key_name: query.key.name.clone(),
            key_date: Some(answer::date(key_date)),
            key_source: key.source.clone(),
            method: wire.into(),
            shares: rows(&pot, &shares, query.place_price),
            ties: ties(&shares.result.ties, name),
            as_of_date: Some(answer::date(found.day)),
            measure_codes: measures.map(ToString::to_string).collect(),
            grain: grain(pot.grain).into(),
            current_places: shares.current,
            places_to_move: pot.to_move(&shares.result),
            current_indices: pot.current_indices(key).map(indices),
            entitled_indices: pot.entitled_indices(key, &shares.result).map(indices),
            certificate: Some(certificate(shares.total_weight, &shares.result, name)),
            warnings: warnings.into_iter().map(told).collect(),
            key_borders_date: key.borders_date.map(answer::date),
            key_parts: key_parts(key),
            revisions: found.revisions.clone(),
        })
    })
    .await
}

fn rows(pot: &Pot, shares: &FairShares, place_price: u64) -> Vec<pb::FairShare> {
    let quotas = shares.result.shares.iter().map(|share| share.quota);
    let rows = pot.sharers.iter().zip(&shares.shares).zip(quotas);
    rows.map(|((sharer, share), quota)| row(pot.grain, sharer, share, quota, place_price)).collect()
}

fn row(
    grain: Grain,
    sharer: &Sharer,
    share: &FairShare,
    quota: Fraction,
    place_price: u64,
) -> pb::FairShare {
    let whole = |places: u64| u32::try_from(places).unwrap_or(u32::MAX);
    let signed = |places: u64| i64::try_from(places).unwrap_or(i64::MAX);
    let gap = signed(share.entitled) - signed(share.current);
    let (n, d) = (quota.numerator, quota.denominator.max(1));
    let is_alone = sharer.members.len() < 2;
    let members = sharer.members.iter().map(ToString::to_string);
    pb::FairShare {
        municipality_number: match grain {
            Grain::Municipality | Grain::HostArea => sharer.id.clone(),
            Grain::AllocationArea => String::new(),
        },
        name: sharer.name.clone(),
        weight: share.weight,
        weight_share_basis_points: share.weight_basis_points,
        entitled_places: whole(share.entitled),
        current_places: whole(share.current),
        gap_places: i32::try_from(gap).unwrap_or(i32::MAX),
        county_id: sharer.county_id.to_string(),
        place_share_basis_points: share.place_basis_points,
        gap_nok_a_year: gap.saturating_mul(signed(place_price)),
        quota_whole: u64::try_from(n / d).unwrap_or(u64::MAX),
        quota_millionths: u32::try_from((n % d) * 1_000_000 / d).unwrap_or(0),
        member_municipality_numbers: if is_alone { Vec::new() } else { members.collect() },
    }
}

fn indices(of: Indices) -> pb::FairnessIndices {
    pb::FairnessIndices {
        loosemore_hanby: of.loosemore_hanby,
        gallagher: of.gallagher,
        sainte_lague: of.sainte_lague,
        gini: of.gini,
    }
}

fn grain(grain: Grain) -> pb::FairShareGrain {
    match grain {
        Grain::Municipality => pb::FairShareGrain::Municipality,
        Grain::HostArea => pb::FairShareGrain::HostArea,
        Grain::AllocationArea => pb::FairShareGrain::AllocationArea,
    }
}

/// A warning, in words and in numbers.
fn warning(warning: Warning, pot: &Pot, key: &str, key_date: Date) -> pb::FairShareWarning {
    use pb::FairShareWarningKind as Kind;
    let by = format!("By {key} of {key_date}");
    match warning {
        Warning::AlabamaParadox { sharer, at_places, places, other_places } => {
            let who = &pot.sharers[sharer];
            let (name, budget) = (&who.name, pot.budget);
            let change = if at_places > budget {
                format!("one place more takes one from {name}")
            } else {
                format!("one place fewer gives one more to {name}")
            };
            let figures =
                format!("{budget} to {at_places} in all, and {places} to {other_places} there");
            pb::FairShareWarning {
                kind: Kind::AlabamaParadox.into(),
                description: format!("{by} {change}: {figures}."),
                area_ids: vec![who.id.clone()],
                at_places,
                places,
                other_places,
            }
        }
        Warning::Tie { sharers, places } => {
            let names: Vec<&str> = sharers.iter().map(|one| &*pot.sharers[*one].name).collect();
            let names = names.join(", ");
            pb::FairShareWarning {
                kind: Kind::Tie.into(),
                description: format!(
                    "{by} {names} have equal claims to {places} places: the lower number decides."
                ),
                area_ids: sharers.iter().map(|one| pot.sharers[*one].id.clone()).collect(),
                at_places: pot.budget,
                places,
                other_places: 0,
            }
        }
        Warning::Grain { coarse, sharer: (id, name), members, whole, one_by_one } => {
            let coarser = coarse == pot.grain;
            let (places, other_places) =
                if coarser { (whole, one_by_one) } else { (one_by_one, whole) };
            let figures = if members > 1 {
                format!(
                    "the {members} municipalities of {name} get {whole} together, and one by one \
                     {one_by_one}"
                )
            } else {
                format!(
                    "{name} gets {whole} where others are taken together, and {one_by_one} where \
                     none are"
                )
            };
            pb::FairShareWarning {
                kind: Kind::Grain.into(),
                description: format!("{by} {figures}."),
                area_ids: vec![id],
                at_places: pot.budget,
                places,
                other_places,
            }
        }
        Warning::MissingWeight(number) => pb::FairShareWarning {
            kind: Kind::MissingWeight.into(),
            description: format!("{by} {number} has no weight, and counts as 0."),
            area_ids: vec![number.to_string()],
            at_places: pot.budget,
            places: 0,
            other_places: 0,
        },
    }
}

/// Every method with every key.
pub(super) async fn compare(
    reader: Reader,
    query: ComparisonQuery,
) -> Result<pb::CompareFairSharesResponse, Error> {
    let _place = reader.heavy_place().await?;
    let found = find(&reader, &query.scope).await?;
    calculate(move || {
        let pot = found.pot(found.grain);
        let (mut combinations, mut results) = (Vec::new(), Vec::new());
        for choice in &query.keys {
            let (date, key) = key_of(&found.registry, choice, query.scope.as_of)?;
            for (wire, method) in &query.methods {
                let one = fair_share::compare(&pot, key, *method)?;
                let head = pb::FairShareCombination {
                    method: (*wire).into(),
                    key_name: choice.name.clone(),
                    key_date: Some(answer::date(date)),
                    key_source: key.source.clone(),
                    key_borders_date: key.borders_date.map(answer::date),
                    key_parts: key_parts(key),
                    ..pb::FairShareCombination::default()
                };
                combinations.push(combination(head, &one, &pot));
                results.push(one.result);
            }
        }
        Ok(pb::CompareFairSharesResponse {
            as_of_date: Some(answer::date(found.day)),
            place_budget: pot.budget,
            grain: grain(pot.grain).into(),
            combinations,
            shares: compared(&pot, &results),
            revisions: found.revisions,
        })
    })
    .await
}

fn combination(
    head: pb::FairShareCombination,
    of: &Combination,
    pot: &Pot,
) -> pb::FairShareCombination {
    let id = |index: usize| pot.sharers[index].id.clone();
    let flips = of.flips.iter().flatten().map(|margin| pb::FlipMargin {
        area_id: id(margin.sharer),
        weight_change: margin.change,
        other_area_id: id(margin.other),
    });
    let tied = of.result.ties.iter().flat_map(|tie| &tie.areas);
    pb::FairShareCombination {
        current_indices: of.current_indices.map(indices),
        entitled_indices: of.entitled_indices.map(indices),
        places_to_move: of.to_move,
        has_flips: of.flips.is_some(),
        flips: flips.collect(),
        tied_area_ids: tied.map(|index| id(*index)).collect(),
        ..head
    }
}

fn compared(pot: &Pot, results: &[Apportionment]) -> Vec<pb::ComparedShare> {
    let row = |(index, sharer): (usize, &Sharer)| {
        let entitled: Vec<u64> = results.iter().map(|one| one.shares[index].seats).collect();
        pb::ComparedShare {
            area_id: sharer.id.clone(),
            name: sharer.name.clone(),
            current_places: sharer.current,
            least_places: entitled.iter().copied().min().unwrap_or(0),
            most_places: entitled.iter().copied().max().unwrap_or(0),
            entitled_places: entitled,
        }
    };
    pot.sharers.iter().enumerate().map(row).collect()
}
