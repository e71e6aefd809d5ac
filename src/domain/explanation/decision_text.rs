//! An explanation in words: the same paragraphs in each language, side by side, from the
//! same structure, so that neither says what the other does not.

use time::{Month, PrimitiveDateTime};

use crate::domain::{
    account::WHOLE_PLACE,
    allocation::{PassedOverReason, RunEnd},
    calendar::Timestamp,
    explanation::{Confirmation, Explanation, Ineligible, Outcome},
};

/// How many groups with something free a text names; the structure has more.
const GROUPS_TOLD: usize = 10;

/// A language that explanations are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Norwegian bokmål.
    Bokmal,
    /// English.
    English,
}

impl Language {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Bokmal, Self::English];

    /// As BCP 47 has it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Bokmal => "nb",
            Self::English => "en",
        }
    }

    fn of<T>(self, bokmal: T, english: T) -> T {
        match self {
            Self::Bokmal => bokmal,
            Self::English => english,
        }
    }

    /// One of two words, by how many there are.
    fn count(self, n: u64, bokmal: (&str, &str), english: (&str, &str)) -> String {
        let (one, many) = self.of(bokmal, english);
        format!("{n} {}", if n == 1 { one } else { many })
    }

    /// A date as people write it.
    fn date(self, at: Timestamp) -> String {
        let day = at.clock_in_norway();
        let month = self.month(day.month());
        let stop = self.of(".", "");
        format!("{}{stop} {month} {}", day.day(), day.year())
    }

    /// The same with the hour, as clocks in Norway show it.
    fn time(self, at: Timestamp) -> String {
        let clock: PrimitiveDateTime = at.clock_in_norway();
        let (hour, minute) = (clock.hour(), clock.minute());
        let hour =
            self.of(format!("kl. {hour:02}.{minute:02}"), format!("at {hour:02}:{minute:02}"));
        format!("{} {hour}", self.date(at))
    }

    fn month(self, month: Month) -> &'static str {
        let bokmal = [
            "januar",
            "februar",
            "mars",
            "april",
            "mai",
            "juni",
            "juli",
            "august",
            "september",
            "oktober",
            "november",
            "desember",
        ];
        let english = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        self.of(bokmal, english)[usize::from(u8::from(month)) - 1]
    }

    /// Per cents of a place, in places.
    fn places(self, percent: i64) -> String {
        let (whole, part) = (percent / WHOLE_PLACE, percent % WHOLE_PLACE);
        let whole_places =
            || self.count(whole.unsigned_abs(), ("plass", "plasser"), ("place", "places"));
        let part_of_one =
            self.of(format!("{part} prosent av en plass"), format!("{part} per cent of a place"));
        match (whole, part) {
            (_, 0) => whole_places(),
            (0, _) => part_of_one,
            (_, _) => format!("{} {} {part_of_one}", whole_places(), self.of("og", "and")),
        }
    }
}

/// The explanation in words, to the person it is about.
pub fn paragraphs(e: &Explanation, l: Language) -> Vec<String> {
    let mut paragraphs = vec![result(e, l)];
    paragraphs.extend(order(e, l));
    paragraphs.extend([free(e, l), others(e, l), who_decides(e, l), recomputed(l)]);
    paragraphs
}

