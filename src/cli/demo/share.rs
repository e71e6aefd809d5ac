//! Who is entitled to how many VTA places, and who has them.

use crate::{
    cli::{
        Failure,
        demo::{
            audit::CITY,
            page::{grouped, say},
            stage::{Stage, ledger, missing, new_year, refused, shown_date},
        },
    },
    proto::v1::{ApportionmentMethod, FairShare, GetFairShareRequest, GetFairShareResponse},
};

/// The method wherever another is not named.
pub(super) const METHOD: ApportionmentMethod = ApportionmentMethod::SainteLague;
/// The measure type that the audit's section 5.5 is about.
const VTA: &str = "VTA";
/// The year of the populations.
const KEY_YEAR: i32 = 2011;
/// How many municipalities are shown by name.
const SHOWN: usize = 5;

/// What follows for Trondheim from the audit's figures and the populations: the share of
/// the key, places entitled to, places held, places short. Counted by another program.
const BY_POPULATION: &str = "59.00 %, 249, 152, 97";
const BY_WORKING_AGE: &str = "61.06 %, 259, 152, 107";
const BY_DHONDT: &str = "59.00 %, 257, 152, 105";
/// What the audit itself prints: Trondheim has 36 per cent of the county's places.
const HELD_PERCENT: u64 = 36;

/// The fair shares of VTA by a key of 2011.
pub(super) async fn fair_share(
    stage: &Stage,
    key: &str,
    method: ApportionmentMethod,
) -> Result<GetFairShareResponse, Failure> {
    let request = GetFairShareRequest {
        ledger: ledger(VTA),
        key_name: key.to_owned(),
        key_date: new_year(KEY_YEAR),
        method: method.into(),
        ..GetFairShareRequest::default()
    };
    let answer = stage.directorate.fair_share().get_fair_share(request).await;
    Ok(answer.map_err(refused("GetFairShare"))?.into_inner())
}

/// Prints the shares and what the audit says of them.
pub(super) async fn compare(stage: &mut Stage) -> Result<(), Failure> {
    stage.page.heading("The fair share of VTA places (rettferdig andel, GetFairShare)");
    let answer = fair_share(stage, "population", METHOD).await?;
    table(stage, &answer);
    let trondheim = city(&answer)?.clone();
    let held: u32 = answer.shares.iter().map(|share| share.current_places).sum();
    let percent = (u64::from(trondheim.current_places) * 200 / u64::from(held.max(1))).div_ceil(2);
    let gap = trondheim.gap_places;
    let what = "Trondheim's part of the VTA places, per cent";
    let verdict = stage.page.check(what, percent, HELD_PERCENT);
    say!();
    say!(
        "Trondheim has {percent} % of the county's places (the audit prints {HELD_PERCENT} %: {verdict}) and"
    );
    say!(
        "{} of its people (the audit: 60 %), and is {gap} places short (the audit: about 100).",
        share_of_key(&trondheim)
    );
    say!();
    let keys = [
        ("population", METHOD, "Sainte-Laguë", BY_POPULATION),
        ("population_18_66", METHOD, "Sainte-Laguë", BY_WORKING_AGE),
        ("population", ApportionmentMethod::Dhondt, "D'Hondt", BY_DHONDT),
    ];
    say!(
        "{:<18} {:<13} {:>8} {:>9} {:>5} {:>6}",
        "Trondheim by",
        "",
        "of key",
        "entitled",
        "has",
        "short"
    );
    for (key, method, name, expected) in keys {
        let answer = fair_share(stage, key, method).await?;
        let share = city(&answer)?;
        let (of_key, entitled) = (share_of_key(share), share.entitled_places);
        let (has, short) = (share.current_places, share.gap_places);
        let answered = format!("{of_key}, {entitled}, {has}, {short}");
        let what = format!("Trondheim by {key}, {name}");
        let verdict = stage.page.check(what, answered, expected);
        say!("{key:<18} {name:<13} {of_key:>8} {entitled:>9} {has:>5} {short:>6}  {verdict}");
    }
    Ok(())
}

/// The largest municipalities, the others together, and the sum.
fn table(stage: &mut Stage, answer: &GetFairShareResponse) {
    let (key, date) = (&answer.key_name, shown_date(answer.key_date));
    let (source, budget) = (&answer.key_source, answer.place_budget);
    say!("Key {key} of {date} ({source}), Sainte-Laguë, a place budget of {budget}.");
    say!();
    say!("{:<18} {:>9} {:>9} {:>9} {:>5}", "", "people", "of all", "entitled", "has");
    let mut shares: Vec<&FairShare> = answer.shares.iter().collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.weight));
    let (largest, others) = shares.split_at(SHOWN.min(shares.len()));
    let people: u64 = shares.iter().map(|share| share.weight).sum();
    for share in largest {
        line(&share.name, std::slice::from_ref(share), people);
    }
    line(&format!("{} others", others.len()), others, people);
    line("sum", &shares, people);
    let entitled: u32 = shares.iter().map(|share| share.entitled_places).sum();
    stage.page.check("VTA places entitled to, all municipalities", entitled, budget);
}

/// One municipality, or several together. What several have of the key is not the sum of
/// what each has, rounded, but the rounded sum.
fn line(name: &str, shares: &[&FairShare], people: u64) {
    let weight: u64 = shares.iter().map(|share| share.weight).sum();
    let points = match shares {
        [one] => u64::from(one.weight_share_basis_points),
        _ => (weight * 20_000 / people.max(1)).div_ceil(2),
    };
    let entitled: u32 = shares.iter().map(|share| share.entitled_places).sum();
    let has: u32 = shares.iter().map(|share| share.current_places).sum();
    let gap: i32 = shares.iter().map(|share| share.gap_places).sum();
    let gap = match gap {
        0 => String::new(),
        short if short > 0 => format!("{short} short (mangler)"),
        over => format!("{} more than that", over.unsigned_abs()),
    };
    let (weight, part) = (grouped(weight), percent(points));
    say!("{name:<18} {weight:>9} {part:>9} {entitled:>9} {has:>5}  {gap}");
}

fn city(answer: &GetFairShareResponse) -> Result<&FairShare, Failure> {
    let mut shares = answer.shares.iter();
    shares.find(|share| share.municipality_number == CITY).ok_or_else(|| missing("Trondheim"))
}

fn share_of_key(share: &FairShare) -> String {
    percent(share.weight_share_basis_points.into())
}

fn percent(basis_points: u64) -> String {
    format!("{}.{:02} %", basis_points / 100, basis_points % 100)
}
