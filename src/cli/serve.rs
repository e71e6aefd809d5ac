//! `serve` and `migrate`.

use std::{
    future::Future, io::IsTerminal, net::SocketAddr, path::Path, pin::Pin, process::ExitCode,
    sync::Arc,
};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use crate::{
    app::{App, Clock, RandomIds, SystemClock},
    auth::Issuers,
    cli::{
        Failure,
        place::{Database, PlaceArgs, issuer, keys},
        say,
    },
    config::{Config, Disclosure},
    domain::disclosure::Threshold,
    keys::Keys,
    people_source::PeopleSource,
    postgres::EmbeddedError,
    rotation,
    server::{self, Limits},
    store::{self, db::Db, migrate::migrate as run_migrations},
    verify::KEY_CHECK,
};

/// Runs the service.
pub(super) async fn serve(
    listen: SocketAddr,
    config: Option<&Path>,
    place: &PlaceArgs,
) -> Result<ExitCode, Failure> {
    log_to_stderr();
    let config = Config::load(config)?;
    run(listen, &config, place, Arc::new(SystemClock), Limits::default(), stop_asked()?).await
}

/// Resolves when somebody asks for the end.
pub(super) type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs the service with this clock and these limits until it is to stop.
pub(super) async fn run(
    listen: SocketAddr,
    config: &Config,
    place: &PlaceArgs,
    clock: Arc<dyn Clock>,
    limits: Limits,
    mut stop: Stop,
) -> Result<ExitCode, Failure> {
    let threshold = threshold(&config.disclosure)?;
    let folder = place.folder()?;
    let keys = keys(&folder)?;
    let issuers = Arc::new(issuers(config, &folder, clock.as_ref())?);
    let people = PeopleSource::configured(&config.people)?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|e| format!("cannot listen on {listen}: {e}; give another --listen"))?;
    let (database, app) = tokio::select! {
        ready = ready_app(place, clock, keys, people.clone()) => ready?,
        // A start that is dropped stops what it has started.
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    let app = App { threshold, ..app };
    let address = listener.local_addr()?;
    say(format!("listening on http://{address}"));
    say(format!("database: {}", database.describe()));
    say(format!("data folder: {}", folder.display()));
    say(format!("protected people: {people}"));
    say_whose_tokens(&issuers, &folder);
    let ended = database.own.as_ref().map(crate::postgres::Embedded::ended);
    let served = server::run(listener, app, issuers, limits, until_stop(stop, ended)).await;
    database.stop().await?;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// All whose tokens count, by the settings.
fn issuers(config: &Config, folder: &Path, clock: &dyn Clock) -> Result<Issuers, Failure> {
    let local = if config.local_issuer.enabled { Some(issuer(folder)?) } else { None };
    let opened = Issuers::open(local, &config.issuer, clock.now().to_datetime());
    opened.map_err(|error| format!("the configuration file is not usable: {error}").into())
}

/// Says whose tokens are taken, and how to get one.
fn say_whose_tokens(issuers: &Issuers, folder: &Path) {
    if issuers.takes_local_tokens() {
        say(format!(
            "a token: tiltaksplass token --role county --org NO-50 --data-dir {}",
            folder.display()
        ));
    } else {
        say("tokens of `tiltaksplass token` are refused: the settings switch that issuer off");
    }
    for name in issuers.names() {
        say(format!("tokens are taken of the issuer {name}"));
    }
}

/// Below how many people counts are hidden, as the file says.
fn threshold(of: &Disclosure) -> Result<Threshold, Failure> {
    let Some(people) = of.hide_below else { return Ok(Threshold::default()) };
    let (least, most) = (Threshold::RANGE.start(), Threshold::RANGE.end());
    let told = format!("hide_below of [disclosure] is {people}; must be {least} to {most}");
    Threshold::new(people).ok_or_else(|| told.into())
}

/// A database of this version that keeps what it acknowledges, on the same time, and
/// that these keys belong to.
async fn ready_app(
    place: &PlaceArgs,
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    people: PeopleSource,
) -> Result<(Database, App), Failure> {
    let database = place.database().await?;
    run_migrations(&database.migrate).await?;
    let db = Db::open(&database.options);
    db.require_durability().await?;
    let app = App::new(db, clock, Arc::new(RandomIds), keys, people);
    app.require_clock().await?;
    require_keys(&app, &place.folder()?).await?;
    Ok((database, app))
}

/// Refuses keys of another database: with them nobody would be found again.
async fn require_keys(App { db, keys, .. }: &App, folder: &Path) -> Result<(), Failure> {
    let mut transaction = db.begin_write().await?;
    let value = store::key_check::value(&mut transaction, &keys.fingerprint(&KEY_CHECK)).await?;
    transaction.commit().await?;
    if keys.fingerprint_matches(&KEY_CHECK, &value) {
        let Some(why) = rotation::report(db, keys).await? else { return Ok(()) };
        return Err(format!(
            "the key file in {} is not the newest: {why}; copy keys/main.json from where `keys \
             rotate` was run",
            folder.display()
        )
        .into());
    }
    Err(format!(
        "the keys in {} are not those of this database; give its own --data-dir, or put its \
         keys/main.json there",
        folder.display()
    )
    .into())
}

/// Resolves on Ctrl-C and on SIGTERM; both are listened for from here on.
pub(super) fn stop_asked() -> Result<Stop, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }))
}

/// Resolves when somebody asks for the end, or when our own database has ended.
async fn until_stop(stop: Stop, ended: Option<impl Future<Output = EmbeddedError>>) {
    let database_ended = async {
        match ended {
            Some(ended) => {
                let reason = ended.await;
                tracing::error!(%reason, "our database has ended");
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop => {}
        () = database_ended => {}
    }
}

/// Migrates a database.
pub(super) async fn migrate(place: &PlaceArgs) -> Result<ExitCode, Failure> {
    let database = place.database().await?;
    let count = run_migrations(&database.migrate).await?;
    say(format!("{} is up to date: {count} migrations", database.describe()));
    database.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Logs one line an event on standard error; as JSON where the platform collects it.
pub(super) fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("TILTAKSPLASS_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,tiltaksplass=info"));
    let to_stderr = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if std::env::var_os("NAIS_APP_NAME").is_some() {
        to_stderr.json().init();
    } else {
        to_stderr.init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_that_hides_too_little_or_too_much_is_refused() {
        let of = |hide_below| {
            threshold(&Disclosure { hide_below })
                .map(Threshold::people)
                .map_err(|failure| failure.to_string())
        };
        assert_eq!([of(None), of(Some(3)), of(Some(100))], [Ok(5), Ok(3), Ok(100)]);
        let told = of(Some(2)).unwrap_err();
        assert_eq!(told, "hide_below of [disclosure] is 2; must be 3 to 100");
        assert!(of(Some(101)).is_err());
    }
}
