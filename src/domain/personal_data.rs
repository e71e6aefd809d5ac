//! The table of personal data: who answers for each item (behandlingsansvarlig), on what legal
//! basis, and which employer of an office's workers reads it on which. `docs/personal-data.md` is
//! printed from it, a test holds every field of the protos to it, and `authority` decides by it.

mod table;

pub use table::{NOTHING_OF_ANYBODY, TABLE};

/// Who answers for an item (behandlingsansvarlig).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// The state (Arbeids- og velferdsetaten).
    State,
    /// The municipality the person is entitled in (kommunen).
    Municipal,
    /// Both, for what they do together (felles behandlingsansvar).
    Joint,
}

impl Controller {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "STATE",
            Self::Municipal => "MUNICIPAL",
            Self::Joint => "JOINT",
        }
    }
}

/// An item of personal data (personopplysning).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Who somebody is.
    Identity,
    /// Random names that lead to somebody within the service.
    Pseudonyms,
    /// Names and cases in other systems.
    Elsewhere,
    /// Where somebody is entitled, and which office follows them up.
    Residence,
    /// That somebody waits, since when and in what place.
    Waiting,
    /// What somebody wants.
    Wishes,
    /// What is thought of somebody's need.
    Assessment,
    /// Who follows somebody up.
    Advisers,
    /// Why something was done, in words or by a code.
    Reasons,
    /// What was held for somebody, and what they said.
    Offers,
    /// That somebody uses a place.
    Placements,
    /// How a placement ended, where that is no benefit.
    Outcome,
    /// That a placement ended in a benefit the state pays.
    StateBenefit,
    /// That somebody is in a programme of the municipality's.
    Programme,
    /// That a placement ended in social assistance.
    SocialAssistance,
    /// Decisions and waits, explained.
    Explanations,
    /// That somebody is protected.
    Protection,
    /// Who has looked at somebody, and why.
    Accesses,
    /// What employees have access to.
    Employees,
}

/// What holds of an item.
#[derive(Debug)]
pub struct Row {
    /// Which.
    pub item: Item,
    /// What it is called in the document.
    pub name: &'static str,
    /// Who answers for it.
    pub controller: Controller,
    /// The legal basis; `[?]` where it is not confirmed.
    pub basis: &'static str,
    /// Whether the other employer reads it for the common office's tasks; where not, it takes a
    /// record of access.
    pub is_shared: bool,
    /// On what a state employee reads it.
    pub state_reads: &'static str,
    /// On what a municipal employee reads it.
    pub municipal_reads: &'static str,
    /// The fields that carry it, by message: names with spaces between.
    pub carried_by: &'static [(&'static str, &'static str)],
}

impl Row {
    /// The fields that carry it, as `Message.field`.
    pub fn fields(&self) -> impl Iterator<Item = String> {
        fields(self.carried_by)
    }
}

/// `Message.field` of each field of a list by message.
pub fn fields(by_message: &'static [(&'static str, &'static str)]) -> impl Iterator<Item = String> {
    let of_message = |(message, fields): &(&'static str, &'static str)| {
        let message = *message;
        fields.split_whitespace().map(move |field| format!("{message}.{field}"))
    };
    by_message.iter().flat_map(of_message)
}

impl Item {
    /// What holds of it. The table has a row for each item, in the order of the items.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_has_its_row() {
        for row in TABLE {
            assert_eq!(row.item.row().item, row.item);
        }
        assert_eq!(TABLE.len(), Item::Employees as usize + 1);
    }

    #[test]
    fn what_the_other_employer_reads_is_said_with_its_basis() {
        for row in TABLE {
            let other = match row.controller {
                Controller::Joint => continue,
                Controller::State => row.municipal_reads,
                Controller::Municipal => row.state_reads,
            };
            assert_eq!(row.is_shared, other != "by a record of access only", "{}", row.name);
        }
    }
}
