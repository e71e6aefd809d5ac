//! A decision in words, to the person it is about: the same paragraphs in each language,
//! side by side, from the same structure, so that none says what another does not.

use crate::domain::{
    allocation::{OutOfTurnReason, PassedOverReason, RunEnd},
    disclosure::{Disclosed, Told},
    explanation::{
        decision::{ByRules, Confirmation, Explanation, Occasion, Others, Outcome},
        increase,
        language::Language,
        reasons::{ended_before, ineligible, others_reason, out_of_turn_reason, own_reason},
        sentences::{
            Tense, about, free_places, order, paragraph, place_in_queue, room, who_decides,
        },
    },
    shadow::Verdict,
};

/// The explanation in words, and at its end what lawyers have written for the measure type,
/// as it is.
pub fn paragraphs(e: &Explanation, l: Language) -> Vec<String> {
    let mut paragraphs = vec![result(e, l)];
    if e.standing.position.is_some() {
        let mut sentences = order(&e.standing, l);
        sentences.extend(place_in_queue(&e.standing, Tense::Then, l));
        paragraphs.push(sentences);
    }
    if e.occasion != Occasion::Chosen {
        paragraphs.extend([free(e, l), others(e, l), confirmed(e, l)]);
    }
    paragraphs.push(recomputed(l));
    let told = paragraphs.iter().map(|sentences| paragraph(sentences));
    told.chain(legal_texts(e, l)).collect()
}

fn legal_texts(e: &Explanation, l: Language) -> impl Iterator<Item = String> {
    let texts = e.legal_texts.iter().filter(move |text| text.language == l.code());
    let each = texts.flat_map(|text| [text.legal_basis.clone(), text.appeal.clone()]);
    each.filter(|text| !text.is_empty())
}

fn result(e: &Explanation, l: Language) -> Vec<String> {
    let mut told = vec![about(&e.standing.names, l)];
    told.extend(e.standing.is_increase.then(|| increase::waited(l)));
    told.extend(occasion(e, l));
    match e.outcome {
        Outcome::PlaceProposed => told.extend(proposed(e, l)),
        Outcome::PassedOver(reason) => {
            told.push(l.say(
                "Du fikk ikke plass, selv om noen bak deg i køen fikk det.",
                "Du fekk ikkje plass, sjølv om nokon bak deg i køen fekk det.",
                "You did not get a place, although someone behind you did.",
            ));
            told.extend(own_reason(e, reason, l));
        }
        Outcome::NotReached(_) if e.occasion == Occasion::Chosen => told.push(given_to_another(l)),
        Outcome::NotReached(reason) => {
            told.push(l.say(
                "Du fikk ikke plass, og ingen bak deg i køen fikk plass.",
                "Du fekk ikkje plass, og ingen bak deg i køen fekk plass.",
                "You did not get a place, and nobody behind you did.",
            ));
            match reason {
                Some(reason) => told.extend(own_reason(e, reason, l)),
                None => told.push(ended_before(e.run_end, l)),
            }
        }
        Outcome::NotEligible(why) => {
            told.push(l.say(
                "Du var ikke med i fordelingen.",
                "Du var ikkje med i fordelinga.",
                "You did not take part.",
            ));
            told.push(ineligible(why, l));
        }
        Outcome::OutOfTurn(reason) => told.extend(out_of_turn(e, reason, l)),
    }
    told.extend(e.by_rules.map(|by_rules| rules_would(by_rules, l)));
    told
}

fn given_to_another(l: Language) -> String {
    l.say(
        "En ansatt ga plassen til en annen.",
        "Ein tilsett gav plassen til ein annan.",
        "An employee gave the place to somebody else.",
    )
}

/// What the rules would have done with a place that was given by hand. Nobody else is named.
fn rules_would(ByRules { verdict, to_this_one }: ByRules, l: Language) -> String {
    if to_this_one {
        return l.say(
            "Reglene ville gitt plassen til deg.",
            "Reglane ville gitt plassen til deg.",
            "The rules would have given the place to you.",
        );
    }
    match verdict {
        Verdict::Agrees => l.say(
            "Reglene ville gitt plassen til den samme.",
            "Reglane ville gitt plassen til den same.",
            "The rules would have given the place to the same person.",
        ),
        Verdict::Deviates => l.say(
            "Reglene ville gitt plassen til en annen enn den som fikk den.",
            "Reglane ville gitt plassen til ein annan enn den som fekk han.",
            "The rules would have given the place to somebody other than the one who got it.",
        ),
        Verdict::Nobody => l.say(
            "Reglene ville ikke gitt plassen til noen, for ingen som ventet, kunne ta den.",
            "Reglane ville ikkje gitt plassen til nokon, for ingen som venta, kunne ta han.",
            "The rules would have given the place to nobody, as nobody who waited could take it.",
        ),
    }
}

