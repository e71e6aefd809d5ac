//! Loans of quotas: what may be lent, what it does to both accounts through its beginning and its
//! return, and that all limits together stay what the quotas are.

use proptest::{prelude::*, test_runner::TestCaseError};
use tiltaksplass::domain::{
    command::{LendQuota, LoanAsk, LoanEnd, LoanTerms},
    ids::LoanId,
    ledger::{Due, DueKind, Frame, HISTORY_MAX, rows},
    lending::Loan,
    vacancy::{Changes, standing},
    waitlist::EntryState,
};

use super::*;

fn terms(from: &str, to: &str, places: u32, days: (i64, i64)) -> LoanTerms {
    LoanTerms {
        from_municipality: municipality(from),
        to_municipality: municipality(to),
        places,
        valid_from: days_on(days.0),
        valid_to: days_on(days.1),
        reason: "Ingen venter i Trondheim".to_owned(),
    }
}

fn lend(terms: LoanTerms) -> Command {
    Command::LendQuota(LendQuota { ask: LoanAsk::Lend(terms), case_reference: None })
}

/// From Trondheim to Hemne.
fn lend_places(places: u32, days: (i64, i64)) -> Command {
    lend(terms(TRONDHEIM, HEMNE, places, days))
}

fn end_early(loan_id: LoanId, day: i64) -> Command {
    let end = LoanEnd { loan_id, valid_to: days_on(day), reason: "Avtalt".to_owned() };
    Command::LendQuota(LendQuota { ask: LoanAsk::EndEarly(end), case_reference: None })
}

fn lent(ledger: &mut Ledger, command: Command) -> Loan {
    let events = happen(ledger, command, noon()).unwrap();
    let [Event::LoanSet { loan, .. }, Event::LimitsSet { .. }] = &events[..] else {
        panic!("{events:?}")
    };
    loan.clone()
}

fn refused(ledger: &mut Ledger, command: Command) -> Refusal {
    let before = ledger.clone();
    let refusal = happen(ledger, command, noon()).unwrap_err();
    assert_eq!(*ledger, before);
    refusal
}

fn no_room(refusal: &Refusal) -> (i64, i64) {
    let Refusal::NoRoom { free_percent, needed_percent, .. } = refusal else {
        panic!("{refusal:?}")
    };
    (*free_percent, *needed_percent)
}

fn out_of_range(refusal: &Refusal) -> &'static str {
    let Refusal::DateOutOfRange { field, .. } = refusal else { panic!("{refusal:?}") };
    field
}

/// Trondheim's limit, and Hemne's.
fn limits(ledger: &Ledger) -> (i64, i64) {
    (limit(ledger, &quota_of(TRONDHEIM)), limit(ledger, &quota_of(HEMNE)))
}

/// Lets the days that are due begin, up to one.
fn let_days_begin(ledger: &mut Ledger, until: Date) {
    let due = rows(ledger).due.into_iter().filter(|(_, stands)| *stands).map(|(due, _)| due);
    let days: Vec<Due> = due.filter(|due| due.kind == DueKind::BeginDay).collect();
    for one in days.into_iter().filter(|one| one.at.date_in_norway() <= until) {
        happen(ledger, one.command(), hour(one.at.date_in_norway(), 0)).unwrap();
    }
}

#[test]
fn a_loan_begins_and_returns_by_itself() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3), (HEMNE, 1)]);
    let now = lent(&mut ledger, lend_places(1, (0, 10)));
    assert_eq!(limits(&ledger), (200, 200));
    let coming = lent(&mut ledger, lend_places(2, (5, 10)));
    assert_ne!(now.loan_id, coming.loan_id);
    assert_eq!((limits(&ledger), now.lent_by.contains("county")), ((200, 200), true));
    let days: BTreeSet<Date> =
        rows(&ledger).due.into_iter().map(|(due, _)| due.at.date_in_norway()).collect();
    assert_eq!(days, BTreeSet::from([TODAY, days_on(5), days_on(10)]));
    for (day, expected) in [(4, (200, 200)), (5, (0, 400)), (9, (0, 400)), (10, (300, 100))] {
        let_days_begin(&mut ledger, days_on(day));
        assert_eq!(limits(&ledger), expected, "day {day}");
    }
    // What has been is kept.
    assert_eq!(ledger.frame().loans, [now, coming]);
}

