//! What the documents say of the code is what the code says.

use tiltaksplass::domain::access::{Method, Role, Scope, rights};

/// The table of rights as ARCHITECTURE.md must have it.
fn rights_table() -> String {
    let mut table = String::from("| |");
    for role in Role::ALL {
        table += &format!(" {} |", role.as_str());
    }
    table += "\n| --- |";
    table += &" --- |".repeat(Role::ALL.len());
    for method in Method::ALL {
        table += &format!("\n| `{}` |", method.as_str());
        for scope in rights(*method) {
            let word = match scope {
                Scope::No => "",
                Scope::All => "all",
                Scope::Own => "own",
                Scope::OwnArea => "area",
            };
            table += &format!(" {word} |");
        }
    }
    table
}

#[test]
fn the_architecture_has_the_table_of_rights() {
    let document = include_str!("../../ARCHITECTURE.md");
    let table = rights_table();
    assert!(document.contains(&table), "ARCHITECTURE.md must have this table:\n{table}");
}

#[test]
fn every_command_in_the_readme_is_one() {
    let readme = include_str!("../../README.md");
    for command in ["serve", "migrate", "import", "token", "call", "verify", "demo"] {
        assert!(readme.contains(&format!("| `{command}")), "README.md does not name {command}");
    }
}
