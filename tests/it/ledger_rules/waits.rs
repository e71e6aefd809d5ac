//! Estimates of a wait in words: everything there is to be said reads well, and some texts are
//! pinned as they are read. What they are computed from is tested beside it.

use tiltaksplass::domain::{
    explanation::{
        Language, Names, WaitExplanation, no_wait_summary, wait_paragraphs, wait_summary,
    },
    ledger::{Newcomer, key_of_newcomer},
    wait::{Band, Coverage, Estimate, Evidence, Forecast, LONGEST_DAYS, Window},
    waitlist::{EntryState, QueueKey},
};

use super::{plain::reads_well, words::reads_as, *};

fn names() -> Names {
    Names {
        measure: Some("Varig tilrettelagt arbeid".to_owned()),
        area: Some("Sør-Trøndelag".to_owned()),
        municipality: Some("Trondheim".to_owned()),
    }
}

fn band(p10_days: u32, p50_days: u32, p90_days: u32) -> Estimate {
    Estimate::Band(Band { p10_days, p50_days, p90_days })
}

fn told(estimate: Estimate, events: (u64, u64), coverage: (u64, u64)) -> WaitExplanation {
    let until = hour(TODAY, 12);
    let (starts, departures) = events;
    let (covered, measured) = coverage;
    WaitExplanation {
        names: names(),
        queue: QueueKey::new(Distribution::ByMunicipality, &TRONDHEIM.parse().unwrap()),
        is_new: false,
        forecast: Forecast {
            place: 12,
            window: Window { from: until.minus_days(300), until },
            evidence: Evidence { starts, window_days: 300, departures, waiting_days: 9_000 },
            estimate,
            coverage: Coverage { covered, measured, without_band: 3 },
        },
        has_room: false,
    }
}

fn everything() -> Vec<WaitExplanation> {
    let estimates = [
        band(0, 0, 1),
        band(0, 1, 59),
        band(59, 60, 75),
        band(45, 200, 800),
        band(700, 9_000, LONGEST_DAYS),
        band(700, LONGEST_DAYS, LONGEST_DAYS),
        band(LONGEST_DAYS, LONGEST_DAYS, LONGEST_DAYS),
        Estimate::AtLeast { days: 0 },
        Estimate::AtLeast { days: 1 },
        Estimate::AtLeast { days: 400 },
        Estimate::AtLeast { days: LONGEST_DAYS },
    ];
    let mut all = Vec::new();
    for estimate in estimates {
        for events in [(0, 0), (1, 4), (5, 5), (240, 17)] {
            for coverage in [(0, 0), (1, 1), (4, 5), (160, 200)] {
                let own = told(estimate, events, coverage);
                let pool = QueueKey::of_account(&AccountKey::Pool).unwrap();
                let without = Names { measure: None, area: None, municipality: None };
                all.push(WaitExplanation { is_new: true, ..own.clone() });
                all.push(WaitExplanation { has_room: true, ..own.clone() });
                all.push(WaitExplanation { queue: pool, ..own.clone() });
                all.push(WaitExplanation { names: without, ..own.clone() });
                all.push(own);
            }
        }
    }
    all
}

#[test]
fn every_estimate_reads_well_in_each_language() {
    let all = everything();
    assert!(all.len() > 500, "{}", all.len());
    for e in all {
        reads_well(|language| wait_paragraphs(&e, language));
        reads_well(|language| vec![wait_summary(&e, language)]);
    }
}

#[test]
fn whoever_does_not_wait_is_told_what_holds() {
    let offer = OfferId(Uuid::from_u128(1));
    let states = [
        EntryState::Paused { until: None },
        EntryState::CoolingDown { until: hour(TODAY, 12) },
        EntryState::Proposed(offer),
        EntryState::Offered(offer),
        EntryState::Accepted(offer),
        EntryState::Placed(PlacementId(Uuid::from_u128(2))),
        EntryState::Closed,
    ];
    for state in states {
        reads_well(|language| vec![no_wait_summary(state, language).unwrap()]);
    }
    assert_eq!(no_wait_summary(EntryState::Waiting, Language::Bokmal), None);
}

/// How few others there were stands in no text: with one more or one less it is the same.
#[test]
fn a_text_does_not_say_how_few_began_or_left() {
    let of = |events, coverage| {
        let e = told(band(45, 200, 800), events, coverage);
        Language::ALL.map(|language| wait_paragraphs(&e, language).join("\n"))
    };
    assert_eq!(of((1, 2), (1, 2)), of((4, 3), (3, 4)));
    for other in [of((0, 2), (1, 2)), of((5, 2), (1, 2)), of((1, 0), (1, 2)), of((1, 2), (1, 5))] {
        assert_ne!(other, of((1, 2), (1, 2)));
    }
}

#[test]
fn whoever_asks_how_long_reads_this() {
    let texts = |e: &WaitExplanation| {
        Language::ALL.map(|language| wait_paragraphs(e, language).join("\n\n"))
    };
    let known = told(band(45, 200, 800), (24, 9), (31, 40));
    reads_as("wait_band", &texts(&known));
    let nobody = told(Estimate::AtLeast { days: 400 }, (0, 2), (0, 0));
    reads_as("wait_lower_only", &texts(&nobody));
    let new = WaitExplanation { is_new: true, ..known };
    assert!(texts(&new)[0].contains("blir nummer 12"), "{}", texts(&new)[0]);
}

// ---- Somebody new ----

fn key_of(
    ledger: &Ledger,
    municipality: &str,
    class: Option<&str>,
    percent: u32,
) -> Result<tiltaksplass::domain::waitlist::OrderKey, Refusal> {
    let newcomer = Newcomer {
        municipality_number: municipality.parse().unwrap(),
        priority_class: class.map(|class| class.parse().unwrap()),
        participation_percent: percent,
    };
    let actor = actor("county");
    let context = Context { at: noon(), registry: &REGISTRY, actor: &actor, rules: RULES_VERSION };
    key_of_newcomer(ledger, &newcomer, &context)
}

/// The key is the one that a join would get, and what a join refuses is refused alike.
#[test]
fn somebody_new_has_the_place_a_join_would_give() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let told = key_of(&ledger, TRONDHEIM, None, 100).unwrap();
    let entry_id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let joined = entry(&ledger, entry_id).key;
    assert_eq!(told.join_seq, joined.join_seq);
    assert_eq!(told.order_time, told.registered_time);
    let young = key_of(&ledger, TRONDHEIM, Some("YOUNG"), 100).unwrap();
    assert_eq!(young.order_time, told.order_time.minus_days(BONUS_DAYS));
    let refused = key_of(&ledger, STEINKJER, None, 100).unwrap_err();
    assert!(matches!(refused, Refusal::RegistryMismatch { field: "municipality_number", .. }));
    let refused = key_of(&ledger, TRONDHEIM, Some("NOBODY"), 100).unwrap_err();
    assert!(matches!(refused, Refusal::RegistryMismatch { field: "priority_class", .. }));
}
