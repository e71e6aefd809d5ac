//! The report service.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Behind, Method, behind},
        allocation::{Offer, OutOfTurnReason},
        calendar::start_of_day_in_norway,
        disclosure::Told,
        enforcement::Enforcement,
        refusal::Refusal,
        shadow::{Shadow, Verdict},
        shadow_report::{ShadowReport, report},
    },
    error::Error,
    grpc::{
        Api, Reader, answer, area_of, enforcement,
        parse::{
            Violations,
            report::{self as parse, ShadowQuery},
        },
        require_ledger,
    },
    proto::v1 as pb,
    proto::v1::{
        GetShadowReportRequest, GetShadowReportResponse, report_service_server::ReportService,
    },
    store::{self, shadows::Period},
};

/// How many deviations are told one by one, as the proto says.
const DEVIATIONS_SHOWN: i64 = 500;

#[tonic::async_trait]
impl ReportService for Api {
    async fn get_shadow_report(
        &self,
        r: Request<GetShadowReportRequest>,
    ) -> Result<Response<GetShadowReportResponse>, Status> {
        self.read(r, Method::GetShadowReport, parse::get_shadow_report, shadow_report).await
    }
}

/// Figures; and, to who sees the people behind them, each deviation, which is written down.
async fn shadow_report(
    reader: Reader,
    query: ShadowQuery,
) -> Result<GetShadowReportResponse, Error> {
    let id = &query.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    if !reader.permits(&area_of(id), &registry) {
        snapshot.rollback().await?;
        reader.record(id, Vec::new(), false).await?;
        return Err(Refusal::PermissionDenied.into());
    }
    require_ledger(id, &registry)?;
    let role = reader.actor.role;
    let behind = behind(&reader.actor, &registry, reader.today());
    let sees_people = behind == Behind::Everyone;
    if !sees_people {
        require_quarter(&query)?;
    }
    let period = Period {
        from: start_of_day_in_norway(query.from),
        until: start_of_day_in_norway(query.until),
    };
    let ledger = store::ledger::find(&mut snapshot, id).await?;
    let cells = store::shadows::cells(&mut snapshot, id, period).await?;
    let deviations = if sees_people {
        store::shadows::latest_deviations(&mut snapshot, id, period, DEVIATIONS_SHOWN).await?
    } else {
        Vec::new()
    };
    snapshot.rollback().await?;
    if sees_people {
        let named = |offer: &Offer| {
            let instead = offer.shadow.as_ref().and_then(|shadow| shadow.would_have_served);
            [Some(offer.entry_id), instead]
        };
        let entries: std::collections::BTreeSet<_> =
            deviations.iter().flat_map(named).flatten().collect();
        reader.record(id, entries.into_iter().collect(), true).await?;
    }
    let nothing = Enforcement::default();
    let of = ledger.as_ref().map_or(&nothing, |ledger| &ledger.frame().enforcement);
    let told = report(&cells, &behind, reader.app.threshold);
    Ok(GetShadowReportResponse {
        revisions: vec![answer::revision(id, ledger.as_ref().map_or(0, |l| l.head().seq))],
        enforcement: enforcement::shown(of, role, reader.app.clock.now()),
        deviations: deviations.iter().filter_map(deviation).collect(),
        ..figures(&told)
    })
}

/// Who does not see the people asks for one quarter of a year (kvartal): two periods of which one
/// lies in the other would tell of the few between them.
fn require_quarter(query: &ShadowQuery) -> Result<(), Error> {
    let (from, until) = (query.from, query.until);
    let months = (until.year() - from.year()) * 12 + i32::from(u8::from(until.month()))
        - i32::from(u8::from(from.month()));
    let begins = from.day() == 1 && u8::from(from.month()) % 3 == 1;
    let mut v = Violations::default();
    if !begins || until.day() != 1 || months != 3 {
        let told = "to who does not see the people behind the figures, one whole quarter is told";
        v.add("until_date", format!("{from} to {until} is not a quarter of a year; {told}"));
    }
    v.finish(Some(()))
}

fn figures(told: &ShadowReport<'_>) -> GetShadowReportResponse {
    let of = |verdict| told.verdicts.by_kind.get(&verdict).copied().unwrap_or(0);
    let (given_by_hand, given_by_hand_hidden) = match told.verdicts.total {
        Told::Exactly(count) => (count, false),
        Told::Few => (0, true),
    };
    let passed_over = told.passed_over;
    let reasons = told.reasons.by_kind.iter().map(|(reason, count)| pb::ShadowReasonCount {
        reason: reason_answer(*reason).into(),
        count: *count,
    });
    let municipalities =
        told.municipalities.by_kind.iter().map(|(number, count)| pb::ShadowMunicipality {
            municipality_number: number.to_string(),
            given_by_hand: *count,
            deviates: told.deviating.get(number).copied().unwrap_or(0),
        });
    GetShadowReportResponse {
        given_by_hand,
        given_by_hand_hidden,
        agrees: of(Verdict::Agrees),
        deviates: of(Verdict::Deviates),
        nobody: of(Verdict::Nobody),
        verdicts_hidden: told.verdicts.is_hidden,
        deviations_by_reason: reasons.collect(),
        deviations_by_reason_hidden: told.reasons.is_hidden,
        passed_over: passed_over.map_or(0, |passed_over| passed_over.total),
        passed_over_most: passed_over.and_then(|passed_over| passed_over.most).unwrap_or(0),
        passed_over_hidden: passed_over.is_none(),
        passed_over_is_least: passed_over.is_some_and(|passed_over| passed_over.is_least),
        municipalities: municipalities.collect(),
        municipalities_hidden: told.municipalities.is_hidden,
        hidden_fields: hidden_fields(told),
        ..GetShadowReportResponse::default()
    }
}

/// The flags beside the figures, in the way of all answers. A list that is named lacks what is hidden.
fn hidden_fields(told: &ShadowReport<'_>) -> Vec<String> {
    let fields: [(bool, &[&str]); 5] = [
        (told.verdicts.total == Told::Few, &["given_by_hand"]),
        (told.verdicts.is_hidden, &["agrees", "deviates", "nobody"]),
        (told.reasons.is_hidden, &["deviations_by_reason"]),
        (told.passed_over.is_none_or(|of| of.most.is_none()), &["passed_over_most"]),
        (told.municipalities.is_hidden, &["municipalities"]),
    ];
    let passed_over = told.passed_over.is_none().then_some("passed_over");
    let hidden = fields.into_iter().filter(|(is_hidden, _)| *is_hidden);
    hidden.flat_map(|(_, names)| names).copied().chain(passed_over).map(str::to_owned).collect()
}

fn deviation(offer: &Offer) -> Option<pb::ShadowDeviation> {
    let Shadow { would_have_served, ahead, ahead_is_least, .. } = offer.shadow.as_ref()?;
    Some(pb::ShadowDeviation {
        offer_id: offer.offer_id.to_string(),
        entry_id: offer.entry_id.to_string(),
        place_group_id: offer.place_group_id.to_string(),
        offered_time: Some(answer::timestamp(offer.proposed_time)),
        reason: reason_answer(offer.out_of_turn.as_ref().map(|why| why.reason)).into(),
        would_have_served_entry_id: would_have_served.map(|id| id.to_string()).unwrap_or_default(),
        passed_over: *ahead,
        passed_over_is_least: *ahead_is_least,
    })
}

fn reason_answer(reason: Option<OutOfTurnReason>) -> pb::OutOfTurnReason {
    reason.map_or(pb::OutOfTurnReason::Unspecified, answer::out_of_turn_reason)
}
