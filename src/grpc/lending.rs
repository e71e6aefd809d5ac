//! Loans of quotas: the answer to one that is made or ended, and those that are shown.

use prost::Message;
use time::Date;

use crate::{
    domain::{
        account::AccountKey,
        capacity::PlacesInPeriod,
        event::Event,
        ids::MunicipalityNumber,
        ledger::{Frame, Ledger},
        lending::Loan,
    },
    grpc::answer::{self, from_events, revision_of},
    proto::v1 as pb,
    write::Done,
};

/// How many loans are shown of one municipality, as the proto says.
const LOANS_SHOWN: usize = 20;

pub(super) fn lend_quota(done: &Done<'_>) -> Vec<u8> {
    let loan =
        from_events(
            done,
            |event| {
                if let Event::LoanSet { loan, .. } = event { Some(loan) } else { None }
            },
        );
    let usage =
        |of: fn(&Loan) -> &MunicipalityNumber| loan.map(|loan| usage(done.ledger, of(loan)));
    pb::LendQuotaResponse {
        revision: Some(revision_of(done)),
        loan: loan.map(loan_answer),
        from_usage: usage(|loan| &loan.from_municipality),
        to_usage: usage(|loan| &loan.to_municipality),
    }
    .encode_to_vec()
}

fn usage(ledger: &Ledger, number: &MunicipalityNumber) -> pb::Usage {
    answer::usage(&ledger.account(&AccountKey::Quota(number.clone())))
}

/// What a municipality lends and borrows on a day, and its loans of a period; `None` where there
/// is nothing of it.
pub(super) fn lending(
    frame: &Frame,
    number: &MunicipalityNumber,
    period: Option<&PlacesInPeriod>,
    on: Date,
) -> Option<pb::QuotaLending> {
    let is_within = |loan: &&Loan| {
        loan.concerns(number)
            && period.is_none_or(|period| {
                let begins = period.valid_to.is_none_or(|to| loan.valid_from < to);
                begins && period.valid_from < loan.valid_to
            })
    };
    let mut loans: Vec<&Loan> = frame.loans.iter().filter(is_within).collect();
    if loans.is_empty() {
        return None;
    }
    // Of those that begin on one day, the latest made stands first.
    loans.reverse();
    loans.sort_by_key(|loan| std::cmp::Reverse(loan.valid_from));
    Some(pb::QuotaLending {
        places: Some(places(frame, number, on)),
        loans_total: u32::try_from(loans.len()).unwrap_or(u32::MAX),
        loans: loans.into_iter().take(LOANS_SHOWN).map(loan_answer).collect(),
    })
}

/// The figures alone; `None` where a municipality does neither on the day.
pub(super) fn lent_on(frame: &Frame, key: &AccountKey, on: Date) -> Option<pb::LentPlaces> {
    let AccountKey::Quota(number) = key else { return None };
    Some(places(frame, number, on)).filter(|places| *places != pb::LentPlaces::default())
}

fn places(frame: &Frame, number: &MunicipalityNumber, on: Date) -> pb::LentPlaces {
    pb::LentPlaces {
        lent_places: frame.lent_places(number, on),
        borrowed_places: frame.borrowed_places(number, on),
    }
}

fn loan_answer(loan: &Loan) -> pb::QuotaLoan {
    let ended = loan.ended_early.as_ref();
    pb::QuotaLoan {
        loan_id: loan.loan_id.to_string(),
        from_municipality_number: loan.from_municipality.to_string(),
        to_municipality_number: loan.to_municipality.to_string(),
        places: loan.places,
        valid_from_date: Some(answer::date(loan.valid_from)),
        valid_to_date: Some(answer::date(loan.valid_to)),
        reason: loan.reason.clone(),
        lent_time: Some(answer::timestamp(loan.lent_time)),
        agreed_valid_to_date: ended.map(|ended| answer::date(ended.agreed_valid_to)),
        end_reason: ended.map(|ended| ended.reason.clone()).unwrap_or_default(),
    }
}
