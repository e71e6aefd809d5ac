//! What the documents say of the code is what the code says.

use tiltaksplass::domain::{
    access::{Method, Role, Scope, rights},
    existing::{ARENA, Meaning},
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
    for command in ["serve", "migrate", "import", "token", "call", "verify", "demo", "dev", "keys"]
    {
        assert!(readme.contains(&format!("| `{command}")), "README.md does not name {command}");
    }
}
