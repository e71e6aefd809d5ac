//! What is asked of fair shares: of which places, as of when, among whom, by which keys.

use std::collections::BTreeSet;

use crate::{
    domain::{
        apportionment::Method,
        fair_share::Grain,
        ids::{LedgerId, MeasureCode},
    },
    error::Error,
    grpc::parse::{SYSTEM_MAX, Violations, fair_share::method},
    proto::v1 as pb,
};

/// The most measure types that count together.
const MEASURES_MAX: usize = 10;
/// The most methods of a comparison: all there are.
const METHODS_MAX: usize = 8;
/// The most keys of a comparison.
const KEYS_MAX: usize = 10;
/// The most that a place may cost in a year, in kroner.
const PRICE_MAX: u64 = 100_000_000;
/// The key where none is named.
const POPULATION: &str = "population";

/// Which places are shared, as of when, and among whom.
pub(in crate::grpc) struct ShareScope {
    pub(in crate::grpc) ledger: LedgerId,
    /// The ledger's measure type among them.
    pub(in crate::grpc) measures: BTreeSet<MeasureCode>,
    pub(in crate::grpc) all_areas: bool,
    pub(in crate::grpc) as_of: Option<time::Date>,
    /// `None` as the quotas are.
    pub(in crate::grpc) grain: Option<Grain>,
    pub(in crate::grpc) at_least_seq: u64,
}

/// Which key.
pub(in crate::grpc) struct KeyChoice {
    pub(in crate::grpc) name: String,
    pub(in crate::grpc) date: Option<time::Date>,
}

/// A method, and as it was asked for.
pub(in crate::grpc) type ChosenMethod = (pb::ApportionmentMethod, Method);

/// What `GetFairShare` asks for.
pub(in crate::grpc) struct FairShareQuery {
    pub(in crate::grpc) scope: ShareScope,
    pub(in crate::grpc) key: KeyChoice,
    pub(in crate::grpc) method: ChosenMethod,
    pub(in crate::grpc) place_price: u64,
}

/// What `CompareFairShares` asks for.
pub(in crate::grpc) struct ComparisonQuery {
    pub(in crate::grpc) scope: ShareScope,
    pub(in crate::grpc) methods: Vec<ChosenMethod>,
    pub(in crate::grpc) keys: Vec<KeyChoice>,
}

