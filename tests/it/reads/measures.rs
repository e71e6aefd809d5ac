//! Measure types over the wire: each rule comes back as it was sent, each bound is told, and
//! versions stand beside each other.

use std::path::Path;

use decline_rule::Rule;
use registry_row::Row;
use span::Length;
use tiltaksplass::cli::{call::DynamicClient, defaults, import};

use super::*;
use crate::world::{avklaring, date, join};

/// A new type in which no rule is left out.
fn whole() -> MeasureType {
    let span = |length| Some(Span { length: Some(length) });
    let text = |language: &str, legal_basis: &str, appeal: &str| DecisionText {
        language: language.into(),
        legal_basis: legal_basis.into(),
        appeal: appeal.into(),
    };
    MeasureType {
        measure_code: "AFT".into(),
        name: "Arbeidsforberedende trening".into(),
        distribution: Distribution::ByMunicipality.into(),
        part_time_allowed: true,
        confirm_working_days: 4,
        answer_working_days: 6,
        priority_classes: vec![PriorityClass { code: "YOUNG".into(), bonus_days: 90 }],
        aliases: vec![ExternalReference { system: "arena".into(), id: "ARBFORB".into() }],
        valid_from_date: Some(date(2016, 10, 1)),
        source: "FOR-2015-12-11-1598 ch. 13".into(),
        need_groups: vec![
            NeedGroup::GoodChances.into(),
            NeedGroup::NeedsGuidance.into(),
            NeedGroup::NeedsGuidanceReducedAbility.into(),
            NeedGroup::WorkInPart.into(),
            NeedGroup::LittleChance.into(),
        ],
        minimum_age: Some(18),
        combines_with: Some(MeasureCombination {
            measure_codes: vec!["AVKLARING".into(), "VTA".into()],
        }),
        measure_group: "AFT".into(),
        object_working_days: Some(5),
        decline_rule: Some(DeclineRule { rule: Some(Rule::Strike(true)) }),
        cool_down_days: Some(30),
        soft_maximum: span(Length::Months(24)),
        hard_maximum: span(Length::Months(36)),
        review_every: span(Length::Weeks(26)),
        confirmation_required: Some(false),
        direct_start: true,
        idle_days: Some(14),
        confirm_days: Some(90),
        supply: Supply::PreApproved.into(),
        provider_choice: ProviderChoice::CallOffRank.into(),
        decision_kind: "TILDELING".into(),
        texts: vec![
            text("nb", "Etter loven.", "Klag her."),
            text("nn", "", "Klag her."),
            text("en", "By law.", ""),
        ],
        superseded_by: Some(Supersession {
            measure_code: "VTA".into(),
            from_date: Some(date(2027, 1, 1)),
        }),
        reserve_after_passes: Some(3),
        correction_days: Some(14),
    }
}

async fn import_types(world: &World, types: Vec<MeasureType>) -> Result<(), Status> {
    let row = |measure| RegistryRow { row: Some(Row::MeasureType(measure)) };
    let piece = ImportRegistryRequest {
        request_id: request_id(),
        rows: types.into_iter().map(row).collect(),
        ..ImportRegistryRequest::default()
    };
    let mut registry = world.directorate.registry();
    registry.import_registry(tokio_stream::iter([piece])).await.map(|_| ())
}

async fn listed(world: &World, on_date: Option<Date>) -> Vec<MeasureType> {
    let request = ListMeasureTypesRequest { on_date, ..Default::default() };
    let mut registry = world.office.registry();
    registry.list_measure_types(request).await.unwrap().into_inner().measure_types
}

