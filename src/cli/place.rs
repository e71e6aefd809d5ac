//! Where a command's data lies: the data folder, its keys, and the database.

use std::{
    env, fs,
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::postgres::PgConnectOptions;

use crate::{
    auth::LocalIssuer,
    cli::Failure,
    keys::Keys,
    postgres::{self, Embedded, Settings, SocketAddress},
    store::db::parse_url,
};

/// Which data folder and which database.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PlaceArgs {
    /// The data folder: keys, and the database where no URL is given.
    ///
    /// By default /var/lib/tiltaksplass for root, else tiltaksplass in the user's own data
    /// folder.
    #[arg(long, value_name = "DIR", env = "TILTAKSPLASS_DATA_DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// A PostgreSQL 15 or later to use; without it one is run in the data folder.
    ///
    /// PgBouncer must be in session mode.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(super) database_url: Option<String>,
    /// The same database as a user who may change its schema, if that is another one.
    #[arg(long, value_name = "URL", env = "MIGRATE_DATABASE_URL", hide_env_values = true)]
    pub(super) migrate_database_url: Option<String>,
    /// The folder of the PostgreSQL programs, if not a usual one.
    #[arg(long, value_name = "DIR", env = "TILTAKSPLASS_POSTGRES_BIN")]
    pub(super) postgres_bin: Option<PathBuf>,
    /// Never fetch PostgreSQL by pip, even where the machine has none.
    #[arg(
        long,
        env = "TILTAKSPLASS_NO_DOWNLOAD",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub(super) no_download: bool,
}

impl PlaceArgs {
    /// The data folder.
    pub(super) fn folder(&self) -> Result<PathBuf, Failure> {
        let folder = match &self.data_dir {
            Some(folder) => folder.clone(),
            None => default_folder()?,
        };
        Ok(std::path::absolute(folder)?)
    }

    /// The database: by URL, that of a service which runs in this folder, or a new one.
    pub(super) async fn database(&self) -> Result<Database, Failure> {
        if let Some(url) = &self.database_url {
            let options = parse_url(url).map_err(|e| format!("the database URL is wrong: {e}"))?;
            let migrate = match &self.migrate_database_url {
                Some(url) => {
                    parse_url(url).map_err(|e| format!("the migration URL is wrong: {e}"))?
                }
                None => options.clone(),
            };
            return Ok(Database { options, migrate, own: None });
        }
        let folder = self.folder()?;
        let settings = Settings {
            data_dir: folder,
            bin_dir: self.postgres_bin.clone(),
            allow_download: !self.no_download,
        };
        let own = Embedded::start(settings).await?;
        let options = options_of(own.address());
        Ok(Database { migrate: options.clone(), options, own: Some(own) })
    }

    /// The same, but beside a service that runs in this folder its database is joined.
    pub(super) async fn database_beside(&self) -> Result<Database, Failure> {
        if self.database_url.is_none()
            && let Some(address) = postgres::attach(&self.folder()?)
        {
            let options = options_of(&address);
            return Ok(Database { migrate: options.clone(), options, own: None });
        }
        if self.database_url.is_none() && !self.folder()?.join("postgres").exists() {
            let folder = self.folder()?;
            return Err(format!(
                "there is no database in {}; give the --data-dir of a service, or --database-url",
                folder.display()
            )
            .into());
        }
        self.database().await
    }
}

/// A database to work with.
pub(super) struct Database {
    pub(super) options: PgConnectOptions,
    pub(super) migrate: PgConnectOptions,
    pub(super) own: Option<Embedded>,
}

impl Database {
    /// Which database this is, in words.
    pub(super) fn describe(&self) -> String {
        match &self.own {
            Some(own) => {
                let folder = own.address().socket_dir.display().to_string();
                format!("its own PostgreSQL {} (socket in {folder})", own.version())
            }
            None => format!(
                "PostgreSQL at {} (database {})",
                self.options.get_host(),
                self.options.get_database().unwrap_or("of the user's name")
            ),
        }
    }

    /// Stops it, if it is our own.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        match self.own {
            Some(own) => Ok(own.stop().await?),
            None => Ok(()),
        }
    }
}

/// How to reach an embedded server.
pub(super) fn options_of(address: &SocketAddress) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(&address.socket_dir)
        .port(address.port)
        .username(&address.user)
        .database(postgres::DATABASE)
}

/// The name of the key file.
const KEY_FILE: &str = "main.json";

/// The key file of a data folder.
pub(super) fn key_file(folder: &Path) -> PathBuf {
    folder.join("keys").join(KEY_FILE)
}

/// The keys of a data folder; made when they are not there.
pub(super) fn keys(folder: &Path) -> Result<Arc<Keys>, Failure> {
    Ok(Arc::new(Keys::load_or_create(&key_folder(folder)?.join(KEY_FILE))?))
}

/// The keys of a data folder, if it has any.
pub(super) fn keys_at_hand(folder: &Path) -> Result<Option<Arc<Keys>>, Failure> {
    let file = key_file(folder);
    if !file.exists() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Keys::load(&file)?)))
}

/// The issuer of a data folder; made when it is not there.
pub(super) fn issuer(folder: &Path) -> Result<Arc<LocalIssuer>, Failure> {
    Ok(Arc::new(LocalIssuer::load_or_create(&key_folder(folder)?.join("issuer.key"))?))
}

/// The folder of the keys. The data folder itself may be entered by others, since root
/// runs PostgreSQL in it as another user; the keys may not.
fn key_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let told = |e| format!("the data folder {} cannot be made: {e}", folder.display());
    let missing: Vec<&Path> = folder.ancestors().take_while(|part| !part.exists()).collect();
    for part in missing.into_iter().rev() {
        match fs::create_dir(part) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
            made => made.map_err(told)?,
        }
        // Whatever the umask: PostgreSQL must get in, and nobody may list it.
        fs::set_permissions(part, fs::Permissions::from_mode(0o711)).map_err(told)?;
    }
    let keys = folder.join("keys");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&keys).map_err(told)?;
    Ok(keys)
}

fn default_folder() -> Result<PathBuf, Failure> {
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/tiltaksplass"));
    }
    let data_home = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let base = data_home.or(home).ok_or("there is no HOME to keep data in; give --data-dir")?;
    Ok(base.join("tiltaksplass"))
}
