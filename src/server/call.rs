//! What a call is, by its path, and what bounds follow from that.

use std::time::Duration;

use crate::{
    grpc::{IMPORT_MAX, REQUEST_MAX},
    server::limits::Limits,
};

/// The bytes in front of a message: a flag and a length.
const FRAME_HEADER: usize = 5;

/// The kinds of calls there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// One request, one answer.
    Unary,
    /// A stream of pieces, one answer.
    Import,
    /// A question about health or about the services themselves, or a watch that only
    /// ends with the connection: the age of connections bounds it. It costs no work, it
    /// must be answered when all else is refused, and no end waits for it.
    AboutService,
}

impl Call {
    pub(super) fn of(path: &str) -> Self {
        let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
        match (service, method) {
            ("tiltaksplass.v1.RegistryService", "ImportRegistry") => Self::Import,
            ("grpc.health.v1.Health", _) => Self::AboutService,
            ("grpc.reflection.v1.ServerReflection", _) => Self::AboutService,
            ("grpc.reflection.v1alpha.ServerReflection", _) => Self::AboutService,
            _ => Self::Unary,
        }
    }

    /// How long it may take in all.
    pub(super) fn longest(self, limits: &Limits) -> Option<Duration> {
        match self {
            Self::Unary => Some(limits.call),
            Self::Import => Some(limits.stream),
            Self::AboutService => None,
        }
    }

    /// How long its requests may pause.
    pub(super) fn longest_pause(self, limits: &Limits) -> Option<Duration> {
        match self {
            Self::Import => Some(limits.stream_idle),
            Self::Unary | Self::AboutService => None,
        }
    }

    /// How many bytes its requests may have in all.
    pub(super) fn most_bytes(self) -> usize {
        match self {
            Self::Unary | Self::AboutService => REQUEST_MAX,
            Self::Import => IMPORT_MAX,
        }
    }

    /// The same, with what frames them.
    pub(super) fn most_bytes_framed(self) -> usize {
        match self {
            Self::Unary => REQUEST_MAX + FRAME_HEADER,
            // Empty pieces add up as well: no need to be exact.
            Self::Import => IMPORT_MAX,
            Self::AboutService => usize::MAX,
        }
    }
}
