//! Keys, sealed data and tokens: what must open does, and nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Request, Response};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use tiltaksplass::auth::{self, LocalIssuer, RejectionReason as R, TokenRequest};
use tiltaksplass::domain::access::{Actor, Caller, Employer, Role};
use tiltaksplass::keys::{KeyError, Keys};
use time::{Duration, OffsetDateTime};
use tonic::body::Body;
use tower::{Layer, Service, ServiceExt, service_fn};

const PUBLIC_REFUSAL: &str = "the token is missing, malformed, expired or not for this service";

// ---- Keys ----

fn key_path(folder: &TempDir) -> PathBuf {
    folder.path().join("keys.json")
}

#[test]
fn the_key_file_is_private_whole_and_alone() {
    let folder = TempDir::new().expect("a folder");
    let path = key_path(&folder);
    assert!(matches!(Keys::load(&path), Err(KeyError::Missing { .. })));
    let keys = Keys::load_or_create(&path).expect("keys");
    let mode = fs::metadata(&path).expect("metadata").permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        1,
        "no other name is left"
    );
    let again = Keys::load(&path).expect("keys");
    assert_eq!(keys.fingerprint(&[b"a"]), again.fingerprint(&[b"a"]));

    for mode in [0o640, 0o604, 0o644, 0o620, 0o610] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("the mode is set");
        let refused = Keys::load_or_create(&path).err().expect("others may read it").to_string();
        assert!(refused.contains("chmod 600") && refused.contains("keys.json"), "{refused}");
        assert!(LocalIssuer::load_or_create(&path).is_err());
    }
    let missing_folder = folder.path().join("none").join("keys.json");
    assert!(matches!(Keys::load_or_create(&missing_folder), Err(KeyError::NotCreated { .. })));
    assert!(matches!(Keys::load_or_create(folder.path()), Err(KeyError::Malformed { .. })));
}

