//! Versions of measure types: which one holds on a day, what they must share, who they let in,
//! and how their rows are written.

use proptest::prelude::*;
use tiltaksplass::domain::{
    command::ImportRegistry,
    event::{Header, Payload},
    ids::MeasureCode,
    measure::{
        DecisionText, DeclineRule, MeasureRules, MeasureVersion, NeedGroup, ProviderChoice, Span,
        Superseded, Supply,
    },
    refusal::BadRow,
    registry::RowKind,
};

use super::*;

fn code(text: &str) -> MeasureCode {
    text.parse().unwrap()
}

/// A version of AFT, which the usual registry lacks; it gives parts of a place where asked.
fn version(valid_from: Option<Date>, part_time_allowed: bool) -> MeasureType {
    let row = measure("AFT", Distribution::ByMunicipality, part_time_allowed);
    let RegistryRow::MeasureType(mut version) = row else { panic!("{row:?}") };
    version.rules.valid_from = valid_from;
    version
}

fn with(rules: MeasureRules) -> RegistryRow {
    RegistryRow::MeasureType(MeasureType { rules, ..version(None, false) })
}

fn registry_with(rows: impl IntoIterator<Item = MeasureType>) -> Registry {
    let rows: Vec<RegistryRow> =
        registry_rows().into_iter().chain(rows.into_iter().map(RegistryRow::MeasureType)).collect();
    let mut registry = Registry::default();
    let plan = registry.plan_import(&rows).unwrap();
    registry.apply(1, &plan.rows);
    registry
}

fn aft() -> Ledger {
    Ledger::new(ledger_id("AFT"), Distribution::ByMunicipality, Head::EMPTY)
}

fn join_on(registry: &Registry, day: Date, percent: u32) -> Result<Vec<Event>, Stop> {
    let (at, actor) = (hour(day, 12), actor("county"));
    let context = Context { at, registry, actor: &actor, rules: RULES_VERSION };
    let join = Command::JoinWaitlist(commands::join_part(1, TRONDHEIM, percent));
    decide(&aft(), &join, &context, &mut IdSource::new(seed(0), at))
}

fn import(rows: Vec<RegistryRow>) -> Result<Vec<Event>, Refusal> {
    let mut ledger = Ledger::new(LedgerId::registry(), Distribution::CountyPool, Head::EMPTY);
    let source = "NAV".to_owned();
    happen(&mut ledger, Command::ImportRegistry(ImportRegistry { source, rows }), noon())
}

fn bad(index: usize, problem: &str) -> BadRow {
    BadRow { index, problem: problem.to_owned() }
}

proptest! {
    /// The latest that has begun; one without a date has always.
    #[test]
    fn on_each_day_the_latest_version_that_has_begun_holds(
        from_ever_on in any::<bool>(),
        starts in proptest::collection::btree_set(0_i64..400, 0..6),
        days in proptest::collection::vec(-10_i64..420, 1..30),
    ) {
        let starts: Vec<Option<Date>> = from_ever_on
            .then_some(None)
            .into_iter()
            .chain(starts.into_iter().map(|start| Some(days_on(start))))
            .collect();
        // Imported the latest first: the order of rows says nothing.
        let registry = registry_with(starts.iter().rev().map(|from| version(*from, false)));
        let all: Vec<Option<Date>> =
            registry.measure_versions(&code("AFT")).map(|row| row.rules.valid_from).collect();
        prop_assert_eq!(&all, &starts);
        for day in days {
            let day = days_on(day);
            let expected =
                starts.iter().rfind(|from| from.is_none_or(|from| from <= day));
            let found = registry.measure_type_on(&code("AFT"), day);
            prop_assert_eq!(found.map(|row| &row.rules.valid_from), expected);
            let of_ledger = registry.ledger_measure_on(&ledger_id("AFT"), day);
            prop_assert_eq!(of_ledger, found);
        }
        let shared = registry.ledger_distribution(&ledger_id("AFT"));
        prop_assert_eq!(shared.is_some(), !starts.is_empty());
    }
}

#[test]
fn a_decision_goes_by_the_version_of_its_own_day() {
    let eve = TODAY.previous_day().unwrap();
    let registry = registry_with([version(None, false), version(Some(TODAY), true)]);
    let whole_only = Refusal::MeasureTypeRule("only whole places are given of this measure type");
    assert_eq!(join_on(&registry, eve, 60), Err(whole_only.into()));
    assert!(join_on(&registry, TODAY, 60).is_ok());
    // A type that has not begun is no type yet.
    let registry = registry_with([version(Some(TODAY), true)]);
    let none_yet = Refusal::LedgerNotFound(ledger_id("AFT"));
    assert_eq!(join_on(&registry, eve, 100), Err(none_yet.into()));
    assert!(join_on(&registry, TODAY, 100).is_ok());
}

