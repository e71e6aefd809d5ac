//! Explanations: each outcome from the ledger just before, and the same in both languages.

use tiltaksplass::domain::{
    allocation::{PASSED_OVER_NAMED, PassedOverReason, RunEnd},
    event::{Header, RULES_VERSION},
    explanation::{
        Confirmation, Explanation, Ineligible, Language, Outcome as Decided, Run, explain,
        organisation_name, paragraphs,
    },
};

use super::*;

/// A run over `ledger`, explained to each of these.
fn explained(
    ledger: &Ledger,
    command: AllocatePlaces,
    entries: &[EntryId],
) -> (Vec<Explanation>, Ledger) {
    let mut after = ledger.clone();
    let events = happen(&mut after, Command::AllocatePlaces(command.clone()), noon()).unwrap();
    let header = Header {
        ledger: ledger.id().clone(),
        seq: after.head().seq,
        request_id: samples::request_id(),
        kind: "ALLOCATE_PLACES".to_owned(),
        at: after.head().at,
        rules_version: RULES_VERSION,
        registry_version: 1,
        actor: actor("county"),
    };
    let run = Run { header: &header, command: &command, events: &events, registry: &REGISTRY };
    let one = |id: &EntryId| {
        let now = after.entry(*id).cloned().unwrap_or_else(|| stranger(*id));
        explain(ledger, &run, &now).unwrap()
    };
    (entries.iter().map(one).collect(), after)
}

/// An entry that came later.
fn stranger(entry_id: EntryId) -> Entry {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let id = add_entry(&mut ledger, commands::join(99, TRONDHEIM));
    Entry { entry_id, ..entry(&ledger, id).clone() }
}

fn at_most(max_proposals: u32) -> AllocatePlaces {
    AllocatePlaces { max_proposals, place_groups: BTreeSet::new(), case_reference: None }
}

/// Hemne first, whose quota is used up, then four of Trondheim, of whom two get a place
/// and one has one proposed already.
struct Scene {
    ledger: Ledger,
    hemne: EntryId,
    holder: EntryId,
    served: EntryId,
    class: EntryId,
    behind: EntryId,
    left: EntryId,
}

fn scene() -> Scene {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3), (HEMNE, 0)]);
    add_group(&mut ledger, 2, &[]);
    add_group(&mut ledger, 1, &["Kantine"]);
    let holder = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    allocate(&mut ledger, 1);
    let hemne = add_entry(&mut ledger, commands::join(2, HEMNE));
    let served = add_entry(&mut ledger, commands::join(3, TRONDHEIM));
    let young = JoinWaitlist {
        priority_class: Some("YOUNG".parse().unwrap()),
        ..commands::join_part(4, TRONDHEIM, 50)
    };
    let class = add_entry(&mut ledger, young);
    let left = add_entry(&mut ledger, commands::join(5, TRONDHEIM));
    let behind = add_entry(&mut ledger, commands::join(6, TRONDHEIM));
    happen(&mut ledger, commands::leave(left), noon()).unwrap();
    Scene { ledger, hemne, holder, served, class, behind, left }
}

#[test]
fn each_outcome_is_told() {
    let Scene { ledger, hemne, holder, served, class, behind, left } = scene();
    let later = EntryId(Uuid::from_u128(1));
    let entries = [class, hemne, served, behind, holder, left, later];
    let (told, after) = explained(&ledger, at_most(2), &entries);
    let outcomes: Vec<Decided> = told.iter().map(|e| e.outcome).collect();
    let expected = [
        Decided::PlaceProposed,
        Decided::PassedOver(PassedOverReason::NoQuota),
        Decided::PlaceProposed,
        Decided::NotReached(None),
        Decided::NotEligible(Ineligible::HoldsPlace),
        Decided::NotEligible(Ineligible::Closed),
        Decided::NotEligible(Ineligible::NotYetJoined),
    ];
    assert_eq!(outcomes, expected);
    // The class stands thirty days ahead; Hemne second, and first in its own queue.
    let positions: Vec<Option<(u64, Option<u64>)>> =
        told.iter().map(|e| e.position.map(|p| (p.in_area, p.in_municipality))).collect();
    let own = |area, municipality| Some((area, Some(municipality)));
    assert_eq!(positions[..4], [own(1, 1), own(2, 1), own(3, 2), own(4, 3)]);
    assert_eq!(positions[4..], [None, None, None]);
    let first = &told[0];
    assert_eq!((first.served, first.run_end), (2, RunEnd::AllProposed));
    assert_eq!(first.passed_over_counts, BTreeMap::from([(PassedOverReason::NoQuota, 1)]));
    assert_eq!(first.free_second_account_percent, 200);
    let free: Vec<i64> = first.free_place_groups.iter().map(|group| group.free_percent).collect();
    assert_eq!(free.iter().sum::<i64>(), 200);
    let (offer, name) = first.proposal.as_ref().unwrap();
    assert_eq!((offer.entry_id, name.as_str()), (class, "Vilje viser vei"));
    assert_eq!(after.offer(offer.offer_id), Some(offer));
    assert_eq!(first.confirmation, Confirmation::Waits);
    assert_eq!(told[1].confirmation, Confirmation::NothingProposed);
    assert_eq!(told[1].free_second_account_percent, 0);
    assert_eq!(first.seq, after.head().seq);
}

