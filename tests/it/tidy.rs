//! Architecture as a test: each rule reads the sources, finds nothing, and is shown to
//! find a violation when there is one.

use std::collections::{BTreeMap, BTreeSet};

mod size;
pub mod source;
mod sql;

use source::{File, Token, file, files};

/// Who may use whom among the crate's own modules: each line may name only modules of
/// lines above it, so the arrows run one way, and a line names none that it does not
/// use. What is not said here is refused.
const MAY_USE: &[(&str, &[&str])] = &[
    ("proto", &[]),
    ("domain", &[]),
    ("people_source", &["domain"]),
    ("postgres", &[]),
    ("keys", &["domain"]),
    ("auth", &["domain", "keys"]),
    ("config", &["auth", "people_source"]),
    ("store", &["domain"]),
    ("error", &["domain", "store"]),
    ("recorder", &["domain", "error", "store"]),
    ("app", &["domain", "keys", "people_source", "recorder", "store"]),
    ("replay", &["domain", "store"]),
    ("verify", &["domain", "keys", "proto", "replay", "store"]),
    ("rotation", &["domain", "keys", "store"]),
    ("write", &["app", "domain", "error", "keys", "store"]),
    ("grpc", &["app", "domain", "error", "keys", "proto", "replay", "store", "write"]),
    ("worker", &["app", "domain", "error", "rotation", "store", "write"]),
    ("server", &["app", "auth", "domain", "error", "grpc", "proto", "rotation", "worker", "write"]),
    (
        "cli",
        &[
            "app",
            "auth",
            "config",
            "domain",
            "keys",
            "people_source",
            "postgres",
            "proto",
            "rotation",
            "server",
            "store",
            "verify",
        ],
    ),
    ("main", &["cli"]),
];

/// What the rules of the house may use from outside: values, their forms, arithmetic.
const DOMAIN_MAY_USE: &[&str] =
    &["hex", "jiff", "serde", "sha2", "statrs", "thiserror", "time", "uuid"];
/// The only part of the rules that counts in floating point: nothing is decided by it.
const COUNTS_IN_FRACTIONS: &[&str] = &[
    "src/domain/wait",
    "src/domain/fairness.rs",
    "src/domain/forecast",
    "src/domain/prospect.rs",
    "src/domain/simulation",
];
/// Where the wire's library is known.
const KNOWS_TONIC: &[&str] = &["auth", "cli", "grpc", "server"];
/// The only file that makes a status.
const MAKES_STATUSES: &str = "src/grpc/status.rs";
/// How a status is made.
const STATUS_MAKERS: &[&str] = &[
    "new",
    "with_details",
    "with_metadata",
    "with_details_and_metadata",
    "with_error_details",
    "with_error_details_and_metadata",
    "with_error_details_vec",
    "with_error_details_vec_and_metadata",
    "from_error",
    "try_from_error",
    "from_header_map",
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

/// A rule: what is wrong with these files.
type Rule = fn(&[File]) -> Vec<String>;

/// The files keep the rule, and the rule finds each of these violations.
fn assert_kept(rule: Rule, files: &[File], violations: &[(&str, &str)]) {
    assert!(files.len() > 5, "the rule has read next to nothing");
    let problems = rule(files);
    assert!(problems.is_empty(), "{problems:#?}");
    for (path, text) in violations {
        let found = rule(&[File::new(path, text)]);
        assert!(!found.is_empty(), "the rule lets this through in {path}: {text}");
    }
}

#[test]
fn modules_use_only_those_below_them() {
    assert_kept(
        imports,
        &files("src", ".rs"),
        &[
            ("src/domain/ledger/mod.rs", "use crate::store::db::Db;"),
            ("src/domain/ledger/mod.rs", "use super::super::store::db::Db;"),
            ("src/domain/ids.rs", "fn f() { crate::error::Error::Overloaded; }"),
            ("src/store/log.rs", "use crate::{domain::ids::X, write::{self, Done}};"),
            ("src/write/mod.rs", "macro_use!(crate::grpc::Api);"),
            ("src/store/rows.rs", "use crate::proto::v1::Ledger;"),
            ("src/domain/ids.rs", "use crate::proto::v1::Ledger;"),
            ("src/write/batch.rs", "fn f(l: &crate::proto::v1::Ledger) {}"),
            ("src/worker.rs", "use super::server;"),
            ("src/grpc/mod.rs", "use crate::*;"),
            ("src/main.rs", "fn main() { tiltaksplass::server::run() }"),
            ("src/new.rs", "use crate::domain::ids;"),
        ],
    );
}

fn imports(files: &[File]) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.path != "src/lib.rs") {
        let own = file.module();
        let Some(may) = allowed.get(own) else {
            problems.push(format!("{} is of no known module", file.path));
            continue;
        };
        for used in used_modules(file).iter().filter(|used| *used != own) {
            if !may.contains(&used.as_str()) {
                problems.push(format!("{} uses crate::{used}", file.path));
            }
        }
    }
    problems
}

