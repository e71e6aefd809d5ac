//! A service that says who is protected, asked as `docs/protection.md` says.

use futures::future::BoxFuture;
use reqwest::{
    Client, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};
use serde::Serialize;

use crate::{
    domain::national_identity::NationalIdentityNumber,
    people_source::{ANSWER_WITHIN, Person, SettingsError, Source, SourceError, answer},
};

/// The longest answer that is read: so much for a hundred people is far more than it takes.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// The service, and the client that asks it.
pub(super) struct RemoteSource {
    client: Client,
    url: Url,
}

/// The question. Numbers stand in the body alone: addresses are logged by everything between.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    identity_numbers: Vec<&'a str>,
}

impl RemoteSource {
    pub(super) fn new(url: &str, variable: Option<&str>) -> Result<Self, SettingsError> {
        let parsed = Url::parse(url).ok().filter(may_be_asked).ok_or(SettingsError::Url)?;
        let mut headers =
            HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        headers.extend(variable.map(bearer).transpose()?.map(|bearer| (AUTHORIZATION, bearer)));
        // No proxy of the environment: to one, plain http would carry numbers in the clear.
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .default_headers(headers)
            .build()
            .map_err(SettingsError::Client)?;
        Ok(Self { client, url: parsed })
    }

    async fn ask(&self, people: &[&NationalIdentityNumber]) -> Result<Vec<Person>, SourceError> {
        let identity_numbers = people.iter().map(|person| person.expose()).collect();
        let question = Question { identity_numbers };
        let request = self.client.post(self.url.clone()).json(&question);
        let mut response = request.send().await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            return Err(SourceError::Status(response.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if bytes.len() + piece.len() > ANSWER_MAX_BYTES {
                return Err(SourceError::TooLong { most_bytes: ANSWER_MAX_BYTES });
            }
            bytes.extend_from_slice(&piece);
        }
        let mut told = answer::read(&bytes)?;
        let said = people.iter().map(|person| told.remove(person.expose()));
        let said: Vec<Person> = said.collect::<Option<_>>().ok_or(SourceError::Lacks)?;
        // Somebody nobody asked about: it is the answer to another question.
        if told.is_empty() { Ok(said) } else { Err(SourceError::Malformed("it names others")) }
    }
}

impl Source for RemoteSource {
    fn people<'a>(
        &'a self,
        people: &'a [&'a NationalIdentityNumber],
    ) -> BoxFuture<'a, Result<Vec<Person>, SourceError>> {
        Box::pin(self.ask(people))
    }
}

/// Over TLS, or to this machine. A host by name could be any host tomorrow, `localhost` too.
fn may_be_asked(url: &Url) -> bool {
    let is_loopback = url.host_str().is_some_and(|host| {
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        literal.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    });
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    is_private && is_bare && url.has_host()
}

/// The header with the token that the environment has under a name.
fn bearer(variable: &str) -> Result<HeaderValue, SettingsError> {
    // A name without these is none, and the standard library would not even look.
    let is_name = !variable.is_empty() && !variable.contains(['=', '\0']);
    let token = is_name.then(|| std::env::var(variable).ok()).flatten();
    let token = token.filter(|token| !token.trim().is_empty()).ok_or(SettingsError::NoToken)?;
    let mut header = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
        .map_err(|_| SettingsError::NoToken)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Without the address, which stands in the settings.
fn broken(error: reqwest::Error) -> SourceError {
    if error.is_timeout() {
        return SourceError::TooSlow;
    }
    SourceError::Unreachable(error.without_url().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_over_tls_or_to_this_machine_alone() {
        for (url, may) in [
            ("https://protection.example.org/ask", true),
            ("http://127.0.0.1:8080/ask", true),
            ("http://127.8.0.1", true),
            ("http://[::1]:8080/", true),
            ("http://localhost:8080/", false),
            ("http://protection.example.org/", false),
            ("http://10.0.0.1/", false),
            ("http://127.0.0.1.example.org/", false),
            ("https://user:secret@example.org/", false),
            ("https://example.org/?person=", false),
            ("https://example.org/#x", false),
            ("ftp://127.0.0.1/", false),
            ("file:///etc/passwd", false),
            ("example.org", false),
        ] {
            let parsed = Url::parse(url);
            assert_eq!(parsed.is_ok_and(|url| may_be_asked(&url)), may, "{url}");
        }
    }

    #[test]
    fn a_token_comes_from_the_environment() {
        for wrong in ["secret", "$PATH", "", "=", "TILTAKSPLASS_NO_SUCH_VARIABLE"] {
            assert!(bearer(wrong).is_err(), "{wrong}");
        }
        let header = bearer("PATH").unwrap();
        assert!(header.is_sensitive());
        assert_eq!(header.to_str().unwrap(), format!("Bearer {}", std::env::var("PATH").unwrap()));
    }
}