/// What was shared out, and when.
fn occasion(e: &Explanation, l: Language) -> Vec<String> {
    let at = l.time(e.decision_time);
    match e.occasion {
        Occasion::SharedOut { .. } => vec![l.of(
            format!("Ledige plasser ble fordelt {at}."),
            format!("Ledige plassar vart fordelte {at}."),
            format!("Free places were shared out on {at}."),
        )],
        Occasion::PassedOn => vec![
            l.of(
                format!("En plass ble gitt tilbake {at}."),
                format!("Ein plass vart gitt tilbake {at}."),
                format!("A place was given back on {at}."),
            ),
            l.say(
                "Den gikk videre til den neste i køen som kunne ta den.",
                "Han gjekk vidare til den neste i køen som kunne ta han.",
                "It was passed on to the next in the queue who could take it.",
            ),
        ],
        Occasion::Came => vec![l.of(
            format!("En ledig plass ble fordelt {at}."),
            format!("Ein ledig plass vart fordelt {at}."),
            format!("A free place was shared out on {at}."),
        )],
        Occasion::Chosen if e.by_rules.is_some_and(|by| by.verdict == Verdict::Agrees) => {
            vec![l.of(
                format!("En plass ble gitt {at}."),
                format!("Ein plass vart gitt {at}."),
                format!("A place was given on {at}."),
            )]
        }
        Occasion::Chosen => vec![l.of(
            format!("En plass ble gitt utenfor tur {at}."),
            format!("Ein plass vart gitt utanfor tur {at}."),
            format!("A place was given out of turn on {at}."),
        )],
    }
}

/// A named person chose the person it is told to.
fn out_of_turn(e: &Explanation, reason: Option<OutOfTurnReason>, l: Language) -> Vec<String> {
    let mut told = vec![l.say(
        "En ansatt bestemte at du skulle få plassen.",
        "Ein tilsett avgjorde at du skulle få plassen.",
        "An employee decided that you should have the place.",
    )];
    told.extend(place(e, l));
    told.extend(reason.map(|reason| out_of_turn_reason(reason, l)));
    told
}

fn proposed(e: &Explanation, l: Language) -> Vec<String> {
    let share = l.share(e.standing.participation_percent);
    let mut told = vec![l.of(
        format!("Du ble foreslått til {share}."),
        format!("Du vart foreslått til {share}."),
        format!("You were proposed for {share}."),
    )];
    told.extend(place(e, l));
    told.push(l.say(
        "Det var din tur, og det var ledig der.",
        "Det var din tur, og det var ledig der.",
        "It was your turn, and it was free.",
    ));
    told
}

/// Where the place is.
fn place(e: &Explanation, l: Language) -> Option<String> {
    let (_, site) = e.proposal.as_ref()?;
    let site = site.told(l);
    Some(l.of(
        format!("Plassen er på {site}."),
        format!("Plassen er på {site}."),
        format!("The place is in {site}."),
    ))
}

fn free(e: &Explanation, l: Language) -> Vec<String> {
    let mut told = free_places(&e.standing, Tense::Then, l);
    told.push(room(&e.standing, Tense::Then, l));
    match e.occasion {
        Occasion::SharedOut { some_groups: true } => told.push(l.say(
            "Denne gangen ble plasser fordelt bare på noen av stedene.",
            "Denne gongen vart plassar fordelte berre på nokre av stadene.",
            "This time only places at some of the sites were shared out.",
        )),
        Occasion::PassedOn => told.push(l.say(
            "Denne gangen gjaldt det bare plassen som var gitt tilbake.",
            "Denne gongen gjaldt det berre plassen som var gitt tilbake.",
            "This time it was only about the place that had been given back.",
        )),
        Occasion::SharedOut { some_groups: false } | Occasion::Came | Occasion::Chosen => {}
    }
    told
}

fn others(e: &Explanation, l: Language) -> Vec<String> {
    let Others { served, passed_over } = e.others();
    let others = others_told(served, l);
    let were = if served == Told::Exactly(0) { "was" } else { "were" };
    let mut told = vec![l.of(
        format!("{others} fikk forslag om plass."),
        format!("{others} fekk forslag om plass."),
        format!("{others} {were} proposed a place."),
    )];
    let others = others_told(passed_over.total, l);
    told.push(l.of(
        format!("{others} sto foran noen som fikk plass, uten å få plass selv."),
        format!("{others} stod framfor nokon som fekk plass, utan å få plass sjølv."),
        format!("{others} stood ahead of someone who got a place, but got none."),
    ));
    told.extend(by_reason(e, &passed_over, l));
    told.push(run_end(e.run_end, l));
    told
}

