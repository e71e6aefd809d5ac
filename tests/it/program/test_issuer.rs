//! README's way to tokens of one's own issuer, with nothing but the program.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use super::{DEMO_DATA, Place, Serving, code, import};

async fn sign(place: &Place, folder: &str, claims: &Value) -> String {
    let claims = claims.to_string();
    let told = place.run(&["test-issuer", "sign", folder, "--claims", &claims]).await;
    assert!(told.status.success(), "{told:?}");
    told.out.trim().to_owned()
}

async fn call(place: &Place, serving: &Serving, token: &str, method: &str, body: Value) -> Value {
    let body = body.to_string();
    let args = ["call", method, "--addr", &serving.address, "--token", token, "-d", &body];
    let told = place.run(&args).await;
    let text = if told.status.success() { &told.out } else { &told.err };
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{told:?}"))
}

#[tokio::test]
async fn an_adviser_by_a_key_file_reads_their_queue_and_no_other_countys() {
    let place = Place::new();
    let folder = place.scratch().join("issuer").display().to_string();
    let told = place.run(&["test-issuer", "new", &folder]).await;
    assert!(told.status.success(), "{told:?}");
    let mode = fs::metadata(format!("{folder}/key.der")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = place.run(&["test-issuer", "new", &folder]).await;
    assert_eq!(again.out, told.out, "the key that is there stays");
    let settings = place.scratch().join("tiltaksplass.toml").display().to_string();
    fs::write(&settings, &told.out).unwrap();
    let mut serving = place.serve(&["--config", &settings]).await;
    let mut lines = String::new();
    while !lines.contains("tokens are taken of the issuer test") {
        lines.push_str(&serving.line().await);
    }
    import(&serving, &place, DEMO_DATA).await;
    let other = place.scratch().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("areas.csv"), "county_id,name\nNO-18,Nordland\n").unwrap();
    fs::write(
        other.join("municipalities.csv"),
        "municipality_number,name,county_id\n1804,Bodø,NO-18\n",
    )
    .unwrap();
    import(&serving, &place, &other.display().to_string()).await;
    let directorate = place.token("directorate", "NAV").await;
    for (county, request) in [("NO-16", 1), ("NO-18", 2)] {
        let body = json!({
            "requestId": format!("6f1d3c52-5b1e-4c39-9a55-00000000000{request}"),
            "ledger": {"countyId": county, "measureCode": "VTA"}, "places": 10,
            "validFromDate": {"year": 2024, "month": 1, "day": 1}});
        let set =
            call(&place, &serving, &directorate, "FairShareService/SetPlaceBudget", body).await;
        assert!(set["code"].is_null(), "{set}");
    }
    let adviser = json!({"NAVident": "Z990001", "groups": ["9601-CA-tiltak"]});
    let county = json!({"NAVident": "Z990002", "groups": ["NO-16-CA-tiltak"]});
    for (claims, elsewhere) in [(county, json!("PERMISSION_DENIED")), (adviser, Value::Null)] {
        let token = sign(&place, &folder, &claims).await;
        let mut answers = Vec::new();
        for county in ["NO-16", "NO-18"] {
            let body = json!({"ledger": {"countyId": county, "measureCode": "VTA"}});
            let method = "WaitlistService/ListWaitlistEntries";
            answers.push(call(&place, &serving, &token, method, body).await);
        }
        assert!(answers[0]["code"].is_null() && answers[0]["revisions"].is_array(), "{answers:#?}");
        assert_eq!(answers[1]["code"], elsewhere, "{answers:#?}");
        assert!(answers[1]["entries"].is_null(), "{answers:#?}");
    }
    let nobody = json!({"NAVident": "Z990003", "groups": ["elsewhere"]});
    let nobody = sign(&place, &folder, &nobody).await;
    let refused = call(&place, &serving, &nobody, "RegistryService/ListAreas", json!({})).await;
    assert_eq!(refused["code"], "PERMISSION_DENIED", "{refused}");
    let app = json!({"idtyp": "app", "roles": ["access_as_application"]});
    let app = sign(&place, &folder, &app).await;
    let areas = call(&place, &serving, &app, "RegistryService/ListAreas", json!({})).await;
    assert!(areas["areas"].is_array(), "{areas}");
    assert!(serving.interrupt().await.success(), "{}", serving.err());
}

#[tokio::test]
async fn a_file_that_is_wrong_stops_the_start() {
    let place = Place::new();
    let folder = place.scratch();
    let settings = folder.join("tiltaksplass.toml");
    let path = settings.display().to_string();
    for (text, words) in [
        ("[[isuer]]\n", "unknown field `isuer`"),
        ("[[issuer]]\nname = \"x\"\n", "missing field"),
        ("[local_issuer]\nenabled = 1\n", "enabled"),
    ] {
        fs::write(&settings, text).unwrap();
        let told = place.run(&["serve", "--listen", "127.0.0.1:0", "--config", &path]).await;
        assert_eq!((code(told.status), told.out.as_str()), (1, ""), "{text}");
        assert!(told.err.contains(words) && told.err.contains("tiltaksplass.toml"), "{}", told.err);
    }
    let told = place.run(&["test-issuer", "sign", &path, "--claims", "{}"]).await;
    assert_eq!(code(told.status), 1, "{told:?}");
}
