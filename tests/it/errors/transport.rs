//! Reasons that the port answers before a service sees the call.

use http::uri::PathAndQuery;
use tiltaksplass::{cli::call::RawCodec, domain::access::Role, proto::v1::*, server::Limits};
use tonic::{Request, Status, client::Grpc};

use super::metadata;
use crate::{
    support::{Caller, Service, limits},
    world::COUNTY,
};

const JOIN: &str = "/tiltaksplass.v1.WaitlistService/JoinWaitlist";

async fn refused(path: &'static str, body: Vec<u8>) -> Status {
    let service = Service::start().await;
    let Caller { channel, bearer } = service.caller(Role::County, COUNTY).await;
    let mut grpc = Grpc::new(tonic::service::interceptor::InterceptedService::new(channel, bearer));
    grpc.ready().await.unwrap();
    grpc.unary(Request::new(body), PathAndQuery::from_static(path), RawCodec).await.unwrap_err()
}

pub async fn no_message() -> Status {
    refused(JOIN, vec![0xff; 20]).await
}

pub async fn too_large() -> Status {
    let refused = refused(JOIN, vec![0; 300 * 1024]).await;
    assert_eq!(metadata(&refused, "most_bytes"), (256 * 1024).to_string());
    refused
}

pub async fn no_method() -> Status {
    refused("/tiltaksplass.v1.WaitlistService/LeapAhead", Vec::new()).await
}

/// A caller whose share is a few calls.
pub async fn too_many_calls() -> Status {
    let limits = Limits { caller_rate: 1, caller_burst: 2, ..limits() };
    let service = Service::start_with(limits).await;
    let caller = service.caller(Role::County, COUNTY).await;
    let request = ApportionRequest {
        method: ApportionmentMethod::SainteLague.into(),
        areas: vec![ApportionArea { area_id: "a".into(), weight: 1, ..Default::default() }],
        ..ApportionRequest::default()
    };
    for _ in 0..100 {
        if let Err(refused) = caller.fair_share().apportion(request.clone()).await {
            return refused;
        }
    }
    panic!("nobody minded a hundred calls");
}
