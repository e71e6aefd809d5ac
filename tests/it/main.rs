//! One test binary: the real service on a port of its own, over a real PostgreSQL that
//! the tests start themselves. Pure rules are tested without either.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end in a panic")]
#![allow(missing_docs, unreachable_pub)]

mod access_grants;
mod accesses;
mod apportionment;
mod call;
mod canary;
mod chaos;
mod contention;
mod contract;
mod corrections;
mod day;
mod docs;
mod embedded;
mod enforcement;
mod entries;
mod errors;
mod existing;
mod four_eyes;
mod hosts;
mod idempotency;
mod kept_log;
mod keys_and_tokens;
mod ledger_rules;
mod lending;
mod measure_rules;
mod migrations;
mod model;
mod offers;
mod own_case;
mod people;
mod personal_data;
mod placements;
mod poison;
mod port;
mod program;
mod protected;
mod races;
mod reads;
mod recorder;
mod refusals;
mod rights;
mod schema;
mod small_counts;
mod staff_links;
mod storm;
mod straight_line;
mod support;
mod tidy;
mod time_passes;
mod tokens;
mod transfer;
mod world;
