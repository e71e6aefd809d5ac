//! Where somebody stands in a queue and what it waits for, or what is held for it: as it is
//! now, in a structure and in words to the person.

use time::Date;

use crate::domain::{
    allocation::{Offer, OfferState, PassedOverReason, Placement, judge_alone},
    calendar::Timestamp,
    explanation::{
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
        last_day: Option<Date>,
    },
    /// It has ended.
    Closed,
}

/// A place that is held or used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Where.
    pub site: Option<Site>,
    /// The share of it, 1-100.
    pub participation_percent: u32,
}

/// Explains where `entry` stands in a ledger whose accounts and place groups are loaded.
/// `offers` and `placements` are its own; `None` where what it holds is not among them.
pub fn explain_position(
    ledger: &Ledger,
    registry: &Registry,
    entry: &Entry,
    position: Option<Position>,
    (offers, placements): (&[Offer], &[Placement]),
) -> Option<PositionExplanation> {
    let holding = |group: PlaceGroupId, participation_percent| {
        let site = ledger.place_group(group).map(|group| Site::of(group, registry));
        Holding { site, participation_percent }
    };
    let now = match entry.state {
        EntryState::Waiting => Now::Waits(judge_alone(ledger, entry)),
        EntryState::Proposed(_) => Now::Proposed,
        EntryState::Offered(id) => {
            let offer = offers.iter().find(|offer| offer.offer_id == id)?;
            let OfferState::Offered { answer_by, .. } = offer.state else { return None };
            let holding = holding(offer.place_group_id, offer.participation_percent);
            Now::Offered { holding, answer_by }
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
                last_day: placement.state.end().and_then(|end| end.end_date.previous_day()),
            }
        }
        EntryState::Closed => Now::Closed,
    };
    let standing = Standing::of(ledger, entry, position, registry);
    Some(PositionExplanation { standing, now })
}

/// Where somebody stands, in words.
pub fn position_paragraphs(e: &PositionExplanation, l: Language) -> Vec<String> {
    let mut first = vec![about(&e.standing.names, l)];
    let Now::Waits(waits_for) = &e.now else {
        first.extend(held(&e.now, l));
        return vec![paragraph(&first)];
    };
    first.push(l.say(
        "Du står på ventelisten.",
        "Du står på ventelista.",
        "You are on the waitlist.",
    ));
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
            | PassedOverReason::DeclinedHere,
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
        Now::Proposed => vec![
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
        ],
        Now::Offered { holding, answer_by } => offered(holding, *answer_by, l),
        Now::Accepted(holding) => {
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
        Now::Placed { holding, start_date, last_day } => placed(holding, *start_date, *last_day, l),
        Now::Closed => vec![l.say(
            "Du står ikke på ventelisten lenger.",
            "Du står ikkje på ventelista lenger.",
            "You are no longer on the waitlist.",
        )],
    }
}

fn offered(holding: &Holding, answer_by: Timestamp, l: Language) -> Vec<String> {
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
    told
}

fn placed(holding: &Holding, start: Date, last_day: Option<Date>, l: Language) -> Vec<String> {
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
    if let Some(last) = last_day {
        let last = l.date(last);
        told.push(l.of(
            format!("Siste dag er {last}."),
            format!("Siste dag er {last}."),
            format!("The last day is {last}."),
        ));
    }
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
