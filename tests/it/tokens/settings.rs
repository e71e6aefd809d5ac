//! The file of settings: what is wrong with it is said before anything is served.

use tiltaksplass::{
    auth::{Issuers, LocalIssuer},
    config::Config,
};

use super::key;
use crate::support::MONDAY;

const GOOD: &str = r#"
[[issuer]]
name = "entra"
kind = "entra"
issuer = "https://login.example/v2.0"
audience = "$AZURE_APP_CLIENT_ID"
jwks_file = "$KEYS"
[[issuer.grant]]
group = "<office>-CA-tiltak"
role = "office"
organisation = "<office>"
employer = "state"
"#;

/// What is wrong with a file, if anything is.
fn problem(text: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, key().key_set().to_string()).unwrap();
    std::fs::write(folder.path().join("none.json"), "{\"keys\": []}").unwrap();
    let keys = |name: &str| folder.path().join(name).display().to_string();
    let variable = |name: &str| match name {
        "KEYS" => Some(keys("jwks.json")),
        "NO_KEYS" => Some(keys("none.json")),
        "NO_FILE" => Some(keys("nothing.json")),
        "AZURE_APP_CLIENT_ID" => Some("c0ffee00".to_owned()),
        "EMPTY" => Some(" ".to_owned()),
        _ => None,
    };
    let config = match Config::parse(text, &variable) {
        Ok(config) => config,
        Err(problem) => return Some(problem),
    };
    let local = LocalIssuer::load_or_create(&folder.path().join("issuer.key")).unwrap();
    let opened = Issuers::open(Some(std::sync::Arc::new(local)), &config.issuer, MONDAY);
    opened.err().map(|error| error.to_string())
}

#[test]
fn variables_stand_for_texts() {
    assert_eq!(problem(GOOD), None);
    assert_eq!(problem(""), None);
    let missing = problem(&GOOD.replace("$AZURE_APP_CLIENT_ID", "$AZURE_APP")).unwrap();
    assert!(missing.contains("issuer 1.audience is the variable AZURE_APP,"), "{missing}");
    let empty = problem(&GOOD.replace("$AZURE_APP_CLIENT_ID", "$EMPTY")).unwrap();
    assert!(empty.contains("empty"), "{empty}");
}

