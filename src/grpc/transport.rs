//! What the transport refuses before a handler sees it, in our words. What it says itself
//! is not passed on: its codes are its own (a message that is too large is "out of range",
//! a malformed one "internal"), and its texts speak of its insides.

use tonic::Code;

use crate::error::Error;

/// Why the transport refused a request that might have had so many bytes.
pub fn refused_request(code: Code, most_bytes: usize) -> Error {
    match code {
        Code::OutOfRange | Code::ResourceExhausted => Error::MessageTooLarge { most_bytes },
        Code::Unimplemented => Error::UnknownMethod,
        Code::NotFound => Error::UnknownName,
        // A body that breaks off has the code of what broke it.
        Code::Internal
        | Code::InvalidArgument
        | Code::Unknown
        | Code::Cancelled
        | Code::Unavailable
        | Code::DataLoss => Error::MessageMalformed,
        Code::Ok
        | Code::DeadlineExceeded
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unauthenticated => Error::Internal(format!("the transport answered {code:?}")),
    }
}

/// Why the transport broke off an answer that was already under way.
pub fn refused_answer(code: Code, most_bytes: usize) -> Error {
    if code == Code::OutOfRange {
        return Error::Internal("an answer was larger than may be sent".to_owned());
    }
    refused_request(code, most_bytes)
}