#[test]
fn nobody_joins_what_another_type_has_superseded() {
    let mut old = version(None, false);
    old.rules.superseded_by =
        Some(Superseded { by: code("VTA"), from: TODAY, queue_follows: false });
    let registry = registry_with([old]);
    assert!(join_on(&registry, TODAY.previous_day().unwrap(), 100).is_ok());
    let refused = Refusal::Superseded { measure: code("AFT"), by: code("VTA"), from: TODAY };
    assert_eq!(
        refused.to_string(),
        "AFT was superseded by VTA from 2011-03-01: nobody new comes in; use VTA"
    );
    for day in [TODAY, days_on(400)] {
        assert_eq!(join_on(&registry, day, 100), Err(refused.clone().into()));
    }
}

#[test]
fn a_decision_names_the_version_and_its_source() {
    let mut first = version(None, false);
    first.rules.source = Some("Forskrift 2008".to_owned());
    let mut second = version(Some(TODAY), false);
    second.rules.source = Some("Forskrift 2015".to_owned());
    let registry = registry_with([first.clone(), second]);
    let earlier = registry_with([first]);
    let header = |day| Header {
        ledger: ledger_id("AFT"),
        seq: 1,
        request_id: samples::request_id(),
        kind: "JOIN_WAITLIST".to_owned(),
        at: hour(day, 12),
        rules_version: RULES_VERSION,
        registry_version: 1,
        actor: actor("county"),
        on_behalf_of: BTreeSet::new(),
    };
    let told = |valid_from, source: &str| {
        Some(MeasureVersion { valid_from, source: Some(source.to_owned()) })
    };
    let eve = TODAY.previous_day().unwrap();
    for (day, registry, expected) in [
        (eve, &registry, told(None, "Forskrift 2008")),
        (TODAY, &registry, told(Some(TODAY), "Forskrift 2015")),
        // What its registry did not have yet, it did not look into.
        (TODAY, &earlier, told(None, "Forskrift 2008")),
        (TODAY, &REGISTRY, None),
    ] {
        assert_eq!(MeasureVersion::of_decision(&header(day), registry), expected, "{day}");
    }
}

#[test]
fn versions_of_one_type_share_one_distribution() {
    let dated = |distribution| {
        let row = version(Some(date!(2016 - 10 - 01)), false);
        let code = code("VTA");
        RegistryRow::MeasureType(MeasureType { code, distribution, ..row })
    };
    assert!(import(vec![dated(Distribution::ByMunicipality)]).is_ok());
    let problem = "all versions of VTA must have one distribution; this one has COUNTY_POOL from \
                   2016-10-01, another BY_MUNICIPALITY from ever on";
    let refused = Refusal::RegistryRowsInvalid(vec![bad(0, problem)]);
    assert_eq!(import(vec![dated(Distribution::CountyPool)]), Err(refused));
    // Two that are new, and differ: each is told of the other.
    let new = |valid_from, distribution| {
        RegistryRow::MeasureType(MeasureType { distribution, ..version(valid_from, false) })
    };
    let rows =
        vec![new(None, Distribution::CountyPool), new(Some(TODAY), Distribution::ByMunicipality)];
    let (pool, quotas) = ("COUNTY_POOL from ever on", "BY_MUNICIPALITY from 2011-03-01");
    let problem = |own, other| {
        format!(
            "all versions of AFT must have one distribution; this one has {own}, another {other}"
        )
    };
    let refused = vec![bad(0, &problem(pool, quotas)), bad(1, &problem(quotas, pool))];
    assert_eq!(import(rows), Err(Refusal::RegistryRowsInvalid(refused)));
}

#[test]
fn a_type_names_only_types_there_are() {
    let successor = Superseded { by: code("TAO"), from: TODAY, queue_follows: true };
    let combination = BTreeSet::from([code("VTA"), code("TAO")]);
    for rules in [
        MeasureRules { superseded_by: Some(successor), ..MeasureRules::default() },
        MeasureRules { combines_with: Some(combination), ..MeasureRules::default() },
    ] {
        let refused = Refusal::RegistryRowsInvalid(vec![bad(0, "there is no measure type TAO")]);
        assert_eq!(import(vec![with(rules.clone())]), Err(refused));
        // It may stand anywhere in the same import.
        let rows = vec![with(rules), measure("TAO", Distribution::CountyPool, false)];
        assert!(import(rows).is_ok());
    }
}

