//! Protected people: they count and keep their place, and who they are is for who is cleared.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use tiltaksplass::{
    auth::TokenRequest,
    domain::{
        access::Role,
        national_identity::NationalIdentityNumber,
        protection::{Grades, Protection},
    },
    keys::Keys,
    people_source::{PeopleSource, Person, Source, SourceError},
    proto::v1::*,
};
use tonic::Status;

use crate::{
    support::{Caller, Service, reason},
    world::{COUNTY, OFFICE, PROVIDER, TRONDHEIM, World, date, identity},
};

mod alike;
mod down;
mod file;
mod looks;
mod numbers;
mod remote;
mod walk;

/// Each grade in turn, alone, and two together.
fn grades_in_turn() -> Vec<Grades> {
    let one = Protection::ALL.map(|kind| Grades::from([kind]));
    let both = Grades::from([Protection::Confidential, Protection::OwnStaff]);
    one.into_iter().chain([both]).collect()
}

/// A register of the test's own, that can be down, and counts how often it was asked.
#[derive(Clone, Default)]
struct Register(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    grades: BTreeMap<String, Grades>,
    surnames: BTreeMap<String, String>,
    is_down: bool,
    asked: usize,
}

impl Register {
    fn with(people: &[u32], grades: &Grades) -> Self {
        let register = Self::default();
        for person in people {
            register.protect(*person, grades);
        }
        register
    }

    fn protect(&self, person: u32, grades: &Grades) {
        self.0.lock().unwrap().grades.insert(identity(person), grades.clone());
    }

    fn name(&self, person: u32, surname: &str) {
        self.0.lock().unwrap().surnames.insert(identity(person), surname.to_owned());
    }

    fn set_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }

    /// How often it was asked since this was asked last.
    fn asked(&self) -> usize {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    fn source(&self) -> PeopleSource {
        PeopleSource::of(self.clone(), "the test")
    }
}

impl Source for Register {
    fn people<'a>(
        &'a self,
        people: &'a [&'a NationalIdentityNumber],
    ) -> BoxFuture<'a, Result<Vec<Person>, SourceError>> {
        let mut kept = self.0.lock().unwrap();
        kept.asked += 1;
        let of = |person: &&NationalIdentityNumber| Person {
            grades: kept.grades.get(person.expose()).cloned().unwrap_or_default(),
            surname: kept.surnames.get(person.expose()).cloned(),
        };
        let told = people.iter().map(of).collect();
        let told = if kept.is_down { Err(SourceError::Status(503)) } else { Ok(told) };
        Box::pin(std::future::ready(told))
    }
}

/// The small county, with a source of who is protected.
async fn world_asking(people: PeopleSource) -> World {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::load_or_create(&folder.path().join("main.json")).unwrap();
    World::on(Service::start_asking(keys, people).await).await
}

/// Two who wait (2 and 3), after one who uses a place (1); the entries of all, by person.
async fn scene(world: &World) -> (Ledger, BTreeMap<u32, String>) {
    let (ledger, _) = world.vta(1).await;
    let mut entries = BTreeMap::new();
    for person in 1..=3 {
        entries.insert(person, world.join(&ledger, person).await);
    }
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    world.confirm(&ledger, vec![offer.clone()]).await;
    world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap();
    world.start(&ledger, &offer, date(2026, 3, 2)).await;
    (ledger, entries)
}

fn organisation(role: Role) -> &'static str {
    match role {
        Role::County => COUNTY,
        Role::Office => OFFICE,
        Role::Municipality => TRONDHEIM,
        Role::Provider => PROVIDER,
        Role::Directorate | Role::Service | Role::Auditor => "NAV",
    }
}

/// A caller of a role in the scene's area, who is cleared for these.
async fn cleared(world: &World, role: Role, clearances: &Grades) -> Caller {
    let hours = time::Duration::hours(8);
    let request = TokenRequest {
        clearances: clearances.iter().copied().collect(),
        ..TokenRequest::new("someone", role, organisation(role), hours)
    };
    world.service.caller_with(&request).await
}

fn lookup(person: u32) -> LookupPersonRequest {
    LookupPersonRequest {
        national_identity_number: identity(person),
        purpose: "henvendelse".into(),
        ..LookupPersonRequest::default()
    }
}

fn check(person: u32) -> CheckParticipationRequest {
    CheckParticipationRequest {
        national_identity_number: identity(person),
        purpose: "beregning".into(),
        ..CheckParticipationRequest::default()
    }
}

fn who(ledger: &Ledger, entry_id: &str) -> GetWaitlistEntryRequest {
    GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        with_person: true,
        purpose: "vedtak".into(),
        ..GetWaitlistEntryRequest::default()
    }
}

async fn found(caller: &Caller, person: u32) -> Result<LookupPersonResponse, Status> {
    caller.waitlist().lookup_person(lookup(person)).await.map(tonic::Response::into_inner)
}

async fn takes_part(caller: &Caller, person: u32) -> Result<CheckParticipationResponse, Status> {
    let answer = caller.allocation().check_participation(check(person)).await;
    answer.map(tonic::Response::into_inner)
}

async fn told(caller: &Caller, ledger: &Ledger, entry_id: &str) -> Result<EntryPerson, Status> {
    let answer = caller.waitlist().get_waitlist_entry(who(ledger, entry_id)).await?;
    Ok(answer.into_inner().person.unwrap())
}

/// Method, how many people, how many entries, and whether it was allowed, of each access.
async fn accesses(world: &World) -> Vec<(String, usize, usize, bool)> {
    use sqlx::Row;
    let mut sql = world.service.sql().await;
    let rows = sqlx::query("SELECT * FROM access_log ORDER BY access_id").fetch_all(&mut sql);
    let access = |row: &sqlx::postgres::PgRow| {
        let people = row.get::<Vec<uuid::Uuid>, _>("person_ids").len();
        let entries = row.get::<Vec<uuid::Uuid>, _>("entry_ids").len();
        (row.get("method"), people, entries, row.get("permitted"))
    };
    rows.await.unwrap().iter().map(access).collect()
}

fn access(
    method: &str,
    people: usize,
    entries: usize,
    permitted: bool,
) -> (String, usize, usize, bool) {
    (method.to_owned(), people, entries, permitted)
}

/// How a look is refused while nobody can say who is protected.
fn is_closed(status: &Status) -> bool {
    status.code() == tonic::Code::Unavailable && reason(status) == "PERSON_SOURCE_UNAVAILABLE"
}

/// A look while nobody can say who is protected.
pub async fn nobody_says_it() -> Status {
    let register = Register::default();
    register.set_down(true);
    let world = world_asking(register.source()).await;
    found(&world.office, 1).await.unwrap_err()
}
