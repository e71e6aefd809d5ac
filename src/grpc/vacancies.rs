//! `ListVacancies`: what stands empty, for how long, and why.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::{
    domain::{
        account::AccountKey,
        allocation::RunRules,
        capacity::PlaceGroup,
        event::RULES_VERSION,
        ids::{LedgerId, OrganisationNumber},
        ledger::Ledger,
        refusal::Stop,
        registry::Registry,
        vacancy::{Block, Changes, Outlook, Standing, open_queues, outlook, standing},
        waitlist::{Entry, OrderKey, QueueKey},
    },
    error::Error,
    grpc::{Reader, answer, area_of, lending, parse::Violations, require_ledger},
    proto::v1::{
        ListVacanciesRequest, ListVacanciesResponse, PlaceVacancy, QuotaVacancy, VacancyBlock,
    },
    store,
};

/// How many of those who wait are walked past at most, as the proto says.
const WALKED_MAX: usize = 20_000;
/// How many are read at first; each time they do not tell, so many times as many.
const READ_AT_FIRST: usize = 500;
const READ_MORE: usize = 4;

/// What `ListVacancies` asks for.
pub(super) struct VacanciesQuery {
    ledger: LedgerId,
    organisation_number: Option<OrganisationNumber>,
    only_idle: bool,
    at_least_seq: u64,
}

pub(super) fn parse(r: &ListVacanciesRequest) -> Result<VacanciesQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let organisation_number = v.optional_value("organisation_number", &r.organisation_number);
    let at_least_seq = r.at_least_seq;
    let parsed = (|| {
        let (ledger, organisation_number) = (ledger?, organisation_number?);
        let only_idle = r.only_idle;
        Some(VacanciesQuery { ledger, organisation_number, only_idle, at_least_seq })
    })();
    v.finish(parsed)
}

/// Figures only. A provider's places alone are shown where one is asked for; what keeps
/// them is found by a run over the whole ledger all the same.
pub(super) async fn vacancies(
    reader: Reader,
    query: VacanciesQuery,
) -> Result<ListVacanciesResponse, Error> {
    let id = &query.ledger;
    let _place = reader.heavy_place().await?;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    require_ledger(id, &registry)?;
    let Some(ledger) = store::ledger::find(&mut snapshot, id).await? else {
        let revisions = vec![answer::revision(id, 0)];
        return Ok(ListVacanciesResponse { revisions, ..ListVacanciesResponse::default() });
    };
    let today = reader.app.clock.now().date_in_norway();
    let measure = registry.ledger_measure_on(id, today);
    let rules = RunRules::of(measure, RULES_VERSION);
    let idle_days = measure.and_then(|measure| measure.rules.idle_days);
    let (ledger, outlook) = dry_run(&mut snapshot, ledger, rules).await?;
    let shown = Shown::of(&ledger, query.organisation_number.as_ref());
    let keys: Vec<&AccountKey> = shown.groups.keys().chain(&shown.second_accounts).collect();
    let used = store::vacancies::changes_of_use(&mut snapshot, id, &keys).await?;
    snapshot.rollback().await?;
    let since =
        |key: &AccountKey| standing(&ledger, key, used.get(key).unwrap_or(&Changes::new()), today);
    let mut groups: Vec<(&PlaceGroup, Standing)> =
        shown.groups.iter().filter_map(|(key, group)| Some((*group, since(key)?))).collect();
    groups.sort_by_key(|(group, standing)| {
        (standing.since, &group.organisation_number, &group.name, group.place_group_id)
    });
    let is_asked_for = |is_idle: bool| is_idle || !query.only_idle;
    let places = groups.iter().map(|(group, standing)| {
        let is_idle = standing.is_idle(idle_days);
        PlaceVacancy { is_idle, ..place(group, standing, &ledger, &outlook, &registry) }
    });
    let quotas = shown.second_accounts.iter().filter_map(|key| {
        let standing = since(key)?;
        let is_idle = standing.is_idle(idle_days);
        Some(QuotaVacancy { is_idle, ..quota(key, &standing, &ledger, &outlook, today) })
    });
    Ok(ListVacanciesResponse {
        revisions: vec![answer::revision(id, ledger.head().seq)],
        places: places.filter(|place| is_asked_for(place.is_idle)).collect(),
        quotas: quotas.filter(|quota| is_asked_for(quota.is_idle)).collect(),
    })
}

/// The accounts with something free.
struct Shown<'a> {
    groups: BTreeMap<AccountKey, &'a PlaceGroup>,
    second_accounts: Vec<AccountKey>,
}