/// Each change of the good file is refused with these words.
#[test]
fn what_is_wrong_is_said_with_its_place() {
    let group = "group = \"<office>-CA-tiltak\"";
    let organisation = "organisation = \"<office>\"";
    let state = "employer = \"state\"";
    let keys = "jwks_file = \"$KEYS\"";
    for (from, to, words) in [
        ("name = \"entra\"", "nam = \"entra\"", "nam"),
        ("kind = \"entra\"", "kind = \"azure\"", "azure"),
        ("kind = \"entra\"", "kind = \"tokenx\"", "`group` says nothing with this kind"),
        ("kind = \"entra\"", "kind = \"maskinporten\"", "it has scope, client, consumer"),
        ("https://login.example/v2.0", "tiltaksplass-local", "this service's own name"),
        ("https://login.example/v2.0", "tiltaksplass", "this service's own name"),
        ("https://login.example/v2.0", "", "`issuer` must be a text"),
        (keys, "", "give `jwks_url` or `jwks_file`"),
        (keys, "jwks_file = \"$KEYS\"\njwks_url = \"https://x.example\"", "one too many"),
        (keys, "jwks_file = \"$NO_FILE\"", "cannot be read"),
        (keys, "jwks_file = \"$NO_KEYS\"", "none of its 0 keys fits"),
        (keys, "jwks_url = \"http://keys.example/jwks\"", "must begin with https://"),
        (keys, "jwks_url = \"http://127.0.0.1.example/jwks\"", "must begin with https://"),
        (keys, "jwks_url = \"file:///etc/passwd\"", "must begin with https://"),
        (keys, "jwks_url = \"keys\"", "relative URL"),
        (keys, "jwks_file = \"$KEYS\"\nalgorithms = []", "`algorithms` is empty"),
        (keys, "jwks_file = \"$KEYS\"\nalgorithms = [\"HS256\"]", "has \"HS256\""),
        (keys, "jwks_file = \"$KEYS\"\nalgorithms = [\"none\"]", "has \"none\""),
        (keys, "jwks_file = \"$KEYS\"\nalgorithms = [\"ES256\"]", "none of its 1 keys fits"),
        (keys, "jwks_file = \"$KEYS\"\nperson = \"upn\"", "neither NAVident nor oid"),
        (group, "", "it needs `group`, `app_role`, or `claim` and `value`"),
        (group, "client = \"x\"", "it needs `group`, `app_role`"),
        (group, "scope = \"x\"", "it needs `group`, `app_role`"),
        (group, "group = \"<office>\"", "would fit anything of that form"),
        (group, "group = \"<king>-CA\"", "`<king>` in `<king>-CA` is none of <office>"),
        (group, "group = \"<office>-<office>\"", "reads more than one thing"),
        (group, "group = \"<office>-CA\"\napp_role = \"x\"", "make two grants"),
        (group, "group = \"<office>-CA\"\nclient = \"c<office>\"", "read more than one thing"),
        (group, "claim = \"office\"", "`claim` and `value` go together"),
        (group, "value = \"x\"", "`claim` and `value` go together"),
        (group, "group = \"office\"", "`organisation` is <office>, which no condition"),
        (group, "group = \"CA-<region>\"", "`organisation` is <office>, which no condition"),
        (organisation, "organisation = \"<office>x\"", "what is read and nothing around it"),
        (organisation, "organisation = \"57011\"", "an office number, four digits, or <office>"),
        (organisation, "", "organisation"),
        ("role = \"office\"", "role = \"county\"", "an area, as NO-50, or <region>"),
        ("role = \"office\"", "role = \"provider\"", "an organisation number, nine digits"),
        ("role = \"office\"", "role = \"king\"", "`role` \"king\" must be directorate, county"),
        ("role = \"office\"", "role = \"auditor\"", "for the role office alone"),
        (state, "", "an office's worker has an employer"),
        (state, "employer = \"king\"", "an office's worker has an employer"),
        (state, "employer = \"municipal\"", "an office's worker has an employer"),
        (state, "employer = \"municipal\"\nmunicipality = \"x\"", "four digits"),
        (state, "employer = \"municipal\"\nmunicipality = \"<office>\"", "four digits"),
        (state, "employer = \"state\"\nmunicipality = \"5001\"", "has an employer"),
        (state, "employer = \"state\"\nclearances = [\"UGRADERT\"]", "has \"UGRADERT\", which"),
        (state, "employer = \"state\"\nleads = true", "leads"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let told = problem(&GOOD.replace(from, to)).unwrap_or_else(|| panic!("{to} is taken"));
        assert!(told.contains(words), "{to}: {told}");
    }
}

#[test]
fn what_shows_or_names_somebody_never_authorises() {
    for claim in [
        "azp_name",
        "AZP_NAME",
        "name",
        "preferred_username",
        "unique_name",
        "upn",
        "email",
        "pid",
        "sub",
        "oid",
        "NAVident",
    ] {
        let grant = format!("claim = \"{claim}\"\nvalue = \"prod-gcp:tiltak:flate\"");
        let text = GOOD.replace("group = \"<office>-CA-tiltak\"", &grant);
        let told = problem(&text.replace("<office>", "5701")).unwrap();
        assert!(told.contains("never authorises"), "{claim}: {told}");
        assert!(told.contains("[[issuer]] 1 (entra), [[issuer.grant]] 1:"), "{told}");
    }
    for (claim, word) in [("roles", "`app_role`"), ("groups", "`group`"), ("azp", "`client`")] {
        let grant = format!("claim = \"{claim}\"\nvalue = \"x\"");
        let text = GOOD.replace("group = \"<office>-CA-tiltak\"", &grant);
        let told = problem(&text.replace("<office>", "5701")).unwrap();
        assert!(told.contains(word), "{claim}: {told}");
    }
}

#[test]
fn there_are_no_two_of_one_issuer_and_no_more_than_so_many() {
    let twice = format!("{GOOD}{}", GOOD.replace("name = \"entra\"", "name = \"b\""));
    assert!(problem(&twice).unwrap().contains("is that of another section"));
    let named = format!("{GOOD}{}", GOOD.replace("login.example", "other.example"));
    assert!(problem(&named).unwrap().contains("is that of another section"));
    let section = |n: usize| {
        GOOD.replace("login.example", &format!("{n}.example"))
            .replace("name = \"entra\"", &format!("name = \"e{n}\""))
    };
    let all = |count: usize| (0..count).map(section).collect::<String>();
    assert_eq!(problem(&all(20)), None);
    assert!(problem(&all(21)).unwrap().contains("there are 21; the most is 20"));
    let grants = GOOD.split_once("[[issuer.grant]]").unwrap().1;
    let many = format!("{GOOD}{}", format!("[[issuer.grant]]{grants}").repeat(500));
    assert!(problem(&many).unwrap().contains("it has 501 grants; the most is 500"));
    let (none, _) = GOOD.split_once("[[issuer.grant]]").unwrap();
    assert!(problem(none).unwrap().contains("it has no [[issuer.grant]]"));
}
