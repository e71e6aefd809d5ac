//! A client for any method, known by its descriptor only.

use std::error::Error;
use std::fmt::Display;
use std::ops::ControlFlow;
use std::time::Duration;

use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::Value;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status};

use super::codec::DynamicCodec;
use super::status::{CallError, with_causes};
use super::{catalog, input};

/// How long to wait for a connection; one on a sound network takes milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for a whole answer where the caller does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that calls methods by name, with JSON in and out.
#[derive(Debug)]
pub struct DynamicClient {
    grpc: Grpc<Channel>,
    addr: String,
    /// The `authorization` header, where the caller has a token.
    authorization: Option<MetadataValue<Ascii>>,
    /// The `x-acting-as` header, where the token lets the caller be several.
    acting_as: Option<MetadataValue<Ascii>>,
    /// For the whole of a call, a stream's last answer included.
    timeout: Option<Duration>,
}

impl DynamicClient {
    /// Connects to `http://HOST:PORT`, and sends the token, if any, with every call.
    pub async fn connect(addr: &str, token: Option<&str>) -> Result<Self, CallError> {
        Self::connect_within(addr, token, Some(DEFAULT_TIMEOUT)).await
    }

    /// Connects, with a limit for each call of its own; `None` waits without end.
    pub async fn connect_within(
        addr: &str,
        token: Option<&str>,
        timeout: Option<Duration>,
    ) -> Result<Self, CallError> {
        let authorization = token.and_then(authorization).transpose()?;
        let patience = timeout.map_or(CONNECT_TIMEOUT, |limit| limit.min(CONNECT_TIMEOUT));
        let channel = endpoint(addr)?
            .connect_timeout(patience)
            .connect()
            .await
            .map_err(|error| unreachable_service(addr, &error))?;
        let grpc = Grpc::new(channel);
        Ok(Self { grpc, addr: addr.to_owned(), authorization, acting_as: None, timeout })
    }

    /// Says as whom all calls from here on are made, as `office:9601`.
    pub fn act_as(&mut self, whom: &str) -> Result<(), CallError> {
        let header = MetadataValue::try_from(whom).map_err(|_| {
            CallError::new(Code::InvalidArgument, "--acting-as must be plain ASCII: `office:9601`.")
        })?;
        self.acting_as = Some(header);
        Ok(())
    }

    /// Calls `SERVICE/METHOD` with one request, and returns its one answer.
    pub async fn unary_json(&mut self, method: &str, body: Value) -> Result<Value, CallError> {
        let method = catalog::find_method(method)?;
        if method.is_server_streaming() {
            let name = method.name();
            let message = format!("{name} answers with a stream; call it with `stream_json`.");
            return Err(CallError::new(Code::InvalidArgument, message));
        }
        let mut answers = self.collect(&method, &[body]).await?;
        answers.pop().ok_or_else(no_answer)
    }

    /// Calls `SERVICE/METHOD` of any kind: sends all requests, and returns all answers
    /// when the last one has come.
    pub async fn stream_json(
        &mut self,
        method: &str,
        bodies: &[Value],
    ) -> Result<Vec<Value>, CallError> {
        let method = catalog::find_method(method)?;
        self.collect(&method, bodies).await
    }

