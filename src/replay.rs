//! A ledger made again from its log, row by row: every hash checked, every decision made
//! anew from what it recorded (I7). `verify` folds each log whole; an explanation folds one
//! up to the decision it is about.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use sqlx::PgConnection;

use crate::{
    domain::{
        account::AccountKey,
        event::{Event, Header, OfferChange, Payload, PlacementChange, RULES_VERSION},
        ids::{IdSource, LedgerId, PlaceGroupId},
        ledger::{Context, Head, Ledger, apply, decide},
        log_chain::{payload_digest, row_hash},
        measure::Distribution,
        registry::{Registry, RegistryRow},
    },
    store::{self, log::LogRow},
};

/// How many log rows are read at once.
const PAGE: i64 = 500;
/// What the payload of a row in which a run is made has in it.
const RUN_MADE: &[u8] = br#""RUN_MADE""#;

/// Why a log could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It could not be read.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// A row is not what it must be.
    #[error("log row {seq}: {problem}")]
    Wrong {
        /// Which.
        seq: u64,
        /// What is wrong with it.
        problem: String,
    },
}

/// A ledger as far as its log has been folded.
pub struct Fold {
    ledger: Ledger,
    read: VecDeque<LogRow>,
}

impl Fold {
    /// Before the first row.
    pub fn new(id: &LedgerId, registries: &mut Registries) -> Self {
        let distribution = registries.last().ledger_distribution(id);
        let distribution = distribution.unwrap_or(Distribution::CountyPool);
        let ledger = Ledger::new(id.clone(), distribution, Head::EMPTY);
        Self { ledger, read: VecDeque::new() }
    }

    /// Checks the next row and lets it happen; `None` at the end of the log.
    pub async fn next(
        &mut self,
        connection: &mut PgConnection,
        registries: &mut Registries,
    ) -> Result<Option<(Header, Payload)>, ReplayError> {
        self.read_on(connection).await?;
        let Some(row) = self.read.pop_front() else { return Ok(None) };
        let replayed = replay(&mut self.ledger, &row, registries);
        replayed.map(Some).map_err(|problem| ReplayError::Wrong { seq: row.seq, problem })
    }

    /// Whether a run is made in the next row; it is not checked for that, nor let happen.
    pub async fn run_is_next(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<bool, ReplayError> {
        self.read_on(connection).await?;
        let is_run = |row: &LogRow| row.payload.windows(RUN_MADE.len()).any(|w| w == RUN_MADE);
        Ok(self.read.front().is_some_and(is_run))
    }

    async fn read_on(&mut self, connection: &mut PgConnection) -> Result<(), ReplayError> {
        if self.read.is_empty() {
            let (id, after) = (self.ledger.id(), self.ledger.head().seq);
            self.read = store::log::page(connection, id, after, PAGE).await?.into();
        }
        Ok(())
    }

    /// The state as of the last row.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The same, when the fold is done.
    pub fn into_ledger(self) -> Ledger {
        self.ledger
    }
}

/// The registry's versions, as its log makes them: what each brought, and one of them whole.
/// A ledger's rows name versions that only rise, so that one is carried on and seldom begun
/// anew.
#[derive(Default)]
pub struct Registries {
    brought: BTreeMap<u64, Vec<RegistryRow>>,
    whole: Arc<Registry>,
}

impl Registries {
    /// Every row of every version: version, kind, natural key.
    pub fn rows(&self) -> BTreeMap<(u64, String, String), RegistryRow> {
        let each = self.brought.iter().flat_map(|(version, rows)| {
            rows.iter().map(|row| {
                let (kind, key) = row.key();
                ((*version, kind.as_str().to_owned(), key), row.clone())
            })
        });
        each.collect()
    }

