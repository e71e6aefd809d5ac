//! An offer that is answered too late.

use time::OffsetDateTime;
use tonic_types::StatusExt as _;

use crate::{
    cli::{
        Failure,
        demo::{
            page::say,
            people::Joined,
            stage::{Stage, last_day, ledger, missing, refused, request_id, short},
            vacancies::{Offered, VTA, free_at_prima, positions, worker},
        },
    },
    proto::v1::{
        EntryState, ListOffersRequest, Offer, OfferAnswer, OfferState, RespondToOfferRequest,
    },
};

/// The most of a page.
const PAGE_SIZE: i32 = 500;

/// Lets the deadline of the open offers pass, and answers one of them after all. Answers that
/// offer.
pub(super) async fn answer_too_late(
    stage: &mut Stage,
    offered: &Offered,
    waiting: &[Joined],
) -> Result<Offer, Failure> {
    stage.page.heading("Time passes: an offer is answered too late");
    let offer = offered.open.first().ok_or_else(|| missing("an open offer"))?;
    let open = offered.open.len();
    let free = free_at_prima(stage).await?;
    say!(
        "{open} of the eight VTA offers are unanswered, one proposal is unconfirmed, and {free} places"
    );
    say!("are free at Prima. The deadlines end with {}.", last_day(offer.answer_by_time));
    stage.wait_until(deadline(offered)?).await?;
    say!("The demonstration puts the service's clock forward to that moment, through a pipe that");
    say!("only this command has: no option, no variable and no call of `serve` sets the time.");
    say!();
    say_yes(stage, offer).await?;
    let expired = offers_in(stage, OfferState::Expired).await?;
    let found = expired.iter().find(|one| one.offer_id == offer.offer_id);
    let state = found.map_or("another", |offer| offer.state().as_str_name());
    stage.page.check("VTA, too late: the offer's state", state, OfferState::Expired.as_str_name());
    stage.page.check("VTA, too late: offers expired", expired.len(), open);
    keeps_the_turn(stage, offer, waiting).await?;
    next(stage, offered).await?;
    Ok(offer.clone())
}

/// When the offers' deadline and the proposal's have both passed.
fn deadline(offered: &Offered) -> Result<OffsetDateTime, Failure> {
    let offers = offered.open.iter().filter_map(|offer| offer.answer_by_time);
    let latest = offers.chain(offered.next.confirm_by_time).map(|at| at.seconds).max();
    let latest = latest.ok_or_else(|| missing("a deadline"))?;
    Ok(OffsetDateTime::from_unix_timestamp(latest)?)
}

/// The office says yes for the person, and is refused.
async fn say_yes(stage: &mut Stage, offer: &Offer) -> Result<(), Failure> {
    let request = RespondToOfferRequest {
        request_id: request_id(),
        ledger: ledger(VTA),
        offer_id: offer.offer_id.clone(),
        answer: OfferAnswer::Accept.into(),
        ..RespondToOfferRequest::default()
    };
    let (said, message) = match worker(stage)?.allocation().respond_to_offer(request).await {
        Ok(_) => ("OK".to_owned(), "it was taken".to_owned()),
        Err(status) => {
            let reason = status.get_details_error_info().map(|info| info.reason);
            (reason.unwrap_or_default(), status.message().to_owned())
        }
    };
    let entry = short(&offer.entry_id);
    say!("Then {entry} says yes (RespondToOffer): {said}, {message}.");
    stage.page.check("VTA, too late: a yes is answered with", said, "WRONG_STATE");
    Ok(())
}

async fn offers_in(stage: &Stage, state: OfferState) -> Result<Vec<Offer>, Failure> {
    let request = ListOffersRequest {
        ledger: ledger(VTA),
        state: state.into(),
        page_size: PAGE_SIZE,
        ..ListOffersRequest::default()
    };
    let answer = stage.county.allocation().list_offers(request).await;
    Ok(answer.map_err(refused("ListOffers"))?.into_inner().offers)
}

/// All who wait stand in the order they stood in before; who was late stands behind the one
/// who said no, as before.
async fn keeps_the_turn(
    stage: &mut Stage,
    offer: &Offer,
    waiting: &[Joined],
) -> Result<(), Failure> {
    let queue: Vec<&Joined> = waiting.iter().filter(|one| one.measure_code == VTA).collect();
    let now = positions(stage, &queue).await?;
    let who_waits = queue.iter().zip(&now).filter(|(_, now)| now.state() == EntryState::Waiting);
    let order: Vec<(&str, u64)> =
        who_waits.map(|(one, now)| (one.entry_id.as_str(), now.position_in_municipality)).collect();
    let is_kept = order.iter().map(|(_, position)| *position).eq(1..=order.len() as u64);
    let order_is = if is_kept { "as before" } else { "another" };
    let late = order.iter().find(|(entry_id, _)| *entry_id == offer.entry_id);
    let position = late.map_or(0, |(_, position)| *position);
    let free = free_at_prima(stage).await?;
    let count = order.len();
    say!(
        "The person keeps the turn, at position {position} of the {count} who wait, and the order is"
    );
    say!("{order_is}; {free} place is free, whose proposal nobody confirmed.");
    let page = &mut stage.page;
    page.check("VTA, too late: the person stands at", position, 2);
    page.check("VTA, too late: the order of those who wait", order_is, "as before");
    page.check("VTA, too late: free at Prima", &free, 1);
    Ok(())
}

/// Each place went on, in the step in which its offer expired, to the first who had not had the
/// chance of it.
async fn next(stage: &mut Stage, offered: &Offered) -> Result<(), Failure> {
    let proposed = offers_in(stage, OfferState::Proposed).await?;
    let had_the_chance =
        |one: &&Offer| offered.open.iter().any(|offer| offer.entry_id == one.entry_id);
    let again = proposed.iter().filter(had_the_chance).count();
    let to_next = proposed.iter().any(|one| one.entry_id == offered.next.entry_id);
    let who = if to_next { "the next" } else { "another" };
    let count = proposed.len();
    say!();
    say!("The places were passed on as the offers expired: {count} proposals wait for a named");
    say!(
        "person, {again} of them to somebody who had the chance, the first to {who} in the queue."
    );
    let page = &mut stage.page;
    page.check("VTA, too late: places passed on", count, offered.open.len());
    page.check("VTA, too late: proposed again to who was late", again, 0);
    page.check("VTA, too late: one of the places goes to", who, "the next");
    Ok(())
}
