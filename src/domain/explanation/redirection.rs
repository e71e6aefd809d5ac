//! Why a place went where a redistribution plan sent it: told from the log, by what it was decided
//! by. Places are told of, and nobody who had one.

use std::collections::BTreeSet;

use crate::domain::{
    apportionment::{Method, claim},
    calendar::Timestamp,
    event::Event,
    explanation::{
        decision_text::recomputed, language::Language, sentences::about, sentences::paragraph,
        standing::Names,
    },
    ids::{MunicipalityNumber, PlanId},
    ledger::{Ledger, aim, apply},
    plan::{ChangeCause, Holder, PlanChange, Priority, Redirected},
    redistribution::Ground,
    registry::Registry,
};

/// How many municipalities at their maximum a text names.
const AT_MAXIMUM_TOLD: usize = 5;

/// Why the places of a row went where they went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectionExplanation {
    /// What is called what.
    pub names: Names,
    /// Which plan.
    pub plan_id: PlanId,
    /// What the plan is called.
    pub plan_name: String,
    /// The method of its targets and claims.
    pub method: Method,
    /// When it was decided.
    pub at: Timestamp,
    /// Each place, in the order decided.
    pub steps: Vec<RedirectionStep>,
    /// What the plan aims at since then, where that is other than before.
    pub changes: Vec<PlanChange>,
    /// Whether all had moved with it.
    pub completed: bool,
}

/// A place, and where it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectionStep {
    /// As it was decided.
    pub redirected: Redirected,
    /// What the municipality that freed it held before, and is entitled to; nothing of a new one.
    pub from: Option<(u64, u64)>,
    /// Who had a greater claim and holds as much as it co-finances.
    pub at_maximum: Vec<Holder>,
}

/// Explains the redirections among a row's events, and what the plan aims at since then; `None`
/// where it has neither. `before` is the ledger before the row.
pub fn explain_redirections(
    before: &Ledger,
    events: &[Event],
    registry: &Registry,
    at: Timestamp,
) -> Option<RedirectionExplanation> {
    let (mut ledger, today) = (before.clone(), at.date_in_norway());
    let mut explanation: Option<RedirectionExplanation> = None;
    let (mut steps, mut changes, mut completed) = (Vec::new(), Vec::new(), false);
    for event in events {
        if let Event::PlanAimed { date, causes, key_date, places, remaining, .. } = event {
            changes.push(PlanChange {
                date: *date,
                causes: causes.clone(),
                key_date: *key_date,
                places: *places,
                remaining: *remaining,
            });
        }
        completed |= matches!(event, Event::PlanCompleted { .. });
        let is_told = matches!(event, Event::PlanAimed { .. } | Event::Redirected { .. });
        if let Some(plan) = ledger.frame().plans.active.as_ref().filter(|_| is_told) {
            explanation.get_or_insert_with(|| RedirectionExplanation {
                names: Names::of(ledger.id(), None, registry, at),
                plan_id: plan.plan_id,
                plan_name: plan.terms.name.clone(),
                method: plan.terms.method,
                at,
                steps: Vec::new(),
                changes: Vec::new(),
                completed: false,
            });
        }
        let plan = ledger.frame().plans.active.as_ref();
        if let (Event::Redirected { redirected }, Some(plan)) = (event, plan) {
            let holders = aim(&ledger, plan, registry, today).holders;
            let held = |number: &MunicipalityNumber| {
                let target = plan.targets.get(number).copied().map_or(0, u64::from);
                (u64::from(ledger.frame().own_places(number, today)), target)
            };
            let step = RedirectionStep {
                redirected: redirected.clone(),
                from: redirected.from_municipality.as_ref().map(held),
                at_maximum: at_maximum(&holders, plan.terms.method, redirected),
            };
            steps.push(step);
        }
        apply(&mut ledger, event);
    }
    explanation.map(|told| RedirectionExplanation { steps, changes, completed, ..told })
}

/// Who had a greater claim than whoever got the place, and holds as much as it co-finances.
fn at_maximum(holders: &[Holder], method: Method, redirected: &Redirected) -> Vec<Holder> {
    let place_of = |number: &MunicipalityNumber| {
        holders.iter().position(|one| one.municipality_number == *number)
    };
    let of_winner = |winner: &Priority| {
        let index = place_of(&winner.municipality_number)?;
        claim(method, index, winner.weight, winner.held)
    };
    let won = redirected.claim.as_ref().and_then(of_winner);
    let is_greater = |(index, holder): &(usize, &Holder)| {
        let of_other = claim(method, *index, holder.weight, holder.held);
        let is_full = holder.maximum.is_some_and(|maximum| holder.held >= maximum);
        is_full && won.zip(of_other).is_some_and(|(won, other)| other > won)
    };
    holders.iter().enumerate().filter(is_greater).map(|(_, holder)| holder.clone()).collect()
}

