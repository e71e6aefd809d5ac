//! Every figure of every answer, and why it may be told. A figure that is added without a row here
//! fails: whoever adds it says whether it counts people.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor};

use crate::contract::rpcs;

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    /// It counts no people and nothing that people use: the reason is what it is.
    NoPeople(&'static str),
    /// It counts people, and who is told it knows each of them, or it is about one of them.
    Exempt(&'static str),
    /// It is hidden where it is small, or would give one away; `hidden_fields` says so.
    Disclosed,
    /// The same, in an explanation of a decision, where a flag of its own says so.
    InWords,
}

const ENTITLED: Figure = Figure::NoPeople("places that are planned, offered or shared out");
const RULE: Figure = Figure::NoPeople("a rule of the measure type");
const ORDINAL: Figure = Figure::NoPeople("a number of a row, a version or an order");
const WEIGHT: Figure = Figure::NoPeople("published statistics, or a calculation with them");
const DRAWN: Figure = Figure::NoPeople("drawn by chance");
const DAYS: Figure = Figure::NoPeople("a length of time");
const ONE_PERSON: Figure = Figure::Exempt("about one person, to who may see that person");
const COUNTY: Figure = Figure::Exempt("to the county of the area alone, which sees each of them");
const OWN_PEOPLE: Figure = Figure::Exempt("counts the caller's own people alone");

const APART: Figure = Figure::Exempt("told of all accounts or of none, by `is_hidden`");

const EMPLOYEES: Figure = Figure::NoPeople("employees and what they did, not who seeks work");

const FIGURES: &[(&str, Figure, &[&str])] = &[
    ("AccessFinding", EMPLOYEES, &["count", "not_judged"]),
    ("AccessRecord", EMPLOYEES, &["entry_count"]),
    ("AffectedDecision", ORDINAL, &["seq"]),
    ("ApportionTie", WEIGHT, &["seats_at_stake"]),
    ("ApportionedArea", WEIGHT, &["quota_millionths", "quota_whole", "seats"]),
    ("ApportionmentCertificate", WEIGHT, &["runner_up_margin", "total_weight"]),
    ("Capacity", ENTITLED, &["call_off_rank", "places"]),
    ("CapacitySubmission", ENTITLED, &["call_off_rank", "places"]),
    ("Change", ORDINAL, &["seq"]),
    ("CorrectResponse", ORDINAL, &["affected_until_seq"]),
    ("CorrectedEntry", ONE_PERSON, &["strikes"]),
    ("Date", DAYS, &["year", "month", "day"]),
    ("DecisionExplanation", ONE_PERSON, &["position_in_area", "position_in_municipality"]),
    ("DecisionExplanation", ORDINAL, &["registry_version", "rules_version", "seq"]),
    ("DecisionExplanation", ONE_PERSON, &["free_second_account_percent"]),
    ("DecisionExplanation", Figure::InWords, &["passed_over_total", "served"]),
    ("DeclineRule", RULE, &["leave_after"]),
    ("DistributionKey", WEIGHT, &["municipalities", "total_weight"]),
    ("EstimateWaitResponse", ONE_PERSON, &["position"]),
    (
        "FairShare",
        ENTITLED,
        &[
            "current_places",
            "entitled_places",
            "gap_nok_a_year",
            "gap_places",
            "place_share_basis_points",
        ],
    ),
    (
        "FairShare",
        WEIGHT,
        &["quota_millionths", "quota_whole", "weight", "weight_share_basis_points"],
    ),
    ("FreePlaceGroup", ONE_PERSON, &["free_percent"]),
    ("GetAvailabilityResponse", ENTITLED, &["place_budget"]),
    ("GetFairShareResponse", ENTITLED, &["current_places", "place_budget", "places_to_move"]),
    ("GetPositionResponse", ONE_PERSON, &["position_in_area", "position_in_municipality"]),
    (
        "GetShadowReportResponse",
        Figure::Disclosed,
        &["agrees", "deviates", "given_by_hand", "nobody", "passed_over", "passed_over_most"],
    ),
    ("ImportExistingResponse", COUNTY, &["differing_lines", "imported_rows", "unchanged_rows"]),
    (
        "ImportRegistryResponse",
        Figure::NoPeople("rows of the registry"),
        &["added_rows", "changed_rows", "unchanged_rows"],
    ),
    ("LeftOutRow", ORDINAL, &["index"]),
    ("LentPlaces", ENTITLED, &["borrowed_places", "lent_places"]),
    (
        "MeasureType",
        RULE,
        &[
            "answer_working_days",
            "confirm_days",
            "confirm_working_days",
            "cool_down_days",
            "correction_days",
            "idle_days",
            "minimum_age",
            "object_working_days",
            "reserve_after_passes",
        ],
    ),
    ("MunicipalityQueue", Figure::Disclosed, &["persons_waiting"]),
    ("MunicipalityWeight", WEIGHT, &["weight"]),
    (
        "OfficeAccess",
        EMPLOYEES,
        &[
            "grants_older_than_a_year",
            "grants_past",
            "municipal_employees_with_other_municipal_access",
            "municipal_employees_with_state_access",
            "state_employees_with_municipal_access",
        ],
    ),
    ("Offer", ONE_PERSON, &["participation_percent"]),
    ("Participation", ONE_PERSON, &["participation_percent"]),
    ("PassedOverCount", Figure::InWords, &["count"]),
    ("PlaceBudget", ENTITLED, &["places"]),
    ("PlaceGroupAvailability", ENTITLED, &["call_off_rank"]),
    ("PlaceGroupQueue", Figure::Disclosed, &["persons_waiting"]),
    ("PlacePersonResponse", COUNTY, &["passed_over"]),
    (
        "PlaceVacancy",
        Figure::Disclosed,
        &["allocable_percent", "days_empty", "free_percent", "place_days_empty"],
    ),
    ("Placement", ONE_PERSON, &["participation_percent"]),
    ("PriorityClass", RULE, &["bonus_days"]),
    (
        "QueueSummary",
        Figure::Disclosed,
        &["increases", "persons_waiting", "persons_without_preference"],
    ),
    ("CommittedPlaces", ENTITLED, &["places"]),
    ("Plan", ENTITLED, &["distance_places", "moved_places", "place_budget", "remaining_places"]),
    (
        "PlanArea",
        ENTITLED,
        &[
            "given_places",
            "got_places",
            "held_at_start_places",
            "held_places",
            "maximum_places",
            "target_places",
        ],
    ),
    ("PlanArea", WEIGHT, &["weight"]),
    ("PlanGoal", ENTITLED, &["places"]),
    ("PlanGoal", ORDINAL, &["year"]),
    (
        "PlanTerms",
        ENTITLED,
        &[
            "cap_basis_points",
            "discount_basis_points",
            "horizon_years",
            "mean_stay_months",
            "new_places_a_year",
            "saving_nok_a_year",
        ],
    ),
    ("AtMaximum", ENTITLED, &["maximum_places"]),
    ("ExplainRedirectionResponse", ORDINAL, &["registry_version", "rules_version", "seq"]),
    ("PlaceWithoutQuota", APART, &["cost_nok", "days_empty", "percent", "place_days_empty"]),
    ("PlacesApart", APART, &["places_cost_nok"]),
    ("PlacesKept", ENTITLED, &["places"]),
    ("PlanChange", ENTITLED, &["place_budget", "remaining_places"]),
    (
        "PlanProgress",
        ENTITLED,
        &[
            "distance_places",
            "goal_at_year_end_places",
            "goal_now_places",
            "moved_places",
            "remaining_places",
            "vacancies_expected",
            "vacancies_seen",
        ],
    ),
    ("PlanProgress", ORDINAL, &["year"]),
    (
        "PlanProgressArea",
        ENTITLED,
        &[
            "given_places",
            "got_places",
            "held_places",
            "maximum_places",
            "may_give_places",
            "target_places",
            "to_get_places",
            "to_give_places",
        ],
    ),
    ("PlanRedirection", ORDINAL, &["seq"]),
    ("QuotaWithoutPlace", APART, &["days_empty", "percent", "place_days_empty"]),
    ("RedirectionClaim", ENTITLED, &["held_places", "target_places"]),
    ("RedirectionClaim", WEIGHT, &["divisor_denominator", "divisor_numerator", "weight"]),
    (
        "RedirectionExplanation",
        ENTITLED,
        &[
            "from_held_places",
            "from_target_places",
            "may_give_places",
            "may_move_places",
            "remaining_places",
        ],
    ),
    ("Quota", ENTITLED, &["places"]),
    ("QuotaLending", ENTITLED, &["loans_total"]),
    ("QuotaLoan", ENTITLED, &["places"]),
    ("QuotaVacancy", Figure::Disclosed, &["allocable_percent", "days_empty", "free_percent"]),
    ("ReassignAdviserResponse", OWN_PEOPLE, &["remaining_entries"]),
    (
        "ReconciliationLine",
        COUNTY,
        &[
            "difference_percent",
            "difference_persons",
            "expected_percent",
            "expected_persons",
            "percent",
            "persons",
        ],
    ),
    ("RegisteredShare", ONE_PERSON, &["participation_percent"]),
    ("ReportClosureResponse", OWN_PEOPLE, &["placements"]),
    ("Revision", ORDINAL, &["seq"]),
    ("ReviewAccessesResponse", EMPLOYEES, &["looked_at"]),
    ("SetPlaceBudgetResponse", ENTITLED, &["place_budget"]),
    ("SetQuotasResponse", ENTITLED, &["total_places"]),
    ("ShadowDeviation", COUNTY, &["passed_over"]),
    ("ShadowMunicipality", Figure::Disclosed, &["given_by_hand", "deviates"]),
    ("ShadowReasonCount", Figure::Disclosed, &["count"]),
    ("Span", RULE, &["months", "weeks"]),
    ("StatedWait", Figure::NoPeople("a provider's own words of a wait"), &["months"]),
    ("AreaForecast", ENTITLED, &["held_places", "target_places"]),
    ("AreaForecast", DAYS, &["expected_days"]),
    ("ForecastBand", DAYS, &["p10_days", "p50_days", "p90_days"]),
    ("MeanStay", DAYS, &["days"]),
    (
        "MeanStay",
        Figure::NoPeople("of a whole ledger in years, and of 30 at least"),
        &["ended_placements"],
    ),
    ("PlanForecast", ENTITLED, &["distance_places", "new_places_only"]),
    ("PlanForecast", DAYS, &["all_mean_days", "lower_bound_days"]),
    (
        "PlanSaving",
        Figure::NoPeople("money that a plan states"),
        &["discount_basis_points", "present_value_nok", "total_nok"],
    ),
    ("SimulateRedistributionResponse", ENTITLED, &["distance_places"]),
    ("SimulateRedistributionResponse", DRAWN, &["drawn", "draws", "seed", "vacancies"]),
    ("SimulatedArea", ENTITLED, &["held_places", "target_places"]),
    ("SimulatedArea", DRAWN, &["pushed_below_basis_points"]),
    ("SimulatedPlaces", DRAWN, &["p10", "p50", "p90"]),
    ("SimulatedTime", DRAWN, &["reached_basis_points"]),
    ("SimulatedYear", DRAWN, &["year"]),
    ("Timestamp", DAYS, &["nanos", "seconds"]),
    (
        "ComparedShare",
        ENTITLED,
        &["current_places", "entitled_places", "least_places", "most_places"],
    ),
    ("CompareFairSharesResponse", ENTITLED, &["place_budget"]),
    ("FairShareCombination", ENTITLED, &["places_to_move"]),
    ("FairShareWarning", ENTITLED, &["at_places", "other_places", "places"]),
    ("FairnessIndices", WEIGHT, &["gallagher", "gini", "loosemore_hanby", "sainte_lague"]),
    ("FlipMargin", WEIGHT, &["weight_change"]),
    ("KeyPart", RULE, &["factor"]),
    ("Usage", ENTITLED, &["total_percent"]),
    (
        "Usage",
        Figure::Disclosed,
        &["free_percent", "in_use_percent", "over_percent", "reserved_percent"],
    ),
    ("WaitCoverage", Figure::Disclosed, &["covered", "measured", "without_band"]),
    ("WaitEstimate", ONE_PERSON, &["p10_days", "p50_days", "p90_days"]),
    ("WaitEvidence", Figure::Disclosed, &["departures", "entries_left_out", "starts"]),
    ("WaitEvidence", DAYS, &["waiting_days", "window_days"]),
    ("WaitingIncrease", ONE_PERSON, &["participation_percent"]),
    ("GetAvailabilityResponse", ENTITLED, &["quotas_over_budget_places"]),
    (
        "ListQuotasResponse",
        ENTITLED,
        &["place_budget", "quota_places", "quotas_over_budget_places"],
    ),
    ("MovedQuota", ENTITLED, &["later_quotas", "places"]),
    ("PlaceBudget", ENTITLED, &["quota_places", "quotas_over_budget_places"]),
    ("Quota", ENTITLED, &["committed_places"]),
    ("QuotaMove", ENTITLED, &["places"]),
    ("SetPlaceBudgetResponse", ENTITLED, &["quota_places", "quotas_over_budget_places"]),
    ("WaitlistEntry", ONE_PERSON, &["participation_percent", "strikes"]),
];

/// Lists whose rows are left out where they are hidden: the answer they stand in says so.
const LEFT_OUT: &[(&str, &str)] =
    &[("ShadowMunicipality", "municipalities"), ("ShadowReasonCount", "deviations_by_reason")];

/// Every whole or broken number of every answer, and the messages it stands in.
fn figures() -> BTreeMap<(String, String), MessageDescriptor> {
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<MessageDescriptor> = rpcs().iter().map(MethodDescriptor::output).collect();
    while let Some(message) = open.pop() {
        if !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields() {
            match field.kind() {
                Kind::Message(part) => open.push(part),
                Kind::String | Kind::Bytes | Kind::Bool | Kind::Enum(_) => {}
                Kind::Double
                | Kind::Float
                | Kind::Int32
                | Kind::Int64
                | Kind::Uint32
                | Kind::Uint64
                | Kind::Sint32
                | Kind::Sint64
                | Kind::Fixed32
                | Kind::Fixed64
                | Kind::Sfixed32
                | Kind::Sfixed64 => {
                    let name = (message.name().to_owned(), field.name().to_owned());
                    found.insert(name, message.clone());
                }
            }
        }
    }
    found
}

fn table() -> BTreeMap<(String, String), Figure> {
    let mut table = BTreeMap::new();
    for (message, figure, fields) in FIGURES {
        for field in *fields {
            let before = table.insert(((*message).to_owned(), (*field).to_owned()), *figure);
            assert_eq!(before, None, "{message}.{field} stands twice");
        }
    }
    table
}

#[test]
fn every_figure_of_every_answer_is_known_to_count_people_or_not() {
    let (found, table) = (figures(), table());
    let found: BTreeSet<_> = found.keys().collect();
    let listed: BTreeSet<_> = table.keys().collect();
    let unknown: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(unknown.is_empty() && gone.is_empty(), "without a row: {unknown:?}; gone: {gone:?}");
    for (message, figure, _) in FIGURES {
        if let Figure::NoPeople(why) | Figure::Exempt(why) = figure {
            assert!(!why.is_empty(), "{message}: no reason");
        }
    }
}

#[test]
fn what_may_be_hidden_can_be_told_from_nothing() {
    let found = figures();
    let is_told = |message: &MessageDescriptor| {
        let field = message.get_field_by_name("hidden_fields");
        field.is_some_and(|field| field.is_list() && field.kind() == Kind::String)
    };
    let report = &found[&("GetShadowReportResponse".to_owned(), "agrees".to_owned())];
    for (name, figure) in table() {
        if figure != Figure::Disclosed {
            continue;
        }
        match LEFT_OUT.iter().find(|(message, _)| *message == name.0) {
            Some((_, list)) => assert!(report.get_field_by_name(list).is_some(), "{name:?}"),
            None => assert!(is_told(&found[&name]), "{name:?} has no hidden_fields beside it"),
        }
    }
}

#[test]
fn the_document_has_every_figure_that_may_be_hidden() {
    let document = include_str!("../../../docs/small-counts.md");
    for ((message, field), figure) in table() {
        if figure == Figure::Disclosed {
            let row = document.lines().find(|line| line.contains(&format!("| `{message}` |")));
            assert!(
                row.is_some_and(|row| row.contains(&format!("`{field}`"))),
                "{message}.{field}"
            );
        }
    }
}
