//! `dev`: a service with the demonstration's data in it, for those who write a client.
//!
//! What is printed can be pasted into a shell as it stands: what is no command is a comment.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use crate::cli::{
    Failure,
    demo::{
        budgets,
        capacity::{establish, plans},
        ending::quoted,
        interrupted, opening,
        page::{Page, line},
        people,
        place::DemoPlace,
        service::{Kind, Service, Wires},
        stage::Stage,
        vacancies::{self, VTA},
    },
};

mod calls;

use calls::Found;

/// Serves sample data until somebody has had enough.
pub(in crate::cli) async fn dev(
    listen: SocketAddr,
    data_dir: Option<PathBuf>,
) -> Result<ExitCode, Failure> {
    let mut interrupted = std::pin::pin!(interrupted()?);
    let place = DemoPlace::prepare("dev", data_dir, None)?;
    if !place.has_sample_data() {
        place.require_empty().await?;
    }
    let (mut service, wires) = Service::spawn(&place, Kind::Plain(listen))?;
    let served = tokio::select! {
        biased;
        () = &mut interrupted => Ok(()),
        failure = serve(&place, &mut service, wires) => Err(failure),
    };
    let stopped = service.stop().await;
    let removed = place.remove_if_new();
    served.and(stopped).and(removed)?;
    Ok(ExitCode::SUCCESS)
}

/// Prepares the service; resolves when it has ended, which nobody has asked for.
async fn serve(place: &DemoPlace, service: &mut Service, wires: Wires) -> Failure {
    match service.watch(prepare(place, wires)).await {
        Ok(()) => service.died().await,
        Err(failure) => failure,
    }
}

async fn prepare(place: &DemoPlace, wires: Wires) -> Result<(), Failure> {
    let mut stage = Stage::new(Page::new(), wires, place.issuer()?).await?;
    let folder = quoted(place.folder().as_os_str());
    line(format_args!("# The service listens on {}.", stage.desk.address()));
    let mut found = Found::default();
    if place.has_sample_data() {
        line(format_args!("# Its data are those of an earlier run, in {folder}."));
    } else {
        let goes = if place.is_new() { "; both are removed at the end" } else { "" };
        line(format_args!("# It is given sample data, in {folder}{goes}."));
        found.placement = put_in(&mut stage).await?;
        place.note_sample_data()?;
    }
    line(format_args!("# What it logs: {}", quoted(place.log().as_os_str())));
    line(format_args!("# Every person is made up; most organisations are."));
    found.open_some(&stage).await?;
    found.print(&stage)?;
    line(format_args!("\n# Ready. Ctrl-C stops it."));
    Ok(())
}

/// The demonstration's data, by the service's own calls: the registry, places, budgets and
/// quotas, people who use the places and people who wait. Eight VTA places are free. Answers
/// somebody's placement.
async fn put_in(stage: &mut Stage) -> Result<Option<String>, Failure> {
    opening::take_in(stage).await?;
    establish(stage, &plans(stage)?).await?;
    budgets::give(stage).await?;
    let mut at_prima = Vec::new();
    for code in stage.audit.measures() {
        let filled = people::fill_measure(stage, &code).await?;
        if code == VTA {
            at_prima = filled.started;
        }
    }
    people::wait(stage).await?;
    let group = vacancies::prima_group(stage).await?;
    at_prima.retain(|placement| placement.place_group_id == group);
    let ended = vacancies::end_eight(stage, &group, &at_prima).await?;
    at_prima.retain(|one| ended.iter().all(|other| other.placement_id != one.placement_id));
    Ok(at_prima.into_iter().next().map(|placement| placement.placement_id))
}