#[tokio::test]
async fn each_rule_comes_back_as_it_was_sent() {
    let world = World::new().await;
    let whole = whole();
    // A field that is new must stand in the sample, or this shows nothing of it.
    let empty = MeasureType::default();
    let left_out = serde_fields(&whole).into_iter().zip(serde_fields(&empty));
    let left_out: Vec<_> = left_out.filter(|(whole, empty)| whole == empty).collect();
    assert!(left_out.is_empty(), "{left_out:?}");
    // Each branch of each choice, and what an absent field stands for.
    let other = MeasureType {
        measure_code: "TAO".into(),
        decline_rule: Some(DeclineRule { rule: Some(Rule::LeaveAfter(3)) }),
        combines_with: Some(MeasureCombination::default()),
        soft_maximum: Some(Span { length: Some(Length::Weeks(12)) }),
        supply: Supply::FrameworkAgreement.into(),
        provider_choice: ProviderChoice::EvenByVolume.into(),
        confirmation_required: Some(true),
        ..whole.clone()
    };
    let bare = MeasureType {
        measure_code: "ZZZ".into(),
        name: "Bar".into(),
        distribution: Distribution::CountyPool.into(),
        confirm_working_days: 1,
        answer_working_days: 60,
        supply: Supply::Direct.into(),
        provider_choice: ProviderChoice::Person.into(),
        ..MeasureType::default()
    };
    let sent = vec![whole.clone(), other.clone(), bare.clone()];
    import_types(&world, sent.clone()).await.unwrap();
    let bare = MeasureType { confirmation_required: Some(true), ..bare };
    let found: Vec<MeasureType> =
        listed(&world, None).await.into_iter().filter(|m| sent_code(&sent, m)).collect();
    assert_eq!(found, [whole, other, bare]);
}

fn sent_code(sent: &[MeasureType], found: &MeasureType) -> bool {
    sent.iter().any(|sent| sent.measure_code == found.measure_code)
}

/// What `Debug` says of each field, in the order of the message.
fn serde_fields(measure: &MeasureType) -> Vec<String> {
    let text = format!("{measure:#?}");
    let fields = text.lines().collect::<Vec<_>>().join("\n");
    let starts = |line: &&str| line.starts_with("    ") && !line.starts_with("     ");
    let mut parts: Vec<String> = Vec::new();
    for line in fields.lines() {
        if starts(&line) && line.contains(':') {
            parts.push(line.to_owned());
        } else if let Some(last) = parts.last_mut() {
            last.push_str(line);
        }
    }
    assert_eq!(parts.len(), 31, "{text}");
    parts
}

type Spoil = fn(&mut MeasureType);

#[allow(clippy::unnecessary_wraps)] // As the field has it.
fn weeks(weeks: u32) -> Option<Span> {
    Some(Span { length: Some(Length::Weeks(weeks)) })
}

#[allow(clippy::unnecessary_wraps)] // As the field has it.
fn months(months: u32) -> Option<Span> {
    Some(Span { length: Some(Length::Months(months)) })
}

#[allow(clippy::unnecessary_wraps)] // As the field has it.
fn leave_after(strikes: u32) -> Option<DeclineRule> {
    Some(DeclineRule { rule: Some(Rule::LeaveAfter(strikes)) })
}

