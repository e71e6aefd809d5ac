//! Decisions about who of the staff is which person, from the registry alone. That the caller leads
//! the office, and may name protected people, is asked of their token before.

use crate::domain::{
    access::ActorKey,
    command::{LinkStaff, StaffLinkChange},
    event::Event,
    ids::{IdSource, PersonId, StaffLinkId},
    ledger::{Context, guards::require_one_more},
    refusal::{Limited, Refusal},
    staff_link::{EndedLink, OFFICE_LINKS_MAX, STAFF_LINKS_MAX, StaffLink},
};

/// Sets a link, or ends the one that holds. Nobody does either for themself: who ends their own
/// link might decide on themself again.
pub(super) fn link(
    c: &LinkStaff,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    let actor = context.actor;
    if (&c.staff.issuer, &c.staff.subject) == (&actor.issuer, &actor.subject) {
        return Err(Refusal::FourEyes);
    }
    require_office(c, context)?;
    let standing = context.registry.staff_link(&c.staff.issuer, &c.staff.subject);
    let link = match c.change {
        StaffLinkChange::Set { person_id } => set(c, person_id, standing, context, ids)?,
        StaffLinkChange::End => end(c, standing, context)?,
    };
    Ok(vec![Event::StaffLinkSet { link }])
}

fn require_office(c: &LinkStaff, context: &Context<'_>) -> Result<(), Refusal> {
    match &c.office_number {
        Some(number) if context.registry.office(number).is_none() => {
            Err(Refusal::RegistryMismatch {
                field: "office_number",
                value: number.to_string(),
                problem: "is not an office of the registry",
            })
        }
        Some(_) | None => Ok(()),
    }
}

/// The same words whoever the subject is already: a guess at a number is not told right or wrong.
fn set(
    c: &LinkStaff,
    person_id: PersonId,
    standing: Option<&StaffLink>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<StaffLink, Refusal> {
    if standing.is_some() {
        let (what, state) = ("the subject", "LINKED");
        return Err(Refusal::WrongState { what, state, transition: "LINK_AGAIN" });
    }
    let all = context.registry.staff_links_in_force();
    require_one_more(Limited::StaffLinks, all, STAFF_LINKS_MAX)?;
    let of_office = c.office_number.as_ref().map(|office| context.registry.staff_links_of(office));
    require_one_more(Limited::OfficeStaffLinks, of_office.unwrap_or(0), OFFICE_LINKS_MAX)?;
    // From here it happens.
    Ok(StaffLink {
        link_id: StaffLinkId(ids.next_id()),
        staff: c.staff.clone(),
        person_id,
        office_number: c.office_number.clone(),
        set_by: ActorKey::of(context.actor).to_string(),
        set_time: context.at,
        ended: None,
    })
}

/// The directorate ends any; an office what it has set. Another's answers like one that is not
/// there.
fn end(
    c: &LinkStaff,
    standing: Option<&StaffLink>,
    context: &Context<'_>,
) -> Result<StaffLink, Refusal> {
    let is_its =
        |link: &&StaffLink| c.office_number.is_none() || c.office_number == link.office_number;
    let Some(link) = standing.filter(is_its) else {
        return Err(Refusal::NotFound { what: "staff link", id: c.staff.subject.clone() });
    };
    let ended = EndedLink { by: ActorKey::of(context.actor).to_string(), time: context.at };
    Ok(StaffLink { ended: Some(ended), ..link.clone() })
}
