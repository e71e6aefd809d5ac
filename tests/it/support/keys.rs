//! Main keys of several versions.

use std::{fs, os::unix::fs::PermissionsExt};

use tiltaksplass::keys::Keys;

/// A key file of these versions, the first of them the current one.
pub fn keys_of(versions: &[(i32, char)]) -> Keys {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.json");
    let key = |(version, digit): &(i32, char)| {
        format!("\"{version}\":\"{}\"", digit.to_string().repeat(64))
    };
    let all: Vec<String> = versions.iter().map(key).collect();
    let current = versions[0].0;
    fs::write(&path, format!("{{\"current\":{current},\"keys\":{{{}}}}}", all.join(","))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    Keys::load(&path).unwrap()
}
