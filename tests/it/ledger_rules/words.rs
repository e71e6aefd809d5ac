//! Explanations in words: everything there is to be said reads well, few others are told as
//! few, and some texts are pinned as they are read.

use tiltaksplass::domain::{
    allocation::{OutOfTurnReason, PassedOverReason, RunEnd},
    event::EntryChange,
    explanation::{
        ByRules, Confirmation, Explanation, FreePlaceGroup, Holding, Ineligible, Language, LastDay,
        Now, Occasion, Outcome as Decided, Position, PositionExplanation, SaidNo, Site, Standing,
        organisation_name, paragraphs, position_paragraphs,
    },
    measure::DecisionText,
    shadow::Verdict,
    waitlist::PRIORITY_BY_CORRECTION_DAYS,
};

use super::{
    explained::{NAMED, Scene, at_most, explained, explained_after, scene},
    plain::reads_well,
    *,
};

const REASONS: [PassedOverReason; 8] = [
    PassedOverReason::NoQuota,
    PassedOverReason::NoAcceptablePlace,
    PassedOverReason::ParticipationDoesNotFit,
    PassedOverReason::WorkField,
    PassedOverReason::DeclinedHere,
    PassedOverReason::ObjectedHere,
    PassedOverReason::OfferWithdrawn,
    PassedOverReason::ReservedForAnother,
];

// ---- Everything there is to be said ----

fn holding(percent: u32) -> Holding {
    Holding { site: Some(site()), participation_percent: percent }
}

fn site() -> Site {
    Site {
        name: "Kantine og catering sentrum".to_owned(),
        provider_name: Some("Trondheim kommunale arbeidssenter AS".to_owned()),
    }
}

fn group(number: u128, free_percent: i64, would_take: bool) -> FreePlaceGroup {
    let place_group_id = PlaceGroupId(Uuid::from_u128(number));
    FreePlaceGroup { site: site(), place_group_id, free_percent, would_take }
}

/// Where somebody may stand: with and without a municipality, a priority and names, and with
/// more or less that is free.
fn standings(of: &Standing) -> Vec<Standing> {
    let mut all = Vec::new();
    for place_groups in [
        Vec::new(),
        vec![group(1, 100, true)],
        vec![group(1, 50, false)],
        vec![group(1, 237, true), group(2, 250, true), group(3, 1, false), group(4, 1200, false)],
        (0..14).map(|n| group(n, 100, n != 3)).collect(),
        (0..11).map(|n| group(n, 100, true)).collect(),
    ] {
        for percent in [0, 50, 100, 350] {
            let mut one = of.clone();
            one.free.place_groups.clone_from(&place_groups);
            one.free.second_account_percent = percent;
            all.push(one);
        }
    }
    let mut pool = of.clone();
    pool.municipality = None;
    pool.names.municipality = None;
    pool.position = of.position.map(|place| Position { in_municipality: None, ..place });
    let mut without_names = of.clone();
    without_names.names.measure = None;
    without_names.names.area = None;
    without_names.names.municipality = None;
    let mut late = of.clone();
    late.key.order_time = of.key.registered_time.minus_days(1);
    let mut equal = of.clone();
    equal.key.order_time = of.key.registered_time;
    let mut corrected = of.clone();
    corrected.key = of.key.with_bonus(PRIORITY_BY_CORRECTION_DAYS);
    all.push(corrected);
    let whole = Standing { participation_percent: 100, ..of.clone() };
    let nowhere = Standing { position: None, ..of.clone() };
    let more = Standing { is_increase: true, ..of.clone() };
    all.extend([of.clone(), pool.clone(), without_names, late, equal, whole, nowhere, more]);
    pool.free.second_account_percent = 0;
    all.push(pool);
    all
}

fn outcomes() -> Vec<Decided> {
    let mut outcomes = vec![Decided::PlaceProposed, Decided::NotReached(None)];
    outcomes.extend(REASONS.map(Decided::PassedOver));
    outcomes.extend(REASONS.map(|reason| Decided::NotReached(Some(reason))));
    let ineligible = [
        Ineligible::NotYetJoined,
        Ineligible::HoldsPlace,
        Ineligible::Placed,
        Ineligible::Closed,
        Ineligible::Paused,
        Ineligible::CoolingDown,
    ];
    outcomes.extend(ineligible.map(Decided::NotEligible));
    let out_of_turn = [
        OutOfTurnReason::Health,
        OutOfTurnReason::PlaceWouldBeLost,
        OutOfTurnReason::Returns,
        OutOfTurnReason::Appeal,
        OutOfTurnReason::Correction,
        OutOfTurnReason::Other,
    ];
    outcomes.push(Decided::OutOfTurn(None));
    outcomes.extend(out_of_turn.map(|reason| Decided::OutOfTurn(Some(reason))));
    outcomes
}