#[test]
fn who_borrows_needs_no_quota_of_its_own() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    lent(&mut ledger, lend(terms(TRONDHEIM, ORKDAL, 1, (0, 10))));
    assert_eq!(limit(&ledger, &quota_of(ORKDAL)), 100);
    let group = add_group(&mut ledger, 1, &[]);
    let entry_id = add_entry(&mut ledger, commands::join(1, ORKDAL));
    // Nobody is served by the loan: a run is asked for.
    assert_eq!(entry(&ledger, entry_id).state.name(), "WAITING");
    assert_eq!(served(&allocate(&mut ledger, 1)), [(entry_id, group)]);
}

/// I9: on its return the borrower is over, keeps whom it has, and takes nobody in.
#[test]
fn who_is_there_when_a_loan_returns_stays_and_is_over() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 0)]);
    let group = add_group(&mut ledger, 2, &[]);
    lent(&mut ledger, lend_places(1, (0, 10)));
    let own = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let other = add_entry(&mut ledger, commands::join(2, HEMNE));
    assert_eq!(served(&allocate(&mut ledger, 9)), [(other, group)]);
    let_days_begin(&mut ledger, days_on(10));
    let account = |ledger: &Ledger, number| ledger.account(&quota_of(number));
    let hemne = account(&ledger, HEMNE);
    assert_eq!((hemne.limit, hemne.reserved, hemne.over(), hemne.ceiling), (0, 100, 100, 100));
    // The owner's place is its own again, whoever is over.
    let run = happen(&mut ledger, commands::allocate(9, &[]), hour(days_on(10), 9)).unwrap();
    assert_eq!(served(&run), [(own, group)]);
    let EntryState::Proposed(offer_id) = entry(&ledger, other).state else { panic!() };
    let lapse = Command::LapseProposal { offer_id };
    happen(&mut ledger, lapse, hour(days_on(30), 0)).unwrap();
    let hemne = account(&ledger, HEMNE);
    assert_eq!((hemne.used(), hemne.ceiling, hemne.free()), (0, 0, 0));
}

#[test]
fn only_what_is_free_is_lent_and_only_ones_own() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3), (HEMNE, 1)]);
    add_group(&mut ledger, 9, &[]);
    add_entry(&mut ledger, commands::join_part(1, TRONDHEIM, 30));
    allocate(&mut ledger, 1);
    // 270 are free: two whole places.
    assert_eq!(no_room(&refused(&mut ledger, lend_places(3, (0, 10)))), (270, 300));
    lent(&mut ledger, lend_places(2, (0, 10)));
    // What is lent is not lent twice, nor on a day to come.
    assert_eq!(no_room(&refused(&mut ledger, lend_places(1, (0, 10)))), (70, 100));
    assert_eq!(no_room(&refused(&mut ledger, lend_places(2, (5, 20)))), (100, 200));
    // What is in use may go by then: it does not count on a coming day.
    lent(&mut ledger, lend_places(1, (5, 20)));
    // Nor is what was borrowed lent on: Hemne has one of its own.
    let on = |places, days| lend(terms(HEMNE, ORKDAL, places, days));
    assert_eq!(no_room(&refused(&mut ledger, on(2, (0, 10)))), (100, 200));
    lent(&mut ledger, on(1, (0, 10)));
    // A quota that falls within the loan's days is too small on that day.
    let lower = commands::quotas(vec![commands::quota(TRONDHEIM, from(1, days_on(40)))]);
    happen(&mut ledger, lower, noon()).unwrap();
    assert_eq!(no_room(&refused(&mut ledger, lend_places(2, (30, 41)))), (100, 200));
    lent(&mut ledger, lend_places(2, (30, 40)));
}

/// Midnight has passed while the batch was under way: the day's own limit counts.
#[test]
fn a_day_that_has_begun_counts_before_it_was_let_happen() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3)]);
    let lower = commands::quotas(vec![commands::quota(TRONDHEIM, from(1, days_on(1)))]);
    happen(&mut ledger, lower, noon()).unwrap();
    let then = hour(days_on(1), 0);
    let refusal = happen(&mut ledger, lend_places(2, (1, 5)), then).unwrap_err();
    assert_eq!(no_room(&refusal), (100, 200));
    let events = happen(&mut ledger, lend_places(1, (1, 5)), then).unwrap();
    let Event::LimitsSet { date, limits } = &events[1] else { panic!("{events:?}") };
    let expected = vec![(quota_of(TRONDHEIM), 0), (quota_of(HEMNE), 100)];
    assert_eq!((*date, limits), (days_on(1), &expected));
}

