//! What stands in the system before this one (det gamle systemet, Arena), as it comes in on a
//! cut-over date: rows, how Arena's words are read, and what rows must sum to.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    calendar::Timestamp,
    ids::{
        EntryId, ExternalReference, MunicipalityNumber, OfficeNumber, OrganisationNumber, PersonId,
        PlaceGroupId, PriorityCode,
    },
    waitlist::{Adviser, Sealed},
};

/// What exists on a cut-over date, to come in as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportExisting {
    /// Where it comes from.
    pub source: String,
    /// The day as of whose end the rows tell.
    pub cut_over_date: Date,
    /// The rows, each at its place in the stream.
    pub rows: Vec<Row>,
    /// What they must sum to.
    pub control_totals: Vec<ControlTotal>,
    /// Whether sums that differ are told and not refused. Only what refuses is ever logged.
    #[serde(skip)]
    pub is_preview: bool,
}

/// One row of the old system. It is a draft until the writer has found who it is about and
/// whether it came in before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Row {
    /// It comes in.
    New(Box<Existing>),
    /// It came in before, with the same content.
    Unchanged(Unchanged),
    /// It does not come in.
    LeftOut {
        /// Its id in the old system.
        reference: ExternalReference,
        /// Why.
        reason: LeftOutReason,
    },
    /// What the writer found wrong with it. Such a row refuses the import, so no log has one.
    #[serde(skip)]
    Bad(String),
}

impl Row {
    /// Its id in the old system, where it comes in or has come in.
    pub fn reference(&self) -> Option<&ExternalReference> {
        match self {
            Self::New(row) => Some(&row.reference),
            Self::Unchanged(row) => Some(&row.reference),
            Self::LeftOut { .. } | Self::Bad(_) => None,
        }
    }
}

/// One person as the old system has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Existing {
    /// Its id in the old system.
    pub reference: ExternalReference,
    /// The person, by random name.
    pub person_id: PersonId,
    /// The entitled municipality.
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up.
    pub following_office_number: OfficeNumber,
    /// When the person was registered.
    pub registered_time: Timestamp,
    /// The share of a place, 1-100.
    pub participation_percent: u32,
    /// Acceptable place groups, the most wanted first.
    pub preferred_place_groups: Vec<GroupName>,
    /// Acceptable work fields.
    pub work_fields: Vec<String>,
    /// The priority class.
    pub priority_class: Option<PriorityCode>,
    /// Why that class.
    pub grounds: Option<Sealed>,
    /// The case worker.
    pub adviser: Option<Adviser>,
    /// What else the old system says of the person, with a digest of the whole row.
    pub original: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
    /// How the person stands.
    pub standing: Standing,
}

/// A row that came in before: the entry it became, and what it counts as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchanged {
    /// The entry.
    pub entry_id: EntryId,
    /// Its id in the old system.
    pub reference: ExternalReference,
    /// The group it counts with.
    pub place_group: Option<GroupName>,
    /// The entitled municipality.
    pub municipality_number: MunicipalityNumber,
    /// How the person stood.
    pub state: State,
    /// The share of a place.
    pub participation_percent: u32,
}

/// A place group by its id, or by its name in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GroupName {
    /// By id.
    Id(PlaceGroupId),
    /// By name.
    Reference(ExternalReference),
}

/// How a person stands, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Standing {
    /// Waiting.
    Waiting,
    /// Waiting, and not yet assessed.
    NotYetAssessed,
    /// Has an offer.
    Offered {
        /// Where.
        place_group: GroupName,
        /// When it was made.
        offered_time: Timestamp,
        /// It expires then.
        answer_by: Timestamp,
    },
    /// Has said yes.
    Accepted {
        /// Where.
        place_group: GroupName,
        /// When.
        accepted_time: Timestamp,
    },
    /// Uses a place.
    Placed {
        /// Where.
        place_group: GroupName,
        /// The first day.
        start_date: Date,
        /// When it is planned to end.
        planned_end_date: Option<Date>,
    },
}

