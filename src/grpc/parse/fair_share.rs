//! Requests of the fair-share and change services.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        apportionment::{Area, MAX_SEATS, MAX_WEIGHT, Method},
        capacity::{BudgetBasis, PlacesInPeriod, Quota, QuotaBasis},
        command::{Command, SetPlaceBudget, SetQuotas},
        ids::{AreaId, LedgerId, MeasureCode, MunicipalityNumber},
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{SOURCE_MAX, SYSTEM_MAX, Violations},
    },
    proto::v1 as pb,
    write::Draft,
};

/// The most areas one apportionment may have.
const AREAS_MAX: usize = 5_000;
/// The most places a budget may have.
const BUDGET_MAX: u32 = 1_000_000;
/// The most places a quota may have.
pub(super) const QUOTA_MAX: u32 = 100_000;
/// The most quotas one call may set.
const QUOTAS_MAX: usize = 400;

/// What `Apportion` asks for: areas by `area_id`, and where each stood in the request.
pub(in crate::grpc) struct ApportionQuery {
    pub(in crate::grpc) method: Method,
    pub(in crate::grpc) seats: u64,
    pub(in crate::grpc) names: Vec<String>,
    pub(in crate::grpc) areas: Vec<Area>,
    pub(in crate::grpc) places: Vec<usize>,
}

pub(in crate::grpc) fn apportion(r: &pb::ApportionRequest) -> Result<ApportionQuery, Error> {
    let mut v = Violations::default();
    let chosen = v.choice::<pb::ApportionmentMethod>("method", r.method);
    let seats = v.within("seats", r.seats, 0, MAX_SEATS);
    if r.areas.is_empty() {
        v.add("areas", "is required");
    }
    v.at_most("areas", r.areas.len(), AREAS_MAX);
    let mut sorted: BTreeMap<String, (usize, Area)> = BTreeMap::new();
    for (index, area) in r.areas.iter().take(AREAS_MAX).enumerate() {
        let name = |part| format!("areas[{index}].{part}");
        let area_id = v.required_text(&name("area_id"), &area.area_id, SYSTEM_MAX);
        v.within(&name("weight"), area.weight, 0, MAX_WEIGHT);
        v.within(&name("min_seats"), area.min_seats, 0, MAX_SEATS);
        let (weight, min_seats, max_seats) = (area.weight, area.min_seats, area.max_seats);
        if let Some(most) = max_seats.filter(|most| *most < min_seats) {
            v.add(name("max_seats"), format!("is {most}; must be at least min_seats, {min_seats}"));
        }
        let taking_part = Area { weight, min_seats, max_seats };
        let Some(area_id) = area_id else { continue };
        if sorted.insert(area_id, (index, taking_part)).is_some() {
            v.add(name("area_id"), "stands twice");
        }
    }
    let names = sorted.keys().cloned().collect();
    let (places, areas) = sorted.into_values().unzip();
    let parsed = (|| {
        let method = method(chosen?)?;
        Some(ApportionQuery { method, seats: seats?, names, areas, places })
    })();
    v.finish(parsed)
}

/// The method; `None` where none is chosen.
pub(super) fn method(method: pb::ApportionmentMethod) -> Option<Method> {
    match method {
        pb::ApportionmentMethod::Unspecified => None,
        pb::ApportionmentMethod::SainteLague => Some(Method::SainteLague),
        pb::ApportionmentMethod::ModifiedSainteLague => Some(Method::ModifiedSainteLague),
        pb::ApportionmentMethod::Dhondt => Some(Method::DHondt),
        pb::ApportionmentMethod::Adams => Some(Method::Adams),
        pb::ApportionmentMethod::HuntingtonHill => Some(Method::HuntingtonHill),
        pb::ApportionmentMethod::Dean => Some(Method::Dean),
        pb::ApportionmentMethod::LargestRemainder => Some(Method::LargestRemainder),
        pb::ApportionmentMethod::Quota => Some(Method::Quota),
    }
}

pub(in crate::grpc) fn set_place_budget(
    r: &pb::SetPlaceBudgetRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let (from, to) = (r.valid_from_date.as_ref(), r.valid_to_date.as_ref());
    let places = v.places(r.places, BUDGET_MAX, from, to);
    let source = v.text("source", &r.source, SOURCE_MAX);
    let case_reference = v.case(&r.case_reference);
    let rests_on = budget_basis(&mut v, r);
    let parsed = (|| {
        let (places, source, case_reference) = (places?, source?, case_reference?);
        let command = SetPlaceBudget { places, source, case_reference, rests_on: Some(rests_on?) };
        Some((ledger?, Draft::of(Command::SetPlaceBudget(command))))
    })();
    v.finish(parsed)
}

fn budget_basis(v: &mut Violations, r: &pb::SetPlaceBudgetRequest) -> Option<BudgetBasis> {
    let basis = v.optional_choice("basis", r.basis);
    let basis_date = v.optional_date("basis_date", r.basis_date.as_ref());
    let review_by = v.optional_date("review_by_date", r.review_by_date.as_ref());
    let (basis, basis_date, review_by) = (quota_basis(basis?), basis_date?, review_by?);
    Some(BudgetBasis { basis, basis_date, review_by })
}

pub(in crate::grpc) fn set_quotas(r: &pb::SetQuotasRequest) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let valid_from = v.date("valid_from_date", r.valid_from_date.as_ref());
    if r.quotas.is_empty() {
        v.add("quotas", "is required");
    }
    v.at_most("quotas", r.quotas.len(), QUOTAS_MAX);
    let mut seen = BTreeSet::new();
    let mut quotas = Some(Vec::new());
    for (index, one) in r.quotas.iter().take(QUOTAS_MAX).enumerate() {
        let parsed = valid_from.and_then(|from| quota(&mut v, index, one, from));
        if parsed.as_ref().is_some_and(|quota| !seen.insert(quota.municipality_number.clone())) {
            v.add(format!("quotas[{index}].municipality_number"), "stands twice");
        }
        quotas = quotas.zip(parsed).map(|(mut quotas, quota)| {
            quotas.push(quota);
            quotas
        });
    }
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = SetQuotas { quotas: quotas?, case_reference: case_reference? };
        Some((ledger?, Draft::of(Command::SetQuotas(command))))
    })();
    v.finish(parsed)
}

