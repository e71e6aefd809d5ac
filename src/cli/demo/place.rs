//! Where a demonstration lies: its folder, and the programs that work in it.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::process::Command;

use crate::{
    app::{Ids as _, RandomIds},
    auth::LocalIssuer,
    cli::{
        Failure,
        place::{PlaceArgs, issuer},
        steered::MARK,
    },
    store::{self, db::Db},
};

/// What the service itself keeps in its data folder. A folder that holds anything else is
/// not ours to fill, and least of all to suggest for removal.
const OWN_NAMES: [&str; 9] = [
    MARK,
    "keys",
    POSTGRES,
    "postgres.log",
    "postgres.log.1",
    "run",
    SAMPLE_DATA,
    SERVICE_LOG,
    "tiltaksplass.lock",
];
/// Says that the sample data are there, whole, and nobody else's.
const SAMPLE_DATA: &str = "sample-data";
/// PostgreSQL's own folder.
const POSTGRES: &str = "postgres";
/// Where the service's standard error goes.
const SERVICE_LOG: &str = "service.log";
/// Others may pass through the folder, since root runs PostgreSQL in it as another user.
const PASSABLE: u32 = 0o711;
/// How many names for a new folder are tried.
const NAME_TRIES: usize = 16;

/// A data folder and perhaps a database elsewhere.
pub(super) struct DemoPlace {
    folder: PathBuf,
    /// Whether we made the folder up, so that it is no loss where nothing comes of it.
    is_new: bool,
    database_url: Option<String>,
}

impl DemoPlace {
    /// Takes the folder that was named, or makes a new one for this command.
    pub(super) fn prepare(
        command: &str,
        data_dir: Option<PathBuf>,
        database_url: Option<String>,
    ) -> Result<Self, Failure> {
        let is_new = data_dir.is_none();
        let folder = match data_dir {
            Some(folder) => named_folder(&std::path::absolute(folder)?)?,
            None => new_folder(&std::env::temp_dir(), command)?,
        };
        Ok(Self { folder, is_new, database_url })
    }

    /// The data folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the database is one of our own in the data folder.
    pub(super) fn has_own_database(&self) -> bool {
        self.database_url.is_none()
    }

    /// Whether the folder goes when nothing works in it any more.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Removes the folder if we made it up.
    pub(super) fn remove_if_new(&self) -> Result<(), Failure> {
        if self.is_new {
            fs::remove_dir_all(&self.folder).map_err(told(&self.folder))?;
        }
        Ok(())
    }

    /// Marks the folder: here a clock may be put forward.
    pub(super) fn mark(&self) -> Result<(), Failure> {
        let path = self.folder.join(MARK);
        fs::write(&path, "The data in this folder are `tiltaksplass demo`'s.\n")
            .map_err(told(&path))
    }

    /// Whether the sample data are there, from an earlier run.
    pub(super) fn has_sample_data(&self) -> bool {
        self.folder.join(SAMPLE_DATA).exists()
    }

    /// Notes that the sample data are there.
    pub(super) fn note_sample_data(&self) -> Result<(), Failure> {
        let path = self.folder.join(SAMPLE_DATA);
        let words = "The data in this folder are `tiltaksplass dev`'s: every person is made up.\n";
        fs::write(&path, words).map_err(told(&path))
    }

    /// The file the service logs to.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join(SERVICE_LOG)
    }

    /// The issuer whose tokens the service believes.
    pub(super) fn issuer(&self) -> Result<Arc<LocalIssuer>, Failure> {
        issuer(&self.folder)
    }

    /// This very program with another command, on this place and no other. The URL goes by
    /// the environment: arguments show in the list of processes.
    pub(super) fn program(&self, arguments: &[&str]) -> Result<Command, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).arg("--data-dir").arg(&self.folder);
        command.env_remove("DATABASE_URL").env_remove("MIGRATE_DATABASE_URL");
        if let Some(url) = &self.database_url {
            command.env("DATABASE_URL", url);
        }
        // What it logs goes to a file and into our own messages, where colours are noise.
        command.env("NO_COLOR", "1");
        command.stdin(std::process::Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    /// Refuses a database in which anything has happened: the figures would be others, and
    /// somebody's data would get a thousand made-up people. This is asked before the service
    /// starts, which would let what is due take effect.
    pub(super) async fn require_empty(&self) -> Result<(), Failure> {
        if self.has_own_database() && !self.folder.join(POSTGRES).exists() {
            return Ok(());
        }
        let place = PlaceArgs {
            data_dir: Some(self.folder.clone()),
            database_url: self.database_url.clone(),
            migrate_database_url: None,
            postgres_bin: std::env::var_os("TILTAKSPLASS_POSTGRES_BIN").map(PathBuf::from),
            no_download: true,
        };
        let database = place.database_beside().await?;
        let db = Db::open(&database.options);
        let counted = count_ledgers(&db).await;
        db.close().await;
        database.stop().await?;
        let refusal = match counted {
            Ok(0) => return Ok(()),
            Ok(count) => self.not_empty(count),
            Err(error) => format!(
                "the database cannot be looked at: {error}. Is it running, and is the URL right?"
            ),
        };
        if self.is_new {
            // An empty folder that stays is no harm.
            drop(fs::remove_dir(&self.folder));
        }
        Err(refusal.into())
    }

    fn not_empty(&self, count: usize) -> String {
        let (holder, advice) = if self.has_own_database() {
            let advice = "leave --data-dir out for a new folder, or name an empty one";
            (self.folder.display().to_string(), advice)
        } else {
            let advice = "name another one, or leave --database-url (DATABASE_URL) out for one of \
                          its own";
            ("the database".to_owned(), advice)
        };
        format!(
            "{holder} already holds {count} ledgers, and the sample data need an empty one: \
             {advice}. Nothing was changed"
        )
    }
}

