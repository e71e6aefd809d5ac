//! Where somebody stands in a queue and what it waits for, or what is held for it: as it is
//! now, in a structure and in words to the person.

use time::Date;

use crate::domain::{
    allocation::{
        Objection, Offer, OfferState, PassedOverReason, Placement, PlacementState, RunRules,
        RunScope, judge_alone,
    },
    calendar::Timestamp,
    explanation::{
        ended::{closed, taken_over},
        increase,
        language::Language,
        sentences::{
            Tense, about, free_places, order, paragraph, place_in_queue, room, who_decides,
        },
        standing::{Position, Site, Standing},
    },
    ids::PlaceGroupId,
    ledger::Ledger,
    registry::Registry,
    waitlist::{Entry, EntryState},
};

/// Where an entry stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionExplanation {
    /// Its place in the queue, and what is free for it. It has a position only while it
    /// waits.
    pub standing: Standing,
    /// What it waits for, or holds.
    pub now: Now,
}

/// What an entry waits for, or holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Now {
    /// It waits: for its turn, or for what a run would find missing.
    Waits(Result<(), PassedOverReason>),
    /// A place is proposed for it. The person has no offer, and is not told where.
    Proposed,
    /// The person may answer an offer.
    Offered {
        /// Of what.
        holding: Holding,
        /// The offer expires then.
        answer_by: Timestamp,
        /// Whether the provider has something against it that the office has not decided on.
        is_objected_to: bool,
    },
    /// The person has said yes.
    Accepted(Holding),
    /// The person uses a place.
    Placed {
        /// Which.
        holding: Holding,
        /// From this day on.
        start_date: Date,
        /// The last day, if it is known.
        last_day: Option<LastDay>,
        /// The last day of a leave, if the person is away.
        on_leave_until: Option<Date>,
    },
    /// It is on pause.
    Paused {
        /// The first day it is eligible again, if one is set.
        until: Option<Date>,
    },
    /// The person has let an offer go lately.
    CoolingDown {
        /// It is eligible again then.
        until: Timestamp,
    },
    /// It has ended.
    Closed {
        /// Whether it goes on in another area, where the person has moved.
        moved: bool,
    },
    /// It goes on in the measure type that took over.
    TakenOver {
        /// What the registry calls that type.
        by: Option<String>,
    },
}

/// The last day of a placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastDay {
    /// It is set.
    Set(Date),
    /// It is planned, and ends nothing by itself.
    Planned(Date),
}

/// A place that is held or used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Where.
    pub site: Option<Site>,
    /// The share of it, 1-100.
    pub participation_percent: u32,
}

/// Explains where `entry` stands at a time in a ledger whose accounts and place groups are loaded.
/// `offers` and `placements` are its own; `None` where what it holds is not among them.
pub fn explain_position(
    ledger: &Ledger,
    registry: &Registry,
    entry: &Entry,
    position: Option<Position>,
    (offers, placements): (&[Offer], &[Placement]),
    at: Timestamp,
) -> Option<PositionExplanation> {
    let holding = |group: PlaceGroupId, participation_percent| {
        let site = ledger.place_group(group).map(|group| Site::of(group, registry));
        Holding { site, participation_percent }
    };
    let now = match entry.state {
        EntryState::Waiting => {
            let scope = RunScope::all(at, 1, RunRules::default());
            Now::Waits(judge_alone(ledger, &scope, entry))
        }
        EntryState::Proposed(_) => Now::Proposed,
        EntryState::Offered(id) => {
            let offer = offers.iter().find(|offer| offer.offer_id == id)?;
            let OfferState::Offered { answer_by, .. } = offer.state else { return None };
            let holding = holding(offer.place_group_id, offer.participation_percent);
            let is_objected_to = offer.objection.as_ref().is_some_and(Objection::is_open);
            Now::Offered { holding, answer_by, is_objected_to }
        }
        EntryState::Accepted(id) => {
            let offer = offers.iter().find(|offer| offer.offer_id == id)?;
            Now::Accepted(holding(offer.place_group_id, offer.participation_percent))
        }
        EntryState::Placed(id) => {
            let placement = placements.iter().find(|placement| placement.placement_id == id)?;
            Now::Placed {
                holding: holding(placement.place_group_id, placement.participation_percent),
                start_date: placement.start_date,
                last_day: last_day(placement),
                on_leave_until: on_leave_until(placement),
            }
        }
        EntryState::Paused { until } => Now::Paused { until },
        EntryState::CoolingDown { until } => Now::CoolingDown { until },
        EntryState::Closed => closed_now(ledger, registry, entry, at),
    };
    let standing = Standing::of(ledger, entry, position, registry, at);
    Some(PositionExplanation { standing, now })
}

