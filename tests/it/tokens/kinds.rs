//! Each kind of issuer and each form of its tokens: who the bearer is, and what is refused of it.

use serde_json::{Value, json};
use tiltaksplass::{
    auth::NotAdmitted,
    domain::{access::Employer, protection::Protection},
};
use time::Duration;

use super::{
    ENTRA, Gate, MASKINPORTEN, OTHER, application, client_of, logged_in, organisation, person,
    role_of, token_of,
};
use crate::{support::MONDAY, world};

/// The claims with another value of one; none takes it away.
fn with(claims: &Value, name: &str, value: Option<Value>) -> Value {
    let mut claims = claims.clone();
    match value {
        Some(value) => claims[name] = value,
        None => drop(claims.as_object_mut().unwrap().remove(name).unwrap()),
    }
    claims
}

/// Each of these changes makes the token one that counts for nothing.
async fn each_is_refused(claims: &Value, changes: &[(&str, Option<Value>)]) {
    let gate = Gate::new();
    assert!(gate.ask(claims).await.is_ok(), "it would be good without a change");
    for (name, value) in changes {
        let refused = gate.ask(&with(claims, name, value.clone())).await.err();
        assert_eq!(refused, Some(None), "{name}: {value:?}");
    }
}

#[tokio::test]
async fn a_person_of_entra_is_their_ident_in_their_office() {
    let caller = Gate::new().ask(&person(&["0000-GA-other", "5701-CA-tiltak"])).await.unwrap();
    let (actor, standing) = (caller.actor, caller.standing);
    assert_eq!((actor.issuer.as_str(), actor.subject.as_str()), (ENTRA, "Z990001"));
    assert_eq!((actor.role.as_str(), actor.organisation.as_str()), ("office", "5701"));
    assert_eq!(actor.employer, Some(Employer::State));
    assert_eq!(standing.name.as_deref(), Some("Kari Nordmann"));
    assert_eq!(standing.client.as_deref(), Some("c0ffee00-0000-4000-8000-000000000002"));
    assert!(!standing.leads_office && standing.clearances.is_empty());
    assert!(standing.identity.is_none() && standing.on_behalf_of.is_none());
}

#[tokio::test]
async fn groups_may_be_ids_and_patterns_fit_whole_names() {
    let gate = Gate::new();
    assert_eq!(gate.role(&person(&["5b3f9d52-1111-4e0e-9a3c-0a2b6c2a1601"])).await, "county:NO-16");
    let kommune = gate.ask(&person(&["5712-CA-kommune"])).await.unwrap();
    let municipal = Employer::Municipal { municipality_number: "1601".to_owned() };
    assert_eq!(
        (role_of(&kommune).as_str(), kommune.actor.employer),
        ("office:5712", Some(municipal))
    );
    let by_claim = with(&person(&[]), "office_of", Some(json!("5719")));
    assert_eq!(gate.role(&by_claim).await, "office:5719");
    for groups in [
        &["15701-CA-tiltak"][..],
        &["5701"],
        &["5701-CA"],
        &["5701-CA-tiltak-x"],
        &["x5701-CA-tiltak"],
        &["5701-ca-tiltak"],
        &["5B3F9D52-1111-4E0E-9A3C-0A2B6C2A1601"],
        &[],
    ] {
        let refused = gate.ask(&person(groups)).await.err();
        assert_eq!(refused, Some(Some(NotAdmitted::NoRight)), "{groups:?}");
    }
    // An application's roles are none of a person's, nor do names and the like give anything.
    let mut claims = person(&[]);
    for name in ["roles", "azp_name", "name", "upn", "preferred_username", "unique_name", "wids"] {
        claims[name] = json!(["5701-CA-tiltak", "feed-reader", "office-5701"]);
    }
    assert_eq!(gate.ask(&claims).await.err(), Some(Some(NotAdmitted::NoRight)));
}

#[tokio::test]
async fn what_several_groups_give_of_one_office_adds_up() {
    let gate = Gate::new();
    let groups = ["5701-CA-fortrolig", "5701-CA-tiltak", "5701-CA-leder"];
    let caller = gate.ask(&person(&groups)).await.unwrap();
    assert_eq!(role_of(&caller), "office:5701");
    assert!(caller.standing.leads_office);
    let clearances: Vec<_> = caller.standing.clearances.iter().copied().collect();
    assert_eq!(clearances, [Protection::Confidential, Protection::OwnStaff]);
    let two_employers = person(&["5701-CA-tiltak", "5701-CA-kommune"]);
    assert_eq!(gate.ask(&two_employers).await.err(), Some(Some(NotAdmitted::NoRight)));
}

