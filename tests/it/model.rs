//! The service against a reference model: the same rules said once more and plainly.

#![allow(clippy::unwrap_used)] // A test may stop at the first surprise.
#![allow(clippy::wildcard_enum_match_arm)] // What is not asked here is asked elsewhere.

mod in_memory;
mod ops;
mod over_the_port;
mod real;
mod reference;
mod things;
