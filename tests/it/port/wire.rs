//! Clients that say what no proper client would.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
};
use http::{HeaderMap, Request};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A SETTINGS frame that sets nothing.
pub const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// Longer than anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

pub const POSITION: &str = "/tiltaksplass.v1.WaitlistService/GetPosition";
pub const AVAILABILITY: &str = "/tiltaksplass.v1.CapacityService/GetAvailability";
pub const IMPORT: &str = "/tiltaksplass.v1.RegistryService/ImportRegistry";
pub const CHECK: &str = "/grpc.health.v1.Health/Check";
pub const WATCH: &str = "/grpc.health.v1.Health/Watch";

pub fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A connection that has said these bytes.
pub async fn said(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// How long it takes until the other side closes; whatever it says before is dropped.
pub async fn closed_after(mut stream: TcpStream) -> Duration {
    let start = Instant::now();
    let mut buffer = [0; 4096];
    let closed = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    timeout(PATIENCE, closed).await.expect("it is closed");
    start.elapsed()
}

/// An HTTP/2 connection driven by hand.
pub struct Wire {
    pub send: SendRequest<Bytes>,
    /// Ends when the connection does.
    pub connection: JoinHandle<Result<(), h2::Error>>,
    token: Option<String>,
}

impl Wire {
    pub async fn open(address: SocketAddr, token: Option<String>) -> Self {
        Self::open_with_room(address, token, 65_535).await
    }

    /// One that has room for so many bytes of each answer.
    pub async fn open_with_room(address: SocketAddr, token: Option<String>, room: u32) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut settings = h2::client::Builder::new();
        settings.initial_window_size(room);
        let (send, connection) = settings.handshake(stream).await.unwrap();
        Self { send, connection: tokio::spawn(connection), token }
    }

    /// A proper request's head.
    pub fn head(&self, path: &str) -> Request<()> {
        let uri = format!("http://127.0.0.1{path}");
        let mut head = Request::post(uri).header("content-type", "application/grpc");
        head = head.header("te", "trailers");
        if let Some(token) = &self.token {
            head = head.header("authorization", format!("Bearer {token}"));
        }
        head.body(()).unwrap()
    }

    /// Begins a call whose body is still to come.
    pub async fn begin(&mut self, head: Request<()>) -> (Answer, SendStream<Bytes>) {
        let mut send = self.send.clone().ready().await.unwrap();
        let (response, body) = send.send_request(head, false).unwrap();
        (Answer(response), body)
    }

    /// A whole call with this body.
    pub async fn call(&mut self, head: Request<()>, body: impl Into<Bytes>) -> Told {
        let (answer, mut stream) = self.begin(head).await;
        // What is refused early need not be taken.
        let _ = write(&mut stream, body.into(), true).await;
        answer.told().await
    }
}

/// All of an answer, as it came; but for the time of day.
#[derive(Debug, PartialEq)]
pub struct Whole {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: HeaderMap,
}

impl Wire {
    /// A whole call by a name of its own, since the answer tells it, and all that comes back.
    pub async fn call_whole(&mut self, mut head: Request<()>, body: Bytes) -> Whole {
        head.headers_mut().insert("x-call-id", "the-same".parse().unwrap());
        let (answer, mut sent) = self.begin(head).await;
        let _ = write(&mut sent, body, true).await;
        let response = timeout(PATIENCE, answer.0).await.expect("an answer").unwrap();
        let (mut parts, mut stream) = response.into_parts();
        parts.headers.remove("date");
        let mut body = Vec::new();
        while let Some(Ok(data)) = stream.data().await {
            stream.flow_control().release_capacity(data.len()).unwrap();
            body.extend_from_slice(&data);
        }
        let trailers = stream.trailers().await.ok().flatten().unwrap_or_default();
        Whole { status: parts.status.as_u16(), headers: parts.headers, body, trailers }
    }
}

/// Sends as much as the other side takes.
pub async fn write(
    stream: &mut SendStream<Bytes>,
    mut bytes: Bytes,
    is_last: bool,
) -> Result<(), h2::Error> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let room = room.unwrap_or(Ok(0))?;
        if room == 0 {
            return Ok(());
        }
        stream.send_data(bytes.split_to(room.min(bytes.len())), false)?;
    }
    if is_last { stream.send_data(Bytes::new(), true) } else { Ok(()) }
}

/// An answer on its way.
pub struct Answer(ResponseFuture);

/// What was answered.
#[derive(Debug)]
pub struct Told {
    pub http: u16,
    pub status: Status,
}

impl Answer {
    /// The answer's head, and its body to come.
    pub async fn head(self) -> (HeaderMap, RecvStream) {
        let response = timeout(PATIENCE, self.0).await.expect("an answer").unwrap();
        let (parts, body) = response.into_parts();
        (parts.headers, body)
    }

    /// The whole answer.
    pub async fn told(self) -> Told {
        let response = timeout(PATIENCE, self.0).await.expect("an answer").unwrap();
        let (parts, mut stream) = response.into_parts();
        while let Some(Ok(data)) = stream.data().await {
            stream.flow_control().release_capacity(data.len()).unwrap();
        }
        let trailers = stream.trailers().await.ok().flatten().unwrap_or_default();
        let status = Status::from_header_map(&parts.headers)
            .or_else(|| Status::from_header_map(&trailers))
            .unwrap_or_else(|| Status::new(Code::Unknown, "no status"));
        Told { http: parts.status.as_u16(), status }
    }
}

impl Told {
    pub fn reason(&self) -> String {
        crate::support::reason(&self.status)
    }

    /// Code and reason, for a table.
    pub fn code_and_reason(&self) -> (Code, String) {
        (self.status.code(), self.reason())
    }

    /// The first field that was found invalid.
    pub fn field(&self) -> String {
        let details = self.status.get_details_bad_request();
        details.map(|bad| bad.field_violations[0].field.clone()).unwrap_or_default()
    }

    /// The bytes that were the most.
    pub fn most_bytes(&self) -> String {
        let info = self.status.get_details_error_info();
        info.and_then(|info| info.metadata.get("most_bytes").cloned()).unwrap_or_default()
    }

    /// When to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.status.get_details_retry_info().and_then(|info| info.retry_delay)
    }
}

/// A message in its frame.
pub fn framed(message: &impl Message) -> Bytes {
    frame(0, &message.encode_to_vec())
}

/// A frame with this flag.
pub fn frame(flag: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap();
    let mut frame = vec![flag];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

/// A frame that promises so many bytes and holds none.
pub fn promise(bytes: u32) -> Bytes {
    let mut frame = vec![0];
    frame.extend_from_slice(&bytes.to_be_bytes());
    frame.into()
}
