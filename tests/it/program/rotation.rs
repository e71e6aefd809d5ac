//! A change of keys from the first step to the last, on two replicas with a copy of the file
//! each, while everybody goes on asking: no call fails, nobody becomes two, whoever is killed.

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use prost::Message;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tiltaksplass::proto::v1::{
    allocation_service_client::AllocationServiceClient,
    waitlist_service_client::WaitlistServiceClient, *,
};
use tokio::{task::JoinHandle, time::timeout};
use tonic::{
    Code, Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use super::{DEMO_DATA, Place, Serving, code, import, url};
use crate::{
    support::{Bearer, new_database, request_id},
    world::identity,
};

/// Enough for several pages of the job.
const PEOPLE: u32 = 450;
/// Whose people are asked for.
const ADVISER: &str = "Z991234";
/// Who is not among those of the beginning.
const NEWCOMERS: u32 = 700_000;
/// How long a rotation may take here; a service that was killed is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

type Bound = InterceptedService<Channel, Bearer>;

fn vta() -> Ledger {
    Ledger { county_id: "NO-16".into(), measure_code: "VTA".into() }
}

fn join(person: u32) -> JoinWaitlistRequest {
    JoinWaitlistRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        national_identity_number: identity(person),
        municipality_number: "1601".into(),
        following_office_number: "9601".into(),
        adviser_ident: ADVISER.into(),
        ..JoinWaitlistRequest::default()
    }
}

/// A replica: its own data folder with a copy of the keys, on the one database.
struct Replica {
    place: Place,
    serving: Serving,
}

impl Replica {
    async fn start(place: Place, url: &str) -> Self {
        let serving = place.serve(&["--database-url", url]).await;
        Self { place, serving }
    }

    fn file(&self) -> PathBuf {
        self.place.data().join("keys/main.json")
    }
}

/// Puts another's keys into a data folder.
fn copy_keys(from: &Place, to: &Place) {
    let folder = to.data().join("keys");
    fs::create_dir_all(&folder).unwrap();
    for file in ["issuer.key", "main.json"] {
        // As a whole, as an operator's tool would.
        let temporary = folder.join(format!(".{file}.copy"));
        fs::copy(from.data().join("keys").join(file), &temporary).unwrap();
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&temporary, folder.join(file)).unwrap();
    }
}

/// Who asks, at whichever replica answers.
struct Callers {
    addresses: Mutex<[String; 2]>,
    county: Bearer,
    service: Bearer,
    stop: AtomicBool,
    people: AtomicU32,
    asked: AtomicU32,
    failed: Mutex<Vec<String>>,
}