/// The explanation in words.
pub fn redirection_paragraphs(
    e: &RedirectionExplanation,
    registry: &Registry,
    l: Language,
) -> Vec<String> {
    let name = |number: &MunicipalityNumber| {
        registry.municipality(number).map_or_else(|| number.to_string(), |m| m.name.clone())
    };
    let mut paragraphs = vec![opening(e, l)];
    let steps = e.steps.iter();
    paragraphs.extend(
        steps.map(|step| [went(step, &name, l), claims(step, e.method, &name, l)].concat()),
    );
    let mut end = Vec::new();
    if e.completed {
        end.push(l.say(
            "Dermed er alle plassene i planen flyttet.",
            "Dermed er alle plassane i planen flytta.",
            "With this, all places of the plan have moved.",
        ));
    }
    end.extend(recomputed(l));
    paragraphs.push(end);
    paragraphs.iter().map(|sentences| paragraph(sentences)).collect()
}

fn opening(e: &RedirectionExplanation, l: Language) -> Vec<String> {
    let (plan, day) = (&e.plan_name, l.day(e.at));
    let mut told = vec![
        about(&e.names, l),
        l.of(
            format!("Planen «{plan}» styrte hvor plassene gikk {day}."),
            format!("Planen «{plan}» styrte kvar plassane gjekk {day}."),
            format!("The plan “{plan}” steered where places went on {day}."),
        ),
    ];
    if !e.changes.is_empty() {
        told.push(l.say(
            "Samme dag ble målene i planen regnet ut på nytt.",
            "Same dag vart måla i planen rekna ut på nytt.",
            "On the same day the targets of the plan were computed anew.",
        ));
        let causes: BTreeSet<ChangeCause> =
            e.changes.iter().flat_map(|change| change.causes.iter().copied()).collect();
        told.extend(causes.into_iter().map(|cause| why_anew(cause, l)));
        told.push(l.say(
            "Ingen flyttet plass går tilbake.",
            "Ingen flytta plass går tilbake.",
            "No place that has moved goes back.",
        ));
    }
    if e.steps.is_empty() {
        told.push(l.say(
            "Ingen plass ble flyttet da.",
            "Ingen plass vart flytta då.",
            "No place moved then.",
        ));
    }
    told
}

fn why_anew(cause: ChangeCause, l: Language) -> String {
    match cause {
        ChangeCause::Budget => l.say(
            "Plassrammen er en annen.",
            "Plassramma er ei anna.",
            "The place budget is another.",
        ),
        ChangeCause::Key => l.say(
            "Fordelingsnøkkelen har andre tall.",
            "Fordelingsnøkkelen har andre tal.",
            "The distribution key has other figures.",
        ),
        ChangeCause::Borders => l.say(
            "Det er andre kommuner som har andeler.",
            "Det er andre kommunar som har andelar.",
            "Other municipalities have quotas.",
        ),
        ChangeCause::Quotas => l.say(
            "Andeler er satt eller flyttet for hånd.",
            "Andelar er sette eller flytta for hand.",
            "Quotas were set or moved by hand.",
        ),
    }
}

/// Where a place went, and why.
fn went(
    step: &RedirectionStep,
    name: &impl Fn(&MunicipalityNumber) -> String,
    l: Language,
) -> Vec<String> {
    let Redirected { from_municipality, to_municipality, ground, .. } = &step.redirected;
    let to = to_municipality.as_ref().map(name);
    let Some((from, (held, target))) = from_municipality.as_ref().map(name).zip(step.from) else {
        let came = l.say("En ny plass kom til.", "Ein ny plass kom til.", "A new place was added.");
        return [came].into_iter().chain(to.map(|to| goes_to(step, &to, l))).collect();
    };
    let came = if step.redirected.stood_free {
        l.of(
            format!("En plass sto ledig i {from}."),
            format!("Ein plass stod ledig i {from}."),
            format!("A place stood free in {from}."),
        )
    } else {
        l.of(
            format!("En plass ble ledig i {from}."),
            format!("Ein plass vart ledig i {from}."),
            format!("A place became free in {from}."),
        )
    };
    let (had, aim) = (places(held, l), places(target, l));
    let mut told = vec![
        came,
        l.of(
            format!("{from} hadde {had}, og målet er {aim}."),
            format!("{from} hadde {had}, og målet er {aim}."),
            format!("{from} had {had}, and its target is {aim}."),
        ),
    ];
    match (ground, to_municipality == from_municipality) {
        (Ground::GreatestClaim, false) => told.extend(to.map(|to| goes_to(step, &to, l))),
        (ground, _) => told.push(stays(*ground, &from, l)),
    }
    told
}

