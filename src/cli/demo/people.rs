//! Made-up people: those who use the places, and those who wait for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use time::macros::datetime;

use crate::{
    cli::{
        Failure,
        demo::{
            audit::CITY,
            capacity::PRIMA,
            page::{grouped, say, seconds},
            stage::{
                Stage, entries_in, ledger, missing, pb_date, places, refused, request_id,
                shown_date, today, together,
            },
        },
    },
    domain::national_identity::NationalIdentityNumber,
    proto::v1::{
        self as pb, AllocatePlacesRequest, ConfirmProposalsRequest, EntryState,
        GetAvailabilityResponse, JoinWaitlistRequest, OfferAnswer, PlaceGroupAvailability,
        Placement, RespondToOfferRequest, StartPlacementRequest,
    },
};

/// The most that one run may propose.
const AT_MOST: u16 = 500;
/// When those who use the places were registered: from here on, over two years.
const USERS_FROM: i64 = datetime!(2008-01-02 08:00 UTC).unix_timestamp();
/// When those who wait were registered: from here on, over two years.
const WAITING_FROM: i64 = datetime!(2009-01-02 08:00 UTC).unix_timestamp();
const TWO_YEARS: i64 = 728 * 86_400;
/// How long ago everybody is said to have begun; the service takes up to a year.
const BEGUN_DAYS_AGO: i64 = 300;

/// A person to be put on a waitlist.
pub(super) struct Wish {
    /// The measure type.
    pub(super) measure_code: String,
    /// The only acceptable place group; none means any.
    pub(super) place_group_id: Option<String>,
    /// When the person was registered, in seconds since 1970.
    pub(super) registered: i64,
}

/// A person on a waitlist.
pub(super) struct Joined {
    /// The measure type.
    pub(super) measure_code: String,
    /// The entry.
    pub(super) entry_id: String,
    /// When the person was registered, as the answer says.
    pub(super) registered_time: Option<prost_types::Timestamp>,
}

/// Times spread evenly, so that the order of a queue is plain to see.
pub(super) fn spread(from: i64, count: u32) -> impl Iterator<Item = i64> {
    let step = TWO_YEARS / i64::from(count.max(1));
    (0..i64::from(count)).map(move |n| from + n * step)
}

/// Puts people on waitlists, in the order of the wishes; the offices of Trondheim take turns.
/// The county does it, since only it may say when somebody was registered.
pub(super) async fn join(stage: &mut Stage, wishes: Vec<Wish>) -> Result<Vec<Joined>, Failure> {
    let first = stage.people;
    stage.people += u32::try_from(wishes.len())?;
    let offices = stage.audit.offices.iter().cycle();
    let calls = wishes.into_iter().zip(offices).zip(first..).map(|((wish, office), n)| {
        let request = JoinWaitlistRequest {
            request_id: request_id(),
            ledger: ledger(&wish.measure_code),
            national_identity_number: NationalIdentityNumber::synthetic(n).expose().to_owned(),
            municipality_number: CITY.to_owned(),
            following_office_number: office.number.clone(),
            preferred_place_group_ids: wish.place_group_id.into_iter().collect(),
            registered_time: Some(prost_types::Timestamp { seconds: wish.registered, nanos: 0 }),
            ..JoinWaitlistRequest::default()
        };
        let county = &stage.county;
        async move {
            let answer = county.waitlist().join_waitlist(request).await;
            let answer = answer.map_err(refused("JoinWaitlist"))?.into_inner();
            Ok(Joined {
                measure_code: wish.measure_code,
                entry_id: answer.entry_id,
                registered_time: answer.registered_time,
            })
        }
    });
    together(calls).await
}

/// Somebody for every place in Trondheim, from the waitlist to the start.
pub(super) async fn fill(stage: &mut Stage) -> Result<Vec<Placement>, Failure> {
    stage.page.heading("People take the places, one by one: from the waitlist to the start");
    say!(
        "{:<10} {:>7} {:>9} {:>8} {:>8} {:>8} {:>7} {:>5}",
        "",
        "joined",
        "proposed",
        "offered",
        "said yes",
        "started",
        "in use",
        "free"
    );
    let clock = Instant::now();
    let (mut all, mut calls, mut in_use, mut since) = (Vec::new(), 0, 0, String::new());
    for code in stage.audit.measures() {
        let filled = fill_measure(stage, &code).await?;
        let usage = stage.availability(&code, None).await?.places.unwrap_or_default();
        let Filled { joined, proposed, offered, accepted, started } = &filled;
        let begun = started.len();
        let (used, free) = (places(usage.in_use_percent), places(usage.free_percent));
        say!(
            "{code:<10} {joined:>7} {proposed:>9} {offered:>8} {accepted:>8} {begun:>8} {used:>7} {free:>5}"
        );
        in_use += usage.in_use_percent;
        calls += joined + 2 + accepted + begun;
        since = shown_date(filled.started.first().and_then(|one| one.start_date));
        all.extend(filled.started);
    }
    let (used, time) = (places(in_use), seconds(clock.elapsed()));
    let verdict = stage.page.check("Places in use in Trondheim", &used, stage.audit.sum(2011));
    let sum = stage.audit.sum(2011);
    say!();
    say!("{used} places are in use (the audit prints {sum} for 2011: {verdict}), all since");
    say!("{since}: the service takes a start up to a year back.");
    say!("{} acknowledged changes in {time}, each on disk before its answer.", grouped(calls));
    Ok(all)
}

/// What happened while a measure type was filled, as the answers say.
pub(super) struct Filled {
    joined: usize,
    proposed: usize,
    offered: usize,
    accepted: usize,
    /// Who uses a place now.
    pub(super) started: Vec<Placement>,
}

