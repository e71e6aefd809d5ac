//! `keys`: a change of the main key while services run.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{
    cli::{
        Failure,
        place::{Database, PlaceArgs, key_file},
        say,
    },
    keys::{self, Held, Keys},
    rotation::{self, Progress},
    store::db::Db,
};

/// How often a wait looks.
const LOOK: Duration = Duration::from_secs(1);

/// The steps of a rotation.
#[derive(clap::Subcommand)]
pub(super) enum Step {
    /// Says which keys the file has, which services run, and how far a rotation has come.
    Status {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Goes all the way to a new key, step by step, waiting where it must.
    Rotate {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Only the first step: adds a version that nothing is written under yet.
    Add {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Only the second step: writes under the version that was added, if all services know it.
    Use {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// The last step: takes the main keys of older versions out of the file, for good.
    ///
    /// A backup of the database from before the rotation opens only with a backup of the key file
    /// from then. Refused while anybody is under an older key, or a service still writes under it.
    Retire {
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// Takes a step.
pub(super) async fn take(step: &Step) -> Result<ExitCode, Failure> {
    let (Step::Status { place }
    | Step::Rotate { place }
    | Step::Add { place }
    | Step::Use { place }
    | Step::Retire { place }) = step;
    let bench = Bench::open(place).await?;
    let done = match step {
        Step::Status { .. } => bench.status().await,
        Step::Rotate { .. } => bench.rotate().await,
        Step::Add { .. } => bench.add(),
        Step::Use { .. } => bench.begin_use().await,
        Step::Retire { .. } => bench.retire().await,
    };
    bench.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

/// A key file and the database that belongs to it.
struct Bench {
    file: PathBuf,
    keys: Keys,
    db: Db,
    database: Database,
}

impl Bench {
    async fn open(place: &PlaceArgs) -> Result<Self, Failure> {
        let file = key_file(&place.folder()?);
        let keys = Keys::load(&file)?;
        let database = place.database_beside().await?;
        let db = Db::open(&database.options);
        Ok(Self { file, keys, db, database })
    }

    async fn close(self) -> Result<(), Failure> {
        self.db.close().await;
        self.database.stop().await
    }

    fn path(&self) -> &Path {
        &self.file
    }

    /// What the file has now.
    fn held(&self) -> Result<Held, Failure> {
        self.keys.reload()?;
        Ok(self.keys.held())
    }

    async fn status(&self) -> Result<(), Failure> {
        let held = self.held()?;
        let Progress { holders, people_left } = rotation::progress(&self.db, held.current).await?;
        say(format!(
            "key file: version {} is written under; versions {:?} are there, {:?} are retired",
            held.current, held.versions, held.retired
        ));
        for holder in &holders {
            say(format!(
                "a running service has versions {:?} and writes under {}",
                holder.versions, holder.current
            ));
        }
        say(format!("{people_left} people are not wholly under version {}", held.current));
        say(match (held.pending(), held.older().is_empty(), people_left) {
            (Some(_), ..) => "next: keys use",
            (None, false, 0) => "next: keys retire",
            (None, false, _) => "next: keys rotate, which waits until nobody is left",
            (None, true, _) => "no rotation is under way",
        });
        Ok(())
    }

    fn add(&self) -> Result<(), Failure> {
        let version = keys::add_version(self.path())?;
        say(format!(
            "key version {version} is in {}, and not written under yet. Where replicas have copies \
             of this file, copy it to each of them now; next: keys use",
            self.path().display()
        ));
        Ok(())
    }

    async fn begin_use(&self) -> Result<(), Failure> {
        let held = self.held()?;
        let Some(version) = held.pending() else {
            return Err(
                "no version has been added that is not used yet: begin with `keys add`".into()
            );
        };
        rotation::begin_use(&self.db, version).await?;
        keys::use_version(self.path(), version)?;
        say(format!(
            "key version {version} is written under from now on. Where replicas have copies of \
             {}, copy it to each of them again",
            self.path().display()
        ));
        Ok(())
    }

    async fn rotate(&self) -> Result<(), Failure> {
        let held = self.held()?;
        if held.pending().is_none() && held.older().is_empty() {
            self.add()?;
        }
        if let Some(version) = self.held()?.pending() {
            let knows = |held: &rotation::Holder| held.versions.contains(&version);
            self.wait_for_services(&format!("know key version {version}"), knows).await?;
            self.begin_use().await?;
        }
        let current = self.held()?.current;
        let uses = |held: &rotation::Holder| held.current == current;
        self.wait_for_services(&format!("use key version {current}"), uses).await?;
        self.wait_for_people(current).await?;
        say(format!(
            "everybody is sealed and found under key version {current}. When no backup from before \
             is needed any more: keys retire"
        ));
        Ok(())
    }

    /// Waits until all services that run are so.
    async fn wait_for_services(
        &self,
        what: &str,
        is_so: impl Fn(&rotation::Holder) -> bool,
    ) -> Result<(), Failure> {
        let mut told = None;
        loop {
            let holders = rotation::holders(&self.db).await?;
            let so = holders.iter().filter(|holder| is_so(holder)).count();
            if told != Some((so, holders.len())) {
                say(format!("{so} of {} running services {what}", holders.len()));
                told = Some((so, holders.len()));
            }
            if so == holders.len() {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until everybody is under a version, and helps where no service runs.
    async fn wait_for_people(&self, version: i32) -> Result<(), Failure> {
        let (mut told, mut after) = (None, None);
        loop {
            let Progress { holders, people_left } = rotation::progress(&self.db, version).await?;
            if told != Some(people_left) {
                say(format!("{people_left} people are left under older keys"));
                told = Some(people_left);
            }
            if people_left == 0 {
                return Ok(());
            }
            if holders.is_empty() {
                let page = rotation::seal_page(&self.db, &self.keys, after).await?;
                if let Some(person) = page.failed.first() {
                    return Err(format!(
                        "what is sealed of person {person} does not open: `verify` says more"
                    )
                    .into());
                }
                after = page.next;
            } else {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    async fn retire(&self) -> Result<(), Failure> {
        let held = self.held()?;
        if let Some(pending) = held.pending() {
            return Err(format!(
                "key version {pending} has been added and is not used yet: go on with `keys rotate`"
            )
            .into());
        }
        if held.older().is_empty() {
            return Err(
                "there is no older key to retire: `keys rotate` makes a new one first".into()
            );
        }
        rotation::begin_retirement(&self.db, &held).await?;
        let retired = keys::retire_versions(self.path())?;
        say(format!(
            "the main keys of versions {retired:?} are gone from {}. Where replicas have copies of \
             it, copy it to each of them, and delete other copies but those that belong to backups",
            self.path().display()
        ));
        Ok(())
    }
}
