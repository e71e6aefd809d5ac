//! Answers on their way out: each status says it in our words, with our details, and a
//! call counts as under way, and has its place, until its answer has been taken.
//! That takes no longer than it may, or the connection is cut.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    task::AbortHandle,
    time::sleep,
};
use tonic::{Code, Status, body::Body};
use tracing::Span;

use crate::{
    error::Error,
    grpc::{refusal, refused_answer, refused_request},
    server::{call::Call, callers::OpenCall, connection::Cutter},
};

/// How much of an answer the transport is given at once. It keeps as much of each answer
/// on a connection, however little room the other side gives; so this is what a connection
/// may hold, over its calls.
const PIECE: usize = 8 * 1024;

/// How many calls are under way.
#[derive(Clone, Default)]
pub(super) struct UnderWay(watch::Sender<usize>);

/// A call under way, until it is dropped.
pub(super) struct Counted(UnderWay);

impl UnderWay {
    /// Counts a call.
    pub(super) fn begin(&self) -> Counted {
        self.0.send_modify(|count| *count += 1);
        Counted(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Resolves when there is none.
    pub(super) async fn none(&self) {
        drop(self.0.subscribe().wait_for(|count| *count == 0).await);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// What a call holds until its answer has been taken.
pub(super) struct Held {
    _counted: Option<Counted>,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// A call that has no place yet.
    pub(super) fn new(counted: Option<Counted>) -> Self {
        Self { _counted: counted, place: None }
    }
}

/// How long an answer may take to be taken, and what is cut when it takes longer.
pub(super) struct Patience {
    pub(super) most: Duration,
    pub(super) cutter: Cutter,
}

/// The end of patience; none any more once it is dropped.
struct Timer(AbortHandle);

impl Patience {
    /// It has a task of its own, because a body is only asked for more while there is room
    /// for it.
    fn begin(self) -> Timer {
        let end = tokio::spawn(async move {
            sleep(self.most).await;
            tracing::debug!("an answer was not taken in time; its connection is cut");
            self.cutter.cut();
        });
        Timer(end.abort_handle())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer whose statuses are all ours.
pub(super) fn in_our_words(
    mut response: Response<Body>,
    call: Call,
    path: &str,
    held: Held,
    patience: Option<Patience>,
) -> Response<Body> {
    if let Some(code) = foreign_refusal(response.headers()) {
        return refusal(path, &refused_request(code, call.most_bytes())).into_http();
    }
    let (path, open) = (path.to_owned(), response.extensions_mut().remove::<OpenCall>());
    response.map(|inner| {
        let timer = patience.filter(|_| !inner.is_end_stream()).map(Patience::begin);
        let (rest, span) = (Bytes::new(), Span::current());
        Body::new(AnswerBody { inner, rest, call, path, span, _held: (held, open), _timer: timer })
    })
}

/// The code of a refusal that is not ours: all of ours have details.
fn foreign_refusal(headers: &HeaderMap) -> Option<Code> {
    let code = Code::from_bytes(headers.get(Status::GRPC_STATUS)?.as_bytes());
    let is_foreign = code != Code::Ok && !headers.contains_key(Status::GRPC_STATUS_DETAILS);
    is_foreign.then_some(code)
}

struct AnswerBody {
    inner: Body,
    /// What is still to be given of the last frame.
    rest: Bytes,
    call: Call,
    path: String,
    /// Where the call is logged: an answer is taken when its story has been told.
    span: Span,
    _held: (Held, Option<OpenCall>),
    _timer: Option<Timer>,
}

impl AnswerBody {
    fn next_piece(&mut self) -> Frame<Bytes> {
        Frame::data(self.rest.split_to(PIECE.min(self.rest.len())))
    }

    fn translate(&self, frame: Frame<Bytes>) -> Frame<Bytes> {
        let Some(code) = frame.trailers_ref().and_then(foreign_refusal) else { return frame };
        let error: Error = refused_answer(code, self.call.most_bytes());
        let status = self.span.in_scope(|| refusal(&self.path, &error));
        Frame::trailers(status.into_http::<()>().into_parts().0.headers)
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.next_piece())));
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| match frame?.into_data() {
            Ok(data) => {
                self.rest = data;
                Ok(self.next_piece())
            }
            Err(trailers) => Ok(self.translate(trailers)),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }
}
