//! Decisions about placements under way. None of them puts anybody out (I9): what has no
//! room is refused, or stays where it is.

use time::{Date, Duration};

use crate::domain::{
    access::ActorKey,
    account::AccountKey,
    allocation::{Leave, Placement, PlacementState},
    command::{ChangePlacement, MovePlacement, PlacementAsk, ReassignPlacement, ReviewMade},
    event::{EntryChange, Event, PlacementChange},
    ids::{IdSource, PlacementId},
    ledger::{
        Context, Ledger,
        decide::YEAR,
        decide_increase,
        guards::{known_entry, require_free, require_office, require_one_more, require_open_group},
    },
    measure::Distribution,
    placement::{PLACEMENT_HISTORY_MAX, Review},
    refusal::{Limited, Refusal, Stop},
    waitlist::Entry,
};

/// How far ahead an end, or a look at a placement, may be planned.
const PLANNED_AHEAD: Duration = Duration::days(10 * 366);
/// The longest leave.
const LEAVE_MAX: Duration = Duration::days(2 * 366);

/// Share, planned end, leave.
pub(super) fn change(
    ledger: &Ledger,
    c: &ChangePlacement,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let id = c.placement_id;
    match &c.change {
        PlacementAsk::Share { percent, valid_from, wait_if_full } => {
            let before = under_way(ledger, id, "CHANGE_SHARE")?;
            require_share(ledger, before, *percent, *valid_from, context)?;
            match (require_room(ledger, before, *percent), wait_if_full) {
                (Ok(()), _) => change_share(ledger, before, *percent, *valid_from, context, ids),
                (Err(no_room), false) => Err(no_room.into()),
                (Err(_), true) => {
                    let case = c.case_reference.as_ref();
                    Ok(decide_increase::wait(ledger, before, *percent, case, context, ids)?)
                }
            }
        }
        PlacementAsk::PlannedEnd { date } => {
            let before = under_way(ledger, id, "PLAN_END")?;
            Ok(plan_end(ledger, before, *date, context)?)
        }
        PlacementAsk::GoOnLeave(leave) => {
            let before = under_way(ledger, id, "GO_ON_LEAVE")?;
            let events = go_on_leave(before, leave, context)?;
            decide_increase::rest(ledger, before, leave.until_date, events, context, ids)
        }
        PlacementAsk::Return => {
            let before = under_way(ledger, id, "RETURN")?;
            let PlacementState::OnLeave(leave) = &before.state else {
                return Err(wrong_state(before, "RETURN").into());
            };
            let placement = Placement { state: PlacementState::Running, ..before.clone() };
            let events = changed(placement, PlacementChange::Returned);
            Ok(decide_increase::resume(ledger, before, leave.until_date, events)?)
        }
        PlacementAsk::Review(made) => {
            let before = under_way(ledger, id, "REVIEW")?;
            Ok(review(before, made, context)?)
        }
    }
}

/// The share that holds is always the one registered last, since no day ahead is taken.
fn require_share(
    ledger: &Ledger,
    before: &Placement,
    percent: u32,
    valid_from: Date,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    if percent < 100 && !context.measure(ledger)?.part_time_allowed {
        return Err(Refusal::MeasureTypeRule("only whole places are given of this measure type"));
    }
    let today = context.today();
    if valid_from < before.start_date || valid_from > today {
        return Err(Refusal::DateOutOfRange {
            field: "share.valid_from_date",
            value: valid_from.to_string(),
            expected: "not before the start, and today at the latest: a share is registered \
                       when it holds",
        });
    }
    require_history(before)
}

/// A larger share needs room on both accounts.
fn require_room(ledger: &Ledger, before: &Placement, percent: u32) -> Result<(), Refusal> {
    let more = i64::from(percent) - i64::from(before.participation_percent);
    if more <= 0 {
        return Ok(());
    }
    for key in [AccountKey::PlaceGroup(before.place_group_id), before.account.clone()] {
        require_free(ledger, &key, more).map_err(may_wait)?;
    }
    Ok(())
}

/// Where there is no room for a larger share, it may wait for it.
fn may_wait(refusal: Refusal) -> Refusal {
    if let Refusal::NoRoom { what, free_percent, needed_percent } = refusal {
        return Refusal::NoRoomForMore { what, free_percent, needed_percent };
    }
    refusal
}

