//! A ledger under its plan: who uses its places, and when each of them will leave.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use time::{Duration, OffsetDateTime};

use crate::{
    cli::{
        Failure,
        demo::{
            plans::proposal,
            stage::{Caller, missing, refused},
        },
    },
    domain::simulation::Chance,
    proto::v1::{
        self as pb, GetAvailabilityRequest, ListPlacementsRequest, Placement, PlacementState,
    },
};

/// A whole place, in per cents of one.
pub(super) const WHOLE: i64 = 100;
/// The most of a page.
const PAGE_SIZE: i32 = 500;

/// How life goes on in a ledger.
#[derive(Clone, Copy)]
pub(super) struct Ways {
    /// How long a placement lasts on the average.
    pub(super) mean_stay: Duration,
    /// Whether every other place that becomes free is shared by two who wait.
    pub(super) halves: bool,
}

/// A ledger under its plan.
pub(super) struct Field {
    /// The ledger.
    pub(super) ledger: pb::Ledger,
    /// The plan that steers in it.
    pub(super) plan_id: String,
    /// How many places are to move (D).
    pub(super) distance: u64,
    /// What each municipality is entitled to.
    pub(super) targets: BTreeMap<String, i64>,
    /// What each held at first.
    pub(super) at_start: BTreeMap<String, i64>,
    /// What was to be expected of it then.
    pub(super) forecast: pb::PlanForecast,
    /// Since when it steers.
    pub(super) begun: OffsetDateTime,
    /// The office of each municipality.
    pub(super) offices: BTreeMap<String, String>,
    /// How life goes on.
    pub(super) ways: Ways,
    /// When each who uses a place will leave, the first on top.
    ahead: BinaryHeap<Reverse<Leaver>>,
    /// The quota of each municipality, as it is to be.
    pub(super) accounts: BTreeMap<String, Account>,
    /// Who has joined and not begun, by municipality and share.
    pub(super) waiting: BTreeMap<(String, u32), u32>,
    /// The number of the next made-up person.
    pub(super) next_person: u32,
    chance: Chance,
    drawn: u32,
    /// Who had left before the plan began.
    gone_before: BTreeSet<String>,
    /// What has been seen.
    pub(super) seen: Seen,
}

/// Somebody who will leave.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leaver {
    /// When.
    pub(super) at: OffsetDateTime,
    /// Where two leave at once, who was drawn first.
    drawn: u32,
    /// The placement.
    pub(super) placement_id: String,
    /// Whose quota is debited.
    pub(super) municipality_number: String,
    /// The share of a place.
    pub(super) percent: u32,
}

/// A municipality's quota, in per cents of a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    /// What it may use.
    pub(super) total: i64,
    /// What of it nobody uses.
    pub(super) free: i64,
}

/// What has been seen while a plan went on.
#[derive(Default)]
pub(super) struct Seen {
    /// The placements that were drawn to end, and did.
    pub(super) left: BTreeSet<String>,
    /// When a place became free in a municipality above its target.
    pub(super) over: Vec<OffsetDateTime>,
    /// What the plan said before the last of these.
    pub(super) before_last: String,
    /// What it said after.
    pub(super) after_last: String,
    /// How often a municipality stood below its target and lower than before.
    pub(super) below: u32,
    /// How often the quotas were other than what was to be expected.
    pub(super) unlike: u32,
    /// How many places had moved by the end of each year, as the plan said.
    pub(super) by_year: Vec<u32>,
}

/// What places there are, as the service says.
pub(super) struct Places {
    /// Each municipality's quota.
    pub(super) accounts: BTreeMap<String, Account>,
    /// The place groups: id, site, and per cents free.
    pub(super) groups: Vec<(String, String, i64)>,
}

