//! Brings a database to this program's version.

use sqlx::{
    Connection, PgConnection, SqlStr,
    migrate::{Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};

/// Each migration's number, its name and its statements, as `build.rs` lists the folder.
const MIGRATIONS: &[(i64, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Why a database could not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// It cannot be reached.
    #[error("the database cannot be reached: {0}")]
    Unreachable(#[from] sqlx::Error),
    /// A migration failed.
    #[error(
        "the database could not be migrated: {0}. The migrating user must own the schema and may \
         create roles; or create the roles tiltaksplass_write and tiltaksplass_read first and \
         grant them to it"
    )]
    Failed(#[from] sqlx::migrate::MigrateError),
    /// It is older than what this program can read.
    #[error("PostgreSQL {0} is too old; version 15 or later is needed")]
    TooOld(i32),
}

/// The oldest PostgreSQL that is supported.
const OLDEST: i32 = 150_000;

/// Runs the migrations that have not been run; says how many there are in all.
pub async fn migrate(options: &PgConnectOptions) -> Result<usize, MigrateError> {
    let mut connection = PgConnection::connect_with(options).await?;
    let version: i32 =
        sqlx::query_scalar("-- server_version\nSELECT current_setting('server_version_num')::int")
            .fetch_one(&mut connection)
            .await?;
    if version < OLDEST {
        return Err(MigrateError::TooOld(version / 10_000));
    }
    let of_one = |(number, name, sql): &(i64, &'static str, &'static str)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(*number, (*name).into(), MigrationType::Simple, sql, false)
    };
    let migrator = Migrator::with_migrations(MIGRATIONS.iter().map(of_one).collect());
    migrator.run(&mut connection).await?;
    connection.close().await?;
    Ok(MIGRATIONS.len())
}
