//! Where keys come from: fetched, kept through an outage, asked for again, changed.

use std::time::Duration as StdDuration;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tiltaksplass::{
    auth::{ASKED_AT_MOST_EVERY, FETCHED_EVERY, TestIssuer},
    cli::call::DynamicClient,
};
use time::Duration;

use super::{OTHER, issuer::Publisher, key, key_name, strange_key, token_of};
use crate::support::{MONDAY, Service};

fn settings(keys: &str) -> String {
    settings_with(keys, r#"["RS256"]"#)
}

fn settings_with(keys: &str, algorithms: &str) -> String {
    format!(
        "[[issuer]]\nname = \"other\"\nkind = \"jwt\"\nissuer = \"{OTHER}\"\n\
         audience = \"tiltaksplass\"\nalgorithms = {algorithms}\n{keys}\n[[issuer.grant]]\n\
         scope = \"audit\"\nrole = \"auditor\"\norganisation = \"Riksrevisjonen\"\n"
    )
}

async fn service_of(publisher: &Publisher) -> Service {
    Service::start_with_settings(&settings(&format!("jwks_url = \"{}\"", publisher.url()))).await
}

fn claims() -> Value {
    let claims = json!({"sub": "ola", "scope": "audit"});
    let mut claims = token_of(OTHER, claims);
    claims["exp"] = json!((MONDAY + Duration::days(30)).unix_timestamp());
    claims
}

fn token(key: &TestIssuer) -> String {
    token_named(key, &key_name(key))
}

fn token_named(key: &TestIssuer, name: &str) -> String {
    let header = json!({"alg": "RS256", "kid": name}).to_string();
    key.sign(&header, &claims().to_string()).unwrap()
}

/// Whether a token counts; one that does not is refused as every other.
async fn counts(service: &Service, token: &str) -> bool {
    let address = format!("http://{}", service.address);
    let mut client = DynamicClient::connect(&address, Some(token)).await.unwrap();
    match client.unary_json("RegistryService/ListAreas", json!({})).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.to_json()["code"], "UNAUTHENTICATED", "{error}");
            false
        }
    }
}

/// Waits for what the service does by itself, every two seconds.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..150 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(StdDuration::from_millis(100)).await;
    }
    panic!("it does not come to this: {what}");
}

async fn hundred_unknown(service: &Service) {
    let calls = (0..100).map(|n| async move {
        let name = format!("{}-{n}", key_name(key()));
        assert!(!counts(service, &token_named(key(), &name)).await);
    });
    futures::future::join_all(calls).await;
}

#[tokio::test]
async fn unknown_names_of_keys_ask_the_issuer_once_in_half_a_minute() {
    let publisher = Publisher::start(&key().key_set()).await;
    let service = service_of(&publisher).await;
    assert!(counts(&service, &token(key())).await);
    assert_eq!(publisher.asked(), 1, "at the start");
    hundred_unknown(&service).await;
    assert_eq!(publisher.asked(), 1, "it was asked a moment ago");
    service.clock.advance(ASKED_AT_MOST_EVERY - Duration::SECOND);
    hundred_unknown(&service).await;
    assert_eq!(publisher.asked(), 1);
    for times in [2, 3] {
        service.clock.advance(ASKED_AT_MOST_EVERY);
        hundred_unknown(&service).await;
        hundred_unknown(&service).await;
        assert_eq!(publisher.asked(), times);
    }
    assert!(counts(&service, &token(key())).await);
}

#[tokio::test]
async fn a_new_key_counts_when_a_token_names_it_and_the_old_one_no_longer() {
    let publisher = Publisher::start(&key().key_set()).await;
    let service = service_of(&publisher).await;
    assert!(counts(&service, &token(key())).await);
    assert!(!counts(&service, &token(strange_key())).await);
    publisher.publish(&strange_key().key_set());
    assert!(!counts(&service, &token(strange_key())).await, "not asked again so soon");
    service.clock.advance(ASKED_AT_MOST_EVERY);
    assert!(counts(&service, &token(key())).await, "nobody has asked");
    assert!(counts(&service, &token(strange_key())).await);
    assert!(!counts(&service, &token(key())).await, "what has vanished counts no longer");
}

