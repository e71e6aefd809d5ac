//! People in a batch: who they are, their keys, and their claims.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use crate::{
    app::App,
    domain::{
        command::Command,
        event::{EntryChange, Event},
        ids::{AreaId, EntryId, LedgerId, PersonId},
        ledger::Ledger,
        national_identity::NationalIdentityNumber,
        waitlist::{self, Sealed},
    },
    keys::DataKey,
    store::{
        claim::{self, Claim, Held},
        people::{self, Digest, Found, Wanted},
    },
    write::{Work, corrected::Reopened},
};

/// Whom the calls of a batch name by number, each by its place.
pub(super) struct Named<'a> {
    /// Those who are to wait.
    pub(super) joins: Vec<(usize, &'a Work)>,
    /// The callers themselves, where their tokens say who they are.
    pub(super) callers: Vec<(usize, &'a NationalIdentityNumber)>,
}

/// The people of a batch.
#[derive(Default)]
pub(super) struct People {
    /// Who the joins of each command, or the rows of an import, are about, by the command's place in the batch; `None`
    /// for somebody who was removed again while we looked.
    of_joins: BTreeMap<usize, Vec<Option<PersonId>>>,
    /// Who the callers are themselves, where their tokens say it and we know them.
    callers: BTreeMap<usize, PersonId>,
    keys: BTreeMap<PersonId, DataKey>,
    added: BTreeSet<PersonId>,
    /// Whom the staff are linked to: they are kept though they may wait for nothing.
    linked: BTreeSet<PersonId>,
    claims: BTreeMap<Claim, Option<EntryId>>,
    /// Claims that go on in another ledger with their entries.
    moved: Vec<Held>,
    /// Entries that were open when the batch began: their claims are their own until it ends.
    own: BTreeSet<EntryId>,
}

impl People {
    /// Finds or adds the people of joins, and finds the callers themselves beside them, then takes
    /// the joiners' claims and those of entries that may open again: always in this order, each in
    /// one sorted statement, so that no two writers wait for each other.
    pub(super) async fn find(
        app: &App,
        connection: &mut PgConnection,
        county_id: &AreaId,
        named: &Named<'_>,
        reopened: Reopened,
    ) -> Result<Self, sqlx::Error> {
        let mut people = Self { own: reopened.own, ..Self::default() };
        let mut wanted = reopened.wanted;
        if !named.joins.is_empty() || !named.callers.is_empty() {
            wanted.extend(people.find_named(app, connection, named).await?);
        }
        let taken = claim::take(connection, county_id, &wanted).await?;
        people.claims = taken.into_iter().map(|claim| (claim, None)).collect();
        Ok(people)
    }

    /// Finds or adds the people of joins, and finds the callers; the claims the joins want.
    async fn find_named(
        &mut self,
        app: &App,
        connection: &mut PgConnection,
        named: &Named<'_>,
    ) -> Result<BTreeSet<Claim>, sqlx::Error> {
        let (mut asked, mut identities) = (Vec::new(), Vec::new());
        for (index, work) in &named.joins {
            let joiners = work.draft.identity.iter().flatten();
            for joiner in joiners {
                asked.push((*index, &work.ledger));
                identities.push(&joiner.identity);
            }
        }
        let callers = named.callers.iter().map(|(_, identity)| *identity);
        let all = identities.iter().copied().chain(callers);
        let mut digests: Vec<_> = all.map(|i| app.keys.identity_hmacs(i)).collect();
        let mut found = people::find(connection, &digests).await?;
        digests.truncate(identities.len());
        let callers = named.callers.iter().zip(found.split_off(identities.len()));
        self.callers =
            callers.filter_map(|((index, _), hit)| Some((*index, hit?.person_id))).collect();
        if found.iter().any(Option::is_none) {
            self.add_missing(app, connection, &identities, &found).await?;
            found = people::find(connection, &digests).await?;
        }
        people::add_digests(connection, missing_digests(&digests, &found)).await?;
        let mut wanted = BTreeSet::new();
        for ((index, ledger), person) in asked.into_iter().zip(found) {
            let person_id = person.as_ref().map(|person| person.person_id);
            self.of_joins.entry(index).or_default().push(person_id);
            let Some(Found { person_id, data_key, .. }) = person else { continue };
            self.keep_key(app, person_id, &data_key)?;
            // Who is linked to one of the staff waits for nothing.
            if !ledger.is_registry() {
                wanted.insert((person_id, ledger.measure_code.clone()));
            }
        }
        Ok(wanted)
    }

    async fn add_missing(
        &mut self,
        app: &App,
        connection: &mut PgConnection,
        identities: &[&NationalIdentityNumber],
        found: &[Option<Found>],
    ) -> Result<(), sqlx::Error> {
        let mut wanted: BTreeMap<[u8; 32], Wanted> = BTreeMap::new();
        for (identity, _) in identities.iter().zip(found).filter(|(_, hit)| hit.is_none()) {
            let digests = app.keys.identity_hmacs(identity);
            let (_, current) = app.keys.identity_hmac(identity);
            let person_id = PersonId(app.ids.id());
            let (_, data_key) = app.keys.new_data_key(person_id.0).map_err(key_error)?;
            let identity = app.keys.seal_identity(identity, person_id.0).map_err(key_error)?;
            let person = Wanted { digests, person_id, identity, data_key };
            wanted.entry(current).or_insert(person);
        }
        let wanted: Vec<Wanted> = wanted.into_values().collect();
        self.added.extend(people::add(connection, &wanted).await?);
        Ok(())
    }

    fn keep_key(&mut self, app: &App, person: PersonId, wrapped: &[u8]) -> Result<(), sqlx::Error> {
        if let Entry::Vacant(place) = self.keys.entry(person) {
            place.insert(app.keys.unwrap_data_key(wrapped, person.0).map_err(key_error)?);
        }
        Ok(())
    }

    /// Reads the keys of those whose entries, offers and placements have text to be sealed.
    pub(super) async fn load_keys(
        &mut self,
        app: &App,
        connection: &mut PgConnection,
        people: &[PersonId],
    ) -> Result<(), sqlx::Error> {
        if people.is_empty() {
            return Ok(());
        }
        for (person, wrapped) in people::data_keys(connection, people).await? {
            self.keep_key(app, person, &wrapped)?;
        }
        Ok(())
    }

    /// Who the joins of a command are about, in their order.
    pub(super) fn of_command(&self, index: usize) -> &[Option<PersonId>] {
        self.of_joins.get(&index).map_or(&[], Vec::as_slice)
    }

    /// Names people whom a command that is refused has asked about.
    pub(super) fn name(&mut self, index: usize, people: impl IntoIterator<Item = PersonId>) {
        self.of_joins.entry(index).or_default().extend(people.into_iter().map(Some));
    }

    /// Who a caller is, where the token says it and we know them.
    pub(super) fn caller(&self, index: usize) -> Option<PersonId> {
        self.callers.get(&index).copied()
    }

    /// Whether the claim is this batch's and nobody in it has used it yet.
    pub(super) fn may_claim(&self, claim: &Claim) -> bool {
        self.claims.get(claim) == Some(&None)
    }

    /// Whether a closed entry may open again: the claim is this batch's, or is its own still,
    /// as the batch itself has closed it.
    pub(super) fn may_reopen(&self, entry_id: EntryId, claim: &Claim) -> bool {
        self.own.contains(&entry_id) || self.may_claim(claim)
    }

    /// Notes which claims are held by which entries after an event, and which go on in another
    /// ledger with theirs. What comes from another measure type holds the claim that was taken
    /// for it here; the one it had there ends with the entry there.
    pub(super) fn note(&mut self, id: &LedgerId, event: &Event) {
        let claim_of = |entry: &waitlist::Entry| (entry.person_id, id.measure_code.clone());
        if let Some(entry) = event.brought_in() {
            self.claims.insert(claim_of(entry), Some(entry.entry_id));
        } else if let Event::EntryChanged { entry, change: EntryChange::Received { from_ledger } } =
            event
        {
            let (person_id, entry_id) = (entry.person_id, entry.entry_id);
            if from_ledger.measure_code == id.measure_code {
                self.moved.push(Held { person_id, ledger: id.clone(), entry_id });
            } else {
                self.claims.insert(claim_of(entry), Some(entry_id));
            }
        } else if let Event::EntryChanged { entry, .. } = event
            && entry.state.is_open()
            && entry.has_claim()
            && let Some(of) = self.claims.get_mut(&claim_of(entry))
        {
            // It is open again, by a claim that this batch took.
            *of = Some(entry.entry_id);
        } else if let Event::StaffLinkSet { link } = event {
            self.linked.insert(link.person_id);
        }
    }

    /// Takes these claims too; says which were free.
    pub(super) async fn take(
        &mut self,
        connection: &mut PgConnection,
        county_id: &AreaId,
        wanted: &BTreeSet<Claim>,
    ) -> Result<BTreeSet<Claim>, sqlx::Error> {
        let taken = claim::take(connection, county_id, wanted).await?;
        self.claims.extend(taken.iter().map(|claim| (claim.clone(), None)));
        Ok(taken)
    }

    /// Seals text under a person's key.
    pub(super) fn seal(
        &self,
        person: PersonId,
        context: &str,
        plain: &str,
    ) -> Result<Sealed, sqlx::Error> {
        let key = self.keys.get(&person).ok_or_else(|| key_error("the person has no key"))?;
        let sealed = key.seal(context, plain.as_bytes()).map_err(key_error)?;
        Ok(Sealed(STANDARD.encode(sealed)))
    }

    /// Changes a JSON object that is sealed under a person's key: what `change` names takes the
    /// place of what stands there, and `null` removes it. Nothing is sealed anew where nothing
    /// changes, and of an empty object nothing is left.
    pub(super) fn change_sealed(
        &self,
        person: PersonId,
        context: &str,
        before: Option<&Sealed>,
        change: &str,
    ) -> Result<Option<Sealed>, sqlx::Error> {
        let old = before.map(|sealed| self.open(person, context, sealed)).transpose()?;
        let old = old.unwrap_or_default();
        let mut new = old.clone();
        let change: Map<String, Value> =
            serde_json::from_str(change).map_err(|_| key_error("a change cannot be read"))?;
        for (name, value) in change {
            if value.is_null() {
                new.remove(&name);
            } else {
                new.insert(name, value);
            }
        }
        if new == old {
            return Ok(before.cloned());
        }
        if new.is_empty() {
            return Ok(None);
        }
        self.seal(person, context, &Value::Object(new).to_string()).map(Some)
    }

    /// Opens a JSON object under a person's key. Errors say where it went wrong, never what
    /// stands there.
    pub(super) fn open(
        &self,
        person: PersonId,
        context: &str,
        Sealed(text): &Sealed,
    ) -> Result<Map<String, Value>, sqlx::Error> {
        let key = self.keys.get(&person).ok_or_else(|| key_error("the person has no key"))?;
        let sealed = STANDARD.decode(text).map_err(|_| malformed())?;
        let plain = key.open(context, &sealed).map_err(key_error)?;
        json_object(&plain)
    }

    /// Names the entries of claims that are held; gives back claims and people that
    /// nobody needs.
    pub(super) async fn settle(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let held: Vec<(Claim, EntryId)> = self
            .claims
            .iter()
            .filter_map(|(claim, entry)| entry.map(|entry| (claim.clone(), entry)))
            .collect();
        claim::name_entries(connection, &held).await?;
        claim::move_on(connection, &self.moved).await?;
        let unused: BTreeSet<Claim> = self
            .claims
            .iter()
            .filter(|(_, entry)| entry.is_none())
            .map(|(claim, _)| claim.clone())
            .collect();
        claim::give_back(connection, &unused).await?;
        let waiting = held.iter().map(|((person, _), _)| *person);
        let needed: BTreeSet<PersonId> = waiting.chain(self.linked.iter().copied()).collect();
        let idle: Vec<PersonId> = self.added.difference(&needed).copied().collect();
        people::remove(connection, &idle).await
    }
}

/// Reads what is sealed, or is to be compared with it.
pub(super) fn json_object(plain: &[u8]) -> Result<Map<String, Value>, sqlx::Error> {
    serde_json::from_slice(plain).map_err(|_| malformed())
}

fn malformed() -> sqlx::Error {
    key_error("what is sealed cannot be read")
}

/// The digests under which people who were found are not found yet: those of keys that
/// came after them. Without these a person would be a stranger once the old key is gone.
fn missing_digests(digests: &[Vec<Digest>], found: &[Option<Found>]) -> Vec<(Digest, PersonId)> {
    let of_one = |(digests, found): (&Vec<Digest>, &Option<Found>)| {
        let found = found.as_ref()?;
        let missing = digests.iter().filter(|(version, _)| !found.key_versions.contains(version));
        Some(missing.map(|digest| (*digest, found.person_id)).collect::<Vec<_>>())
    };
    let missing: BTreeSet<_> = digests.iter().zip(found).filter_map(of_one).flatten().collect();
    missing.into_iter().collect()
}

/// Whose entry a command about an entry, an offer or a placement is about.
pub(super) fn person_of(ledger: &Ledger, command: &Command) -> Option<PersonId> {
    ledger.entry_of(&command.subject()).map(|entry| entry.person_id)
}

/// A key that fails is a fault of the service, not of the database; the batch treats
/// both alike.
pub(super) fn key_error(error: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(error.to_string().into())
}
