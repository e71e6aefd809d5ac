//! A change of keys while services run: which of them know which keys, and everybody sealed and
//! found under the new one, page by page. Each page is one transaction, so any replica may do it,
//! two at once, and after a crash the next one goes on.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use time::OffsetDateTime;

use crate::{
    domain::ids::PersonId,
    keys::{Held, KeyError, Keys, version_of},
    store::{
        self,
        db::Db,
        key_use::{self, Used},
        people::Digest,
        rekey::{self, Former, Older},
    },
};

pub use crate::store::key_use::Holder;

/// How many people are sealed anew in one transaction.
const PEOPLE_AT_ONCE: i64 = 200;
/// How many digests under a retired key are forgotten in one transaction.
const DIGESTS_AT_ONCE: i64 = 2_000;
/// A service that has not told of its keys for so long does not run.
pub const HOLDER_LIVES: time::Duration = time::Duration::seconds(10);
/// How many beats lie between two looks over everybody, when at the last nobody was left.
const LOOK_EVERY: u32 = 15;

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// It is not the time for it, or the file does not allow it.
    #[error("{0}")]
    Keys(#[from] KeyError),
    /// The database.
    #[error("the database could not be asked: {0}")]
    Database(#[from] sqlx::Error),
}

/// How far a change of keys has come.
#[derive(Debug)]
pub struct Progress {
    /// The services that run.
    pub holders: Vec<Holder>,
    /// How many people are not wholly under the current version.
    pub people_left: i64,
}

/// Notes which keys a service has; says why it may not go on with them, if so. Under the lock of
/// the steps of a rotation, so that a service begins before or after each of them.
pub async fn report(db: &Db, keys: &Keys) -> Result<Option<String>, sqlx::Error> {
    let at = db.time().await?;
    let held = keys.held();
    let mut transaction = db.begin_write().await?;
    key_use::lock(&mut transaction).await?;
    let holder = Holder { current: held.current, versions: held.versions.clone() };
    let since = at - HOLDER_LIVES;
    key_use::report(&mut transaction, keys.holder_id(), &holder, at, since).await?;
    let used = key_use::used(&mut transaction).await?;
    transaction.commit().await?;
    let (retired, in_use) = key_use::by_state(&used);
    Ok(held.unfit(&in_use, &retired))
}

/// A service that ends is not waited for.
pub async fn leave(db: &Db, keys: &Keys) -> Result<(), sqlx::Error> {
    let mut transaction = db.begin_write().await?;
    key_use::leave(&mut transaction, keys.holder_id()).await?;
    transaction.commit().await
}

/// How far it has come.
pub async fn progress(db: &Db, version: i32) -> Result<Progress, sqlx::Error> {
    let holders = holders(db).await?;
    let mut transaction = db.begin_audit().await?;
    let people_left = rekey::count_left(&mut transaction, version).await?;
    transaction.rollback().await?;
    Ok(Progress { holders, people_left })
}

/// The services that run.
pub async fn holders(db: &Db) -> Result<Vec<Holder>, sqlx::Error> {
    let since = db.time().await? - HOLDER_LIVES;
    let mut transaction = db.begin_audit().await?;
    let holders = key_use::holders(&mut transaction, since).await?;
    transaction.rollback().await?;
    Ok(holders)
}

/// Notes that a version is written under from now on, if every service that runs knows it.
pub async fn begin_use(db: &Db, version: i32) -> Result<(), RotationError> {
    let since = db.time().await? - HOLDER_LIVES;
    let mut transaction = db.begin_write().await?;
    key_use::lock(&mut transaction).await?;
    let holders = key_use::holders(&mut transaction, since).await?;
    let knowing = holders.iter().filter(|holder| holder.versions.contains(&version)).count();
    if knowing < holders.len() {
        return Err(KeyError::Step(format!(
            "{knowing} of {} running services know key version {version}: copy the key file to \
             the others, they read it again every few seconds",
            holders.len()
        ))
        .into());
    }
    key_use::note(&mut transaction, Used { version, retired: false }).await?;
    Ok(transaction.commit().await?)
}

/// Notes that nobody may write under the versions before the current one any more, if nobody
/// needs them.
pub async fn begin_retirement(db: &Db, held: &Held) -> Result<(), RotationError> {
    let Progress { people_left, .. } = progress(db, held.current).await?;
    let since: OffsetDateTime = db.time().await? - HOLDER_LIVES;
    let mut transaction = db.begin_write().await?;
    key_use::lock(&mut transaction).await?;
    let holders = key_use::holders(&mut transaction, since).await?;
    let using = holders.iter().filter(|holder| holder.current == held.current).count();
    if using < holders.len() {
        return Err(KeyError::Step(format!(
            "{using} of {} running services use key version {}: copy the key file to the others, \
             they read it again every few seconds",
            holders.len(),
            held.current
        ))
        .into());
    }
    if people_left > 0 {
        return Err(KeyError::Step(format!(
            "{people_left} people are not yet under key version {}: the running services see to \
             it, `keys rotate` waits for them",
            held.current
        ))
        .into());
    }
    key_use::note(&mut transaction, Used { version: held.current, retired: false }).await?;
    for version in held.older() {
        key_use::note(&mut transaction, Used { version, retired: true }).await?;
    }
    Ok(transaction.commit().await?)
}

/// What became of a page.
#[derive(Debug, Default)]
pub struct Page {
    /// How many people were sealed anew.
    pub sealed: usize,
    /// Those of whom something did not open.
    pub failed: Vec<PersonId>,
    /// Where to go on; `None` at the end.
    pub next: Option<PersonId>,
}

/// Seals a page of people anew under the current key: identity and former numbers, the wrapping of
/// the data key, and a digest of each number. What their key has sealed stays as it is. Nothing
/// goes back: what is under a newer version already is left alone.
pub async fn seal_page(db: &Db, keys: &Keys, after: Option<PersonId>) -> Result<Page, sqlx::Error> {
    let version = keys.held().current;
    let mut transaction = db.begin_write().await?;
    let found = rekey::older(&mut transaction, version, after, PEOPLE_AT_ONCE).await?;
    let full = i64::try_from(found.len()).is_ok_and(|count| count == PEOPLE_AT_ONCE);
    let next = found.last().map(|person| person.person_id).filter(|_| full);
    let ids: Vec<PersonId> = found.iter().map(|person| person.person_id).collect();
    let formers = rekey::formers(&mut transaction, &ids).await?;
    let mut sheet = Sheet::default();
    let mut failed = Vec::new();
    for person in &found {
        let own = formers.iter().filter(|former| former.person_id == person.person_id);
        if sheet.add(keys, version, person, own).is_err() {
            failed.push(person.person_id);
        }
    }
    rekey::replace(&mut transaction, &sheet.people).await?;
    rekey::replace_formers(&mut transaction, &sheet.formers).await?;
    store::people::add_digests(&mut transaction, sheet.digests).await?;
    transaction.commit().await?;
    Ok(Page { sealed: sheet.people.len(), failed, next })
}

/// What is to be written of a page.
#[derive(Default)]
struct Sheet {
    people: Vec<Older>,
    formers: Vec<Former>,
    digests: Vec<(Digest, PersonId)>,
}

impl Sheet {
    fn add<'a>(
        &mut self,
        keys: &Keys,
        version: i32,
        person: &Older,
        formers: impl Iterator<Item = &'a Former>,
    ) -> Result<(), KeyError> {
        let id = person.person_id;
        let is_older = |sealed: &[u8]| version_of(sealed).is_some_and(|of| of < version);
        let mut digests = Vec::new();
        let mut seal = |sealed: &[u8]| {
            let number = keys.open_identity(sealed, id.0)?;
            digests.push((keys.identity_hmac(&number), id));
            if is_older(sealed) { keys.seal_identity(&number, id.0) } else { Ok(sealed.to_vec()) }
        };
        let identity = seal(&person.identity)?;
        let formers: Result<Vec<Former>, KeyError> =
            formers.map(|f| Ok(Former { identity: seal(&f.identity)?, ..*f })).collect();
        let formers = formers?;
        let data_key = if is_older(&person.data_key) {
            keys.rewrap_data_key(&person.data_key, id.0)?
        } else {
            person.data_key.clone()
        };
        self.people.push(Older { person_id: id, identity, data_key });
        self.formers.extend(formers);
        self.digests.append(&mut digests);
        Ok(())
    }
}

