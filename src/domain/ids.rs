//! Names of things. Each is a type of its own, so that a municipality is never
//! passed where an office is meant, and each is checked once, where it is made.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{calendar::Timestamp, national_identity::organisation_number_is_valid};

/// A value that does not have the form its type asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be {expected}")]
pub struct Malformed {
    /// What was expected, in words that end a sentence.
    pub expected: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Malformed { expected: $expected })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// An allocation area (tildelingsområde), for example `NO-50`.
    AreaId,
    "`NO-` and two to four capital letters or digits, for example `NO-50`",
    |s| s.strip_prefix("NO-").is_some_and(|rest| (2..=4).contains(&rest.len())
        && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
);
text_id!(
    /// A measure type (tiltakstype), for example `VTA`.
    MeasureCode,
    "2 to 16 capital letters or digits, for example `VTA`, and not `REGISTRY`",
    |s| (2..=16).contains(&s.len())
        && s != REGISTRY_CODE
        && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
);
text_id!(
    /// A municipality number (kommunenummer).
    MunicipalityNumber,
    "four digits",
    four_digits
);
text_id!(
    /// A NAV office number (enhetsnummer).
    OfficeNumber,
    "four digits",
    four_digits
);
text_id!(
    /// An organisation number (organisasjonsnummer). Fictional ones, as test systems
    /// use, are taken: their check digit must hold too.
    OrganisationNumber,
    "nine digits with a valid check digit",
    |s| organisation_number_is_valid(s, true)
);
text_id!(
    /// The code of a priority class (prioritet).
    PriorityCode,
    "1 to 32 capital letters, digits or underscores",
    |s| (1..=32).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
);

fn four_digits(s: &str) -> bool {
    s.len() == 4 && s.bytes().all(|b| b.is_ascii_digit())
}

/// The area of the registry's own ledger.
pub const REGISTRY_AREA: &str = "NO";
/// The measure code of the registry's own ledger.
pub const REGISTRY_CODE: &str = "REGISTRY";

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// A person, by a random name that means nothing elsewhere.
    PersonId
);
uuid_id!(
    /// A waitlist entry (ventelisteoppføring).
    EntryId
);
uuid_id!(
    /// A proposal, and the offer it becomes (forslag, tilbud).
    OfferId
);
uuid_id!(
    /// A placement (deltakelse).
    PlacementId
);
uuid_id!(
    /// A place group (gjennomføring).
    PlaceGroupId
);
uuid_id!(
    /// A provider's submission of capacity.
    SubmissionId
);
uuid_id!(
    /// A proposed change of how far a ledger's rules bind.
    EnforcementChangeId
);
uuid_id!(
    /// A loan of a quota (utlån).
    LoanId
);
uuid_id!(
    /// A record of access across employers.
    AccessGrantId
);
uuid_id!(
    /// A redistribution plan (omfordelingsplan).
    PlanId
);
uuid_id!(
    /// A link of one of the staff to a person.
    StaffLinkId
);
uuid_id!(
    /// The name a client gives one call; a retry has the same.
    RequestId
);

/// One measure type in one allocation area.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LedgerId {
    /// The area.
    pub county_id: AreaId,
    /// The measure type.
    pub measure_code: MeasureCode,
}

impl LedgerId {
    /// The registry's own ledger.
    pub fn registry() -> Self {
        Self {
            county_id: AreaId(REGISTRY_AREA.to_owned()),
            measure_code: MeasureCode(REGISTRY_CODE.to_owned()),
        }
    }

    /// From the two texts of a ledger, the registry's own among them. Only what the
    /// database keeps and the change feed names is read so: elsewhere nobody may name
    /// the registry's ledger, and the two types refuse its texts.
    pub fn from_texts(county_id: &str, measure_code: &str) -> Result<Self, Malformed> {
        if county_id == REGISTRY_AREA && measure_code == REGISTRY_CODE {
            return Ok(Self::registry());
        }
        Ok(Self { county_id: county_id.parse()?, measure_code: measure_code.parse()? })
    }

    /// Whether this is the registry's own ledger.
    pub fn is_registry(&self) -> bool {
        self.county_id.as_str() == REGISTRY_AREA
    }
}

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.county_id, self.measure_code)
    }
}

/// A name of a resource in another system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExternalReference {
    /// The other system.
    pub system: String,
    /// The id there.
    pub id: String,
}

/// External references and what they name.
pub type References = BTreeMap<ExternalReference, Uuid>;

/// Makes the ids of one command. They follow from a seed that is recorded with the
/// command, so a decision recomputes to the same ids.
#[derive(Debug, Clone)]
pub struct IdSource {
    seed: [u8; 16],
    at: Timestamp,
    made: u32,
}

impl IdSource {
    /// A source for one command that is decided at `at`.
    pub fn new(seed: [u8; 16], at: Timestamp) -> Self {
        Self { seed, at, made: 0 }
    }

    /// The next id: a version 7 UUID, its time the ledger's and its random part a
    /// digest of seed and count.
    pub fn next_id(&mut self) -> Uuid {
        let digest =
            Sha256::new().chain_update(self.seed).chain_update(self.made.to_be_bytes()).finalize();
        self.made += 1;
        let mut random = [0_u8; 10];
        random.copy_from_slice(&digest[..10]);
        let millis = u64::try_from(self.at.micros() / 1000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_form_and_no_other() {
        assert!("NO-50".parse::<AreaId>().is_ok());
        assert!(LedgerId::from_texts("NO", "REGISTRY").unwrap().is_registry());
        assert!("REGISTRY".parse::<MeasureCode>().is_err());
        for bad in ["", "NO", "50", "NO-", "NO-5", "no-50", "NO-50 ", "NO-12345"] {
            assert!(bad.parse::<AreaId>().is_err(), "{bad}");
        }
        assert!("1601".parse::<MunicipalityNumber>().is_ok());
        assert!("16010".parse::<MunicipalityNumber>().is_err());
        assert!("VTA".parse::<MeasureCode>().is_ok());
        assert!("vta".parse::<MeasureCode>().is_err());
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let at = Timestamp::from_micros(1_300_000_000_000_000);
        let (mut a, mut b) = (IdSource::new([7; 16], at), IdSource::new([7; 16], at));
        let first = a.next_id();
        assert_eq!(first, b.next_id());
        assert_ne!(first, a.next_id());
        assert_eq!(first.get_version_num(), 7);
        assert_ne!(first, IdSource::new([8; 16], at).next_id());
    }
}