async fn count_ledgers(db: &Db) -> Result<usize, sqlx::Error> {
    let counted = async {
        let mut transaction = db.begin_read().await?;
        let ledgers = store::ledger::list(&mut transaction, None).await?;
        transaction.rollback().await?;
        Ok(ledgers.len())
    };
    match counted.await {
        Err(sqlx::Error::Database(error)) if is_never_migrated(&*error) => Ok(0),
        other => other,
    }
}

/// A database that has not met our migrations lacks our tables, or the role to look with,
/// or a member of that role.
fn is_never_migrated(error: &dyn sqlx::error::DatabaseError) -> bool {
    const UNDEFINED_TABLE: &str = "42P01";
    const NO_SUCH_ROLE: &str = "22023";
    const NOT_A_MEMBER: &str = "42501";
    let code = error.code();
    code.is_some_and(|code| [UNDEFINED_TABLE, NO_SUCH_ROLE, NOT_A_MEMBER].contains(&&*code))
}

/// A folder that was named may be there, but must hold nothing of anybody else's.
fn named_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(folder)?;
            return Ok(fs::canonicalize(folder)?);
        }
        Err(error) => return Err(told(folder)(error)),
    };
    for entry in entries {
        let name = entry?.file_name();
        if !OWN_NAMES.iter().any(|own| name == *own) {
            return Err(format!(
                "{} holds {}, which is not the service's: name an empty folder, or leave \
                 --data-dir out for a new one",
                folder.display(),
                name.display()
            )
            .into());
        }
    }
    Ok(fs::canonicalize(folder)?)
}

fn make(folder: &Path) -> Result<(), Failure> {
    let mut missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
    missing.reverse();
    for folder in missing {
        make_one(folder).map_err(told(folder))?;
    }
    Ok(())
}

/// The user's own mask may have closed the folder, so it is opened again.
fn make_one(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(PASSABLE).create(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(PASSABLE))
}

/// A new folder below `parent`. Somebody else's of the same name is never taken over.
fn new_folder(parent: &Path, command: &str) -> Result<PathBuf, Failure> {
    let parent = fs::canonicalize(parent).map_err(told(parent))?;
    for _ in 0..NAME_TRIES {
        let random = RandomIds.id().simple().to_string();
        let folder = parent.join(format!("tiltaksplass-{command}-{}", &random[random.len() - 6..]));
        match make_one(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(told(&folder)(error)),
        }
    }
    Err(format!("no new folder could be made below {}; give --data-dir", parent.display()).into())
}

fn told(folder: &Path) -> impl Fn(io::Error) -> Failure {
    move |error| {
        let folder = folder.display();
        format!("the folder {folder} cannot be used: {error}; give another --data-dir").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_may_be_passed_by_others_and_is_new() {
        let parent = tempfile::tempdir().expect("a folder");
        let (one, two) = (new_folder(parent.path(), "demo"), new_folder(parent.path(), "demo"));
        let (one, two) = (one.expect("a folder"), two.expect("a folder"));
        assert_ne!(one, two);
        let mode = fs::metadata(&one).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, PASSABLE);
    }

    #[test]
    fn a_folder_with_somebodys_files_is_refused() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("a/b");
        named_folder(&folder).expect("a missing folder is made");
        fs::create_dir(folder.join("keys")).expect("a folder");
        named_folder(&folder).expect("the service's own things do not disturb");
        fs::write(folder.join("thesis.txt"), "").expect("a file");
        let failure = named_folder(&folder).expect_err("somebody's file").to_string();
        assert!(failure.contains("thesis.txt"), "{failure}");
    }
}
