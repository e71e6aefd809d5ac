//! Decisions about loans of quotas (utlån). A loan is made by a named person, whatever stands
//! empty, and nobody is served by it: a run that is asked for sees the new limits.

use std::collections::BTreeSet;

use time::{Date, Duration};

use crate::domain::{
    access::ActorKey,
    account::{AccountKey, WHOLE_PLACE},
    command::{LendQuota, LoanAsk, LoanEnd, LoanTerms},
    event::Event,
    ids::{IdSource, LoanId},
    ledger::{
        Context, Frame, Ledger,
        decide_capacity::{limits_on, require_quotas, require_room},
        quotas::days_of,
    },
    lending::{EndedEarly, Loan},
    refusal::{Limited, Refusal},
};

/// The longest a quota is lent at a time, and how far ahead a loan may begin: two years.
const LOAN_MAX: Duration = Duration::days(2 * 366);

/// Lends whole places of a quota, or lets a loan return before its day.
pub(super) fn lend_quota(
    ledger: &Ledger,
    c: &LendQuota,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    context.measure(ledger)?;
    require_quotas(ledger)?;
    let loan = match &c.ask {
        LoanAsk::Lend(terms) => lent(ledger, terms, context, ids)?,
        LoanAsk::EndEarly(end) => ended_early(ledger, end, context)?,
    };
    // From here it happens.
    let today = context.today();
    let mut frame = ledger.frame.clone();
    put_loan(&mut frame.loans, loan.clone());
    let limits = limits_on(ledger, today, ledger.place_groups.values(), &frame, |_| false);
    let days = days_of(&loan, today).collect();
    Ok(vec![Event::LoanSet { loan, days }, Event::LimitsSet { date: today, limits }])
}

/// A loan as it is from now on: in the place of the same one, or after all others.
pub(super) fn put_loan(loans: &mut Vec<Loan>, loan: Loan) {
    match loans.iter_mut().find(|other| other.loan_id == loan.loan_id) {
        Some(other) => *other = loan,
        None => loans.push(loan),
    }
}

fn lent(
    ledger: &Ledger,
    terms: &LoanTerms,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Loan, Refusal> {
    let (from, to) = (&terms.from_municipality, &terms.to_municipality);
    context.require_in_area(ledger, "lend.from_municipality_number", from)?;
    context.require_in_area(ledger, "lend.to_municipality_number", to)?;
    if from == to {
        return Err(Refusal::RegistryMismatch {
            field: "lend.to_municipality_number",
            value: to.to_string(),
            problem: "is the lender itself",
        });
    }
    require_days(terms, context.today())?;
    let borrower = "lend.to_municipality_number";
    context.require_not_hosted(ledger, borrower, to, terms.valid_from)?;
    require_room(Limited::Loans, ledger.frame.loans.len())?;
    require_lendable(ledger, terms, context.today())?;
    Ok(Loan {
        loan_id: LoanId(ids.next_id()),
        from_municipality: from.clone(),
        to_municipality: to.clone(),
        places: terms.places,
        valid_from: terms.valid_from,
        valid_to: terms.valid_to,
        reason: terms.reason.clone(),
        lent_by: ActorKey::of(context.actor).to_string(),
        lent_time: context.at,
        ended_early: None,
    })
}

fn require_days(terms: &LoanTerms, today: Date) -> Result<(), Refusal> {
    let LoanTerms { valid_from: from, valid_to: to, .. } = *terms;
    if from < today || from > today.saturating_add(LOAN_MAX) {
        return Err(Refusal::DateOutOfRange {
            field: "lend.valid_from_date",
            value: from.to_string(),
            expected: "today at the earliest, and at most two years ahead",
        });
    }
    if to <= from || to > from.saturating_add(LOAN_MAX) {
        return Err(Refusal::DateOutOfRange {
            field: "lend.valid_to_date",
            value: to.to_string(),
            expected: "later than the first day, by at most two years",
        });
    }
    Ok(())
}

/// What is lent must be free now, where it is lent from now on, and on each of its days no more
/// of a quota is lent than there is of it: what is borrowed is not lent on.
fn require_lendable(ledger: &Ledger, terms: &LoanTerms, today: Date) -> Result<(), Refusal> {
    let from = &terms.from_municipality;
    let needed_percent = i64::from(terms.places) * WHOLE_PLACE;
    let no_room = |what, free_percent| Err(Refusal::NoRoom { what, free_percent, needed_percent });
    if terms.valid_from == today {
        // A day that has begun may not have been let happen yet: its limit holds all the same.
        let used = ledger.account(&AccountKey::Quota(from.clone())).used();
        let free_percent = (ledger.frame.quota_limit(from, today) - used).max(0);
        if free_percent < needed_percent {
            return no_room("the lender's quota", free_percent);
        }
    }
    let later = ledger.frame.quota_days_after(from, terms.valid_from);
    let days: BTreeSet<Date> = later.into_iter().filter(|day| *day < terms.valid_to).collect();
    for day in [terms.valid_from].into_iter().chain(days) {
        let left = left_of_own(&ledger.frame, terms, day);
        if left < needed_percent {
            return no_room("the lender's quota, on one of the days of the loan,", left);
        }
    }
    Ok(())
}

/// What is left of the lender's own quota on a day, after what it has lent.
fn left_of_own(frame: &Frame, terms: &LoanTerms, day: Date) -> i64 {
    let from = &terms.from_municipality;
    let left = frame.own_places(from, day).saturating_sub(frame.lent_places(from, day));
    i64::from(left) * WHOLE_PLACE
}

/// What a loan has been is not changed: it returns today at the earliest, or never begins. What
/// the borrower uses by then is over, and stays (I9).
fn ended_early(ledger: &Ledger, end: &LoanEnd, context: &Context<'_>) -> Result<Loan, Refusal> {
    let missing = || Refusal::NotFound { what: "loan", id: end.loan_id.to_string() };
    let loan = ledger.frame.loans.iter().find(|loan| loan.loan_id == end.loan_id);
    let loan = loan.ok_or_else(missing)?;
    let today = context.today();
    let is_over = loan.valid_to <= today || loan.valid_to == loan.valid_from;
    if is_over {
        let (what, state, transition) = ("the loan", "OVER", "END_EARLY");
        return Err(Refusal::WrongState { what, state, transition });
    }
    if end.valid_to < today.max(loan.valid_from) || end.valid_to >= loan.valid_to {
        return Err(Refusal::DateOutOfRange {
            field: "end_early.valid_to_date",
            value: end.valid_to.to_string(),
            expected: "today or later, not before the loan begins, and earlier than it ends",
        });
    }
    let before = loan.ended_early.as_ref();
    Ok(Loan {
        valid_to: end.valid_to,
        ended_early: Some(EndedEarly {
            agreed_valid_to: before.map_or(loan.valid_to, |before| before.agreed_valid_to),
            reason: end.reason.clone(),
            ended_by: ActorKey::of(context.actor).to_string(),
            ended_time: context.at,
        }),
        ..loan.clone()
    })
}