#[test]
fn creators_at_once_agree_on_one_key() {
    for _ in 0..20 {
        let folder = TempDir::new().expect("a folder");
        let (path, signing_path) = (key_path(&folder), folder.path().join("signing.der"));
        let barrier = Barrier::new(8);
        let made: Vec<([u8; 32], String)> = std::thread::scope(|scope| {
            let create = || {
                barrier.wait();
                let keys = Keys::load_or_create(&path).expect("keys");
                let issuer = LocalIssuer::load_or_create(&signing_path).expect("an issuer");
                (keys.fingerprint(&[b"a"]), issuer.mint(&request(), now()).expect("a token"))
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(made.windows(2).all(|pair| pair[0] == pair[1]), "one key for all");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 2);
    }
}

// ---- Tokens ----

fn now() -> OffsetDateTime {
    // Far from the system's clock, which must not matter.
    time::macros::datetime!(2011-03-04 05:06:07 UTC)
}

fn request() -> TokenRequest {
    TokenRequest {
        employer: Some(Employer::Municipal { municipality_number: "5001".to_owned() }),
        name: Some("Kari Nordmann".to_owned()),
        ..TokenRequest::new("Z990001", Role::Office, "5701", Duration::hours(1))
    }
}

fn actor() -> Actor {
    Actor {
        issuer: "tiltaksplass-local".to_owned(),
        subject: "Z990001".to_owned(),
        role: Role::Office,
        organisation: "5701".to_owned(),
        employer: request().employer,
    }
}

/// An issuer, and its key in the hands of a forger who may sign what he likes.
struct Forge {
    issuer: Arc<LocalIssuer>,
    pair: Ed25519KeyPair,
    header: Value,
    claims: Value,
}

impl Forge {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("signing.der");
        let issuer = LocalIssuer::load_or_create(&path).expect("an issuer");
        let pair = Ed25519KeyPair::from_pkcs8(&fs::read(&path).expect("the key")).expect("PKCS#8");
        let token = issuer.mint(&request(), now()).expect("a token");
        let part = |at: usize| {
            let text = token.split('.').nth(at).expect("three parts");
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
        };
        Self { issuer: Arc::new(issuer), pair, header: part(0), claims: part(1) }
    }

    /// A token with this header and these claims under the issuer's own key.
    fn sign(&self, header: &str, claims: &str) -> String {
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn with_header(&self, field: &str, value: Value) -> String {
        let mut header = self.header.clone();
        header[field] = value;
        self.sign(&header.to_string(), &self.claims.to_string())
    }

    fn with_claim(&self, field: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[field] = value;
        self.sign(&self.header.to_string(), &claims.to_string())
    }

    fn without_claim(&self, field: &str) -> String {
        let mut claims = self.claims.clone();
        claims.as_object_mut().and_then(|claims| claims.remove(field)).expect("the claim is there");
        self.sign(&self.header.to_string(), &claims.to_string())
    }

    /// An HS256 token whose secret is the public key, which a forger knows.
    fn confused(&self, secret: &[u8]) -> String {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = self.header["kid"].as_str().map(str::to_owned);
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        jsonwebtoken::encode(&header, &self.claims, &key).expect("signed")
    }

    fn verify(&self, token: &str, at: OffsetDateTime) -> Result<Actor, auth::TokenRejected> {
        self.issuer.verify(token, at).map(|caller| caller.actor)
    }
}

#[test]
fn a_token_gives_its_actor_back() {
    let forge = Forge::new();
    let token = forge.issuer.mint(&request(), now()).expect("a token");
    assert_eq!(forge.verify(&token, now()), Ok(actor()));
    assert_eq!(forge.verify(&forge.with_claim("later", json!([1])), now()), Ok(actor()));
    let state = TokenRequest { employer: Some(Employer::State), name: None, ..request() };
    let token = forge.issuer.mint(&state, now()).expect("a token");
    let employer = forge.verify(&token, now()).expect("valid").employer;
    assert_eq!(employer, Some(Employer::State));

    // The edges of its life, with the minute that two clocks may differ.
    let ends = now() + Duration::hours(1) + auth::CLOCK_SKEW;
    let (begins, second) = (now() - auth::CLOCK_SKEW, Duration::SECOND);
    assert!(forge.issuer.verify(&token, ends - second).is_ok());
    assert!(forge.issuer.verify(&token, begins).is_ok());
    let reason = |at| forge.verify(&token, at).map_err(auth::TokenRejected::reason);
    assert_eq!(reason(ends), Err(R::Expired));
    assert_eq!(reason(begins - second), Err(R::IssuedInFuture));
}

#[test]
fn what_would_be_refused_is_not_signed() {
    let issuer = Forge::new().issuer;
    let long = "x".repeat(auth::CLAIM_MAX_BYTES + 1);
    let foreign = Employer::Municipal { municipality_number: "50011".to_owned() };
    let unusable = [
        TokenRequest { lifetime: auth::TOKEN_MAX_LIFETIME + Duration::SECOND, ..request() },
        TokenRequest { lifetime: Duration::ZERO, ..request() },
        TokenRequest { lifetime: Duration::MAX, ..request() },
        TokenRequest { subject: " ".to_owned(), ..request() },
        TokenRequest { subject: "a\nb".to_owned(), ..request() },
        TokenRequest { organisation: long.clone(), ..request() },
        TokenRequest { name: Some("\u{202e}irak".to_owned()), ..request() },
        TokenRequest { employer: Some(foreign), ..request() },
        TokenRequest { employer: None, ..request() },
        TokenRequest { identity_number: Some("12345678901".to_owned()), ..request() },
    ];
    for (row, request) in unusable.iter().enumerate() {
        assert!(issuer.mint(request, now()).is_err(), "row {row}");
    }
    let longest = TokenRequest { lifetime: auth::TOKEN_MAX_LIFETIME, ..request() };
    assert!(issuer.mint(&longest, now()).is_ok());
}

/// Tokens that no one may get in with, and the reason that the log shows.
fn forged(forge: &Forge) -> Vec<(R, String)> {
    let long = forge.with_claim("name", json!("n".repeat(64 * 1024)));
    let expired = forge.issuer.mint(&request(), OffsetDateTime::UNIX_EPOCH);
    let others = [(R::TooLong, long), (R::Expired, expired.expect("a token"))];
    let all = [forged_headers(forge), forged_claims(forge), others.into()];
    all.concat()
}

fn forged_headers(forge: &Forge) -> Vec<(R, String)> {
    let stranger = Forge::new();
    let claims = forge.claims.to_string();
    let good = forge.sign(&forge.header.to_string(), &claims);
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let none = json!({"alg": "none", "typ": "JWT", "kid": forge.header["kid"]}).to_string();
    let (none, encoded) = (URL_SAFE_NO_PAD.encode(none), URL_SAFE_NO_PAD.encode(&claims));
    let directorate = claims.replacen("office", "directorate", 1);
    let raised = good.replacen(&encoded, &URL_SAFE_NO_PAD.encode(directorate), 1);
    let public = forge.pair.public_key().as_ref();
    let their_header = stranger.header.to_string();
    vec![
        (R::Malformed, String::new()),
        (R::Malformed, "..".to_owned()),
        (R::Malformed, message.to_owned()),
        (R::Malformed, format!("{good}.{signature}")),
        (R::Malformed, format!("{good}=")),
        (R::Malformed, format!("{none}.{encoded}.")),
        (R::Malformed, format!("{none}.{encoded}.{signature}")),
        (R::Malformed, forge.with_header("alg", json!("eddsa"))),
        (R::Header, forge.confused(public)),
        (R::Header, forge.confused(hex::encode(public).as_bytes())),
        (R::Header, forge.with_header("alg", json!("ES256"))),
        (R::Header, forge.with_header("kid", json!("../../../dev/null"))),
        (R::Header, forge.with_header("kid", Value::Null)),
        (R::Header, forge.with_header("typ", json!("at+jwt"))),
        (R::Header, forge.with_header("jku", json!("https://example.org/keys"))),
        (R::Header, forge.with_header("crit", json!(["exp"]))),
        (R::Header, forge.with_header("more", json!(1))),
        (R::Header, stranger.sign(&their_header, &claims)),
        (R::Signature, stranger.sign(&forge.header.to_string(), &claims)),
        (R::Signature, format!("{message}.")),
        (R::Signature, raised),
    ]
}

fn forged_claims(forge: &Forge) -> Vec<(R, String)> {
    let at = now().unix_timestamp();
    let day = 24 * 60 * 60;
    let claims = forge.claims.to_string();
    let twice = claims.replacen('{', r#"{"role":"directorate","#, 1);
    vec![
        (R::Malformed, forge.sign(&forge.header.to_string(), &twice)),
        (R::Malformed, forge.sign(&forge.header.to_string(), "[]")),
        (R::Malformed, forge.without_claim("exp")),
        (R::Malformed, forge.without_claim("nbf")),
        (R::Malformed, forge.without_claim("aud")),
        (R::Malformed, forge.with_claim("exp", json!(1e12))),
        (R::Malformed, forge.with_claim("exp", json!("tomorrow"))),
        (R::Malformed, forge.with_claim("aud", json!(["tiltaksplass"]))),
        (R::Malformed, forge.with_claim("employer", json!("PROVIDER"))),
        (R::Issuer, forge.with_claim("iss", json!("https://login.example.org"))),
        (R::Audience, forge.with_claim("aud", json!("tiltaksplass-other"))),
        (R::Lifetime, forge.with_claim("exp", json!(at + day + 1))),
        (R::Lifetime, forge.with_claim("exp", json!(i64::MAX))),
        (R::Lifetime, forge.with_claim("iat", json!(i64::MIN))),
        (R::Lifetime, forge.with_claim("exp", json!(at - 120))),
        (R::NotYetValid, forge.with_claim("nbf", json!(at + 61))),
        (R::IssuedInFuture, forge.with_claim("iat", json!(at + 61))),
        (R::Subject, forge.with_claim("sub", json!(""))),
        (R::Organisation, forge.with_claim("org", json!("57\u{0}01"))),
        (R::Name, forge.with_claim("name", json!("n".repeat(201)))),
        (R::Role, forge.with_claim("role", json!("Directorate"))),
        (R::Employer, forge.with_claim("municipality", json!("500x"))),
        (R::Employer, forge.with_claim("employer", json!("STATE"))),
        (R::Employer, forge.without_claim("employer")),
    ]
}

#[test]
fn forged_tokens_are_refused_in_equal_words() {
    let forge = Forge::new();
    let tokens = forged(&forge);
    for (reason, token) in tokens {
        let refused = forge.verify(&token, now()).expect_err(&token);
        assert_eq!(refused.reason(), reason, "{token:.300}");
        assert_eq!(refused.to_string(), PUBLIC_REFUSAL);
        assert!(!reason.to_string().contains("5701"));
    }
    let token = forge.sign(&forge.header.to_string(), &forge.claims.to_string());
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("letters");
        assert!(forge.issuer.verify(&changed, now()).is_err(), "byte {at}");
    }
}

#[test]
fn no_text_is_a_token() {
    let forge = Forge::new();
    let parts = "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){2}";
    proptest!(|(text in "\\PC{0,80}", parts in parts)| {
        prop_assert!(forge.issuer.verify(&text, now()).is_err());
        prop_assert!(forge.issuer.verify(&parts, now()).is_err());
    });
}

#[tokio::test]
async fn only_calls_with_one_valid_token_reach_the_service() {
    let forge = Forge::new();
    let tokens = forged(&forge);
    let good = forge.sign(&forge.header.to_string(), &forge.claims.to_string());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let inner = service_fn(move |request: Request<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        let actor = request.extensions().get::<Caller>().map(|caller| caller.actor.clone());
        assert!(!request.headers().contains_key("authorization"), "the token goes no further");
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(actor);
        async { Ok::<_, std::convert::Infallible>(response) }
    });
    let refusal = |_: &str, _: Option<&auth::NotAdmitted>| {
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert("grpc-status", HeaderValue::from_static("16"));
        response
    };
    let issuers = Arc::new(auth::Issuers::local(forge.issuer));
    let mut service = auth::AuthLayer::new(issuers, Arc::new(now), refusal).layer(inner);
    let mut ask = async |path: &str, headers: &[&str]| {
        let mut request = Request::new(());
        *request.uri_mut() = path.parse().expect("a path");
        for header in headers {
            let value = HeaderValue::from_str(header).expect("a header");
            request.headers_mut().append("authorization", value);
        }
        let service = service.ready().await.expect("ready");
        service.call(request).await.expect("an answer")
    };
    let bearer = format!("Bearer {good}");
    for header in [&bearer, &format!("bearer {good}")] {
        let answer = ask("/tiltaksplass.v1.WaitlistService/GetEntry", &[header]).await;
        assert_eq!(answer.extensions().get::<Option<Actor>>(), Some(&Some(actor())));
    }
    for open in ["Check", "Watch", "List"] {
        let answer = ask(&format!("/grpc.health.v1.Health/{open}"), &[&bearer]).await;
        assert_eq!(answer.extensions().get::<Option<Actor>>(), Some(&None));
    }
    let mut refused = vec![
        ask("/grpc.health.v1.Health/Checks", &[]).await,
        ask("//grpc.health.v1.Health/Check", &[]).await,
        ask("/a/B", &[]).await,
        ask("/a/B", &[&bearer, &bearer]).await,
        ask("/a/B", &[&bearer, ""]).await,
        ask("/a/B", &[&format!("{bearer}, {bearer}")]).await,
        ask("/a/B", &[&good]).await,
        ask("/a/B", &[&format!("Basic {good}")]).await,
        ask("/a/B", &[&format!("Bearer  {good}")]).await,
        ask("/a/B", &[&format!("{bearer} ")]).await,
    ];
    for (_, token) in &tokens {
        refused.push(ask("/a/B", &[&format!("Bearer {token}")]).await);
    }
    for answer in &refused {
        assert_eq!(answer.headers().get("grpc-status"), Some(&HeaderValue::from_static("16")));
        assert_eq!(answer.headers().len(), 1, "every refusal is the same");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 5);
}