fn result(e: &Explanation, l: Language) -> String {
    let (at, measure, area) = (l.time(e.decision_time), &e.measure_name, &e.area_name);
    let when = l.of(
        format!("Ledige plasser i {measure} i {area} ble fordelt {at}."),
        format!("Free places in {measure} in {area} were shared out on {at}."),
    );
    let what = match e.outcome {
        Outcome::PlaceProposed => proposed(e, l),
        Outcome::PassedOver(reason) => {
            let reason = own_reason(e, reason, l);
            l.of(
                format!(
                    "Du fikk ikke plass, selv om noen bak deg i køen fikk det, fordi {reason}."
                ),
                format!(
                    "You did not get a place, although someone behind you did, because {reason}."
                ),
            )
        }
        Outcome::NotReached(Some(reason)) => {
            let reason = own_reason(e, reason, l);
            l.of(
                format!("Du fikk ikke plass, fordi {reason}. Ingen bak deg i køen fikk plass."),
                format!(
                    "You did not get a place, because {reason}. Nobody behind you got one either."
                ),
            )
        }
        Outcome::NotReached(None) if e.run_end == RunEnd::AllProposed => {
            let served = e.served;
            l.of(
                format!(
                    "Du fikk ikke forslag om plass denne gangen. Det var bare bedt om så mange \
                     forslag ({served}), og de gikk til dem som sto foran deg. Ingen bak deg i \
                     køen fikk forslag."
                ),
                format!(
                    "You were not proposed a place this time. Only so many proposals had been \
                     asked for ({served}), and they went to those ahead of you. Nobody behind you \
                     was proposed one."
                ),
            )
        }
        Outcome::NotReached(None) => l
            .of(
                "Du fikk ikke plass: det som kunne fordeles, tok slutt før turen kom til deg. \
                 Ingen bak deg i køen fikk plass.",
                "You did not get a place: what could be shared out had come to an end before it \
                 was your turn. Nobody behind you got one either.",
            )
            .to_owned(),
        Outcome::NotEligible(why) => {
            let why = ineligible(why, l);
            l.of(
                format!("Du var ikke med i fordelingen, fordi {why}."),
                format!("You did not take part, because {why}."),
            )
        }
    };
    format!("{when} {what}")
}

fn proposed(e: &Explanation, l: Language) -> String {
    let group = e.proposal.as_ref().map_or("", |(_, name)| name.as_str());
    let share = l.places(i64::from(e.participation_percent));
    l.of(
        format!(
            "Du fikk forslag om {share} hos «{group}», fordi det var din tur og det var ledig der."
        ),
        format!(
            "You were proposed {share} at “{group}”, because it was your turn and it was free."
        ),
    )
}

/// Why the person was not served, to the person.
fn own_reason(e: &Explanation, reason: PassedOverReason, l: Language) -> String {
    let share = e.participation_percent;
    match reason {
        PassedOverReason::NoQuota => match &e.municipality {
            Some((_, name)) => l.of(
                format!("andelen til {name} var brukt opp"),
                format!("the share of {name} was used up"),
            ),
            None => l
                .of("plassene i området var brukt opp", "the places of the area were used up")
                .to_owned(),
        },
        PassedOverReason::NoAcceptablePlace => l
            .of(
                "det ikke var ledig plass de stedene du har valgt",
                "no place was free where you have asked for one",
            )
            .to_owned(),
        PassedOverReason::ParticipationDoesNotFit => l.of(
            format!("det som var ledig, var mindre enn {share} prosent av en plass"),
            format!("what was free was less than {share} per cent of a place"),
        ),
        PassedOverReason::WorkField => l
            .of(
                "det ikke var ledig plass i arbeidsområdene du har valgt",
                "no place was free in the work fields you have chosen",
            )
            .to_owned(),
        PassedOverReason::DeclinedHere => l
            .of(
                "du har takket nei til, eller ikke svart på, tilbud der det var ledig",
                "you have declined, or not answered, an offer where places were free",
            )
            .to_owned(),
    }
}

