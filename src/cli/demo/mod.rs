//! `demo`: the whole service on the audit's figures, over the real port.
//!
//! The service runs as a child process, as it would anywhere else, and every figure that
//! is printed comes out of its answers. What must hold of them is checked on the way; a
//! figure that is not what it must be makes the command fail by name.

use std::{future::Future, path::PathBuf, process::ExitCode};

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Failure;

mod audit;
mod budgets;
mod capacity;
mod ending;
mod opening;
mod page;
mod people;
mod place;
mod rush;
mod service;
mod share;
mod stage;
mod tables;
mod vacancies;

use page::Page;
use place::DemoPlace;
use service::{Output, Service};

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
    let place = DemoPlace::prepare(data_dir, database_url)?;
    tokio::select! {
        biased;
        () = &mut interrupted => return Ok(ExitCode::from(INTERRUPTED)),
        empty = place.require_empty() => empty?,
    }
    let (mut service, output) = Service::spawn(&place)?;
    let told = tokio::select! {
        biased;
        () = &mut interrupted => {
            service.stop().await?;
            ending::interrupted(&place);
            return Ok(ExitCode::from(INTERRUPTED));
        }
        failure = service.died() => return Err(failure),
        told = tell(page, &place, output) => told,
    };
    let (mut page, sights) = match told {
        Ok(told) => told,
        Err(failure) => return Err(service.explain(failure).await),
    };
    service.stop().await?;
    ending::look_around(&mut page, &place, &sights);
    page.summary()?;
    Ok(ExitCode::SUCCESS)
}

/// The story, step by step.
async fn tell(
    page: Page,
    place: &DemoPlace,
    output: Output,
) -> Result<(Page, ending::Sights), Failure> {
    let mut stage = opening::begin(page, place, output).await?;
    capacity::submit(&mut stage).await?;
    budgets::set(&mut stage).await?;
    let placements = people::fill(&mut stage).await?;
    let waiting = people::queue(&mut stage).await?;
    tables::compare(&mut stage).await?;
    share::compare(&mut stage).await?;
    vacancies::share_out(&mut stage, &placements, &waiting).await?;
    rush::rush(&mut stage).await?;
    ending::verify(&mut stage, place).await?;
    Ok((stage.page, ending::Sights::of(place)))
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
