//! The audit service: who has looked at whom. That somebody has asked is written down as well.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::take,
};

use sqlx::PgConnection;
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Method, Role, Scope, scope},
        cef::{self, Audited},
        ids::{EntryId, LedgerId, PersonId},
        refusal::Refusal,
        registry::Registry,
    },
    error::{Error, Violation},
    grpc::{
        Api, Reader, answer,
        page::Listing,
        parse::audit::{self as parse, AccessesQuery, Whose},
        protected::Named,
        require_ledger, review, seen_by,
        waitlist::target,
    },
    proto::v1::{
        self as pb, ListAccessesRequest, ListAccessesResponse, ReviewAccessesRequest,
        ReviewAccessesResponse, audit_service_server::AuditService,
    },
    store::{
        self,
        accesses::{AccessFilter, Noted, Place},
    },
};

#[tonic::async_trait]
impl AuditService for Api {
    async fn list_accesses(
        &self,
        r: Request<ListAccessesRequest>,
    ) -> Result<Response<ListAccessesResponse>, Status> {
        self.read_for(r, Method::ListAccesses, parse::list_accesses, list).await
    }

    async fn review_accesses(
        &self,
        r: Request<ReviewAccessesRequest>,
    ) -> Result<Response<ReviewAccessesResponse>, Status> {
        self.read_for(r, Method::ReviewAccesses, parse::review_accesses, review::review).await
    }
}

/// Accesses lie in many areas: the list waits for no ledger.
impl Listing for ListAccessesRequest {
    const NAME: &'static str = "ListAccessesRequest";

    fn take_paging(&mut self) -> (i32, String, u64) {
        (take(&mut self.page_size), take(&mut self.page_token), 0)
    }
}

/// Whose accesses are told.
enum Told {
    /// Everybody's that the filter leaves.
    All,
    /// One person's, with the entries by which rows name the person.
    Of(PersonId, Vec<EntryId>),
    /// Somebody's of whom the caller sees nothing, or whom nobody knows.
    Nobody(Option<PersonId>),
}

async fn list(mut reader: Reader, query: AccessesQuery) -> Result<ListAccessesResponse, Error> {
    reader.said.purpose.clone_from(&query.purpose);
    let before: Option<Place> = query.page.after(&reader.app.keys)?;
    require_asked_by_right(&reader, &query)?;
    let named = match &query.whose {
        Some(Whose::Number(number)) => {
            let known = reader.find_another(number).await?;
            Some(reader.named(number, known).await)
        }
        // An entry names nobody.
        Some(Whose::Entry(..)) | None => None,
    };
    if let Some(Named { grades: None, asked_about, permitted, .. }) = named {
        reader.record_of(&LedgerId::registry(), Vec::new(), asked_about, permitted).await?;
        return Err(Error::PersonSourceUnavailable);
    }
    let (mut snapshot, registry) = reader.snapshot(None).await?;
    let told = match &query.whose {
        None => Told::All,
        Some(Whose::Number(_)) => by_number(&reader, &mut snapshot, &registry, named).await?,
        Some(Whose::Entry(ledger, entry_id)) => {
            require_ledger(ledger, &registry)?;
            let seen = by_entry(&reader, &mut snapshot, &registry, ledger, *entry_id).await?;
            let Some(told) = seen else {
                snapshot.rollback().await?;
                reader.record(ledger, vec![*entry_id], false).await?;
                let (what, id) = ("entry", entry_id.to_string());
                return Err(Refusal::NotFound { what, id }.into());
            };
            told
        }
    };
    let rows = rows(&reader, &mut snapshot, &query, &told, before).await?;
    let lines = Lines::new(&reader, &mut snapshot, &query, &told, &rows).await?;
    snapshot.rollback().await?;
    let with_names = reader.actor.role == Role::Auditor;
    let (accesses, next_page_token) = query.page.fill(
        &reader.app.keys,
        &rows,
        |row| (row.at, row.access_id),
        |row| pb::AccessRecord { cef: lines.line(row), ..record(row, with_names) },
    )?;
    let shown = rows.get(..accesses.len()).unwrap_or_default();
    write_down(&reader, &query, &told, shown).await?;
    Ok(ListAccessesResponse { accesses, next_page_token })
}

