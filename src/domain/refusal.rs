//! Why a command is refused. A refusal changes nothing and is not stored.

use std::fmt;

use time::Date;

use crate::domain::{
    access::Role,
    calendar::Timestamp,
    ids::{LedgerId, MeasureCode, MunicipalityNumber},
};

/// One reason a command is refused. Each stands for one value of the wire's
/// `ErrorReason`; the texts are for developers and carry no personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The registry has no such area or measure type.
    #[error("there is no ledger {0}: the registry must have its area and its measure type")]
    LedgerNotFound(LedgerId),
    /// No such thing in this ledger, or not one the caller may know of.
    #[error("no {what} {id} in this ledger")]
    NotFound {
        /// Which kind of thing.
        what: &'static str,
        /// The id asked for.
        id: String,
    },
    /// The caller's role may not do this, or not there.
    #[error("your role may not do this here")]
    PermissionDenied,
    /// The registry lacks what the command names.
    #[error("{field} {value} {problem}")]
    RegistryMismatch {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Rows of an import are wrong.
    #[error("{} rows of the import are wrong; nothing was stored", .0.len())]
    RegistryRowsInvalid(Vec<BadRow>),
    /// Rows of an import of what exists are wrong.
    #[error("{} rows of the import are wrong; nothing was stored", .0.len())]
    ExistingRowsInvalid(Vec<BadRow>),
    /// The rows of an import do not sum to its control totals.
    #[error("the rows and the control totals differ in {lines} lines: {first}")]
    ReconciliationDiffers {
        /// In how many lines.
        lines: usize,
        /// The first of them, in words.
        first: String,
    },
    /// The person has an open entry, offer or placement of this measure type.
    #[error("the person already has an open entry, offer or placement of this measure type")]
    PersonAlreadyWaiting,
    /// The external reference names another resource.
    #[error("the external reference {system}/{id} already names another resource of this ledger")]
    ExternalReferenceTaken {
        /// The other system.
        system: String,
        /// The id there.
        id: String,
    },
    /// The thing's state does not allow the move.
    #[error("{what} is {state}, which does not allow {transition}")]
    WrongState {
        /// Which kind of thing.
        what: &'static str,
        /// Its state.
        state: &'static str,
        /// The move asked for.
        transition: &'static str,
    },
    /// Municipalities may still comment on the plan.
    #[error(
        "the plan may be approved when the {silent} municipalities that have not commented have, \
         or from {from} on"
    )]
    CommentsOpen {
        /// How many have not.
        silent: usize,
        /// The first day on which it may all the same.
        from: Date,
    },
    /// The entry went on in another ledger: the person moved to its area, or its measure type
    /// took over.
    #[error("the entry has moved: it goes on in {to}")]
    Moved {
        /// Which.
        to: LedgerId,
    },
    /// The person uses a place in a measure type that does not combine with this one.
    #[error("the person uses a place in {with}, which does not combine with this measure type")]
    NotCombinable {
        /// The other type.
        with: MeasureCode,
    },
    /// Another person must do this.
    #[error("someone other than the one who submitted or proposed it must decide on it")]
    FourEyes,
    /// The measure type does not allow it.
    #[error("{0}")]
    MeasureTypeRule(&'static str),
    /// Another measure type has taken over: nobody joins this one, and no place of it is given.
    /// A measure type rule to those who call.
    #[error("{measure} was superseded by {by} from {from}: nobody new comes in; use {by}")]
    Superseded {
        /// The type that was asked for.
        measure: MeasureCode,
        /// The one that took over.
        by: MeasureCode,
        /// From which day.
        from: Date,
    },
    /// The quotas together would exceed the place budget.
    #[error("the quotas would sum to {sum} places on {date}; the place budget is {budget}")]
    QuotasExceedBudget {
        /// The sum of quotas, in places.
        sum: u64,
        /// The budget, in places.
        budget: u32,
        /// The date it would happen.
        date: Date,
    },
    /// A date lies where it may not.
    #[error("{field} {value} must be {expected}")]
    DateOutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A new deadline would not be later than the one there is.
    #[error("{field} would make the deadline {value}, which must be later than {than}")]
    NotLater {
        /// The field.
        field: &'static str,
        /// The new deadline.
        value: Timestamp,
        /// The one there is.
        than: Timestamp,
    },
    /// An account has less free than is needed.
    #[error("{what} has {free_percent} per cent of a place free; {needed_percent} are needed")]
    NoRoom {
        /// Which account.
        what: &'static str,
        /// What is free, in per cents of a place.
        free_percent: i64,
        /// What is needed.
        needed_percent: i64,
    },
    /// An account has less free than a larger share needs, which may wait for it.
    #[error(
        "{what} has {free_percent} per cent of a place free; {needed_percent} are needed; with \
         wait_if_full the larger share waits its turn"
    )]
    NoRoomForMore {
        /// Which account.
        what: &'static str,
        /// What is free, in per cents of a place.
        free_percent: i64,
        /// What is needed.
        needed_percent: i64,
    },
    /// A closure would fall on days on which the group is closed already.
    #[error("the group would be closed {asked}, and it is closed {other} already")]
    ClosuresOverlap {
        /// The days asked for.
        asked: Days,
        /// Those there are.
        other: Days,
    },
    /// Somebody eligible stands before the one in question.
    #[error("somebody eligible stands before this entry and would take the place")]
    NotFirst,
    /// The order may not be left here without a reason. Missing fields to those who call.
    #[error("reason and reason_text are required: {0}")]
    ReasonRequired(&'static str),
    /// A field that is required here and left out. A missing field to those who call.
    #[error("{field} is required: {why}")]
    FieldRequired {
        /// The field.
        field: &'static str,
        /// Why here.
        why: &'static str,
    },
    /// The mistake lies too far back for an office.
    #[error("the mistake could be corrected {}; later only the county may", .until.map_or_else(|| "while its time was known".to_owned(), |day| format!("until {day}")))]
    CorrectionTooLate {
        /// The last day on which the office could; `None` where it is not known when the
        /// mistake was made.
        until: Option<Date>,
    },
    /// The number is a known person's already.
    #[error("the identity number is a known person's already; two people are not made one")]
    IdentityNumberTaken,
    /// A bound of the ledger is reached.
    #[error("the ledger would have {would_be} {}; the most is {most}", what.as_str())]
    LimitReached {
        /// Of what.
        what: Limited,
        /// How many there would be.
        would_be: usize,
        /// How many there may be.
        most: usize,
    },
    /// A quota would be raised above what its municipality co-finances.
    #[error(
        "the quota of {municipality} would be {places} places on {date}; the municipality \
         co-finances {committed}"
    )]
    QuotaAboveCommitted {
        /// Whose quota.
        municipality: MunicipalityNumber,
        /// What it would be, in places.
        places: u32,
        /// What the municipality co-finances, in places.
        committed: u32,
        /// The date it would happen.
        date: Date,
    },
    /// A quota has fewer places than are to be moved.
    #[error(
        "{municipality} has {left} places to give on {date}, what it has lent not among them; \
         {asked} are asked for"
    )]
    TooFewToMove {
        /// Whose quota.
        municipality: MunicipalityNumber,
        /// What it has, in places.
        left: u32,
        /// What is asked for, in places.
        asked: u32,
        /// The date on which it has so few.
        date: Date,
    },
    /// It is about the caller: nobody decides on themself (inhabil).
    #[error("this is about yourself: somebody else must decide on it")]
    OwnCase,
    /// One of several that are asked for together cannot be, and so none is.
    #[error("{list}[{index}]: {refusal}")]
    OneOf {
        /// The list of the request.
        list: &'static str,
        /// Its place in the list; the first is 0.
        index: usize,
        /// Why.
        refusal: Box<Refusal>,
    },
}