const OCCASIONS: [Occasion; 5] = [
    Occasion::SharedOut { some_groups: false },
    Occasion::SharedOut { some_groups: true },
    Occasion::PassedOn,
    Occasion::Came,
    Occasion::Chosen,
];

fn by_rules() -> [ByRules; 4] {
    let to_another = |verdict| ByRules { verdict, to_this_one: false };
    [
        ByRules { verdict: Verdict::Deviates, to_this_one: true },
        to_another(Verdict::Agrees),
        to_another(Verdict::Deviates),
        to_another(Verdict::Nobody),
    ]
}

fn confirmations() -> Vec<Confirmation> {
    let confirmed = |organisation_name: Option<&str>| Confirmation::Confirmed {
        at: hour(days_on(1), 9),
        organisation: "5701".to_owned(),
        organisation_name: organisation_name.map(str::to_owned),
    };
    vec![
        Confirmation::NothingProposed,
        Confirmation::Waits,
        Confirmation::Lapsed,
        Confirmation::Withdrawn,
        confirmed(None),
        confirmed(Some("NAV Heimdal og Byåsen")),
    ]
}

/// Everything a text may have to say of one decision.
fn decisions() -> Vec<Explanation> {
    let Scene { ledger, class, .. } = scene();
    let (told, _) = explained(&ledger, at_most(2), &[class]);
    let of = &told[0];
    let ends = [
        RunEnd::AllProposed,
        RunEnd::NoFreePlace,
        RunEnd::NoQuota,
        RunEnd::NobodyEligible,
        RunEnd::ReservedForAnother,
    ];
    let said_no = |in_words| (site(), SaidNo { at: hour(days_on(-3), 9), in_words });
    let mut all = Vec::new();
    let base = |standing| Explanation {
        standing,
        proposal: of.proposal.clone().map(|(offer, _)| (offer, site())),
        said_no: vec![said_no(true), said_no(false)],
        // Lawyers write as they must, and not in every language.
        legal_texts: Vec::new(),
        ..of.clone()
    };
    for standing in standings(&of.standing) {
        let base = base(standing);
        all.extend(outcomes().into_iter().map(|outcome| Explanation { outcome, ..base.clone() }));
        let passed_on = Occasion::PassedOn;
        all.push(Explanation { occasion: passed_on, ..base });
    }
    let pool = standings(&of.standing).into_iter().find(|one| one.municipality.is_none()).unwrap();
    for base in [base(of.standing.clone()), base(pool)] {
        for outcome in outcomes() {
            let with = |run_end| Explanation { outcome, run_end, ..base.clone() };
            all.extend(ends.map(with));
            let with = |occasion| Explanation { outcome, occasion, ..base.clone() };
            all.extend(OCCASIONS.map(with));
            let occasion = Occasion::Chosen;
            let with = |by_rules| Explanation { outcome, occasion, by_rules, ..base.clone() };
            all.extend(by_rules().map(|by_rules| with(Some(by_rules))));
        }
        let each = confirmations().into_iter();
        all.extend(each.map(|confirmation| Explanation { confirmation, ..base.clone() }));
        for counts in [
            [0; 8],
            [1, 0, 0, 0, 0, 0, 0, 0],
            [5, 6, 7, 8, 9, 10, 11, 12],
            [2, 9, 30, 1, 0, 0, 0, 0],
        ] {
            let counts = REASONS.into_iter().zip(counts).filter(|(_, n)| *n > 0).collect();
            all.push(Explanation { passed_over_counts: counts, ..base.clone() });
        }
        all.extend([0, 1, 5, 6].map(|served| Explanation { served, ..base.clone() }));
    }
    all
}

/// Everything a text may have to say of one position.
fn positions() -> Vec<PositionExplanation> {
    let Scene { ledger, class, .. } = scene();
    let place = Position { in_area: 12, in_municipality: Some(3) };
    let standing = Standing::of(&ledger, entry(&ledger, class), Some(place), &NAMED, noon());
    let mut nows: Vec<Now> = REASONS.map(|reason| Now::Waits(Err(reason))).into();
    let placed = |last_day, on_leave_until| Now::Placed {
        holding: holding(50),
        start_date: days_on(-9),
        last_day,
        on_leave_until,
    };
    let nowhere = Holding { site: None, ..holding(100) };
    let offered = |holding, is_objected_to| {
        let answer_by = hour(days_on(4), 0);
        Now::Offered { holding, answer_by, is_objected_to }
    };
    nows.extend([
        Now::Waits(Ok(())),
        Now::Proposed,
        offered(holding(50), true),
        offered(nowhere, false),
        Now::Accepted(holding(100)),
        placed(None, None),
        placed(Some(LastDay::Set(days_on(30))), None),
        placed(Some(LastDay::Planned(days_on(30))), Some(days_on(10))),
        Now::Paused { until: Some(days_on(8)) },
        Now::Paused { until: None },
        Now::CoolingDown { until: hour(days_on(8), 0) },
        Now::Closed { moved: false },
        Now::Closed { moved: true },
        Now::TakenOver { by: Some("Arbeidsforberedende trening".to_owned()) },
        Now::TakenOver { by: None },
    ]);
    let mut all = Vec::new();
    let first = Position { in_area: 1, in_municipality: Some(1) };
    let ahead = Standing { position: Some(first), ..standing.clone() };
    for standing in standings(&standing).into_iter().chain([ahead]) {
        let with = |now: &Now| PositionExplanation { standing: standing.clone(), now: now.clone() };
        all.extend(nows.iter().map(with));
    }
    all
}