fn goes_to(step: &RedirectionStep, to: &str, l: Language) -> String {
    if step.at_maximum.is_empty() {
        return l.of(
            format!("Plassen går til {to}, som hadde størst krav."),
            format!("Plassen går til {to}, som hadde størst krav."),
            format!("The place goes to {to}, which had the greatest claim."),
        );
    }
    l.of(
        format!("Plassen går til {to}, som hadde størst krav av dem som kan ta flere."),
        format!("Plassen går til {to}, som hadde størst krav av dei som kan ta fleire."),
        format!(
            "The place goes to {to}, which had the greatest claim of those that may take more."
        ),
    )
}

fn stays(ground: Ground, from: &str, l: Language) -> String {
    let why = match ground {
        Ground::Protected => l.of(
            "for kommunen har ikke flere enn målet",
            "for kommunen har ikkje fleire enn målet",
            "as it has no more than its target",
        ),
        Ground::AreaCap => l.of(
            "for kommunen har gitt så mange som planen tillater til nå",
            "for kommunen har gitt så mange som planen tillèt til no",
            "as it has given as many as the plan allows by now",
        ),
        Ground::PlanCap => l.of(
            "for så mange plasser som planen tillater til nå, er flyttet",
            "for så mange plassar som planen tillèt til no, er flytta",
            "as so many places as the plan allows by now have moved",
        ),
        Ground::GreatestClaim => l.of(
            "for kommunen hadde selv størst krav",
            "for kommunen hadde sjølv størst krav",
            "as it had the greatest claim itself",
        ),
        Ground::NobodyMay => l.of(
            "for ingen andre mangler plasser eller kan ta flere",
            "for ingen andre manglar plassar eller kan ta fleire",
            "as nobody else lacks places or may take more",
        ),
        Ground::Bound => l.of(
            "for kommunen kan ikke unnvære den alle dager framover",
            "for kommunen kan ikkje vere utan han alle dagar framover",
            "as it cannot do without it on all days to come",
        ),
    };
    l.of(
        format!("Plassen blir i {from}, {why}."),
        format!("Plassen blir i {from}, {why}."),
        format!("The place stays in {from}, {why}."),
    )
}

/// What the claims were, and what bounds there were.
fn claims(
    step: &RedirectionStep,
    method: Method,
    name: &impl Fn(&MunicipalityNumber) -> String,
    l: Language,
) -> Vec<String> {
    let Redirected { claim, runner_up, remaining, may_give, may_move, .. } = &step.redirected;
    let mut told = Vec::new();
    if let Some(claim) = claim {
        let (who, sum) = (name(&claim.municipality_number), division(method, claim, l));
        told.push(l.of(
            format!("Kravet til {who} var {sum}."),
            format!("Kravet til {who} var {sum}."),
            format!("The claim of {who} was {sum}."),
        ));
    }
    if let Some(claim) = runner_up {
        let (who, sum) = (name(&claim.municipality_number), division(method, claim, l));
        told.push(l.of(
            format!("Nest størst var kravet til {who}: {sum}."),
            format!("Nest størst var kravet til {who}: {sum}."),
            format!("The next greatest was that of {who}: {sum}."),
        ));
    }
    for holder in step.at_maximum.iter().take(AT_MAXIMUM_TOLD) {
        let who = name(&holder.municipality_number);
        told.push(l.of(
            format!("{who} hadde større krav, men har alle plassene kommunen medfinansierer."),
            format!("{who} hadde større krav, men har alle plassane kommunen medfinansierer."),
            format!("{who} had a greater claim, but has all the places it co-finances."),
        ));
    }
    told.extend(may_give.map(|count| might_give(count, l)));
    told.extend(may_move.map(|count| might_move(count, l)));
    let places = places(*remaining, l);
    told.push(l.of(
        format!("Etter dette gjensto det å flytte {places}."),
        format!("Etter dette stod det att å flytte {places}."),
        format!("After this, {places} had yet to move."),
    ));
    told
}

