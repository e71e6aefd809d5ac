//! Explanations of decisions: each outcome from the ledger just before.

use tiltaksplass::domain::{
    allocation::{OutOfTurn, OutOfTurnReason, PASSED_OVER_NAMED, PassedOverReason, RunEnd},
    disclosure::Told,
    event::{Header, OfferChange, RULES_VERSION},
    explanation::{
        Confirmation, Explanation, Ineligible, Occasion, Outcome as Decided, Row, SaidNos, explain,
    },
    measure::{DecisionText, MeasureRules},
};

use super::*;

/// The registry of the tests, with names such as people know.
pub(super) static NAMED: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = REGISTRY.clone();
    let rows: Vec<RegistryRow> = registry.rows().cloned().map(named).collect();
    registry.apply(1, &rows);
    registry
});

fn named(row: RegistryRow) -> RegistryRow {
    let or_kept = |name: Option<&(&str, &str)>, kept: String| {
        name.map_or(kept, |(_, name)| (*name).to_owned())
    };
    let of = |code: &str| {
        let names = [
            (AREA, "Møre og Romsdal"),
            (TRONDHEIM, "Trondheim"),
            (HEMNE, "Indre Hemne"),
            ("5701", "NAV Heimdal og Byåsen"),
            (PROVIDER, "Trondheim kommunale arbeidssenter AS"),
            ("VTA", "Tilrettelagt arbeid i arbeidsmarkedsbedrift"),
            ("AVKLARING", "Avklaring i skjermet virksomhet"),
        ];
        names.into_iter().find(|(known, _)| *known == code)
    };
    match row {
        RegistryRow::Area(r) => {
            let name = or_kept(of(r.county_id.as_str()).as_ref(), r.name);
            RegistryRow::Area(Area { name, ..r })
        }
        RegistryRow::Municipality(r) => {
            let name = or_kept(of(r.municipality_number.as_str()).as_ref(), r.name);
            RegistryRow::Municipality(Municipality { name, ..r })
        }
        RegistryRow::Office(r) => {
            let name = or_kept(of(r.office_number.as_str()).as_ref(), r.name);
            RegistryRow::Office(Office { name, ..r })
        }
        RegistryRow::Provider(r) => {
            let name = or_kept(of(r.organisation_number.as_str()).as_ref(), r.name);
            RegistryRow::Provider(Provider { name, ..r })
        }
        RegistryRow::MeasureType(r) => {
            let name = or_kept(of(r.code.as_str()).as_ref(), r.name);
            let rules = MeasureRules { texts: legal_texts(), ..r.rules };
            RegistryRow::MeasureType(MeasureType { name, rules, ..r })
        }
        other @ (RegistryRow::DistributionWeight(_)
        | RegistryRow::HostAgreement(_)
        | RegistryRow::AccessGrant(_)
        | RegistryRow::StaffLink(_)
        | RegistryRow::CompositeKey(_)
        | RegistryRow::Holiday(_)) => other,
    }
}

/// Made up for the tests: real ones are written by lawyers.
fn legal_texts() -> Vec<DecisionText> {
    let text = |language: &str, legal_basis: &str, appeal: &str| DecisionText {
        language: language.to_owned(),
        legal_basis: legal_basis.to_owned(),
        appeal: appeal.to_owned(),
    };
    vec![
        text("nb", "(Rettsgrunnlag, skrevet av jurister.)", "(Hvordan du klager.)"),
        text("nn", "(Rettsgrunnlag, skrive av juristar.)", "(Korleis du klagar.)"),
    ]
}

/// A run over `ledger`, explained to each of these.
pub(super) fn explained(
    ledger: &Ledger,
    command: AllocatePlaces,
    entries: &[EntryId],
) -> (Vec<Explanation>, Ledger) {
    explained_after(ledger, command, entries, &SaidNos::default())
}

