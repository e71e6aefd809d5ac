//! Which person one of the staff is said to be.

use crate::{
    domain::command::{LinkStaff, StaffLinkChange},
    write::{Work, decision::Known},
};

/// Fills in the person whose number the request has. Without one there would be a link to nobody:
/// the batch keeps nothing, and the command is run again by itself.
pub(super) fn complete(
    known: &Known<'_>,
    index: usize,
    work: &Work,
    c: &mut LinkStaff,
) -> Result<(), sqlx::Error> {
    if work.draft.identity.is_none() {
        return Ok(());
    }
    let Some(Some(person_id)) = known.people.of_command(index).first().copied() else {
        let meanwhile = "the person of a link was removed again meanwhile";
        return Err(sqlx::Error::Protocol(meanwhile.to_owned()));
    };
    c.change = StaffLinkChange::Set { person_id };
    Ok(())
}
