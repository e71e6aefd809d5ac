//! A function fits a screen, a file fits a sitting.

use super::{
    assert_kept,
    source::{File, files},
};

/// The most lines between a function's braces.
const FUNCTION_LINES_MAX: usize = 70;
/// The most lines of a file.
const FILE_LINES_MAX: usize = 500;

fn everything() -> Vec<File> {
    let mut all = files("src", ".rs");
    all.extend(files("tests", ".rs"));
    all.push(super::file("build.rs"));
    all.extend(files("migrations", ".sql"));
    all
}

#[test]
fn a_function_fits_a_screen() {
    let long = |head: &str, foot: &str| format!("{head}\n{}{foot}\n", "    f();\n".repeat(71));
    assert_kept(
        functions,
        &everything(),
        &[
            ("src/a.rs", &long("fn f() {", "}")),
            (
                "src/a.rs",
                &long("pub(super) async fn f<T>(\n    a: T,\n) -> u8\nwhere\n    T: X,\n{", "}"),
            ),
            ("tests/it/a.rs", &long("mod m {\n    pub const unsafe fn f() {", "    }\n}")),
        ],
    );
    let fits = format!("fn f() {{\n{}}}\n", "    f();\n".repeat(70));
    assert!(functions(&[File::new("src/a.rs", &fits)]).is_empty());
    let two = "trait T {\n    fn f(&self);\n    fn g() {}\n}\n";
    assert!(functions(&[File::new("src/a.rs", &format!("{two}{fits}"))]).is_empty());
}

/// The layout is rustfmt's, so a function ends with the first brace that stands where
/// its first line began.
fn functions(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.is("rs")) {
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
            let length = body_lines(&lines[at..]);
            if length > FUNCTION_LINES_MAX {
                let name = line.trim();
                problems.push(format!("{}:{}: {length} lines: {name}", file.path, at + 1));
            }
        }
    }
    problems
}

fn is_function(line: &str) -> bool {
    let mut words = line.trim_start().split(' ');
    let modifiers = ["async", "const", "unsafe", "extern", "default", "\"C\""];
    let first = words.find(|word| !word.starts_with("pub") && !modifiers.contains(word));
    first == Some("fn")
}

/// The lines between the braces of the function that begins with the first of these.
fn body_lines(lines: &[&str]) -> usize {
    let indent = lines[0].len() - lines[0].trim_start().len();
    let at_indent = |line: &str| line.len() - line.trim_start().len() == indent;
    let opens = lines.iter().position(|line| {
        at_indent(line) && (line.ends_with('{') || line.ends_with('}') || line.ends_with(';'))
    });
    let Some(open) = opens.filter(|open| lines[*open].ends_with('{')) else { return 0 };
    let body = &lines[open + 1..];
    body.iter().position(|line| at_indent(line) && line.trim() == "}").unwrap_or(body.len())
}

#[test]
fn a_file_fits_a_sitting() {
    assert_kept(
        sizes,
        &everything(),
        &[
            ("src/a.rs", &"//\n".repeat(501)),
            ("tests/it/a/b.rs", &"//\n".repeat(501)),
            ("migrations/1.sql", &"--\n".repeat(501)),
        ],
    );
    assert!(sizes(&[File::new("src/a.rs", &"//\n".repeat(500))]).is_empty());
}

fn sizes(files: &[File]) -> Vec<String> {
    files
        .iter()
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(file, lines)| format!("{} has {lines} lines", file.path))
        .collect()
}
