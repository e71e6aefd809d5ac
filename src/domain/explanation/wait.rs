//! How long somebody has yet to wait, in words. What they know of it is told too, and how
//! often such estimates were right.

use crate::domain::{
    calendar::Timestamp,
    disclosure::{LEAST_TOLD, Told, told},
    explanation::{
        language::Language,
        sentences::{about, paragraph},
        standing::Names,
    },
    ids::LedgerId,
    registry::Registry,
    wait::{Band, Estimate, Forecast, LONGEST_DAYS, WINDOW_LEAST_DAYS},
    waitlist::{EntryState, QueueKey},
};

/// From here on a wait is told in months: whose place is a year away is not told of days.
const MONTHS_FROM_DAYS: u32 = 60;
/// The days of a thousand months.
const DAYS_OF_1000_MONTHS: u32 = 30_437;

/// A wait that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitExplanation {
    /// What the registry calls what it is about.
    pub names: Names,
    /// In which queue.
    pub queue: QueueKey,
    /// Whether it is of somebody who is not on the list.
    pub is_new: bool,
    /// The wait.
    pub forecast: Forecast,
    /// Whether the queue has room now: then it is not for want of places that nobody began.
    pub has_room: bool,
}

impl WaitExplanation {
    /// In a queue of a ledger, with the names of a time.
    pub fn of(
        ledger: &LedgerId,
        registry: &Registry,
        queue: QueueKey,
        is_new: bool,
        forecast: Forecast,
        at: Timestamp,
    ) -> Self {
        let names = Names::of(ledger, queue.municipality(), registry, at);
        Self { names, queue, is_new, forecast, has_room: false }
    }

    /// Whether nothing can be told since it is too early, and not since nobody leaves.
    fn is_too_early(&self) -> bool {
        self.has_room || self.forecast.evidence.window_days < WINDOW_LEAST_DAYS
    }
}

/// The whole, in paragraphs.
pub fn wait_paragraphs(e: &WaitExplanation, l: Language) -> Vec<String> {
    vec![
        paragraph(&[about(&e.names, l), place(e, l)]),
        paragraph(&estimate(e, l)),
        paragraph(&evidence(e, l)),
        paragraph(&coverage(e, l)),
    ]
}

/// The answer in one sentence.
pub fn wait_summary(e: &WaitExplanation, l: Language) -> String {
    match &e.forecast.estimate {
        Estimate::AtLeast { .. } if e.is_too_early() => l.say(
            "Det er for tidlig å si hvor lang ventetiden blir.",
            "Det er for tidleg å seie kor lang ventetida blir.",
            "It is too early to say how long the wait will be.",
        ),
        Estimate::AtLeast { .. } => only_if_someone_leaves(l),
        Estimate::Band(Band { p10_days, .. }) if *p10_days >= LONGEST_DAYS => {
            longer_than(*p10_days, l)
        }
        Estimate::Band(Band { p10_days, p90_days, .. }) => {
            let (least, most) = (time(*p10_days, l), time(*p90_days, l));
            l.of(
                format!("Ventetiden er trolig mellom {least} og {most}."),
                format!("Ventetida er truleg mellom {least} og {most}."),
                format!("The wait is probably between {least} and {most}."),
            )
        }
    }
}

/// The same of who does not wait, by what holds instead. A proposal is not told as a place.
pub fn no_wait_summary(state: EntryState, l: Language) -> Option<String> {
    Some(match state {
        EntryState::Waiting => return None,
        EntryState::Paused { .. } | EntryState::CoolingDown { .. } => l.say(
            "Du står ikke i køen nå, men du beholder ventetiden din.",
            "Du står ikkje i køen no, men du held på ventetida di.",
            "You are not in the queue now, but you keep your waiting time.",
        ),
        EntryState::Proposed(_) => l.say(
            "Saken din er til vurdering, og du står ikke i køen nå.",
            "Saka di er til vurdering, og du står ikkje i køen no.",
            "Your case is being considered, and you are not in the queue now.",
        ),
        EntryState::Offered(_) => l.say(
            "Du har fått tilbud om en plass.",
            "Du har fått tilbod om ein plass.",
            "You have been offered a place.",
        ),
        EntryState::Accepted(_) => l.say(
            "Plassen din er holdt av til deg.",
            "Plassen din er halden av til deg.",
            "Your place is held for you.",
        ),
        EntryState::Placed(_) => {
            l.say("Du har en plass.", "Du har ein plass.", "You have a place.")
        }
        EntryState::Closed => l.say(
            "Du står ikke på ventelisten lenger.",
            "Du står ikkje på ventelista lenger.",
            "You are no longer on the waitlist.",
        ),
    })
}

fn place(e: &WaitExplanation, l: Language) -> String {
    let queue = match e.queue.municipality() {
        Some(_) => e.names.municipality(l),
        None => e.names.area(l),
    };
    let n = e.forecast.place;
    if e.is_new {
        return l.of(
            format!("Den som kommer på ventelisten nå, blir nummer {n} i køen i {queue}."),
            format!("Den som kjem på ventelista no, blir nummer {n} i køen i {queue}."),
            format!("Whoever joins the waitlist now becomes number {n} in the queue in {queue}."),
        );
    }
    l.of(
        format!("Plassen din i køen i {queue} er nummer {n}."),
        format!("Plassen din i køen i {queue} er nummer {n}."),
        format!("Your place in the queue in {queue} is number {n}."),
    )
}

