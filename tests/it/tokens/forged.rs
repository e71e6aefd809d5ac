//! What nobody gets in with, for each kind of issuer: all refused in the same bytes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::prelude::*;
use serde_json::{Value, json};
use tiltaksplass::{auth::LocalIssuer, cli::call::DynamicClient, proto::v1::ListAreasRequest};

use super::{
    Gate, MASKINPORTEN, OTHER, TOKENX, application, client_of, header, key, key_name, logged_in,
    person, port, signed, strange_key, token_of,
};
use crate::{
    port::wire::{Whole, Wire, framed},
    support::MONDAY,
};

/// Genuine claims of each kind.
fn genuine() -> Vec<Value> {
    vec![
        person(&["5701-CA-tiltak"]),
        application(&["feed-reader"]),
        logged_in("prod-gcp:tiltak:arrangor"),
        client_of("100000008", "nav:tiltaksplass/provider"),
        token_of(OTHER, json!({"sub": "ola", "scope": "tiltaksplass.audit"})),
    ]
}

/// Tokens that say what the genuine one says, by somebody who may not, or not any more.
fn forged(claims: &Value) -> Vec<(&'static str, String)> {
    [forged_headers(claims), forged_claims(claims), forged_forms(claims)].concat()
}

fn forged_headers(claims: &Value) -> Vec<(&'static str, String)> {
    let text = claims.to_string();
    let with = |name: &str, value: Value| {
        let mut changed: Value = serde_json::from_str(&header()).unwrap();
        changed[name] = value;
        key().sign(&changed.to_string(), &text).unwrap()
    };
    let strange: Value = strange_key().key_set()["keys"][0].clone();
    let by_stranger = |header: Value| strange_key().sign(&header.to_string(), &text).unwrap();
    let own = key_name(key());
    let of = |name: &str, value: Value| {
        let mut header = json!({"alg": "RS256", "typ": "JWT", "kid": own});
        header[name] = value;
        by_stranger(header)
    };
    let mut all = vec![
        ("a stranger's key", by_stranger(json!({"alg": "RS256", "kid": own}))),
        ("a stranger's own name", by_stranger(json!({"alg": "RS256", "kid": strange["kid"]}))),
        ("a stranger's key inside", of("jwk", strange.clone())),
        ("a stranger's address", of("jku", json!("http://127.0.0.1:9/jwks.json"))),
        ("a stranger's certificate", of("x5u", json!("http://127.0.0.1:9/x.pem"))),
        ("a key in the genuine header", with("jwk", strange)),
        ("an address in the genuine header", with("jku", json!("https://example.org"))),
        ("a certificate in the genuine header", with("x5c", json!(["MIIB"]))),
        ("a critical extension", with("crit", json!(["exp"]))),
        ("compressed", with("zip", json!("DEF"))),
        ("not base64", with("b64", json!(false))),
        ("a proof", with("typ", json!("dpop+jwt"))),
        ("an algorithm that is not pinned", with("alg", json!("RS512"))),
        ("another algorithm", with("alg", json!("PS256"))),
        ("another family", with("alg", json!("ES256"))),
        ("no algorithm", with("alg", Value::Null)),
        ("no name", with("kid", Value::Null)),
        ("two names", format_header_twice(&text)),
    ];
    for name in [
        "../../../../dev/null",
        "/etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:9/",
        "' OR '1'='1",
        "",
        "\u{0}",
    ] {
        all.push(("a name that is a path", with("kid", json!(name))));
        all.push(("a stranger's path", of("kid", json!(name))));
    }
    all
}

