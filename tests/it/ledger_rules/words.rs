//! Explanations in words: every sentence is short and without codes, the languages say the
//! same, and some are pinned as they are read.

use tiltaksplass::domain::{
    allocation::{PassedOverReason, RunEnd},
    explanation::{
        Confirmation, Explanation, FreePlaceGroup, Holding, Ineligible, Language, Now,
        Outcome as Decided, Position, PositionExplanation, SENTENCE_WORDS_MAX, SaidNo, Site,
        Standing, organisation_name, paragraphs, position_paragraphs,
    },
};

use super::{
    explained::{NAMED, Scene, at_most, explained, scene},
    *,
};

const REASONS: [PassedOverReason; 5] = [
    PassedOverReason::NoQuota,
    PassedOverReason::NoAcceptablePlace,
    PassedOverReason::ParticipationDoesNotFit,
    PassedOverReason::WorkField,
    PassedOverReason::DeclinedHere,
];

// ---- What a text may not have ----

/// The sentences of a paragraph. One ends where the next begins with a capital, a figure or
/// a quotation, but not behind the short form of a Norwegian clock.
fn sentences(paragraph: &str) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for word in paragraph.split(' ') {
        let begins =
            word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || "«“".contains(c));
        match sentences.last_mut() {
            Some(last) if !(begins && last.ends_with('.')) || last.ends_with(" kl.") => {
                last.push(' ');
                last.push_str(word);
            }
            _ => sentences.push(word.to_owned()),
        }
    }
    sentences
}

/// What is wrong with a paragraph for people.
fn faults(paragraph: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for sentence in sentences(paragraph) {
        let words = sentence.split(' ').count();
        if words > SENTENCE_WORDS_MAX {
            faults.push(format!("{words} words: {sentence}"));
        }
        if !sentence.ends_with('.') || sentence.contains(" .") {
            faults.push(format!("not a sentence: {sentence}"));
        }
    }
    if paragraph.contains("  ") {
        faults.push(format!("two spaces: {paragraph}"));
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    for word in paragraph.split(|c: char| !is_part(c)).filter(|word| !word.is_empty()) {
        if is_code(word) {
            faults.push(format!("a code: {word}"));
        }
    }
    faults
}

/// Ids, hashes, numbers of municipalities and organisations, words of enums. Years are
/// those of the tests; `NAV` and `AS` are names.
fn is_code(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let is_year = ["2010", "2011"].contains(&word);
    let shouts = letters > 2 && word.chars().all(|c| !c.is_lowercase()) && word != "NAV";
    word.contains('_') || shouts || (digits > 0 && letters > 0) || (digits > 3 && !is_year)
}

#[test]
fn long_sentences_and_codes_are_found() {
    let long = "Ord ".repeat(SENTENCE_WORDS_MAX) + "til.";
    let wrong = [
        long.as_str(),
        "Kort. Plassen er på 0198f2aa-0000-7000-8000-000000000001.",
        "Andelen til 1601 er brukt opp.",
        "Grunnen er NO_QUOTA.",
        "Dette gjelder VTA i Trøndelag.",
        "Området er NO-50.",
        "Ved 974760673.",
        "Linje deadbeef0123 i loggen.",
        "Ingen punktum",
        "To  mellomrom.",
    ];
    for text in wrong {
        assert!(!faults(text).is_empty(), "{text}");
    }
    let right = "Ord ".repeat(SENTENCE_WORDS_MAX - 1)
        + "slutt. Ledige plasser ble fordelt 1. mars 2011 kl. 12.00. 5 andre fikk plass hos «A» i NAV \
           Heimdal AS.";
    assert_eq!(faults(&right), Vec::<String>::new());
    assert_eq!(sentences(&right).len(), 3);
    assert_eq!(sentences("En. «To» er to. 3 er tre."), ["En.", "«To» er to.", "3 er tre."]);
}

/// The numbers of a text, sorted: languages may order them differently. Few is a number too.
fn numbers(text: &str) -> Vec<u64> {
    let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let mut numbers: Vec<u64> = digits.map(|digits| digits.parse().unwrap()).collect();
    let few = ["Færre enn fem", "Fewer than five"].map(|few| text.matches(few).count());
    numbers.extend(few.iter().flat_map(|n| vec![u64::MAX; *n]));
    numbers.sort_unstable();
    numbers
}

/// Whatever there is to be said is said in each language, in short sentences, without codes.
fn reads_well(paragraphs: impl Fn(Language) -> Vec<String>) {
    let [bokmal, nynorsk, english] = Language::ALL.map(paragraphs);
    assert_eq!([nynorsk.len(), english.len()], [bokmal.len(); 2]);
    for ((nb, nn), en) in bokmal.iter().zip(&nynorsk).zip(&english) {
        let (told, [nn_told, en_told]) = (numbers(nb), [nn, en].map(|text| numbers(text)));
        assert!(told == nn_told && told == en_told, "{nb}\n{nn}\n{en}");
        let lengths = [nb, nn, en].map(|text| sentences(text).len());
        assert_eq!(lengths, [lengths[0]; 3], "{nb}\n{nn}\n{en}");
        for text in [nb, nn, en] {
            assert_eq!(faults(text), Vec::<String>::new(), "{text}");
        }
    }
}

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
    let whole = Standing { participation_percent: 100, ..of.clone() };
    let nowhere = Standing { position: None, ..of.clone() };
    all.extend([of.clone(), pool.clone(), without_names, late, equal, whole, nowhere]);
    pool.free.second_account_percent = 0;
    all.push(pool);
    all
}