/// An office asks about its people and nobody else; who looked is for auditors.
fn require_asked_by_right(reader: &Reader, query: &AccessesQuery) -> Result<(), Error> {
    let role = reader.actor.role;
    let mut wrong = Vec::new();
    let mut add = |field: &str, description: &str| {
        let (field, description) = (field.to_owned(), description.to_owned());
        wrong.push(Violation { field, description });
    };
    if query.whose.is_none() && role == Role::Office {
        add("person", "is required of an office");
    }
    if role != Role::Auditor {
        if query.subject.is_some() {
            add("subject", "is for auditors");
        }
        if query.with_cef {
            add("with_cef", "is for auditors");
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::InvalidFields(wrong)) }
}

/// Somebody named by number: who sees none of the person's entries is told of none, and of who
/// is protected only who is cleared for them.
async fn by_number(
    reader: &Reader,
    snapshot: &mut PgConnection,
    registry: &Registry,
    named: Option<Named>,
) -> Result<Told, Error> {
    let Some(Named { person, asked_about, permitted, .. }) = named else {
        return Ok(Told::Nobody(None));
    };
    let seen = seen_by(&reader.actor, registry, reader.today());
    let found = store::held::entries_of_person(&mut *snapshot, person, &seen, None, 1).await?;
    let entries = store::accesses::entries_of(snapshot, person).await?;
    let asked_about = asked_about.first().copied();
    let sees = scope(reader.method, reader.actor.role) == Scope::All || !found.is_empty();
    if permitted && asked_about.is_some() && sees {
        return Ok(Told::Of(person, entries));
    }
    Ok(Told::Nobody(asked_about))
}

/// Somebody named by an entry; `None` where it is not there or not the caller's.
async fn by_entry(
    reader: &Reader,
    snapshot: &mut PgConnection,
    registry: &Registry,
    ledger: &LedgerId,
    entry_id: EntryId,
) -> Result<Option<Told>, Error> {
    let found = store::queues::find_entry(&mut *snapshot, ledger, entry_id).await?;
    let seen = found.filter(|entry| reader.permits(&target(ledger, entry), registry));
    let Some(entry) = seen else { return Ok(None) };
    reader.require_another(ledger, &entry, registry).await?;
    let entries = store::accesses::entries_of(snapshot, entry.person_id).await?;
    Ok(Some(Told::Of(entry.person_id, entries)))
}

/// The rows of the page. Without a person a county is told of its own area.
async fn rows(
    reader: &Reader,
    snapshot: &mut PgConnection,
    query: &AccessesQuery,
    told: &Told,
    before: Option<Place>,
) -> Result<Vec<Noted>, Error> {
    let (person, area) = match told {
        Told::Nobody(_) => return Ok(Vec::new()),
        Told::Of(person, entries) => (Some((*person, entries.as_slice())), None),
        Told::All => (None, own_area(reader)),
    };
    let filter = AccessFilter {
        county_id: area,
        person,
        subject: query.subject.as_deref(),
        organisation: query.organisation.as_deref(),
        from: query.from,
        until: query.until,
        before,
        limit: query.page.rows_to_read(),
    };
    Ok(store::accesses::page(snapshot, &filter).await?)
}

/// The area whose accesses a caller may read without naming anybody; `None` for all.
pub(super) fn own_area(reader: &Reader) -> Option<&str> {
    let is_own = scope(reader.method, reader.actor.role) != Scope::All;
    is_own.then_some(reader.actor.organisation.as_str())
}

/// That the access log was read is an access too: to whom it is about, or to all it shows.
async fn write_down(
    reader: &Reader,
    query: &AccessesQuery,
    told: &Told,
    shown: &[Noted],
) -> Result<(), Error> {
    // A person belongs to no ledger: the record stands with the registry's.
    let registry = LedgerId::registry();
    let (entries, people, permitted) = match told {
        Told::Of(person, _) => (asked_entry(query), vec![*person], true),
        Told::Nobody(person) => (Vec::new(), person.iter().copied().collect(), false),
        Told::All => (entries_of(shown), Vec::new(), true),
    };
    reader.record_of(&registry, entries, people, permitted).await
}

fn asked_entry(query: &AccessesQuery) -> Vec<EntryId> {
    match &query.whose {
        Some(Whose::Entry(_, entry_id)) => vec![*entry_id],
        Some(Whose::Number(_)) | None => Vec::new(),
    }
}

