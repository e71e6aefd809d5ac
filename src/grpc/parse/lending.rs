//! Requests about loans of quotas.

use crate::{
    domain::{
        command::{Command, LendQuota, LoanAsk, LoanEnd, LoanTerms},
        ids::{LedgerId, LoanId},
    },
    error::Error,
    grpc::parse::{TEXT_MAX, Violations, fair_share::QUOTA_MAX},
    proto::v1 as pb,
    write::Draft,
};

pub(in crate::grpc) fn lend_quota(r: &pb::LendQuotaRequest) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let ask = ask(&mut v, r.action.as_ref());
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = LendQuota { ask: ask?, case_reference: case_reference? };
        Some((ledger?, Draft::of(Command::LendQuota(command))))
    })();
    v.finish(parsed)
}

fn ask(v: &mut Violations, action: Option<&pb::lend_quota_request::Action>) -> Option<LoanAsk> {
    use pb::lend_quota_request::Action;
    match action {
        None => {
            v.add("action", "is required: lend, or end_early");
            None
        }
        Some(Action::Lend(terms)) => loan_terms(v, terms).map(LoanAsk::Lend),
        Some(Action::EndEarly(end)) => loan_end(v, end).map(LoanAsk::EndEarly),
    }
}

fn loan_terms(v: &mut Violations, terms: &pb::QuotaLoanTerms) -> Option<LoanTerms> {
    let from = v.value("lend.from_municipality_number", &terms.from_municipality_number);
    let to = v.value("lend.to_municipality_number", &terms.to_municipality_number);
    let places = v.within("lend.places", terms.places, 1, QUOTA_MAX);
    let valid_from = v.date("lend.valid_from_date", terms.valid_from_date.as_ref());
    let valid_to = v.date("lend.valid_to_date", terms.valid_to_date.as_ref());
    let reason = v.required_text("lend.reason", &terms.reason, TEXT_MAX);
    Some(LoanTerms {
        from_municipality: from?,
        to_municipality: to?,
        places: places?,
        valid_from: valid_from?,
        valid_to: valid_to?,
        reason: reason?,
    })
}

fn loan_end(v: &mut Violations, end: &pb::QuotaLoanEnd) -> Option<LoanEnd> {
    let loan_id = v.uuid("end_early.loan_id", &end.loan_id);
    let valid_to = v.date("end_early.valid_to_date", end.valid_to_date.as_ref());
    let reason = v.required_text("end_early.reason", &end.reason, TEXT_MAX);
    Some(LoanEnd { loan_id: LoanId(loan_id?), valid_to: valid_to?, reason: reason? })
}
