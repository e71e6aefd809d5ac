//! Reasons in words: why somebody got no place, or got one out of turn.

use crate::domain::{
    allocation::{OutOfTurnReason, PassedOverReason, RunEnd},
    explanation::{
        decision::{Explanation, Ineligible, SaidNo},
        language::Language,
        sentences::GROUPS_TOLD,
        standing::Site,
    },
};

/// Why the person was not served.
pub(super) fn own_reason(e: &Explanation, reason: PassedOverReason, l: Language) -> Vec<String> {
    match reason {
        PassedOverReason::NoQuota if e.standing.municipality.is_some() => {
            let name = e.standing.names.municipality(l);
            vec![
                l.say(
                    "Hver kommune har en andel av plassene.",
                    "Kvar kommune har ein andel av plassane.",
                    "Each municipality has a share of the places.",
                ),
                l.of(
                    format!("Andelen til {name} var brukt opp."),
                    format!("Andelen til {name} var brukt opp."),
                    format!("The share of {name} was used up."),
                ),
            ]
        }
        PassedOverReason::NoQuota => vec![l.say(
            "Alle plassene i området var brukt opp.",
            "Alle plassane i området var brukte opp.",
            "All places of the area were used up.",
        )],
        PassedOverReason::NoAcceptablePlace => vec![l.say(
            "Det var ikke ledig plass på noe sted du har valgt.",
            "Det var ikkje ledig plass på nokon stad du har valt.",
            "No place was free at any site you have chosen.",
        )],
        PassedOverReason::ParticipationDoesNotFit => {
            let share = l.share(e.standing.participation_percent);
            vec![l.of(
                format!("Det som var ledig, var mindre enn {share}."),
                format!("Det som var ledig, var mindre enn {share}."),
                format!("What was free was less than {share}."),
            )]
        }
        PassedOverReason::WorkField => vec![l.say(
            "Det var ikke ledig plass i et fagområde du har valgt.",
            "Det var ikkje ledig plass i eit fagområde du har valt.",
            "No place was free in a field of work you have chosen.",
        )],
        PassedOverReason::DeclinedHere => {
            let mut told = vec![l.say(
                "Det var bare ledig der du har takket nei eller ikke svart i tide.",
                "Det var berre ledig der du har takka nei eller ikkje svart i tide.",
                "Places were free only where you have declined or not answered in time.",
            )];
            told.extend(e.said_no.iter().rev().take(GROUPS_TOLD).map(|no| said_no(no, l)));
            told
        }
        PassedOverReason::ObjectedHere => objected(l),
        PassedOverReason::OfferWithdrawn => vec![l.say(
            "Det var tilbudet ditt som ble trukket, så plassen gikk til en annen.",
            "Det var tilbodet ditt som vart trekt, så plassen gjekk til ein annan.",
            "It was your offer that was withdrawn, so the place went to someone else.",
        )],
        PassedOverReason::ReservedForAnother => kept(l),
    }
}

fn kept(l: Language) -> Vec<String> {
    vec![
        l.say(
            "Det som var ledig, var holdt av til noen foran deg i køen.",
            "Det som var ledig, var halde av til nokon framfor deg i køen.",
            "What was free was kept for someone ahead of you in the queue.",
        ),
        l.say(
            "Den personen trenger en større del av en plass, og er forbigått flere ganger.",
            "Den personen treng ein større del av ein plass, og er forbigått fleire gonger.",
            "That person needs a larger part of a place, and has been passed over several times.",
        ),
    ]
}

fn objected(l: Language) -> Vec<String> {
    vec![
        l.say(
            "Det var bare ledig der arrangøren har hatt innvendinger mot å ta deg inn.",
            "Det var berre ledig der arrangøren har hatt innvendingar mot å ta deg inn.",
            "Places were free only where the provider has objected to taking you in.",
        ),
        l.say(
            "NAV-kontoret var enig i innvendingene.",
            "NAV-kontoret var samd i innvendingane.",
            "The NAV office agreed with the objections.",
        ),
    ]
}

fn said_no((site, no): &(Site, SaidNo), l: Language) -> String {
    let (site, day) = (site.told(l), l.day(no.at));
    if no.in_words {
        return l.of(
            format!("Du takket nei til {site} {day}."),
            format!("Du takka nei til {site} {day}."),
            format!("You declined {site} on {day}."),
        );
    }
    l.of(
        format!("Tilbudet om {site} falt bort uten svar {day}."),
        format!("Tilbodet om {site} fall bort utan svar {day}."),
        format!("Your offer of {site} expired unanswered on {day}."),
    )
}

/// Why nobody came as far as to the person.
pub(super) fn ended_before(end: RunEnd, l: Language) -> String {
    match end {
        RunEnd::AllProposed => l.say(
            "Det var bedt om et bestemt antall forslag, og de gikk til dem foran deg.",
            "Det var bede om eit bestemt tal forslag, og dei gjekk til dei framfor deg.",
            "A certain number of proposals was asked for, and they went to those ahead of you.",
        ),
        RunEnd::ReservedForAnother => l.say(
            "Resten av det som var ledig, var holdt av til noen foran deg i køen.",
            "Resten av det som var ledig, var halde av til nokon framfor deg i køen.",
            "The rest of what was free was kept for someone ahead of you.",
        ),
        RunEnd::NoFreePlace | RunEnd::NoQuota | RunEnd::NobodyEligible => l.say(
            "Det som kunne fordeles, tok slutt før turen kom til deg.",
            "Det som kunne delast ut, tok slutt før turen kom til deg.",
            "What could be shared out came to an end before your turn.",
        ),
    }
}

