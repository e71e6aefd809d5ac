//! Rows of an import of what exists, on their way to a decision: who each is about, whether it
//! came in before, and what is sealed under the person's key.

use sqlx::Error;

use crate::{
    domain::{
        existing::{Existing, ImportExisting, Row, Unchanged},
        ids::{EntryId, PersonId},
        waitlist::{Entry, Imported},
    },
    write::{
        Joiner, Work, adviser,
        decision::{GROUNDS, Known},
        people::json_object,
    },
};

/// What is wrong with a row, as the writer finds it.
const ELSEWHERE: &str = "the person has an open entry of this measure type, here or elsewhere";
const DIFFERS: &str = "differs from what was imported under its external_reference";
const TAKEN: &str = "external_reference names another resource of this ledger";

/// Fills in the person of each row that comes in, seals what is about them, and finds the rows
/// that came in before.
pub(super) fn complete(
    known: &Known<'_>,
    index: usize,
    work: &Work,
    c: &mut ImportExisting,
) -> Result<(), Error> {
    c.is_preview = work.validate_only;
    let joiners = work.draft.identity.iter().flatten();
    let mut people = joiners.zip(known.people.of_command(index));
    for row in &mut c.rows {
        let Row::New(existing) = row else { continue };
        let Some((joiner, person_id)) = people.next() else { continue };
        let seen = match ledger_has(known, existing) {
            None => {
                let free = person_id.filter(|person_id| {
                    known.people.may_claim(&(*person_id, work.ledger.measure_code.clone()))
                });
                if let Some(person_id) = free {
                    seal(known, person_id, joiner, existing)?;
                    continue;
                }
                Row::Bad(ELSEWHERE.to_owned())
            }
            Some(Some(entry)) if is_same(known, *person_id, joiner, entry)? => {
                Row::Unchanged(unchanged(entry, existing))
            }
            Some(Some(entry)) if entry.imported.is_some() => Row::Bad(DIFFERS.to_owned()),
            Some(_) => Row::Bad(TAKEN.to_owned()),
        };
        *row = seen;
    }
    Ok(())
}

/// The entry a row's name in the other system stands for; `None` where the name is free, and
/// no entry where it is something else's.
fn ledger_has<'a>(known: &Known<'a>, row: &Existing) -> Option<Option<&'a Entry>> {
    let resource = known.ledger.named(&row.reference)?;
    Some(known.ledger.entry(EntryId(resource)))
}

fn seal(
    known: &Known<'_>,
    person: PersonId,
    joiner: &Joiner,
    existing: &mut Existing,
) -> Result<(), Error> {
    let sealed = |context, plain| known.people.seal(person, context, plain);
    existing.person_id = person;
    let plain = joiner.plain.as_deref();
    existing.grounds = plain.map(|plain| sealed(GROUNDS, plain)).transpose()?;
    let original = joiner.original.as_deref();
    existing.original = original.map(|plain| sealed(Imported::CONTEXT, plain)).transpose()?;
    let named = |ident| adviser::sealed(known.keys, known.people, person, ident);
    existing.adviser = joiner.adviser.as_deref().map(named).transpose()?;
    Ok(())
}

/// Whether an entry came in by this very row: what is sealed of it has a digest of all else the
/// row says.
fn is_same(
    known: &Known<'_>,
    person: Option<PersonId>,
    joiner: &Joiner,
    entry: &Entry,
) -> Result<bool, Error> {
    let imported = entry.imported.as_ref().filter(|_| person == Some(entry.person_id));
    let sealed = imported.and_then(|imported| imported.original.as_ref());
    let (Some(sealed), Some(row)) = (sealed, &joiner.original) else { return Ok(false) };
    let original = known.people.open(entry.person_id, Imported::CONTEXT, sealed)?;
    Ok(original == json_object(row.as_bytes())?)
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