/// One row, one bound: what breaks it, and all that is told of it.
const BOUNDS: &[(Spoil, &str)] = &[
    (|m| m.source = "x".repeat(501), "source has 501 characters; the most is 500"),
    (|m| m.need_groups.push(1), "need_groups has 6 items; the most is 5"),
    (|m| m.need_groups[1] = 1, "need_groups[1] stands twice"),
    (
        |m| m.need_groups[1] = 0,
        "need_groups must be one of the enum's values, other than UNSPECIFIED",
    ),
    (|m| m.minimum_age = Some(0), "minimum_age is 0; must be 1 to 99"),
    (|m| m.minimum_age = Some(100), "minimum_age is 100; must be 1 to 99"),
    (
        |m| m.combines_with.as_mut().unwrap().measure_codes[1] = "AVKLARING".into(),
        "combines_with.measure_codes[1] stands twice",
    ),
    (
        |m| m.combines_with.as_mut().unwrap().measure_codes[0] = String::new(),
        "combines_with.measure_codes[0] is required",
    ),
    (
        |m| {
            let codes = (0..51).map(|n| format!("M{n}")).collect();
            m.combines_with.as_mut().unwrap().measure_codes = codes;
        },
        "combines_with.measure_codes has 51 items; the most is 50",
    ),
    (|m| m.measure_group = "a".into(), "measure_group must be"),
    (|m| m.object_working_days = Some(61), "object_working_days is 61; must be 1 to 60"),
    (|m| m.object_working_days = Some(0), "object_working_days is 0; must be 1 to 60"),
    (|m| m.decline_rule = leave_after(0), "decline_rule.leave_after is 0; must be 1 to 20"),
    (|m| m.decline_rule = leave_after(21), "decline_rule.leave_after is 21; must be 1 to 20"),
    (|m| m.cool_down_days = Some(0), "cool_down_days is 0; must be 1 to 366"),
    (|m| m.cool_down_days = Some(367), "cool_down_days is 367; must be 1 to 366"),
    (|m| m.soft_maximum = Some(Span::default()), "soft_maximum must have weeks or months"),
    (|m| m.review_every = weeks(0), "review_every.weeks is 0; must be 1 to 520"),
    (|m| m.review_every = weeks(521), "review_every.weeks is 521; must be 1 to 520"),
    (|m| m.hard_maximum = months(0), "hard_maximum.months is 0; must be 1 to 120"),
    (|m| m.hard_maximum = months(121), "hard_maximum.months is 121; must be 1 to 120"),
    (|m| m.hard_maximum = months(23), "hard_maximum must not be shorter than soft_maximum"),
    // 24 months have 672 days at least.
    (|m| m.hard_maximum = weeks(95), "hard_maximum must not be shorter than soft_maximum"),
    (|m| m.idle_days = Some(367), "idle_days is 367; must be 1 to 366"),
    (|m| m.idle_days = Some(0), "idle_days is 0; must be 1 to 366"),
    (|m| m.confirm_days = Some(367), "confirm_days is 367; must be 1 to 366"),
    (|m| m.confirm_days = Some(0), "confirm_days is 0; must be 1 to 366"),
    (|m| m.supply = 4, "supply must be one of the enum's values"),
    (|m| m.provider_choice = 4, "provider_choice must be one of the enum's values"),
    (|m| m.decision_kind = "x".repeat(65), "decision_kind has 65 characters; the most is 64"),
    (|m| m.texts.push(m.texts[0].clone()), "texts has 4 items; the most is 3"),
    (|m| m.texts[1].language = "nb".into(), "texts[1].language stands twice"),
    (|m| m.texts[1].language = "NB".into(), "texts[1].language must be one of nb, nn and en"),
    (
        |m| m.texts[2].legal_basis = String::new(),
        "texts[2].legal_basis is required where there is no appeal",
    ),
    (
        |m| m.texts[0].appeal = "x".repeat(2_001),
        "texts[0].appeal has 2001 characters; the most is 2000",
    ),
    (
        |m| m.texts[0].legal_basis = "x".repeat(2_001),
        "texts[0].legal_basis has 2001 characters; the most is 2000",
    ),
    (
        |m| m.superseded_by.as_mut().unwrap().measure_code = "AFT".into(),
        "superseded_by.measure_code must be another measure type",
    ),
    (|m| m.superseded_by.as_mut().unwrap().from_date = None, "superseded_by.from_date is required"),
    (|m| m.reserve_after_passes = Some(0), "reserve_after_passes is 0; must be 1 to 100"),
    (|m| m.reserve_after_passes = Some(101), "reserve_after_passes is 101; must be 1 to 100"),
];

/// What holds on the bound itself.
const WITHIN: &[Spoil] = &[
    |m| m.source = "x".repeat(500),
    |m| m.reserve_after_passes = Some(100),
    |m| m.reserve_after_passes = Some(1),
    |m| m.minimum_age = Some(99),
    |m| m.minimum_age = Some(1),
    |m| m.combines_with = None,
    |m| m.object_working_days = Some(60),
    |m| m.decline_rule = leave_after(20),
    |m| m.decline_rule = Some(DeclineRule { rule: Some(Rule::Strike(false)) }),
    |m| m.cool_down_days = Some(366),
    |m| m.review_every = weeks(520),
    |m| m.hard_maximum = months(120),
    |m| m.hard_maximum = months(24),
    |m| m.hard_maximum = weeks(96),
    |m| m.decision_kind = "x".repeat(64),
    |m| m.texts[0].appeal = "ø".repeat(2_000),
];

#[tokio::test]
async fn each_bound_is_told_with_both_numbers() {
    let world = World::new().await;
    for (spoil, problem) in BOUNDS {
        let mut spoiled = whole();
        spoil(&mut spoiled);
        let refused = import_types(&world, vec![spoiled]).await.unwrap_err();
        let told = (Code::FailedPrecondition, "REGISTRY_ROWS_INVALID".to_owned());
        assert_eq!((refused.code(), reason(&refused)), told, "{problem}");
        let details = tonic_types::StatusExt::get_details_bad_request(&refused).unwrap();
        let [violation] = &details.field_violations[..] else { panic!("{details:?}") };
        let expected = format!("measure_type.{problem}");
        assert!(violation.description.starts_with(&expected), "{violation:?} for {expected}");
        assert!(!violation.description.contains("; measure_type"), "{violation:?}");
    }
    for spoil in WITHIN {
        let mut on_the_bound = whole();
        spoil(&mut on_the_bound);
        import_types(&world, vec![on_the_bound.clone()]).await.unwrap();
        let found = listed(&world, None).await;
        assert_eq!(found[0].measure_code, "AFT", "{found:?}");
    }
}