/// The same, where people had said no before.
pub(super) fn explained_after(
    ledger: &Ledger,
    command: AllocatePlaces,
    entries: &[EntryId],
    said_nos: &SaidNos,
) -> (Vec<Explanation>, Ledger) {
    let mut after = ledger.clone();
    let command = Command::AllocatePlaces(command);
    let events = happen(&mut after, command.clone(), noon()).unwrap();
    let one = |id: &EntryId| row_explained((ledger, &after), &command, &events, *id, said_nos);
    (entries.iter().map(one).collect(), after)
}

/// What a row that led from one ledger to the other says of an entry.
pub(super) fn row_explained(
    (before, after): (&Ledger, &Ledger),
    command: &Command,
    events: &[Event],
    id: EntryId,
    said_nos: &SaidNos,
) -> Explanation {
    let header = Header {
        ledger: before.id().clone(),
        seq: after.head().seq,
        request_id: samples::request_id(),
        kind: command.kind().to_owned(),
        at: after.head().at,
        rules_version: RULES_VERSION,
        registry_version: 1,
        actor: actor("county"),
        on_behalf_of: BTreeSet::new(),
    };
    let row = Row { header: &header, command, events, registry: &NAMED };
    let now = after.entry(id).cloned().unwrap_or_else(|| stranger(id));
    explain(before, &row, &now, said_nos).unwrap()
}

/// An entry that came later.
fn stranger(entry_id: EntryId) -> Entry {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let id = add_entry(&mut ledger, commands::join(99, TRONDHEIM));
    Entry { entry_id, ..entry(&ledger, id).clone() }
}

pub(super) fn at_most(max_proposals: u32) -> AllocatePlaces {
    AllocatePlaces { max_proposals, place_groups: BTreeSet::new(), case_reference: None }
}

/// Hemne first, whose quota is used up, then four of Trondheim, of whom two get a place
/// and one has one proposed already.
pub(super) struct Scene {
    pub(super) ledger: Ledger,
    pub(super) hemne: EntryId,
    holder: EntryId,
    served: EntryId,
    pub(super) class: EntryId,
    pub(super) behind: EntryId,
    left: EntryId,
}

pub(super) fn scene() -> Scene {
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
        told.iter().map(|e| e.standing.position.map(|p| (p.in_area, p.in_municipality))).collect();
    let own = |area, municipality| Some((area, Some(municipality)));
    assert_eq!(positions[..4], [own(1, 1), own(2, 1), own(3, 2), own(4, 3)]);
    assert_eq!(positions[4..], [None, None, None]);
    let first = &told[0];
    assert_eq!((first.served, first.run_end), (2, RunEnd::AllProposed));
    assert_eq!(first.passed_over_counts, BTreeMap::from([(PassedOverReason::NoQuota, 1)]));
    assert_eq!(first.standing.free.second_account_percent, 200);
    let groups = &first.standing.free.place_groups;
    let free: Vec<i64> = groups.iter().map(|group| group.free_percent).collect();
    assert_eq!(free.iter().sum::<i64>(), 200);
    let (offer, site) = first.proposal.as_ref().unwrap();
    assert_eq!((offer.entry_id, site.name.as_str()), (class, "Vilje viser vei"));
    assert_eq!(site.provider_name.as_deref(), Some("Trondheim kommunale arbeidssenter AS"));
    assert_eq!(after.offer(offer.offer_id), Some(offer));
    assert_eq!(first.confirmation, Confirmation::Waits);
    assert_eq!(told[1].confirmation, Confirmation::NothingProposed);
    assert_eq!(told[1].standing.free.second_account_percent, 0);
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
    assert_eq!(told[0].standing.municipality, None);
    assert_eq!(told[0].standing.position.unwrap().in_municipality, None);
}