#[tokio::test]
async fn an_application_is_none_of_the_people_and_the_other_way_about() {
    let gate = Gate::new();
    let caller = gate.ask(&application(&["feed-reader"])).await.unwrap();
    assert_eq!(role_of(&caller), "service:statistics");
    assert_eq!(caller.actor.subject, "c0ffee00-0000-4000-8000-000000000001");
    assert_eq!(caller.standing.client.as_deref(), Some(caller.actor.subject.as_str()));
    assert_eq!(gate.role(&application(&["office-5701"])).await, "office:5701");
    let app = application(&["feed-reader"]);
    let groups = with(&application(&[]), "groups", Some(json!(["5701-CA-tiltak"])));
    let stranger = with(&app, "azp", Some(json!("c0ffee00-0000-4000-8000-000000000003")));
    for claims in [application(&[]), groups, stranger] {
        assert_eq!(gate.ask(&claims).await.err(), Some(Some(NotAdmitted::NoRight)), "{claims}");
    }
    each_is_refused(
        &app,
        &[
            ("idtyp", Some(json!("device"))),
            ("idtyp", Some(json!(["app"]))),
            // Without `idtyp` it would be a person's, and has not what a person's has.
            ("idtyp", None),
            ("idtyp", Some(json!("user"))),
            ("scp", Some(json!("defaultaccess"))),
            ("NAVident", Some(json!("Z990001"))),
            ("oid", None),
            ("azp", None),
        ],
    )
    .await;
    let grown = with(&person(&["5701-CA-tiltak"]), "idtyp", Some(json!("user")));
    each_is_refused(
        &grown,
        &[
            ("idtyp", Some(json!("app"))),
            ("scp", None),
            ("scp", Some(json!(""))),
            ("oid", None),
            ("NAVident", None),
            ("NAVident", Some(json!(""))),
            ("NAVident", Some(json!(["Z990001"]))),
            ("NAVident", Some(json!("Z99\n0001"))),
            ("NAVident", Some(json!(world::identity(1)))),
            ("azp", None),
        ],
    )
    .await;
}

#[tokio::test]
async fn tokenx_gives_by_client_and_says_who_they_are() {
    let gate = Gate::new();
    let claims = logged_in("prod-gcp:tiltak:arrangor");
    let caller = gate.ask(&claims).await.unwrap();
    assert_eq!(role_of(&caller), "provider:100000008");
    assert_eq!(caller.actor.subject, "bG9nZ2VkLWlu");
    let identity = caller.standing.identity.as_ref().unwrap();
    assert_eq!(identity.expose(), world::identity(7));
    assert_eq!(caller.standing.client.as_deref(), Some("prod-gcp:tiltak:arrangor"));
    let level4 = with(&claims, "acr", Some(json!("Level4")));
    assert_eq!(gate.role(&level4).await, "provider:100000008");
    let stranger = logged_in("prod-gcp:tiltak:arrangor2");
    assert_eq!(gate.ask(&stranger).await.err(), Some(Some(NotAdmitted::NoRight)));
    each_is_refused(
        &claims,
        &[
            ("acr", Some(json!("Level3"))),
            ("acr", Some(json!("idporten-loa-substantial"))),
            ("acr", None),
            ("pid", None),
            ("pid", Some(json!("12345678901"))),
            ("client_id", None),
            ("sub", None),
            // It would stand in logs for ever.
            ("sub", Some(json!(world::identity(7)))),
        ],
    )
    .await;
}

#[tokio::test]
async fn maskinporten_gives_to_the_organisation_that_is_acted_for() {
    let gate = Gate::new();
    let own = client_of("100000008", "nav:other nav:tiltaksplass/provider");
    let caller = gate.ask(&own).await.unwrap();
    assert_eq!(role_of(&caller), "provider:100000008");
    assert_eq!(caller.actor.issuer, MASKINPORTEN);
    assert_eq!(caller.actor.subject, "7ea43b76-6b7d-49e8-af2b-4114ebb66c80");
    assert_eq!(caller.standing.client.as_deref(), Some("7ea43b76-6b7d-49e8-af2b-4114ebb66c80"));
    assert!(caller.standing.on_behalf_of.is_none());
    let lower = json!({"authority": "iso6523-actorid-upis", "id": "0192:100000008"});
    assert_eq!(gate.role(&with(&own, "consumer", Some(lower))).await, "provider:100000008");

    // A supplier to whom the consumer has delegated.
    let delegated = with(&own, "supplier", Some(organisation("100000016")));
    let caller = gate.ask(&delegated).await.unwrap();
    assert_eq!(role_of(&caller), "provider:100000008");
    assert_eq!(caller.standing.client.as_deref(), Some("0192:100000016"));
    assert_eq!(caller.standing.on_behalf_of.as_deref(), Some("0192:100000008"));

    // A system user: the consumer only made the system, and acts for another.
    let system = with(&own, "authorization_details", Some(json!([system_user("100000016")])));
    let caller = gate.ask(&system).await.unwrap();
    assert_eq!(role_of(&caller), "provider:100000016");
    assert_eq!(caller.actor.subject, "a1b2c3");
    assert_eq!(caller.standing.client.as_deref(), Some("0192:100000008"));
    assert_eq!(caller.standing.on_behalf_of.as_deref(), Some("0192:100000016"));

    // A municipality is known by its organisation number.
    let trondheim = client_of("974760673", "nav:tiltaksplass/municipality");
    assert_eq!(gate.role(&trondheim).await, "municipality:1601");
    for claims in [
        client_of("100000008", "nav:tiltaksplass/municipality"),
        client_of("100000008", "nav:tiltaksplass/provider2"),
        client_of("100000008", "nav:tiltaksplass"),
        client_of("100000008", ""),
    ] {
        assert_eq!(gate.ask(&claims).await.err(), Some(Some(NotAdmitted::NoRight)), "{claims}");
    }
}

