//! What the tests stand on: one PostgreSQL for the whole run, a migrated template, a
//! database and a service for each test, a clock and ids that are the test's own.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tiltaksplass::{
    app::{App, Clock},
    auth::{Issuers, LocalIssuer, TokenRequest},
    config::Config,
    domain::{access::Role, calendar::Timestamp, disclosure::Threshold},
    keys::Keys,
    people_source::PeopleSource,
    postgres::{DATABASE, Embedded, Settings},
    server::{self, Limits},
    store::{db::Db, key_check, migrate::migrate},
    verify::KEY_CHECK,
};
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::{
    net::TcpListener,
    sync::{OnceCell, oneshot},
    task::JoinHandle,
};
use tonic::{Status, transport::Channel};

mod caller;
mod ids;
mod keys;

pub use caller::{Bearer, Caller};
use ids::SeededIds;
pub use ids::{alike, request_id, set_ids_apart};
pub use keys::keys_of;

/// A Monday morning in Norway.
pub const MONDAY: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

/// The one PostgreSQL of a test run. It ends with the process.
struct Postgres {
    _own: Embedded,
    options: PgConnectOptions,
    /// Making a database from a template needs the template to itself.
    template: tokio::sync::Mutex<()>,
}

static POSTGRES: OnceCell<Postgres> = OnceCell::const_new();

async fn postgres() -> &'static Postgres {
    POSTGRES
        .get_or_init(|| async {
            let data_dir = scratch_folder();
            let settings = Settings { data_dir, bin_dir: None, allow_download: true };
            let own = Embedded::start(settings).await.expect("a PostgreSQL for the tests");
            let address = own.address();
            let options = PgConnectOptions::new_without_pgpass()
                .socket(&address.socket_dir)
                .port(address.port)
                .username(&address.user)
                .database(DATABASE);
            migrate(&options).await.expect("a migrated template");
            Postgres { _own: own, options, template: tokio::sync::Mutex::new(()) }
        })
        .await
}

/// A folder another user may enter (root's PostgreSQL is another user), removed when
/// this process has ended, however it ends.
fn scratch_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("tiltaksplass-it-").tempdir().unwrap().keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).unwrap();
    let remover = Command::new("sh")
        .args(["-c", "cat > /dev/null; sleep 3; rm -rf \"$0\""])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Its standard input closes when this process ends, and only then.
    std::mem::forget(remover);
    folder
}

/// A new database from the template.
pub async fn new_database() -> PgConnectOptions {
    database_like(DATABASE).await
}

/// A new database that no migration has been run on.
pub async fn bare_database() -> PgConnectOptions {
    database_like("template0").await
}

