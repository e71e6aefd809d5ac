//! Which texts of a token an installation means, and what it reads in them.

use crate::domain::ids::{AreaId, MunicipalityNumber, OfficeNumber, OrganisationNumber};

/// What a pattern reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capture {
    /// A NAV office's number.
    Office,
    /// An allocation area, as `NO-50`.
    Region,
    /// A municipality's number.
    Municipality,
    /// An organisation number with its check digit.
    Organisation,
}

impl Capture {
    pub(super) const ALL: [Self; 4] =
        [Self::Office, Self::Region, Self::Municipality, Self::Organisation];

    /// How the file writes it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Office => "<office>",
            Self::Region => "<region>",
            Self::Municipality => "<municipality>",
            Self::Organisation => "<organisation>",
        }
    }

    /// Whether a text is one, whole.
    pub(super) fn is(self, text: &str) -> bool {
        match self {
            Self::Office => text.parse::<OfficeNumber>().is_ok(),
            Self::Region => text.parse::<AreaId>().is_ok(),
            Self::Municipality => text.parse::<MunicipalityNumber>().is_ok(),
            Self::Organisation => text.parse::<OrganisationNumber>().is_ok(),
        }
    }
}

/// A text as it stands, or a text with one thing to read in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// This text, byte for byte.
    Exactly(String),
    /// What stands between these two, and nothing else in the whole text.
    Around { before: String, capture: Capture, after: String },
}

impl Pattern {
    /// Reads one of the file.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some((before, rest)) = text.split_once('<') else {
            return Ok(Self::Exactly(text.to_owned()));
        };
        let Some((name, after)) = rest.split_once('>') else {
            return Err(format!("`{text}` has a `<` that no `>` ends"));
        };
        let word = format!("<{name}>");
        let Some(capture) = Capture::ALL.into_iter().find(|capture| capture.word() == word) else {
            let known = Capture::ALL.map(Capture::word).join(", ");
            return Err(format!("`{word}` in `{text}` is none of {known}"));
        };
        if after.contains(['<', '>']) || before.contains('>') {
            return Err(format!("`{text}` reads more than one thing; one is the most"));
        }
        Ok(Self::Around { before: before.to_owned(), capture, after: after.to_owned() })
    }

    /// What it reads, if anything.
    pub(super) fn capture(&self) -> Option<Capture> {
        match self {
            Self::Exactly(_) => None,
            Self::Around { capture, .. } => Some(*capture),
        }
    }

    /// Whether it would fit any text of that kind, since nothing stands around it.
    pub(super) fn is_bare(&self) -> bool {
        match self {
            Self::Exactly(_) => false,
            Self::Around { before, after, .. } => before.is_empty() && after.is_empty(),
        }
    }

    /// Whether a text fits, and what was read in it: nothing where the pattern reads nothing.
    pub(super) fn read<'t>(&self, text: &'t str) -> Option<Option<&'t str>> {
        match self {
            Self::Exactly(expected) => (text == expected).then_some(None),
            Self::Around { before, capture, after } => {
                let middle = text.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
                capture.is(middle).then_some(Some(middle))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_texts_only() {
        for (pattern, text, read) in [
            ("<office>-CA-tiltak", "5701-CA-tiltak", Some(Some("5701"))),
            ("<office>-CA-tiltak", "15701-CA-tiltak", None),
            ("<office>-CA-tiltak", "5701-CA-tiltakx", None),
            ("<office>-CA-tiltak", "x5701-CA-tiltak", None),
            ("<office>-CA-tiltak", "5701", None),
            ("<office>-CA-tiltak", "-CA-tiltak", None),
            ("<office>-CA-tiltak", "٥٧٠١-CA-tiltak", None),
            ("<office>-CA-tiltak", "5701-ca-tiltak", None),
            ("tiltak-<region>", "tiltak-NO-50", Some(Some("NO-50"))),
            ("tiltak-<region>", "tiltak-NO-", None),
            ("k<municipality>!", "k5001!", Some(Some("5001"))),
            ("<organisation>", "974760673", Some(Some("974760673"))),
            ("<organisation>", "974760674", None),
            ("<organisation>", "", None),
            ("0000-GA-x", "0000-GA-x", Some(None)),
            ("0000-GA-x", "0000-GA-X", None),
            // A text that begins and ends alike is not read twice.
            ("aa<office>aa", "aaa", None),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().read(text), read, "{pattern} {text}");
        }
        for wrong in ["<office", "<king>-CA", "<office><office>", "a>b<office>", "<>", "<<office>>"]
        {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