/// Somebody for every place of a measure type in Trondheim.
pub(super) async fn fill_measure(stage: &mut Stage, code: &str) -> Result<Filled, Failure> {
    let groups = stage.availability(code, None).await?.place_groups;
    let mut wishes = Vec::new();
    for group in &groups {
        let free = group.usage.as_ref().map_or(0, |usage| usage.free_percent / 100);
        wishes.extend(spread(USERS_FROM, u32::try_from(free)?).map(|registered| Wish {
            measure_code: code.to_owned(),
            place_group_id: Some(group.place_group_id.clone()),
            registered,
        }));
    }
    let joined = join(stage, wishes).await?.len();
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: ledger(code),
        max_proposals: u32::from(AT_MOST),
        place_group_ids: groups.into_iter().map(|group| group.place_group_id).collect(),
        ..AllocatePlacesRequest::default()
    };
    let run = stage.county.allocation().allocate_places(request).await;
    let proposals = run.map_err(refused("AllocatePlaces"))?.into_inner().proposals;
    let request = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: ledger(code),
        offer_ids: proposals.iter().map(|offer| offer.offer_id.clone()).collect(),
        ..ConfirmProposalsRequest::default()
    };
    let confirmed = stage.county.allocation().confirm_proposals(request).await;
    let offers = confirmed.map_err(refused("ConfirmProposals"))?.into_inner().offers;
    let accepted = together(offers.iter().map(|o| accept(stage, code, &o.offer_id))).await?;
    let began = today().saturating_sub(time::Duration::days(BEGUN_DAYS_AGO));
    let started = together(offers.iter().map(|o| start(stage, code, &o.offer_id, began))).await?;
    Ok(Filled {
        joined,
        proposed: proposals.len(),
        offered: offers.len(),
        accepted: accepted.len(),
        started,
    })
}

async fn accept(stage: &Stage, code: &str, offer_id: &str) -> Result<pb::Offer, Failure> {
    let request = RespondToOfferRequest {
        request_id: request_id(),
        ledger: ledger(code),
        offer_id: offer_id.to_owned(),
        answer: OfferAnswer::Accept.into(),
        ..RespondToOfferRequest::default()
    };
    let answer = stage.county.allocation().respond_to_offer(request).await;
    let answer = answer.map_err(refused("RespondToOffer"))?.into_inner();
    answer.offer.ok_or_else(|| missing("the offer"))
}

async fn start(
    stage: &Stage,
    code: &str,
    offer_id: &str,
    date: time::Date,
) -> Result<Placement, Failure> {
    let request = StartPlacementRequest {
        request_id: request_id(),
        ledger: ledger(code),
        offer_id: offer_id.to_owned(),
        start_date: Some(pb_date(date)),
        ..StartPlacementRequest::default()
    };
    let answer = stage.county.allocation().start_placement(request).await;
    let answer = answer.map_err(refused("StartPlacement"))?.into_inner();
    answer.placement.ok_or_else(|| missing("the placement"))
}

/// Puts as many people on each waitlist as table 3 says.
pub(super) async fn wait(stage: &mut Stage) -> Result<Vec<Joined>, Failure> {
    let mut groups: BTreeMap<String, GetAvailabilityResponse> = BTreeMap::new();
    for code in stage.audit.measures() {
        let answer = stage.availability(&code, None).await?;
        groups.insert(code, answer);
    }
    let mut wishes = Vec::new();
    for row in &stage.audit.queues {
        let group = groups.get(&row.measure_code).and_then(|a| at_prima(a, &row.place_group));
        let group = group.ok_or_else(|| missing(&row.place_group))?;
        wishes.extend(spread(WAITING_FROM, row.persons_waiting).map(|registered| Wish {
            measure_code: row.measure_code.clone(),
            place_group_id: Some(group.place_group_id.clone()),
            registered,
        }));
    }
    join(stage, wishes).await
}

/// Waitlists as long as table 3 says.
pub(super) async fn queue(stage: &mut Stage) -> Result<Vec<Joined>, Failure> {
    stage.page.heading("Those who wait (ventelister)");
    let joined = wait(stage).await?;
    let entries: BTreeSet<&str> = joined.iter().map(|one| one.entry_id.as_str()).collect();
    let waiting: u64 = stage.queues("").await?.iter().map(|queue| queue.persons_waiting).sum();
    let expected: u32 = stage.audit.queues.iter().map(|row| row.persons_waiting).sum();
    let offices = by_office(stage).await?;
    let verdict = stage.page.check("Waiting at Prima, all measures", waiting, expected);
    let count = entries.len();
    say!("{count} people have joined, registered in 2009 and 2010. Each waits for one of Prima's");
    say!("groups. {waiting} wait in all (table 3 sums to {expected}: {verdict}); followed up by");
    say!("{offices}.");
    Ok(joined)
}

/// How many each office follows up, as the entries themselves say.
async fn by_office(stage: &Stage) -> Result<String, Failure> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for code in stage.audit.measures() {
        for entry in entries_in(stage, &code, EntryState::Waiting).await? {
            *count.entry(entry.following_office_number).or_default() += 1;
        }
    }
    let offices = stage.audit.offices.iter().map(|office| {
        let count = count.get(&office.number).copied().unwrap_or(0);
        format!("{} {count}", office.name)
    });
    Ok(offices.collect::<Vec<_>>().join(", "))
}

/// The group of this name at Prima.
pub(super) fn at_prima<'a>(
    answer: &'a GetAvailabilityResponse,
    name: &str,
) -> Option<&'a PlaceGroupAvailability> {
    let mut groups = answer.place_groups.iter();
    groups.find(|group| group.provider_name == PRIMA && group.name == name)
}
