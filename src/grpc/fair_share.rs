//! The fair-share service.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::Method,
        apportionment::{self, Apportionment},
        fair_share::{FairShare, FairShares, fair_shares},
        ids::LedgerId,
        ledger::{Head, Ledger},
    },
    error::Error,
    grpc::{
        Api, Reader, answer, area_of,
        parse::fair_share::{self as parse, ApportionQuery, FairShareQuery},
        require_ledger,
    },
    proto::v1 as pb,
    proto::v1::{
        ApportionRequest, ApportionResponse, ApportionTie, ApportionedArea, GetFairShareRequest,
        GetFairShareResponse, SetPlaceBudgetRequest, SetPlaceBudgetResponse, SetQuotasRequest,
        SetQuotasResponse, fair_share_service_server::FairShareService,
    },
    store,
};

#[tonic::async_trait]
impl FairShareService for Api {
    async fn apportion(
        &self,
        r: Request<ApportionRequest>,
    ) -> Result<Response<ApportionResponse>, Status> {
        self.read(r, Method::Apportion, parse::apportion, apportion).await
    }

    async fn get_fair_share(
        &self,
        r: Request<GetFairShareRequest>,
    ) -> Result<Response<GetFairShareResponse>, Status> {
        self.read(r, Method::GetFairShare, parse::get_fair_share, fair_share).await
    }

    async fn set_place_budget(
        &self,
        r: Request<SetPlaceBudgetRequest>,
    ) -> Result<Response<SetPlaceBudgetResponse>, Status> {
        let method = Method::SetPlaceBudget;
        self.write(r, method, parse::set_place_budget, answer::set_place_budget).await
    }

    async fn set_quotas(
        &self,
        r: Request<SetQuotasRequest>,
    ) -> Result<Response<SetQuotasResponse>, Status> {
        self.write(r, Method::SetQuotas, parse::set_quotas, answer::set_quotas).await
    }
    async fn list_place_budgets(
        &self,
        _r: Request<pb::ListPlaceBudgetsRequest>,
    ) -> Result<Response<pb::ListPlaceBudgetsResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }

    async fn list_quotas(
        &self,
        _r: Request<pb::ListQuotasRequest>,
    ) -> Result<Response<pb::ListQuotasResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }
}

/// A pure calculation. It runs where it may take its time without holding others up.
async fn apportion(_: Reader, query: ApportionQuery) -> Result<ApportionResponse, Error> {
    let calculation = tokio::task::spawn_blocking(move || {
        let result = apportionment::apportion(query.method, query.seats, &query.areas)?;
        Ok(apportion_answer(&query, &result))
    });
    calculation.await.map_err(|panic| Error::Internal(panic.to_string()))?
}

/// The areas stand as asked for; the calculation had them by `area_id`.
fn apportion_answer(query: &ApportionQuery, result: &Apportionment) -> ApportionResponse {
    let mut areas = vec![ApportionedArea::default(); query.areas.len()];
    for ((name, share), place) in query.names.iter().zip(&result.shares).zip(&query.places) {
        let (n, d) = (share.quota.numerator, share.quota.denominator.max(1));
        areas[*place] = ApportionedArea {
            area_id: name.clone(),
            seats: share.seats,
            quota_whole: u64::try_from(n / d).unwrap_or(u64::MAX),
            quota_millionths: u32::try_from((n % d) * 1_000_000 / d).unwrap_or(0),
        };
    }
    let ties = ties(&result.ties, |index| query.names[index].clone());
    ApportionResponse { areas, ties }
}

fn ties(ties: &[apportionment::Tie], name: impl Fn(usize) -> String) -> Vec<ApportionTie> {
    ties.iter()
        .map(|tie| ApportionTie {
            area_ids: tie.areas.iter().map(|index| name(*index)).collect(),
            seats_at_stake: tie.seats_at_stake,
        })
        .collect()
}

async fn fair_share(reader: Reader, query: FairShareQuery) -> Result<GetFairShareResponse, Error> {
    let id = &query.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    require_ledger(id, &registry)?;
    let (key_date, key) = registry.distribution_key(&query.key_name, query.key_date).ok_or(
        Error::DistributionKeyNotFound { name: query.key_name.clone(), date: query.key_date },
    )?;
    let ledger = store::ledger::find(&mut snapshot, id).await?;
    snapshot.rollback().await?;
    let ledger = ledger.unwrap_or_else(|| empty(id));
    let today = reader.app.clock.now().date_in_norway();
    let shares = fair_shares(&ledger, &registry, key, query.method, today)?;
    Ok(fair_share_answer(&query, key_date, &key.source, &ledger, &shares))
}

/// A ledger in which nothing has happened: no budget, and nobody has anything.
fn empty(id: &LedgerId) -> Ledger {
    Ledger::new(id.clone(), crate::domain::measure::Distribution::CountyPool, Head::EMPTY)
}

fn fair_share_answer(
    query: &FairShareQuery,
    key_date: time::Date,
    source: &str,
    ledger: &Ledger,
    shares: &FairShares,
) -> GetFairShareResponse {
    let name = |index: usize| shares.shares[index].municipality_number.to_string();
    GetFairShareResponse {
        revisions: vec![answer::revision(ledger.id(), ledger.head().seq)],
        place_budget: shares.budget,
        key_name: query.key_name.clone(),
        key_date: Some(answer::date(key_date)),
        key_source: source.to_owned(),
        method: query.wire_method.into(),
        ties: ties(&shares.ties, name),
        shares: shares.shares.iter().map(share).collect(),
    }
}

fn share(share: &FairShare) -> pb::FairShare {
    let whole = |places: u64| u32::try_from(places).unwrap_or(u32::MAX);
    let gap = i64::try_from(share.entitled).unwrap_or(i64::MAX)
        - i64::try_from(share.current).unwrap_or(i64::MAX);
    pb::FairShare {
        municipality_number: share.municipality_number.to_string(),
        name: share.name.clone(),
        weight: share.weight,
        weight_share_basis_points: share.weight_share_basis_points,
        entitled_places: whole(share.entitled),
        current_places: whole(share.current),
        gap_places: i32::try_from(gap).unwrap_or(i32::MAX),
    }
}