impl Standing {
    /// The word for it.
    pub fn state(&self) -> State {
        match self {
            Self::Waiting => State::Waiting,
            Self::NotYetAssessed => State::NotYetAssessed,
            Self::Offered { .. } => State::Offered,
            Self::Accepted { .. } => State::Accepted,
            Self::Placed { .. } => State::Placed,
        }
    }

    /// Where a place is held or used.
    pub fn place_group(&self) -> Option<&GroupName> {
        match self {
            Self::Waiting | Self::NotYetAssessed => None,
            Self::Offered { place_group, .. }
            | Self::Accepted { place_group, .. }
            | Self::Placed { place_group, .. } => Some(place_group),
        }
    }
}

impl Existing {
    /// The group it counts with: where a place is held or used, or else the most wanted one.
    pub fn counts_with(&self) -> Option<&GroupName> {
        self.standing.place_group().or_else(|| self.preferred_place_groups.first())
    }

    /// Every group it names.
    pub fn groups(&self) -> impl Iterator<Item = &GroupName> {
        self.preferred_place_groups.iter().chain(self.standing.place_group())
    }
}

/// How a person stands who comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Waiting.
    Waiting,
    /// Waiting, and not yet assessed.
    NotYetAssessed,
    /// Has an offer.
    Offered,
    /// Has said yes.
    Accepted,
    /// Uses a place.
    Placed,
}

impl State {
    /// The word for it, as in logs and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::NotYetAssessed => "NOT_YET_ASSESSED",
            Self::Offered => "OFFERED",
            Self::Accepted => "ACCEPTED",
            Self::Placed => "PLACED",
        }
    }
}

/// Why a row does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LeftOutReason {
    /// The person broke off.
    BrokenOff,
    /// The person completed it.
    Completed,
    /// The person did not turn up.
    DidNotMeet,
    /// No longer of interest.
    NoLongerRelevant,
    /// The person said no.
    Declined,
    /// The office or the provider said no.
    Rejected,
    /// It was registered by mistake.
    RegisteredByMistake,
}

impl LeftOutReason {
    /// The word for it, as in logs and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::BrokenOff => "BROKEN_OFF",
            Self::Completed => "COMPLETED",
            Self::DidNotMeet => "DID_NOT_MEET",
            Self::NoLongerRelevant => "NO_LONGER_RELEVANT",
            Self::Declined => "DECLINED",
            Self::Rejected => "REJECTED",
            Self::RegisteredByMistake => "REGISTERED_BY_MISTAKE",
        }
    }
}

/// What a participant status of Arena means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It comes in.
    In(State),
    /// It does not.
    Out(LeftOutReason),
}

/// Every participant status of Arena. `docs/arena.md` has the same table.
pub const ARENA: [(&str, Meaning); 13] = [
    ("AKTUELL", Meaning::In(State::NotYetAssessed)),
    ("INFOMOETE", Meaning::In(State::NotYetAssessed)),
    ("VENTELISTE", Meaning::In(State::Waiting)),
    ("TILBUD", Meaning::In(State::Offered)),
    ("JATAKK", Meaning::In(State::Accepted)),
    ("GJENN", Meaning::In(State::Placed)),
    ("DELAVB", Meaning::Out(LeftOutReason::BrokenOff)),
    ("FULLF", Meaning::Out(LeftOutReason::Completed)),
    ("IKKEM", Meaning::Out(LeftOutReason::DidNotMeet)),
    ("IKKAKTUELL", Meaning::Out(LeftOutReason::NoLongerRelevant)),
    ("NEITAKK", Meaning::Out(LeftOutReason::Declined)),
    ("AVSLAG", Meaning::Out(LeftOutReason::Rejected)),
    ("FEILREG", Meaning::Out(LeftOutReason::RegisteredByMistake)),
];

/// What a status of Arena means; `None` for a word that is none.
pub fn arena_status(word: &str) -> Option<Meaning> {
    ARENA.into_iter().find(|(status, _)| *status == word).map(|(_, meaning)| meaning)
}