/// What the person would take is told apart from what it would not.
#[test]
fn places_are_told_by_whether_the_person_would_take_them() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5)]);
    let chosen = add_group(&mut ledger, 1, &["Kantine", "Sveis"]);
    let other_work = add_group(&mut ledger, 1, &["Gartneri"]);
    let not_chosen = add_group(&mut ledger, 1, &["Kantine"]);
    let wants = JoinWaitlist {
        preferred_place_groups: vec![chosen, other_work],
        work_fields: vec!["Kantine".into()],
        ..commands::join(1, TRONDHEIM)
    };
    let picky = add_entry(&mut ledger, wants);
    let easy = add_entry(&mut ledger, commands::join(2, TRONDHEIM));
    let (told, _) = explained(&ledger, at_most(2), &[picky, easy]);
    let would_take = |e: &Explanation| -> BTreeMap<PlaceGroupId, bool> {
        let groups = e.standing.free.place_groups.iter();
        groups.map(|group| (group.place_group_id, group.would_take)).collect()
    };
    let expected = [(chosen, true), (other_work, false), (not_chosen, false)];
    assert_eq!(would_take(&told[0]), BTreeMap::from(expected));
    assert!(would_take(&told[1]).values().all(|would| *would));
}

/// What was said no to is told with its date where it is free, the latest of each group.
#[test]
fn whoever_said_no_is_told_when() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5)]);
    let groups = [add_group(&mut ledger, 1, &[]), add_group(&mut ledger, 1, &[])];
    let entry_id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let mut said_nos = SaidNos::default();
    let mut note = |ledger: &Ledger, events: &[Event]| {
        said_nos.note(ledger, entry_id, events, ledger.head().at);
    };
    let first = offers_of(&allocate(&mut ledger, 1)).next().unwrap().clone();
    happen(&mut ledger, commands::confirm(&[first.offer_id]), noon()).unwrap();
    let declined = commands::respond(first.offer_id, false);
    let events = happen(&mut ledger, declined, hour(days_on(1), 9)).unwrap();
    note(&ledger, &events);
    let again = offers_of(&allocate(&mut ledger, 1)).next().unwrap().clone();
    assert_ne!(again.place_group_id, first.place_group_id);
    happen(&mut ledger, commands::confirm(&[again.offer_id]), hour(days_on(2), 9)).unwrap();
    let expiry = Command::ExpireOffer { offer_id: again.offer_id };
    let events = happen(&mut ledger, expiry, hour(days_on(20), 0)).unwrap();
    note(&ledger, &events);
    let other = add_entry(&mut ledger, commands::join(2, TRONDHEIM));
    let (told, _) = explained_after(&ledger, at_most(1), &[entry_id, other], &said_nos);
    assert_eq!(told[0].outcome, Decided::PassedOver(PassedOverReason::DeclinedHere));
    let days: Vec<(Date, bool)> =
        told[0].said_no.iter().map(|(_, no)| (no.at.date_in_norway(), no.in_words)).collect();
    assert_eq!(days, [(days_on(1), true), (days_on(20), false)]);
    assert_eq!(groups.len(), told[0].standing.free.place_groups.len());
}

/// Who declines passes the place on: the same row says why the next one got it, why the one
/// who declined did not, and why one without quota did not.
#[test]
fn a_place_that_is_passed_on_is_explained_from_the_row_that_gave_it_back() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 0)]);
    add_group(&mut ledger, 1, &[]);
    let first = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let hemne = add_entry(&mut ledger, commands::join(2, HEMNE));
    let next = add_entry(&mut ledger, commands::join(3, TRONDHEIM));
    let behind = add_entry(&mut ledger, commands::join(4, TRONDHEIM));
    let offer_id = offers_of(&allocate(&mut ledger, 1)).next().unwrap().offer_id;
    happen(&mut ledger, commands::confirm(&[offer_id]), noon()).unwrap();
    let before = ledger.clone();
    let command = commands::respond(offer_id, false);
    let events = happen(&mut ledger, command.clone(), noon()).unwrap();
    let told = |id| row_explained((&before, &ledger), &command, &events, id, &SaidNos::default());
    let outcomes = [first, hemne, next, behind].map(|id| told(id).outcome);
    let expected = [
        Decided::PassedOver(PassedOverReason::DeclinedHere),
        Decided::PassedOver(PassedOverReason::NoQuota),
        Decided::PlaceProposed,
        Decided::NotReached(None),
    ];
    assert_eq!(outcomes, expected);
    let own = told(first);
    assert_eq!((own.occasion, own.served), (Occasion::PassedOn, 1));
    assert_eq!(own.said_no.len(), 1, "what was declined in the row itself is told too");
    assert_eq!(own.standing.free.place_groups[0].free_percent, 100);
    assert_eq!(told(next).confirmation, Confirmation::Waits);
}