fn used_modules(file: &File) -> BTreeSet<String> {
    let used = file.paths().into_iter().filter_map(|path| match path.as_slice() {
        [root, module, ..] if root == "crate" || root == "tiltaksplass" => Some(module.clone()),
        _ => None,
    });
    used.collect()
}

#[test]
fn the_table_of_modules_has_one_direction_and_nothing_to_spare() {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files("src", ".rs") {
        used.entry(file.module().to_owned()).or_default().extend(used_modules(&file));
    }
    let mut above = BTreeSet::new();
    for (module, may) in MAY_USE {
        for other in *may {
            assert!(above.contains(other), "{module} would use {other}, which is not above it");
            assert!(used[*module].contains(*other), "{module} has no use for {other}");
        }
        above.insert(*module);
    }
    let modules = used.keys().filter(|module| *module != "lib");
    assert!(modules.clone().all(|module| above.contains(module.as_str())), "{modules:?}");
}

#[test]
fn the_rules_of_the_house_are_pure() {
    assert_kept(
        purity,
        &files("src/domain", ".rs"),
        &[
            ("src/domain/ids.rs", "async fn f() {}"),
            ("src/domain/ids.rs", "use sqlx::Row;"),
            ("src/domain/ids.rs", "fn f(s: tonic::Status) {}"),
            ("src/domain/ids.rs", "use prost::Message;"),
            ("src/domain/ids.rs", "fn f() { tokio::spawn(g()); }"),
            ("src/domain/ids.rs", "fn f() { tracing::info!(\"x\"); }"),
            ("src/domain/ids.rs", "use serde_json::Value;"),
            ("src/domain/ids.rs", "use {std::fmt, getrandom};"),
        ],
    );
}

fn purity(files: &[File]) -> Vec<String> {
    let refused: Vec<String> = dependencies()
        .into_iter()
        .filter(|name| !DOMAIN_MAY_USE.contains(&name.as_str()))
        .chain(["async".to_owned(), "await".to_owned()])
        .collect();
    let mut problems = Vec::new();
    for file in files {
        let words: BTreeSet<&str> = file.words().collect();
        let found = refused.iter().filter(|word| words.contains(word.as_str()));
        problems.extend(found.map(|word| format!("{} has `{word}`", file.path)));
    }
    problems
}

/// A decision that was rounded on one machine would not recompute on another.
#[test]
fn nothing_is_decided_in_floating_point() {
    assert_kept(
        fractions,
        &files("src/domain", ".rs"),
        &[
            ("src/domain/ids.rs", "fn f(x: f64) {}"),
            ("src/domain/ledger/walk.rs", "fn f() { g(x as f32); }"),
            ("src/domain/account.rs", "use statrs::function::beta::beta_reg;"),
        ],
    );
}