/// The entries that rows show, each once.
pub(super) fn entries_of<'a>(shown: impl IntoIterator<Item = &'a Noted>) -> Vec<EntryId> {
    let entries: BTreeSet<EntryId> =
        shown.into_iter().flat_map(|row| row.entries.iter().copied()).collect();
    entries.into_iter().collect()
}

/// A row as it is told; who it was, to those who may know.
pub(super) fn record(row: &Noted, with_names: bool) -> pb::AccessRecord {
    let ledger = LedgerId::from_texts(&row.county_id, &row.measure_code).ok();
    let name = |text: &String| if with_names { text.clone() } else { String::new() };
    pb::AccessRecord {
        access_id: row.access_id.to_string(),
        access_time: Some(answer::timestamp(row.at)),
        role: row.role.clone(),
        organisation: row.organisation.clone(),
        employer: row.employer.clone(),
        on_behalf_of: row.on_behalf_of.clone(),
        authority_id: row.authority.map(|id| id.to_string()).unwrap_or_default(),
        method: row.method.clone(),
        ledger: ledger.filter(|id| !id.is_registry()).as_ref().map(answer::ledger),
        purpose: row.purpose.clone(),
        case_reference: row.case_reference.clone(),
        permitted: row.permitted,
        call_id: row.call_id.clone(),
        entry_ids: row.entries.iter().map(ToString::to_string).collect(),
        entry_count: row.entry_count,
        issuer: name(&row.issuer),
        subject: name(&row.subject),
        name: name(&row.name),
        client: name(&row.client),
        cef: String::new(),
    }
}

/// The one person a row is about: it says so itself, or by its only entry.
pub(super) fn person_of(row: &Noted, people: &BTreeMap<EntryId, PersonId>) -> Option<PersonId> {
    match (row.people.as_slice(), row.entries.as_slice()) {
        ([person], _) => Some(*person),
        ([], [entry]) if row.entry_count == 1 => people.get(entry).copied(),
        _ => None,
    }
}

/// Whose the only entries of rows are.
pub(super) async fn people_of(
    snapshot: &mut PgConnection,
    rows: &[Noted],
) -> Result<BTreeMap<EntryId, PersonId>, Error> {
    let alone = |row: &&Noted| row.people.is_empty() && row.entry_count == 1;
    let entries: Vec<(&str, &str, EntryId)> = rows
        .iter()
        .filter(alone)
        .filter_map(|row| {
            Some((row.county_id.as_str(), row.measure_code.as_str(), *row.entries.first()?))
        })
        .collect();
    if entries.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(store::accesses::people_of(snapshot, &entries).await?.into_iter().collect())
}

/// What the lines for a log collector call people by.
enum Lines {
    /// None are asked for.
    None,
    /// All rows are about one person, so named.
    One(String),
    /// By the person's id, where a row is about one.
    ByRow(BTreeMap<EntryId, PersonId>),
}

impl Lines {
    async fn new(
        reader: &Reader,
        snapshot: &mut PgConnection,
        query: &AccessesQuery,
        told: &Told,
        rows: &[Noted],
    ) -> Result<Self, Error> {
        if !query.with_cef {
            return Ok(Self::None);
        }
        match (told, &query.whose) {
            // Who asked by the number knows it; it is told to nobody else.
            (Told::Of(..), Some(Whose::Number(number))) => {
                Ok(Self::One(number.expose().to_owned()))
            }
            (Told::Of(person, _), _) => Ok(Self::One(person.to_string())),
            (Told::All | Told::Nobody(_), _) => {
                debug_assert_eq!(reader.actor.role, Role::Auditor, "lines are for auditors");
                Ok(Self::ByRow(people_of(snapshot, rows).await?))
            }
        }
    }

    fn line(&self, row: &Noted) -> String {
        let person = match self {
            Self::None => return String::new(),
            Self::One(person) => Some(person.clone()),
            Self::ByRow(people) => person_of(row, people).map(|person| person.to_string()),
        };
        let why = [&row.purpose, &row.case_reference].into_iter().find(|text| !text.is_empty());
        let text = why.map_or_else(|| row.method.clone(), |why| format!("{}: {why}", row.method));
        let is_provider = row.role == Role::Provider.as_str();
        cef::line(&Audited {
            actor: &row.subject,
            person: person.as_deref(),
            entry_count: row.entry_count,
            at: row.at,
            call_id: &row.call_id,
            text: &text,
            permitted: row.permitted,
            provider: is_provider.then_some(row.organisation.as_str()),
        })
    }
}