/// How many more its municipality might give.
fn might_give(count: u64, l: Language) -> String {
    if count == 0 {
        return l.say(
            "Kommunen kunne da ikke gi flere i år.",
            "Kommunen kunne då ikkje gi fleire i år.",
            "The municipality might then give no more this year.",
        );
    }
    let places = places(count, l);
    l.of(
        format!("Kommunen kunne da gi {places} i år."),
        format!("Kommunen kunne då gi {places} i år."),
        format!("The municipality might then give {places} this year."),
    )
}

/// How many more might move in all.
fn might_move(count: u64, l: Language) -> String {
    if count == 0 {
        return l.say(
            "Planen tillot da ikke at flere ble flyttet i år.",
            "Planen tillét då ikkje at fleire vart flytta i år.",
            "The plan then allowed no more to move this year.",
        );
    }
    let places = places(count, l);
    l.of(
        format!("Planen tillot da at {places} til ble flyttet i år."),
        format!("Planen tillét då at {places} til vart flytta i år."),
        format!("The plan then allowed {places} more to move this year."),
    )
}

fn places(count: u64, l: Language) -> String {
    l.count(count, ("plass", "plasser"), ("plass", "plassar"), ("place", "places"))
}

/// A claim as a division.
fn division(method: Method, claim: &Priority, l: Language) -> String {
    let by = l.of("delt på", "delt på", "divided by");
    let Some(divisor) = divisor(method, claim.held) else { return claim.weight.to_string() };
    let Divisor { numerator, denominator, is_squared } = divisor;
    let number =
        if denominator == 1 { numerator.to_string() } else { format!("{numerator}/{denominator}") };
    let number = if is_squared {
        l.of(
            format!("kvadratroten av {number}"),
            format!("kvadratrota av {number}"),
            format!("the square root of {number}"),
        )
    } else {
        number
    };
    format!("{} {by} {number}", claim.weight)
}

/// What a weight is divided by in the claim to one place more, as an exact fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divisor {
    /// Above the line; 0 for a first place that everybody gets before others.
    pub numerator: u64,
    /// Below the line.
    pub denominator: u64,
    /// Whether this is the divisor's square.
    pub is_squared: bool,
}

/// The divisor of a method where so many places are held; `None` for methods without claims.
pub fn divisor(method: Method, held: u64) -> Option<Divisor> {
    let fraction =
        |numerator, denominator| Some(Divisor { numerator, denominator, is_squared: false });
    match method {
        Method::SainteLague => fraction(2 * held + 1, 2),
        Method::ModifiedSainteLague if held == 0 => fraction(7, 10),
        Method::ModifiedSainteLague => fraction(2 * held + 1, 2),
        Method::DHondt => fraction(held + 1, 1),
        Method::Adams => fraction(held, 1),
        Method::Dean => fraction(2 * held * (held + 1), 2 * held + 1),
        Method::HuntingtonHill => {
            Some(Divisor { numerator: held * (held + 1), denominator: 1, is_squared: true })
        }
        Method::LargestRemainder | Method::Quota => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A claim as it is told: numerator and denominator.
    fn told(method: Method, weight: u64, held: u64) -> (u128, u128) {
        let of = divisor(method, held).unwrap();
        let weight = u128::from(weight);
        let weight = if of.is_squared { weight * weight } else { weight };
        (weight * u128::from(of.denominator), u128::from(of.numerator))
    }

    /// The divisors told are those that decide: fractions compare as claims do.
    #[test]
    fn divisors_are_those_of_the_claims() {
        let methods = [
            Method::SainteLague,
            Method::ModifiedSainteLague,
            Method::DHondt,
            Method::Adams,
            Method::HuntingtonHill,
            Method::Dean,
        ];
        let held = [(60_000, 7), (25_000, 2), (15_000, 0), (3, 1), (90_000, 11)];
        let mut compared = 0;
        for method in methods {
            for (one, (weight, places)) in held.into_iter().enumerate() {
                for (other, (its_weight, its_places)) in held.into_iter().enumerate() {
                    let (over, under) = told(method, weight, places);
                    let (its_over, its_under) = told(method, its_weight, its_places);
                    if under == 0 || its_under == 0 || over * its_under == its_over * under {
                        continue;
                    }
                    let decided = claim(method, one, weight, places)
                        > claim(method, other, its_weight, its_places);
                    assert_eq!(decided, over * its_under > its_over * under, "{method:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 80, "only {compared} pairs");
        assert_eq!(divisor(Method::LargestRemainder, 3), None);
    }
}
