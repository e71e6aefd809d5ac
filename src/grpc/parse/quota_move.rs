//! Requests about moves of quotas.

use crate::{
    domain::{
        command::{Command, MoveQuota},
        ids::LedgerId,
    },
    error::Error,
    grpc::parse::{TEXT_MAX, Violations, fair_share::QUOTA_MAX},
    proto::v1 as pb,
    write::Draft,
};

pub(in crate::grpc) fn move_quota(r: &pb::MoveQuotaRequest) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let from = v.value("from_municipality_number", &r.from_municipality_number);
    let to = v.value("to_municipality_number", &r.to_municipality_number);
    let places = v.within("places", r.places, 1, QUOTA_MAX);
    let valid_from = v.date("valid_from_date", r.valid_from_date.as_ref());
    let reason = v.required_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = MoveQuota {
            from_municipality: from?,
            to_municipality: to?,
            places: places?,
            valid_from: valid_from?,
            reason: reason?,
            case_reference: case_reference?,
        };
        Some((ledger?, Draft::of(Command::MoveQuota(command))))
    })();
    v.finish(parsed)
}