fn system_user(number: &str) -> Value {
    json!({
        "type": "urn:altinn:systemuser", "systemuser_id": ["a1b2c3"],
        "systemuser_org": organisation(number), "system_id": "100000008_system",
    })
}

#[tokio::test]
async fn what_maskinporten_never_says_is_refused() {
    let own = client_of("100000008", "nav:tiltaksplass/provider");
    let consumer = |authority: &str, id: &str| Some(json!({"authority": authority, "ID": id}));
    let mut two = system_user("100000008");
    two["systemuser_id"] = json!(["a", "b"]);
    let mut other = system_user("100000008");
    other["type"] = json!("urn:altinn:resource");
    let details = |value: Value| ("authorization_details", Some(value));
    each_is_refused(
        &own,
        &[
            ("client_id", None),
            ("consumer", None),
            ("consumer", Some(json!("0192:100000008"))),
            ("consumer", consumer("iso6523-actorid-upis", "0192:100000009")),
            ("consumer", consumer("iso6523-actorid-upis", "0088:100000008")),
            ("consumer", consumer("iso6523-actorid-upis", "100000008")),
            ("consumer", consumer("somebody", "0192:100000008")),
            (
                "consumer",
                Some(json!({"authority": "iso6523-actorid-upis",
                    "ID": "0192:100000008", "id": "0192:100000016"})),
            ),
            ("supplier", Some(json!({}))),
            ("supplier", Some(json!("0192:100000016"))),
            details(json!([])),
            details(json!({})),
            details(json!([other])),
            details(json!([two])),
            details(json!([system_user("100000016"), system_user("100000008")])),
            details(json!([{"type": "urn:altinn:systemuser", "systemuser_id": ["a"]}])),
        ],
    )
    .await;
    let both = with(&own, "supplier", Some(organisation("100000016")));
    let both = with(&both, "authorization_details", Some(json!([system_user("100000016")])));
    assert_eq!(Gate::new().ask(&both).await.err(), Some(None));
}

#[tokio::test]
async fn any_other_issuer_gives_by_scope_and_group() {
    let gate = Gate::new();
    let claims =
        token_of(OTHER, json!({"sub": "ola", "scope": "a tiltaksplass.audit", "azp": "x"}));
    let caller = gate.ask(&claims).await.unwrap();
    assert_eq!(
        (role_of(&caller).as_str(), caller.actor.subject.as_str()),
        ("auditor:Riksrevisjonen", "ola")
    );
    let claims = token_of(OTHER, json!({"sub": "ola", "groups": ["places-in-1612"]}));
    assert_eq!(gate.role(&claims).await, "municipality:1612");
    let claims = with(&claims, "aud", Some(json!(["other", "tiltaksplass"])));
    assert_eq!(gate.role(&claims).await, "municipality:1612");
    each_is_refused(
        &claims,
        &[
            ("sub", None),
            ("sub", Some(json!(7))),
            ("pid", Some(json!("1"))),
            ("aud", Some(json!(["other"]))),
        ],
    )
    .await;
}

/// The minute that clocks may differ, at both ends, with `nbf` and without.
#[tokio::test]
async fn a_token_counts_from_its_beginning_to_its_end() {
    let gate = Gate::new();
    let (hour, minute, second) = (Duration::hours(1), Duration::MINUTE, Duration::SECOND);
    for claims in [person(&["5701-CA-tiltak"]), application(&["feed-reader"])] {
        for (at, counts) in [
            (-minute - second, false),
            (-minute, true),
            (hour + minute - second, true),
            (hour + minute, false),
        ] {
            let asked = gate.at(MONDAY + at).ask(&claims).await;
            assert_eq!(asked.is_ok(), counts, "{at}");
        }
    }
    // A life of months is the issuer's own affair.
    let long = with(&person(&["5701-CA-tiltak"]), "exp", Some(json!(MONDAY.unix_timestamp() * 2)));
    assert!(gate.ask(&long).await.is_ok());
}
