//! Tokens of others than the service's own issuer: each kind as it really looks, what is forged,
//! where keys come from, and who they let act as whom.

use std::{
    fs,
    sync::{Arc, OnceLock},
};

use http::{Request, Response};
use serde_json::{Value, json};
use tiltaksplass::{
    auth::{AuthLayer, Issuers, LocalIssuer, NotAdmitted, TestIssuer},
    config::Config,
    domain::access::Caller,
};
use time::OffsetDateTime;
use tonic::body::Body;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::MONDAY;

mod acting;
mod forged;
mod issuer;
mod keys;
mod kinds;
pub mod port;
mod settings;

/// The key of all issuers here; making one takes a while.
pub fn key() -> &'static TestIssuer {
    static KEY: OnceLock<TestIssuer> = OnceLock::new();
    KEY.get_or_init(|| TestIssuer::generate().unwrap())
}

/// Somebody else's.
pub fn strange_key() -> &'static TestIssuer {
    static KEY: OnceLock<TestIssuer> = OnceLock::new();
    KEY.get_or_init(|| TestIssuer::generate().unwrap())
}

pub fn key_name(key: &TestIssuer) -> String {
    key.key_set()["keys"][0]["kid"].as_str().unwrap().to_owned()
}

pub const ENTRA: &str = "https://login.example/62366534/v2.0";
pub const TOKENX: &str = "https://tokenx.example";
pub const MASKINPORTEN: &str = "https://maskinporten.example/";
pub const OTHER: &str = "https://other.example";

/// Settings with an issuer of each kind, all with the key of a file.
pub fn settings(key_set: &str) -> String {
    let issuer = |name: &str, kind: &str, issuer: &str, grants: &str| {
        format!(
            "[[issuer]]\nname = \"{name}\"\nkind = \"{kind}\"\nissuer = \"{issuer}\"\n\
             audience = \"tiltaksplass\"\njwks_file = {key_set:?}\n{grants}\n"
        )
    };
    [
        issuer("entra", "entra", ENTRA, ENTRA_GRANTS),
        issuer("tokenx", "tokenx", TOKENX, TOKENX_GRANTS),
        issuer("maskinporten", "maskinporten", MASKINPORTEN, MASKINPORTEN_GRANTS),
        issuer("other", "jwt", OTHER, OTHER_GRANTS),
    ]
    .concat()
}

const ENTRA_GRANTS: &str = r#"
[[issuer.grant]]
group = "<office>-CA-tiltak"
role = "office"
organisation = "<office>"
employer = "state"
[[issuer.grant]]
group = "<office>-CA-leder"
role = "office"
organisation = "<office>"
employer = "state"
leads_office = true
[[issuer.grant]]
group = "<office>-CA-fortrolig"
role = "office"
organisation = "<office>"
employer = "state"
clearances = ["FORTROLIG", "SKJERMET"]
[[issuer.grant]]
group = "<office>-CA-kommune"
role = "office"
organisation = "<office>"
employer = "municipal"
municipality = "1601"
[[issuer.grant]]
group = "5b3f9d52-1111-4e0e-9a3c-0a2b6c2a1601"
role = "county"
organisation = "NO-16"
[[issuer.grant]]
claim = "office_of"
value = "<office>"
role = "office"
organisation = "<office>"
employer = "state"
[[issuer.grant]]
app_role = "feed-reader"
client = "c0ffee00-0000-4000-8000-000000000001"
role = "service"
organisation = "statistics"
[[issuer.grant]]
app_role = "office-<office>"
role = "office"
organisation = "<office>"
employer = "state"
"#;

const TOKENX_GRANTS: &str = r#"
[[issuer.grant]]
client = "prod-gcp:tiltak:arrangor"
role = "provider"
organisation = "100000008"
"#;

const MASKINPORTEN_GRANTS: &str = r#"
[[issuer.grant]]
scope = "nav:tiltaksplass/provider"
role = "provider"
organisation = "<organisation>"
[[issuer.grant]]
scope = "nav:tiltaksplass/municipality"
consumer = "974760673"
role = "municipality"
organisation = "1601"
"#;

const OTHER_GRANTS: &str = r#"
[[issuer.grant]]
scope = "tiltaksplass.audit"
role = "auditor"
organisation = "Riksrevisjonen"
[[issuer.grant]]
group = "places-in-<municipality>"
role = "municipality"
organisation = "<municipality>"
"#;

/// What every token says of its time and audience, at the clock's first moment.
pub fn token_of(issuer: &str, claims: Value) -> Value {
    let now = MONDAY.unix_timestamp();
    let mut all = json!({"iss": issuer, "aud": "tiltaksplass", "iat": now, "exp": now + 3600});
    let Value::Object(claims) = claims else { panic!("claims are an object") };
    all.as_object_mut().unwrap().extend(claims);
    all
}

/// A person of Entra ID in these groups.
pub fn person(groups: &[&str]) -> Value {
    let claims = json!({
        "oid": "0d1d0000-0000-4000-8000-000000000001", "NAVident": "Z990001",
        "azp": "c0ffee00-0000-4000-8000-000000000002", "azp_name": "prod-gcp:tiltak:flate",
        "name": "Kari Nordmann", "preferred_username": "kari@nav.example", "ver": "2.0",
        "nbf": MONDAY.unix_timestamp(), "scp": "defaultaccess", "groups": groups,
    });
    token_of(ENTRA, claims)
}

