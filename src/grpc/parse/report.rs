//! Requests of the report service.

use time::Date;

use crate::{domain::ids::LedgerId, error::Error, grpc::parse::Violations, proto::v1 as pb};

/// The longest period of a report, in days: ten years.
const PERIOD_DAYS_MAX: i64 = 3_660;

/// What `GetShadowReport` asks for.
pub(in crate::grpc) struct ShadowQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) from: Date,
    pub(in crate::grpc) until: Date,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn get_shadow_report(
    r: &pb::GetShadowReportRequest,
) -> Result<ShadowQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let from = v.date("from_date", r.from_date.as_ref());
    let until = v.date("until_date", r.until_date.as_ref());
    if let (Some(from), Some(until)) = (from, until) {
        let days = (until - from).whole_days();
        if !(1..=PERIOD_DAYS_MAX).contains(&days) {
            let range = format!("1 to {PERIOD_DAYS_MAX} days after from_date");
            v.add("until_date", format!("is {days} days after from_date; must be {range}"));
        }
    }
    let parsed = (|| {
        let (ledger, from, until) = (ledger?, from?, until?);
        Some(ShadowQuery { ledger, from, until, at_least_seq: r.at_least_seq })
    })();
    v.finish(parsed)
}
