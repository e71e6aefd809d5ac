//! Reasons that the port answers before a service sees the call.

use bytes::{Buf, BufMut};
use http::uri::PathAndQuery;
use tiltaksplass::{domain::access::Role, proto::v1::*, server::Limits};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use super::metadata;
use crate::{
    support::{Caller, Service, limits},
    world::COUNTY,
};

const JOIN: &str = "/tiltaksplass.v1.WaitlistService/JoinWaitlist";

/// Bytes as they are.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

async fn refused(path: &'static str, body: Vec<u8>) -> Status {
    let service = Service::start().await;
    let Caller { channel, bearer } = service.caller(Role::County, COUNTY).await;
    let mut grpc = Grpc::new(tonic::service::interceptor::InterceptedService::new(channel, bearer));
    grpc.ready().await.unwrap();
    grpc.unary(Request::new(body), PathAndQuery::from_static(path), Raw).await.unwrap_err()
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