#[tokio::test]
async fn keys_are_fetched_anew_after_an_hour_without_anybodys_asking() {
    let publisher = Publisher::start(&key().key_set()).await;
    let service = service_of(&publisher).await;
    assert!(counts(&service, &token(key())).await);
    publisher.publish(&strange_key().key_set());
    service.clock.advance(FETCHED_EVERY);
    until("the old key is gone", async || !counts(&service, &token(key())).await).await;
    assert_eq!(publisher.asked(), 2);
    assert!(counts(&service, &token(strange_key())).await);
}

#[tokio::test]
async fn through_an_outage_the_keys_at_hand_go_on() {
    let mut publisher = Publisher::start(&key().key_set()).await;
    let service = service_of(&publisher).await;
    assert!(counts(&service, &token(key())).await);
    publisher.stop().await;
    for _ in 0..3 {
        service.clock.advance(FETCHED_EVERY * 2);
        assert!(!counts(&service, &token(strange_key())).await);
        assert!(counts(&service, &token(key())).await);
    }
    publisher.publish(&strange_key().key_set());
    publisher.resume().await;
    service.clock.advance(ASKED_AT_MOST_EVERY);
    assert!(counts(&service, &token(strange_key())).await);
}

#[tokio::test]
async fn who_starts_while_the_issuer_is_down_serves_and_takes_its_tokens_when_it_is_back() {
    let mut publisher = Publisher::stopped(&key().key_set()).await;
    let service = service_of(&publisher).await;
    assert!(!counts(&service, &token(key())).await);
    let own = service.token(tiltaksplass::domain::access::Role::Auditor, "x", "y");
    assert!(counts(&service, &own).await);
    let address = format!("http://{}", service.address);
    let mut client = DynamicClient::connect(&address, None).await.unwrap();
    let health = client.unary_json("Health/Check", json!({})).await.unwrap();
    assert_eq!(health["status"], "SERVING");
    publisher.resume().await;
    assert!(!counts(&service, &token(key())).await, "not asked again so soon");
    service.clock.advance(ASKED_AT_MOST_EVERY);
    assert!(counts(&service, &token(key())).await);
}

/// An RSA key of so many bits, as far as its form tells.
fn rsa_of(bits: usize) -> Value {
    let mut modulus = vec![0xff_u8; bits / 8];
    modulus[bits / 8 - 1] = 0xfd;
    json!({"kty": "RSA", "kid": "k", "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB"})
}