fn outcomes() -> Vec<Decided> {
    let mut outcomes = vec![Decided::PlaceProposed, Decided::NotReached(None)];
    outcomes.extend(REASONS.map(Decided::PassedOver));
    outcomes.extend(REASONS.map(|reason| Decided::NotReached(Some(reason))));
    outcomes.extend(
        [Ineligible::NotYetJoined, Ineligible::HoldsPlace, Ineligible::Placed, Ineligible::Closed]
            .map(Decided::NotEligible),
    );
    outcomes
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
    let ends = [RunEnd::AllProposed, RunEnd::NoFreePlace, RunEnd::NoQuota, RunEnd::NobodyEligible];
    let said_no = |in_words| (site(), SaidNo { at: hour(days_on(-3), 9), in_words });
    let mut all = Vec::new();
    for standing in standings(&of.standing) {
        let base = Explanation {
            standing,
            proposal: of.proposal.clone().map(|(offer, _)| (offer, site())),
            said_no: vec![said_no(true), said_no(false)],
            ..of.clone()
        };
        for outcome in outcomes() {
            let with = |run_end| Explanation { outcome, run_end, ..base.clone() };
            all.extend(ends.map(with));
        }
        let each = confirmations().into_iter();
        all.extend(each.map(|confirmation| Explanation { confirmation, ..base.clone() }));
        for counts in [[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [5, 6, 7, 8, 9], [2, 9, 30, 1, 0]] {
            let counts = REASONS.into_iter().zip(counts).filter(|(_, n)| *n > 0).collect();
            let kept_to_groups = true;
            all.push(Explanation { passed_over_counts: counts, kept_to_groups, ..base.clone() });
        }
        all.extend([0, 1, 5, 6].map(|served| Explanation { served, ..base.clone() }));
    }
    all
}

/// Everything a text may have to say of one position.
fn positions() -> Vec<PositionExplanation> {
    let Scene { ledger, class, .. } = scene();
    let place = Position { in_area: 12, in_municipality: Some(3) };
    let standing = Standing::of(&ledger, entry(&ledger, class), Some(place), &NAMED);
    let mut nows: Vec<Now> = REASONS.map(|reason| Now::Waits(Err(reason))).into();
    let placed = |last_day| Now::Placed { holding: holding(50), start_date: days_on(-9), last_day };
    let nowhere = Holding { site: None, ..holding(100) };
    nows.extend([
        Now::Waits(Ok(())),
        Now::Proposed,
        Now::Offered { holding: holding(50), answer_by: hour(days_on(4), 0) },
        Now::Offered { holding: nowhere, answer_by: hour(days_on(4), 0) },
        Now::Accepted(holding(100)),
        placed(None),
        placed(Some(days_on(30))),
        Now::Closed,
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

fn of_decision(e: &Explanation) -> [String; 3] {
    Language::ALL.map(|language| paragraphs(e, language).join("\n\n"))
}

fn of_entry(ledger: &Ledger, id: EntryId, place: Option<Position>) -> [String; 3] {
    let e = positions::explained(ledger, id, place);
    Language::ALL.map(|language| position_paragraphs(&e, language).join("\n\n"))
}

/// The words as they stand in `tests/data/texts`; `UPDATE_GOLDEN=1` takes a change in.
fn reads_as(name: &str, texts: &[String; 3]) {
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
