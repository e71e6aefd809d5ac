//! Placements under way: every move from every state, what each does to both accounts, and
//! closures of the groups they are in.

use tiltaksplass::domain::{
    allocation::{Leave, RunEnd, Share},
    capacity::Closure,
    command::{MovePlacement, ReassignPlacement, ReportClosure},
    event::{EntryChange, PlacementChange},
    ledger::{Due, DueKind, rows},
    measure::Span,
    placement::PLACEMENT_HISTORY_MAX,
    refusal::Days,
    waitlist::EntryState,
};

use super::*;

mod away;
mod closure_changes;
mod closures;
mod increases;
mod reviews;
mod sequences;
mod shares;

fn change(placement_id: PlacementId, change: PlacementAsk) -> Command {
    Command::ChangePlacement(ChangePlacement { placement_id, change, case_reference: None })
}

fn share(id: PlacementId, percent: u32, valid_from: Date) -> Command {
    change(id, PlacementAsk::Share { percent, valid_from, wait_if_full: false })
}

fn grow(id: PlacementId, percent: u32) -> Command {
    commands::grow(id, percent, TODAY)
}

fn plan_end(id: PlacementId, date: Option<Date>) -> Command {
    change(id, PlacementAsk::PlannedEnd { date })
}

fn go_on_leave(id: PlacementId, from_date: Date, until_date: Date) -> Command {
    change(id, PlacementAsk::GoOnLeave(Leave { from_date, until_date, reason: None }))
}

fn come_back(id: PlacementId) -> Command {
    change(id, PlacementAsk::Return)
}

fn move_to(placement_id: PlacementId, place_group_id: PlaceGroupId) -> Command {
    let (text, case_reference) = (None, None);
    Command::MovePlacement(MovePlacement { placement_id, place_group_id, text, case_reference })
}

fn reassign(placement_id: PlacementId, number: &str) -> Command {
    Command::ReassignPlacement(ReassignPlacement {
        placement_id,
        municipality_number: municipality(number),
        following_office_number: "5702".parse().unwrap(),
        case_reference: None,
    })
}

fn close(group: PlaceGroupId, from_date: Date, until_date: Option<Date>) -> Command {
    let (reason, reported_by) = (None, String::new());
    let closure = Closure { from_date, until_date, reason, reported_by };
    Command::ReportClosure(ReportClosure { place_group_id: group, closure, case_reference: None })
}

/// Somebody of Trondheim who uses so much of a place of the only group.
struct Placed {
    ledger: Ledger,
    id: PlacementId,
    group: PlaceGroupId,
}

impl Placed {
    /// Two places in the group, and quotas of two for Trondheim and one for Hemne.
    fn new(percent: u32) -> Self {
        let mut ledger = vta_with_quotas(&[(TRONDHEIM, 2), (HEMNE, 1)]);
        let group = add_group(&mut ledger, 2, &[]);
        let id = begin(&mut ledger, commands::join_part(1, TRONDHEIM, percent));
        Self { ledger, id, group }
    }

    fn at(state: &str) -> Self {
        let mut placed = Self::new(100);
        let id = placed.id;
        match state {
            "RUNNING" => {}
            "ON_LEAVE" => placed.does(go_on_leave(id, TODAY, days_on(10))),
            "ENDING" => placed.does(commands::end(id, days_on(20))),
            _ => placed.does(commands::end(id, TODAY)),
        }
        assert_eq!(placed.state(), state);
        placed
    }

    fn happen(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        happen(&mut self.ledger, command, noon())
    }

    fn does(&mut self, command: Command) {
        self.happen(command).unwrap();
    }

    fn refused(&mut self, command: Command) -> Refusal {
        let before = self.ledger.clone();
        let refusal = self.happen(command).unwrap_err();
        assert_eq!(before, self.ledger);
        refusal
    }

    fn placement(&self) -> &Placement {
        placement(&self.ledger, self.id)
    }

