//! Answers on their way out: each status says it in our words, with our details, and a
//! call counts as under way until its answer has been taken.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tokio::sync::watch;
use tonic::{Code, Status, body::Body};

use crate::{
    error::Error,
    grpc::{refusal, refused_answer, refused_request},
    server::call::Call,
};

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

/// An answer whose statuses are all ours.
pub(super) fn in_our_words(
    response: Response<Body>,
    call: Call,
    path: &str,
    counted: Option<Counted>,
) -> Response<Body> {
    if let Some(code) = foreign_refusal(response.headers()) {
        return refusal(path, &refused_request(code, call.most_bytes())).into_http();
    }
    let path = path.to_owned();
    response.map(|inner| Body::new(AnswerBody { inner, call, path, _counted: counted }))
}

/// The code of a refusal that is not ours: all of ours have details.
fn foreign_refusal(headers: &HeaderMap) -> Option<Code> {
    let code = Code::from_bytes(headers.get(Status::GRPC_STATUS)?.as_bytes());
    let is_foreign = code != Code::Ok && !headers.contains_key(Status::GRPC_STATUS_DETAILS);
    is_foreign.then_some(code)
}

struct AnswerBody {
    inner: Body,
    call: Call,
    path: String,
    _counted: Option<Counted>,
}

impl AnswerBody {
    fn translate(&self, frame: Frame<Bytes>) -> Frame<Bytes> {
        let Some(code) = frame.trailers_ref().and_then(foreign_refusal) else { return frame };
        let error: Error = refused_answer(code, self.call.most_bytes());
        Frame::trailers(refusal(&self.path, &error).into_http::<()>().into_parts().0.headers)
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        frame.map(|frame| frame.map(|frame| frame.map(|frame| self.translate(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
