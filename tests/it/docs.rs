//! What the documents say of the code is what the code says.

use tiltaksplass::domain::{
    access::{Method, Role, Scope, rights},
    existing::{ARENA, Meaning},
    personal_data::TABLE,
};

/// The table of rights as ARCHITECTURE.md must have it.
fn rights_table() -> String {
    let line = |first: String, cells: Vec<&str>| format!("| {first}{} |", cells.join(" | "));
    let mut lines = vec![
        line("| ".into(), Role::ALL.map(Role::as_str).to_vec()),
        line("--- | ".into(), Role::ALL.map(|_| "---").to_vec()),
    ];
    lines.extend(Method::ALL.iter().map(|method| {
        let words = rights(*method).map(|scope| match scope {
            Scope::No => "",
            Scope::All => "all",
            Scope::Own => "own",
            Scope::OwnArea => "area",
        });
        line(format!("`{}` | ", method.as_str()), words.to_vec())
    }));
    lines.join("\n")
}

#[test]
fn the_architecture_has_the_table_of_rights() {
    let document = include_str!("../../ARCHITECTURE.md");
    let table = rights_table();
    assert!(document.contains(&table), "ARCHITECTURE.md must have this table:\n{table}");
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
        "serve", "migrate", "import", "token", "test-issuer", "call", "verify", "demo", "dev",
        "keys",
    ]
    {
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