    fn state(&self) -> &'static str {
        self.placement().state.name()
    }

    /// What the placement's own group and each municipality's quota have in use.
    fn in_use(&self) -> (i64, i64, i64) {
        let group = group_figures(&self.ledger, self.placement().place_group_id).1;
        let quota = |number| figures(&self.ledger, &quota_of(number)).1;
        (group, quota(TRONDHEIM), quota(HEMNE))
    }
}

/// Somebody joins, is offered a place at once, and begins today.
fn begin(ledger: &mut Ledger, join: JoinWaitlist) -> PlacementId {
    add_entry(ledger, join);
    let offer_id = offers_of(&allocate(ledger, 1)).next().unwrap().offer_id;
    happen(ledger, commands::confirm(&[offer_id]), noon()).unwrap();
    happen(ledger, commands::respond(offer_id, true), noon()).unwrap();
    let events = happen(ledger, commands::start(offer_id, TODAY), noon()).unwrap();
    let [Event::PlacementStarted { placement }] = events.as_slice() else { panic!("{events:?}") };
    placement.placement_id
}

fn due(ledger: &Ledger) -> Vec<Due> {
    let due = rows(ledger).due.into_iter().filter(|(_, stands)| *stands);
    due.map(|(due, _)| due).filter(|due| due.kind != DueKind::BeginDay).collect()
}

fn wrong_state(what: &'static str, state: &'static str, transition: &'static str) -> Refusal {
    Refusal::WrongState { what, state, transition }
}

fn out_of_range(refusal: &Refusal) -> &'static str {
    let Refusal::DateOutOfRange { field, .. } = refusal else { panic!("{refusal:?}") };
    field
}

// ---- The states ----

const STATES: [&str; 4] = ["RUNNING", "ON_LEAVE", "ENDING", "ENDED"];

/// What makes a move, and the state after it from each of [`STATES`]; empty where it is
/// refused.
type Move = (&'static str, fn(&Placed, PlaceGroupId) -> Command, [&'static str; 4]);

const MOVES: [Move; 9] = [
    ("CHANGE_SHARE", |p, _| share(p.id, 50, TODAY), ["RUNNING", "ON_LEAVE", "ENDING", ""]),
    ("PLAN_END", |p, _| plan_end(p.id, None), ["RUNNING", "ON_LEAVE", "ENDING", ""]),
    ("GO_ON_LEAVE", |p, _| go_on_leave(p.id, TODAY, days_on(9)), ["ON_LEAVE", "", "", ""]),
    ("RETURN", |p, _| come_back(p.id), ["", "RUNNING", "", ""]),
    ("MOVE", |p, other| move_to(p.id, other), ["RUNNING", "ON_LEAVE", "ENDING", ""]),
    ("REASSIGN", |p, _| reassign(p.id, HEMNE), ["RUNNING", "ON_LEAVE", "ENDING", ""]),
    ("END", |p, _| commands::end(p.id, TODAY), ["ENDED", "ENDED", "ENDED", ""]),
    ("END", |p, _| commands::end(p.id, days_on(1)), ["ENDING", "ENDING", "ENDING", ""]),
    // By time, and before it: nothing is refused, and nothing is done.
    ("", |p, _| Command::EndLeave { placement_id: p.id }, STATES),
];

