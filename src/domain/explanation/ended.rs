//! What a person is told whose entry has ended: that it goes on elsewhere, or that it is over.

use crate::domain::explanation::language::Language;

/// Another measure type has taken over, of this name where it is known.
pub(super) fn taken_over(by: Option<&str>, l: Language) -> Vec<String> {
    let name = by.map(|name| format!(": {name}")).unwrap_or_default();
    vec![
        l.of(
            format!("Et annet tiltak har tatt over{name}."),
            format!("Eit anna tiltak har teke over{name}."),
            format!("Another measure has taken over{name}."),
        ),
        l.say("Saken din går videre der.", "Saka di går vidare der.", "Your case goes on there."),
        waiting_time_follows(l),
    ]
}

/// It is closed here: since the person has moved, or for good.
pub(super) fn closed(moved: bool, l: Language) -> Vec<String> {
    if moved {
        return vec![
            l.say(
                "Saken din går videre der du har flyttet til.",
                "Saka di går vidare der du har flytta til.",
                "Your case goes on where you have moved to.",
            ),
            waiting_time_follows(l),
        ];
    }
    vec![l.say(
        "Du står ikke på ventelisten lenger.",
        "Du står ikkje på ventelista lenger.",
        "You are no longer on the waitlist.",
    )]
}

fn waiting_time_follows(l: Language) -> String {
    l.say(
        "Ventetiden din følger med.",
        "Ventetida di følgjer med.",
        "Your waiting time goes with you.",
    )
}