/// What some of the rows must sum to; what is `None` stands for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlTotal {
    /// The provider.
    pub organisation_number: Option<OrganisationNumber>,
    /// The place group.
    pub place_group: Option<GroupName>,
    /// The entitled municipality.
    pub municipality_number: Option<MunicipalityNumber>,
    /// The state.
    pub state: Option<State>,
    /// How many, and how much.
    pub expected: Sum,
}

/// How many people, and how much of places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// People.
    pub persons: u32,
    /// Per cents of a place.
    pub percent: i64,
}

impl Sum {
    /// Counts one more person.
    pub fn add(&mut self, percent: u32) {
        self.persons += 1;
        self.percent += i64::from(percent);
    }
}

/// What a line of a reconciliation is of; what is `None` stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineKey {
    /// The provider.
    pub organisation_number: Option<OrganisationNumber>,
    /// The place group.
    pub place_group_id: Option<PlaceGroupId>,
    /// The entitled municipality.
    pub municipality_number: Option<MunicipalityNumber>,
    /// The state.
    pub state: Option<State>,
}

impl LineKey {
    /// Whether what is counted under `other` counts here too.
    pub fn covers(&self, other: &Self) -> bool {
        fn is_of<T: PartialEq>(own: Option<&T>, other: Option<&T>) -> bool {
            own.is_none() || own == other
        }
        is_of(self.organisation_number.as_ref(), other.organisation_number.as_ref())
            && is_of(self.place_group_id.as_ref(), other.place_group_id.as_ref())
            && is_of(self.municipality_number.as_ref(), other.municipality_number.as_ref())
            && is_of(self.state.as_ref(), other.state.as_ref())
    }
}

impl std::fmt::Display for LineKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut words = Vec::new();
        words.extend(self.organisation_number.as_ref().map(|n| format!("provider {n}")));
        words.extend(self.place_group_id.map(|id| format!("place group {id}")));
        words.extend(self.municipality_number.as_ref().map(|n| format!("municipality {n}")));
        words.extend(self.state.map(|state| state.name().to_owned()));
        f.write_str(if words.is_empty() { "all" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

/// What some of the rows sum to, beside what they were to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Of which rows.
    pub key: LineKey,
    /// What they sum to.
    pub counted: Sum,
    /// What they were to sum to; `None` where no control total is of just these.
    pub expected: Option<Sum>,
    /// Whether it is nothing that it has no control total of its own: there are none at all,
    /// or another covers it.
    pub is_covered: bool,
}

impl Line {
    /// By how much more was counted than expected: people, and per cents of a place.
    pub fn difference(&self) -> (i64, i64) {
        let expected = match self.expected {
            Some(expected) => expected,
            None if self.is_covered => self.counted,
            None => Sum::default(),
        };
        let persons = i64::from(self.counted.persons) - i64::from(expected.persons);
        (persons, self.counted.percent - expected.percent)
    }

    /// Whether counted and expected differ.
    pub fn differs(&self) -> bool {
        self.difference() != (0, 0)
    }
}

/// What the rows of an import sum to (avstemming).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// Line by line, in the order of their keys.
    pub lines: Vec<Line>,
    /// All of them.
    pub total: Line,
}

impl Reconciliation {
    /// The lines that differ; the total is one of them where it has a control total of its own.
    pub fn differing(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().chain([&self.total]).filter(|line| line.differs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_differs_by_what_nobody_expected() {
        let counted = Sum { persons: 2, percent: 150 };
        let line = |expected, is_covered| {
            Line { key: LineKey::default(), counted, expected, is_covered }.difference()
        };
        assert_eq!(line(None, true), (0, 0));
        assert_eq!(line(None, false), (2, 150));
        assert_eq!(line(Some(Sum { persons: 3, percent: 150 }), true), (-1, 0));
        assert_eq!(line(Some(counted), false), (0, 0));
    }
}