#[test]
fn every_move_from_every_state() {
    for (transition, command, after) in MOVES {
        for (state, after) in STATES.into_iter().zip(after) {
            let mut placed = Placed::at(state);
            let other = add_group(&mut placed.ledger, 1, &[]);
            let command = command(&placed, other);
            if after.is_empty() {
                let expected = wrong_state("the placement", state, transition);
                assert_eq!(placed.refused(command), expected);
            } else {
                placed.does(command);
                assert_eq!(placed.state(), after, "{transition} from {state}");
            }
            // Whatever happened, both accounts hold what the placement uses and nothing else.
            let uses = placed.placement().state.uses();
            let percent = i64::from(placed.placement().participation_percent);
            let (group, trondheim, hemne) = placed.in_use();
            let expected = if uses { percent } else { 0 };
            assert_eq!((group, trondheim + hemne), (expected, expected));
        }
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut placed = Placed::new(100);
    let (id, group) = (PlacementId(Uuid::nil()), PlaceGroupId(Uuid::nil()));
    let missing = |what, id: Uuid| Refusal::NotFound { what, id: id.to_string() };
    for command in [share(id, 50, TODAY), move_to(id, placed.group), reassign(id, HEMNE)] {
        assert_eq!(placed.refused(command), missing("placement", id.0));
    }
    assert_eq!(placed.refused(move_to(placed.id, group)), missing("place group", group.0));
    assert_eq!(placed.refused(close(group, TODAY, None)), missing("place group", group.0));
}

// ---- Planned end ----

#[test]
fn a_planned_end_ends_nothing() {
    let mut placed = Placed::new(100);
    let id = placed.id;
    placed.does(plan_end(id, Some(days_on(1))));
    assert_eq!(placed.placement().planned_end_date, Some(days_on(1)));
    assert_eq!((placed.state(), due(&placed.ledger)), ("RUNNING", Vec::new()));
    for day in [days_on(-1), days_on(3_661)] {
        assert_eq!(out_of_range(&placed.refused(plan_end(id, Some(day)))), "planned_end.date");
    }
    placed.does(plan_end(id, Some(days_on(3_660))));
    placed.does(plan_end(id, None));
    assert_eq!(placed.placement().planned_end_date, None);
}

#[test]
fn no_end_is_planned_beyond_the_most_a_type_allows() {
    let mut placed = Placed::new(100);
    let mut registry = REGISTRY.clone();
    let RegistryRow::MeasureType(mut vta) = measure("VTA", Distribution::ByMunicipality, true)
    else {
        panic!()
    };
    vta.rules.hard_maximum = Some(Span::Months(12));
    let plan = registry.plan_import(&[RegistryRow::MeasureType(vta)]).unwrap();
    registry.apply(2, &plan.rows);
    let decided = |date| {
        let at = placed.ledger.next_time(noon());
        let who = actor("county");
        let context = Context { at, registry: &registry, actor: &who, rules: RULES_VERSION };
        let mut ids = IdSource::new(seed(1), at);
        decide(&placed.ledger, &plan_end(placed.id, Some(date)), &context, &mut ids)
    };
    assert!(decided(date!(2012 - 03 - 01)).is_ok());
    let refused = decided(date!(2012 - 03 - 02)).unwrap_err();
    assert!(matches!(refused, Stop::Refused(Refusal::MeasureTypeRule(_))), "{refused:?}");
    // Who stays longer is not put out, and is ended by people alone.
    placed.does(commands::end(placed.id, days_on(366)));
}

#[test]
fn spans_end_on_the_same_day_or_on_the_last_of_the_month() {
    let cases = [
        (Span::Weeks(0), date!(2011 - 03 - 01), date!(2011 - 03 - 01)),
        (Span::Weeks(12), date!(2010 - 12 - 20), date!(2011 - 03 - 14)),
        (Span::Months(1), date!(2011 - 01 - 31), date!(2011 - 02 - 28)),
        (Span::Months(1), date!(2012 - 01 - 31), date!(2012 - 02 - 29)),
        (Span::Months(13), date!(2011 - 12 - 31), date!(2013 - 01 - 31)),
        (Span::Months(24), date!(2012 - 02 - 29), date!(2014 - 02 - 28)),
        (Span::Months(u32::MAX), date!(2012 - 02 - 29), Date::MAX),
        (Span::Weeks(u32::MAX), date!(2012 - 02 - 29), Date::MAX),
    ];
    for (span, from, after) in cases {
        assert_eq!(span.after(from), after, "{span:?} from {from}");
    }
}

// ---- Leave ----

#[test]
fn a_leave_keeps_the_place_and_is_over_on_its_day() {
    let mut placed = Placed::new(50);
    let id = placed.id;
    placed.does(go_on_leave(id, TODAY, days_on(3)));
    assert_eq!(placed.in_use(), (50, 50, 0));
    let [due_now] = due(&placed.ledger)[..] else { panic!() };
    assert_eq!((due_now.kind, due_now.at), (DueKind::EndLeave, hour(days_on(3), 0)));
    let early = happen(&mut placed.ledger, due_now.command(), just_before(due_now.at)).unwrap();
    assert_eq!(early, [Event::NothingToDo]);
    let events = happen(&mut placed.ledger, due_now.command(), due_now.at).unwrap();
    let [Event::PlacementChanged { change: PlacementChange::LeaveOver, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((placed.state(), placed.in_use()), ("RUNNING", (50, 50, 0)));
    assert_eq!(due(&placed.ledger), []);
}

#[test]
fn who_returns_or_ends_has_no_leave_left() {
    let mut placed = Placed::at("ON_LEAVE");
    placed.does(come_back(placed.id));
    assert_eq!(due(&placed.ledger), []);
    let mut placed = Placed::at("ON_LEAVE");
    placed.does(commands::end(placed.id, days_on(5)));
    let [only] = due(&placed.ledger)[..] else { panic!() };
    assert_eq!(only.kind, DueKind::FinishPlacement);
    let mut placed = Placed::at("ON_LEAVE");
    placed.does(commands::end(placed.id, TODAY));
    assert_eq!((due(&placed.ledger), placed.in_use()), (Vec::new(), (0, 0, 0)));
}

#[test]
fn a_leave_has_begun_is_not_over_and_lasts_two_years_at_most() {
    let mut placed = Placed::new(100);
    let id = placed.id;
    for (from, until, field) in [
        (-1, 5, "leave.from_date"),
        (1, 5, "leave.from_date"),
        (0, 0, "leave.until_date"),
        (0, 733, "leave.until_date"),
    ] {
        let refused = placed.refused(go_on_leave(id, days_on(from), days_on(until)));
        assert_eq!(out_of_range(&refused), field, "{from} {until}");
    }
    placed.does(go_on_leave(id, TODAY, days_on(732)));
}

// ---- Another group ----

#[test]
fn a_move_takes_the_share_along_and_leaves_the_quota() {
    let mut placed = Placed::new(60);
    let (id, old) = (placed.id, placed.group);
    let full = add_group(&mut placed.ledger, 0, &[]);
    let free = add_group(&mut placed.ledger, 1, &[]);
    let waiting = add_entry(&mut placed.ledger, commands::join(2, HEMNE));
    let refused = placed.refused(move_to(id, full));
    let what = "the place group";
    assert_eq!(refused, Refusal::NoRoom { what, free_percent: 0, needed_percent: 60 });
    let refused = placed.refused(move_to(id, old));
    assert_eq!(refused, wrong_state("the placement", "IN_THAT_GROUP", "MOVE"));
    let events = placed.happen(move_to(id, free)).unwrap();
    let [Event::PlacementChanged { change: PlacementChange::Moved { from_place_group, .. }, .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*from_place_group, old);
    assert_eq!(placed.in_use(), (60, 60, 0));
    assert_eq!(group_figures(&placed.ledger, old), (0, 0));
    // What became free waits for a run.
    assert_eq!(entry(&placed.ledger, waiting).state, EntryState::Waiting);
    // Within a day nothing stood on the old accounts for any time.
    assert_eq!(placed.placement().past_debits, []);
    happen(&mut placed.ledger, move_to(id, old), hour(days_on(2), 12)).unwrap();
    let [past] = &placed.placement().past_debits[..] else { panic!() };
    assert_eq!((past.place_group_id, past.from_date, past.until_date), (free, TODAY, days_on(2)));
}

// ---- Another municipality ----

fn events_of(placed: &mut Placed, number: &str) -> (EntryChange, Option<PlacementChange>) {
    let events = placed.happen(reassign(placed.id, number)).unwrap();
    let [Event::EntryChanged { change, entry }, rest @ ..] = &events[..] else { panic!() };
    assert_eq!(entry.municipality_number, municipality(number));
    assert_eq!(entry.following_office_number, "5702".parse().unwrap());
    let of_placement = rest.first().map(|event| {
        let Event::PlacementChanged { change, .. } = event else { panic!("{event:?}") };
        change.clone()
    });
    (change.clone(), of_placement)
}

#[test]
fn the_quota_moved_to_pays_if_it_has_room() {
    let mut placed = Placed::new(70);
    let from_municipality = municipality(TRONDHEIM);
    let expected = (
        EntryChange::Transferred { from_municipality: from_municipality.clone(), reason: None },
        Some(PlacementChange::Reassigned { from_municipality }),
    );
    assert_eq!(events_of(&mut placed, HEMNE), expected);
    assert_eq!((placed.in_use(), placed.placement().guest), ((70, 0, 70), false));
    // Only the office is another.
    let (change, _) = events_of(&mut placed, HEMNE);
    assert_eq!((change, placed.in_use()), (EntryChange::Updated, (70, 0, 70)));
}

#[test]
fn a_guest_stays_until_there_is_room_or_the_way_leads_back() {
    let mut placed = Placed::new(70);
    let id = placed.id;
    let other = begin(&mut placed.ledger, commands::join_part(2, HEMNE, 40));
    events_of(&mut placed, HEMNE);
    assert_eq!((placed.in_use(), placed.placement().guest), ((110, 70, 40), true));
    // Back home.
    events_of(&mut placed, TRONDHEIM);
    assert_eq!((placed.in_use(), placed.placement().guest), ((110, 70, 40), false));
    // Out again, tried again in vain, and then with room.
    events_of(&mut placed, HEMNE);
    events_of(&mut placed, HEMNE);
    assert!(placed.placement().guest);
    happen(&mut placed.ledger, commands::end(other, TODAY), noon()).unwrap();
    events_of(&mut placed, HEMNE);
    assert_eq!((placed.in_use(), placed.placement().guest), ((70, 0, 70), false));
    // A municipality without a quota has no room.
    events_of(&mut placed, ORKDAL);
    assert!(placed.placement().guest);
    assert_eq!(placed.placement().account, quota_of(HEMNE));
    placed.does(commands::end(id, TODAY));
    assert_eq!(placed.in_use(), (0, 0, 0));
}

#[test]
fn who_is_reassigned_stays_in_the_area() {
    let mut placed = Placed::new(70);
    let refused = placed.refused(reassign(placed.id, STEINKJER));
    let problem = "is not a municipality of this area";
    let (field, value) = ("municipality_number", STEINKJER.to_owned());
    assert_eq!(refused, Refusal::RegistryMismatch { field, value, problem });
    let Command::ReassignPlacement(mut c) = reassign(placed.id, HEMNE) else { panic!() };
    c.following_office_number = "5799".parse().unwrap();
    let refused = placed.refused(Command::ReassignPlacement(c));
    assert!(matches!(refused, Refusal::RegistryMismatch { field: "following_office_number", .. }));
}

#[test]
fn in_a_pool_only_the_entry_changes() {
    let mut ledger = avklaring();
    happen(&mut ledger, commands::budget(from(1, TODAY)), noon()).unwrap();
    let group = add_group(&mut ledger, 1, &[]);
    let id = begin(&mut ledger, commands::join(1, TRONDHEIM));
    let mut placed = Placed { ledger, id, group };
    let before = placed.placement().clone();
    let (change, of_placement) = events_of(&mut placed, HEMNE);
    assert!(matches!(change, EntryChange::Transferred { .. }));
    assert_eq!(of_placement, None);
    assert_eq!(*placed.placement(), before);
}
