//! Life goes on: people leave when it was drawn that they do, others join, and whoever is first in
//! the queue gets the place, in the municipality whose it is by then.

use futures::future::try_join_all;
use time::{Date, Duration, OffsetDateTime};

use crate::{
    cli::{
        Failure,
        demo::{
            plans::{
                field::{Account, Field, Leaver, Places, WHOLE, places},
                proposal::state,
                years,
            },
            stage::{Caller, Stage, missing, pb_date, refused, request_id, together},
        },
    },
    domain::{access::Role, national_identity::NationalIdentityNumber},
    proto::v1::{
        AllocatePlacesRequest, ConfirmProposalsRequest, EndPlacementRequest, JoinWaitlistRequest,
        Offer, OfferAnswer, Placement, PlacementOutcome, RespondToOfferRequest,
        StartPlacementRequest,
    },
};

/// Half a place.
const HALF: u32 = 50;
/// The most that one run may propose.
const PROPOSALS_MAX: u32 = 500;
/// What the placements lead to, in turn.
const OUTCOMES: [PlacementOutcome; 4] = [
    PlacementOutcome::OrdinaryWork,
    PlacementOutcome::PermanentIncomeSecurity,
    PlacementOutcome::Education,
    PlacementOutcome::Other,
];

/// Lets time pass, a step at a time, until everybody has arrived; the ledgers live side by side.
pub(super) async fn go_on(
    stage: &mut Stage,
    fields: &mut [Field],
    step: Duration,
) -> Result<(), Failure> {
    let begun = stage.now();
    let mut steps = 0;
    while fields.iter().any(|field| !field.has_arrived()) {
        steps += 1;
        let now = begun + step * steps;
        stage.wait_until(now).await?;
        let stage = &*stage;
        let alive = fields.iter_mut().filter(|field| !field.has_arrived());
        try_join_all(alive.map(|field| async move {
            let area = field.county();
            let county = stage.desk.caller(Role::County, &area, "county-allocator")?;
            field.live(&county, now).await
        }))
        .await?;
    }
    Ok(())
}

impl Field {
    fn county(&self) -> String {
        self.ledger.county_id.clone()
    }

    /// Whoever is to leave until now leaves, and their places are given to others.
    async fn live(&mut self, county: &Caller, now: OffsetDateTime) -> Result<(), Failure> {
        let mut anybody = false;
        while !self.has_arrived() {
            let Some(one) = self.next_leaver(now) else { break };
            self.leave(county, one, now.date()).await?;
            anybody = true;
        }
        if anybody {
            let places = places(county, &self.ledger).await?;
            self.compare(&places);
            self.fill(county, now).await?;
        }
        self.note_year(county, now).await
    }

    /// How far the plan says that it has come, at the end of each of its years.
    async fn note_year(&mut self, county: &Caller, now: OffsetDateTime) -> Result<(), Failure> {
        let over = years(now - self.begun) + 1e-6;
        while over >= f64::from(u32::try_from(self.seen.by_year.len() + 1)?) {
            let moved = self.plan(county).await?.moved_places;
            self.seen.by_year.push(moved);
        }
        Ok(())
    }

    /// One leaves. Where that frees a whole place of a municipality above its target, the place is
    /// to be another's from then on.
    async fn leave(&mut self, county: &Caller, one: Leaver, today: Date) -> Result<(), Failure> {
        let target = self.target(&one.municipality_number) * WHOLE;
        let number = &one.municipality_number;
        let account = self.accounts.get_mut(number).ok_or_else(|| missing(number))?;
        let free = account.free + i64::from(one.percent);
        let frees_one = free / WHOLE > account.free / WHOLE;
        account.free = free;
        let moves = frees_one && account.total > target;
        if moves {
            account.free -= WHOLE;
            account.total -= WHOLE;
        }
        let is_last = moves && self.seen.over.len() as u64 + 1 == self.distance;
        if is_last {
            let plan = self.plan(county).await?;
            self.seen.before_last = format!("{}, {} to go", state(&plan), plan.remaining_places);
        }
        self.end(county, &one, today).await?;
        self.seen.left.insert(one.placement_id);
        if moves {
            self.seen.over.push(one.at);
        }
        if is_last {
            let plan = self.plan(county).await?;
            self.seen.after_last = format!("{}, {} to go", state(&plan), plan.remaining_places);
        }
        Ok(())
    }

