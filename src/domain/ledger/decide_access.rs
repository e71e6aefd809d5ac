//! Decisions about access across employers. That the caller leads the office is asked of their
//! token before: it stands in no log. All else is decided here, from the registry alone.

use time::Duration;

use crate::domain::{
    access::{ActorKey, Employer},
    access_grant::{ACCESS_MAX, AccessGrant, EndedAccess, OFFICE_GRANTS_MAX},
    command::{EndAccess, GrantAccess},
    event::Event,
    ids::{AccessGrantId, IdSource},
    ledger::{Context, guards::require_one_more},
    refusal::{Limited, Refusal},
};

/// Opens to one person what another employer than their own answers for.
pub(super) fn grant(
    c: &GrantAccess,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    let holder = &c.holder;
    if (&holder.issuer, &holder.subject) == (&context.actor.issuer, &context.actor.subject) {
        return Err(Refusal::FourEyes);
    }
    require_served(c, context)?;
    require_days(c, context)?;
    require_none_like_it(c, context)?;
    // From here it happens.
    Ok(vec![Event::AccessSet {
        grant: AccessGrant {
            grant_id: AccessGrantId(ids.next_id()),
            office_number: c.office_number.clone(),
            holder: holder.clone(),
            role: c.role,
            opens: c.opens.clone(),
            valid_from: c.valid_from,
            valid_to: c.valid_to,
            ground: c.ground.clone(),
            given_by: ActorKey::of(context.actor).to_string(),
            given_time: context.at,
            ended: None,
        },
    }])
}

/// The office is one, and what is opened is another employer's that it works for.
fn require_served(c: &GrantAccess, context: &Context<'_>) -> Result<(), Refusal> {
    let mismatch =
        |field, value: String, problem| Err(Refusal::RegistryMismatch { field, value, problem });
    let Some(office) = context.registry.office(&c.office_number) else {
        let problem = "is not an office of the registry";
        return mismatch("office_number", c.office_number.to_string(), problem);
    };
    let serves = |employer: &Employer| match employer {
        Employer::State => true,
        Employer::Municipal { municipality_number } => {
            let mut served = office.municipality_numbers.iter();
            served.any(|number| number.as_str() == municipality_number)
        }
    };
    // What a municipality answers for is not another office's to open.
    if !serves(&c.opens) {
        return Err(Refusal::PermissionDenied);
    }
    if c.opens == c.holder.employer {
        return mismatch("opens", in_words(&c.opens), "is the person's own employer");
    }
    Ok(())
}

fn in_words(employer: &Employer) -> String {
    match employer {
        Employer::State => "STATE".to_owned(),
        Employer::Municipal { municipality_number } => municipality_number.clone(),
    }
}

/// Access is for a time that is not over, and for no more than a year at once.
fn require_days(c: &GrantAccess, context: &Context<'_>) -> Result<(), Refusal> {
    let today = context.today();
    let out = |field, value: time::Date, expected| {
        Err(Refusal::DateOutOfRange { field, value: value.to_string(), expected })
    };
    if c.valid_from < today || c.valid_from - today > ACCESS_MAX {
        return out("valid_from_date", c.valid_from, "today or at most 366 days ahead");
    }
    let days = c.valid_to - c.valid_from;
    if days < Duration::DAY || days > ACCESS_MAX {
        return out("valid_to_date", c.valid_to, "1 to 366 days after valid_from_date");
    }
    Ok(())
}

/// One record says what somebody has on a day, and an office has a bounded number of them.
fn require_none_like_it(c: &GrantAccess, context: &Context<'_>) -> Result<(), Refusal> {
    let today = context.today();
    let grants = context.registry.access_grants();
    let standing: Vec<&AccessGrant> = grants
        .filter(|grant| grant.office_number == c.office_number && grant.valid_to > today)
        .collect();
    let alike = standing.iter().any(|grant| {
        let overlaps = grant.valid_from < c.valid_to && c.valid_from < grant.valid_to;
        grant.holder == c.holder && grant.opens == c.opens && overlaps
    });
    if alike {
        let (what, state) = ("the person's access", "GIVEN");
        return Err(Refusal::WrongState { what, state, transition: "GIVE_AGAIN" });
    }
    require_one_more(Limited::AccessRecords, standing.len(), OFFICE_GRANTS_MAX)
}

/// Lets access end before its day. Another office's answers like one that is not there.
pub(super) fn end(c: &EndAccess, context: &Context<'_>) -> Result<Vec<Event>, Refusal> {
    let found = context.registry.access_grant(c.grant_id);
    let Some(grant) = found.filter(|grant| grant.office_number == c.office_number) else {
        return Err(Refusal::NotFound { what: "access grant", id: c.grant_id.to_string() });
    };
    let today = context.today();
    if grant.valid_to <= today {
        let (what, state) = ("the access", "OVER");
        return Err(Refusal::WrongState { what, state, transition: "END" });
    }
    if c.valid_to < today || c.valid_to >= grant.valid_to {
        return Err(Refusal::DateOutOfRange {
            field: "valid_to_date",
            value: c.valid_to.to_string(),
            expected: "today or later, and earlier than the day it has",
        });
    }
    // From here it happens.
    let agreed = grant.ended.as_ref().map_or(grant.valid_to, |ended| ended.agreed_valid_to);
    let ended = EndedAccess {
        agreed_valid_to: agreed,
        ended_by: ActorKey::of(context.actor).to_string(),
        ended_time: context.at,
    };
    let grant = AccessGrant { valid_to: c.valid_to, ended: Some(ended), ..grant.clone() };
    Ok(vec![Event::AccessSet { grant }])
}