/// So many other people, at the beginning of a sentence. They are none, or more than one.
fn others_told(count: Told, l: Language) -> String {
    match count {
        Told::Exactly(0) => l.say("Ingen andre", "Ingen andre", "Nobody else"),
        Told::Few => l.say("Færre enn fem andre", "Færre enn fem andre", "Fewer than five others"),
        Told::Exactly(n) => l.of(format!("{n} andre"), format!("{n} andre"), format!("{n} others")),
    }
}

/// Why they were passed over, where so many were that they may be told apart.
fn by_reason(e: &Explanation, counts: &Disclosed<PassedOverReason>, l: Language) -> Vec<String> {
    if counts.total == Told::Few {
        return Vec::new();
    }
    let each = counts.by_kind.iter().map(|(reason, n)| others_reason(e, *reason, *n, l));
    let mut told: Vec<String> = each.collect();
    if counts.is_hidden {
        told.push(l.say(
            "Flere grunner er ikke fortalt, så ingen kan kjennes igjen.",
            "Fleire grunnar er ikkje fortalde, så ingen kan kjennast att.",
            "More reasons are not told, so that nobody can be recognised.",
        ));
    }
    told
}

fn run_end(end: RunEnd, l: Language) -> String {
    match end {
        RunEnd::AllProposed => l.say(
            "Fordelingen stanset da det var gitt så mange forslag som det var bedt om.",
            "Fordelinga stansa då det var gitt så mange forslag som det var bede om.",
            "The sharing ended when as many places had been proposed as were asked for.",
        ),
        RunEnd::NoFreePlace => l.say(
            "Fordelingen stanset fordi ingen plass var ledig lenger.",
            "Fordelinga stansa fordi ingen plass var ledig lenger.",
            "The sharing ended because no place was free any more.",
        ),
        RunEnd::NoQuota => l.say(
            "Fordelingen stanset fordi alle andeler var brukt opp.",
            "Fordelinga stansa fordi alle andelar var brukte opp.",
            "The sharing ended because every share was used up.",
        ),
        RunEnd::NobodyEligible => l.say(
            "Fordelingen stanset fordi ingen flere i køen kunne ta det som var ledig.",
            "Fordelinga stansa fordi ingen fleire i køen kunne ta det som var ledig.",
            "The sharing ended because nobody else in the queue could take what was free.",
        ),
        RunEnd::ReservedForAnother => l.say(
            "Fordelingen stanset fordi resten var holdt av til noen som er forbigått flere ganger.",
            "Fordelinga stansa fordi resten var halden av til nokon som er forbigått fleire gonger.",
            "The sharing ended because the rest was kept for someone passed over several times.",
        ),
    }
}

fn confirmed(e: &Explanation, l: Language) -> Vec<String> {
    let mut told = who_decides(l);
    match &e.confirmation {
        Confirmation::NothingProposed => {}
        Confirmation::Waits => told.push(l.say(
            "Ingen har bekreftet forslaget til deg ennå.",
            "Ingen har stadfesta forslaget til deg enno.",
            "Nobody has confirmed your proposal yet.",
        )),
        Confirmation::Lapsed => told.push(l.say(
            "Ingen bekreftet forslaget til deg i tide, og det falt bort.",
            "Ingen stadfesta forslaget til deg i tide, og det fall bort.",
            "Nobody confirmed your proposal in time, and it lapsed.",
        )),
        Confirmation::Withdrawn => told.push(l.say(
            "Forslaget til deg ble trukket før noen hadde bekreftet det.",
            "Forslaget til deg vart trekt før nokon hadde stadfesta det.",
            "Your proposal was withdrawn before anybody had confirmed it.",
        )),
        Confirmation::Confirmed { at, organisation_name, .. } => {
            let at = l.time(*at);
            let of = organisation_name.as_ref();
            let of = of.map(|name| {
                l.of(format!(" i {name}"), format!(" i {name}"), format!(" of {name}"))
            });
            let of = of.unwrap_or_default();
            told.push(l.of(
                format!("En ansatt{of} bekreftet forslaget til deg {at}."),
                format!("Ein tilsett{of} stadfesta forslaget til deg {at}."),
                format!("An employee{of} confirmed your proposal on {at}."),
            ));
        }
    }
    told
}

pub(super) fn recomputed(l: Language) -> Vec<String> {
    vec![
        l.say(
            "Avgjørelsen er regnet ut på nytt for denne forklaringen.",
            "Avgjerda er rekna ut på nytt for denne forklaringa.",
            "The decision was computed again for this explanation.",
        ),
        l.say("Svaret ble det samme.", "Svaret vart det same.", "The answer was the same."),
    ]
}
