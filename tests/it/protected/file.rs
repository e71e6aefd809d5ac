//! A file that says who is protected.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tiltaksplass::{config::Config, people_source::PeopleSection};

use super::*;

fn write(path: &Path, mode: u32, people: &[(u32, &str)]) {
    let person = |(person, word): &(u32, &str)| {
        format!(r#"{{"identityNumber":"{}","protection":["{word}"]}}"#, identity(*person))
    };
    let people: Vec<String> = people.iter().map(person).collect();
    fs::write(path, format!(r#"{{"people":[{}]}}"#, people.join(","))).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn of(path: &Path) -> PeopleSection {
    PeopleSection { protection_file: Some(path.to_owned()), ..PeopleSection::default() }
}

#[tokio::test]
async fn what_stands_in_the_file_now_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("protected.json");
    write(&path, 0o600, &[(1, "FORTROLIG")]);
    let world = world_asking(PeopleSource::configured(&of(&path)).unwrap()).await;
    scene(&world).await;
    let shown = async |person| found(&world.office, person).await.map(|a| a.entries.len());
    assert_eq!((shown(1).await.unwrap(), shown(2).await.unwrap()), (0, 1));
    // As long as before, and maybe in the same moment.
    write(&path, 0o600, &[(2, "FORTROLIG")]);
    assert_eq!((shown(1).await.unwrap(), shown(2).await.unwrap()), (1, 0));
    write(&path, 0o600, &[(2, "UGRADERT")]);
    assert_eq!(shown(2).await.unwrap(), 1);
    // What is not whole closes, also for who is not in it.
    let whole = fs::read(&path).unwrap();
    for contents in [&whole[..whole.len() - 1], b"", b"{}"] {
        fs::write(&path, contents).unwrap();
        assert!(is_closed(&shown(3).await.unwrap_err()));
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(shown(3).await.unwrap(), 1);
    for mode in [0o640, 0o604] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(is_closed(&shown(3).await.unwrap_err()), "{mode:o}");
    }
    fs::remove_file(&path).unwrap();
    assert!(is_closed(&shown(3).await.unwrap_err()));
}

/// A mistake in the settings is found at the start, and not by closing for ever.
#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, open) = (folder.path().join("protected.json"), folder.path().join("open.json"));
    write(&path, 0o600, &[]);
    write(&open, 0o644, &[]);
    let url =
        |url: &str| PeopleSection { protection_url: Some(url.into()), ..PeopleSection::default() };
    let with_token = |settings: PeopleSection, token: &str| PeopleSection {
        protection_token_variable: Some(token.into()),
        ..settings
    };
    let good = "https://protection.example.org/";
    for (settings, said) in [
        (PeopleSection { protection_file: Some(path.clone()), ..url(good) }, "both"),
        (with_token(of(&path), "PATH"), "without a protection_url"),
        (with_token(PeopleSection::default(), "PATH"), "without a protection_url"),
        (with_token(url(good), "secret"), "environment variable"),
        (url("http://protection.example.org/"), "must be https"),
        (of(&folder.path().join("nothing.json")), "cannot be used"),
        (of(&open), "chmod 600"),
        (of(folder.path()), "regular file"),
    ] {
        let refused = PeopleSource::configured(&settings).err().unwrap().to_string();
        assert!(refused.contains(said), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    assert_eq!(
        PeopleSource::configured(&of(&path)).unwrap().to_string(),
        format!("{} says who", path.display())
    );
    let none = PeopleSource::configured(&PeopleSection::default()).unwrap().to_string();
    assert!(none.starts_with("nobody is known to be; "), "{none}");
}

#[test]
fn the_section_of_the_settings_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, settings) = (folder.path().join("protected.json"), folder.path().join("nav.toml"));
    write(&path, 0o600, &[]);
    fs::write(&settings, format!("[people]\nprotection_file = {path:?}\n")).unwrap();
    let config = Config::load(Some(&settings)).unwrap();
    let source = PeopleSource::configured(&config.people).unwrap().to_string();
    assert_eq!(source, format!("{} says who", path.display()));
    // A word that is mistyped must not leave everybody unprotected.
    fs::write(&settings, "[people]\nprotection_flie = 'x'\n").unwrap();
    let refused = Config::load(Some(&settings)).err().unwrap().to_string();
    assert!(refused.contains("protection_flie"), "{refused}");
}
