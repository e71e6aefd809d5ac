//! The disturber: what happens to a service on a bad day, many times a minute.

use std::{sync::Arc, time::Duration as Pause};

use sqlx::{Connection, PgConnection};
use time::Duration;

use crate::{
    chaos::{Dice, client::Office},
    support::Service,
};

/// At most so many replicas serve at once.
const REPLICAS_MAX: usize = 2;

/// How often each thing was done.
#[derive(Debug, Default, Clone)]
pub struct Disturbed {
    pub sessions_ended: u64,
    pub restarts: u32,
    pub replicas_come: u32,
    pub replicas_gone: u32,
    pub days_passed: u64,
    pub locks_held: u32,
}

/// Disturbs the service, and keeps its replicas.
pub struct Disturber {
    office: Arc<Office>,
    dice: Dice,
    replicas: Vec<(u64, Service)>,
    sql: PgConnection,
    pub done: Disturbed,
}

impl Disturber {
    pub async fn new(office: Arc<Office>, seed: u64) -> Self {
        let sql = office.fleet.base.sql().await;
        let done = Disturbed::default();
        let mut disturber = Self { office, dice: Dice::new(seed), replicas: Vec::new(), sql, done };
        disturber.add_replica().await;
        disturber
    }

    async fn add_replica(&mut self) {
        let replica = self.office.fleet.base.replica().await;
        let number = self.office.fleet.add(&replica);
        self.replicas.push((number, replica));
    }

    /// Clients find out only by their calls that it is gone.
    async fn stop_replica(&mut self) {
        let Some((number, mut replica)) = self.dice.take(&mut self.replicas) else { return };
        replica.stop().await;
        self.office.fleet.remove(number);
    }

    /// Ends every replica.
    pub async fn end(mut self) -> Disturbed {
        while !self.replicas.is_empty() {
            self.stop_replica().await;
        }
        self.done
    }

    /// Does one thing; `days` says whether the clock may still jump.
    pub async fn act(&mut self, days: bool) {
        match self.dice.below(100) {
            0..45 => self.end_sessions().await,
            45..60 => {
                self.stop_replica().await;
                self.add_replica().await;
                self.done.restarts += 1;
            }
            60..72 if self.replicas.len() < REPLICAS_MAX => {
                self.add_replica().await;
                self.done.replicas_come += 1;
            }
            60..72 => {
                self.stop_replica().await;
                self.done.replicas_gone += 1;
            }
            72..92 if days => {
                let days = 1 + self.dice.below(3);
                self.office.fleet.base.clock.advance(Duration::days(days.cast_signed()));
                self.done.days_passed += days;
            }
            72..92 => {}
            _ => self.hold_a_lock().await,
        }
        let pause = 50 + self.dice.below(300);
        tokio::time::sleep(Pause::from_millis(pause)).await;
    }

    async fn end_sessions(&mut self) {
        let count = 1 + self.dice.below(3);
        let ended: Vec<bool> = sqlx::query_scalar(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'tiltaksplass' \
             ORDER BY random() LIMIT $1",
        )
        .bind(count.cast_signed())
        .fetch_all(&mut self.sql)
        .await
        .unwrap();
        self.done.sessions_ended += ended.len() as u64;
    }

    /// Somebody else's session stands in the way for a second.
    async fn hold_a_lock(&mut self) {
        let index = self.dice.below(self.office.ledgers.len() as u64);
        let ledger = &self.office.ledgers[usize::try_from(index).unwrap()];
        let mut transaction = self.sql.begin().await.unwrap();
        sqlx::query("SELECT seq FROM ledger WHERE county_id = $1 AND measure_code = $2 FOR UPDATE")
            .bind(&ledger.county_id)
            .bind(&ledger.measure_code)
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
        tokio::time::sleep(Pause::from_secs(1)).await;
        transaction.rollback().await.unwrap();
        self.done.locks_held += 1;
    }
}