async fn database_like(template: &str) -> PgConnectOptions {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let postgres = postgres().await;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let _alone = postgres.template.lock().await;
    let mut admin =
        PgConnection::connect_with(&postgres.options.clone().database("postgres")).await.unwrap();
    let statement = format!("CREATE DATABASE {name} TEMPLATE {template}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    postgres.options.clone().database(&name)
}

/// A clock that stands still until the test moves it.
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = Timestamp::from_datetime(now.to_datetime() + by);
    }

    pub fn set(&self, at: OffsetDateTime) {
        *self.0.lock().unwrap() = Timestamp::from_datetime(at);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// How often something is done: as often as it must be in the long run that `.ci/run` makes
/// with `LONG_TESTS`, and less often where somebody waits for the tests.
pub fn at_length(short: u32, long: u32) -> u32 {
    if std::env::var_os("LONG_TESTS").is_some() { long } else { short }
}

/// The limits of the service, but that its clock is the test's, and that one caller of a
/// test may be many.
pub fn limits() -> Limits {
    let limits = Limits::default();
    Limits { readiness: None, calls_per_caller: limits.calls, ..limits }
}

/// A service of a test's own.
pub struct Service {
    pub app: App,
    pub clock: Arc<ManualClock>,
    pub database: PgConnectOptions,
    pub address: SocketAddr,
    issuer: Arc<LocalIssuer>,
    /// The settings of the service, as the file has them.
    settings: String,
    keys: Arc<Keys>,
    limits: Limits,
    people: PeopleSource,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Service {
    /// Starts on a new database.
    pub async fn start() -> Self {
        Self::start_on(new_database().await).await
    }

    /// Starts on a new database, with limits of the test's own.
    pub async fn start_with(limits: Limits) -> Self {
        Self::start_at(new_database().await, limits).await
    }

    /// Starts on a database.
    pub async fn start_on(database: PgConnectOptions) -> Self {
        Self::start_at(database, limits()).await
    }

    /// Starts on a database with the keys in a folder, which are made where it has none.
    pub async fn start_with_keys(database: PgConnectOptions, folder: tempfile::TempDir) -> Self {
        let keys = Keys::load_or_create(&folder.path().join("main.json")).unwrap();
        Self::start_in(database, keys, limits()).await
    }

    /// Starts on a new database, with a file of settings that says this.
    pub async fn start_with_settings(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::load_or_create(&folder.path().join("main.json")).unwrap();
        let people = PeopleSource::none();
        Self::start_whole(new_database().await, keys, limits(), settings, people).await
    }

    async fn start_at(database: PgConnectOptions, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::load_or_create(&folder.path().join("main.json")).unwrap();
        Self::start_in(database, keys, limits).await
    }

    /// Starts on a database, with these keys and limits.
    pub async fn start_in(database: PgConnectOptions, keys: Keys, limits: Limits) -> Self {
        Self::start_whole(database, keys, limits, "", PeopleSource::none()).await
    }

    /// Starts on a new database, with these keys and this source of who is protected.
    pub async fn start_asking(keys: Keys, people: PeopleSource) -> Self {
        Self::start_whole(new_database().await, keys, limits(), "", people).await
    }

    async fn start_whole(
        database: PgConnectOptions,
        keys: Keys,
        limits: Limits,
        settings: &str,
        people: PeopleSource,
    ) -> Self {
        crate::support::capture_logs();
        let folder = tempfile::tempdir().unwrap();
        let keys = Arc::new(keys);
        let issuer = LocalIssuer::load_or_create(&folder.path().join("issuer.key")).unwrap();
        let clock = Arc::new(ManualClock(Mutex::new(Timestamp::from_datetime(MONDAY))));
        let database = database.disable_statement_logging();
        let mut service = Self {
            app: new_app(&database, &clock, &keys, people.clone()),
            clock,
            database,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            issuer: Arc::new(issuer),
            settings: settings.to_owned(),
            keys,
            limits,
            people,
            stop: None,
            serving: None,
            _folder: folder,
        };
        service.prove_keys().await;
        service.serve().await;
        service
    }

    /// Makes these the database's keys, as `serve` does.
    async fn prove_keys(&self) {
        let mut transaction = self.app.db.begin_write().await.unwrap();
        let proof = self.keys.fingerprint(&KEY_CHECK);
        key_check::value(&mut transaction, &proof).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Another service on the same database, with the same issuer and clock and these keys.
    pub async fn replica_with(&self, keys: Keys) -> Self {
        let mut service = self.replica().await;
        service.keys = Arc::new(keys);
        service.restart().await;
        service
    }

    /// Another service on the same database, with the same keys, issuer and clock.
    pub async fn replica(&self) -> Self {
        let mut service = Self {
            app: new_app(&self.database, &self.clock, &self.keys, self.people.clone()),
            clock: Arc::clone(&self.clock),
            database: self.database.clone(),
            address: self.address,
            issuer: Arc::clone(&self.issuer),
            settings: self.settings.clone(),
            keys: Arc::clone(&self.keys),
            limits: self.limits.clone(),
            people: self.people.clone(),
            stop: None,
            serving: None,
            _folder: tempfile::tempdir().unwrap(),
        };
        service.serve().await;
        service
    }

    async fn serve(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let (app, issuers) = (self.app.clone(), Arc::new(self.issuers()));
        let limits = self.limits.clone();
        self.serving = Some(tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            server::run(listener, app, issuers, limits, stopped).await.unwrap();
        }));
        self.stop = Some(stop);
    }

    /// All whose tokens count, as `serve` finds them.
    fn issuers(&self) -> Issuers {
        let config = Config::parse(&self.settings, &|_| None).unwrap();
        let local = config.local_issuer.enabled.then(|| Arc::clone(&self.issuer));
        Issuers::open(local, &config.issuer, self.clock.now().to_datetime()).unwrap()
    }

    /// Stops in order.
    pub async fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(serving) = self.serving.take() {
            serving.await.unwrap();
        }
    }

    /// Stops and starts again on the same database, keys and clock.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.app = new_app(&self.database, &self.clock, &self.keys, self.people.clone());
        self.serve().await;
    }

    /// The same, with another threshold of small counts.
    pub async fn hide_below(&mut self, threshold: Threshold) {
        self.stop().await;
        self.app = App {
            threshold,
            ..new_app(&self.database, &self.clock, &self.keys, self.people.clone())
        };
        self.serve().await;
    }

    /// A connection to the service's database as its owner.
    pub async fn sql(&self) -> PgConnection {
        PgConnection::connect_with(&self.database).await.unwrap()
    }

    /// A token.
    pub fn token(&self, role: Role, organisation: &str, subject: &str) -> String {
        self.token_of(&TokenRequest::new(subject, role, organisation, Duration::hours(8)))
    }

    /// A token that says this.
    pub fn token_of(&self, request: &TokenRequest) -> String {
        self.issuer.mint(request, self.clock.now().to_datetime()).unwrap()
    }

    /// A caller with a token that says this.
    pub async fn caller_with(&self, request: &TokenRequest) -> Caller {
        Caller { channel: self.channel().await, bearer: Bearer::new(&self.token_of(request)) }
    }

    /// A caller of its own connection, as a subject named after its role.
    pub async fn caller(&self, role: Role, organisation: &str) -> Caller {
        self.caller_as(role, organisation, &format!("{}-1", role.as_str())).await
    }

    /// A caller by name.
    pub async fn caller_as(&self, role: Role, organisation: &str, subject: &str) -> Caller {
        let token = self.token(role, organisation, subject);
        Caller { channel: self.channel().await, bearer: Bearer::new(&token) }
    }

    /// A connection without a token.
    pub async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    /// Checks the whole database; nothing may be wrong.
    pub async fn verify(&self) {
        let report =
            tiltaksplass::verify::verify(&self.app.db, Some(&self.app.keys)).await.unwrap();
        assert!(report.findings.is_empty(), "{:#?}", report.findings);
    }
}

fn new_app(
    database: &PgConnectOptions,
    clock: &Arc<ManualClock>,
    keys: &Arc<Keys>,
    people: PeopleSource,
) -> App {
    let ids = SeededIds::of_next_service();
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    App::new(Db::open(database), clock, Arc::new(ids), Arc::clone(keys), people)
}

/// Everything the service has logged in this test run, at the finest level.
static LOGS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct LogWriter;

impl std::io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGS.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps what is logged, for the tests that look for what must not be there.
pub fn capture_logs() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let filter = "debug,tiltaksplass=trace,sqlx=debug,h2=info,hyper=info,tower=info";
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter(filter)
            .with_writer(|| LogWriter)
            .finish();
        let _ = tracing::subscriber::set_global_default(subscriber);
    });
}

/// What was logged so far.
pub fn logs() -> String {
    String::from_utf8_lossy(&LOGS.lock().unwrap()).into_owned()
}

/// The reason a status gives in its `ErrorInfo`.
pub fn reason(status: &Status) -> String {
    use tonic_types::StatusExt;
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