/// Whether, and where, what has ended goes on.
fn closed_now(ledger: &Ledger, registry: &Registry, entry: &Entry, at: Timestamp) -> Now {
    let moved_to = entry.closed.as_ref().and_then(|closed| closed.moved_to.as_ref());
    match moved_to.map(|to| &to.measure_code) {
        Some(code) if *code != ledger.id().measure_code => {
            let by = registry.measure_type_on(code, at.date_in_norway());
            Now::TakenOver { by: by.map(|measure| measure.name.clone()) }
        }
        moved => Now::Closed { moved: moved.is_some() },
    }
}

/// What is kept is the first day after.
fn last_day(placement: &Placement) -> Option<LastDay> {
    let set = placement.state.end().and_then(|end| end.end_date.previous_day());
    let planned = placement.planned_end_date.and_then(Date::previous_day);
    set.map(LastDay::Set).or(planned.map(LastDay::Planned))
}

fn on_leave_until(placement: &Placement) -> Option<Date> {
    match &placement.state {
        PlacementState::OnLeave(leave) => leave.until_date.previous_day(),
        PlacementState::Running | PlacementState::Ending(_) | PlacementState::Ended(_) => None,
    }
}

/// Where somebody stands, in words.
pub fn position_paragraphs(e: &PositionExplanation, l: Language) -> Vec<String> {
    let mut first = vec![about(&e.standing.names, l)];
    let Now::Waits(waits_for) = &e.now else {
        let held = held(&e.now, l);
        first.extend(match (e.standing.is_increase, &e.now) {
            (false, _) => held,
            (true, Now::Closed { .. }) => increase::over(l),
            (true, _) => increase::held(held, l),
        });
        return vec![paragraph(&first)];
    };
    if e.standing.is_increase {
        first.extend(increase::waits(l));
    } else {
        first.push(l.say(
            "Du står på ventelisten.",
            "Du står på ventelista.",
            "You are on the waitlist.",
        ));
    }
    first.extend(place_in_queue(&e.standing, Tense::Now, l));
    let mut free = free_places(&e.standing, Tense::Now, l);
    free.push(room(&e.standing, Tense::Now, l));
    free.extend(waits_for_what(e, *waits_for, l));
    free.push(l.say(
        "Dette gjelder i dag og kan endre seg.",
        "Dette gjeld i dag og kan endre seg.",
        "This holds today and may change.",
    ));
    let paragraphs = [first, order(&e.standing, l), free, who_decides(l)];
    paragraphs.iter().map(|sentences| paragraph(sentences)).collect()
}

