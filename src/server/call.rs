//! What a call is, by its path, and what bounds follow from that.

use std::time::Duration;

use crate::{
    grpc::{BATCH_MAX, IMPORT_MAX, REQUEST_MAX},
    server::limits::Limits,
};

/// The largest question about the service itself, in bytes: no token is asked for, so no
/// more room is given than a name needs.
pub(super) const QUESTION_MAX: usize = 4 * 1024;
/// The bytes in front of a message: a flag and a length.
const FRAME_HEADER: usize = 5;

/// The kinds of calls there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// One request, one answer.
    Unary,
    /// One request about many, one answer.
    Batch,
    /// One request, answers one after another.
    Series,
    /// A stream of pieces, one answer.
    Import,
    /// A question about health.
    Probe,
    /// A conversation about health or about the services themselves. It ends with the
    /// connection, whose age bounds it.
    Conversation,
}

/// How long the service waits for what is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    /// For each next piece.
    Pause(Duration),
    /// For the whole.
    Arrival(Duration),
}

impl Call {
    pub(super) fn of(path: &str) -> Self {
        let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
        match (service, method) {
            ("tiltaksplass.v1.RegistryService", "ImportRegistry" | "ImportExisting") => {
                Self::Import
            }
            ("tiltaksplass.v1.WaitlistService", "BatchJoinWaitlist")
            | ("tiltaksplass.v1.FairShareService", "Apportion") => Self::Batch,
            ("tiltaksplass.v1.FairShareService", "SimulateRedistribution") => Self::Series,
            ("grpc.health.v1.Health", "Watch") => Self::Conversation,
            ("grpc.health.v1.Health", _) => Self::Probe,
            ("grpc.reflection.v1.ServerReflection", _) => Self::Conversation,
            ("grpc.reflection.v1alpha.ServerReflection", _) => Self::Conversation,
            _ => Self::Unary,
        }
    }

    /// Whether it is about the work and not about the service. What is not costs next to
    /// nothing, is answered when all else is refused, and no end waits for it.
    pub(super) fn is_work(self) -> bool {
        match self {
            Self::Unary | Self::Batch | Self::Series | Self::Import => true,
            Self::Probe | Self::Conversation => false,
        }
    }

    /// How long it may take until there is an answer, of a series the first part of one.
    pub(super) fn longest(self, limits: &Limits) -> Option<Duration> {
        match self {
            Self::Unary | Self::Batch | Self::Series | Self::Probe => Some(limits.call),
            Self::Import => Some(limits.stream),
            Self::Conversation => None,
        }
    }

    /// How long the answer may then take to be taken; a series is made meanwhile. A conversation
    /// has the time its connection has.
    pub(super) fn taken(self, limits: &Limits) -> Option<Duration> {
        match self {
            Self::Unary | Self::Batch | Self::Import | Self::Probe => Some(limits.answer),
            Self::Series => Some(limits.series),
            Self::Conversation => None,
        }
    }

    /// How long its requests may pause, or its only one may take to arrive.
    pub(super) fn wait(self, limits: &Limits) -> Option<Wait> {
        match self {
            Self::Import => Some(Wait::Pause(limits.stream_idle)),
            Self::Unary | Self::Batch | Self::Series | Self::Probe => {
                Some(Wait::Arrival(limits.arrival))
            }
            Self::Conversation => None,
        }
    }

    /// How many bytes its requests may have: in all, or each one of a conversation.
    pub(super) fn most_bytes(self) -> usize {
        match self {
            Self::Unary | Self::Series => REQUEST_MAX,
            Self::Batch => BATCH_MAX,
            Self::Import => IMPORT_MAX,
            Self::Probe | Self::Conversation => QUESTION_MAX,
        }
    }

    /// The same, with what frames the first.
    pub(super) fn most_bytes_framed(self) -> usize {
        self.most_bytes() + FRAME_HEADER
    }
}
