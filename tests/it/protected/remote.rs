//! A service that says who is protected: what it is asked, and what counts as an answer.

use std::time::Duration;

use tiltaksplass::people_source::PeopleSection;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::*;
use crate::support::logs;

/// How the stub answers.
type Answer = Box<dyn Fn(&[String]) -> String + Send>;
type Answers = Arc<Mutex<Answer>>;

/// A service that speaks as much HTTP as it takes.
struct Stub {
    url: String,
    answers: Answers,
    /// Head and body of each request.
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Stub {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/protection", listener.local_addr().unwrap());
        let answers: Answers = Arc::new(Mutex::new(Box::new(|people| whole(people, "UGRADERT"))));
        let stub = Self { url, answers, heard: Arc::default() };
        let (answers, heard) = (Arc::clone(&stub.answers), Arc::clone(&stub.heard));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&answers), Arc::clone(&heard)));
            }
        });
        stub
    }

    fn answers(&self, how: impl Fn(&[String]) -> String + Send + 'static) {
        *self.answers.lock().unwrap() = Box::new(how);
    }

    fn source(&self) -> PeopleSource {
        // A variable that is set wherever tests are run.
        let settings = PeopleSection {
            protection_url: Some(self.url.clone()),
            protection_token_variable: Some("CARGO_MANIFEST_DIR".into()),
            ..PeopleSection::default()
        };
        PeopleSource::configured(&settings).unwrap()
    }
}

async fn answer(mut stream: TcpStream, answers: Answers, heard: Arc<Mutex<Vec<(String, String)>>>) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.is_none_or(|length| length.parse() == Ok(body.len())) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let question: serde_json::Value = serde_json::from_str(&body).unwrap();
    let people = question["identityNumbers"].as_array().unwrap().iter();
    let people: Vec<String> = people.map(|person| person.as_str().unwrap().to_owned()).collect();
    heard.lock().unwrap().push((head, body));
    let reply = answers.lock().unwrap()(&people);
    if reply.is_empty() {
        // As if it thought for ever.
        std::future::pending::<()>().await;
    }
    let _ = stream.write_all(reply.as_bytes()).await;
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn people(people: &[String], word: &str) -> String {
    let person =
        |person| format!(r#"{{"identityNumber":"{person}","protection":["{word}"],"more":[1]}}"#);
    let people: Vec<String> = people.iter().map(person).collect();
    format!(r#"{{"people":[{}]}}"#, people.join(","))
}

fn whole(asked: &[String], word: &str) -> String {
    http("200 OK", &people(asked, word))
}

#[tokio::test]
async fn it_is_asked_in_a_body_and_believed() {
    let stub = Stub::start().await;
    let world = world_asking(stub.source()).await;
    scene(&world).await;
    assert_eq!(found(&world.office, 1).await.unwrap().entries.len(), 1);
    stub.answers(|asked| whole(asked, "SKJERMET"));
    assert_eq!(found(&world.office, 1).await.unwrap().entries.len(), 0);
    let cleared = cleared(&world, Role::Office, &Grades::from([Protection::OwnStaff])).await;
    assert_eq!(found(&cleared, 1).await.unwrap().protections, [4]);
    let heard = stub.heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 3, "each look asks anew");
    let token = env!("CARGO_MANIFEST_DIR");
    for (head, body) in heard {
        assert!(head.starts_with("POST /protection HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("authorization: Bearer {token}")), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(!head.contains(&identity(1)), "{head}");
        assert_eq!(body, format!(r#"{{"identityNumbers":["{}"]}}"#, identity(1)));
    }
}

#[tokio::test]
async fn whatever_is_no_answer_closes() {
    let stub = Stub::start().await;
    let world = world_asking(stub.source()).await;
    scene(&world).await;
    let elsewhere = stub.url.clone();
    let wrong: Vec<(&str, Answer)> = vec![
        ("a fault", Box::new(|asked| http("500 Oops", &people(asked, "UGRADERT")))),
        ("nothing", Box::new(|_| http("204 No Content", ""))),
        ("sent on", Box::new(move |_| http(&format!("307 X\r\nlocation: {elsewhere}"), ""))),
        ("no JSON", Box::new(|_| http("200 OK", "<html>"))),
        ("lacking", Box::new(|_| http("200 OK", &people(&[], "")))),
        ("another", Box::new(|_| whole(&[identity(2)], "UGRADERT"))),
        ("one more", Box::new(|a| whole(&[a, &[identity(7)]].concat(), "UGRADERT"))),
        ("twice", Box::new(|asked| whole(&[asked, asked].concat(), "UGRADERT"))),
        ("unknown word", Box::new(|asked| whole(asked, "KODE_8"))),
        ("too long", Box::new(|a| http("200 OK", &(people(a, "UGRADERT") + &" ".repeat(70_000))))),
        ("cut off", Box::new(|asked| whole(asked, "UGRADERT").trim_end_matches("]}").to_owned())),
    ];
    for (what, how) in wrong {
        stub.answers(how);
        let heard = stub.heard.lock().unwrap().len();
        let refused = found(&world.office, 1).await.unwrap_err();
        assert!(is_closed(&refused), "{what}: {refused:?}");
        assert_eq!(stub.heard.lock().unwrap().len(), heard + 1, "{what}: asked once");
        stub.answers(|asked| whole(asked, "UGRADERT"));
        assert_eq!(found(&world.office, 1).await.unwrap().entries.len(), 1, "{what}");
    }
    // What was wrong stands in the log, and nobody's number does.
    let logs = logs();
    assert!(logs.contains("nobody could say who is protected"));
    assert!(!logs.contains(&identity(1)));
}

#[tokio::test]
async fn who_does_not_answer_in_time_or_is_not_there_closes() {
    let stub = Stub::start().await;
    let world = world_asking(stub.source()).await;
    scene(&world).await;
    stub.answers(|_| String::new());
    let start = Instant::now();
    assert!(is_closed(&found(&world.office, 1).await.unwrap_err()));
    let waited = start.elapsed();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    // And nobody listens at all.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = PeopleSection {
        protection_url: Some(format!("http://{}/", listener.local_addr().unwrap())),
        ..PeopleSection::default()
    };
    drop(listener);
    let world = world_asking(PeopleSource::configured(&settings).unwrap()).await;
    assert!(is_closed(&found(&world.office, 1).await.unwrap_err()));
}

/// More people than one question takes are asked about in several, all or none.
#[tokio::test]
async fn many_are_asked_about_in_several_questions() {
    let stub = Stub::start().await;
    let source = stub.source();
    let people: Vec<_> = (0..250).map(NationalIdentityNumber::synthetic).collect();
    let people: Vec<&NationalIdentityNumber> = people.iter().collect();
    let second = identity(1);
    stub.answers(move |asked| {
        let word = if asked.contains(&second) { "FORTROLIG" } else { "UGRADERT" };
        whole(asked, word)
    });
    let grades = source.grades(&people).await.unwrap();
    let confidential = Grades::from([Protection::Confidential]);
    let expected: Vec<Grades> =
        (0..250).map(|n| if n < 100 { confidential.clone() } else { Grades::new() }).collect();
    assert_eq!(grades, expected);
    assert_eq!(stub.heard.lock().unwrap().len(), 3);
    let last = identity(249);
    stub.answers(move |asked| {
        let some: Vec<String> = asked.iter().filter(|person| **person != last).cloned().collect();
        whole(&some, "UGRADERT")
    });
    assert_eq!(source.grades(&people).await, None);
}
