//! Why somebody got a place, did not, or waits: structured answers, made from the ledger,
//! and the words that follow from them. Nobody else is named.
//!
//! The words are for people: no sentence has twenty words unless long names take them, and
//! none has a code. What an auditor needs, rule versions and log rows, is in the structure.

mod affected;
mod decision;
mod decision_text;
mod ended;
mod increase;
mod language;
mod position;
mod reasons;
mod redirection;
mod runs;
mod sentences;
mod standing;
mod wait;

pub use affected::{AFFECTED_MAX, Affected, AffectedRun, Search};
pub use decision::{
    ByRules, Confirmation, Explanation, Ineligible, Occasion, Others, Outcome, Row, SaidNo,
    SaidNos, explain, gives_places, organisation_name,
};
pub use decision_text::paragraphs;
pub use language::Language;
pub use position::{
    Holding, LastDay, Now, PositionExplanation, explain_position, position_paragraphs,
};
pub use redirection::{
    Divisor, RedirectionExplanation, RedirectionStep, divisor, explain_redirections,
    redirection_paragraphs,
};
pub use standing::{Free, FreePlaceGroup, Names, Position, Site, Standing};
pub use wait::{WaitExplanation, no_wait_summary, wait_paragraphs, wait_summary};

/// The most words a sentence has, where names are no longer than most are.
pub const SENTENCE_WORDS_MAX: usize = 19;