    /// The registry of a version.
    pub fn at(&mut self, version: u64) -> Option<Arc<Registry>> {
        if version != 0 && !self.brought.contains_key(&version) {
            return None;
        }
        if version < self.whole.version {
            self.whole = Arc::default();
        }
        let next = self.whole.version + 1;
        if next <= version {
            let whole = Arc::make_mut(&mut self.whole);
            for (version, rows) in self.brought.range(next..=version) {
                whole.apply(*version, rows);
            }
        }
        Some(Arc::clone(&self.whole))
    }

    fn last(&mut self) -> Arc<Registry> {
        let last = self.brought.last_key_value().map_or(0, |(version, _)| *version);
        self.at(last).unwrap_or_default()
    }

    fn add(&mut self, version: u64, event: &Event) {
        if let Some(rows) = event.registry_rows() {
            self.brought.insert(version, rows);
        }
    }
}

/// Checks one row of a log against the state before it (I7), and lets it happen.
fn replay(
    ledger: &mut Ledger,
    row: &LogRow,
    registries: &mut Registries,
) -> Result<(Header, Payload), String> {
    let head = ledger.head();
    if row.prev_hash != head.hash {
        return Err("does not follow the row before it".to_owned());
    }
    if row.hash != row_hash(&row.prev_hash, &row.header, &payload_digest(&row.payload)) {
        return Err("its hash is not that of its bytes".to_owned());
    }
    let header: Header = serde_json::from_slice(&row.header).map_err(|e| e.to_string())?;
    let payload: Payload = serde_json::from_slice(&row.payload).map_err(|e| e.to_string())?;
    check_header(ledger, row, &header, head)?;
    let registry = registries
        .at(header.registry_version)
        .ok_or_else(|| format!("there is no registry version {}", header.registry_version))?;
    let seed = hex::decode(&payload.id_seed).ok().and_then(|seed| seed.try_into().ok());
    let mut ids = IdSource::new(seed.ok_or("its id seed is malformed")?, header.at);
    let rules = header.rules_version;
    let context = Context { at: header.at, registry: &registry, actor: &header.actor, rules };
    let decided = decide(ledger, &payload.command, &context, &mut ids)
        .map_err(|stop| format!("would be refused today: {stop:?}"))?;
    if decided != payload.events {
        return Err("its decision recomputes to something else".to_owned());
    }
    for event in &payload.events {
        registries.add(row.seq, event);
        apply(ledger, event);
        if let Some((group, account)) = newly_given(event) {
            let group = AccountKey::PlaceGroup(group);
            if ledger.account(&group).over() > 0 || ledger.account(account).over() > 0 {
                return Err("I1/I2: it gives what is not free".to_owned());
            }
        }
    }
    ledger.advance(row.hash, row.at);
    Ok((header, payload))
}

/// What an event gives that was nobody's before: a place that is proposed, one that is begun
/// in without an offer, or one that a correction gives back.
fn newly_given(event: &Event) -> Option<(PlaceGroupId, &AccountKey)> {
    if let Event::Proposed { offer } = event {
        Some((offer.place_group_id, &offer.account))
    } else if let Event::OfferChanged { offer, change: OfferChange::Reinstated } = event {
        Some((offer.place_group_id, &offer.account))
    } else if let Event::PlacementChanged {
        placement,
        change: PlacementChange::StartedDirectly | PlacementChange::Reinstated,
    } = event
    {
        Some((placement.place_group_id, &placement.account))
    } else {
        None
    }
}

fn check_header(ledger: &Ledger, row: &LogRow, header: &Header, head: Head) -> Result<(), String> {
    let columns_agree = header.seq == row.seq
        && header.request_id == row.request_id
        && header.kind == row.kind
        && header.at == row.at
        && header.ledger == *ledger.id();
    if !columns_agree {
        return Err("its header is not that of the row".to_owned());
    }
    if header.seq != head.seq + 1 {
        return Err(format!("follows {}: there is a gap", head.seq));
    }
    if header.at <= head.at {
        return Err("is not later than the row before it".to_owned());
    }
    if !(1..=RULES_VERSION).contains(&header.rules_version) {
        return Err(format!("was decided by unknown rules, version {}", header.rules_version));
    }
    Ok(())
}