impl Callers {
    async fn channel(&self, at: usize) -> Result<Channel, Status> {
        let address = self.addresses.lock().unwrap()[at % 2].clone();
        let endpoint = Endpoint::from_shared(address).unwrap();
        endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))
    }

    /// Asks one replica, and the other while the first is away.
    async fn ask<A, F: Future<Output = Result<A, Status>>>(
        &self,
        what: &str,
        first: usize,
        call: impl Fn(Channel) -> F,
    ) -> Option<A> {
        let mut last = None;
        for at in first..first + 60 {
            let answer = match self.channel(at).await {
                Ok(channel) => call(channel).await,
                Err(away) => Err(away),
            };
            match answer {
                Ok(answer) => {
                    self.asked.fetch_add(1, Ordering::Relaxed);
                    return Some(answer);
                }
                // Killed in the middle of the call, or not there.
                Err(away) if is_away(&away) => last = Some(away),
                Err(failed) => {
                    self.failed.lock().unwrap().push(format!("{what}: {failed:?}"));
                    return None;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.failed.lock().unwrap().push(format!("{what}: {last:?}"));
        None
    }

    fn waitlist(&self, channel: Channel) -> WaitlistServiceClient<Bound> {
        WaitlistServiceClient::with_interceptor(channel, self.county.clone())
    }

    /// Joins, is looked up by number and by entry, and is asked about by others: until the end.
    async fn go_on(&self, lane: usize) {
        let mut at = lane;
        while !self.stop.load(Ordering::Relaxed) {
            at += 1;
            let request = join(self.people.fetch_add(1, Ordering::Relaxed));
            let number = request.national_identity_number.clone();
            let asked = &request;
            let joined = self.ask("join", at, async |channel: Channel| {
                let mut waitlist = self.waitlist(channel);
                waitlist.join_waitlist(asked.clone()).await.map(tonic::Response::into_inner)
            });
            let Some(joined) = joined.await else { return };
            self.look(at + 1, &number, &joined.entry_id).await;
            self.work_and_participation(at, &number).await;
            let again = self.ask("retry", at + 1, async |channel: Channel| {
                let mut waitlist = self.waitlist(channel);
                waitlist.join_waitlist(asked.clone()).await.map(tonic::Response::into_inner)
            });
            if again.await.is_some_and(|again| again != joined) {
                self.failed.lock().unwrap().push("another answer to a retry".into());
            }
        }
    }

    async fn look(&self, at: usize, number: &str, entry_id: &str) {
        let request = LookupPersonRequest {
            national_identity_number: number.into(),
            purpose: "henvendelse".into(),
            ..LookupPersonRequest::default()
        };
        let found = self.ask("lookup", at, async |channel: Channel| {
            let answer = self.waitlist(channel).lookup_person(request.clone()).await?;
            Ok(answer.into_inner().entries)
        });
        let found = found.await.unwrap_or_default();
        let request = GetWaitlistEntryRequest {
            ledger: Some(vta()),
            entry_id: entry_id.into(),
            with_person: true,
            purpose: "henvendelse".into(),
            ..GetWaitlistEntryRequest::default()
        };
        let told = self.ask("entry", at + 1, async |channel: Channel| {
            let answer = self.waitlist(channel).get_waitlist_entry(request.clone()).await?;
            Ok(answer.into_inner().person.unwrap())
        });
        let told = told.await.unwrap_or_default();
        let is_found = found.len() == 1 && found[0].entry.as_ref().unwrap().entry_id == entry_id;
        if !is_found || told.national_identity_number != number || told.adviser_ident != ADVISER {
            self.failed.lock().unwrap().push(format!("lost: {found:?} {told:?}"));
        }
    }

    async fn work_and_participation(&self, at: usize, number: &str) {
        let request = ListMyWorkRequest {
            county_id: "NO-16".into(),
            adviser_ident: ADVISER.into(),
            ..ListMyWorkRequest::default()
        };
        self.ask("work", at, async |channel: Channel| {
            self.waitlist(channel).list_my_work(request.clone()).await
        })
        .await;
        let request = CheckParticipationRequest {
            national_identity_number: number.into(),
            purpose: "ytelse".into(),
            ..CheckParticipationRequest::default()
        };
        self.ask("participation", at, async |channel: Channel| {
            let bearer = self.service.clone();
            let mut client = AllocationServiceClient::with_interceptor(channel, bearer);
            client.check_participation(request.clone()).await
        })
        .await;
    }
}

fn is_away(status: &Status) -> bool {
    let broken = matches!(status.code(), Code::Unknown | Code::Cancelled | Code::Internal)
        && std::error::Error::source(status).is_some();
    broken || status.code() == Code::Unavailable
}

/// The next line of a command that begins so.
async fn line_with(command: &mut Serving, part: &str) -> String {
    loop {
        let line = timeout(PATIENCE, command.line()).await.unwrap();
        if line.contains(part) {
            return line;
        }
    }
}

async fn refused(place: &Place, args: &[&str], why: &str) {
    let told = place.run(args).await;
    assert_eq!(code(told.status), 1, "{told:?}");
    assert!(told.err.contains(why), "{told:?}");
}

/// Everybody waits from the beginning; the first one's request and answer.
async fn fill(callers: &Callers) -> (JoinWaitlistRequest, Vec<u8>) {
    let mut waitlist = callers.waitlist(callers.channel(0).await.unwrap());
    let first = join(0);
    let answer = waitlist.join_waitlist(first.clone()).await.unwrap().into_inner();
    let people: Vec<u32> = (1..PEOPLE).collect();
    for some in people.chunks(90) {
        let joins = some.iter().map(|person| JoinWaitlistRequest {
            request_id: String::new(),
            ledger: None,
            ..join(*person)
        });
        let request = BatchJoinWaitlistRequest {
            request_id: request_id(),
            ledger: Some(vta()),
            joins: joins.collect(),
            ..BatchJoinWaitlistRequest::default()
        };
        waitlist.batch_join_waitlist(request).await.unwrap();
    }
    (first, answer.encode_to_vec())
}

/// How many people have so many digests, by key version.
async fn digests(database: &PgConnectOptions) -> BTreeMap<i32, i64> {
    let mut sql = PgConnection::connect_with(database).await.unwrap();
    let found: Vec<(i32, i64)> =
        sqlx::query_as("SELECT key_version, count(*) FROM person_key GROUP BY 1 ORDER BY 1")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    found.into_iter().collect()
}

/// The main key of a version, as its digits.
fn main_key(file: &Path, version: &str) -> String {
    let contents: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    contents["keys"][version].as_str().unwrap().to_owned()
}

fn start_calling(callers: &Arc<Callers>) -> Vec<JoinHandle<()>> {
    let lane = |lane| {
        let callers = Arc::clone(callers);
        tokio::spawn(async move { callers.go_on(lane).await })
    };
    (0..3).map(lane).collect()
}

/// Two replicas on one database, and who asks them.
struct Stage {
    database: PgConnectOptions,
    url: String,
    first: Replica,
    second: Replica,
    callers: Arc<Callers>,
}

impl Stage {
    async fn new() -> Self {
        let database = new_database().await;
        let url = url(&database);
        let first = Replica::start(Place::new(), &url).await;
        import(&first.serving, &first.place, DEMO_DATA).await;
        let other = Place::new();
        copy_keys(&first.place, &other);
        let second = Replica::start(other, &url).await;
        let addresses = [first.serving.address.clone(), second.serving.address.clone()];
        let callers = Arc::new(Callers {
            addresses: Mutex::new(addresses),
            county: Bearer::new(&first.place.token("county", "NO-16").await),
            service: Bearer::new(&first.place.token("service", "ARENA").await),
            stop: AtomicBool::new(false),
            people: AtomicU32::new(NEWCOMERS),
            asked: AtomicU32::new(0),
            failed: Mutex::default(),
        });
        Self { database, url, first, second, callers }
    }

    fn keys<'a>(&'a self, step: &'a str) -> [&'a str; 4] {
        ["keys", step, "--database-url", &self.url]
    }

    /// The command waits for who has not the new key; it, and a replica, are killed on the way.
    async fn rotate(&mut self) {
        let place = &self.first.place;
        refused(place, &self.keys("use"), "keys add").await;
        refused(place, &self.keys("retire"), "no older key").await;
        let mut rotate = place.begin(&self.keys("rotate"));
        line_with(&mut rotate, "1 of 2 running services know key version 2").await;
        refused(place, &self.keys("add"), "is not used yet").await;
        refused(place, &self.keys("use"), "1 of 2 running services").await;
        rotate.kill().await;
        let mut rotate = place.begin(&self.keys("rotate"));
        copy_keys(place, &self.second.place);
        line_with(&mut rotate, "key version 2 is written under from now on").await;
        refused(place, &self.keys("retire"), "running services use key version 2").await;
        // One writes under the new key and the other still under the old one; then the other dies
        // and comes back with the new one, and the command dies too.
        self.second.serving.kill().await;
        copy_keys(place, &self.second.place);
        self.second.serving = self.second.place.serve(&["--database-url", &self.url]).await;
        let address = &self.second.serving.address;
        self.callers.addresses.lock().unwrap()[1].clone_from(address);
        rotate.kill().await;
        let mut rotate = place.begin(&self.keys("rotate"));
        line_with(&mut rotate, "everybody is sealed and found under key version 2").await;
        assert_eq!(code(rotate.ended().await), 0);
        let status = place.run(&self.keys("status")).await;
        assert!(status.out.contains("next: keys retire"), "{status:?}");
    }

    /// The old key goes, and what was found under it too, while everybody goes on asking.
    async fn retire(&self, old: &str) {
        let told = self.first.place.run(&self.keys("retire")).await;
        assert_eq!(code(told.status), 0, "{told:?}");
        let file = fs::read_to_string(self.first.file()).unwrap();
        assert!(!file.contains(old) && file.contains("\"retired\""));
        let enough = self.callers.asked.load(Ordering::Relaxed) + 60;
        copy_keys(&self.first.place, &self.second.place);
        while digests(&self.database).await.contains_key(&1)
            || self.callers.asked.load(Ordering::Relaxed) < enough
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_change_while_two_replicas_serve_and_no_call_fails() {
    let mut stage = Stage::new().await;
    let (request, answer) = fill(&stage.callers).await;
    let lanes = start_calling(&stage.callers);
    let old = main_key(&stage.first.file(), "1");
    stage.rotate().await;
    stage.retire(&old).await;
    let callers = Arc::clone(&stage.callers);
    callers.stop.store(true, Ordering::Relaxed);
    for lane in lanes {
        lane.await.unwrap();
    }
    assert_eq!(*callers.failed.lock().unwrap(), Vec::<String>::new());
    let people = i64::from(PEOPLE + callers.people.load(Ordering::Relaxed) - NEWCOMERS);
    // A replica that had not read the file again may have noted somebody under the old key once
    // more meanwhile: what it then forgets, it forgets at its next look, at most half a minute later.
    let expected = BTreeMap::from([(2, people)]);
    let until = Instant::now() + Duration::from_secs(45);
    while digests(&stage.database).await != expected && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(digests(&stage.database).await, expected, "one is one");

    // A service that begins now answers what was answered before, and finds the case workers of
    // the log.
    let Stage { url, mut first, mut second, .. } = stage;
    second.serving.kill().await;
    assert_eq!(code(first.serving.terminate().await), 0);
    first.serving = first.place.serve(&["--database-url", &url]).await;
    callers.addresses.lock().unwrap()[0].clone_from(&first.serving.address);
    let mut waitlist = callers.waitlist(callers.channel(0).await.unwrap());
    let again = waitlist.join_waitlist(request).await.unwrap().into_inner();
    assert_eq!(again.encode_to_vec(), answer);
    let reassign = ReassignAdviserRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        from_adviser_ident: ADVISER.into(),
        to_adviser_ident: "Z995678".into(),
        ..ReassignAdviserRequest::default()
    };
    let moved = waitlist.reassign_adviser(reassign).await.unwrap().into_inner();
    assert!(!moved.entry_ids.is_empty(), "{moved:?}");
    let well = first.place.run(&["verify", "--database-url", &url]).await;
    assert!(well.out.ends_with("all is well\n"), "{well:?}");
    // With a file from before the rotation no service begins.
    let before = Place::new();
    copy_keys(&first.place, &before);
    let early = r#"{"current":1,"keys":{"1":"OLD"}}"#.replace("OLD", &old);
    fs::write(before.data().join("keys/main.json"), early).unwrap();
    refused(
        &before,
        &["serve", "--listen", "127.0.0.1:0", "--database-url", &url],
        "is not the newest",
    )
    .await;
}

/// Where no service runs the command does all of it by itself, in the data folder alone.
#[tokio::test]
async fn keys_change_while_nobody_serves() {
    let place = Place::new();
    let mut serving = place.serve(&[]).await;
    import(&serving, &place, DEMO_DATA).await;
    let bearer = Bearer::new(&place.token("county", "NO-16").await);
    let waitlist = async |address: &str| {
        let channel = Endpoint::from_shared(address.to_owned()).unwrap().connect().await.unwrap();
        WaitlistServiceClient::with_interceptor(channel, bearer.clone())
    };
    let joined = waitlist(&serving.address).await.join_waitlist(join(1)).await.unwrap();
    assert_eq!(code(serving.terminate().await), 0);
    let file = place.data().join("keys/main.json");
    let old = main_key(&file, "1");
    let told = place.run(&["keys", "rotate"]).await;
    assert!(told.status.success() && told.out.contains("0 of 0 running services"), "{told:?}");
    let told = place.run(&["keys", "retire"]).await;
    assert!(told.status.success(), "{told:?}");
    assert!(!fs::read_to_string(&file).unwrap().contains(&old));
    let mut serving = place.serve(&[]).await;
    let request = LookupPersonRequest {
        national_identity_number: identity(1),
        purpose: "henvendelse".into(),
        ..LookupPersonRequest::default()
    };
    let found = waitlist(&serving.address).await.lookup_person(request).await.unwrap().into_inner();
    let entry_id = &found.entries[0].entry.as_ref().unwrap().entry_id;
    assert_eq!(*entry_id, joined.into_inner().entry_id);
    let well = place.run(&["verify"]).await;
    assert!(well.out.ends_with("all is well\n"), "{well:?}");
    assert_eq!(code(serving.terminate().await), 0);
}