fn quota(v: &mut Violations, index: usize, one: &pb::Quota, from: time::Date) -> Option<Quota> {
    let name = |part| format!("quotas[{index}].{part}");
    let municipality_number = v.value(&name("municipality_number"), &one.municipality_number);
    let places = v.within(&name("places"), one.places, 0, QUOTA_MAX);
    let basis = v.choice(&name("basis"), one.basis).and_then(quota_basis);
    let basis_date = v.optional_date(&name("basis_date"), one.basis_date.as_ref());
    let source = v.text(&name("source"), &one.source, SOURCE_MAX);
    let review_by = v.optional_date(&name("review_by_date"), one.review_by_date.as_ref());
    let committed = match one.committed_places {
        None => Some(None),
        Some(most) => v.within(&name("committed_places"), most, 0, QUOTA_MAX).map(Some),
    };
    Some(Quota {
        municipality_number: municipality_number?,
        places: PlacesInPeriod { places: places?, valid_from: from, valid_to: None },
        basis: basis?,
        basis_date: basis_date?,
        source: source?,
        review_by: review_by?,
        committed_places: committed?,
    })
}

fn quota_basis(basis: pb::QuotaBasis) -> Option<QuotaBasis> {
    match basis {
        pb::QuotaBasis::Unspecified => None,
        pb::QuotaBasis::Population => Some(QuotaBasis::Population),
        pb::QuotaBasis::NeedAssessment => Some(QuotaBasis::NeedAssessment),
        pb::QuotaBasis::AlternativeService => Some(QuotaBasis::AlternativeService),
        pb::QuotaBasis::History => Some(QuotaBasis::History),
        pb::QuotaBasis::Other => Some(QuotaBasis::Other),
    }
}

/// What `ListPlaceBudgets` asks for.
pub(in crate::grpc) struct PlaceBudgetsQuery {
    pub(in crate::grpc) county_id: Option<AreaId>,
    pub(in crate::grpc) measure_code: Option<MeasureCode>,
    pub(in crate::grpc) as_of: Option<time::Date>,
    /// Only those in force to be looked at again by this day.
    pub(in crate::grpc) review_due_by: Option<time::Date>,
    pub(in crate::grpc) page: Page,
}

impl PlaceBudgetsQuery {
    /// The one ledger asked for, where both its names are given.
    pub(in crate::grpc) fn ledger(&self) -> Option<LedgerId> {
        let (county_id, measure_code) = (self.county_id.clone()?, self.measure_code.clone()?);
        Some(LedgerId { county_id, measure_code })
    }
}

pub(in crate::grpc) fn list_place_budgets(
    r: &pb::ListPlaceBudgetsRequest,
) -> Result<PlaceBudgetsQuery, Error> {
    let mut v = Violations::default();
    let county_id = v.optional_value("county_id", &r.county_id);
    let measure_code = v.optional_value("measure_code", &r.measure_code);
    let as_of = v.optional_date("as_of_date", r.as_of_date.as_ref());
    let review_due_by = v.optional_date("review_due_by_date", r.review_due_by_date.as_ref());
    if r.at_least_seq > 0 && (r.county_id.is_empty() || r.measure_code.is_empty()) {
        v.add("at_least_seq", "is only for one county_id and one measure_code");
    }
    let page = Page::parse(&mut v, r);
    let parsed = (|| {
        let (county_id, measure_code) = (county_id?, measure_code?);
        let (as_of, review_due_by, page) = (as_of?, review_due_by?, page?);
        Some(PlaceBudgetsQuery { county_id, measure_code, as_of, review_due_by, page })
    })();
    v.finish(parsed)
}

/// What `ListQuotas` asks for.
pub(in crate::grpc) struct QuotasQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) municipality: Option<MunicipalityNumber>,
    pub(in crate::grpc) as_of: Option<time::Date>,
    pub(in crate::grpc) with_history: bool,
    /// Only those to be looked at again by this day.
    pub(in crate::grpc) review_due_by: Option<time::Date>,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_quotas(r: &pb::ListQuotasRequest) -> Result<QuotasQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let municipality = v.optional_value("municipality_number", &r.municipality_number);
    let as_of = v.optional_date("as_of_date", r.as_of_date.as_ref());
    if r.with_history && r.as_of_date.is_some() {
        v.add("as_of_date", "is not for with_history");
    }
    let review_due_by = v.optional_date("review_due_by_date", r.review_due_by_date.as_ref());
    let page = Page::parse(&mut v, r);
    let with_history = r.with_history;
    let parsed = (|| {
        let (ledger, municipality) = (ledger?, municipality?);
        let (as_of, review_due_by, page) = (as_of?, review_due_by?, page?);
        Some(QuotasQuery { ledger, municipality, as_of, with_history, review_due_by, page })
    })();
    v.finish(parsed)
}

/// What `ListChanges` asks for.
pub(in crate::grpc) struct ChangesQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) after_seq: u64,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_changes(r: &pb::ListChangesRequest) -> Result<ChangesQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger_or_registry(r.ledger.as_ref());
    let page = Page::parse(&mut v, r);
    let parsed = (|| Some(ChangesQuery { ledger: ledger?, after_seq: r.after_seq, page: page? }))();
    v.finish(parsed)
}