/// A version of a pool's type, in which parts are given or not.
fn dated(from: Option<Date>, part_time_allowed: bool) -> MeasureType {
    MeasureType {
        measure_code: "AVKLARING".into(),
        name: "Avklaring".into(),
        distribution: Distribution::CountyPool.into(),
        part_time_allowed,
        confirm_working_days: 5,
        answer_working_days: 5,
        valid_from_date: from,
        confirmation_required: Some(true),
        ..MeasureType::default()
    }
}

#[tokio::test]
async fn versions_stand_beside_each_other_and_one_holds_on_a_day() {
    let world = World::new().await;
    let (first, second) =
        (dated(Some(date(2026, 3, 1)), true), dated(Some(date(2026, 4, 1)), false));
    import_types(&world, vec![second.clone(), first.clone()]).await.unwrap();
    let all = listed(&world, None).await;
    let [_, early, late, vta] = &all[..] else { panic!("{all:?}") };
    assert_eq!((early, late, vta.measure_code.as_str()), (&first, &second, "VTA"));
    for (day, expected) in [
        (date(2026, 2, 28), &all[0]),
        (date(2026, 3, 1), &first),
        (date(2026, 3, 31), &first),
        (date(2026, 4, 1), &second),
        (date(2100, 1, 1), &second),
    ] {
        assert_eq!(listed(&world, Some(day)).await, [expected.clone(), vta.clone()], "{day:?}");
    }
    // Page by page, each version stands once.
    let request = ListMeasureTypesRequest { page_size: 1, ..Default::default() };
    let mut registry = world.county.registry();
    let (paged, pages) = every_page!(registry, list_measure_types, request, measure_types);
    assert_eq!((paged, pages), (all.clone(), vec![1, 1, 1, 1]));
    // The service decides by the version of today.
    let half =
        |person| JoinWaitlistRequest { participation_percent: 50, ..join(&avklaring(), person) };
    world.office.waitlist().join_waitlist(half(1)).await.unwrap();
    let mut changed = dated(Some(date(2026, 3, 1)), false);
    changed.superseded_by =
        Some(Supersession { measure_code: "VTA".into(), from_date: Some(date(2026, 3, 2)) });
    import_types(&world, vec![changed]).await.unwrap();
    let refused = world.office.waitlist().join_waitlist(half(2)).await.unwrap_err();
    let told = (Code::FailedPrecondition, "MEASURE_TYPE_RULE".to_owned());
    assert_eq!((refused.code(), reason(&refused)), told);
    let words = "AVKLARING was superseded by VTA from 2026-03-02: nobody new comes in; use VTA";
    assert_eq!(refused.message(), words);
    world.service.verify().await;
}

async fn directorate(service: &Service) -> DynamicClient {
    let token = service.token(Role::Directorate, "NAV", "kari");
    DynamicClient::connect(&format!("http://{}", service.address), Some(&token)).await.unwrap()
}

/// How many rows were added, changed and unchanged.
async fn sent(client: &mut DynamicClient, rows: &[import::Row]) -> [u64; 3] {
    let answer = import::send(client, rows, defaults::SOURCE, false).await.unwrap();
    ["addedRows", "changedRows", "unchangedRows"]
        .map(|count| answer[count].as_u64().unwrap_or_default())
}

