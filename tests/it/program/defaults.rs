//! `import --defaults`: the measure types and holidays that come with the program.

use serde_json::{Value, json};

use super::{Place, code, import};

#[tokio::test]
async fn the_defaults_are_sent_like_a_folder_and_twice_change_nothing() {
    let place = Place::new();
    let mut serving = place.serve(&[]).await;
    let first = import(&serving, &place, "--defaults").await;
    let rows = first["addedRows"].as_u64().unwrap();
    // Eleven types, and twelve holidays in each of 26 years but those where two meet.
    assert!((11 + 26 * 11..=11 + 26 * 12).contains(&rows), "{first}");
    let again = import(&serving, &place, "--defaults").await;
    assert_eq!(again["unchangedRows"], json!(rows), "{again}");
    // The file in the repository is what comes with the program.
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let types = import(&serving, &place, data).await;
    assert_eq!(types["unchangedRows"], json!(11), "{types}");
    for answer in [&again, &types] {
        for count in ["addedRows", "changedRows"] {
            assert!([Value::Null, json!(0)].contains(&answer[count]), "{answer}");
        }
    }
    for (args, told_of) in
        [(&["import"][..], "<FOLDER>"), (&["import", data, "--defaults"], "--defaults")]
    {
        let told = place.run(&[args, &["--token", "x"]].concat()).await;
        assert_eq!((code(told.status), told.out.as_str()), (2, ""), "{args:?}");
        assert!(told.err.contains(told_of), "{}", told.err);
    }
    // A row that the service refuses is named by its item and code.
    let folder = place.scratch();
    std::fs::write(folder.join("measure_types.json"), r#"[{"measureCode": "VTA"}]"#).unwrap();
    let token = place.token("directorate", "NAV").await;
    let path = folder.display().to_string();
    let told = place.run(&["import", &path, "--addr", &serving.address, "--token", &token]).await;
    assert_eq!((code(told.status), told.out.as_str()), (1, ""));
    assert!(told.err.contains("measure_types.json[0] (VTA): "), "{}", told.err);
    assert_eq!(code(serving.terminate().await), 0, "{}", serving.err());
}