fn waits_for_what(
    e: &PositionExplanation,
    waits_for: Result<(), PassedOverReason>,
    l: Language,
) -> Vec<String> {
    match waits_for {
        Ok(()) => waits_for_turn(e.standing.position, l),
        Err(PassedOverReason::NoQuota) if e.standing.municipality.is_some() => {
            let name = e.standing.names.municipality(l);
            vec![l.of(
                format!("Du venter på at det blir rom i andelen til {name}."),
                format!("Du ventar på at det blir rom i andelen til {name}."),
                format!("You are waiting for room in the share of {name}."),
            )]
        }
        Err(PassedOverReason::NoQuota) => vec![l.say(
            "Du venter på at det blir rom i plassrammen.",
            "Du ventar på at det blir rom i plassramma.",
            "You are waiting for room in the place budget.",
        )],
        Err(
            PassedOverReason::NoAcceptablePlace
            | PassedOverReason::WorkField
            | PassedOverReason::DeclinedHere
            | PassedOverReason::ObjectedHere
            | PassedOverReason::OfferWithdrawn
            | PassedOverReason::ReservedForAnother,
        ) => vec![l.say(
            "Du venter på at det blir ledig på et sted som passer for deg.",
            "Du ventar på at det blir ledig på ein stad som passar for deg.",
            "You are waiting for a free place at a site that suits you.",
        )],
        Err(PassedOverReason::ParticipationDoesNotFit) => {
            let share = l.share(e.standing.participation_percent);
            vec![
                l.of(
                    format!("Det som er ledig, er mindre enn {share}."),
                    format!("Det som er ledig, er mindre enn {share}."),
                    format!("What is free is less than {share}."),
                ),
                l.say(
                    "Du venter på at mer blir ledig.",
                    "Du ventar på at meir blir ledig.",
                    "You are waiting for more to become free.",
                ),
            ]
        }
    }
}

/// A run would serve it, if nobody ahead takes what is free.
fn waits_for_turn(position: Option<Position>, l: Language) -> Vec<String> {
    if position.is_some_and(|position| position.in_area == 1) {
        return vec![l.say(
            "Du venter på at de ledige plassene blir fordelt.",
            "Du ventar på at dei ledige plassane blir fordelte.",
            "You are waiting for the free places to be shared out.",
        )];
    }
    vec![
        l.say("Du venter på tur.", "Du ventar på tur.", "You are waiting for your turn."),
        l.say(
            "De som står foran deg, kommer først.",
            "Dei som står framfor deg, kjem først.",
            "Those who stand ahead of you come first.",
        ),
    ]
}

/// What an entry that does not wait holds.
fn held(now: &Now, l: Language) -> Vec<String> {
    match now {
        Now::Waits(_) => Vec::new(),
        Now::Proposed => proposed(l),
        Now::Offered { holding, answer_by, is_objected_to } => {
            offered(holding, *answer_by, *is_objected_to, l)
        }
        Now::Accepted(holding) => accepted(holding, l),
        Now::Placed { holding, start_date, last_day, on_leave_until } => {
            placed(holding, *start_date, (*last_day, *on_leave_until), l)
        }
        Now::Paused { until } => {
            let on_pause = l.say(
                "Plassen din i køen er satt på pause.",
                "Plassen din i køen er sett på pause.",
                "Your place in the queue is on pause.",
            );
            let until = until.map(|until| l.date(until));
            [vec![on_pause], keeps_turn(until, l)].concat()
        }
        Now::CoolingDown { until } => {
            let lately = l.say(
                "Du har nylig takket nei til et tilbud, eller ikke svart på det.",
                "Du har nyleg takka nei til eit tilbod, eller ikkje svart på det.",
                "You have recently declined an offer, or not answered it.",
            );
            [vec![lately], keeps_turn(Some(l.day(*until)), l)].concat()
        }
        Now::Closed { moved } => closed(*moved, l),
        Now::TakenOver { by } => taken_over(by.as_deref(), l),
    }
}

/// Who does not stand in the queue for a while does not lose the turn.
fn keeps_turn(until: Option<String>, l: Language) -> Vec<String> {
    let keeps = l.say(
        "Du får ingen tilbud nå, men du beholder ventetiden din.",
        "Du får ingen tilbod no, men du held på ventetida di.",
        "You are offered nothing now, but you keep your waiting time.",
    );
    let back = match until {
        Some(until) => l.of(
            format!("Du er tilbake i køen {until}."),
            format!("Du er tilbake i køen {until}."),
            format!("You are back in the queue on {until}."),
        ),
        None => l.say(
            "Si fra til NAV-kontoret når du vil tilbake i køen.",
            "Sei frå til NAV-kontoret når du vil tilbake i køen.",
            "Tell the NAV office when you want to be back in the queue.",
        ),
    };
    vec![keeps, back]
}