impl Refusal {
    /// The refusal of a batch of joins, of which the `index`-th is refused so.
    #[must_use]
    pub fn of_join(self, index: usize) -> Self {
        self.of_one("joins", index)
    }

    /// The refusal of several that are asked for together, of which the `index`-th of a list is
    /// refused so.
    #[must_use]
    pub fn of_one(self, list: &'static str, index: usize) -> Self {
        Self::OneOf { list, index, refusal: Box::new(self) }
    }
}

/// Days from one on, up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: Date,
    /// The first after; `None` where there is none.
    pub until: Option<Date>,
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => write!(f, "from {} until {until}", self.from),
            None => write!(f, "from {} on", self.from),
        }
    }
}

impl Refusal {
    /// As one role is told it: in what else somebody takes part is not a provider's to know.
    #[must_use]
    pub fn told_to(self, role: Role) -> Self {
        if role == Role::Provider && matches!(self, Self::NotCombinable { .. }) {
            return Self::MeasureTypeRule(
                "the person takes part in a measure that does not combine with this one",
            );
        }
        self
    }
}

/// A wrong row of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its place in the stream; the first is 0.
    pub index: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// What `decide` answers when it does not answer with events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The command is refused.
    Refused(Refusal),
    /// The loaded part of this queue ran out; read on and decide again.
    NeedMore(crate::domain::waitlist::QueueKey),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What there is a bounded number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Links of the staff to people.
    StaffLinks,
    /// Those that one office has set.
    OfficeStaffLinks,
    /// Loans of quotas in the ledger.
    Loans,
    /// Dated capacities of a place group.
    Capacities,
    /// Place groups of the ledger.
    PlaceGroups,
    /// Dated place budgets of the ledger.
    PlaceBudgets,
    /// Dated quotas of a municipality.
    Quotas,
    /// Closures of a place group.
    Closures,
    /// Records of access across employers at an office.
    AccessRecords,
    /// Plans of the ledger that nobody has approved.
    OpenPlans,
    /// Those that municipalities have proposed.
    MunicipalOpenPlans,
    /// Those that one municipality has proposed.
    OwnOpenPlans,
    /// Plans of the ledger that were ever approved.
    ApprovedPlans,
    /// Changes of a placement.
    PlacementChanges,
    /// Identity numbers that a person has had.
    IdentityNumbers,
}

impl Limited {
    /// Its name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StaffLinks => "links of the staff",
            Self::OfficeStaffLinks => "links the office has set",
            Self::Loans => "loans of this ledger",
            Self::Capacities => "capacities of this place group",
            Self::PlaceGroups => "place groups",
            Self::PlaceBudgets => "place budgets of this ledger",
            Self::Quotas => "quotas of one municipality",
            Self::Closures => "closures of this place group",
            Self::AccessRecords => "records of access at this office",
            Self::OpenPlans => "plans that are not approved",
            Self::MunicipalOpenPlans => "plans of municipalities that are not approved",
            Self::OwnOpenPlans => "plans of one municipality that are not approved",
            Self::ApprovedPlans => "approved plans",
            Self::PlacementChanges => "changes of this placement",
            Self::IdentityNumbers => "numbers of one person",
        }
    }
}
