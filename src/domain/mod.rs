//! The rules: pure functions over values. No clock, no database, no network; time
//! and ids are arguments.

pub mod access;
pub mod account;
pub mod allocation;
pub mod apportionment;
pub mod calendar;
pub mod capacity;
pub mod combining;
pub mod command;
pub mod disclosure;
pub mod enforcement;
pub mod event;
pub mod existing;
pub mod explanation;
pub mod fair_share;
pub mod holidays;
pub mod host;
pub mod ids;
pub mod ledger;
pub mod lending;
pub mod log_chain;
pub mod measure;
pub mod national_identity;
pub mod out_of_turn;
pub mod participation;
pub mod placement;
pub mod refusal;
pub mod registry;
pub mod review;
pub mod shadow;
pub mod shadow_report;
pub mod succession;
mod unset;
pub mod vacancy;
pub mod wait;
pub mod waitlist;
pub mod work;
