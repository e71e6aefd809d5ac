//! Sentences that several explanations have.

use crate::domain::{
    explanation::{
        language::Language,
        standing::{FreePlaceGroup, Names, Site, Standing},
    },
    waitlist::PRIORITY_BY_CORRECTION_DAYS,
};

/// How many groups with something free a text names.
pub(super) const GROUPS_TOLD: usize = 10;

/// Whether a text tells of a moment that has gone by, or of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tense {
    /// Just before a decision.
    Then,
    /// As it is told.
    Now,
}

impl Tense {
    fn of<T>(self, then: T, now: T) -> T {
        match self {
            Self::Then => then,
            Self::Now => now,
        }
    }
}

/// Sentences as one paragraph.
pub(super) fn paragraph(sentences: &[String]) -> String {
    sentences.join(" ")
}

impl Names {
    pub(super) fn measure(&self, l: Language) -> String {
        let unknown = || l.say("tiltaket", "tiltaket", "the measure");
        self.measure.clone().unwrap_or_else(unknown)
    }

    pub(super) fn area(&self, l: Language) -> String {
        self.area.clone().unwrap_or_else(|| l.say("området", "området", "the area"))
    }

    pub(super) fn municipality(&self, l: Language) -> String {
        let unknown = || l.say("kommunen", "kommunen", "the municipality");
        self.municipality.clone().unwrap_or_else(unknown)
    }
}

impl Site {
    /// The place group with its provider beside it.
    pub(super) fn told(&self, l: Language) -> String {
        let name = l.of(
            format!("«{}»", self.name),
            format!("«{}»", self.name),
            format!("“{}”", self.name),
        );
        let at = l.of("hos", "hos", "at");
        match &self.provider_name {
            Some(provider) => format!("{name} {at} {provider}"),
            None => name,
        }
    }
}

/// What the text is about.
pub(super) fn about(names: &Names, l: Language) -> String {
    let (measure, area) = (names.measure(l), names.area(l));
    l.of(
        format!("Dette gjelder {measure} i {area}."),
        format!("Dette gjeld {measure} i {area}."),
        format!("This is about {measure} in {area}."),
    )
}

/// What decides the order, and what it follows from for this person.
pub(super) fn order(standing: &Standing, l: Language) -> Vec<String> {
    let registered = l.day(standing.key.registered_time);
    let mut told = vec![
        l.say(
            "Den som ble registrert først, står først i køen.",
            "Den som vart registrert først, står først i køen.",
            "Whoever was registered first stands first in the queue.",
        ),
        l.say(
            "Prioritet kan flytte noen et fast antall dager fram.",
            "Prioritet kan flytte nokon eit fast tal dagar fram.",
            "Priority can move someone ahead by a fixed number of days.",
        ),
        l.of(
            format!("Du ble registrert {registered}."),
            format!("Du vart registrert {registered}."),
            format!("You were registered on {registered}."),
        ),
    ];
    let days = standing.key.registered_time.days_since(standing.key.order_time);
    if days >= u64::from(PRIORITY_BY_CORRECTION_DAYS) {
        told.push(l.say(
            "En feil har kostet deg en plass, så du står foran alle andre.",
            "Ein feil har kosta deg ein plass, så du står føre alle andre.",
            "A mistake has cost you a place, so you stand before all others.",
        ));
    } else if days > 0 {
        let days = l.count(days, ("dag", "dager"), ("dag", "dagar"), ("day", "days"));
        told.push(l.of(
            format!("Prioriteten din gir deg et forsprang på {days}."),
            format!("Prioriteten din gir deg eit forsprang på {days}."),
            format!("Your priority puts you {days} ahead."),
        ));
    }
    told
}

/// The place in the queue: in the municipality where it has one of its own, and in the area.
pub(super) fn place_in_queue(standing: &Standing, tense: Tense, l: Language) -> Vec<String> {
    let Some(position) = standing.position else { return Vec::new() };
    let area = standing.names.area(l);
    let municipality = standing.names.municipality(l);
    let own = position.in_municipality.map(|n| (municipality, n));
    let verb = tense.of(l.of("var", "var", "was"), l.of("er", "er", "is"));
    let queues = own.into_iter().chain([(area, position.in_area)]);
    let told = queues.map(|(queue, n)| {
        l.of(
            format!("Plassen din i køen i {queue} {verb} nummer {n}."),
            format!("Plassen din i køen i {queue} {verb} nummer {n}."),
            format!("Your place in the queue in {queue} {verb} number {n}."),
        )
    });
    told.collect()
}

