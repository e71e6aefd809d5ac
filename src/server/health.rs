//! What the service says of itself: whether it is ready, and what it can be asked.

use std::{future::pending, time::Duration};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tonic::server::NamedService;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    app::App,
    grpc::Api,
    proto::{
        FILE_DESCRIPTOR_SET,
        v1::{
            access_service_server::AccessServiceServer,
            allocation_service_server::AllocationServiceServer,
            audit_service_server::AuditServiceServer,
            capacity_service_server::CapacityServiceServer,
            change_service_server::ChangeServiceServer,
            fair_share_service_server::FairShareServiceServer,
            registry_service_server::RegistryServiceServer,
            report_service_server::ReportServiceServer,
            waitlist_service_server::WaitlistServiceServer,
        },
    },
};

/// What health is told of: the whole, and each service.
const NAMES: [&str; 10] = [
    "",
    RegistryServiceServer::<Api>::NAME,
    CapacityServiceServer::<Api>::NAME,
    WaitlistServiceServer::<Api>::NAME,
    AllocationServiceServer::<Api>::NAME,
    FairShareServiceServer::<Api>::NAME,
    ReportServiceServer::<Api>::NAME,
    AccessServiceServer::<Api>::NAME,
    AuditServiceServer::<Api>::NAME,
    ChangeServiceServer::<Api>::NAME,
];

/// Keeps health true, and leaves it at `NOT_SERVING` when the service is told to stop.
pub(super) async fn keep(
    app: App,
    reporter: HealthReporter,
    every: Option<Duration>,
    mut stopped: watch::Receiver<bool>,
) {
    set(&reporter, true).await;
    tokio::select! {
        () = watch_readiness(&app, &reporter, every) => {}
        // It also stops when nobody could tell it to any more.
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    set(&reporter, false).await;
}

/// Looks at database and clock again and again.
async fn watch_readiness(app: &App, reporter: &HealthReporter, every: Option<Duration>) {
    let Some(every) = every else { return pending().await };
    let mut was_ready = true;
    loop {
        let is_ready = match timeout(every, app.require_clock()).await {
            Ok(Ok(())) => true,
            Ok(Err(reason)) => {
                tracing::warn!(%reason, "not ready");
                false
            }
            Err(_) => {
                tracing::warn!(waited_s = every.as_secs(), "not ready: no answer of the database");
                false
            }
        };
        // Who watches is told of changes alone.
        if is_ready != was_ready {
            set(reporter, is_ready).await;
            was_ready = is_ready;
        }
        sleep(every).await;
    }
}

async fn set(reporter: &HealthReporter, is_ready: bool) {
    let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    for name in NAMES {
        reporter.set_service_status(name, status).await;
    }
}

/// What reflection tells about: our services, health, and the details of errors.
fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}

pub(super) fn reflection_v1() -> Result<
    tonic_reflection::server::v1::ServerReflectionServer<
        impl tonic_reflection::server::v1::ServerReflection,
    >,
    tonic_reflection::server::Error,
> {
    reflection().build_v1()
}

pub(super) fn reflection_v1alpha() -> Result<
    tonic_reflection::server::v1alpha::ServerReflectionServer<
        impl tonic_reflection::server::v1alpha::ServerReflection,
    >,
    tonic_reflection::server::Error,
> {
    reflection().build_v1alpha()
}