/// A named person's choice has no run; what it says is why the person was chosen.
#[test]
fn a_place_given_out_of_turn_is_explained_without_a_run() {
    let one = one_place(Step::Proposed);
    let mut before = one.ledger.clone();
    let chosen = add_entry(&mut before, commands::join(2, TRONDHEIM));
    let reason = OutOfTurnReason::Returns;
    let text = tiltaksplass::domain::waitlist::Sealed("x".to_owned());
    let state = OfferState::Offered { answer_by: noon(), confirmed_by: "county".to_owned() };
    let offer = Offer {
        offer_id: OfferId(Uuid::from_u128(7)),
        entry_id: chosen,
        out_of_turn: Some(OutOfTurn { reason, text }),
        state,
        ..one.ledger.offer(one.offer_id).unwrap().clone()
    };
    let command = commands::allocate(1, &[]);
    for event in [
        Event::Proposed { offer: offer.clone() },
        Event::OfferChanged { offer: offer.clone(), change: OfferChange::Imported },
    ] {
        let e = row_explained((&before, &before), &command, &[event], chosen, &SaidNos::default());
        assert_eq!((e.outcome, e.occasion), (Decided::OutOfTurn(Some(reason)), Occasion::Chosen));
        assert_eq!(e.proposal.unwrap().0, offer);
        assert_eq!(e.confirmation, Confirmation::NothingProposed);
    }
}

/// A run that cannot be made again in any scope is told from what it reported.
#[test]
fn a_run_of_another_scope_is_told_from_its_report() {
    let Scene { ledger, hemne, class, behind, .. } = scene();
    let mut after = ledger.clone();
    let events = happen(&mut after, commands::allocate(2, &[]), noon()).unwrap();
    let other = commands::allocate(1, &[]);
    let told =
        |id| row_explained((&ledger, &after), &other, &events, id, &SaidNos::default()).outcome;
    let passed_over = Decided::PassedOver(PassedOverReason::NoQuota);
    let expected = [passed_over, Decided::PlaceProposed, Decided::NotReached(None)];
    assert_eq!([hemne, class, behind].map(told), expected);
}

/// Others are those without the entry itself.
#[test]
fn others_are_counted_without_the_entry_and_few_are_not_told() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 9), (HEMNE, 0)]);
    add_group(&mut ledger, 9, &[]);
    let hemne: Vec<EntryId> =
        (0..6).map(|n| add_entry(&mut ledger, commands::join(n, HEMNE))).collect();
    let trondheim: Vec<EntryId> =
        (10..16).map(|n| add_entry(&mut ledger, commands::join(n, TRONDHEIM))).collect();
    let asked = [hemne[0], trondheim[0]];
    let cases = [
        (6, [Told::Exactly(6), Told::Exactly(5)]),
        (5, [Told::Exactly(5), Told::Few]),
        (1, [Told::Few, Told::Exactly(0)]),
    ];
    for (most, expected) in cases {
        let (told, _) = explained(&ledger, at_most(most), &asked);
        let served: Vec<Told> = told.iter().map(|e| e.others().served).collect();
        assert_eq!(served, expected, "{most}");
        let passed_over: Vec<Told> = told.iter().map(|e| e.others().passed_over.total).collect();
        assert_eq!(passed_over, [Told::Exactly(5), Told::Exactly(6)]);
        let by_reason = told[1].others().passed_over.by_kind;
        assert_eq!(by_reason, BTreeMap::from([(PassedOverReason::NoQuota, 6)]));
    }
}
