//! Requests about redistribution plans.

use std::collections::BTreeMap;

use crate::{
    domain::{apportionment::Method, ids::MunicipalityNumber, plan::PlanTerms},
    grpc::parse::{
        SYSTEM_MAX, Violations,
        fair_share::{QUOTA_MAX, method},
    },
    proto::v1 as pb,
};

/// The longest name of a plan, in characters.
const NAME_MAX: usize = 100;
/// The longest horizon, in years.
const HORIZON_MAX: u32 = 50;
/// All of a whole, in hundredths of a per cent.
const BASIS_POINTS_MAX: u32 = 10_000;
/// The most municipalities with a maximum of their own.
const COMMITTED_MAX: usize = 400;
/// The longest mean stay, in months.
pub(in crate::grpc) const STAY_MONTHS_MAX: u32 = 1_200;
/// The most new places a year.
const NEW_PLACES_MAX: u32 = 100_000;
/// The greatest saving a year, in kroner.
const SAVING_MAX: u64 = 1_000_000_000_000;

/// What is planned.
pub(in crate::grpc) fn plan_terms(
    v: &mut Violations,
    terms: Option<&pb::PlanTerms>,
) -> Option<PlanTerms> {
    let Some(terms) = terms else {
        v.add("terms", "is required");
        return None;
    };
    let name = v.required_text("terms.name", &terms.name, NAME_MAX);
    let chosen = v.optional_choice("terms.method", terms.method);
    let key_name = v.optional_text("terms.key_name", &terms.key_name, SYSTEM_MAX);
    let key_date = v.optional_date("terms.key_date", terms.key_date.as_ref());
    let start_date = v.date("terms.start_date", terms.start_date.as_ref());
    let horizon_years = v.within("terms.horizon_years", terms.horizon_years, 1, HORIZON_MAX);
    let comment_until = v.date("terms.comment_until_date", terms.comment_until_date.as_ref());
    let pace = v.optional_choice("terms.pace", terms.pace);
    let committed_places = committed(v, &terms.committed);
    let figures = Figures::of(v, terms);
    Some(PlanTerms {
        name: name?,
        method: method(chosen?).unwrap_or(Method::SainteLague),
        key_name: key_name?.unwrap_or_else(|| "population".to_owned()),
        key_date: key_date?,
        start_date: start_date?,
        horizon_years: horizon_years?,
        comment_until: comment_until?,
        pace_is_goal: match pace? {
            pb::PlanPace::Unspecified | pb::PlanPace::Yardstick => false,
            pb::PlanPace::Goal => true,
        },
        protect_at_target: terms.protect_at_target.unwrap_or(true),
        committed_places: committed_places?,
        cap_basis_points: figures.cap_basis_points?,
        mean_stay_months: figures.mean_stay_months?,
        new_places_a_year: figures.new_places_a_year?,
        saving_nok_a_year: figures.saving_nok_a_year?,
        discount_basis_points: figures.discount_basis_points?,
    })
}

/// The figures that may be left out.
struct Figures {
    cap_basis_points: Option<Option<u32>>,
    mean_stay_months: Option<Option<u32>>,
    new_places_a_year: Option<Option<u32>>,
    saving_nok_a_year: Option<Option<u64>>,
    discount_basis_points: Option<Option<u32>>,
}

impl Figures {
    fn of(v: &mut Violations, terms: &pb::PlanTerms) -> Self {
        let mut small = |field, value, least, most| optional_within(v, field, value, least, most);
        Self {
            cap_basis_points: small(
                "terms.cap_basis_points",
                terms.cap_basis_points,
                1,
                BASIS_POINTS_MAX,
            ),
            mean_stay_months: small(
                "terms.mean_stay_months",
                terms.mean_stay_months,
                1,
                STAY_MONTHS_MAX,
            ),
            new_places_a_year: small(
                "terms.new_places_a_year",
                terms.new_places_a_year,
                0,
                NEW_PLACES_MAX,
            ),
            discount_basis_points: small(
                "terms.discount_basis_points",
                terms.discount_basis_points,
                0,
                BASIS_POINTS_MAX,
            ),
            saving_nok_a_year: optional_within(
                v,
                "terms.saving_nok_a_year",
                terms.saving_nok_a_year,
                0,
                SAVING_MAX,
            ),
        }
    }
}

fn optional_within<T: PartialOrd + Copy + std::fmt::Display>(
    v: &mut Violations,
    field: &str,
    value: Option<T>,
    least: T,
    most: T,
) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => v.within(field, value, least, most).map(Some),
    }
}

fn committed(
    v: &mut Violations,
    committed: &[pb::CommittedPlaces],
) -> Option<BTreeMap<MunicipalityNumber, u32>> {
    v.at_most("terms.committed", committed.len(), COMMITTED_MAX);
    let mut found = BTreeMap::new();
    for (index, one) in committed.iter().take(COMMITTED_MAX).enumerate() {
        let name = |field: &str| format!("terms.committed[{index}].{field}");
        let number = v.value(&name("municipality_number"), &one.municipality_number);
        let places = v.within(&name("places"), one.places, 0, QUOTA_MAX);
        let Some((number, places)) = number.zip(places) else { continue };
        if found.insert(number, places).is_some() {
            v.add(name("municipality_number"), "stands twice");
        }
    }
    Some(found)
}
