//! Decisions that give a place to somebody who is named, and not to whoever a run names.

use std::collections::BTreeSet;

use crate::domain::{
    access::ActorKey,
    account::AccountKey,
    allocation::{
        Offer, OfferState, PassedOverReason, Placement, PlacementState, RunReport, RunScope,
        run_watched,
    },
    calendar::working_days_after,
    command::{PlacePerson, StartDirectly},
    enforcement::Level,
    event::{Event, PlacementChange},
    ids::{IdSource, OfferId, PlaceGroupId, PlacementId},
    ledger::{
        Context, Ledger,
        decide_offer::{confirmed, require_start_date},
        decide_transfer::require_combinable,
        guards::{
            known_entry, require_free, require_no_increase, require_open_group, wrong_entry_state,
        },
        passes::passes,
    },
    refusal::{Refusal, Stop},
    shadow::{Verdict, shadow},
    waitlist::{Entry, EntryState},
};

/// Out of turn: an offer at once, since a named person has decided on it (I12). How far the
/// order binds says whether that needs a reason; the accounts bind always (I1, I2). What others
/// reserve may be taken too: it is kept from those behind them in the order, and this is not
/// by the order.
pub(super) fn place_person(
    ledger: &Ledger,
    c: &PlacePerson,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let measure = context.measure(ledger)?;
    context.require_queue_here(ledger)?;
    let enforcement = &ledger.frame().enforcement;
    if enforcement.level() == Level::Bind {
        require_reason(c, "the ledger's order binds")?;
    }
    let entry = known_entry(ledger, c.entry_id)?;
    match entry.state {
        EntryState::Waiting | EntryState::Paused { .. } | EntryState::CoolingDown { .. } => {}
        EntryState::Proposed(_)
        | EntryState::Offered(_)
        | EntryState::Accepted(_)
        | EntryState::Placed(_)
        | EntryState::Closed => return Err(wrong_entry_state(entry, "PLACE").into()),
    }
    require_no_increase(entry, "PLACE")?;
    let account = require_room(ledger, entry, c.place_group_id, context, "PLACE")?;
    let by_rules =
        || shadow(ledger, entry, c.place_group_id, context.at, context.run_rules(ledger));
    let shadow = enforcement.is_recorded().then(by_rules).transpose()?;
    let verdict = shadow.as_ref().map(|shadow| shadow.verdict(c.entry_id));
    if enforcement.level() == Level::Advise && verdict == Some(Verdict::Deviates) {
        require_reason(c, "the rules would give this place to somebody else")?;
    }
    let holidays = context.registry.holidays();
    let confirm_by = working_days_after(context.at, measure.confirm_working_days, holidays);
    // From here it happens.
    let offer_id = OfferId(ids.next_id());
    let offer = Offer {
        offer_id,
        entry_id: c.entry_id,
        place_group_id: c.place_group_id,
        account,
        participation_percent: entry.participation_percent,
        proposed_time: context.at,
        proposed_seq: ledger.head().seq + 1,
        out_of_turn: c.out_of_turn.clone(),
        object_by: None,
        objection: None,
        extension: None,
        shadow,
        let_go: None,
        state: OfferState::Proposed { confirm_by },
    };
    let by = ActorKey::of(context.actor).to_string();
    Ok(vec![Event::Proposed { offer }, confirmed(offer_id, by, measure, context)])
}

/// Requires that it is said why the order is left.
fn require_reason(c: &PlacePerson, why: &'static str) -> Result<(), Refusal> {
    if c.reason.is_some() { Ok(()) } else { Err(Refusal::ReasonRequired(why)) }
}

/// Without an offer (lavterskel): whoever a run over the group would serve first. Those whom
/// such a run passes over are told of as in any other (I6).
pub(super) fn start_directly(
    ledger: &Ledger,
    c: &StartDirectly,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    const MOVE: &str = "START";
    if !context.measure(ledger)?.rules.direct_start {
        let rule = "nobody begins without an offer in this measure type";
        return Err(Refusal::MeasureTypeRule(rule).into());
    }
    context.require_queue_here(ledger)?;
    let entry = known_entry(ledger, c.entry_id)?;
    if entry.state != EntryState::Waiting {
        return Err(wrong_entry_state(entry, MOVE).into());
    }
    require_no_increase(entry, MOVE)?;
    require_start_date(c.start_date, context)?;
    require_combinable(ledger, &c.elsewhere, context)?;
    let account = require_room(ledger, entry, c.place_group_id, context, MOVE)?;
    let report = require_first(ledger, entry, c.place_group_id, context)?;
    let passed = passes(ledger, &[], &report, context);
    // From here it happens.
    let placement = Placement {
        placement_id: PlacementId(ids.next_id()),
        entry_id: c.entry_id,
        offer_id: None,
        place_group_id: c.place_group_id,
        account,
        participation_percent: entry.participation_percent,
        start_date: c.start_date,
        shares: Vec::new(),
        past_debits: Vec::new(),
        planned_end_date: None,
        guest: false,
        review: None,
        increase: None,
        state: PlacementState::Running,
    };
    let change = PlacementChange::StartedDirectly;
    let started = [Event::RunMade { report }, Event::PlacementChanged { placement, change }];
    Ok(started.into_iter().chain(passed).collect())
}

/// Requires that the group is open and that both accounts have room for the entry's share;
/// the second of them.
fn require_room(
    ledger: &Ledger,
    entry: &Entry,
    id: PlaceGroupId,
    context: &Context<'_>,
    transition: &'static str,
) -> Result<AccountKey, Refusal> {
    require_open_group(ledger, id, context, transition)?;
    let second = ledger.queue_of(entry).account();
    for key in [AccountKey::PlaceGroup(id), second.clone()] {
        require_free(ledger, &key, i64::from(entry.participation_percent))?;
    }
    Ok(second)
}

/// Requires that a run over the group serves this entry first.
fn require_first(
    ledger: &Ledger,
    entry: &Entry,
    group: PlaceGroupId,
    context: &Context<'_>,
) -> Result<RunReport, Stop> {
    let only_groups = BTreeSet::from([group]);
    let rules = context.run_rules(ledger);
    let scope = RunScope { only_groups, ..RunScope::all(context.at, 1, rules) };
    let mut own = Ok(());
    let (served, report) = run_watched(ledger, &scope, |judged, judgement| {
        if judged == entry.entry_id {
            own = judgement;
        }
    })?;
    if let Err(reason) = own {
        let what = "this place to the entry";
        let state = reason_name(reason);
        return Err(Refusal::WrongState { what, state, transition: "START" }.into());
    }
    match served.first() {
        Some(first) if first.entry_id == entry.entry_id => Ok(report),
        Some(_) | None => Err(Refusal::NotFirst.into()),
    }
}

fn reason_name(reason: PassedOverReason) -> &'static str {
    match reason {
        PassedOverReason::NoQuota => "NO_QUOTA",
        PassedOverReason::NoAcceptablePlace => "NO_ACCEPTABLE_PLACE",
        PassedOverReason::ParticipationDoesNotFit => "PARTICIPATION_DOES_NOT_FIT",
        PassedOverReason::WorkField => "WORK_FIELD",
        PassedOverReason::DeclinedHere => "DECLINED_HERE",
        PassedOverReason::ObjectedHere => "OBJECTED_HERE",
        PassedOverReason::OfferWithdrawn => "OFFER_WITHDRAWN",
        PassedOverReason::ReservedForAnother => "RESERVED_FOR_ANOTHER",
    }
}
