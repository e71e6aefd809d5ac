//! Calls whose answers are left as they came, so that two can be compared byte for byte.

use http::uri::PathAndQuery;
use tonic::{Request, client::Grpc};

use crate::cli::{
    Failure,
    call::RawCodec,
    demo::stage::{Caller, refused},
};

/// One call, bytes out and bytes in.
#[derive(Clone)]
pub(super) struct RawCall {
    /// What is called, as `/tiltaksplass.v1.SERVICE/METHOD`.
    pub(super) path: &'static str,
    /// The encoded request.
    pub(super) request: Vec<u8>,
}

impl RawCall {
    /// Makes the call.
    pub(super) async fn by(&self, caller: &Caller) -> Result<Vec<u8>, Failure> {
        let mut grpc = Grpc::new(caller.line());
        grpc.ready().await.map_err(|e| format!("a connection broke: {e}"))?;
        let path = PathAndQuery::from_static(self.path);
        let answer = grpc.unary(Request::new(self.request.clone()), path, RawCodec).await;
        let method = self.path.rsplit('/').next().unwrap_or(self.path);
        Ok(answer.map_err(refused(method))?.into_inner())
    }
}
