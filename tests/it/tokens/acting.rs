//! Who may be several says as whom they call; nobody chooses for them.

use tiltaksplass::auth::NotAdmitted;

use super::{Gate, person, role_of};

#[tokio::test]
async fn an_adviser_in_two_offices_says_in_which() {
    let gate = Gate::new();
    let both = person(&["5701-CA-tiltak", "5719-CA-tiltak", "5719-CA-leder"]);
    for (whom, leads) in [("office:5701", false), ("office:5719", true)] {
        let caller = gate.ask_as(&both, &[whom]).await.unwrap();
        assert_eq!((role_of(&caller).as_str(), caller.standing.leads_office), (whom, leads));
    }
    let acting_as = |words: &str| Some(Some(NotAdmitted::ActingAs(words.to_owned())));
    let form = "must be a role, a colon and an organisation, for example `office:5701`";
    for (headers, refused) in [
        (&[][..], acting_as("must name one of office:5701, office:5719")),
        (&["office:5701", "office:5701"], acting_as("must stand there once")),
        (&["5701"], acting_as(form)),
        (&["office:"], acting_as(form)),
        (&["Office:5701"], acting_as(form)),
        (&[""], acting_as(form)),
        (&["office:5712"], Some(Some(NotAdmitted::NoRight))),
        (&["county:NO-16"], Some(Some(NotAdmitted::NoRight))),
        (&["office:5701 "], Some(Some(NotAdmitted::NoRight))),
    ] {
        assert_eq!(gate.ask_as(&both, headers).await.err(), refused, "{headers:?}");
    }
    // The order of groups tells nothing.
    let turned = person(&["5719-CA-leder", "5719-CA-tiltak", "5701-CA-tiltak"]);
    assert!(matches!(gate.ask(&turned).await.err(), Some(Some(NotAdmitted::ActingAs(_)))));
    let roles = person(&["5701-CA-tiltak", "5b3f9d52-1111-4e0e-9a3c-0a2b6c2a1601"]);
    assert!(matches!(gate.ask(&roles).await.err(), Some(Some(NotAdmitted::ActingAs(_)))));
    assert_eq!(role_of(&gate.ask_as(&roles, &["county:NO-16"]).await.unwrap()), "county:NO-16");
}

#[tokio::test]
async fn who_is_only_one_need_not_say_it_and_may_say_nothing_else() {
    let gate = Gate::new();
    let one = person(&["5701-CA-tiltak", "5701-CA-leder"]);
    assert_eq!(role_of(&gate.ask(&one).await.unwrap()), "office:5701");
    assert_eq!(role_of(&gate.ask_as(&one, &["office:5701"]).await.unwrap()), "office:5701");
    let refused = gate.ask_as(&one, &["office:5719"]).await.err();
    assert_eq!(refused, Some(Some(NotAdmitted::NoRight)));
    // A header is no way to find out whether a forged token would have got further.
    let refused = gate.ask_with("a.b.c", &["office:5719", "x"]).await.err();
    assert_eq!(refused, Some(None));
}