/// Why someone was not served, told of people who are not named.
fn others_reason(e: &Explanation, reason: PassedOverReason, l: Language) -> &'static str {
    let by_municipality = e.municipality.is_some();
    match reason {
        PassedOverReason::NoQuota if by_municipality => {
            l.of("kommunens andel var brukt opp", "the municipality's share was used up")
        }
        PassedOverReason::NoQuota => {
            l.of("plassene i området var brukt opp", "the places of the area were used up")
        }
        PassedOverReason::NoAcceptablePlace => {
            l.of("ikke ledig der de har valgt", "nothing free where they have asked")
        }
        PassedOverReason::ParticipationDoesNotFit => {
            l.of("mindre ledig enn de trenger", "less free than they need")
        }
        PassedOverReason::WorkField => {
            l.of("ikke ledig i ønsket arbeidsområde", "nothing free in a wanted work field")
        }
        PassedOverReason::DeclinedHere => l.of(
            "hadde takket nei, eller ikke svart, der det var ledig",
            "had declined, or not answered, where it was free",
        ),
    }
}

fn ineligible(why: Ineligible, l: Language) -> &'static str {
    match why {
        Ineligible::NotYetJoined => {
            l.of("du ikke sto på ventelisten ennå", "you were not on the waitlist yet")
        }
        Ineligible::HoldsPlace => {
            l.of("det allerede var holdt av en plass til deg", "a place was already held for you")
        }
        Ineligible::Placed => l.of("du allerede hadde en plass", "you already had a place"),
        Ineligible::Closed => {
            l.of("du ikke sto på ventelisten lenger", "you were no longer on the waitlist")
        }
    }
}

/// Nothing for who did not stand in the queue.
fn order(e: &Explanation, l: Language) -> Option<String> {
    let position = e.position?;
    let (registered, area) = (l.date(e.key.registered_time), &e.area_name);
    let mut text = l.of(
        format!("Den som er registrert først, står først. Du er registrert {registered}."),
        format!("Whoever was registered first stands first. You were registered on {registered}."),
    );
    if let Some(class) = &e.priority_class {
        let counted = l.date(e.key.order_time);
        text += &l.of(
            format!(" Prioriteten {class} gjør at du regnes fra {counted}."),
            format!(" The priority {class} lets you count from {counted}."),
        );
    }
    let n = position.in_area;
    text += &l.of(
        format!(" Du sto som nummer {n} i køen i {area}"),
        format!(" You stood as number {n} in the queue of {area}"),
    );
    if let (Some(n), Some((_, name))) = (position.in_municipality, &e.municipality) {
        text += &l.of(
            format!(", og som nummer {n} av dem som hører til {name}"),
            format!(", and as number {n} of those who belong to {name}"),
        );
    }
    Some(text + ".")
}

fn free(e: &Explanation, l: Language) -> String {
    let told = e.free_place_groups.iter().take(GROUPS_TOLD).map(|group| {
        let places = l.places(group.free_percent);
        l.of(format!("{places} hos «{}»", group.name), format!("{places} at “{}”", group.name))
    });
    let told: Vec<String> = told.collect();
    let mut text = if told.is_empty() {
        l.of("Like før var ingen plass ledig.", "Just before, no place was free.").to_owned()
    } else {
        let told = told.join("; ");
        l.of(
            format!("Like før var dette ledig: {told}"),
            format!("Just before, this was free: {told}"),
        )
    };
    let more = e.free_place_groups.len().saturating_sub(GROUPS_TOLD);
    if more > 0 {
        text += &l.of(format!("; og på {more} steder til"), format!("; and at {more} more"));
    }
    if !e.free_place_groups.is_empty() {
        text.push('.');
    }
    let places = l.places(e.free_second_account_percent);
    text += &match &e.municipality {
        Some((_, name)) => l.of(
            format!(" Av andelen til {name} var {places} ubrukt."),
            format!(" Of the share of {name}, {places} stood unused."),
        ),
        None => l.of(
            format!(" Av plassene i området var {places} ubrukt."),
            format!(" Of the places of the area, {places} stood unused."),
        ),
    };
    if e.kept_to_groups {
        text += l.of(
            " Denne gangen ble bare noen av stedene fordelt.",
            " This time only some of these were shared out.",
        );
    }
    text
}