/// A smaller share frees the rest of the place at once. The share that is asked for last is the
/// one that is wanted: a larger one that still waits is over.
fn change_share(
    ledger: &Ledger,
    before: &Placement,
    percent: u32,
    valid_from: Date,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let placement = before.with_share(percent, valid_from, context.at);
    let events = changed(placement, PlacementChange::Share);
    decide_increase::end(ledger, before, events, context, ids)
}

/// What is planned ends nothing by itself, and so may not lie beyond what the measure type
/// allows.
fn plan_end(
    ledger: &Ledger,
    before: &Placement,
    date: Option<Date>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    if let Some(date) = date {
        let last = context.today().saturating_add(PLANNED_AHEAD);
        if date < before.start_date || date > last {
            return Err(Refusal::DateOutOfRange {
                field: "planned_end.date",
                value: date.to_string(),
                expected: "not before the start and at most ten years ahead",
            });
        }
        let maximum = context.measure(ledger)?.rules.hard_maximum;
        if maximum.is_some_and(|maximum| date > maximum.after(before.start_date)) {
            return Err(Refusal::MeasureTypeRule(
                "the placement would last longer than this measure type allows",
            ));
        }
    }
    let placement = Placement { planned_end_date: date, ..before.clone() };
    Ok(changed(placement, PlacementChange::PlannedEnd))
}

/// The place is kept, and so stays in use. A leave that is over already would change nothing
/// any more, and one ahead is registered when it has come.
fn go_on_leave(
    before: &Placement,
    leave: &Leave,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    if before.state != PlacementState::Running {
        return Err(wrong_state(before, "GO_ON_LEAVE"));
    }
    let today = context.today();
    if leave.from_date < before.start_date || leave.from_date > today {
        return Err(Refusal::DateOutOfRange {
            field: "leave.from_date",
            value: leave.from_date.to_string(),
            expected: "not before the start, and today at the latest",
        });
    }
    let last = leave.from_date.saturating_add(LEAVE_MAX);
    if leave.until_date <= today || leave.until_date > last {
        return Err(Refusal::DateOutOfRange {
            field: "leave.until_date",
            value: leave.until_date.to_string(),
            expected: "later than today, and at most two years after the first day away",
        });
    }
    let placement = Placement { state: PlacementState::OnLeave(leave.clone()), ..before.clone() };
    Ok(changed(placement, PlacementChange::WentOnLeave))
}

/// Somebody has looked at it, as was due or not. What is due next is counted from the latest
/// review, so none is registered of a day before that.
fn review(
    before: &Placement,
    made: &ReviewMade,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let today = context.today();
    let latest = before.review.as_ref().map_or(before.start_date, |review| review.date);
    let first = latest.max(today.saturating_sub(YEAR));
    if made.date < first || made.date > today {
        return Err(Refusal::DateOutOfRange {
            field: "review.review_date",
            value: made.date.to_string(),
            expected: "today or at most a year back, and not before the start or the latest review",
        });
    }
    let last = today.saturating_add(PLANNED_AHEAD);
    if let Some(next) = made.next_date.filter(|next| *next <= today || *next > last) {
        return Err(Refusal::DateOutOfRange {
            field: "review.next_review_date",
            value: next.to_string(),
            expected: "later than today and at most ten years ahead",
        });
    }
    // From here it happens.
    let review = Review {
        date: made.date,
        reviewed_by: ActorKey::of(context.actor).to_string(),
        note: made.note.clone(),
        next_date: made.next_date,
    };
    let placement = Placement { review: Some(review), ..before.clone() };
    Ok(changed(placement, PlacementChange::Reviewed))
}

/// Another place group. The second account stays; what is free in the old group now waits
/// for a run.
pub(super) fn move_to(
    ledger: &Ledger,
    c: &MovePlacement,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let transition = "MOVE";
    let before = under_way(ledger, c.placement_id, transition)?;
    let from_place_group = before.place_group_id;
    if c.place_group_id == from_place_group {
        let state = "IN_THAT_GROUP";
        let what = "the placement";
        return Err(Refusal::WrongState { what, state, transition }.into());
    }
    require_open_group(ledger, c.place_group_id, context, transition)?;
    require_history(before)?;
    let needed_percent = i64::from(before.participation_percent);
    require_free(ledger, &AccountKey::PlaceGroup(c.place_group_id), needed_percent)?;
    // From here it happens.
    let placement = Placement {
        place_group_id: c.place_group_id,
        past_debits: before.debited_until(context.today()),
        ..before.clone()
    };
    let change = PlacementChange::Moved { from_place_group, text: c.text.clone() };
    let placed = known_entry(ledger, before.entry_id)?;
    let events = changed(placement.clone(), change);
    decide_increase::follow(ledger, &placement, placed, events, context, ids)
}

