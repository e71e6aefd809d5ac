//! What a request must be before it is looked at, and its body while it arrives.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header::AUTHORIZATION};
use http_body::Frame;
use tokio::{
    sync::oneshot,
    time::{Instant, Sleep, sleep},
};
use tonic::body::Body;

use crate::{
    error::{Error, Violation},
    server::{
        call::{Call, Wait},
        limits::Limits,
    },
};

/// The largest header list without the token, in bytes as HTTP/2 counts them: far more than
/// proxies, traces and our own headers need.
const HEADERS_MAX: usize = 12 * 1024;
/// From where on HTTP/2 itself refuses a header list, with a status of its own: a forged token of
/// 64 KB still comes to the layer that refuses all of them in the same words. What it costs is
/// bounded: a connection holds one list that is arriving, and what of its
/// [`STREAMS_PER_CONNECTION`](super::STREAMS_PER_CONNECTION) calls is read at once, so 8 MB, for
/// the moment until they are looked at. A call that goes on holds [`HEADERS_MAX`] and no token.
pub(super) const HEADERS_REFUSED: u32 = 80 * 1024;
/// What HTTP/2 counts for each header beside its bytes.
const HEADER_EXTRA: usize = 32;
/// How much earlier than the caller's own deadline we answer, so that it is our answer
/// that arrives and not the transport's, which counts the same time. Who gives less than
/// this is answered at once.
const DEADLINE_MARGIN: Duration = Duration::from_millis(5);

/// Refuses what is no gRPC, has too many headers, or is compressed. Of tokens nothing is said
/// here, however long they are and how many: each word would tell a forger something.
pub(super) fn require_well_formed(request: &Request<Body>) -> Result<(), Error> {
    if request.method() != Method::POST {
        return Err(Error::UnknownMethod);
    }
    let bytes = header_list_bytes(request);
    if bytes > HEADERS_MAX {
        let description = format!("have {bytes} bytes beside the token; the most is {HEADERS_MAX}");
        return Err(invalid("headers", description));
    }
    let encoding = request.headers().get("grpc-encoding");
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(invalid("grpc-encoding", "must be identity; nothing is compressed".into()));
    }
    Ok(())
}

fn header_list_bytes(request: &Request<Body>) -> usize {
    let headers = request.headers().iter().filter(|(name, _)| *name != AUTHORIZATION);
    let pseudo =
        request.uri().path().len() + request.uri().authority().map_or(0, |a| a.as_str().len());
    headers
        .fold(pseudo, |sum, (name, value)| sum + name.as_str().len() + value.len() + HEADER_EXTRA)
}

fn invalid(field: &str, description: String) -> Error {
    Error::InvalidFields(vec![Violation { field: field.to_owned(), description }])
}

/// How long the caller lets us take, less the margin.
pub(super) fn asked_timeout(headers: &HeaderMap) -> Result<Option<Duration>, Error> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let timeout = value.to_str().ok().and_then(parse_timeout).ok_or_else(|| {
        invalid("grpc-timeout", "must be one to eight digits and one of H, M, S, m, u, n".into())
    })?;
    Ok(Some(timeout.saturating_sub(DEADLINE_MARGIN)))
}

fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_hours(n)),
        "M" => Some(Duration::from_mins(n)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

/// A body that is not too large, does not come too slowly, and is not taken for whole when
/// it broke off. What is wrong goes to the one who answers, past those who read.
pub(super) struct RequestBody {
    inner: Body,
    left: usize,
    most_bytes: usize,
    pause: Option<Pause>,
    fault: Option<oneshot::Sender<Error>>,
}

struct Pause {
    wait: Wait,
    timer: Pin<Box<Sleep>>,
    is_running: bool,
}

impl RequestBody {
    /// Bounds a body; what is wrong with it arrives at the receiver.
    pub(super) fn new(
        inner: Body,
        call: Call,
        limits: &Limits,
    ) -> (Self, oneshot::Receiver<Error>) {
        let (fault, faults) = oneshot::channel();
        let pause = call.wait(limits).map(Pause::new);
        let (left, most_bytes) = (call.most_bytes_framed(), call.most_bytes());
        (Self { inner, left, most_bytes, pause, fault: Some(fault) }, faults)
    }

    /// Ends the call; whoever reads the body waits until it is dropped with it.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(fault) = self.fault.take() {
            drop(fault.send(error));
        }
        Poll::Pending
    }
}

impl Pause {
    fn new(wait: Wait) -> Self {
        let (Wait::Pause(most) | Wait::Arrival(most)) = wait;
        Self { wait, timer: Box::pin(sleep(most)), is_running: false }
    }

    /// Something came.
    fn end(&mut self) {
        self.is_running = false;
    }

    /// Whether it has lasted too long. Between pieces, the time in which nobody waits does
    /// not count.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if let (Wait::Pause(most), false) = (self.wait, self.is_running) {
            self.timer.as_mut().reset(Instant::now() + most);
        }
        self.is_running = true;
        self.timer.as_mut().poll(context).is_ready()
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) else {
            let is_over = this.pause.as_mut().is_some_and(|pause| pause.is_over(context));
            return if is_over { this.fail(Error::DeadlineExceeded) } else { Poll::Pending };
        };
        if let Some(pause) = &mut this.pause {
            pause.end();
        }
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            None if !this.inner.is_end_stream() => return Poll::Ready(Some(Err(BrokenOff))),
            Some(Err(_)) | None => 0,
        };
        let Some(left) = this.left.checked_sub(length) else {
            let most_bytes = this.most_bytes;
            return this.fail(Error::MessageTooLarge { most_bytes });
        };
        this.left = left;
        Poll::Ready(frame.map(|frame| frame.map_err(|_| BrokenOff)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

/// A body broke off. The transport takes one that its sender cancelled for one that is
/// whole, and half an import could be stored.
#[derive(Debug)]
pub(super) struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body broke off")
    }
}

impl std::error::Error for BrokenOff {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        for (text, timeout) in [
            ("1H", Some(Duration::from_hours(1))),
            ("2M", Some(Duration::from_mins(2))),
            ("3S", Some(Duration::from_secs(3))),
            ("4m", Some(Duration::from_millis(4))),
            ("5u", Some(Duration::from_micros(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("99999999H", Some(Duration::from_hours(99_999_999))),
            ("0S", Some(Duration::ZERO)),
            ("100000000n", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("5s", None),
            ("+5S", None),
            ("-5S", None),
            ("5 S", None),
            ("1.5S", None),
            ("5\u{e5}", None),
        ] {
            assert_eq!(parse_timeout(text), timeout, "{text:?}");
        }
    }
}
