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
    grpc::{
        Reader, answer, area_of,
        hidden::{self, PlacesShown},
        lending,
        parse::Violations,
        require_ledger,
    },
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
/// What follows from how many wait.
const PROSPECT: [&str; 2] = ["allocable_percent", "block"];
/// What follows from how much of an account is used.
const PLACE_FIGURES: [&str; 7] = [
    "free_percent",
    "allocable_percent",
    "block",
    "empty_since_date",
    "days_empty",
    "place_days_empty",
    "is_idle",
];
const QUOTA_FIGURES: [&str; 6] =
    ["free_percent", "allocable_percent", "block", "empty_since_date", "days_empty", "is_idle"];

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
    let told = hidden::places(&reader, &mut snapshot, &ledger, &registry).await?;
    let shown = Shown::of(&ledger, query.organisation_number.as_ref(), &told);
    let keys: Vec<&AccountKey> = shown.groups.keys().chain(&shown.second_accounts).collect();
    let used = store::vacancies::changes_of_use(&mut snapshot, id, &keys).await?;
    snapshot.rollback().await?;
    let since =
        |key: &AccountKey| standing(&ledger, key, used.get(key).unwrap_or(&Changes::new()), today);
    // Of what may not be told it is not told either since when: that would tell that it is free.
    let standing_told = |key: &AccountKey| {
        if told.of(key).used { since(key).map(Some) } else { Some(None) }
    };
    let mut groups: Vec<(&PlaceGroup, Option<Standing>)> = shown
        .groups
        .iter()
        .filter_map(|(key, group)| Some((*group, standing_told(key)?)))
        .collect();
    groups.sort_by_key(|(group, standing)| {
        let since = standing.map(|standing| standing.since);
        let name = (&group.organisation_number, &group.name, group.place_group_id);
        (since.is_none(), since, name)
    });
    let is_asked_for = |standing: &Option<Standing>| match standing {
        Some(standing) => standing.is_idle(idle_days) || !query.only_idle,
        None => true,
    };
    let scene = Scene { ledger: &ledger, outlook: &outlook, told: &told, idle_days, today };
    let places = groups
        .iter()
        .filter(|(_, standing)| is_asked_for(standing))
        .map(|(group, standing)| scene.place(group, standing.as_ref(), &registry));
    let quotas = shown.second_accounts.iter().filter_map(|key| {
        let standing = standing_told(key).filter(is_asked_for)?;
        Some(scene.quota(key, standing.as_ref()))
    });
    Ok(ListVacanciesResponse {
        revisions: vec![answer::revision(id, ledger.head().seq)],
        places: places.collect(),
        quotas: quotas.collect(),
    })
}

/// The accounts with something free, and those of which it may not be told whether they have.
struct Shown<'a> {
    groups: BTreeMap<AccountKey, &'a PlaceGroup>,
    second_accounts: Vec<AccountKey>,
}

impl<'a> Shown<'a> {
    fn of(ledger: &'a Ledger, only: Option<&OrganisationNumber>, told: &PlacesShown) -> Self {
        let is_shown = |key: &AccountKey| ledger.account(key).free() > 0 || !told.of(key).used;
        let groups = ledger
            .place_groups()
            .filter(|group| only.is_none_or(|number| group.organisation_number == *number))
            .map(|group| (AccountKey::PlaceGroup(group.place_group_id), group))
            .filter(|(key, _)| is_shown(key));
        let second_accounts = ledger.second_accounts().map(|(key, _)| key);
        let second_accounts = second_accounts.filter(|key| is_shown(key)).cloned();
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

/// What rows are made of.
struct Scene<'a> {
    ledger: &'a Ledger,
    outlook: &'a Outlook,
    told: &'a PlacesShown,
    idle_days: Option<u32>,
    today: time::Date,
}

impl Scene<'_> {
    fn place(
        &self,
        group: &PlaceGroup,
        standing: Option<&Standing>,
        registry: &Registry,
    ) -> PlaceVacancy {
        let key = AccountKey::PlaceGroup(group.place_group_id);
        let provider = registry.provider(&group.organisation_number);
        let named = PlaceVacancy {
            place_group_id: group.place_group_id.to_string(),
            organisation_number: group.organisation_number.to_string(),
            provider_name: provider.map(|p| p.name.clone()).unwrap_or_default(),
            name: group.name.clone(),
            site_municipality_number: group.site_municipality_number.to_string(),
            ..PlaceVacancy::default()
        };
        let Some(standing) = standing else {
            return PlaceVacancy { hidden_fields: hidden::names(&PLACE_FIGURES), ..named };
        };
        let (allocable_percent, block, hidden_fields) = self.prospect(&key);
        PlaceVacancy {
            free_percent: self.ledger.account(&key).free(),
            allocable_percent,
            block: block.into(),
            empty_since_date: Some(answer::date(standing.since)),
            days_empty: standing.days,
            place_days_empty: standing.place_days,
            is_idle: standing.is_idle(self.idle_days),
            hidden_fields,
            ..named
        }
    }

    fn quota(&self, key: &AccountKey, standing: Option<&Standing>) -> QuotaVacancy {
        let named = QuotaVacancy {
            municipality_number: answer::account_municipality(key),
            lending: lending::lent_on(self.ledger.frame(), key, self.today),
            ..QuotaVacancy::default()
        };
        let Some(standing) = standing else {
            return QuotaVacancy { hidden_fields: hidden::names(&QUOTA_FIGURES), ..named };
        };
        let (allocable_percent, block, hidden_fields) = self.prospect(key);
        QuotaVacancy {
            free_percent: self.ledger.account(key).free(),
            allocable_percent,
            block: block.into(),
            empty_since_date: Some(answer::date(standing.since)),
            days_empty: standing.days,
            is_idle: standing.is_idle(self.idle_days),
            hidden_fields,
            ..named
        }
    }

    /// What a run would propose, and what keeps the rest. It is a count of those who wait, taken
    /// together with what keeps the rest: who does not know them is told of none, and of no others.
    fn prospect(&self, key: &AccountKey) -> (i64, VacancyBlock, Vec<String>) {
        let (allocable, block) = self.outlook.of(key);
        if allocable > 0 && !self.told.sees_who_waits(key) {
            return (0, VacancyBlock::Unspecified, hidden::names(&PROSPECT));
        }
        (allocable, vacancy_block(block), Vec::new())
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