#[test]
fn a_loan_is_between_two_of_the_area_and_for_two_years_at_most() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3), (HEMNE, 1)]);
    for (one, other, field) in [
        (STEINKJER, HEMNE, "lend.from_municipality_number"),
        (TRONDHEIM, STEINKJER, "lend.to_municipality_number"),
        (TRONDHEIM, "9999", "lend.to_municipality_number"),
        (TRONDHEIM, TRONDHEIM, "lend.to_municipality_number"),
    ] {
        let refusal = refused(&mut ledger, lend(terms(one, other, 1, (0, 10))));
        let Refusal::RegistryMismatch { field: told, .. } = refusal else { panic!("{refusal:?}") };
        assert_eq!(told, field);
    }
    for (days, field) in [
        ((-1, 10), "lend.valid_from_date"),
        ((733, 740), "lend.valid_from_date"),
        ((5, 5), "lend.valid_to_date"),
        ((5, 4), "lend.valid_to_date"),
        ((5, 738), "lend.valid_to_date"),
    ] {
        assert_eq!(out_of_range(&refused(&mut ledger, lend_places(1, days))), field, "{days:?}");
    }
    lent(&mut ledger, lend_places(1, (732, 1_464)));
    let pool = happen(&mut avklaring(), lend_places(1, (0, 1)), noon()).unwrap_err();
    assert!(matches!(pool, Refusal::MeasureTypeRule(_)), "{pool:?}");
}

#[test]
fn a_loan_is_ended_early_or_taken_back_and_what_was_stays() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3), (HEMNE, 1)]);
    let runs = lent(&mut ledger, lend_places(1, (0, 10)));
    let coming = lent(&mut ledger, lend_places(1, (20, 30)));
    for (loan, day) in [(&runs, -1), (&runs, 10), (&runs, 11), (&coming, 19), (&coming, 30)] {
        let refusal = refused(&mut ledger, end_early(loan.loan_id, day));
        assert_eq!(out_of_range(&refusal), "end_early.valid_to_date", "{day}");
    }
    let sooner = lent(&mut ledger, end_early(runs.loan_id, 5));
    let now = lent(&mut ledger, end_early(runs.loan_id, 0));
    let agreed = |loan: &Loan| loan.ended_early.as_ref().map(|ended| ended.agreed_valid_to);
    assert_eq!((agreed(&sooner), sooner.valid_to), (Some(days_on(10)), days_on(5)));
    assert_eq!((agreed(&now), now.valid_to), (Some(days_on(10)), TODAY));
    assert_eq!(limits(&ledger), (300, 100));
    lent(&mut ledger, end_early(coming.loan_id, 20));
    // Both are over, and lend nothing any more.
    for (loan, state) in [(&runs, "OVER"), (&coming, "OVER")] {
        let (what, transition) = ("the loan", "END_EARLY");
        let refusal = refused(&mut ledger, end_early(loan.loan_id, 20));
        assert_eq!(refusal, Refusal::WrongState { what, state, transition });
    }
    let_days_begin(&mut ledger, days_on(40));
    assert_eq!(limits(&ledger), (300, 100));
    let unknown = LoanId(Uuid::nil());
    let refusal = refused(&mut ledger, end_early(unknown, 1));
    assert_eq!(refusal, Refusal::NotFound { what: "loan", id: unknown.to_string() });
}

/// The loan stands, and what is lent counts against the budget, so that lowering one quota
/// makes no room for another (I2).
#[test]
fn a_quota_lowered_below_what_it_has_lent_has_nothing_left() {
    let mut ledger = vta();
    happen(&mut ledger, commands::budget(from(4, TODAY)), noon()).unwrap();
    let set = |number, places| commands::quotas(vec![commands::quota(number, from(places, TODAY))]);
    for (number, places) in [(TRONDHEIM, 3), (HEMNE, 1)] {
        happen(&mut ledger, set(number, places), noon()).unwrap();
    }
    lent(&mut ledger, lend_places(2, (0, 10)));
    happen(&mut ledger, set(TRONDHEIM, 1), noon()).unwrap();
    assert_eq!(limits(&ledger), (0, 300));
    let refusal = refused(&mut ledger, set(HEMNE, 3));
    let (sum, budget, date) = (5, 4, TODAY);
    assert_eq!(refusal, Refusal::QuotasExceedBudget { sum, budget, date });
    happen(&mut ledger, set(HEMNE, 2), noon()).unwrap();
    assert_eq!(limits(&ledger), (0, 400));
    let_days_begin(&mut ledger, days_on(10));
    assert_eq!(limits(&ledger), (100, 200));
}

