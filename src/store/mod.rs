//! All SQL, one file per noun. Knows sqlx and the domain; decides nothing.
//!
//! Queries are checked at run time, not compiled against a database: every one of
//! them is run by the tests over a real PostgreSQL, and a build needs no database.

pub mod access_log;
pub mod accesses;
pub mod advisers;
pub mod answers;
pub mod budgets;
pub mod capacity;
pub mod claim;
pub mod db;
pub mod held;
pub mod key_check;
pub mod key_use;
pub mod ledger;
pub mod log;
pub mod migrate;
pub mod participations;
pub mod people;
pub mod plans;
pub mod queues;
pub mod registry;
pub mod rekey;
pub mod rows;
pub mod shadows;
pub mod small_counts;
pub mod snapshot;
pub mod stays;
pub mod succession;
pub mod vacancies;
pub mod waits;
pub mod work;