pub(in crate::grpc) fn get_fair_share(
    r: &pb::GetFairShareRequest,
) -> Result<FairShareQuery, Error> {
    let mut v = Violations::default();
    let asked = Asked {
        ledger: r.ledger.as_ref(),
        measure_codes: &r.measure_codes,
        all_areas: r.all_areas,
        as_of_date: r.as_of_date.as_ref(),
        grain: r.grain,
        at_least_seq: r.at_least_seq,
    };
    let scope = asked.scope(&mut v);
    let key = key(&mut v, ["key_name", "key_date"], &r.key_name, r.key_date.as_ref());
    let chosen = match v.optional_choice("method", r.method) {
        Some(pb::ApportionmentMethod::Unspecified) => Some(pb::ApportionmentMethod::SainteLague),
        chosen => chosen,
    };
    let place_price = v.within("place_price_nok_a_year", r.place_price_nok_a_year, 0, PRICE_MAX);
    let parsed = (|| {
        let (scope, key, chosen, place_price) = (scope?, key?, chosen?, place_price?);
        Some(FairShareQuery { scope, key, method: (chosen, method(chosen)?), place_price })
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn compare(r: &pb::CompareFairSharesRequest) -> Result<ComparisonQuery, Error> {
    let mut v = Violations::default();
    let asked = Asked {
        ledger: r.ledger.as_ref(),
        measure_codes: &r.measure_codes,
        all_areas: r.all_areas,
        as_of_date: r.as_of_date.as_ref(),
        grain: r.grain,
        at_least_seq: r.at_least_seq,
    };
    let scope = asked.scope(&mut v);
    let methods = methods(&mut v, &r.methods);
    v.at_most("keys", r.keys.len(), KEYS_MAX);
    let keys: Option<Vec<KeyChoice>> = if r.keys.is_empty() {
        Some(vec![KeyChoice { name: POPULATION.to_owned(), date: None }])
    } else {
        let choice = |(index, one): (usize, &pb::KeyChoice)| {
            let fields = ["key_name", "key_date"].map(|part| format!("keys[{index}].{part}"));
            let fields = [fields[0].as_str(), fields[1].as_str()];
            key(&mut v, fields, &one.key_name, one.key_date.as_ref())
        };
        // Each is looked at, so that all that is wrong is named.
        let parsed: Vec<_> = r.keys.iter().take(KEYS_MAX).enumerate().map(choice).collect();
        parsed.into_iter().collect()
    };
    let parsed = (|| Some(ComparisonQuery { scope: scope?, methods: methods?, keys: keys? }))();
    v.finish(parsed)
}

/// What both requests say of the places.
struct Asked<'a> {
    ledger: Option<&'a pb::Ledger>,
    measure_codes: &'a [String],
    all_areas: bool,
    as_of_date: Option<&'a crate::proto::google::r#type::Date>,
    grain: i32,
    at_least_seq: u64,
}

impl Asked<'_> {
    fn scope(&self, v: &mut Violations) -> Option<ShareScope> {
        let ledger = v.ledger(self.ledger);
        v.at_most("measure_codes", self.measure_codes.len(), MEASURES_MAX);
        let codes = self.measure_codes.iter().take(MEASURES_MAX).enumerate();
        let codes: Vec<Option<MeasureCode>> =
            codes.map(|(index, code)| v.value(&format!("measure_codes[{index}]"), code)).collect();
        let as_of = v.optional_date("as_of_date", self.as_of_date);
        let grain = v.optional_choice("grain", self.grain).map(grain);
        let (ledger, as_of, grain) = (ledger?, as_of?, grain?);
        let mut measures: BTreeSet<MeasureCode> = codes.into_iter().collect::<Option<_>>()?;
        measures.insert(ledger.measure_code.clone());
        let (all_areas, at_least_seq) = (self.all_areas, self.at_least_seq);
        Some(ShareScope { ledger, measures, all_areas, as_of, grain, at_least_seq })
    }
}

fn key(
    v: &mut Violations,
    [name_field, date_field]: [&str; 2],
    name: &str,
    date: Option<&crate::proto::google::r#type::Date>,
) -> Option<KeyChoice> {
    let name = v.optional_text(name_field, name, SYSTEM_MAX);
    let date = v.optional_date(date_field, date);
    let (name, date) = (name?, date?);
    Some(KeyChoice { name: name.unwrap_or_else(|| POPULATION.to_owned()), date })
}

/// Those asked for, each once; all where none is named.
fn methods(v: &mut Violations, asked: &[i32]) -> Option<Vec<ChosenMethod>> {
    v.at_most("methods", asked.len(), METHODS_MAX);
    let mut chosen: Vec<ChosenMethod> = Vec::new();
    let mut sound = true;
    for (index, value) in asked.iter().take(METHODS_MAX).enumerate() {
        let field = format!("methods[{index}]");
        let wire = v.choice::<pb::ApportionmentMethod>(&field, *value);
        let Some(one) = wire.and_then(|wire| Some((wire, method(wire)?))) else {
            sound = false;
            continue;
        };
        if chosen.contains(&one) {
            v.add(field, "stands twice");
        }
        chosen.push(one);
    }
    if asked.is_empty() {
        let all = (1..=8).filter_map(|number| pb::ApportionmentMethod::try_from(number).ok());
        chosen = all.filter_map(|wire| Some((wire, method(wire)?))).collect();
    }
    sound.then_some(chosen)
}

fn grain(grain: pb::FairShareGrain) -> Option<Grain> {
    match grain {
        pb::FairShareGrain::Unspecified => None,
        pb::FairShareGrain::Municipality => Some(Grain::Municipality),
        pb::FairShareGrain::HostArea => Some(Grain::HostArea),
        pb::FairShareGrain::AllocationArea => Some(Grain::AllocationArea),
    }
}