fn format_header_twice(claims: &str) -> String {
    let own = key_name(key());
    let twice = format!(r#"{{"alg":"RS256","kid":"{own}","kid":"{own}"}}"#);
    key().sign(&twice, claims).unwrap()
}

fn forged_claims(claims: &Value) -> Vec<(&'static str, String)> {
    let now = MONDAY.unix_timestamp();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        signed(&claims)
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name).unwrap();
        signed(&claims)
    };
    let text = claims.to_string();
    let twice = text.replacen('{', r#"{"groups":["5701-CA-tiltak"],"groups":[],"#, 1);
    let twice_issued = text.replacen('{', r#"{"iat":1,"#, 1);
    let issuer = claims["iss"].as_str().unwrap();
    let other = if issuer == MASKINPORTEN { TOKENX } else { MASKINPORTEN };
    vec![
        ("expired", with("exp", json!(now - 61))),
        ("expired long ago", with("exp", json!(1))),
        ("never expires", without("exp")),
        ("expires in a fraction", with("exp", json!(1e12))),
        ("expires in a text", with("exp", json!("tomorrow"))),
        ("issued at no time", without("iat")),
        ("issued in the future", with("iat", json!(now + 61))),
        ("not valid yet", with("nbf", json!(now + 61))),
        ("over before it begins", with("nbf", json!(now + 3601))),
        ("for another", with("aud", json!("tiltaksplass-other"))),
        ("for others", with("aud", json!(["a", "b"]))),
        ("for nobody", without("aud")),
        ("for a number", with("aud", json!(7))),
        ("of an unknown issuer", with("iss", json!("https://login.example.org"))),
        ("of almost the issuer", with("iss", json!(format!("{issuer}/")))),
        ("of another issuer's form", with("iss", json!(other))),
        ("of our own issuer", with("iss", json!("tiltaksplass-local"))),
        ("of the program itself", with("iss", json!("tiltaksplass"))),
        ("of nobody", without("iss")),
        ("of two", with("iss", json!([issuer]))),
        ("a claim twice", key().sign(&header(), &twice).unwrap()),
        ("a time twice", key().sign(&header(), &twice_issued).unwrap()),
        ("no object", key().sign(&header(), "[]").unwrap()),
        ("no JSON", key().sign(&header(), "x").unwrap()),
    ]
}

fn forged_forms(claims: &Value) -> Vec<(&'static str, String)> {
    let good = signed(claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (_, body) = message.split_once('.').unwrap();
    let none = |alg: &str| {
        let header = json!({"alg": alg, "typ": "JWT", "kid": key_name(key())}).to_string();
        format!("{}.{body}", URL_SAFE_NO_PAD.encode(header))
    };
    let public = key().key_set();
    let modulus = public["keys"][0]["n"].as_str().unwrap();
    // HS256 with what everybody can read as the secret.
    let confused = |secret: &[u8]| {
        let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
        header.kid = Some(key_name(key()));
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let mut raised = claims.clone();
    raised["groups"] = json!(["5719-CA-tiltak"]);
    let raised = format!(
        "{}.{}.{signature}",
        message.split_once('.').unwrap().0,
        URL_SAFE_NO_PAD.encode(raised.to_string())
    );
    vec![
        ("nothing", "..".to_owned()),
        ("alg none", format!("{}.", none("none"))),
        ("alg none, signed", format!("{}.{signature}", none("none"))),
        ("alg None", format!("{}.", none("None"))),
        ("no signature", format!("{message}.")),
        ("two parts", message.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("the public key as a secret", confused(&URL_SAFE_NO_PAD.decode(modulus).unwrap())),
        ("its text as a secret", confused(modulus.as_bytes())),
        ("its file as a secret", confused(public.to_string().as_bytes())),
        ("raised", raised),
        ("8 KB", format!("{good}{}", "A".repeat(8 * 1024 - good.len() + 1))),
        ("13 KB", format!("{good}{}", "A".repeat(13 * 1024))),
        ("30 KB", format!("{good}{}", "A".repeat(30 * 1024))),
        ("64 KB", format!("{good}{}", "A".repeat(64 * 1024))),
        ("64 KB of nothing", "A".repeat(64 * 1024)),
    ]
}

#[tokio::test]
async fn nothing_forged_gets_through_and_all_is_refused_in_the_same_bytes() {
    let service = port::service().await;
    let address = format!("http://{}", service.address);
    let mut told = Vec::new();
    for claims in genuine() {
        let mut client = DynamicClient::connect(&address, Some(&signed(&claims))).await.unwrap();
        let good = client.unary_json("RegistryService/ListAreas", json!({})).await;
        assert!(good.is_ok(), "{claims}: {good:?}");
        for (name, token) in forged(&claims) {
            let mut client = DynamicClient::connect(&address, Some(&token)).await.unwrap();
            let refused = client.unary_json("RegistryService/ListAreas", json!({})).await;
            let refused = refused.expect_err(&format!("{name}: {claims}")).to_json();
            assert_eq!(refused["code"], "UNAUTHENTICATED", "{name}: {claims}");
            told.push(refused);
        }
    }
    let mut nobody = DynamicClient::connect(&address, None).await.unwrap();
    let refused = nobody.unary_json("RegistryService/ListAreas", json!({})).await;
    told.push(refused.unwrap_err().to_json());
    assert!(told.len() > 300, "{}", told.len());
    told.dedup();
    assert_eq!(told.len(), 1, "the refusals differ: {told:#?}");
}

/// All that comes back: not only what a client makes of it.
#[tokio::test]
async fn all_that_is_forged_is_answered_alike_down_to_the_wire() {
    let service = port::service().await;
    let mut wire = Wire::open(service.address, None).await;
    let nobody = wire.call_whole(wire.head(AREAS), framed(&ListAreasRequest::default())).await;
    assert_eq!(nobody.status, 200, "{nobody:?}");
    assert_eq!(nobody.headers["grpc-status"], "16", "{nobody:?}");
    let mut asked = 0;
    for claims in genuine() {
        for (name, token) in forged(&claims) {
            let told = asked_with(&mut wire, &[&token]).await;
            assert_eq!(told, nobody, "{name}: {claims}");
            asked += 1;
        }
    }
    assert!(asked > 300, "{asked}");
    // Several at once, each of which would do, and all of which do not fit together.
    let good = signed(&genuine()[0]);
    for tokens in [vec![good.as_str(); 2], vec![good.as_str(); 30]] {
        assert_eq!(asked_with(&mut wire, &tokens).await, nobody);
    }
    assert_eq!(asked_with(&mut wire, &[&good]).await.headers.get("grpc-status"), None);
}

const AREAS: &str = "/tiltaksplass.v1.RegistryService/ListAreas";

async fn asked_with(wire: &mut Wire, tokens: &[&str]) -> Whole {
    let mut head = wire.head(AREAS);
    for token in tokens {
        let value = format!("Bearer {token}").parse().unwrap();
        head.headers_mut().append("authorization", value);
    }
    wire.call_whole(head, framed(&ListAreasRequest::default())).await
}

#[tokio::test]
async fn our_own_issuer_signs_for_no_other_and_no_other_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = LocalIssuer::load_or_create(&folder.path().join("issuer.key")).unwrap();
    let request = tiltaksplass::auth::TokenRequest::new(
        "kari",
        tiltaksplass::domain::access::Role::Directorate,
        "NAV",
        time::Duration::hours(1),
    );
    let token = stranger.mint(&request, MONDAY).unwrap();
    assert_eq!(Gate::new().ask_with(&token, &[]).await.err(), Some(None));
}

#[test]
fn no_mutation_of_a_genuine_token_is_one() {
    let gate = Gate::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tokens: Vec<String> = genuine().iter().map(signed).collect();
    let refused = |token: &str| runtime.block_on(gate.ask_with(token, &[])).err() == Some(None);
    for token in &tokens {
        assert!(!refused(token));
    }
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    proptest!(ProptestConfig::with_cases(512), |(
        which in 0..tokens.len(),
        at in any::<prop::sample::Index>(),
        letter in 0..letters.len(),
        how in 0..4_u8,
        other in any::<prop::sample::Index>(),
    )| {
        let token = &tokens[which];
        let at = at.index(token.len());
        let letter = &letters[letter..=letter];
        let (before, after) = token.split_at(at);
        let mutated = match how {
            0 => format!("{before}{letter}{}", &after[1..]),
            1 => format!("{before}{letter}{after}"),
            2 => format!("{before}{}", &after[1..]),
            // A part of another genuine token in the place of its own.
            _ => {
                let mut parts: Vec<&str> = token.split('.').collect();
                let others: Vec<&str> = tokens[(which + 1) % tokens.len()].split('.').collect();
                let part = other.index(2) + 1;
                parts[part] = others[part];
                parts.join(".")
            }
        };
        prop_assume!(mutated != *token);
        prop_assert!(refused(&mutated), "{mutated}");
    });
}
