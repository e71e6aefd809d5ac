//! Calls whose answers are kept whole: status, details, headers, trailers and messages, byte for
//! byte, but for what is random in each of two equal services.

use std::collections::BTreeMap;

use http::uri::PathAndQuery;
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, Value};
use tiltaksplass::cli::call::RawCodec;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    metadata::{KeyAndValueRef, MetadataMap},
    service::Interceptor,
};
use tonic_types::{ErrorDetail, StatusExt};

use crate::{contract::name_of, support::Caller};

/// A name and a value, as sent.
type Header = (String, Vec<u8>);

/// What is sealed anew each time, and what is a hash of such, by the names of fields. Of each its
/// length counts.
const RANDOM: &[&str] = &["next_page_token", "payload", "payload_digest", "prev_hash", "hash"];

/// All that a caller gets to see of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    code: i32,
    message: String,
    details_bytes: usize,
    details: Vec<String>,
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
pub async fn call(caller: &Caller, rpc: &MethodDescriptor, body: &serde_json::Value) -> Came {
    let message = DynamicMessage::deserialize(rpc.input(), body).unwrap().encode_to_vec();
    let mut request = Request::new(tokio_stream::iter([message]));
    let headed = caller.bearer.clone().call(Request::new(())).unwrap();
    *request.metadata_mut() = headed.metadata().clone();
    let mut grpc = Grpc::new(caller.channel.clone());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::try_from(format!("/{}", name_of(rpc))).unwrap();
    let answer = match grpc.streaming(request, path, RawCodec).await {
        Ok(answer) => answer,
        Err(status) => return came(&status, Vec::new(), &MetadataMap::new()),
    };
    let headers = answer.metadata().clone();
    let (mut stream, mut messages) = (answer.into_inner(), Vec::new());
    let status = loop {
        match stream.message().await {
            Ok(Some(message)) => messages.push(without_random(rpc.output(), &message)),
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
        details_bytes: status.details().len(),
        details: details(status),
        messages,
        headers: listed(headers),
        trailers: listed(status.metadata()),
    }
}

/// The details in their order. What `ErrorInfo` says under its names stands in any order on the
/// wire.
fn details(status: &Status) -> Vec<String> {
    let details = status.get_error_details_vec().into_iter();
    let said = |detail| {
        let ErrorDetail::ErrorInfo(info) = detail else { return format!("{detail:?}") };
        let metadata: BTreeMap<_, _> = info.metadata.into_iter().collect();
        format!("{} {} {metadata:?}", info.reason, info.domain)
    };
    details.map(said).collect()
}

/// The message with the random parts of as many bytes, all alike.
fn without_random(kind: MessageDescriptor, bytes: &[u8]) -> Vec<u8> {
    let mut message = DynamicMessage::decode(kind, bytes).unwrap();
    if blank(&mut message) { message.encode_to_vec() } else { bytes.to_vec() }
}

/// Blanks what is random in a message and its parts; whether there was any.
fn blank(message: &mut DynamicMessage) -> bool {
    let mut any = false;
    for (field, value) in message.fields_mut() {
        let is_random = RANDOM.contains(&field.name());
        if let Some(parts) = value.as_list_mut() {
            for part in parts.iter_mut().filter_map(Value::as_message_mut) {
                any |= blank(part);
            }
        } else if let Some(text) = value.as_string_mut().filter(|_| is_random) {
            *text = "x".repeat(text.len());
            any = true;
        } else if let Value::Bytes(bytes) = value
            && is_random
        {
            *bytes = vec![0; bytes.len()].into();
            any = true;
        }
    }
    any
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
