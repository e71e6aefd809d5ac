//! Calls whose answers are kept whole: status, details, headers, trailers and messages, byte for
//! byte.

use http::uri::PathAndQuery;
use prost::{
    Message,
    bytes::{Buf, BufMut},
};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::Value;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::{KeyAndValueRef, MetadataMap},
    service::Interceptor,
};

use crate::{contract::name_of, support::Caller};

/// A name and a value, as sent.
type Header = (String, Vec<u8>);

/// All that a caller gets to see of an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Came {
    code: i32,
    message: String,
    details: Vec<u8>,
    messages: Vec<Vec<u8>>,
    headers: Vec<Header>,
    trailers: Vec<Header>,
}

impl Came {
    /// An answer of which the bytes alone are known.
    pub fn answer(bytes: Vec<u8>) -> Self {
        came(&Status::ok(""), vec![bytes], &MetadataMap::new())
    }

    pub fn is_answer(&self) -> bool {
        self.code == 0
    }
}

/// Makes a call with one request, in JSON.
pub async fn call(caller: &Caller, rpc: &MethodDescriptor, body: &Value) -> Came {
    let message = DynamicMessage::deserialize(rpc.input(), body).unwrap().encode_to_vec();
    let mut request = Request::new(tokio_stream::iter([message]));
    let headed = caller.bearer.clone().call(Request::new(())).unwrap();
    *request.metadata_mut() = headed.metadata().clone();
    let mut grpc = Grpc::new(caller.channel.clone());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::try_from(format!("/{}", name_of(rpc))).unwrap();
    let answer = match grpc.streaming(request, path, Bytes).await {
        Ok(answer) => answer,
        Err(status) => return came(&status, Vec::new(), &MetadataMap::new()),
    };
    let headers = answer.metadata().clone();
    let (mut stream, mut messages) = (answer.into_inner(), Vec::new());
    let status = loop {
        match stream.message().await {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => {
                let trailers = stream.trailers().await.unwrap().unwrap_or_default();
                break Status::with_metadata(Code::Ok, "", trailers);
            }
            Err(status) => break status,
        }
    };
    came(&status, messages, &headers)
}

fn came(status: &Status, messages: Vec<Vec<u8>>, headers: &MetadataMap) -> Came {
    Came {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: status.details().to_vec(),
        messages,
        headers: listed(headers),
        trailers: listed(status.metadata()),
    }
}

/// Every header but the time of day.
fn listed(headers: &MetadataMap) -> Vec<Header> {
    let header = |header: KeyAndValueRef<'_>| match header {
        KeyAndValueRef::Ascii(name, value) => (name.to_string(), value.as_bytes().to_vec()),
        KeyAndValueRef::Binary(name, value) => {
            (name.to_string(), value.as_encoded_bytes().to_vec())
        }
    };
    let mut listed: Vec<Header> = headers.iter().map(header).collect();
    listed.retain(|(name, _)| name != "date");
    listed.sort();
    listed
}

/// Sends bytes and gives back bytes.
#[derive(Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}