impl Field {
    /// A ledger whose plan has just begun to steer.
    pub(super) async fn begin(
        county: &Caller,
        plan: &pb::Plan,
        offices: BTreeMap<String, String>,
        ways: Ways,
        (now, chance, next_person): (OffsetDateTime, Chance, u32),
    ) -> Result<Self, Failure> {
        let ledger = plan.ledger.clone().ok_or_else(|| missing("the plan's ledger"))?;
        let by_number = |places: fn(&pb::PlanArea) -> u32| {
            let each = plan.areas.iter();
            each.map(|area| (area.municipality_number.clone(), i64::from(places(area)))).collect()
        };
        let whole = proposal::plan(county, &ledger, &plan.plan_id).await?;
        let mut placements = placements(county, &ledger, PlacementState::Unspecified).await?;
        placements.sort_by_key(|one| (one.municipality_number.clone(), one.participation_percent));
        let gone = self::placements(county, &ledger, PlacementState::Ended).await?;
        let mut field = Self {
            plan_id: plan.plan_id.clone(),
            distance: plan.distance_places.into(),
            targets: by_number(|area| area.target_places),
            at_start: by_number(|area| area.held_at_start_places),
            forecast: whole.forecast.unwrap_or_default(),
            begun: now,
            offices,
            ways,
            ahead: BinaryHeap::new(),
            accounts: places(county, &ledger).await?.accounts,
            waiting: BTreeMap::new(),
            next_person,
            chance,
            drawn: 0,
            gone_before: gone.into_iter().map(|one| one.placement_id).collect(),
            seen: Seen::default(),
            ledger,
        };
        for placement in placements {
            field.draw(placement, now)?;
        }
        Ok(field)
    }

    /// Draws when somebody will leave who uses a place now. How long it has lasted is of no
    /// account, since a stay is exponential.
    pub(super) fn draw(&mut self, one: Placement, now: OffsetDateTime) -> Result<(), Failure> {
        let stay = self.chance.gap() * self.ways.mean_stay.as_seconds_f64();
        let stay = Duration::checked_seconds_f64(stay).ok_or("a stay beyond all time")?;
        self.drawn += 1;
        self.ahead.push(Reverse(Leaver {
            at: now.saturating_add(stay),
            drawn: self.drawn,
            placement_id: one.placement_id,
            municipality_number: one.municipality_number,
            percent: one.participation_percent,
        }));
        Ok(())
    }

    /// The next who leaves until then.
    pub(super) fn next_leaver(&mut self, until: OffsetDateTime) -> Option<Leaver> {
        let is_due = self.ahead.peek().is_some_and(|Reverse(one)| one.at <= until);
        if is_due { self.ahead.pop().map(|Reverse(one)| one) } else { None }
    }

    /// Whether all that was to move has moved.
    pub(super) fn has_arrived(&self) -> bool {
        self.seen.over.len() as u64 == self.distance
    }

    /// What a municipality is entitled to.
    pub(super) fn target(&self, number: &str) -> i64 {
        self.targets.get(number).copied().unwrap_or(0)
    }

    /// The plan as it is now.
    pub(super) async fn plan(&self, county: &Caller) -> Result<pb::Plan, Failure> {
        proposal::plan(county, &self.ledger, &self.plan_id).await
    }

    /// How many placements have ended that were not drawn to, or the other way round.
    pub(super) async fn put_out(&self, county: &Caller) -> Result<usize, Failure> {
        let ended = placements(county, &self.ledger, PlacementState::Ended).await?;
        let ended: BTreeSet<String> = ended.into_iter().map(|one| one.placement_id).collect();
        let ended = ended.difference(&self.gone_before).cloned().collect::<BTreeSet<String>>();
        Ok(ended.symmetric_difference(&self.seen.left).count())
    }
}

/// The placements of a ledger in one state; unspecified for those not yet ended.
async fn placements(
    county: &Caller,
    ledger: &pb::Ledger,
    state: PlacementState,
) -> Result<Vec<Placement>, Failure> {
    let mut request = ListPlacementsRequest {
        ledger: Some(ledger.clone()),
        state: state.into(),
        page_size: PAGE_SIZE,
        ..ListPlacementsRequest::default()
    };
    let mut all = Vec::new();
    loop {
        let page = county.allocation().list_placements(request.clone()).await;
        let page = page.map_err(refused("ListPlacements"))?.into_inner();
        all.extend(page.placements);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

/// What places a ledger has.
pub(super) async fn places(county: &Caller, ledger: &pb::Ledger) -> Result<Places, Failure> {
    let request = GetAvailabilityRequest {
        ledger: Some(ledger.clone()),
        ..GetAvailabilityRequest::default()
    };
    let answer = county.capacity().get_availability(request).await;
    let answer = answer.map_err(refused("GetAvailability"))?.into_inner();
    let accounts = answer.second_accounts.into_iter().map(|account| {
        let usage = account.usage.unwrap_or_default();
        let account_is = Account { total: usage.total_percent, free: usage.free_percent };
        (account.municipality_number, account_is)
    });
    let groups = answer.place_groups.into_iter().map(|group| {
        let free = group.usage.map_or(0, |usage| usage.free_percent);
        (group.place_group_id, group.site_municipality_number, free)
    });
    Ok(Places { accounts: accounts.collect(), groups: groups.collect() })
}