#[test]
fn every_decision_reads_well_in_each_language() {
    let decisions = decisions();
    assert!(decisions.len() > 1_000, "{}", decisions.len());
    for e in decisions {
        reads_well(|language| paragraphs(&e, language));
    }
}

#[test]
fn every_position_reads_well_in_each_language() {
    let positions = positions();
    assert!(positions.len() > 300, "{}", positions.len());
    for e in positions {
        reads_well(|language| position_paragraphs(&e, language));
    }
}

/// How few there were stands in no text: with one more or one less it is the same.
#[test]
fn a_text_does_not_say_how_few_others_there_were() {
    let Scene { ledger, hemne, .. } = scene();
    let (told, _) = explained(&ledger, at_most(2), &[hemne]);
    let of = |served, others: u64| {
        // The entry itself is counted by the run.
        let passed_over_counts = BTreeMap::from([(PassedOverReason::NoQuota, others + 1)]);
        let e = Explanation { served, passed_over_counts, ..told[0].clone() };
        Language::ALL.map(|language| paragraphs(&e, language).join("\n"))
    };
    for few in 2..5 {
        assert_eq!(of(usize::try_from(few).unwrap(), few), of(1, 1), "{few}");
    }
    for other in [of(0, 1), of(5, 1), of(1, 0), of(1, 5)] {
        assert_ne!(other, of(1, 1));
    }
}

/// Who has a proposal is not told of a place: it is no offer.
#[test]
fn a_proposal_is_not_told_as_an_offer() {
    let OnePlace { ledger, entry_id, .. } = one_place(Step::Proposed);
    let texts = of_entry(&ledger, entry_id, None);
    for (language, text) in Language::ALL.iter().zip(&texts) {
        assert!(!text.contains("Vilje viser vei"), "{language:?}: {text}");
        assert!(!text.contains("arbeidssenter"), "{language:?}: {text}");
    }
    assert!(texts[0].contains("Du har ikke fått noe tilbud ennå."), "{}", texts[0]);
}

/// What lawyers have written stands at the end in its own language, as it is, and only then.
#[test]
fn legal_texts_are_told_as_they_are_where_there_are_any() {
    let Scene { ledger, class, .. } = scene();
    let (mut told, _) = explained(&ledger, at_most(2), &[class]);
    told[0].legal_texts.clear();
    let without = Language::ALL.map(|language| paragraphs(&told[0], language));
    let text = |language: &str, legal_basis: &str, appeal: &str| DecisionText {
        language: language.to_owned(),
        legal_basis: legal_basis.to_owned(),
        appeal: appeal.to_owned(),
    };
    let texts =
        vec![text("nb", "Tiltaksforskriften § 14-1.", "Du kan klage."), text("en", "", "Appeal.")];
    let e = Explanation { legal_texts: texts, ..told[0].clone() };
    let with = Language::ALL.map(|language| paragraphs(&e, language));
    let added: Vec<&[String]> = with
        .iter()
        .zip(&without)
        .map(|(with, without)| with.strip_prefix(without.as_slice()).unwrap())
        .collect();
    assert_eq!(added[0], ["Tiltaksforskriften § 14-1.", "Du kan klage."]);
    assert!(added[1].is_empty(), "nothing is said where nothing is set");
    assert_eq!(added[2], ["Appeal."]);
}

/// They come from the measure type as the registry of the decision had it.
#[test]
fn legal_texts_are_those_of_the_measure_type() {
    let Scene { ledger, class, .. } = scene();
    let (told, _) = explained(&ledger, at_most(2), &[class]);
    assert_eq!(
        told[0].legal_texts,
        NAMED.ledger_measure_on(ledger.id(), TODAY).unwrap().rules.texts
    );
    assert_eq!(told[0].legal_texts[0].language, "nb");
}

// ---- As they are read ----

