//! The port's settings, each seen from outside: who may connect, how long what may take,
//! what is refused and in which words, and how it ends.

mod accept;
mod answers;
mod deadline;
mod http2;
mod overload;
mod readiness;
mod refusals;
mod shutdown;
pub mod wire;