    async fn end(&self, county: &Caller, one: &Leaver, today: Date) -> Result<(), Failure> {
        let request = EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            placement_id: one.placement_id.clone(),
            end_date: Some(pb_date(today)),
            outcome: OUTCOMES[self.seen.left.len() % OUTCOMES.len()].into(),
            ..EndPlacementRequest::default()
        };
        let answer = county.allocation().end_placement(request).await;
        answer.map_err(refused("EndPlacement"))?;
        Ok(())
    }

    /// Holds the quotas to what is to be: whoever is above the target has given what it was to
    /// give, whoever is below has lost nothing, and the sum is the same.
    fn compare(&mut self, places: &Places) {
        let sum = |accounts: &mut dyn Iterator<Item = &Account>| -> i64 {
            accounts.map(|account| account.total).sum()
        };
        let budget: i64 = self.at_start.values().sum::<i64>() * WHOLE;
        let mut unlike = u32::from(sum(&mut places.accounts.values()) != budget);
        for (number, account) in &places.accounts {
            let Some(before) = self.accounts.get(number) else { continue };
            let target = self.target(number) * WHOLE;
            if account.total < target && account.total < before.total {
                self.seen.below += 1;
            }
            let may_get = before.total < target;
            let is_as_expected = account == before
                || may_get && account.total > before.total && account.total <= target;
            unlike += u32::from(!is_as_expected);
        }
        self.seen.unlike += unlike;
        self.accounts.clone_from(&places.accounts);
    }

    /// People join wherever a place is free, and those first in the queue begin.
    pub(super) async fn fill(
        &mut self,
        county: &Caller,
        now: OffsetDateTime,
    ) -> Result<(), Failure> {
        let joiners = self.joiners();
        together(joiners.into_iter().map(|joiner| self.join(county, joiner))).await?;
        let mut started = self.begin_places(county, now).await?;
        // In which order the answers came must not count.
        started.sort_by_key(|one| (one.municipality_number.clone(), one.participation_percent));
        for one in started {
            let key = (one.municipality_number.clone(), one.participation_percent);
            if let Some(waiting) = self.waiting.get_mut(&key) {
                *waiting = waiting.saturating_sub(1);
            }
            if let Some(account) = self.accounts.get_mut(&one.municipality_number) {
                account.free -= i64::from(one.participation_percent);
            }
            self.draw(one, now)?;
        }
        Ok(())
    }

    /// Who joins, with a number and a share each: as many as places are free, less those who have
    /// joined and still wait. Where places are shared, every other one is shared by two, but not
    /// above the target: there half a place waits for its other half, to go where it is due.
    fn joiners(&mut self) -> Vec<(u32, String, u32)> {
        let mut wanted: Vec<(String, u32)> = Vec::new();
        for (number, account) in &self.accounts {
            let is_over = account.total > self.target(number) * WHOLE;
            let shares = self.ways.halves && !is_over;
            for place in 0..account.free.max(0) / WHOLE {
                let is_shared = shares && (account.total / WHOLE + place) % 2 == 0;
                let whole = (number.clone(), 100);
                let half = (number.clone(), HALF);
                wanted.extend(if is_shared { vec![half.clone(), half] } else { vec![whole] });
            }
            if shares && account.free % WHOLE >= i64::from(HALF) {
                wanted.push((number.clone(), HALF));
            }
        }
        let mut still = self.waiting.clone();
        wanted.retain(|key| match still.get_mut(key) {
            Some(waiting) if *waiting > 0 => {
                *waiting -= 1;
                false
            }
            _ => true,
        });
        let first = self.next_person;
        let joiners: Vec<(u32, String, u32)> = (first..)
            .zip(wanted)
            .map(|(person, (number, share))| (person, number, share))
            .collect();
        for (person, number, share) in &joiners {
            *self.waiting.entry((number.clone(), *share)).or_default() += 1;
            self.next_person = person + 1;
        }
        joiners
    }

    async fn join(
        &self,
        county: &Caller,
        (person, number, percent): (u32, String, u32),
    ) -> Result<(), Failure> {
        let office = self.offices.get(&number).ok_or_else(|| missing("an office"))?;
        let request = JoinWaitlistRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            national_identity_number: NationalIdentityNumber::synthetic(person).expose().to_owned(),
            following_office_number: office.clone(),
            municipality_number: number,
            participation_percent: percent,
            ..JoinWaitlistRequest::default()
        };
        let answer = county.waitlist().join_waitlist(request).await;
        answer.map_err(refused("JoinWaitlist"))?;
        Ok(())
    }

    /// What is free is proposed, confirmed, accepted and begun.
    async fn begin_places(
        &self,
        county: &Caller,
        now: OffsetDateTime,
    ) -> Result<Vec<Placement>, Failure> {
        let request = AllocatePlacesRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            max_proposals: PROPOSALS_MAX,
            ..AllocatePlacesRequest::default()
        };
        let answer = county.allocation().allocate_places(request).await;
        let proposals = answer.map_err(refused("AllocatePlaces"))?.into_inner().proposals;
        if proposals.is_empty() {
            return Ok(Vec::new());
        }
        self.begin_proposed(county, &proposals, now).await
    }

    /// What is proposed is confirmed, accepted and begun.
    async fn begin_proposed(
        &self,
        county: &Caller,
        proposals: &[Offer],
        now: OffsetDateTime,
    ) -> Result<Vec<Placement>, Failure> {
        let request = ConfirmProposalsRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_ids: proposals.iter().map(|offer| offer.offer_id.clone()).collect(),
            ..ConfirmProposalsRequest::default()
        };
        let answer = county.allocation().confirm_proposals(request).await;
        let offers = answer.map_err(refused("ConfirmProposals"))?.into_inner().offers;
        together(offers.iter().map(|offer| self.accept(county, offer))).await?;
        together(offers.iter().map(|offer| self.start(county, offer, now.date()))).await
    }

    async fn accept(&self, county: &Caller, offer: &Offer) -> Result<(), Failure> {
        let request = RespondToOfferRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: offer.offer_id.clone(),
            answer: OfferAnswer::Accept.into(),
            ..RespondToOfferRequest::default()
        };
        let answer = county.allocation().respond_to_offer(request).await;
        answer.map_err(refused("RespondToOffer"))?;
        Ok(())
    }

    async fn start(
        &self,
        county: &Caller,
        offer: &Offer,
        today: Date,
    ) -> Result<Placement, Failure> {
        let request = StartPlacementRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: offer.offer_id.clone(),
            start_date: Some(pb_date(today)),
            ..StartPlacementRequest::default()
        };
        let answer = county.allocation().start_placement(request).await;
        let answer = answer.map_err(refused("StartPlacement"))?.into_inner();
        answer.placement.ok_or_else(|| missing("the placement"))
    }
}