/// Not of a place: only an offer is one.
fn proposed(l: Language) -> Vec<String> {
    vec![
        l.say(
            "Saken din er til vurdering, og du står ikke i køen nå.",
            "Saka di er til vurdering, og du står ikkje i køen no.",
            "Your case is being considered, and you are not in the queue now.",
        ),
        l.say(
            "Du har ikke fått noe tilbud ennå.",
            "Du har ikkje fått noko tilbod enno.",
            "You have not been offered anything yet.",
        ),
        l.say(
            "Et menneske avgjør om du får et tilbud.",
            "Eit menneske avgjer om du får eit tilbod.",
            "A human being decides whether you will be.",
        ),
        l.say(
            "Får du det ikke, beholder du plassen i køen.",
            "Får du det ikkje, held du på plassen i køen.",
            "If not, you keep your place in the queue.",
        ),
    ]
}

fn offered(
    holding: &Holding,
    answer_by: Timestamp,
    is_objected_to: bool,
    l: Language,
) -> Vec<String> {
    let share = l.share(holding.participation_percent);
    let mut told = vec![l.of(
        format!("Du har fått tilbud om {share}."),
        format!("Du har fått tilbod om {share}."),
        format!("You have been offered {share}."),
    )];
    told.extend(where_it_is(holding, l));
    // A deadline is the first moment at which it is too late.
    let last = l.time(answer_by.before());
    told.push(l.of(
        format!("Du må svare senest {last}."),
        format!("Du må svare seinast {last}."),
        format!("You must answer by {last}."),
    ));
    told.extend(is_objected_to.then(|| {
        l.say(
            "Arrangøren har en innvending, som NAV-kontoret skal avgjøre.",
            "Arrangøren har ei innvending, som NAV-kontoret skal avgjere.",
            "The provider has an objection, which the NAV office is to decide on.",
        )
    }));
    told
}

fn accepted(holding: &Holding, l: Language) -> Vec<String> {
    let share = l.share(holding.participation_percent);
    let mut told = vec![l.of(
        format!("Du har takket ja til {share}."),
        format!("Du har takka ja til {share}."),
        format!("You have accepted {share}."),
    )];
    told.extend(where_it_is(holding, l));
    told.push(l.say(
        "Plassen er holdt av til deg til du begynner.",
        "Plassen er halden av til deg til du byrjar.",
        "The place is held for you until you start.",
    ));
    told
}

fn placed(
    holding: &Holding,
    start: Date,
    (last_day, on_leave_until): (Option<LastDay>, Option<Date>),
    l: Language,
) -> Vec<String> {
    let (share, start) = (l.share(holding.participation_percent), l.date(start));
    let mut told = vec![l.of(
        format!("Du har {share}."),
        format!("Du har {share}."),
        format!("You have {share}."),
    )];
    told.extend(where_it_is(holding, l));
    told.push(l.of(
        format!("Første dag var {start}."),
        format!("Første dag var {start}."),
        format!("The first day was {start}."),
    ));
    told.extend(on_leave_until.map(|last| {
        let last = l.date(last);
        l.of(
            format!("Du har permisjon til og med {last}."),
            format!("Du har permisjon til og med {last}."),
            format!("You are on leave until {last} inclusive."),
        )
    }));
    told.extend(last_day.map(|last| match last {
        LastDay::Set(last) => {
            let last = l.date(last);
            l.of(
                format!("Siste dag er {last}."),
                format!("Siste dag er {last}."),
                format!("The last day is {last}."),
            )
        }
        LastDay::Planned(last) => {
            let last = l.date(last);
            l.of(
                format!("Siste dag er planlagt til {last}."),
                format!("Siste dag er planlagd til {last}."),
                format!("The last day is planned to be {last}."),
            )
        }
    }));
    told
}

fn where_it_is(holding: &Holding, l: Language) -> Option<String> {
    let site = holding.site.as_ref()?.told(l);
    Some(l.of(
        format!("Plassen er på {site}."),
        format!("Plassen er på {site}."),
        format!("The place is in {site}."),
    ))
}
