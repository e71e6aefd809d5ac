//! How a call failed, as JSON.

use std::error::Error;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tonic::{Code, Status};

use super::catalog;

/// Why a call failed: the service's own status, or one in the same shape for what went
/// wrong before the service was reached.
///
/// `Display` gives the JSON object on one line, and over several lines with `{:#}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallError {
    code: &'static str,
    message: String,
    details: Vec<Value>,
}

impl CallError {
    /// The status code's name as in the gRPC specification, for example `NOT_FOUND`.
    pub fn code(&self) -> &str {
        self.code
    }

    /// What went wrong, for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The details, each with its type in `@type`; one whose type is not known here has
    /// its bytes as base64 in `@value`.
    pub fn details(&self) -> &[Value] {
        &self.details
    }

    /// The whole as `{"code": …, "message": …, "details": […]}`.
    pub fn to_json(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "details": self.details })
    }

    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code: name(code), message: message.into(), details: Vec::new() }
    }

    /// A field that cannot be sent, in the words the service has for one that it refuses.
    pub(super) fn bad_field(place: &str, field: &str, problem: &str) -> Self {
        Self {
            details: vec![json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{ "field": field, "description": problem }],
            })],
            ..Self::new(Code::InvalidArgument, format!("{place}`{field}`: {problem}."))
        }
    }

    /// The status that the service answered with.
    pub(super) fn from_status(status: &Status) -> Self {
        Self { details: details(status.details()), ..Self::new(status.code(), status.message()) }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = if f.alternate() {
            serde_json::to_string_pretty(self)
        } else {
            serde_json::to_string(self)
        };
        f.write_str(&json.map_err(|_| fmt::Error)?)
    }
}

impl Error for CallError {}

/// An error and its causes in one line; a cause that its effect already quotes is left out.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| (*error).source())
        .map(ToString::to_string)
        .reduce(|text, cause| if text.contains(&cause) { text } else { format!("{text}: {cause}") })
        .unwrap_or_default()
}

/// The details of a status, which travel as a serialized `google.rpc.Status`.
fn details(bytes: &[u8]) -> Vec<Value> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let Ok(status) = tonic_types::pb::Status::decode(bytes) else {
        return vec![json!({ "@value": BASE64_STANDARD.encode(bytes) })];
    };
    let pool = catalog::pool().ok();
    let decoded = status.details.iter().map(|any| {
        pool.and_then(|pool| decoded(pool, &any.type_url, &any.value)).unwrap_or_else(
            || json!({ "@type": any.type_url, "@value": BASE64_STANDARD.encode(&any.value) }),
        )
    });
    decoded.collect()
}

/// One detail as JSON, where its type is known and its bytes are of that type.
fn decoded(pool: &DescriptorPool, type_url: &str, bytes: &[u8]) -> Option<Value> {
    let (_, name) = type_url.rsplit_once('/')?;
    let message = DynamicMessage::decode(pool.get_message_by_name(name)?, bytes).ok()?;
    let json = serde_json::to_value(message).ok()?;
    let mut detail = Map::from_iter([("@type".to_owned(), type_url.into())]);
    if let Value::Object(fields) = json {
        detail.extend(fields);
    } else {
        // A well-known type, as `ProtoJSON` puts it into an `Any`.
        detail.insert("value".to_owned(), json);
    }
    Some(Value::Object(detail))
}

/// The code's name in the gRPC specification; tonic has only descriptions.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
