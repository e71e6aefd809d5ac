//! From the wire's words to the domain's. Every violation of a request is found, not
//! only the first; every list and text has a bound with a name.

use std::{collections::BTreeSet, str::FromStr};

use time::{Date, Month, OffsetDateTime};
use uuid::Uuid;

pub(super) mod access;
pub(super) mod adviser;
pub(super) mod allocation;
pub(super) mod audit;
pub(super) mod capacity;
pub(super) mod correction;
pub(super) mod enforcement;
pub(super) mod entry;
pub(super) mod existing;
pub(super) mod fair_share;
pub(super) mod identity;
pub(super) mod join;
pub(super) mod lending;
pub(super) mod measure;
pub(super) mod offer;
pub(super) mod placement;
pub(super) mod plan;
pub(super) mod progress;
pub(super) mod purpose;
pub(super) mod quota_move;
pub(super) mod registry;
pub(super) mod report;
pub(super) mod shares;
pub(super) mod simulation;
pub(super) mod staff;
pub(super) mod transfer;
pub(super) mod waitlist;

use crate::{
    domain::{
        calendar::Timestamp,
        capacity::PlacesInPeriod,
        ids::{ExternalReference, LedgerId, Malformed, PlaceGroupId, RequestId},
        national_identity::NationalIdentityNumber,
    },
    error::{Error, Violation},
    proto::{google::r#type::Date as PbDate, v1 as pb},
};

/// The most place groups or work fields an entry may name.
pub(super) const PREFERENCES_MAX: usize = 20;
/// The most external references a resource may have.
pub(super) const REFERENCES_MAX: usize = 10;
/// The longest name of a thing, in characters.
pub(super) const NAME_MAX: usize = 100;
/// The longest free text, in characters.
pub(super) const TEXT_MAX: usize = 500;
/// The longest source, in characters.
pub(super) const SOURCE_MAX: usize = 200;
/// The longest reference to something elsewhere, in characters.
pub(super) const REFERENCE_MAX: usize = 128;
/// The longest name of a system or a case worker, in characters.
pub(super) const SYSTEM_MAX: usize = 64;

/// What is wrong with a request.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<Violation>);

impl Violations {
    /// Notes what a field must be.
    pub(super) fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(Violation { field: field.into(), description: description.into() });
    }

    /// Takes over what is wrong with a part of the request.
    pub(super) fn of_part(&mut self, part: &str, violations: Self) {
        let of_part = violations.0.into_iter().map(|Violation { field, description }| Violation {
            field: format!("{part}.{field}"),
            description,
        });
        self.0.extend(of_part);
    }

    /// The value, if nothing was wrong. `None` always comes with a violation.
    pub(super) fn finish<T>(self, parsed: Option<T>) -> Result<T, Error> {
        match parsed {
            Some(parsed) if self.0.is_empty() => Ok(parsed),
            _ => Err(Error::InvalidFields(self.0)),
        }
    }

    /// Requires that a list is not longer than it may be.
    pub(super) fn at_most(&mut self, field: &str, length: usize, most: usize) {
        if length > most {
            self.add(field, format!("has {length} items; the most is {most}"));
        }
    }

    /// Requires a number within bounds.
    pub(super) fn within<T: PartialOrd + Copy + std::fmt::Display>(
        &mut self,
        field: &str,
        value: T,
        least: T,
        most: T,
    ) -> Option<T> {
        if value < least || value > most {
            self.add(field, format!("is {value}; must be {least} to {most}"));
            return None;
        }
        Some(value)
    }

    /// A value of a type that checks its own form.
    pub(super) fn value<T: FromStr<Err = Malformed>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<T> {
        if text.is_empty() {
            self.add(field, "is required");
            return None;
        }
        if holds_identity_number(text) {
            self.add(field, "must not have a national identity number");
            return None;
        }
        match text.parse() {
            Ok(value) => Some(value),
            Err(Malformed { expected }) => {
                self.add(field, format!("must be {expected}"));
                None
            }
        }
    }

    /// The same, where nothing is a value too.
    pub(super) fn optional_value<T: FromStr<Err = Malformed>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { self.value(field, text).map(Some) }
    }

    /// A UUID.
    pub(super) fn uuid(&mut self, field: &str, text: &str) -> Option<Uuid> {
        if text.is_empty() {
            self.add(field, "is required");
            return None;
        }
        let parsed = Uuid::try_parse(text).ok().filter(|id| !id.is_nil() && text.len() == 36);
        if parsed.is_none() {
            self.add(field, "must be a UUID, for example 0198c0de-0000-7000-8000-000000000001");
        }
        parsed
    }

    /// The same, where nothing is a value too.
    pub(super) fn optional_uuid(&mut self, field: &str, text: &str) -> Option<Option<Uuid>> {
        if text.is_empty() { Some(None) } else { self.uuid(field, text).map(Some) }
    }

    /// The client's name for a call.
    pub(super) fn request_id(&mut self, text: &str) -> Option<RequestId> {
        let id = self.uuid("request_id", text)?;
        if id.get_version_num() == 8 {
            self.add("request_id", "must be a UUID of another version than 8");
            return None;
        }
        Some(RequestId(id))
    }

    /// UUIDs without repeats.
    pub(super) fn uuids(
        &mut self,
        field: &str,
        texts: &[String],
        most: usize,
    ) -> Option<Vec<Uuid>> {
        self.at_most(field, texts.len(), most);
        let mut seen = BTreeSet::new();
        let mut ids = Vec::with_capacity(texts.len().min(most));
        for (index, text) in texts.iter().take(most).enumerate() {
            let id = self.uuid(&format!("{field}[{index}]"), text)?;
            if !seen.insert(id) {
                self.add(format!("{field}[{index}]"), "stands twice");
                return None;
            }
            ids.push(id);
        }
        Some(ids)
    }

    /// Place groups.
    pub(super) fn place_groups(
        &mut self,
        field: &str,
        texts: &[String],
        most: usize,
    ) -> Option<Vec<PlaceGroupId>> {
        let ids = self.uuids(field, texts, most)?;
        Some(ids.into_iter().map(PlaceGroupId).collect())
    }

    /// A ledger. The registry's own is not one a client may name.
    pub(super) fn ledger(&mut self, ledger: Option<&pb::Ledger>) -> Option<LedgerId> {
        let Some(ledger) = ledger else {
            self.add("ledger", "is required");
            return None;
        };
        let county_id = self.value("ledger.county_id", &ledger.county_id);
        let measure_code = self.value("ledger.measure_code", &ledger.measure_code);
        Some(LedgerId { county_id: county_id?, measure_code: measure_code? })
    }

    /// A ledger whose changes are read: the registry's own has some too.
    pub(super) fn ledger_or_registry(&mut self, ledger: Option<&pb::Ledger>) -> Option<LedgerId> {
        let named = ledger.map(|l| LedgerId::from_texts(&l.county_id, &l.measure_code));
        match named {
            Some(Ok(id)) if id.is_registry() => Some(id),
            _ => self.ledger(ledger),
        }
    }

    /// A text within its bound, without characters that hide or reorder others. Names, sources and
    /// references, which are shorter than what is told in words, are one line.
    pub(super) fn text(&mut self, field: &str, text: &str, most: usize) -> Option<String> {
        // As Windows and the forms of web pages end their lines.
        let text = &text.replace("\r\n", "\n");
        let length = text.chars().count();
        if length > most {
            self.add(field, format!("has {length} characters; the most is {most}"));
            return None;
        }
        if holds_identity_number(text) {
            self.add(field, "must not have a national identity number");
            return None;
        }
        if text.chars().any(is_treacherous) {
            self.add(field, "must not have control or direction-changing characters");
            return None;
        }
        let text = if text.chars().all(is_unseen) { "" } else { text.trim() };
        if most < TEXT_MAX && text.contains(['\n', '\t', '\u{2028}', '\u{2029}']) {
            self.add(field, "must be one line");
            return None;
        }
        Some(text.to_owned())
    }

    /// The same, where an empty text is none.
    pub(super) fn optional_text(
        &mut self,
        field: &str,
        text: &str,
        most: usize,
    ) -> Option<Option<String>> {
        let text = self.text(field, text, most)?;
        Some(if text.is_empty() { None } else { Some(text) })
    }

    /// The same, where an empty text is a violation.
    pub(super) fn required_text(&mut self, field: &str, text: &str, most: usize) -> Option<String> {
        let text = self.optional_text(field, text, most)?;
        if text.is_none() {
            self.add(field, "is required");
        }
        text
    }

    /// Short texts without repeats.
    pub(super) fn texts(
        &mut self,
        field: &str,
        texts: &[String],
        most: usize,
    ) -> Option<Vec<String>> {
        self.at_most(field, texts.len(), most);
        let mut found = Vec::with_capacity(texts.len().min(most));
        for (index, text) in texts.iter().take(most).enumerate() {
            let text = self.required_text(&format!("{field}[{index}]"), text, NAME_MAX)?;
            if found.contains(&text) {
                self.add(format!("{field}[{index}]"), "stands twice");
                return None;
            }
            found.push(text);
        }
        Some(found)
    }

    /// A date between 1900 and 2200.
    pub(super) fn date(&mut self, field: &str, date: Option<&PbDate>) -> Option<Date> {
        let Some(date) = date else {
            self.add(field, "is required");
            return None;
        };
        let parsed = (1900..=2200).contains(&date.year).then(|| {
            let month = Month::try_from(u8::try_from(date.month).ok()?).ok()?;
            Date::from_calendar_date(date.year, month, u8::try_from(date.day).ok()?).ok()
        });
        if let Some(Some(date)) = parsed {
            return Some(date);
        }
        self.add(field, "must be a whole date from 1900 to 2200");
        None
    }

    /// The same, where nothing is a value too.
    pub(super) fn optional_date(
        &mut self,
        field: &str,
        date: Option<&PbDate>,
    ) -> Option<Option<Date>> {
        if date.is_none() { Some(None) } else { self.date(field, date).map(Some) }
    }

    /// An instant between 1900 and 2200, or nothing.
    pub(super) fn optional_time(
        &mut self,
        field: &str,
        time: Option<&prost_types::Timestamp>,
    ) -> Option<Option<Timestamp>> {
        let Some(time) = time else { return Some(None) };
        let at = u32::try_from(time.nanos)
            .ok()
            .filter(|nanos| *nanos < 1_000_000_000)
            .and_then(|_| OffsetDateTime::from_unix_timestamp(time.seconds).ok())
            .filter(|at| (1900..=2200).contains(&at.year()));
        match at {
            Some(at) => {
                let nanos = time::Duration::nanoseconds(i64::from(time.nanos));
                Some(Some(Timestamp::from_datetime(at + nanos)))
            }
            None => {
                self.add(field, "must be a time from 1900 to 2200");
                None
            }
        }
    }

    /// A half-open period with a number of places.
    pub(super) fn places(
        &mut self,
        places: u32,
        most: u32,
        from: Option<&PbDate>,
        to: Option<&PbDate>,
    ) -> Option<PlacesInPeriod> {
        let places = self.within("places", places, 0, most);
        let valid_from = self.date("valid_from_date", from);
        let valid_to = self.optional_date("valid_to_date", to);
        let (places, valid_from, valid_to) = (places?, valid_from?, valid_to?);
        if valid_to.is_some_and(|to| to <= valid_from) {
            self.add("valid_to_date", "must be after valid_from_date");
            return None;
        }
        Some(PlacesInPeriod { places, valid_from, valid_to })
    }

    /// Names in other systems.
    pub(super) fn references(
        &mut self,
        field: &str,
        references: &[pb::ExternalReference],
    ) -> Option<Vec<ExternalReference>> {
        self.at_most(field, references.len(), REFERENCES_MAX);
        let mut found: Vec<ExternalReference> = Vec::new();
        for (index, reference) in references.iter().take(REFERENCES_MAX).enumerate() {
            let name = |part| format!("{field}[{index}].{part}");
            let system = self.required_text(&name("system"), &reference.system, SYSTEM_MAX);
            let id = self.required_text(&name("id"), &reference.id, REFERENCE_MAX);
            let reference = ExternalReference { system: system?, id: id? };
            if found.contains(&reference) {
                self.add(format!("{field}[{index}]"), "stands twice");
                return None;
            }
            found.push(reference);
        }
        Some(found)
    }

    /// A case in the case system.
    pub(super) fn case(&mut self, text: &str) -> Option<Option<String>> {
        self.optional_text("case_reference", text, REFERENCE_MAX)
    }

    /// An enum value that must be one of ours. The unspecified one is none.
    pub(super) fn choice<E: TryFrom<i32> + Default + PartialEq>(
        &mut self,
        field: &str,
        value: i32,
    ) -> Option<E> {
        let chosen = E::try_from(value).ok().filter(|chosen| *chosen != E::default());
        if chosen.is_none() {
            self.add(field, "must be one of the enum's values, other than UNSPECIFIED");
        }
        chosen
    }

    /// An enum value where unspecified is a value too.
    pub(super) fn optional_choice<E: TryFrom<i32>>(
        &mut self,
        field: &str,
        value: i32,
    ) -> Option<E> {
        let chosen = E::try_from(value).ok();
        if chosen.is_none() {
            self.add(field, "must be one of the enum's values");
        }
        chosen
    }
}

