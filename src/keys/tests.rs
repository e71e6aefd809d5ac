//! What is sealed opens as it was sealed, and not otherwise.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const PERSON: Uuid = Uuid::from_u128(0x0190_b0a0_0000_7000_8000_0000_0000_0001);
const OTHER: Uuid = Uuid::from_u128(0x0190_b0a0_0000_7000_8000_0000_0000_0002);
/// The main key 00 01 02 … 1f, and a ciphertext made under it by another implementation of the
/// cipher.
const FIXED_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const FIXED_SEALED: &str =
    "00000001000000000000000000000000e11f6f0763750e0356021d74b800d850814350002320469f7f4342";

fn identity(text: &str) -> NationalIdentityNumber {
    NationalIdentityNumber::parse(text).expect("a valid number")
}

fn write_private(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("the file is written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode is set");
}

fn keys_of(text: &str) -> Result<Keys, KeyError> {
    let folder = TempDir::new().expect("a folder");
    write_private(&folder.path().join("keys.json"), text, 0o600);
    Keys::load(&folder.path().join("keys.json"))
}

fn fixed_keys() -> Keys {
    keys_of(&format!(r#"{{"current":1,"keys":{{"1":"{FIXED_KEY}"}}}}"#)).expect("keys")
}

#[test]
fn the_stored_forms_never_change() {
    let keys = fixed_keys();
    let number = identity("13097248022");
    let (version, hmac) = keys.identity_hmac(&number);
    assert_eq!(version, 1);
    assert_eq!(
        hex::encode(hmac),
        "1cb791c46bdb2cb536fee271000c6ec663e79e27d9d0a3c11090ea3ff6ebc406"
    );
    assert_eq!(
        hex::encode(keys.fingerprint(&[b"issuer", b"", b"body"])),
        "55d0ae18baab66c07e585d6d461daa6536c7a4fbe07d3ff24e590f39b7cf46c2"
    );
    let sealed = hex::decode(FIXED_SEALED).expect("hexadecimal");
    let opened = keys.open_identity(&sealed, PERSON).expect("the fixed ciphertext opens");
    assert_eq!(opened.expose(), number.expose());
}

#[test]
fn a_case_worker_is_found_however_the_ident_is_written_and_after_a_rotation() {
    let keys = fixed_keys();
    let digest = keys.adviser_digest("Z990001");
    assert_eq!(digest.len(), 64);
    for same in ["z990001", " Z990001 ", "Z990001"] {
        assert_eq!(keys.adviser_digest(same), digest, "{same:?}");
    }
    assert_ne!(keys.adviser_digest("Z990002"), digest);
    // No other keyed hash of the service gives the same.
    assert_ne!(hex::encode(keys.fingerprint(&[b"Z990001"])), digest);
    let other = "f".repeat(64);
    let text = format!(r#"{{"current":2,"keys":{{"1":"{FIXED_KEY}","2":"{other}"}}}}"#);
    let rotated = keys_of(&text).expect("keys");
    let all = rotated.adviser_digests("Z990001");
    assert_eq!((all.len(), &all[1]), (2, &digest));
    assert_eq!(all[0], rotated.adviser_digest("z990001"));
}

#[test]
fn a_spoilt_key_file_is_refused_without_being_quoted() {
    let zeros = "0".repeat(64);
    let spoilt = [
        String::new(),
        "{}".to_owned(),
        format!(r#"{{"current":"{FIXED_KEY}","keys":{{}}}}"#),
        format!(r#"{{"current":2,"keys":{{"1":"{FIXED_KEY}"}}}}"#),
        format!(r#"{{"current":0,"keys":{{"0":"{FIXED_KEY}"}}}}"#),
        format!(r#"{{"current":1,"keys":{{"1":"{FIXED_KEY}00"}}}}"#),
        format!(r#"{{"current":1,"keys":{{"1":"{}"}}}}"#, &FIXED_KEY[2..]),
        format!(r#"{{"current":1,"keys":{{"1":"{zeros}"}}}}"#),
        format!(r#"{{"current":1,"keys":{{"1":"{FIXED_KEY}"}},"more":1}}"#),
        format!(r#"{{"current":1,"keys":{{"1":"{FIXED_KEY}"}}}}{}"#, " ".repeat(20_000)),
    ];
    for text in spoilt {
        let refused = keys_of(&text).err().expect(&text);
        assert!(matches!(refused, KeyError::Malformed { .. }), "{refused}");
        assert!(!refused.to_string().contains(&FIXED_KEY[2..20]), "{refused}");
    }
}

#[test]
fn sealed_things_open_only_as_they_were_sealed() {
    let keys = fixed_keys();
    let number = identity("13097248022");
    let sealed = keys.seal_identity(&number, PERSON).expect("sealed");
    assert_ne!(
        sealed,
        keys.seal_identity(&number, PERSON).expect("sealed"),
        "a new nonce each time"
    );
    let (data_key, wrapped) = keys.new_data_key(PERSON).expect("a data key");
    let reason = data_key.seal("entry/1/reason", b"tekst").expect("sealed");
    let unwrapped = keys.unwrap_data_key(&wrapped, PERSON).expect("the data key");
    assert_eq!(unwrapped.open("entry/1/reason", &reason).expect("opened").as_slice(), b"tekst");
    let token = keys.seal_page_token(b"list", b"cursor").expect("a page token");
    assert_eq!(keys.open_page_token(b"list", &token).expect("opened"), b"cursor");

    assert!(keys.open_identity(&sealed, OTHER).is_err());
    assert!(keys.unwrap_data_key(&wrapped, OTHER).is_err());
    assert!(unwrapped.open("entry/2/reason", &reason).is_err());
    assert!(keys.open_page_token(b"other", &token).is_err());
    assert!(keys.open_identity(&wrapped, PERSON).is_err(), "one purpose is not another");
    assert!(keys.unwrap_data_key(&sealed, PERSON).is_err());
    let (other_key, _) = keys.new_data_key(PERSON).expect("a data key");
    assert!(other_key.open("entry/1/reason", &reason).is_err());

    for changed in changes(&sealed) {
        assert!(keys.open_identity(&changed, PERSON).is_err());
    }
    for changed in changes(&wrapped) {
        assert!(keys.unwrap_data_key(&changed, PERSON).is_err());
    }
    for changed in changes(&reason) {
        assert!(unwrapped.open("entry/1/reason", &changed).is_err());
    }
    for changed in changes(&URL_SAFE_NO_PAD.decode(&token).expect("base64url")) {
        let changed = URL_SAFE_NO_PAD.encode(changed);
        assert!(matches!(keys.open_page_token(b"list", &changed), Err(KeyError::PageToken)));
    }
    for foreign in ["", "=", "../..", &format!("{token}="), &"A".repeat(64 * 1024)] {
        assert!(matches!(keys.open_page_token(b"list", foreign), Err(KeyError::PageToken)));
    }
}

/// Every change of one byte, every shorter form, and a longer one.
fn changes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let flipped = (0..bytes.len()).flat_map(|at| {
        [0x01, 0x80, 0xff].map(|flip| {
            let mut changed = bytes.to_vec();
            changed[at] ^= flip;
            changed
        })
    });
    let shorter = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    flipped.chain(shorter).chain([[bytes, &[0]].concat()]).collect()
}

#[test]
fn rotation_keeps_what_was_there() {
    let old = fixed_keys();
    let new_key = FIXED_KEY.chars().rev().collect::<String>();
    let both = format!(r#"{{"current":2,"keys":{{"1":"{FIXED_KEY}","2":"{new_key}"}}}}"#);
    let rotated = keys_of(&both).expect("keys");
    let number = identity("13097248022");

    let sealed = old.seal_identity(&number, PERSON).expect("sealed");
    assert!(rotated.open_identity(&sealed, PERSON).is_ok());
    let hmacs = rotated.identity_hmacs(&number);
    assert_eq!(hmacs.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(hmacs[0], rotated.identity_hmac(&number));
    assert_eq!(hmacs[1], old.identity_hmac(&number));
    assert!(rotated.fingerprint_matches(&[b"a"], &old.fingerprint(&[b"a"])));
    assert!(!rotated.fingerprint_matches(&[b"b"], &old.fingerprint(&[b"a"])));

    let sealed = rotated.seal_identity(&number, PERSON).expect("sealed");
    assert!(matches!(old.open_identity(&sealed, PERSON), Err(KeyError::UnknownVersion(2))));
}

fn parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..4)
}

proptest! {
    #[test]
    fn what_is_sealed_comes_back(
        context in "\\PC{0,20}", text in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let keys = fixed_keys();
        let (key, wrapped): (DataKey, _) = keys.new_data_key(PERSON).expect("a data key");
        let sealed = key.seal(&context, &text).expect("sealed");
        let again = keys.unwrap_data_key(&wrapped, PERSON).expect("the data key");
        let opened = again.open(&context, &sealed).expect("opened");
        prop_assert_eq!(opened.as_slice(), text.as_slice());
        let token = keys.seal_page_token(context.as_bytes(), &text).expect("a page token");
        prop_assert_eq!(keys.open_page_token(context.as_bytes(), &token).expect("opened"), text);
    }

    #[test]
    fn parts_are_not_their_concatenation(parts in parts(), others in parts()) {
        let keys = fixed_keys();
        let fingerprint = |parts: &[Vec<u8>]| {
            keys.fingerprint(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        prop_assert_eq!(fingerprint(&parts) == fingerprint(&others), parts == others);
        let joined = vec![parts.concat()];
        prop_assert_eq!(fingerprint(&parts) == fingerprint(&joined), parts == joined);
    }
}

/// A key file of the first version, in a folder of its own.
fn key_file() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("main.json");
    write_private(&path, &format!(r#"{{"current":1,"keys":{{"1":"{FIXED_KEY}"}}}}"#), 0o600);
    (folder, path)
}

#[test]
fn the_file_goes_through_a_rotation_step_by_step_and_the_keys_in_use_follow() {
    let (_folder, path) = key_file();
    let keys = Keys::load(&path).expect("keys");
    let number = identity("13097248022");
    let sealed = keys.seal_identity(&number, PERSON).expect("sealed");
    let (data_key, wrapped) = keys.new_data_key(PERSON).expect("a data key");
    let text = data_key.seal("entry/1/reason", b"tekst").expect("sealed");
    let (digest, fingerprint) = (keys.adviser_digest("Z990001"), keys.fingerprint(&[b"a"]));

    assert_eq!(add_version(&path).expect("added"), 2);
    assert!(matches!(add_version(&path), Err(KeyError::Step(_))), "one at a time");
    assert!(keys.reload().expect("read again") && !keys.reload().expect("read again"));
    assert_eq!(keys.held(), Held { current: 1, versions: vec![1, 2], retired: vec![] });
    assert_eq!((keys.held().pending(), keys.held().older()), (Some(2), vec![]));
    assert_eq!(version_of(&keys.seal_identity(&number, PERSON).expect("sealed")), Some(1));

    use_version(&path, 2).expect("used");
    assert!(keys.reload().expect("read again"));
    assert_eq!((keys.held().pending(), keys.held().older()), (None, vec![1]));
    assert!(matches!(add_version(&path), Err(KeyError::Step(_))), "retired first");
    let opened = keys.open_identity(&sealed, PERSON).expect("opened");
    let anew = keys.seal_identity(&opened, PERSON).expect("sealed");
    let rewrapped = keys.rewrap_data_key(&wrapped, PERSON).expect("wrapped");
    assert_eq!((version_of(&anew), version_of(&rewrapped)), (Some(2), Some(2)));

    assert_eq!(retire_versions(&path).expect("retired"), [1]);
    let file = fs::read_to_string(&path).expect("the file");
    assert!(!file.contains(FIXED_KEY), "the main key is gone");
    assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
    assert!(keys.reload().expect("read again"));
    assert_eq!(keys.held(), Held { current: 2, versions: vec![2], retired: vec![1] });
    // What is sealed and found of people needs the main key; what the log holds does not.
    let gone = keys.open_identity(&sealed, PERSON).err();
    assert!(matches!(gone, Some(KeyError::UnknownVersion(1))));
    assert_eq!(keys.identity_hmacs(&number).len(), 1);
    let unwrapped = keys.unwrap_data_key(&rewrapped, PERSON).expect("the data key");
    assert_eq!(unwrapped.open("entry/1/reason", &text).expect("opened").as_slice(), b"tekst");
    assert!(keys.adviser_digests("z990001").contains(&digest));
    assert!(keys.fingerprint_matches(&[b"a"], &fingerprint));
    assert!(!keys.fingerprint_matches(&[b"b"], &fingerprint));
    assert_eq!(add_version(&path).expect("added"), 3, "a number is never used again");
}

#[test]
fn a_file_that_does_not_go_on_from_the_keys_in_use_is_left_alone() {
    let (_folder, path) = key_file();
    let keys = Keys::load(&path).expect("keys");
    let before = keys.identity_hmac(&identity("13097248022"));
    let other = "f".repeat(64);
    let spoilt = [
        format!(r#"{{"current":1,"keys":{{"1":"{other}"}}}}"#),
        format!(r#"{{"current":2,"keys":{{"2":"{FIXED_KEY}"}}}}"#),
        format!(
            r#"{{"current":2,"keys":{{"2":"{FIXED_KEY}"}},"retired":{{"1":{{"adviser":"{other}","fingerprint":"{other}"}}}}}}"#
        ),
        format!(
            r#"{{"current":1,"keys":{{"1":"{FIXED_KEY}"}},"retired":{{"1":{{"adviser":"{other}","fingerprint":"{other}"}}}}}}"#
        ),
        "{".to_owned(),
    ];
    for text in spoilt {
        write_private(&path, &text, 0o600);
        let refused = keys.reload().expect_err(&text).to_string();
        assert!(!refused.contains(&FIXED_KEY[2..20]) && !refused.contains(&other[..20]));
        assert_eq!(keys.identity_hmac(&identity("13097248022")), before);
    }
    fs::remove_file(&path).expect("removed");
    assert!(matches!(keys.reload(), Err(KeyError::Missing { .. })));
}
