//! Requests about redistribution plans.

use std::collections::BTreeMap;

use crate::{
    domain::{
        access::Role,
        apportionment::Method,
        command::{ApprovePlan, Command, CommentPlan, ProposePlan, WithdrawPlan},
        ids::{LedgerId, MunicipalityNumber, PlanId},
        plan::{PlanTerms, View},
        plan_standing::PlanState,
    },
    error::Error,
    grpc::{
        Caller,
        page::Page,
        parse::{
            SYSTEM_MAX, Violations,
            fair_share::{QUOTA_MAX, method},
        },
    },
    proto::v1 as pb,
    write::Draft,
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
/// The longest comment, or reason against one, in characters.
const VIEW_MAX: usize = 2_000;
/// The most states a list is narrowed to: as many as there are.
const STATES_MAX: usize = 8;
/// The greatest saving a year, in kroner.
const SAVING_MAX: u64 = 1_000_000_000_000;

/// What a mutation is parsed to.
pub(in crate::grpc) type Parsed = Result<(LedgerId, Draft), Error>;

/// Who speaks of a plan.
pub(in crate::grpc) struct Author {
    /// Their name, where their token has one.
    name: Option<String>,
    /// The municipality they speak for.
    municipality: Option<MunicipalityNumber>,
}

impl Author {
    pub(in crate::grpc) fn of(caller: &Caller) -> Self {
        let is_municipal = caller.actor.role == Role::Municipality;
        let number = is_municipal.then(|| caller.actor.organisation.parse().ok()).flatten();
        Self { name: caller.standing.name.clone(), municipality: number }
    }
}

pub(in crate::grpc) fn propose_plan(r: &pb::ProposePlanRequest, by: Author) -> Parsed {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let terms = plan_terms(&mut v, r.terms.as_ref());
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let case_reference = case_reference?;
        let command = ProposePlan {
            terms: terms?,
            case_reference,
            by_name: by.name,
            by_municipality: by.municipality,
        };
        Some((ledger?, Draft::of(Command::ProposePlan(command))))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn comment_plan(r: &pb::CommentPlanRequest, by: Author) -> Parsed {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let plan_id = v.uuid("plan_id", &r.plan_id);
    let municipality = v.value("municipality_number", &r.municipality_number);
    let view = v.choice("view", r.view).and_then(view);
    let text = v.optional_text("text", &r.text, VIEW_MAX);
    if view == Some(View::Disagrees) && text == Some(None) {
        v.add("text", "is required of who does not agree: the ground");
    }
    if view == Some(View::AgreesWithRemark) && text == Some(None) {
        v.add("text", "is required of who agrees with a remark: the remark");
    }
    let parsed = (|| {
        let command = CommentPlan {
            plan_id: PlanId(plan_id?),
            municipality_number: municipality?,
            view: view?,
            text: text?,
            by_name: by.name,
        };
        Some((ledger?, Draft::of(Command::CommentPlan(command))))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn approve_plan(r: &pb::ApprovePlanRequest, by: Author) -> Parsed {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let plan_id = v.uuid("plan_id", &r.plan_id);
    let reason = v.optional_text("reason_against_views", &r.reason_against_views, VIEW_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = ApprovePlan {
            plan_id: PlanId(plan_id?),
            reason_against_views: reason?,
            case_reference: case_reference?,
            by_name: by.name,
        };
        Some((ledger?, Draft::of(Command::ApprovePlan(command))))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn withdraw_plan(r: &pb::WithdrawPlanRequest, by: Author) -> Parsed {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let plan_id = v.uuid("plan_id", &r.plan_id);
    let reason = v.required_text("reason", &r.reason, VIEW_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = WithdrawPlan {
            plan_id: PlanId(plan_id?),
            reason: reason?,
            case_reference: case_reference?,
            by_name: by.name,
        };
        Some((ledger?, Draft::of(Command::WithdrawPlan(command))))
    })();
    v.finish(parsed)
}

/// Which plan.
pub(in crate::grpc) struct PlanQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) plan_id: PlanId,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn get_plan(r: &pb::GetPlanRequest) -> Result<PlanQuery, Error> {
    let mut v = Violations::default();
    let (ledger, plan_id) = (v.ledger(r.ledger.as_ref()), v.uuid("plan_id", &r.plan_id));
    let at_least_seq = r.at_least_seq;
    let parsed = ledger.zip(plan_id);
    let query = |(ledger, id)| PlanQuery { ledger, plan_id: PlanId(id), at_least_seq };
    v.finish(parsed.map(query))
}

/// Which plans.
pub(in crate::grpc) struct PlansQuery {
    pub(in crate::grpc) ledger: LedgerId,
    /// Only these states; empty for all.
    pub(in crate::grpc) states: Vec<PlanState>,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_plans(r: &pb::ListPlansRequest) -> Result<PlansQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    v.at_most("states", r.states.len(), STATES_MAX);
    let mut states = Vec::new();
    for (index, one) in r.states.iter().take(STATES_MAX).enumerate() {
        states.extend(v.choice(&format!("states[{index}]"), *one).and_then(state));
    }
    let page = Page::parse(&mut v, r);
    let parsed = ledger.zip(page).map(|(ledger, page)| PlansQuery { ledger, states, page });
    v.finish(parsed)
}

fn view(view: pb::PlanView) -> Option<View> {
    match view {
        pb::PlanView::Unspecified => None,
        pb::PlanView::Agrees => Some(View::Agrees),
        pb::PlanView::AgreesWithRemark => Some(View::AgreesWithRemark),
        pb::PlanView::Disagrees => Some(View::Disagrees),
    }
}

fn state(state: pb::PlanState) -> Option<PlanState> {
    match state {
        pb::PlanState::Unspecified => None,
        pb::PlanState::Draft => Some(PlanState::Draft),
        pb::PlanState::Commented => Some(PlanState::Commented),
        pb::PlanState::Approved => Some(PlanState::Approved),
        pb::PlanState::Active => Some(PlanState::Active),
        pb::PlanState::Completed => Some(PlanState::Completed),
        pb::PlanState::Superseded => Some(PlanState::Superseded),
        pb::PlanState::Lapsed => Some(PlanState::Lapsed),
        pb::PlanState::Withdrawn => Some(PlanState::Withdrawn),
    }
}

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
    let chosen = divisor_method(v, terms.method);
    let key_name = v.optional_text("terms.key_name", &terms.key_name, SYSTEM_MAX);
    let key_date = v.optional_date("terms.key_date", terms.key_date.as_ref());
    let start_date = v.date("terms.start_date", terms.start_date.as_ref());
    let horizon_years = v.within("terms.horizon_years", terms.horizon_years, 1, HORIZON_MAX);
    let comment_until = v.date("terms.comment_until_date", terms.comment_until_date.as_ref());
    let pace = v.optional_choice("terms.pace", terms.pace);
    if pace == Some(pb::PlanPace::Goal) && terms.protect_at_target == Some(false) {
        v.add(
            "terms.pace",
            "a ceiling needs protect_at_target: else what moves away from who holds no more than \
             the target counts against it, and the plan may never end",
        );
    }
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
        committed_places,
        cap_basis_points: figures.cap_basis_points?,
        mean_stay_months: figures.mean_stay_months?,
        new_places_a_year: figures.new_places_a_year?,
        saving_nok_a_year: figures.saving_nok_a_year?,
        discount_basis_points: figures.discount_basis_points?,
    })
}

/// A method by which each place has a claim of its own.
fn divisor_method(v: &mut Violations, method: i32) -> Option<pb::ApportionmentMethod> {
    use pb::ApportionmentMethod::{LargestRemainder, Quota};
    let chosen = v.optional_choice("terms.method", method);
    if matches!(chosen, Some(LargestRemainder | Quota)) {
        v.add(
            "terms.method",
            "must be one with divisors: by others no place has a claim of its own",
        );
    }
    chosen
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
) -> BTreeMap<MunicipalityNumber, u32> {
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
    found
}
