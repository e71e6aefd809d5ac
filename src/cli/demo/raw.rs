//! Calls whose answers are left as they came, so that two can be compared byte for byte.

use http::uri::PathAndQuery;
use prost::bytes::{Buf as _, BufMut as _};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::cli::{
    Failure,
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
        let answer = grpc.unary(Request::new(self.request.clone()), path, Bytes).await;
        let method = self.path.rsplit('/').next().unwrap_or(self.path);
        Ok(answer.map_err(refused(method))?.into_inner())
    }
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