/// By code: Arena's and NAV's codes, and the figures of the domain's facts.
fn facts(measure: &MeasureType) -> String {
    let span = |span: &Option<Span>| match span.as_ref().and_then(|span| span.length) {
        None => "-".to_owned(),
        Some(Length::Weeks(weeks)) => format!("{weeks}w"),
        Some(Length::Months(months)) => format!("{months}m"),
    };
    let aliases: Vec<String> =
        measure.aliases.iter().map(|alias| format!("{}:{}", alias.system, alias.id)).collect();
    let date = |date: &Date| format!("{}-{}-{}", date.year, date.month, date.day);
    let by = measure.superseded_by.as_ref();
    let by = by.map(|by| format!(">{} {}", by.measure_code, date(&by.from_date.unwrap())));
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    [
        measure.measure_code.clone(),
        or_none(aliases.join(",")),
        if measure.distribution() == Distribution::ByMunicipality { "quotas" } else { "pool" }
            .into(),
        if measure.part_time_allowed { "parts" } else { "whole" }.into(),
        format!("{}/{}", span(&measure.soft_maximum), span(&measure.hard_maximum)),
        or_none(measure.measure_group.clone()),
        measure.supply().as_str_name().trim_start_matches("SUPPLY_").into(),
        or_none(measure.valid_from_date.as_ref().map(date).unwrap_or_default()),
        or_none(by.unwrap_or_default()),
    ]
    .join(" ")
}

#[tokio::test]
async fn the_defaults_are_norways_types_and_sent_again_change_nothing() {
    let service = Service::start().await;
    let mut client = directorate(&service).await;
    let rows = defaults::rows().unwrap();
    let there = u64::try_from(rows.len()).unwrap();
    assert_eq!(sent(&mut client, &rows).await, [there, 0, 0]);
    assert_eq!(sent(&mut client, &rows).await, [0, 0, there]);
    let mut registry = service.caller(Role::County, COUNTY).await.registry();
    let request = ListMeasureTypesRequest::default();
    let types = registry.list_measure_types(request).await.unwrap().into_inner().measure_types;
    let found: Vec<String> = types.iter().map(facts).collect();
    let expected = [
        "AB - pool whole -/- - UNSPECIFIED - >OPPFOLGING 2016-1-1",
        "AFT nav:ARBEIDSFORBEREDENDE_TRENING,arena:ARBFORB quotas parts 24m/36m AFT PRE_APPROVED 2016-10-1 -",
        "APS arena:PRAKSKJERM quotas whole -/- AFT UNSPECIFIED - >AFT 2016-10-1",
        "ARR nav:ARBEIDSRETTET_REHABILITERING,arena:ARBRRHDAG pool whole 12w/16w - FRAMEWORK_AGREEMENT - -",
        "AVKLARING nav:AVKLARING,arena:AVKLARAG pool whole 12w/16w - FRAMEWORK_AGREEMENT - -",
        "KIA arena:AMBF2 pool whole -/- - UNSPECIFIED - >AFT 2016-10-1",
        "OPPFOLGING nav:OPPFOLGING,arena:INDOPPFAG pool whole 36m/42m - FRAMEWORK_AGREEMENT - -",
        "TAO nav:TILRETTELAGT_ARBEID_ORDINAER pool whole -/- VTA UNSPECIFIED - -",
        "TIA arena:AMBF3 pool whole -/- - UNSPECIFIED - -",
        "VTA nav:VARIG_TILRETTELAGT_ARBEID_SKJERMET,arena:VASV quotas parts -/- VTA PRE_APPROVED - -",
        "VTAO arena:VATIAROR pool whole -/- VTA PRE_APPROVED - >TAO 2026-9-1",
    ];
    assert_eq!(found, expected);
    for measure in &types {
        assert!(!measure.source.is_empty(), "{measure:?}");
        // Lawyers write these; a person decides everywhere.
        assert!(measure.texts.is_empty(), "{measure:?}");
        assert_eq!(measure.confirmation_required, Some(true), "{measure:?}");
        let groups: Vec<NeedGroup> = measure.need_groups().collect();
        let expected: &[NeedGroup] = if measure.measure_code == "VTA" {
            &[NeedGroup::WorkInPart, NeedGroup::LittleChance]
        } else {
            &[]
        };
        assert_eq!(groups, expected, "{measure:?}");
    }
    service.verify().await;
}

/// The defaults may be sent over a registry that has the same types already: none is shared
/// otherwise there, and the holidays are the same rows.
#[tokio::test]
async fn the_defaults_go_over_the_example_registry() {
    let service = Service::start().await;
    let mut client = directorate(&service).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/demo/data");
    sent(&mut client, &import::read_folder(&folder).unwrap()).await;
    let rows = defaults::rows().unwrap();
    let [added, changed, unchanged] = sent(&mut client, &rows).await;
    // Seven types of the example get their rules; its 83 holidays stay.
    assert_eq!((changed, unchanged), (7, 83));
    assert_eq!(added + changed + unchanged, u64::try_from(rows.len()).unwrap());
}