pub(super) fn ineligible(why: Ineligible, l: Language) -> String {
    match why {
        Ineligible::NotYetJoined => l.say(
            "Du sto ikke på ventelisten ennå.",
            "Du stod ikkje på ventelista enno.",
            "You were not on the waitlist yet.",
        ),
        Ineligible::HoldsPlace => l.say(
            "En plass var allerede holdt av til deg.",
            "Ein plass var allereie halden av til deg.",
            "A place was already held for you.",
        ),
        Ineligible::Placed => l.say(
            "Du hadde allerede en plass.",
            "Du hadde allereie ein plass.",
            "You already had a place.",
        ),
        Ineligible::Closed => l.say(
            "Du sto ikke på ventelisten lenger.",
            "Du stod ikkje på ventelista lenger.",
            "You were no longer on the waitlist.",
        ),
        Ineligible::Paused => l.say(
            "Plassen din i køen var satt på pause.",
            "Plassen din i køen var sett på pause.",
            "Your place in the queue was on pause.",
        ),
        Ineligible::CoolingDown => l.say(
            "Du hadde nylig takket nei til et tilbud, eller ikke svart på det.",
            "Du hadde nyleg takka nei til eit tilbod, eller ikkje svart på det.",
            "You had recently declined an offer, or not answered it.",
        ),
    }
}

/// Why a named person chose somebody.
pub(super) fn out_of_turn_reason(reason: OutOfTurnReason, l: Language) -> String {
    match reason {
        OutOfTurnReason::Health => l.say(
            "Grunnen er fare for liv eller helse.",
            "Grunnen er fare for liv eller helse.",
            "The reason is danger to life or health.",
        ),
        OutOfTurnReason::PlaceWouldBeLost => l.say(
            "Grunnen er at plassen ellers ville gått tapt.",
            "Grunnen er at plassen elles ville gått tapt.",
            "The reason is that the place would have been lost otherwise.",
        ),
        OutOfTurnReason::Returns => l.say(
            "Grunnen er at du kom tilbake til en plass du har hatt.",
            "Grunnen er at du kom tilbake til ein plass du har hatt.",
            "The reason is that you returned to a place you have had.",
        ),
        OutOfTurnReason::Appeal => l.say(
            "Grunnen er en avgjørelse i en klage eller i retten.",
            "Grunnen er ei avgjerd i ei klage eller i retten.",
            "The reason is a decision on an appeal or in court.",
        ),
        OutOfTurnReason::Correction => l.say(
            "Grunnen er at en feil ble rettet.",
            "Grunnen er at ein feil vart retta.",
            "The reason is that a mistake was corrected.",
        ),
        OutOfTurnReason::Other => l.say(
            "Grunnen står i saken din.",
            "Grunnen står i saka di.",
            "The reason is in your case file.",
        ),
    }
}

/// Why so many others were not served.
pub(super) fn others_reason(
    e: &Explanation,
    reason: PassedOverReason,
    n: u64,
    l: Language,
) -> String {
    let why = match reason {
        PassedOverReason::NoQuota if e.standing.municipality.is_some() => l.of(
            "var andelen til kommunen brukt opp",
            "var andelen til kommunen brukt opp",
            "the share of the municipality was used up",
        ),
        PassedOverReason::NoQuota => l.of(
            "var plassene i området brukt opp",
            "var plassane i området brukte opp",
            "the places of the area were used up",
        ),
        PassedOverReason::NoAcceptablePlace => l.of(
            "var det ikke ledig der de har valgt",
            "var det ikkje ledig der dei har valt",
            "nothing was free where they have chosen",
        ),
        PassedOverReason::ParticipationDoesNotFit => l.of(
            "var det mindre ledig enn de trenger",
            "var det mindre ledig enn dei treng",
            "less was free than they need",
        ),
        PassedOverReason::WorkField => l.of(
            "var det ikke ledig i et fagområde de har valgt",
            "var det ikkje ledig i eit fagområde dei har valt",
            "nothing was free in a field of work they have chosen",
        ),
        PassedOverReason::DeclinedHere => l.of(
            "var det bare ledig der de har takket nei eller ikke svart",
            "var det berre ledig der dei har takka nei eller ikkje svart",
            "places were free only where they have declined or not answered",
        ),
        PassedOverReason::ObjectedHere => l.of(
            "var det bare ledig der arrangøren har hatt innvendinger",
            "var det berre ledig der arrangøren har hatt innvendingar",
            "places were free only where the provider has objected",
        ),
        PassedOverReason::OfferWithdrawn => l.of(
            "var tilbudet nettopp trukket",
            "var tilbodet nettopp trekt",
            "the offer had just been withdrawn",
        ),
        PassedOverReason::ReservedForAnother => l.of(
            "var det som var ledig, holdt av til noen foran dem",
            "var det som var ledig, halde av til nokon framfor dei",
            "what was free was kept for someone ahead of them",
        ),
    };
    l.of(
        format!("For {n} av dem {why}."),
        format!("For {n} av dei {why}."),
        format!("For {n} of them, {why}."),
    )
}