fn others(e: &Explanation, l: Language) -> String {
    let people = |n| l.count(n, ("person", "personer"), ("person", "people"));
    let served = people(e.served as u64);
    let mut text = l.of(
        format!("I alt fikk {served} forslag om plass."),
        format!("In all, places were proposed to {served}."),
    );
    if !e.passed_over_counts.is_empty() {
        let each = e
            .passed_over_counts
            .iter()
            .map(|(reason, n)| format!("{n} ({})", others_reason(e, *reason, l)));
        let each = each.collect::<Vec<_>>().join(", ");
        text += &l.of(
            format!(" Forbigått, altså foran noen som fikk plass uten å få selv: {each}."),
            format!(" Passed over, that is ahead of someone served and not served: {each}."),
        );
        if matches!(e.outcome, Outcome::PassedOver(_)) {
            text += l.of(" Du er regnet med.", " You are counted among them.");
        }
    }
    text.push(' ');
    text + run_end(e, l)
}

fn run_end(e: &Explanation, l: Language) -> &'static str {
    match e.run_end {
        RunEnd::AllProposed => l.of(
            "Fordelingen stanset da så mange var foreslått som det var bedt om.",
            "It stopped when as many had been proposed as were asked for.",
        ),
        RunEnd::NoFreePlace => l.of(
            "Fordelingen stanset fordi ingen plass var ledig lenger.",
            "It stopped since no place was free any more.",
        ),
        RunEnd::NoQuota => l.of(
            "Fordelingen stanset fordi alle andeler var brukt opp.",
            "It stopped since every share was used up.",
        ),
        RunEnd::NobodyEligible => l.of(
            "Fordelingen stanset fordi ingen flere i køen kunne ta det som var ledig.",
            "It stopped since nobody else in the queue could take what was free.",
        ),
    }
}

fn who_decides(e: &Explanation, l: Language) -> String {
    let (rules, registry, seq) = (e.rules_version, e.registry_version, e.seq);
    let mut text = l.of(
        format!(
            "Det er et dataprogram som foreslår, etter regler (versjon {rules}) og et register \
             (versjon {registry}); dette er linje {seq} i loggen. Programmet bestemmer ikke: et \
             forslag blir et tilbud først når et menneske bekrefter det."
        ),
        format!(
            "A computer program proposes, by rules (version {rules}) and a registry (version \
             {registry}); this is line {seq} of the log. The program does not decide: a proposal \
             becomes an offer only when a human being confirms it."
        ),
    );
    let confirmed = match &e.confirmation {
        Confirmation::NothingProposed => return text,
        Confirmation::Waits => l
            .of(
                "Ingen har bekreftet forslaget til deg ennå.",
                "Nobody has confirmed your proposal yet.",
            )
            .to_owned(),
        Confirmation::Lapsed => l
            .of(
                "Ingen bekreftet forslaget til deg i tide, og det falt bort.",
                "Nobody confirmed your proposal in time, and it lapsed.",
            )
            .to_owned(),
        Confirmation::Withdrawn => l
            .of(
                "Du forlot ventelisten før noen hadde bekreftet forslaget til deg.",
                "You left the waitlist before anybody had confirmed your proposal.",
            )
            .to_owned(),
        Confirmation::Confirmed { at, organisation, organisation_name } => {
            let at = l.time(*at);
            let organisation = match organisation_name {
                Some(name) => format!("{name} ({organisation})"),
                None => organisation.clone(),
            };
            l.of(
                format!("Forslaget til deg ble bekreftet {at} av en ansatt ved {organisation}."),
                format!("Your proposal was confirmed on {at} by someone at {organisation}."),
            )
        }
    };
    text.push(' ');
    text + &confirmed
}

fn recomputed(l: Language) -> String {
    l.of(
        "For å lage denne forklaringen er loggen lest fra begynnelsen og fordelingen regnet ut på \
         nytt. Resultatet ble det samme.",
        "To make this explanation, the log was read from the beginning and everything was worked \
         out again. The result was the same.",
    )
    .to_owned()
}