#[test]
fn a_ledger_has_so_many_loans_at_most() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3), (HEMNE, 1)]);
    let loan = lent(&mut ledger, lend_places(1, (0, 10)));
    let mut frame = ledger.frame().clone();
    frame.loans = (1..=1_000)
        .map(|n| Loan {
            loan_id: LoanId(Uuid::from_u128(n)),
            valid_from: days_on(-9),
            valid_to: days_on(-8),
            ..loan.clone()
        })
        .collect();
    ledger.load_frame(frame);
    let (what, would_be) = (Limited::Loans, HISTORY_MAX + 1);
    let expected = Refusal::LimitReached { what, would_be, most: HISTORY_MAX };
    assert_eq!(refused(&mut ledger, lend_places(1, (0, 10))), expected);
}

/// What is borrowed has stood empty since it was lent, and what has returned since then.
#[test]
fn a_lent_place_stands_empty_with_who_may_use_it() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 0)]);
    lent(&mut ledger, lend_places(1, (3, 10)));
    let unused = Changes::new();
    let since = |ledger: &Ledger, number: &str, today| {
        standing(ledger, &quota_of(number), &unused, today).map(|standing| standing.since)
    };
    for (day, trondheim, hemne) in
        [(0, Some(0), None), (3, None, Some(3)), (9, None, Some(3)), (10, Some(10), None)]
    {
        let today = days_on(day);
        let_days_begin(&mut ledger, today);
        let told = (since(&ledger, TRONDHEIM, today), since(&ledger, HEMNE, today));
        assert_eq!(told, (trondheim.map(days_on), hemne.map(days_on)), "day {day}");
    }
}

/// Old frames are read, and written as they were.
#[test]
fn a_frame_without_loans_is_written_as_before_there_were_any() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3)]);
    let old = serde_json::to_string(ledger.frame()).unwrap();
    assert!(!old.contains("loans"), "{old}");
    assert_eq!(serde_json::from_str::<Frame>(&old).unwrap(), *ledger.frame());
    lent(&mut ledger, lend_places(1, (0, 10)));
    let new = serde_json::to_string(ledger.frame()).unwrap();
    assert_eq!(serde_json::from_str::<Frame>(&new).unwrap(), *ledger.frame());
}

/// A loan that is tried: from, to, places, first day, length; and after how many days it is ended.
type Tried = (usize, usize, u32, i64, i64, Option<i64>);

const ALL: [&str; 3] = [TRONDHEIM, HEMNE, ORKDAL];

fn tried() -> impl Strategy<Value = Tried> {
    let ended = proptest::option::of(0..30_i64);
    (0..3_usize, 0..3_usize, 1..4_u32, 0..30_i64, 1..40_i64, ended)
}

proptest! {
    /// Whatever is lent: all limits together are what the quotas are, on every day.
    #[test]
    fn loans_move_limits_and_make_none(
        quotas in proptest::array::uniform3(0..6_u32),
        loans in proptest::collection::vec(tried(), 0..12),
    ) {
        let each: Vec<(&str, u32)> = ALL.into_iter().zip(quotas).collect();
        let mut ledger = vta_with_quotas(&each);
        let sum = i64::from(quotas.iter().sum::<u32>()) * 100;
        for (from, to, places, first, length, ended) in loans {
            let days = (first, first + length);
            let command = lend(terms(ALL[from], ALL[to], places, days));
            let made = happen(&mut ledger, command, noon());
            if let (Ok(events), Some(day)) = (made, ended) {
                let Event::LoanSet { loan, .. } = &events[0] else { panic!("{events:?}") };
                let _ = happen(&mut ledger, end_early(loan.loan_id, day), noon());
            }
            is_sum(&ledger, sum)?;
        }
        for day in 0..75 {
            let_days_begin(&mut ledger, days_on(day));
            is_sum(&ledger, sum)?;
            is_as_told(&ledger, days_on(day))?;
        }
    }
}

fn is_sum(ledger: &Ledger, sum: i64) -> Result<(), TestCaseError> {
    let limits: i64 = ledger.second_accounts().map(|(_, account)| account.limit).sum();
    prop_assert_eq!(limits, sum);
    Ok(())
}

/// Each limit is what the quota and its loans say of the day, counted one by one.
fn is_as_told(ledger: &Ledger, day: Date) -> Result<(), TestCaseError> {
    for number in ALL.map(municipality) {
        let own = ledger.frame().quotas[&number].last().map_or(0, |quota| quota.places.places);
        let mut places = i64::from(own);
        for loan in ledger.frame().loans.iter().filter(|l| l.valid_from <= day && day < l.valid_to)
        {
            places -= if loan.from_municipality == number { i64::from(loan.places) } else { 0 };
            places += if loan.to_municipality == number { i64::from(loan.places) } else { 0 };
        }
        let account = ledger.account(&AccountKey::Quota(number));
        prop_assert_eq!(account.limit, places * 100);
        prop_assert!(account.is_sound());
    }
    Ok(())
}