/// The last of them was judged and nobody behind was served; one place group is left over.
#[test]
fn a_reason_is_told_also_where_nobody_behind_was_served() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 2)]);
    add_group(&mut ledger, 2, &[]);
    let wants =
        JoinWaitlist { work_fields: vec!["Gartneri".into()], ..commands::join(1, TRONDHEIM) };
    let entry_id = add_entry(&mut ledger, wants);
    let (told, _) = explained(&ledger, at_most(5), &[entry_id]);
    let Explanation { outcome, run_end, served, .. } = &told[0];
    assert_eq!(*outcome, Decided::NotReached(Some(PassedOverReason::WorkField)));
    assert_eq!((*run_end, *served), (RunEnd::NobodyEligible, 0));
}

/// A report names the first hundred; an explanation knows of everybody.
#[test]
fn whoever_is_beyond_the_named_is_told_why_too() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 0)]);
    add_group(&mut ledger, 1, &[]);
    let beyond = u32::try_from(PASSED_OVER_NAMED).unwrap() + 20;
    let ahead: Vec<EntryId> =
        (0..beyond).map(|n| add_entry(&mut ledger, commands::join(n, HEMNE))).collect();
    let last = add_entry(&mut ledger, commands::join(beyond, TRONDHEIM));
    let asked = [ahead[0], ahead[PASSED_OVER_NAMED + 10], last];
    let (told, after) = explained(&ledger, at_most(1), &asked);
    let outcomes: Vec<Decided> = told.iter().map(|e| e.outcome).collect();
    let passed = Decided::PassedOver(PassedOverReason::NoQuota);
    assert_eq!(outcomes, [passed, passed, Decided::PlaceProposed]);
    assert_eq!(told[1].passed_over_counts[&PassedOverReason::NoQuota], u64::from(beyond));
    assert_eq!(after.head().seq, told[0].seq);
}

#[test]
fn one_pool_has_no_municipality() {
    let mut ledger = avklaring();
    happen(&mut ledger, commands::budget(from(1, TODAY)), noon()).unwrap();
    add_group(&mut ledger, 1, &[]);
    let entry_id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let (told, _) = explained(&ledger, at_most(1), &[entry_id]);
    assert_eq!(told[0].municipality, None);
    assert_eq!(told[0].position.unwrap().in_municipality, None);
    assert!(words(&told[0], Language::Bokmal).contains("Av plassene i området var 1 plass"));
}

// ---- Words ----

fn words(e: &Explanation, language: Language) -> String {
    paragraphs(e, language).join("\n")
}

