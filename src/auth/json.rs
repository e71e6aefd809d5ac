//! The claims of a token as they stand, read once and strictly.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::token::RejectionReason;

/// Claims that no name has twice, at any depth: of two, one reader takes the first and another
/// the last, and a token must not say different things to different readers.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the JSON of a token's second part.
    pub(super) fn parse(json: &[u8]) -> Result<Self, RejectionReason> {
        match serde_json::from_slice(json) {
            Ok(Strict(Value::Object(members))) => Ok(Self(members)),
            Ok(_) | Err(_) => Err(RejectionReason::Malformed),
        }
    }

    /// A claim, whatever it is.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A claim that is a text where it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, RejectionReason> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(RejectionReason::Claims),
        }
    }

    /// A claim that must be there and be a text.
    pub(super) fn required(&self, name: &str) -> Result<&str, RejectionReason> {
        self.text(name)?.ok_or(RejectionReason::Claims)
    }

    /// A claim that is a whole number where it is there.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, RejectionReason> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or(RejectionReason::Malformed),
        }
    }

    /// The texts of a claim: one, or a list of them. What is not a text counts as not there.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        match self.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The words of a claim that separates them by spaces.
    pub(super) fn words(&self, name: &str) -> Vec<&str> {
        self.get(name).and_then(Value::as_str).unwrap_or_default().split(' ').collect()
    }
}

/// JSON in which no name stands twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = elements.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice_at_any_depth() {
        assert!(Claims::parse(br#"{"a": 1, "b": {"a": [1, -2, 0.5, null, true, "x"]}}"#).is_ok());
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": {"b": 1, "b": 2}}"#,
            r#"{"a": [{"b": 1, "b": 2}]}"#,
            "[]",
            "1",
            "",
            "{",
            "{} {}",
        ] {
            assert!(Claims::parse(text.as_bytes()).is_err(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(4_000), "]".repeat(4_000));
        assert!(Claims::parse(format!("{{\"a\":{deep}}}").as_bytes()).is_err());
    }
}