/// What a service does for its keys, beat by beat.
#[derive(Debug, Default)]
pub struct Beats {
    count: u32,
    after: Option<PersonId>,
    /// Whether there was somebody to seal anew at the last look.
    go_on: bool,
    /// What has been told, so that it is told once.
    told: BTreeSet<String>,
}

/// How often a service reads its key file again and tells which keys it has.
pub const BEAT: Duration = Duration::from_secs(2);

impl Beats {
    /// Reads the key file again, tells which keys there are, and does a piece of what is to be
    /// done under them.
    pub async fn next(&mut self, db: &Db, keys: &Arc<Keys>) -> Result<(), sqlx::Error> {
        let again = Arc::clone(keys);
        let read = tokio::task::spawn_blocking(move || again.reload()).await;
        match read.unwrap_or(Ok(false)) {
            Ok(true) => {
                let Held { current, versions, retired } = keys.held();
                tracing::info!(current, ?versions, ?retired, "the key file was read again");
                self.told.clear();
                self.go_on = true;
            }
            Ok(false) => {}
            Err(error) => self.tell_once(error.to_string()),
        }
        if let Some(why) = report(db, keys).await? {
            self.tell_once(format!("this service has not the newest key file: {why}"));
        }
        let look = self.go_on || self.count.is_multiple_of(LOOK_EVERY);
        self.count = self.count.wrapping_add(1);
        let held = keys.held();
        if look && !held.older().is_empty() {
            self.seal_some(db, keys).await?;
        }
        if look && !held.retired.is_empty() {
            self.forget_some(db, &held).await?;
        }
        Ok(())
    }

    async fn seal_some(&mut self, db: &Db, keys: &Keys) -> Result<(), sqlx::Error> {
        let page = seal_page(db, keys, self.after).await?;
        for person in page.failed {
            self.tell_once(format!("person {person}: what is sealed does not open"));
        }
        // After the last page everybody is looked at once more: somebody was skipped, or has
        // come in under the old key meanwhile.
        self.go_on = page.sealed > 0 || self.after.is_some();
        self.after = page.next;
        Ok(())
    }

    async fn forget_some(&mut self, db: &Db, held: &Held) -> Result<(), sqlx::Error> {
        let mut transaction = db.begin_write().await?;
        let used = key_use::used(&mut transaction).await?;
        let gone =
            used.iter().filter(|used| used.retired && !held.versions.contains(&used.version));
        let mut forgotten = 0;
        for Used { version, .. } in gone {
            forgotten += rekey::forget_digests(&mut transaction, *version, DIGESTS_AT_ONCE).await?;
        }
        transaction.commit().await?;
        self.go_on |= forgotten > 0;
        Ok(())
    }

    fn tell_once(&mut self, what: String) {
        if !self.told.contains(&what) {
            tracing::error!(what, "the keys need somebody to look at them");
            self.told.insert(what);
        }
    }
}
