//! Rows of an import of what exists, on their way to a decision: who each is about, whether it
//! came in before, and what is sealed under the person's key.

use sqlx::Error;

use crate::{
    domain::{
        event::Event,
        existing::{Existing, ImportExisting, Row, Unchanged},
        ids::{EntryId, PersonId},
        ledger::Ledger,
        national_identity::NationalIdentityNumber,
        waitlist::Entry,
    },
    write::{Work, people::People},
};

/// What a person's priority class rests on is sealed for this use.
const GROUNDS: &str = "entry.grounds";
/// What the old system says beside it, for this.
const ORIGINAL: &str = "entry.imported";

/// What is wrong with a row, as the writer finds it.
const ELSEWHERE: &str = "the person has an open entry of this measure type, here or elsewhere";
const DIFFERS: &str = "differs from what was imported under its external_reference";
const TAKEN: &str = "external_reference names another resource of this ledger";

/// Who a row of an import is about, and what is said of them.
pub struct RowPerson {
    /// The row's place in the stream.
    pub row: usize,
    /// Who it is.
    pub identity: NationalIdentityNumber,
    /// Text to be sealed as the entry's grounds.
    pub grounds: Option<String>,
    /// Text to be sealed as what the old system said. A row is the one that came in before where
    /// this is the same, byte for byte: it has a digest of all else the row says.
    pub original: String,
}

/// Fills in each row's person, seals what is about them, and finds the rows that came in before.
pub(super) fn complete(
    ledger: &Ledger,
    people: &mut People,
    index: usize,
    work: &Work,
    c: &mut ImportExisting,
) -> Result<(), Error> {
    c.is_preview = work.validate_only;
    let found = people.of_rows(index).to_vec();
    for (about, person_id) in work.people.iter().zip(found) {
        let Some(row) = c.rows.get_mut(about.row) else { continue };
        let Row::New(existing) = row else { continue };
        *row = match ledger.named(&existing.reference) {
            None if people.may_claim(&(person_id, work.ledger.measure_code.clone())) => {
                seal(people, person_id, about, existing)?;
                continue;
            }
            None => Row::Bad(ELSEWHERE.to_owned()),
            Some(resource) => match ledger.entry(EntryId(resource)) {
                Some(entry) if is_same(people, person_id, about, entry)? => {
                    Row::Unchanged(unchanged(entry, existing))
                }
                Some(entry) if entry.imported.is_some() => Row::Bad(DIFFERS.to_owned()),
                Some(_) | None => Row::Bad(TAKEN.to_owned()),
            },
        };
    }
    Ok(())
}

fn seal(
    people: &People,
    person: PersonId,
    about: &RowPerson,
    existing: &mut Existing,
) -> Result<(), Error> {
    existing.person_id = person;
    let grounds = about.grounds.as_ref();
    existing.grounds = grounds.map(|plain| people.seal(person, GROUNDS, plain)).transpose()?;
    existing.original = Some(people.seal(person, ORIGINAL, &about.original)?);
    Ok(())
}

/// Whether an entry came in by this very row.
fn is_same(
    people: &People,
    person: PersonId,
    about: &RowPerson,
    entry: &Entry,
) -> Result<bool, Error> {
    let imported = entry.imported.as_ref().filter(|_| entry.person_id == person);
    let Some(original) = imported.and_then(|imported| imported.original.as_ref()) else {
        return Ok(false);
    };
    Ok(people.open(person, ORIGINAL, original)? == about.original.as_bytes())
}

fn unchanged(entry: &Entry, row: &Existing) -> Unchanged {
    Unchanged {
        entry_id: entry.entry_id,
        reference: row.reference.clone(),
        place_group: row.counts_with().cloned(),
        municipality_number: row.municipality_number.clone(),
        state: row.standing.state(),
        participation_percent: row.participation_percent,
    }
}

/// The entry an event brings into a ledger, whose claim is held from then on.
pub(super) fn brought_in(event: &Event) -> Option<&Entry> {
    use crate::domain::event::EntryChange::Imported;
    if let Event::Joined { entry } | Event::EntryChanged { entry, change: Imported } = event {
        Some(entry)
    } else {
        None
    }
}
