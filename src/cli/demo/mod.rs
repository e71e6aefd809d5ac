//! `demo`: the whole service on the audit's figures, over the real port.
//!
//! The service runs as a child process, as it would anywhere else, and every figure that
//! is printed comes out of its answers. What must hold of them is checked on the way; a
//! figure that is not what it must be makes the command fail by name.

use std::{future::Future, path::PathBuf, process::ExitCode};

use tokio::signal::unix::{SignalKind, signal};

use crate::{cli::Failure, proto::v1::Offer};

mod audit;
mod budgets;
mod capacity;
pub(super) mod dev;
mod ending;
mod explain;
mod killed;
mod late;
mod opening;
mod page;
mod people;
mod place;
mod plans;
mod raw;
mod rush;
mod service;
mod share;
mod stage;
mod tables;
mod vacancies;

use ending::Sights;
use page::Page;
use people::Joined;
use place::DemoPlace;
use service::{Kind, Service, Wires};
use stage::Stage;
use vacancies::Offered;

/// What a shell calls a program that Ctrl-C ended: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

/// Shows what the service does.
pub(super) async fn demo(
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
) -> Result<ExitCode, Failure> {
    // Before the service starts, so that nothing is left behind from the first moment on.
    let mut interrupted = std::pin::pin!(interrupted()?);
    let page = Page::new();
    let place = DemoPlace::prepare("demo", data_dir, database_url)?;
    tokio::select! {
        biased;
        () = &mut interrupted => return Ok(ExitCode::from(INTERRUPTED)),
        empty = place.require_empty() => empty?,
    }
    place.mark()?;
    let (mut service, wires) = Service::spawn(&place, Kind::Steered)?;
    let told = tokio::select! {
        biased;
        () = &mut interrupted => None,
        told = tell(page, &place, &mut service, wires) => Some(told?),
    };
    service.stop().await?;
    let Some((mut page, sights)) = told else {
        ending::interrupted(&place);
        return Ok(ExitCode::from(INTERRUPTED));
    };
    ending::look_around(&mut page, &place, &sights);
    page.summary()?;
    Ok(ExitCode::SUCCESS)
}

/// The story: what the audit is about, a service that dies, time that passes, and what was short
/// made up for.
async fn tell(
    page: Page,
    place: &DemoPlace,
    service: &mut Service,
    wires: Wires,
) -> Result<(Page, Sights), Failure> {
    let audit = service.watch(tell_audit(page, place, wires));
    let (mut stage, told) = audit.await?;
    killed::in_mid_run(&mut stage, service, place, told.proposals).await?;
    service.watch(tell_late(stage, place, &told.offered, &told.waiting)).await
}

/// What later steps go on with.
struct Told {
    waiting: Vec<Joined>,
    offered: Offered,
    proposals: Vec<Offer>,
}

async fn tell_audit(page: Page, place: &DemoPlace, wires: Wires) -> Result<(Stage, Told), Failure> {
    let mut stage = opening::begin(page, place, wires).await?;
    capacity::submit(&mut stage).await?;
    budgets::set(&mut stage).await?;
    let placements = people::fill(&mut stage).await?;
    let waiting = people::queue(&mut stage).await?;
    tables::compare(&mut stage).await?;
    share::compare(&mut stage).await?;
    let offered = vacancies::share_out(&mut stage, &placements, &waiting).await?;
    let proposals = rush::rush(&mut stage).await?;
    Ok((stage, Told { waiting, offered, proposals }))
}

async fn tell_late(
    mut stage: Stage,
    place: &DemoPlace,
    offered: &Offered,
    waiting: &[Joined],
) -> Result<(Page, Sights), Failure> {
    let late = late::answer_too_late(&mut stage, offered, waiting).await?;
    explain::explain(&mut stage, &late).await?;
    Box::pin(plans::carry_out(&mut stage)).await?;
    ending::verify(&mut stage, place).await?;
    Ok((stage.page, Sights::of(place)))
}

/// Resolves on Ctrl-C, on SIGTERM, and when the terminal is closed.
fn interrupted() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