/// The free places that the person would take, and how many others there are.
pub(super) fn free_places(standing: &Standing, tense: Tense, l: Language) -> Vec<String> {
    let groups = &standing.free.place_groups;
    let (own, others): (Vec<&FreePlaceGroup>, Vec<&FreePlaceGroup>) =
        groups.iter().partition(|group| group.would_take);
    let mut told = vec![sites_that_suit(own.len(), tense, l)];
    let has = tense.of(l.of("hadde", "hadde", "had"), l.of("har", "har", "has"));
    told.extend(own.iter().take(GROUPS_TOLD).map(|group| {
        let (site, places) = (group.site.told(l), l.free_places(group.free_percent));
        format!("{site} {has} {places}.")
    }));
    let more = count(own.len().saturating_sub(GROUPS_TOLD));
    if more > 0 {
        let sites = l.count(
            more,
            ("sted til er", "steder til er"),
            ("stad til er", "stader til er"),
            ("more site is", "more sites are"),
        );
        told.push(l.of(
            format!("{sites} ikke nevnt her."),
            format!("{sites} ikkje nemnd her."),
            format!("{sites} not named here."),
        ));
    }
    if !others.is_empty() {
        told.push(other_sites(others.len(), tense, l));
    }
    told
}

fn sites_that_suit(n: usize, tense: Tense, l: Language) -> String {
    let was = tense.of(
        l.of("Like før var det", "Like før var det", "Just before, there were"),
        l.of("Nå er det", "No er det", "Now there are"),
    );
    if n == 0 {
        return l.of(
            format!("{was} ikke ledig noe sted som passer for deg."),
            format!("{was} ikkje ledig nokon stad som passar for deg."),
            format!("{was} no free places at any site that suits you."),
        );
    }
    let sites = l.count(
        count(n),
        ("sted", "steder"),
        ("stad", "stader"),
        ("site that suits", "sites that suit"),
    );
    l.of(
        format!("{was} ledig på {sites} som passer for deg."),
        format!("{was} ledig på {sites} som passar for deg."),
        format!("{was} free places at {sites} you."),
    )
}

fn other_sites(n: usize, tense: Tense, l: Language) -> String {
    let was = tense.of(l.of("var", "var", "were"), l.of("er", "er", "are"));
    let sites = l.count(
        count(n),
        ("annet sted, som ikke er aktuelt", "andre steder, som ikke er aktuelle"),
        ("annan stad, som ikkje er aktuell", "andre stader, som ikkje er aktuelle"),
        ("other site, which is not an option", "other sites, which are not options"),
    );
    l.of(
        format!("Det {was} ledig på {sites} for deg."),
        format!("Det {was} ledig på {sites} for deg."),
        format!("There {was} free places at {sites} for you."),
    )
}

/// The room in the municipality's share, or in the area's budget.
pub(super) fn room(standing: &Standing, tense: Tense, l: Language) -> String {
    let percent = standing.free.second_account_percent;
    let share = share(standing, l);
    let had = tense.of(l.of("hadde", "hadde", "had"), l.of("har", "har", "has"));
    let was = tense.of(l.of("var", "var", "was"), l.of("er", "er", "is"));
    if percent == 0 {
        return l.of(
            format!("{share} {was} brukt opp."),
            format!("{share} {was} brukt opp."),
            format!("{share} {was} used up."),
        );
    }
    let places = l.more_places(percent);
    l.of(
        format!("{share} {had} rom for {places}."),
        format!("{share} {had} rom for {places}."),
        format!("{share} {had} room for {places}."),
    )
}

/// Whose places the person's would be counted among, at the beginning of a sentence.
fn share(standing: &Standing, l: Language) -> String {
    let (area, municipality) = (standing.names.area(l), standing.names.municipality(l));
    if standing.municipality.is_some() {
        return l.of(
            format!("Andelen til {municipality}"),
            format!("Andelen til {municipality}"),
            format!("The share of {municipality}"),
        );
    }
    l.of(
        format!("Plassrammen i {area}"),
        format!("Plassramma i {area}"),
        format!("The place budget of {area}"),
    )
}

/// Who proposes, and who decides.
pub(super) fn who_decides(l: Language) -> Vec<String> {
    vec![
        l.say(
            "Et dataprogram foreslår hvem som får plass, etter faste regler.",
            "Eit dataprogram foreslår kven som får plass, etter faste reglar.",
            "A computer program proposes who gets a place, by fixed rules.",
        ),
        l.say(
            "Programmet bestemmer ikke.",
            "Programmet avgjer ikkje.",
            "The program does not decide.",
        ),
        l.say(
            "Et forslag blir et tilbud først når et menneske har bekreftet det.",
            "Eit forslag blir eit tilbod først når eit menneske har stadfesta det.",
            "A proposal becomes an offer only when a human being has confirmed it.",
        ),
    ]
}

/// As many as there are.
pub(super) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