/// The most characters between two groups of digits of one number.
const BETWEEN_DIGITS: usize = 2;

/// Whether somebody is named by number: such a text would be stored, logged or repeated
/// in the clear. The number is found as one word, and in groups of digits with a space or a
/// stop between them, as people write it.
fn holds_identity_number(text: &str) -> bool {
    let mut groups: Vec<(String, usize)> = Vec::new();
    let mut apart = usize::MAX;
    for c in text.chars() {
        match digit(c) {
            Some(digit) if apart == 0 && !groups.is_empty() => {
                groups.last_mut().into_iter().for_each(|(group, _)| group.push(digit));
            }
            Some(digit) => {
                groups.push((digit.to_string(), apart));
                apart = 0;
            }
            // A letter ends what came before it for good.
            None if c.is_alphanumeric() => apart = usize::MAX,
            None => apart = apart.saturating_add(1),
        }
    }
    (0..groups.len()).any(|first| {
        let mut digits = String::new();
        for (index, (group, apart)) in groups[first..].iter().enumerate() {
            if (index > 0 && *apart > BETWEEN_DIGITS) || digits.len() + group.len() > 11 {
                return false;
            }
            digits.push_str(group);
            if NationalIdentityNumber::parse(&digits).is_ok() {
                return true;
            }
        }
        false
    })
}

/// A digit, also one of the full width that some keyboards write.
fn digit(c: char) -> Option<char> {
    let wide = u32::from(c).checked_sub(u32::from('\u{ff10}'));
    let ascii = wide.filter(|value| *value < 10).and_then(|value| char::from_digit(value, 10));
    ascii.or_else(|| c.is_ascii_digit().then_some(c))
}

/// What leaves no mark: a text of nothing else is empty.
fn is_unseen(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Control characters, and those that change the direction of what follows: they make
/// a text look like another.
fn is_treacherous(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