/// An application of Entra ID with these roles.
pub fn application(roles: &[&str]) -> Value {
    let claims = json!({
        "oid": "0d1d0000-0000-4000-8000-000000000009", "idtyp": "app", "roles": roles,
        "azp": "c0ffee00-0000-4000-8000-000000000001", "azp_name": "prod-gcp:stat:statistikk",
        "sub": "0d1d0000-0000-4000-8000-000000000009",
    });
    token_of(ENTRA, claims)
}

pub fn organisation(number: &str) -> Value {
    json!({"authority": "iso6523-actorid-upis", "ID": format!("0192:{number}")})
}

/// A client of Maskinporten that acts for itself.
pub fn client_of(number: &str, scope: &str) -> Value {
    let claims = json!({
        "client_id": "7ea43b76-6b7d-49e8-af2b-4114ebb66c80", "scope": scope,
        "consumer": organisation(number), "token_type": "Bearer", "jti": "x",
    });
    token_of(MASKINPORTEN, claims)
}

/// Somebody logged in by ID-porten.
pub fn logged_in(client: &str) -> Value {
    let claims = json!({
        "sub": "bG9nZ2VkLWlu", "pid": crate::world::identity(7), "acr": "idporten-loa-high",
        "client_id": client, "idp": "https://idporten.example",
    });
    token_of(TOKENX, claims)
}

/// The layer in front of the service, alone: so all that a token says is seen.
pub struct Gate {
    issuers: Arc<Issuers>,
    now: OffsetDateTime,
    _folder: tempfile::TempDir,
}

impl Gate {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwks.json");
        fs::write(&file, key().key_set().to_string()).unwrap();
        let local = LocalIssuer::load_or_create(&folder.path().join("issuer.key")).unwrap();
        let config = Config::parse(&settings(&file.display().to_string()), &|_| None).unwrap();
        let issuers = Issuers::open(Some(Arc::new(local)), &config.issuer, MONDAY).unwrap();
        Self { issuers: Arc::new(issuers), now: MONDAY, _folder: folder }
    }

    /// The same at another time.
    pub fn at(&self, now: OffsetDateTime) -> Self {
        Self { issuers: Arc::clone(&self.issuers), now, _folder: tempfile::tempdir().unwrap() }
    }

    /// Who a call with these claims is from, or why it does not get through.
    pub async fn ask(&self, claims: &Value) -> Result<Caller, Option<NotAdmitted>> {
        self.ask_as(claims, &[]).await
    }

    /// The same, with what the call says of as whom.
    pub async fn ask_as(
        &self,
        claims: &Value,
        acting_as: &[&str],
    ) -> Result<Caller, Option<NotAdmitted>> {
        self.ask_with(&signed(claims), acting_as).await
    }

    /// The same, with a token.
    pub async fn ask_with(
        &self,
        token: &str,
        acting_as: &[&str],
    ) -> Result<Caller, Option<NotAdmitted>> {
        let inner = service_fn(|request: Request<()>| async move {
            assert!(!request.headers().contains_key("authorization"), "the token goes no further");
            let mut answer = Response::new(Body::empty());
            answer.extensions_mut().insert(request.extensions().get::<Caller>().unwrap().clone());
            Ok::<_, std::convert::Infallible>(answer)
        });
        let refusal = |_: &str, why: Option<&NotAdmitted>| {
            let mut answer = Response::new(Body::empty());
            answer.extensions_mut().insert(why.cloned());
            answer
        };
        let now = self.now;
        let layer = AuthLayer::new(Arc::clone(&self.issuers), Arc::new(move || now), refusal);
        let mut request = Request::new(());
        *request.uri_mut() = "/tiltaksplass.v1.WaitlistService/GetPosition".parse().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        for whom in acting_as {
            request.headers_mut().append("x-acting-as", whom.parse().unwrap());
        }
        let mut service = layer.layer(inner);
        let mut answer = service.ready().await.unwrap().call(request).await.unwrap();
        match answer.extensions_mut().remove::<Caller>() {
            Some(caller) => Ok(caller),
            None => Err(answer.extensions_mut().remove::<Option<NotAdmitted>>().unwrap()),
        }
    }

    /// The same of a token that is genuine: a role and an organisation.
    pub async fn role(&self, claims: &Value) -> String {
        self.ask(claims).await.map(|caller| role_of(&caller)).unwrap()
    }
}

pub fn role_of(caller: &Caller) -> String {
    format!("{}:{}", caller.actor.role.as_str(), caller.actor.organisation)
}

/// A token with these claims and an honest header.
pub fn signed(claims: &Value) -> String {
    key().sign(&header(), &claims.to_string()).unwrap()
}

pub fn header() -> String {
    // As Entra ID writes it, with a hash of the certificate.
    json!({"typ": "JWT", "alg": "RS256", "kid": key_name(key()), "x5t": "AAECAw"}).to_string()
}
