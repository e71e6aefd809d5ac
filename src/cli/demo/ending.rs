//! The whole is verified, the service stops, and what there is to look at is named.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use crate::{
    cli::{
        Failure,
        demo::{
            audit::AREA,
            page::{Page, line, say},
            place::DemoPlace,
            stage::Stage,
        },
    },
    postgres::{self, SocketAddress},
};

/// What `verify` prints when nothing is wrong.
const ALL_IS_WELL: &str = "all is well";

/// Runs `verify` beside the service and shows what it says.
pub(super) async fn verify(stage: &mut Stage, place: &DemoPlace) -> Result<(), Failure> {
    stage.page.heading("Everything is recomputed from the logs (tiltaksplass verify)");
    let output = place.program(&["verify"])?.output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    for line in said.lines() {
        say!("{line}");
    }
    let is_well = output.status.success() && said.lines().any(|line| line == ALL_IS_WELL);
    if !is_well {
        say!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let verdict = if is_well { ALL_IS_WELL } else { "something is wrong" };
    stage.page.check("verify: hashes, decisions, tables, invariants", verdict, ALL_IS_WELL);
    Ok(())
}

/// What can be looked at afterwards.
pub(super) struct Sights(Option<SocketAddress>);

impl Sights {
    /// Found while the service runs.
    pub(super) fn of(place: &DemoPlace) -> Self {
        Self(if place.has_own_database() { postgres::attach(place.folder()) } else { None })
    }
}

/// Says that all is kept, and how to look at it.
pub(super) fn look_around(page: &mut Page, place: &DemoPlace, sights: &Sights) {
    page.heading("The service has stopped; the data stay, to look around in");
    let (program, folder) = (program_name(), quoted(place.folder().as_os_str()));
    say!("Start it again, and leave it running:");
    if place.has_own_database() {
        say!("  {program} serve --data-dir {folder}");
    } else {
        say!("  {program} serve --data-dir {folder} \\");
        say!("    --database-url URL");
    }
    say!("Its logs end with the day the clock was put forward to; what is done before that day");
    say!("is dated just after what came last.");
    say!("Then, in another terminal, a token of the county for an hour and the VTA queue:");
    say!("  export TILTAKSPLASS_TOKEN=$({program} token \\");
    say!("    --role county --org {AREA} --hours 1 --data-dir {folder})");
    say!("  {program} call WaitlistService/SummarizeQueues \\");
    say!("    -d '{{\"countyId\": \"{AREA}\", \"measureCode\": \"VTA\"}}'");
    if let Some(address) = &sights.0 {
        let (socket, database) = (quoted(address.socket_dir.as_os_str()), postgres::DATABASE);
        say!("The database, while the service runs:");
        say!("  psql -h {socket} -p {} -U {} {database}", address.port, address.user);
    }
    say!("Remove it all when nothing runs in it any more:");
    say!("  rm -r {folder}");
    if !place.has_own_database() {
        say!("The database you named is yours to drop.");
    }
}

/// Says what is left when somebody has had enough.
pub(super) fn interrupted(place: &DemoPlace) {
    let folder = quoted(place.folder().as_os_str());
    line(format_args!("\nStopped, and the service with it. Remove what it left: rm -r {folder}"));
}

/// This program as a shell finds it: by its name where it is on the path.
pub(super) fn program_name() -> String {
    let Ok(program) = env::current_exe() else { return "tiltaksplass".to_owned() };
    let folders = env::var_os("PATH").unwrap_or_default();
    let is_on_path =
        env::split_paths(&folders).any(|folder| Some(folder.as_path()) == program.parent());
    let shown = if is_on_path { program.file_name().map(PathBuf::from) } else { None };
    quoted(shown.as_deref().unwrap_or(Path::new(&program)).as_os_str())
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        let all = [("/tmp/a-b_c", "/tmp/a-b_c"), ("/tmp/a b", "'/tmp/a b'"), ("a'b", "'a'\\''b'")];
        for (word, expected) in all {
            assert_eq!(quoted(OsStr::new(word)), expected);
        }
    }
}
