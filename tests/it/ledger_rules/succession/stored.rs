//! What a hand-over leaves in the logs: its bytes, and its name.

use super::*;

/// What is stored is hashed: no release may write the same thing another way.
#[test]
fn rows_are_written_and_read_as_ever() {
    let [entry_id, from_entry] = [1, 2].map(|n| EntryId(Uuid::from_u128(n)));
    let ledger = ledger_id("AFT");
    let held = HeldThere { ledger: ledger.clone(), entry_id };
    let at = Timestamp::from_micros(5);
    let key = OrderKey { order_time: at, registered_time: at, join_seq: 3 };
    let take_over = TakeOver {
        from_ledger: ledger_id("APS"),
        entries: Vec::new(),
        waited: vec![Waited { entry_id, from_entry, key }],
    };
    let commands = [
        Command::HandOver(page([(entry_id, None), (from_entry, Some(held))])),
        Command::TakeOver(take_over),
    ];
    let (one, two) =
        ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002");
    let [aft, aps] =
        ["AFT", "APS"].map(|code| format!(r#"{{"county_id":"NO-16","measure_code":"{code}"}}"#));
    let written = [
        format!(
            r#"{{"HAND_OVER":{{"to_ledger":{aft},"entries":{{"{one}":null,"{two}":{{"ledger":{aft},"entry_id":"{one}"}}}}}}}}"#
        ),
        format!(
            r#"{{"TAKE_OVER":{{"from_ledger":{aps},"waited":[{{"entry_id":"{one}","from_entry":"{two}","key":{{"order_time":5,"registered_time":5,"join_seq":3}}}}]}}}}"#
        ),
    ];
    for (command, written) in commands.iter().zip(written) {
        assert_eq!(serde_json::to_string(command).unwrap(), written);
        assert_eq!(serde_json::from_str::<Command>(&written).unwrap(), *command);
        assert!(written.contains(command.kind()));
    }
    let changes = [
        EntryChange::ContinuedIn { ledger, entry_id },
        EntryChange::WaitedBefore { from_ledger: ledger_id("APS"), from_entry },
    ];
    let written = [
        format!(r#"{{"CONTINUED_IN":{{"ledger":{aft},"entry_id":"{one}"}}}}"#),
        format!(r#"{{"WAITED_BEFORE":{{"from_ledger":{aps},"from_entry":"{two}"}}}}"#),
    ];
    for (change, written) in changes.iter().zip(written) {
        assert_eq!(serde_json::to_string(change).unwrap(), written);
        assert_eq!(serde_json::from_str::<EntryChange>(&written).unwrap(), *change);
    }
    let followed = by("AFT", true);
    let written = r#"{"by":"AFT","from":"2011-03-01","queue_follows":true}"#;
    assert_eq!(serde_json::to_string(&followed).unwrap(), written);
}

#[test]
fn a_page_is_named_after_its_ledger_and_its_row() {
    let mut names = BTreeSet::new();
    for ledger in [ledger_id("APS"), ledger_id("AFT")] {
        for seq in [1, 2] {
            let name = hand_over_request_id(&ledger, seq);
            assert_eq!(name, hand_over_request_id(&ledger, seq));
            assert_eq!(name.0.get_version_num(), 8);
            assert!(names.insert(name));
        }
        assert!(names.insert(due_request_id(&ledger, &Due::day(TODAY))));
    }
}