fn every_rule() -> MeasureRules {
    MeasureRules {
        valid_from: Some(date!(2016 - 10 - 01)),
        source: Some("FOR-2015-12-11-1598 ch. 13".to_owned()),
        need_groups: BTreeSet::from([NeedGroup::WorkInPart, NeedGroup::LittleChance]),
        minimum_age: Some(18),
        combines_with: Some(BTreeSet::new()),
        measure_group: Some("AFT".to_owned()),
        object_working_days: Some(5),
        decline_rule: DeclineRule::LeaveAfter(3),
        cool_down_days: Some(30),
        soft_maximum: Some(Span::Weeks(12)),
        hard_maximum: Some(Span::Months(36)),
        review_every: Some(Span::Months(6)),
        without_confirmation: true,
        direct_start: true,
        idle_days: Some(14),
        confirm_days: Some(90),
        supply: Some(Supply::PreApproved),
        provider_choice: Some(ProviderChoice::CallOffRank),
        decision_kind: Some("TILDELING".to_owned()),
        texts: vec![DecisionText {
            language: "nb".to_owned(),
            legal_basis: "Etter loven.".to_owned(),
            appeal: String::new(),
        }],
        superseded_by: Some(Superseded { by: code("VTA"), from: TODAY, queue_follows: false }),
        reserve_after_passes: Some(3),
        correction_days: Some(14),
    }
}

/// A row without a date is written and found as it was before there were versions; one with
/// all rules has these bytes for good.
#[test]
fn rows_are_written_and_read_as_ever() {
    let old = RegistryRow::MeasureType(version(None, true));
    assert_eq!(old.key(), (RowKind::MeasureType, "AFT".to_owned()));
    let bytes = r#"{"MEASURE_TYPE":{"code":"AFT","name":"AFT","distribution":"BY_MUNICIPALITY","part_time_allowed":true,"confirm_working_days":2,"answer_working_days":3,"priority_classes":[{"code":"YOUNG","bonus_days":30}],"aliases":[]}}"#;
    assert_eq!(serde_json::to_string(&old).unwrap(), bytes);
    assert_eq!(serde_json::from_str::<RegistryRow>(bytes).unwrap(), old);

    let new = with(every_rule());
    assert_eq!(new.key(), (RowKind::MeasureType, "AFT@2016-10-01".to_owned()));
    let rules = r#","rules":{"valid_from":"2016-10-01","source":"FOR-2015-12-11-1598 ch. 13","need_groups":["WORK_IN_PART","LITTLE_CHANCE"],"minimum_age":18,"combines_with":[],"measure_group":"AFT","object_working_days":5,"decline_rule":{"LEAVE_AFTER":3},"cool_down_days":30,"soft_maximum":{"WEEKS":12},"hard_maximum":{"MONTHS":36},"review_every":{"MONTHS":6},"without_confirmation":true,"direct_start":true,"idle_days":14,"confirm_days":90,"supply":"PRE_APPROVED","provider_choice":"CALL_OFF_RANK","decision_kind":"TILDELING","texts":[{"language":"nb","legal_basis":"Etter loven.","appeal":""}],"superseded_by":{"by":"VTA","from":"2011-03-01"},"reserve_after_passes":3,"correction_days":14}"#;
    let bytes = bytes.replace("\"part_time_allowed\":true", "\"part_time_allowed\":false");
    let bytes = format!("{}{rules}}}}}", bytes.strip_suffix("}}").unwrap());
    assert_eq!(serde_json::to_string(&new).unwrap(), bytes);
    assert_eq!(serde_json::from_str::<RegistryRow>(&bytes).unwrap(), new);
}

/// The registry's own log of before: its one row a code is found on every day, and importing
/// it again changes nothing.
#[test]
fn an_old_import_makes_the_registry_it_made() {
    let log = include_str!("../../data/log/import_registry.json");
    let payload: Payload = serde_json::from_str(log).unwrap();
    let [Event::RegistryImported { rows, .. }] = &payload.events[..] else { panic!("{payload:?}") };
    let registry = REGISTRY.clone();
    let mut after = registry.clone();
    after.apply(2, rows);
    for code in ["APS", "VTA", "AVKLARING"].map(code) {
        let versions: Vec<&MeasureType> = after.measure_versions(&code).collect();
        let [only] = versions[..] else { panic!("{code}: {versions:?}") };
        assert!(only.rules.is_unset());
        for day in [date!(1900 - 01 - 01), TODAY, date!(2200 - 12 - 31)] {
            assert_eq!(after.measure_type_on(&code, day), Some(only));
        }
    }
    let actor = actor("directorate");
    let context = Context { at: noon(), registry: &after, actor: &actor, rules: 1 };
    let ledger = Ledger::new(LedgerId::registry(), Distribution::CountyPool, Head::EMPTY);
    let mut ids = IdSource::new(seed(0), noon());
    let again = decide(&ledger, &payload.command, &context, &mut ids).unwrap();
    let [Event::RegistryImported { rows, .. }] = &again[..] else { panic!("{again:?}") };
    assert!(rows.is_empty(), "{rows:?}");
}