impl<'a> Shown<'a> {
    fn of(ledger: &'a Ledger, only: Option<&OrganisationNumber>) -> Self {
        let groups = ledger
            .place_groups()
            .filter(|group| only.is_none_or(|number| group.organisation_number == *number))
            .map(|group| (AccountKey::PlaceGroup(group.place_group_id), group))
            .filter(|(key, _)| ledger.account(key).free() > 0);
        let second_accounts =
            ledger.second_accounts().filter(|(_, a)| a.free() > 0).map(|(key, _)| key.clone());
        Self { groups: groups.collect(), second_accounts: second_accounts.collect() }
    }
}

/// A run over those who wait, read on until they tell or are too many.
async fn dry_run(
    connection: &mut PgConnection,
    mut ledger: Ledger,
    rules: RunRules,
) -> Result<(Ledger, Outlook), Error> {
    let id = ledger.id().clone();
    let queues = open_queues(&ledger);
    let mut found;
    (ledger, found) = run(ledger, queues.is_empty(), rules).await?;
    let (mut after, mut walked, mut step) = (OrderKey::MIN, 0, READ_AT_FIRST);
    while !found.is_settled() && walked < WALKED_MAX {
        let most = step.min(WALKED_MAX - walked);
        // One more tells whether they are all.
        let limit = i64::try_from(most + 1).unwrap_or(i64::MAX);
        let mut read =
            store::vacancies::next_waiting(connection, &id, &queues, after, limit).await?;
        let everyone = read.len() <= most;
        read.truncate(most);
        after = read.last().map_or(after, |entry| entry.key);
        walked += read.len();
        step *= READ_MORE;
        load(&mut ledger, read);
        (ledger, found) = run(ledger, everyone, rules).await?;
    }
    Ok((ledger, found))
}

/// Each queue counts as whole: whoever stands behind those that were read is, to this
/// run, not there yet.
fn load(ledger: &mut Ledger, entries: Vec<Entry>) {
    let mut heads: BTreeMap<QueueKey, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        heads.entry(ledger.queue_of(&entry)).or_default().push(entry);
    }
    for (key, entries) in heads {
        ledger.load_queue(key.clone(), OrderKey::MIN);
        ledger.load_heads(&key, entries, true);
    }
}

/// Where it may take its time without holding others up.
async fn run(ledger: Ledger, everyone: bool, rules: RunRules) -> Result<(Ledger, Outlook), Error> {
    let run = tokio::task::spawn_blocking(move || {
        let found = outlook(&ledger, everyone, rules);
        (ledger, found)
    });
    let (ledger, found) = run.await.map_err(|_| Error::Internal("a panic".to_owned()))?;
    match found {
        Ok(found) => Ok((ledger, found)),
        Err(Stop::Refused(refusal)) => Err(refusal.into()),
        Err(Stop::NeedMore(queue)) => {
            Err(Error::Internal(format!("queue {queue:?} was not loaded as a whole")))
        }
    }
}

fn place(
    group: &PlaceGroup,
    standing: &Standing,
    ledger: &Ledger,
    outlook: &Outlook,
    registry: &Registry,
) -> PlaceVacancy {
    let key = AccountKey::PlaceGroup(group.place_group_id);
    let (allocable_percent, block) = outlook.of(&key);
    let provider = registry.provider(&group.organisation_number);
    PlaceVacancy {
        place_group_id: group.place_group_id.to_string(),
        organisation_number: group.organisation_number.to_string(),
        provider_name: provider.map(|p| p.name.clone()).unwrap_or_default(),
        name: group.name.clone(),
        site_municipality_number: group.site_municipality_number.to_string(),
        free_percent: ledger.account(&key).free(),
        allocable_percent,
        block: vacancy_block(block).into(),
        empty_since_date: Some(answer::date(standing.since)),
        days_empty: standing.days,
        place_days_empty: standing.place_days,
        is_idle: false,
    }
}

fn quota(
    key: &AccountKey,
    standing: &Standing,
    ledger: &Ledger,
    outlook: &Outlook,
    today: time::Date,
) -> QuotaVacancy {
    let (allocable_percent, block) = outlook.of(key);
    QuotaVacancy {
        municipality_number: answer::account_municipality(key),
        free_percent: ledger.account(key).free(),
        allocable_percent,
        block: vacancy_block(block).into(),
        empty_since_date: Some(answer::date(standing.since)),
        days_empty: standing.days,
        is_idle: false,
        lending: lending::lent_on(ledger.frame(), key, today),
    }
}

fn vacancy_block(block: Block) -> VacancyBlock {
    match block {
        Block::None => VacancyBlock::None,
        Block::NoQuota => VacancyBlock::NoQuota,
        Block::NoPlace => VacancyBlock::NoPlace,
        Block::NobodyWaits => VacancyBlock::NobodyWaits,
        Block::NobodyAccepts => VacancyBlock::NobodyAccepts,
        Block::NotDetermined => VacancyBlock::NotDetermined,
        Block::Closed => VacancyBlock::Closed,
        Block::ReservedForAnother => VacancyBlock::ReservedForAnother,
    }
}