fn estimate(e: &WaitExplanation, l: Language) -> Vec<String> {
    let estimate = &e.forecast.estimate;
    let mut sentences = vec![wait_summary(e, l)];
    match estimate {
        Estimate::AtLeast { .. } if e.is_too_early() => {}
        Estimate::AtLeast { days } => {
            sentences.push(l.say(
                "Derfor kan ingen si hvor lang ventetiden kan bli.",
                "Difor kan ingen seie kor lang ventetida kan bli.",
                "So no one can say how long the wait may become.",
            ));
            sentences.extend((*days > 0).then(|| longer_than(*days, l)));
        }
        Estimate::Band(Band { p10_days, p50_days, .. }) if *p10_days < LONGEST_DAYS => {
            let middle = time(*p50_days, l);
            sentences.push(l.say(
                "Sjansen for det er om lag 80 prosent.",
                "Sjansen for det er om lag 80 prosent.",
                "The chance of that is about 80 per cent.",
            ));
            sentences.push(l.of(
                format!("Den kan like gjerne bli kortere som lengre enn {middle}."),
                format!("Ho kan like gjerne bli kortare som lengre enn {middle}."),
                format!("It may just as well be shorter as longer than {middle}."),
            ));
        }
        Estimate::Band(_) => {}
    }
    sentences.push(l.say(
        "Dette er et anslag og ikke et løfte.",
        "Dette er eit anslag og ikkje ein lovnad.",
        "This is an estimate and not a promise.",
    ));
    sentences
}

/// Without the full stop it is what lists of providers have always said.
fn only_if_someone_leaves(l: Language) -> String {
    l.say(
        "Kun inntak om noen slutter.",
        "Berre inntak om nokon sluttar.",
        "Intake only if someone leaves.",
    )
}

fn longer_than(days: u32, l: Language) -> String {
    let time = if days >= LONGEST_DAYS { fifty_years(l) } else { time(days, l) };
    l.of(
        format!("Ventetiden er trolig lengre enn {time}."),
        format!("Ventetida er truleg lengre enn {time}."),
        format!("The wait is probably longer than {time}."),
    )
}

/// Few others are told as few, as in all words to a person.
fn evidence(e: &WaitExplanation, l: Language) -> Vec<String> {
    let (from, until) = (l.day(e.forecast.window.from), l.day(e.forecast.window.until));
    vec![
        l.of(
            format!("Anslaget bygger på tiden fra {from} til {until}."),
            format!("Anslaget byggjer på tida frå {from} til {until}."),
            format!("The estimate is based on the time from {from} to {until}."),
        ),
        started(e.forecast.evidence.starts, l),
        departed(e.forecast.evidence.departures, l),
    ]
}

fn started(starts: u64, l: Language) -> String {
    match told(starts) {
        Told::Exactly(0) => l.say(
            "Ingen fra køen fikk plass i den tiden.",
            "Ingen frå køen fekk plass i den tida.",
            "No one from the queue got a place in that time.",
        ),
        Told::Exactly(n) => l.of(
            format!("I den tiden fikk {n} fra køen plass."),
            format!("I den tida fekk {n} frå køen plass."),
            format!("In that time {n} from the queue got a place."),
        ),
        Told::Few => l.of(
            format!("{} fra køen fikk plass i den tiden.", few(l)),
            format!("{} frå køen fekk plass i den tida.", few(l)),
            format!("{} from the queue got a place in that time.", few(l)),
        ),
    }
}

fn departed(departures: u64, l: Language) -> String {
    match told(departures) {
        Told::Exactly(0) => l.say(
            "Ingen forlot køen uten plass.",
            "Ingen forlét køen utan plass.",
            "No one left the queue without a place.",
        ),
        Told::Exactly(n) => l.of(
            format!("I samme tid forlot {n} køen uten plass."),
            format!("I same tid forlét {n} køen utan plass."),
            format!("In the same time {n} left the queue without a place."),
        ),
        Told::Few => l.of(
            format!("{} forlot køen uten plass.", few(l)),
            format!("{} forlét køen utan plass.", few(l)),
            format!("{} left the queue without a place.", few(l)),
        ),
    }
}

/// As the other explanations say it, at the beginning of a sentence.
fn few(l: Language) -> &'static str {
    l.of("Færre enn fem", "Færre enn fem", "Fewer than five")
}

/// Never a share without what it is of.
fn coverage(e: &WaitExplanation, l: Language) -> Vec<String> {
    let (covered, measured) = (e.forecast.coverage.covered, e.forecast.coverage.measured);
    if measured == 0 {
        return vec![l.say(
            "Det er ikke målt ennå om slike anslag treffer.",
            "Det er ikkje målt enno om slike anslag treffer.",
            "It has not yet been measured whether such estimates are right.",
        )];
    }
    if measured < LEAST_TOLD {
        return vec![l.of(
            format!("{} slike anslag er målt, og det er for få til å si noe.", few(l)),
            format!("{} slike anslag er målte, og det er for få til å seie noko.", few(l)),
            format!("{} such estimates have been measured, which is too few to tell.", few(l)),
        )];
    }
    vec![l.of(
        format!("Av {measured} slike anslag som er målt, traff {covered}."),
        format!("Av {measured} slike anslag som er målte, trefte {covered}."),
        format!("Of {measured} such estimates that were measured, {covered} were right."),
    )]
}

/// So long, in days or months.
fn time(days: u32, l: Language) -> String {
    if days >= LONGEST_DAYS {
        let years = fifty_years(l);
        return l.of(format!("over {years}"), format!("over {years}"), format!("over {years}"));
    }
    if days < MONTHS_FROM_DAYS {
        return l.count(days.into(), ("dag", "dager"), ("dag", "dagar"), ("day", "days"));
    }
    let months = (days * 1_000 + DAYS_OF_1000_MONTHS / 2) / DAYS_OF_1000_MONTHS;
    l.count(months.into(), ("måned", "måneder"), ("månad", "månader"), ("month", "months"))
}

fn fifty_years(l: Language) -> String {
    l.say("50 år", "50 år", "50 years")
}