/// Moved house. The quota of the municipality moved to is debited if it has room; if not,
/// the person stays as a guest of the one that pays, and may be tried again.
pub(super) fn reassign(
    ledger: &Ledger,
    c: &ReassignPlacement,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let before = under_way(ledger, c.placement_id, "REASSIGN")?;
    let entry = known_entry(ledger, before.entry_id)?;
    context.require_in_area(ledger, "municipality_number", &c.municipality_number)?;
    require_office(context, &c.following_office_number)?;
    require_history(before)?;
    // From here it happens.
    let from_municipality = entry.municipality_number.clone();
    let change = if from_municipality == c.municipality_number {
        EntryChange::Updated
    } else {
        EntryChange::Transferred { from_municipality: from_municipality.clone(), reason: None }
    };
    let entry = Entry {
        municipality_number: c.municipality_number.clone(),
        quota_municipality: context.quota_of(ledger, &c.municipality_number),
        following_office_number: c.following_office_number.clone(),
        ..entry.clone()
    };
    let mut events = vec![Event::EntryChanged { entry: entry.clone(), change }];
    let mut placement = before.clone();
    if ledger.distribution != Distribution::CountyPool {
        placement = debited_to(ledger, before, &entry, context);
        let change = PlacementChange::Reassigned { from_municipality };
        events.push(Event::PlacementChanged { placement: placement.clone(), change });
    }
    decide_increase::follow(ledger, &placement, &entry, events, context, ids)
}

/// The placement on the quota of who has moved, or as a guest where that is full.
pub(super) fn debited_to(
    ledger: &Ledger,
    before: &Placement,
    moved: &Entry,
    context: &Context<'_>,
) -> Placement {
    let account = ledger.queue_of(moved).account();
    if before.account == account {
        return Placement { guest: false, ..before.clone() };
    }
    if ledger.account(&account).free() < i64::from(before.participation_percent) {
        return Placement { guest: true, ..before.clone() };
    }
    let past_debits = before.debited_until(context.today());
    Placement { account, guest: false, past_debits, ..before.clone() }
}

/// A leave is over, by time. One that ended before its time has nothing left to end.
pub(super) fn end_leave(
    ledger: &Ledger,
    placement_id: PlacementId,
    context: &Context<'_>,
) -> Vec<Event> {
    let due = ledger.placement(placement_id).filter(|placement| {
        let PlacementState::OnLeave(leave) = &placement.state else { return false };
        leave.until_date <= context.today()
    });
    let Some(before) = due else { return vec![Event::NothingToDo] };
    let placement = Placement { state: PlacementState::Running, ..before.clone() };
    changed(placement, PlacementChange::LeaveOver)
}

fn changed(placement: Placement, change: PlacementChange) -> Vec<Event> {
    vec![Event::PlacementChanged { placement, change }]
}

/// The placement, if the ledger has it.
pub(super) fn known_placement(ledger: &Ledger, id: PlacementId) -> Result<&Placement, Refusal> {
    let missing = || Refusal::NotFound { what: "placement", id: id.to_string() };
    ledger.placement(id).ok_or_else(missing)
}

/// A placement that is not over: nothing else is changed.
fn under_way<'a>(
    ledger: &'a Ledger,
    id: PlacementId,
    transition: &'static str,
) -> Result<&'a Placement, Refusal> {
    let placement = known_placement(ledger, id)?;
    if placement.state.uses() { Ok(placement) } else { Err(wrong_state(placement, transition)) }
}

pub(super) fn wrong_state(placement: &Placement, transition: &'static str) -> Refusal {
    Refusal::WrongState { what: "the placement", state: placement.state.name(), transition }
}

/// One more change must fit: a placement is one row.
pub(super) fn require_history(placement: &Placement) -> Result<(), Refusal> {
    // The share it began with comes into the list together with the second.
    let so_far = placement.shares.len().max(placement.past_debits.len()).max(1);
    require_one_more(Limited::PlacementChanges, so_far, PLACEMENT_HISTORY_MAX)
}
