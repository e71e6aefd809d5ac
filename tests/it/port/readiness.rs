//! Whether the service says that it is ready.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tiltaksplass::{
    app::{Clock, SystemClock},
    server::Limits,
};
use time::Duration;
use tokio::time::sleep;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::wire::millis;
use crate::support::{Service, limits};

const NAMES: [&str; 2] = ["", "tiltaksplass.v1.WaitlistService"];

/// Waits until health says so, of the whole and of a service.
async fn becomes(service: &Service, wanted: ServingStatus) {
    let mut health = HealthClient::new(service.channel().await);
    for name in NAMES {
        let mut last = None;
        for _ in 0..100 {
            let request = HealthCheckRequest { service: name.into() };
            last = Some(health.check(request).await.unwrap().into_inner().status());
            if last == Some(wanted) {
                break;
            }
            sleep(millis(25)).await;
        }
        assert_eq!(last, Some(wanted), "{name:?}");
    }
}

#[tokio::test]
async fn a_clock_far_off_the_databases_is_not_ready() {
    let often = Limits { readiness: Some(millis(100)), ..limits() };
    let service = Service::start_with(often).await;
    let now = || SystemClock.now().to_datetime();
    for (off, status) in [
        (0, ServingStatus::Serving),
        (7, ServingStatus::NotServing),
        (3, ServingStatus::Serving),
        (-7, ServingStatus::NotServing),
        (-3, ServingStatus::Serving),
    ] {
        service.clock.set(now() + Duration::seconds(off));
        becomes(&service, status).await;
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_not_ready() {
    let often = Limits { readiness: Some(millis(200)), ..limits() };
    let service = Service::start_with(often).await;
    service.clock.set(SystemClock.now().to_datetime());
    becomes(&service, ServingStatus::Serving).await;
    let name = service.database.get_database().unwrap().to_owned();
    let elsewhere = service.database.clone().database("postgres");
    let mut admin = PgConnection::connect_with(&elsewhere).await.unwrap();
    let mut admin = async |statement: String| {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    };
    admin(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    let all = format!("FROM pg_stat_activity WHERE datname = '{name}'");
    admin(format!("SELECT pg_terminate_backend(pid) {all}")).await;
    becomes(&service, ServingStatus::NotServing).await;
    admin(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    service.clock.set(SystemClock.now().to_datetime());
    becomes(&service, ServingStatus::Serving).await;
}