fn fractions(files: &[File]) -> Vec<String> {
    let others = files
        .iter()
        .filter(|file| !COUNTS_IN_FRACTIONS.iter().any(|path| file.path.starts_with(path)));
    let counts = |file: &&File| file.words().any(|word| ["f32", "f64", "statrs"].contains(&word));
    others.filter(counts).map(|file| format!("{} counts in fractions", file.path)).collect()
}

/// The crates this one is built on, by the names the code knows them by.
fn dependencies() -> Vec<String> {
    let manifest = file("Cargo.toml").text;
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap();
    let names: Vec<String> = section
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.replace('-', "_"))
        .filter(|name| name != "http" && name != "bytes")
        .collect();
    assert!(names.iter().any(|name| name == "prost_types"), "{names:?}");
    names
}

#[test]
fn the_wire_is_known_in_few_places() {
    assert_kept(
        knows_tonic,
        &files("src", ".rs"),
        &[
            ("src/write/mod.rs", "use tonic::Status;"),
            ("src/store/db.rs", "fn f() -> tonic::Code { g() }"),
            ("src/app.rs", "use tonic_types::StatusExt;"),
        ],
    );
}

fn knows_tonic(files: &[File]) -> Vec<String> {
    let of_tonic = |path: &Vec<String>| path[0] == "tonic" || path[0].starts_with("tonic_");
    files
        .iter()
        .filter(|file| !KNOWS_TONIC.contains(&file.module()))
        .filter(|file| file.paths().iter().any(of_tonic))
        .map(|file| format!("{} knows tonic", file.path))
        .collect()
}

#[test]
fn statuses_are_made_in_one_file() {
    assert_kept(
        statuses,
        &files("src", ".rs"),
        &[
            ("src/grpc/mod.rs", "fn f() { Status::internal(\"x\"); }"),
            ("src/grpc/waitlist.rs", "fn f() { Err(tonic::Status::new(Code::Ok, \"\")) }"),
            ("src/server/answer.rs", "fn f() { x.map_err(Status::from_error) }"),
            ("src/grpc/page.rs", "fn f() { Status::with_error_details(c, m, d); }"),
            ("src/grpc/page.rs", "use tonic::Status as S; fn f() { S::internal(\"\"); }"),
            ("src/auth/mod.rs", "type Refusal = tonic::Status;"),
            ("src/cli/call/codec.rs", "fn f() { Self::Error::internal(\"x\"); }"),
        ],
    );
    let makers = statuses(&[File::new("src/grpc/other.rs", &file(MAKES_STATUSES).text)]);
    assert!(!makers.is_empty(), "the file that makes statuses would be refused elsewhere");
}

fn statuses(files: &[File]) -> Vec<String> {
    let made = |path: &Vec<String>| match path.as_slice() {
        [.., of, maker] if STATUS_MAKERS.contains(&maker.as_str()) => {
            of == "Status" || path.ends_with(&["Self".into(), "Error".into(), maker.clone()])
        }
        _ => false,
    };
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.path != MAKES_STATUSES) {
        if file.paths().iter().any(made) {
            problems.push(format!("{} makes a status", file.path));
        }
        if has_other_name(&file.tokens) {
            problems.push(format!("{} gives Status another name", file.path));
        }
    }
    problems
}

/// `Status as S`, or `type S = tonic::Status;`. tonic's own traits ask for one: `Error`.
fn has_other_name(tokens: &[Token]) -> bool {
    let word =
        |token: Option<&Token>, word: &str| matches!(token, Some(Token::Word(w)) if w == word);
    let renamed =
        tokens.windows(3).any(|three| word(three.first(), "Status") && word(three.get(1), "as"));
    let aliased = tokens.split(|token| *token == Token::Mark(';')).any(|statement| {
        let from = statement.iter().rposition(|token| word(Some(token), "type"));
        from.is_some_and(|from| {
            word(statement.last(), "Status") && !word(statement.get(from + 1), "Error")
        })
    });
    renamed || aliased
}