#[tokio::test]
async fn what_is_no_key_set_changes_nothing() {
    let publisher = Publisher::start(&key().key_set()).await;
    let elsewhere = Publisher::start(&strange_key().key_set()).await;
    let service = service_of(&publisher).await;
    assert!(counts(&service, &token(key())).await);
    let genuine = strange_key().key_set();
    let changed = |name: &str, value: Value| {
        let mut keys = genuine.clone();
        keys["keys"][0][name] = value;
        keys.to_string()
    };
    let many = vec![genuine["keys"][0].clone(); 101];
    let secret = json!({"kty": "oct", "alg": "HS256", "kid": key_name(strange_key()), "k": "AAAA"});
    let redirect = format!("location: {}\r\n", elsewhere.url());
    let padded = format!("{}{}", genuine, " ".repeat(256 * 1024));
    let text = genuine.to_string();
    for (status, headers, body) in [
        ("302 Found", redirect.as_str(), text.clone()),
        ("500 Internal Server Error", "", text.clone()),
        ("204 No Content", "", String::new()),
        ("200 OK", "", "<html>".to_owned()),
        ("200 OK", "", "{}".to_owned()),
        ("200 OK", "", r#"{"keys":[]}"#.to_owned()),
        ("200 OK", "", text[..text.len() - 1].to_owned()),
        ("200 OK", "", padded),
        ("200 OK", "", json!({"keys": many}).to_string()),
        ("200 OK", "", json!({"keys": [genuine["keys"][0], genuine["keys"][0]]}).to_string()),
        ("200 OK", "", json!({"keys": [rsa_of(1024)]}).to_string()),
        ("200 OK", "", json!({"keys": [rsa_of(2040)]}).to_string()),
        ("200 OK", "", json!({"keys": [rsa_of(16_384)]}).to_string()),
        ("200 OK", "", json!({"keys": [secret]}).to_string()),
        ("200 OK", "", changed("use", json!("enc"))),
        ("200 OK", "", changed("key_ops", json!(["encrypt"]))),
        ("200 OK", "", changed("alg", json!("RS512"))),
        ("200 OK", "", changed("alg", json!("RSA-OAEP"))),
        ("200 OK", "", changed("kty", json!("EC"))),
        ("200 OK", "", changed("kid", Value::Null)),
    ] {
        publisher.answer(status, headers, &body);
        let asked = publisher.asked();
        service.clock.advance(ASKED_AT_MOST_EVERY);
        assert!(!counts(&service, &token(strange_key())).await, "{status} {body:.200}");
        assert!(publisher.asked() > asked, "it was asked");
        assert!(counts(&service, &token(key())).await, "{status} {body:.200}");
    }
    assert_eq!(elsewhere.asked(), 0, "no other address is ever asked");
    // What others have beside what fits does no harm.
    let mixed = json!({"keys": [rsa_of(1024), {"kty": "future"}, 7, genuine["keys"][0]]});
    publisher.publish(&mixed);
    service.clock.advance(ASKED_AT_MOST_EVERY);
    assert!(counts(&service, &token(strange_key())).await);
}

#[tokio::test]
async fn a_slow_issuer_holds_up_nobody_else_and_hanging_up_stops_no_fetch() {
    let publisher = Publisher::start(&key().key_set()).await;
    let service = service_of(&publisher).await;
    assert!(counts(&service, &token(key())).await);
    publisher.publish(&strange_key().key_set());
    publisher.delay(StdDuration::from_secs(2));
    service.clock.advance(ASKED_AT_MOST_EVERY);
    let token_of_stranger = token(strange_key());
    let hung_up =
        tokio::time::timeout(StdDuration::from_millis(500), counts(&service, &token_of_stranger));
    assert!(hung_up.await.is_err());
    assert!(counts(&service, &token(key())).await, "a known key is not waited for");
    // The clock stands still: it is the first call's fetch that brings the key.
    assert!(counts(&service, &token_of_stranger).await);
    assert_eq!(publisher.asked(), 2);
}

#[tokio::test]
async fn a_file_of_keys_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, key().key_set().to_string()).unwrap();
    let settings = settings(&format!("jwks_file = {:?}", file.display().to_string()));
    let service = Service::start_with_settings(&settings).await;
    assert!(counts(&service, &token(key())).await);
    std::fs::write(&file, "{").unwrap();
    tokio::time::sleep(StdDuration::from_secs(3)).await;
    assert!(counts(&service, &token(key())).await, "half a file changes nothing");
    std::fs::write(&file, strange_key().key_set().to_string()).unwrap();
    until("the new key counts", async || counts(&service, &token(strange_key())).await).await;
    assert!(!counts(&service, &token(key())).await);
}

/// A key of a curve, as published, and a token by it.
fn on_curve(
    signing: &'static EcdsaSigningAlgorithm,
    curve: &str,
    algorithm: &str,
) -> (Value, String) {
    let pair = EcdsaKeyPair::generate(signing).unwrap();
    let point = &pair.public_key().as_ref()[1..];
    let (x, y) = point.split_at(point.len() / 2);
    let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
    let jwk = json!({"kty": "EC", "crv": curve, "kid": algorithm, "x": x, "y": y});
    let message = message(algorithm);
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    (jwk, format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
}

fn message(algorithm: &str) -> String {
    let header = json!({"alg": algorithm, "kid": algorithm, "typ": "at+jwt"}).to_string();
    let [header, claims] = [header, claims().to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}")
}

#[tokio::test]
async fn each_family_of_algorithms_counts_where_it_is_pinned() {
    let (p256, es256) = on_curve(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", "ES256");
    let (p384, es384) = on_curve(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", "ES384");
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "EdDSA", "x": x});
    let message = message("EdDSA");
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()).as_ref());
    let eddsa = format!("{message}.{signature}");
    let keys = json!({"keys": [p256, p384, ed25519, key().key_set()["keys"][0]]});
    let publisher = Publisher::start(&keys).await;
    let url = format!("jwks_url = \"{}\"", publisher.url());
    let rs256 = token(key());
    let all = [("ES256", &es256), ("ES384", &es384), ("EdDSA", &eddsa), ("RS256", &rs256)];
    for (pinned, _) in &all {
        let settings = settings_with(&url, &format!("[{pinned:?}]"));
        let service = Service::start_with_settings(&settings).await;
        for (algorithm, token) in &all {
            let expected = algorithm == pinned;
            assert_eq!(counts(&service, token).await, expected, "{algorithm} where {pinned} is");
        }
    }
}