    /// Makes the call and gathers its answers.
    async fn collect(
        &mut self,
        method: &MethodDescriptor,
        bodies: &[Value],
    ) -> Result<Vec<Value>, CallError> {
        let requests = input::messages(method, bodies)?;
        let mut answers = Vec::new();
        self.exchange(method, requests, |answer| {
            let answer = serde_json::to_value(answer);
            answers.push(answer.map_err(|error| unreadable_answer(&error))?);
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(answers)
    }

    /// Makes one call within the time limit and hands each answer to `take` as it comes;
    /// `take` may end the call early.
    pub(super) async fn exchange(
        &mut self,
        method: &MethodDescriptor,
        requests: Vec<DynamicMessage>,
        take: impl FnMut(&DynamicMessage) -> Result<ControlFlow<()>, CallError>,
    ) -> Result<(), CallError> {
        let Some(limit) = self.timeout else {
            return self.exchange_unlimited(method, requests, take).await;
        };
        tokio::time::timeout(limit, self.exchange_unlimited(method, requests, take))
            .await
            .unwrap_or_else(|_elapsed| Err(too_late(limit)))
    }

    /// All four kinds of methods are one on the wire: messages out, messages in. Where
    /// one answer is promised, it is held back until the service has said that all went
    /// well, so that nobody acts on half an answer.
    async fn exchange_unlimited(
        &mut self,
        method: &MethodDescriptor,
        requests: Vec<DynamicMessage>,
        mut take: impl FnMut(&DynamicMessage) -> Result<ControlFlow<()>, CallError>,
    ) -> Result<(), CallError> {
        let name = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let path = name.parse().map_err(|error| {
            CallError::new(Code::Internal, format!("{name} is not a path: {error}."))
        })?;
        let codec = DynamicCodec { answer: method.output() };
        let request = self.request(requests);

        if let Err(error) = self.grpc.ready().await {
            return Err(unreachable_service(&self.addr, &error));
        }
        let answers = self.grpc.streaming(request, path, codec).await;
        let mut answers = answers.map_err(|status| self.failure(&status))?.into_inner();

        let mut only = None;
        while let Some(answer) = answers.message().await.map_err(|status| self.failure(&status))? {
            if !method.is_server_streaming() {
                if only.replace(answer).is_some() {
                    return Err(CallError::new(
                        Code::Internal,
                        "The service sent several answers where one was promised.",
                    ));
                }
            } else if take(&answer)?.is_break() {
                return Ok(());
            }
        }
        if !method.is_server_streaming() {
            let _ = take(&only.ok_or_else(no_answer)?)?;
        }
        Ok(())
    }

    /// Wraps the messages with the caller's token and deadline.
    fn request(
        &self,
        messages: Vec<DynamicMessage>,
    ) -> Request<impl futures::Stream<Item = DynamicMessage> + Send + 'static> {
        let mut request = Request::new(futures::stream::iter(messages));
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        if let Some(acting_as) = &self.acting_as {
            request.metadata_mut().insert("x-acting-as", acting_as.clone());
        }
        if let Some(limit) = self.timeout {
            request.set_timeout(limit);
        }
        request
    }

    /// Tells the service's own statuses from those that tonic makes up when no answer
    /// came: only the latter have a cause in this process.
    fn failure(&self, status: &Status) -> CallError {
        let Some(cause) = status.source() else {
            return CallError::from_status(status);
        };
        let mut chain = std::iter::successors(Some(cause), |error| (*error).source());
        match self.timeout {
            Some(limit) if chain.any(<dyn Error>::is::<tonic::TimeoutExpired>) => too_late(limit),
            _ => broken_connection(&self.addr, cause),
        }
    }
}

/// The header for a token. An empty one counts as none, because that is what an
/// environment variable set to nothing means.
fn authorization(token: &str) -> Option<Result<MetadataValue<Ascii>, CallError>> {
    let token = token.trim();
    if token.is_empty() {
        return None;
    }
    let header = MetadataValue::try_from(format!("Bearer {token}"));
    // The token itself stays out of the message: messages end in logs.
    Some(match header {
        Ok(mut header) => {
            header.set_sensitive(true);
            Ok(header)
        }
        Err(_) => Err(CallError::new(
            Code::InvalidArgument,
            "The token holds characters that no token has; was it copied whole?",
        )),
    })
}

/// Checks an address before anything is sent to it.
fn endpoint(addr: &str) -> Result<Endpoint, CallError> {
    let problem = match addr.parse::<Uri>() {
        Ok(uri) if uri.scheme_str() == Some("http") => return Ok(Endpoint::from(uri)),
        Ok(uri) if uri.scheme_str() == Some("https") => "TLS is not supported here yet",
        _ => "it is not an address",
    };
    Err(CallError::new(
        Code::InvalidArgument,
        format!("`{addr}` cannot be called: {problem}. Write http://HOST:PORT."),
    ))
}

/// Nobody is there, which most often means that the service is not running.
fn unreachable_service(addr: &str, error: &(dyn Error + 'static)) -> CallError {
    CallError::new(
        Code::Unavailable,
        format!(
            "Nothing answers at {addr} ({}). Is the service running? Start it with \
             `tiltaksplass serve`, or name another address with --addr or TILTAKSPLASS_ADDR.",
            with_causes(error)
        ),
    )
}

/// Somebody is there, but does not speak gRPC, or left in the middle.
fn broken_connection(addr: &str, error: &(dyn Error + 'static)) -> CallError {
    CallError::new(
        Code::Unavailable,
        format!(
            "The connection to {addr} broke before the answer was whole ({}). Is it \
             `tiltaksplass serve` that listens there? Whether the call had an effect is \
             unknown; the same request with the same request ID happens once.",
            with_causes(error)
        ),
    )
}

/// The time limit passed; the service may still have done its work.
fn too_late(limit: Duration) -> CallError {
    CallError::new(
        Code::DeadlineExceeded,
        format!(
            "No whole answer came within {} s. Whether the call had an effect is unknown; \
             the same request with the same request ID happens once. A longer limit is \
             given with --timeout.",
            limit.as_secs_f64()
        ),
    )
}

/// The service said that all went well, without the answer it promised.
fn no_answer() -> CallError {
    CallError::new(Code::Internal, "The service answered OK without an answer.")
}

/// The answer is a message but has no JSON form, for example a date of the year 10000.
pub(super) fn unreadable_answer(error: &dyn Display) -> CallError {
    CallError::new(
        Code::Internal,
        format!("The service answered, but not with what can be shown as JSON: {error}."),
    )
}