/// The numbers of a text, sorted: languages may order them differently.
fn numbers(text: &str) -> Vec<u64> {
    let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let mut numbers: Vec<u64> = digits.map(|digits| digits.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// Everything a text may have to say of one explanation.
fn variations(of: &Explanation) -> Vec<Explanation> {
    let reasons = [
        PassedOverReason::NoQuota,
        PassedOverReason::NoAcceptablePlace,
        PassedOverReason::ParticipationDoesNotFit,
        PassedOverReason::WorkField,
        PassedOverReason::DeclinedHere,
    ];
    let mut outcomes = vec![Decided::PlaceProposed, Decided::NotReached(None)];
    outcomes.extend(reasons.map(Decided::PassedOver));
    outcomes.extend(reasons.map(|reason| Decided::NotReached(Some(reason))));
    outcomes.extend(
        [Ineligible::NotYetJoined, Ineligible::HoldsPlace, Ineligible::Placed, Ineligible::Closed]
            .map(Decided::NotEligible),
    );
    let confirmed = |organisation_name: Option<&str>| Confirmation::Confirmed {
        at: hour(days_on(1), 9),
        organisation: "5701".to_owned(),
        organisation_name: organisation_name.map(str::to_owned),
    };
    let confirmations = [
        Confirmation::NothingProposed,
        Confirmation::Waits,
        Confirmation::Lapsed,
        Confirmation::Withdrawn,
        confirmed(None),
        confirmed(Some("NAV Heimdal")),
    ];
    let ends = [RunEnd::AllProposed, RunEnd::NoFreePlace, RunEnd::NoQuota, RunEnd::NobodyEligible];
    let mut all = Vec::new();
    for municipality in [of.municipality.clone(), None] {
        for kept_to_groups in [false, true] {
            let base =
                Explanation { municipality: municipality.clone(), kept_to_groups, ..of.clone() };
            all.extend(outcomes.iter().map(|o| Explanation { outcome: *o, ..base.clone() }));
            all.extend(
                confirmations
                    .iter()
                    .map(|c| Explanation { confirmation: c.clone(), ..base.clone() }),
            );
            all.extend(ends.map(|run_end| Explanation { run_end, ..base.clone() }));
            let counts = reasons.iter().zip(1..).map(|(reason, n)| (*reason, n)).collect();
            all.push(Explanation { passed_over_counts: counts, ..base.clone() });
        }
    }
    let group = of.free_place_groups[0].clone();
    let free_place_groups = vec![group; 13];
    all.push(Explanation { free_place_groups, free_second_account_percent: 1250, ..of.clone() });
    all.push(Explanation { free_place_groups: Vec::new(), ..of.clone() });
    all
}

#[test]
fn both_languages_have_the_same_numbers_and_as_many_paragraphs() {
    let Scene { ledger, class, .. } = scene();
    let (told, _) = explained(&ledger, at_most(2), &[class]);
    for variation in variations(&told[0]) {
        let [bokmal, english] = Language::ALL.map(|language| paragraphs(&variation, language));
        assert_eq!(bokmal.len(), english.len());
        for (bokmal, english) in bokmal.iter().zip(&english) {
            assert_eq!(numbers(bokmal), numbers(english), "{bokmal}\n{english}");
            assert!(bokmal.ends_with('.') && english.ends_with('.'), "{bokmal}\n{english}");
            assert!(!bokmal.contains("  ") && !english.contains("  "), "{bokmal}\n{english}");
        }
    }
}

/// Nothing in the words could be somebody: no id, and no name of a person.
#[test]
fn words_name_no_ids() {
    let Scene { ledger, hemne, class, .. } = scene();
    let (told, _) = explained(&ledger, at_most(2), &[hemne, class]);
    for e in &told {
        for language in Language::ALL {
            let words = words(e, language);
            assert!(!words.contains(&e.entry_id.to_string()));
            assert!(!words.contains("county"), "the actor stands in no text: {words}");
        }
    }
}

#[test]
fn whoever_got_a_place_reads_this() {
    let Scene { ledger, class, .. } = scene();
    let (mut told, _) = explained(&ledger, at_most(2), &[class]);
    let organisation_name = organisation_name("5701", &REGISTRY);
    assert_eq!(organisation_name.as_deref(), Some("NAV 5701"));
    told[0].confirmation = Confirmation::Confirmed {
        at: hour(days_on(1), 9),
        organisation: "5701".to_owned(),
        organisation_name,
    };
    reads_as("explained_proposed", &told[0]);
}

#[test]
fn whoever_was_passed_over_reads_this() {
    let Scene { ledger, hemne, .. } = scene();
    let (told, _) = explained(&ledger, at_most(2), &[hemne]);
    reads_as("explained_passed_over", &told[0]);
}

#[test]
fn whoever_was_not_reached_reads_this() {
    let Scene { ledger, behind, .. } = scene();
    let (told, _) = explained(&ledger, at_most(1), &[behind]);
    assert_eq!(told[0].outcome, Decided::NotReached(None));
    reads_as("explained_not_reached", &told[0]);
}

/// The words as they stand in `tests/data/texts`; `UPDATE_GOLDEN=1` takes a change in.
fn reads_as(name: &str, e: &Explanation) {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/texts")
        .join(format!("{name}.txt"));
    let text = Language::ALL
        .map(|language| {
            format!("[{}]\n{}\n", language.code(), paragraphs(e, language).join("\n\n"))
        })
        .join("\n");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let golden =
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(text, golden, "the words changed: {name}");
}
