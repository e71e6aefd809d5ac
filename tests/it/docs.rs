//! What the documents say of the code is what the code says.

use prost_reflect::ServiceDescriptor;
use tiltaksplass::domain::{
    access::{Method, Reach, Relation, Role, reach, tells_who},
    existing::{ARENA, Meaning},
    personal_data::TABLE,
};

use crate::contract::{comments, method_of, pool};

/// Where the generated part of `docs/rights.md` begins.
const RIGHTS_BEGIN: &str = "## What each method reaches\n";

/// What a role's right to a method reaches, in a cell.
fn cell(method: Method, role: Role) -> String {
    let of_role = Relation::of_role(role);
    let reached = of_role.iter().filter(|one| reach(method, role, **one) != Reach::No);
    let words: Vec<&str> = reached.map(|one| one.as_str()).collect();
    match words.len() {
        0 => "–".to_owned(),
        all if all == of_role.len() => "all".to_owned(),
        _ => words.join(", "),
    }
}

/// What a method is for: the first sentence of what the protos say of it.
fn purpose(name: &str, comments: &std::collections::BTreeMap<String, String>) -> String {
    let comment = comments[name].split_whitespace().collect::<Vec<_>>().join(" ");
    let end = comment.find(". ").map_or(comment.len(), |at| at + 1);
    let sentence = comment[..end].trim_end_matches('.');
    assert!(!sentence.is_empty() && !sentence.contains('|'), "{name}: {comment}");
    sentence.to_owned()
}

fn service_rights(service: &ServiceDescriptor) -> String {
    let comments = comments::all();
    let roles = Role::ALL.map(Role::as_str).join(" | ");
    let mut lines = vec![
        format!("### {}\n", service.name()),
        format!("| method | what it is for | {roles} | clearance |"),
        format!("| --- | --- |{} --- |", " --- |".repeat(Role::ALL.len())),
    ];
    for rpc in service.methods() {
        let method = method_of(&rpc);
        let cells = Role::ALL.map(|role| cell(method, role)).join(" | ");
        let clearance = if tells_who(method) { "protected, own staff" } else { "" };
        let purpose = purpose(rpc.full_name(), &comments);
        lines.push(format!("| `{}` | {purpose} | {cells} | {clearance} |", rpc.name()));
    }
    lines.join("\n")
}

/// The generated part of `docs/rights.md`.
fn rights_tables() -> String {
    let pool = pool();
    let own = pool.services().filter(|service| service.package_name() == "tiltaksplass.v1");
    let tables: Vec<String> = own.map(|service| service_rights(&service)).collect();
    format!("{RIGHTS_BEGIN}\n{}\n", tables.join("\n\n"))
}

/// What it must be is written beside the build, to be copied.
#[test]
fn the_document_of_rights_has_the_table_of_rights() {
    let document = include_str!("../../docs/rights.md");
    let at = document.find(RIGHTS_BEGIN).expect("the document has a part that is generated");
    let (said, table) = (&document[..at], rights_tables());
    if document[at..] != table {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/rights.md");
        std::fs::write(path, format!("{said}{table}")).unwrap();
        panic!("docs/rights.md is not what the code says; it must be as in {path}");
    }
    for word in Relation::ALL.map(Relation::as_str).into_iter().chain(Role::ALL.map(Role::as_str)) {
        assert!(said.contains(&format!("**{word}**")), "the legend does not say what {word} is");
    }
}

/// The table of Arena's words as `docs/arena.md` must have it.
#[test]
fn the_document_of_arena_has_the_table_of_statuses() {
    let document = include_str!("../../docs/arena.md");
    let lines = ARENA.map(|(word, meaning)| match meaning {
        Meaning::In(state) => format!("| `{word}` | `{}` | |", state.name()),
        Meaning::Out(reason) => format!("| `{word}` | | `{}` |", reason.name()),
    });
    let table = format!("| --- | --- | --- |\n{}\n\n", lines.join("\n"));
    assert!(document.contains(&table), "docs/arena.md must have this table:\n{table}");
}

#[test]
fn every_command_in_the_readme_is_one() {
    let readme = include_str!("../../README.md");
    for command in [
        "serve",
        "migrate",
        "import",
        "token",
        "test-issuer",
        "call",
        "verify",
        "demo",
        "dev",
        "keys",
    ] {
        assert!(readme.contains(&format!("| `{command}")), "README.md does not name {command}");
    }
}

/// The table of personal data as `docs/personal-data.md` must have it, and the fields of each item.
fn personal_data() -> String {
    let mut lines = vec![
        "| item | controller | legal basis | a state employee reads it by | a municipal employee \
         reads it by |"
            .to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    for row in TABLE {
        lines.push(format!(
            "| {} | {} | {} | {} | {} |",
            row.name,
            row.controller.as_str(),
            row.basis,
            row.state_reads,
            row.municipal_reads
        ));
    }
    lines.extend(["", "## The fields of each item", ""].map(str::to_owned));
    for row in TABLE {
        let fields: Vec<String> = row.fields().map(|field| format!("`{field}`")).collect();
        lines.push(format!("- **{}**: {}", row.name, fields.join(", ")));
    }
    lines.join("\n")
}

#[test]
fn the_document_of_personal_data_has_the_table() {
    let document = include_str!("../../docs/personal-data.md");
    let table = personal_data();
    assert!(document.contains(&table), "docs/personal-data.md must have this:\n{table}");
}