#[test]
fn whoever_got_a_place_reads_this() {
    let Scene { ledger, class, .. } = scene();
    let (mut told, _) = explained(&ledger, at_most(2), &[class]);
    let organisation_name = organisation_name("5701", &NAMED);
    assert_eq!(organisation_name.as_deref(), Some("NAV Heimdal og Byåsen"));
    told[0].confirmation = Confirmation::Confirmed {
        at: hour(days_on(1), 9),
        organisation: "5701".to_owned(),
        organisation_name,
    };
    reads_as("explained_proposed", &of_decision(&told[0]));
}

#[test]
fn whoever_was_passed_over_reads_this() {
    let Scene { ledger, hemne, .. } = scene();
    let (told, _) = explained(&ledger, at_most(2), &[hemne]);
    reads_as("explained_passed_over", &of_decision(&told[0]));
}

#[test]
fn whoever_was_not_reached_reads_this() {
    let Scene { ledger, behind, .. } = scene();
    let (told, _) = explained(&ledger, at_most(1), &[behind]);
    assert_eq!(told[0].outcome, Decided::NotReached(None));
    reads_as("explained_not_reached", &of_decision(&told[0]));
}

/// Two sites would suit but for what the person has said; the rest are only counted.
#[test]
fn whoever_said_no_reads_this() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5)]);
    let group = add_group(&mut ledger, 1, &[]);
    let entry_id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let offer_id = offers_of(&allocate(&mut ledger, 1)).next().unwrap().offer_id;
    happen(&mut ledger, commands::confirm(&[offer_id]), noon()).unwrap();
    let mut said_nos = tiltaksplass::domain::explanation::SaidNos::default();
    let events = happen(&mut ledger, commands::respond(offer_id, false), hour(days_on(1), 9));
    said_nos.note(&ledger, entry_id, &events.unwrap(), ledger.head().at);
    assert!(entry(&ledger, entry_id).declined_here.contains(&group));
    let (told, _) = explained_after(&ledger, at_most(1), &[entry_id], &said_nos);
    assert_eq!(told[0].outcome, Decided::NotReached(Some(PassedOverReason::DeclinedHere)));
    reads_as("explained_declined_here", &of_decision(&told[0]));
}

#[test]
fn whoever_waits_reads_this() {
    let Scene { ledger, hemne, class, .. } = scene();
    let second = Position { in_area: 2, in_municipality: Some(1) };
    reads_as("position_no_quota", &of_entry(&ledger, hemne, Some(second)));
    let first = Position { in_area: 1, in_municipality: Some(1) };
    reads_as("position_waiting", &of_entry(&ledger, class, Some(first)));
}

#[test]
fn whoever_does_not_wait_reads_this() {
    for (name, step) in [("position_proposed", Step::Proposed), ("position_offered", Step::Offered)]
    {
        let OnePlace { ledger, entry_id, .. } = one_place(step);
        reads_as(name, &of_entry(&ledger, entry_id, None));
    }
    let (OnePlace { ledger, entry_id, .. }, _) = OnePlace::started(Step::Accepted);
    reads_as("position_placed", &of_entry(&ledger, entry_id, None));
}

#[test]
fn whoever_waits_for_more_of_a_place_reads_this() {
    let first = Position { in_area: 1, in_municipality: Some(1) };
    let more = |ledger: &mut Ledger, id: EntryId| {
        let increase_of = Some(PlacementId(Uuid::nil()));
        let entry = Entry { increase_of, participation_percent: 40, ..entry(ledger, id).clone() };
        apply(ledger, &Event::EntryChanged { entry, change: EntryChange::IncreaseAsked });
    };
    let Scene { mut ledger, class, .. } = scene();
    more(&mut ledger, class);
    reads_as("position_increase_waiting", &of_entry(&ledger, class, Some(first)));
    let OnePlace { mut ledger, entry_id, .. } = one_place(Step::Offered);
    more(&mut ledger, entry_id);
    reads_as("position_increase_offered", &of_entry(&ledger, entry_id, None));
    happen(&mut ledger, commands::leave(entry_id), noon()).unwrap();
    reads_as("position_increase_over", &of_entry(&ledger, entry_id, None));
}

fn of_decision(e: &Explanation) -> [String; 3] {
    Language::ALL.map(|language| paragraphs(e, language).join("\n\n"))
}

fn of_entry(ledger: &Ledger, id: EntryId, place: Option<Position>) -> [String; 3] {
    let e = positions::explained(ledger, id, place);
    Language::ALL.map(|language| position_paragraphs(&e, language).join("\n\n"))
}

/// The words as they stand in `tests/data/texts`; `UPDATE_GOLDEN=1` takes a change in.
pub(super) fn reads_as(name: &str, texts: &[String; 3]) {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/texts")
        .join(format!("{name}.txt"));
    let each = Language::ALL.iter().zip(texts);
    let each: Vec<String> =
        each.map(|(language, text)| format!("[{}]\n{text}\n", language.code())).collect();
    let text = each.join("\n");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let golden =
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(text, golden, "the words changed: {name}");
}
