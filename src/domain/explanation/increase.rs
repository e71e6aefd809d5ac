//! What is told of a larger share of a place, beside what is told of a place.

use crate::domain::explanation::language::Language;

/// Who has a place and waits for more of it.
pub(super) fn waits(l: Language) -> Vec<String> {
    vec![
        l.say(
            "Du venter på en større del av plassen du har.",
            "Du ventar på ein større del av plassen du har.",
            "You are waiting for a larger share of the place you have.",
        ),
        keeps_place(l),
    ]
}

/// What is held, as more of the place there is.
pub(super) fn held(told: Vec<String>, l: Language) -> Vec<String> {
    let about_more = l.say(
        "Det gjelder en større del av plassen du har.",
        "Det gjeld ein større del av plassen du har.",
        "It is about a larger share of the place you have.",
    );
    [vec![about_more], told, vec![keeps_place(l)]].concat()
}

/// Nothing more is waited for.
pub(super) fn over(l: Language) -> Vec<String> {
    vec![l.say(
        "Du venter ikke lenger på en større del av plassen.",
        "Du ventar ikkje lenger på ein større del av plassen.",
        "You are no longer waiting for a larger share of the place.",
    )]
}

/// Who was decided on had a place, and waited for more of it.
pub(super) fn waited(l: Language) -> String {
    l.say(
        "Du ventet på en større del av plassen din.",
        "Du venta på ein større del av plassen din.",
        "You were waiting for a larger share of your place.",
    )
}

/// Whatever becomes of more of it.
fn keeps_place(l: Language) -> String {
    l.say(
        "Det du har av plassen, beholder du uansett.",
        "Det du har av plassen, held du på uansett.",
        "What you have of the place is yours in any case.",
    )
}
