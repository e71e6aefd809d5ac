//! Source files as the rules read them: token by token, so that what a comment says
//! counts for nothing and what a macro is given counts in full.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Ident, Lifetime, Lit,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    token::{Brace, Bracket, Paren},
};

/// A file and its place below the repository's root.
pub struct File {
    pub path: String,
    pub text: String,
    pub tokens: Vec<Token>,
}

/// One token. Comments and documentation are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A name or keyword.
    Word(String),
    /// A text literal's value.
    Text(String),
    /// One character of punctuation.
    Mark(char),
    /// The beginning of a group.
    Open(char),
    /// Its end.
    Close,
    /// Anything else: numbers, characters, lifetimes.
    Other,
}

impl File {
    /// A file as it would be.
    pub fn new(path: &str, text: &str) -> Self {
        let mut file = Self { path: path.to_owned(), text: text.to_owned(), tokens: Vec::new() };
        if file.is("rs") {
            file.tokens = tokens(path, text);
        }
        file
    }

    /// Whether its name ends so.
    pub fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|own| own == extension)
    }

    /// The crate's own module at the top that it belongs to.
    pub fn module(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
    }

    /// Every path that is written out; `a::{b, c::d}` is two.
    pub fn paths(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            at = read_path(&self.tokens, at, &[], &mut found);
        }
        let depth = self.depth();
        found.into_iter().map(|path| from_the_root(path, depth)).collect()
    }

    /// Its text literals.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| {
            if let Token::Text(text) = token { Some(text.as_str()) } else { None }
        })
    }

    /// Its names and keywords.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| {
            if let Token::Word(word) = token { Some(word.as_str()) } else { None }
        })
    }

    /// How many modules below the root of the crate its own items lie.
    fn depth(&self) -> usize {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let own = usize::from(!["mod.rs", "lib.rs", "main.rs"].iter().any(|n| below.ends_with(n)));
        below.matches('/').count() + own
    }
}

/// The files below a folder of the repository whose names end so, in order.
pub fn files(folder: &str, end: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join(folder), end, &mut paths);
    paths.sort();
    let file = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        File::new(path.strip_prefix(root).unwrap().to_str().unwrap(), &text)
    };
    paths.into_iter().map(file).collect()
}

/// One file of the repository.
pub fn file(path: &str) -> File {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    File::new(path, &fs::read_to_string(whole).unwrap())
}

fn collect(folder: &Path, end: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, end, into);
        } else if path.to_string_lossy().ends_with(end) {
            into.push(path);
        }
    }
}

fn tokens(path: &str, text: &str) -> Vec<Token> {
    let read_all = |input: ParseStream<'_>| {
        let mut tokens = Vec::new();
        read(input, &mut tokens)?;
        Ok(tokens)
    };
    read_all.parse_str(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"))
}

fn read(input: ParseStream<'_>, into: &mut Vec<Token>) -> syn::Result<()> {
    while !input.is_empty() {
        let inside;
        if input.peek(Brace) {
            syn::braced!(inside in input);
            read_group('{', &inside, into)?;
        } else if input.peek(Paren) {
            syn::parenthesized!(inside in input);
            read_group('(', &inside, into)?;
        } else if input.peek(Bracket) {
            syn::bracketed!(inside in input);
            read_group('[', &inside, into)?;
        } else if input.peek(Lifetime) {
            input.parse::<Lifetime>()?;
            into.push(Token::Other);
        } else if input.peek(Ident::peek_any) {
            into.push(Token::Word(Ident::parse_any(input)?.unraw().to_string()));
        } else if input.peek(Lit) {
            let literal = input.parse::<Lit>()?;
            into.push(if let (Lit::Str(text), false) = (literal, is_documentation(into)) {
                Token::Text(text.value())
            } else {
                Token::Other
            });
        } else {
            into.push(Token::Mark(mark(input)?));
        }
    }
    Ok(())
}

fn read_group(open: char, inside: ParseStream<'_>, into: &mut Vec<Token>) -> syn::Result<()> {
    into.push(Token::Open(open));
    read(inside, into)?;
    into.push(Token::Close);
    Ok(())
}

fn mark(input: ParseStream<'_>) -> syn::Result<char> {
    input.step(|cursor| {
        let (mark, rest) = cursor.punct().ok_or_else(|| cursor.error("an unknown token"))?;
        Ok((mark.as_char(), rest))
    })
}

/// A comment for readers arrives as `#[doc = "…"]`.
fn is_documentation(before: &[Token]) -> bool {
    matches!(before, [.., Token::Word(doc), Token::Mark('=')] if doc == "doc")
}

/// Reads what begins at a token; answers where to go on.
fn read_path(
    tokens: &[Token],
    at: usize,
    prefix: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let Token::Word(word) = &tokens[at] else { return at + 1 };
    let mut path = prefix.to_vec();
    path.push(word.clone());
    let mut at = at + 1;
    while is_joint(tokens, at) {
        match tokens.get(at + 2) {
            Some(Token::Word(word)) => path.push(word.clone()),
            Some(Token::Open('{')) => return read_tree(tokens, at + 3, &path, found),
            Some(Token::Mark('*')) => path.push("*".to_owned()),
            _ => break,
        }
        at += 3;
    }
    found.push(path);
    // `a::b as c` is `a::b`.
    if matches!(tokens.get(at), Some(Token::Word(word)) if word == "as") { at + 2 } else { at }
}

/// The branches of a `use`, up to the end of their group.
fn read_tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    while tokens[at] != Token::Close {
        if tokens[at] == Token::Mark('*') {
            found.push([prefix, &["*".to_owned()]].concat());
        }
        at = read_path(tokens, at, prefix, found);
    }
    at + 1
}

fn is_joint(tokens: &[Token], at: usize) -> bool {
    tokens.get(at) == Some(&Token::Mark(':')) && tokens.get(at + 1) == Some(&Token::Mark(':'))
}

/// `super` as often as it takes to leave every module is the crate itself.
fn from_the_root(path: Vec<String>, depth: usize) -> Vec<String> {
    let up = path.iter().take_while(|part| *part == "super").count();
    if up == 0 || up < depth {
        return path;
    }
    [vec!["crate".to_owned()], path[up..].to_vec()].concat()
}

#[test]
fn tokens_are_read_as_they_are() {
    let source = "//! doc\n/// \"x\"\nuse a::{b, c::{self, d as e}, f::*}; // z::y\nr#\"t\"#";
    let file = File::new("src/a.rs", source);
    let paths: Vec<String> = file.paths().iter().map(|path| path.join("::")).collect();
    for expected in ["a::b", "a::c::self", "a::c::d", "a::f::*"] {
        assert!(paths.iter().any(|path| path == expected), "{expected} in {paths:?}");
    }
    assert!(!paths.iter().any(|path| path.contains("z::y")));
    assert_eq!(file.texts().collect::<Vec<_>>(), ["t"]);
    assert!(file.tokens.contains(&Token::Word("d".into())));
}
