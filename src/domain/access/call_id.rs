//! What a call is called, and why it is made.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::national_identity::NationalIdentityNumber;

/// The longest name of a call, in bytes.
pub const CALL_ID_MAX: usize = 64;

/// A call's name: the caller's own, by which its other systems log the same work, or one that
/// was made here. It stands in the access log, in our own log and in the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallId(Arc<str>);

impl CallId {
    /// The caller's name for a call, where it can be logged as it is: a plain token, and nobody's
    /// identity number.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
        let is_token = (1..=CALL_ID_MAX).contains(&text.len()) && text.bytes().all(plain);
        (is_token && !names_somebody(text)).then(|| Self(text.into()))
    }

    /// A name made here.
    pub fn new(id: Uuid) -> Self {
        Self(id.to_string().into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether digits on end are an identity number, or all digits of a name without letters.
fn names_somebody(text: &str) -> bool {
    let is_number = |digits: &str| NationalIdentityNumber::parse(digits).is_ok();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let has_letters = text.bytes().any(|b| b.is_ascii_alphabetic());
    text.split(|c: char| !c.is_ascii_digit()).any(is_number) || (!has_letters && is_number(&digits))
}

/// Why a call is made, as its caller says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// For what (formål); empty where nothing is said.
    pub purpose: String,
    /// For which case in the case system (saksreferanse); empty where none is named.
    pub case_reference: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_token_is_a_name_and_nothing_else_is() {
        let longest = "x".repeat(CALL_ID_MAX);
        for text in ["a", "0198c0de-0000-7000-8000-000000000001", "CallId_17:2.3", &longest] {
            assert_eq!(CallId::parse(text).unwrap().as_str(), text);
        }
        let too_long = "x".repeat(CALL_ID_MAX + 1);
        let somebody = ["01010750160", "call-01010750160", "010107-50160"];
        for text in ["", "a b", "a\nb", "æ", "a=b", "a|b", &too_long].into_iter().chain(somebody) {
            assert_eq!(CallId::parse(text), None, "{text}");
        }
    }
}
