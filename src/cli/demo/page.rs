//! What is printed, and the figures that are checked.

use std::{
    fmt::{Arguments, Display},
    io::Write as _,
    time::{Duration, Instant},
};

use crate::cli::Failure;

/// Prints a line under a step's heading, as `println!` would.
macro_rules! say {
    () => { $crate::cli::demo::page::indented(format_args!("")) };
    ($($words:tt)*) => { $crate::cli::demo::page::indented(format_args!($($words)*)) };
}

pub(super) use say;

/// The printed page: its steps, and what was checked on it.
pub(super) struct Page {
    started: Instant,
    steps: usize,
    checks: Vec<Check>,
}

/// A figure of an answer beside the one it must be.
struct Check {
    what: String,
    answered: String,
    expected: String,
}

impl Check {
    fn is_equal(&self) -> bool {
        self.answered == self.expected
    }

    /// Loud only where somebody must look.
    fn verdict(&self) -> &'static str {
        if self.is_equal() { "equal" } else { "DIFFERENT" }
    }
}

impl Page {
    /// An empty page; the time runs from here.
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), steps: 0, checks: Vec::new() }
    }

    /// Begins a step.
    pub(super) fn heading(&mut self, title: &str) {
        self.steps += 1;
        line(format_args!("\n{:>2}. {title}\n", self.steps));
    }

    /// Notes a figure beside the one it must be; the answer is the word to print.
    pub(super) fn check(
        &mut self,
        what: impl Into<String>,
        answered: impl Display,
        expected: impl Display,
    ) -> &'static str {
        let (answered, expected) = (answered.to_string(), expected.to_string());
        let check = Check { what: what.into(), answered, expected };
        let verdict = check.verdict();
        self.checks.push(check);
        verdict
    }

    /// Every checked figure once more. Fails by name if one is not what it must be.
    pub(super) fn summary(&self) -> Result<(), Failure> {
        line(format_args!(
            "\nEvery figure that was checked: as answered, and whether it is what it must be\n"
        ));
        let width = |of: fn(&Check) -> &String| {
            self.checks.iter().map(|check| of(check).chars().count()).max().unwrap_or(0)
        };
        let (what, answered) = (width(|check| &check.what), width(|check| &check.answered));
        for check in &self.checks {
            let verdict = check.verdict();
            say!("{:<what$}  {:>answered$}  {verdict}", check.what, check.answered);
        }
        let different: Vec<&Check> = self.checks.iter().filter(|c| !c.is_equal()).collect();
        let (all, equal) = (self.checks.len(), self.checks.len() - different.len());
        let seconds = seconds(self.started.elapsed());
        say!();
        say!("{equal} of {all} are equal. It took {seconds} in all.");
        if different.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = different
            .iter()
            .map(|c| format!("{}: {}, must be {}", c.what, c.answered, c.expected))
            .collect();
        Err(format!("the demonstration failed. {}", named.join("; ")).into())
    }
}

/// Prints a line under a step's heading.
pub(super) fn indented(words: Arguments<'_>) {
    line(format_args!("{}", format!("    {words}").trim_end()));
}

/// Prints a line. Whoever has closed the pipe has read what they wanted, and the exit code
/// still tells how it went.
pub(super) fn line(words: Arguments<'_>) {
    drop(writeln!(std::io::stdout(), "{words}"));
}

/// A time as `0.42 s`.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// A number with a comma before each three digits.
pub(super) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_fails_by_name() {
        let mut page = Page::new();
        assert_eq!(page.check("places", 842, 842), "equal");
        assert!(page.summary().is_ok());
        assert_eq!(page.check("waiting", 175, 176), "DIFFERENT");
        let failure = page.summary().expect_err("a difference").to_string();
        assert!(failure.contains("waiting: 175, must be 176"), "{failure}");
        assert!(!failure.contains("places"), "{failure}");
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let all = [(0, "0"), (999, "999"), (1000, "1,000"), (173_486, "173,486")];
        for (number, text) in all {
            assert_eq!(grouped(number), text);
        }
    }
}
