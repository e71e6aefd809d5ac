//! A tonic codec for messages that are known only by their descriptor.

use std::io;

use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Sends any message and reads answers as `answer`.
#[derive(Debug, Clone)]
pub(super) struct DynamicCodec {
    /// What the answers are; requests carry their descriptor with them.
    pub(super) answer: MessageDescriptor,
}

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        self.clone()
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

// Errors become a `Status` by way of `io::Error`, because statuses are put together in
// one place only, and that is not here.
impl Encoder for DynamicCodec {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, request: DynamicMessage, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        request
            .encode(to)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error).into())
    }
}

impl Decoder for DynamicCodec {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        DynamicMessage::decode(self.answer.clone(), from)
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error).into())
    }
}
