//! Connections: a pool for each use, under its role, and what a database error means.

use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, PgConnection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// The role that may change ledgers.
pub const WRITE_ROLE: &str = "tiltaksplass_write";
/// The role that may only look.
pub const READ_ROLE: &str = "tiltaksplass_read";
/// Connections for writers: one a lane, and some for the worker.
pub const WRITE_CONNECTIONS: u32 = 6;
/// Connections for the access log, whose recorder uses one at a time: no burst of reads keeps
/// the lanes waiting.
pub const RECORD_CONNECTIONS: u32 = 2;
/// Connections to look up who somebody is, so that no burst of lookups keeps the access log
/// waiting.
pub const PEOPLE_CONNECTIONS: u32 = 2;
/// Connections for readers.
pub const READ_CONNECTIONS: u32 = 12;
/// How long a call waits for a connection.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pools of a service.
#[derive(Debug, Clone)]
pub struct Db {
    write: PgPool,
    read: PgPool,
    record: PgPool,
    people: PgPool,
}

impl Db {
    /// Opens the pools. Nothing is connected yet.
    pub fn open(options: &PgConnectOptions) -> Self {
        Self {
            write: pool(options, WRITE_ROLE, WRITE_CONNECTIONS),
            read: pool(options, READ_ROLE, READ_CONNECTIONS),
            record: pool(options, WRITE_ROLE, RECORD_CONNECTIONS),
            people: pool(options, WRITE_ROLE, PEOPLE_CONNECTIONS),
        }
    }

    /// Begins a transaction of the write role. Only ever called from a task of its own,
    /// never from a call's own future: a `BEGIN` that is dropped half-way would hand
    /// the next borrower a connection inside an open transaction.
    pub async fn begin_write(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.write.begin().await
    }

    /// Begins a transaction for the access log.
    pub async fn begin_record(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.record.begin().await
    }

    /// Begins a transaction to look up who somebody is, which the read role may not see.
    pub async fn begin_people(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = self.people.begin().await?;
        sqlx::query("-- read_people\nSET TRANSACTION READ ONLY").execute(&mut *transaction).await?;
        Ok(transaction)
    }

    /// Begins a transaction that sees one state of the whole database.
    pub async fn begin_read(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = self.read.begin().await?;
        sqlx::query("-- read_snapshot\nSET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }

    /// Refuses a database that could forget what it acknowledged.
    pub async fn require_durability(&self) -> Result<(), DurabilityError> {
        let mut connection = self.write.acquire().await?;
        for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
            let value: String = sqlx::query_scalar("-- durability\nSELECT current_setting($1)")
                .bind(setting)
                .fetch_one(&mut *connection)
                .await?;
            if value == "off" {
                return Err(DurabilityError::Off(setting));
            }
        }
        Ok(())
    }

    /// The same, for a check of everything, which may take its time.
    pub async fn begin_check(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = self.begin_read().await?;
        take_time(&mut transaction).await?;
        Ok(transaction)
    }

    /// The same, for what the read role may not see: answers, and who people are.
    pub async fn begin_audit(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = self.write.begin().await?;
        sqlx::query("-- audit_snapshot\nSET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .execute(&mut *transaction)
            .await?;
        take_time(&mut transaction).await?;
        Ok(transaction)
    }

    /// The database's own time, to compare the service's clock with. A burst of reads must
    /// not make the service look dead, so it is asked over a writer's connection.
    pub async fn time(&self) -> Result<time::OffsetDateTime, sqlx::Error> {
        let mut connection = self.write.acquire().await?;
        sqlx::query_scalar("-- database_time\nSELECT clock_timestamp()")
            .fetch_one(&mut *connection)
            .await
    }

    /// Closes the pools.
    pub async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
        self.record.close().await;
        self.people.close().await;
    }
}

/// Lets a transaction take longer than a call may.
async fn take_time(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("-- unhurried\nSET LOCAL statement_timeout = 0").execute(&mut *connection).await?;
    sqlx::query("-- unhurried_pauses\nSET LOCAL idle_in_transaction_session_timeout = 0")
        .execute(connection)
        .await?;
    Ok(())
}

/// Why a database is refused at the start.
#[derive(Debug, thiserror::Error)]
pub enum DurabilityError {
    /// A setting that keeps acknowledged writes is off.
    #[error("the database has {0} off and could forget what was acknowledged; switch it on")]
    Off(&'static str),
    /// It cannot be asked.
    #[error("the database cannot be reached: {0}")]
    Unreachable(#[from] sqlx::Error),
}

/// Settings of every session: a vanished lock holder must not block its ledger.
fn pool(options: &PgConnectOptions, role: &str, connections: u32) -> PgPool {
    let options = options
        .clone()
        .application_name("tiltaksplass")
        .statement_cache_capacity(200)
        .options([
            ("role", role),
            ("timezone", "UTC"),
            ("statement_timeout", "8s"),
            ("lock_timeout", "6s"),
            ("idle_in_transaction_session_timeout", "20s"),
            ("client_connection_check_interval", "2s"),
            ("tcp_user_timeout", "10s"),
            ("plan_cache_mode", "force_generic_plan"),
            // Nobody reads what the server would tell beside its answers.
            ("client_min_messages", "error"),
        ])
        .disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(leave_any_transaction(connection)))
        .connect_lazy_with(options)
}

/// A connection that came back inside a transaction leaves it, or is thrown away: sqlx 0.9.0
/// lets that happen when a `BEGIN` is dropped half-way. A rollback alone would be a warning in
/// the server's log each time that there is nothing to leave, which is nearly always.
async fn leave_any_transaction(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let leave = sqlx::raw_sql("-- leave_any_transaction\nBEGIN; ROLLBACK");
    Ok(leave.execute(connection).await.is_ok())
}

/// What may be done about a database error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nothing happened, or nobody knows whether it did: the same may be run again, and
    /// finds what it did by its request ids.
    Retry,
    /// A statement took longer than it may: nothing happened.
    TooSlow,
    /// A value or rule of this statement: running it again fails again.
    Fault,
}

/// Classifies an error.
#[allow(clippy::wildcard_enum_match_arm, reason = "sqlx's enum is open")]
pub fn classify(error: &sqlx::Error) -> Class {
    match error {
        sqlx::Error::Database(db) => {
            let code = db.code();
            let code = code.as_deref().unwrap_or("");
            // 55000 is also a database that takes no connections for now.
            let retried = matches!(code, "25006" | "25P03" | "55000" | "55P03" | "53300" | "53200")
                || ["08", "40", "57P"].iter().any(|class| code.starts_with(class));
            match code {
                "57014" => Class::TooSlow,
                _ if retried => Class::Retry,
                _ => Class::Fault,
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Class::Retry,
        // Not our enum, and not exhaustive: whatever else there is says nothing of the
        // connection.
        _ => Class::Fault,
    }
}

/// Reads a database URL.
pub fn parse_url(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    PgConnectOptions::from_str(url)
}
