//! Who may call it, in how many pieces, and how much at once.

use serde_json::json;
use tiltaksplass::{cli::call::DynamicClient, domain::access::Role, proto::v1::*};
use tonic::Code;

use super::{OWN, import, log_rows, placed, send, usage, waiting};
use crate::{
    port::wire::{Wire, framed, write},
    support::{reason, request_id},
    world::{OTHER_COUNTY, World, identity},
};

const IMPORT: &str = "/tiltaksplass.v1.RegistryService/ImportExisting";
/// As many rows as an import may have.
const MOST: u32 = 5_000;

#[tokio::test]
async fn a_county_brings_in_its_own_alone() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    for (role, organisation) in
        [(Role::County, OTHER_COUNTY), (Role::Directorate, "NAV"), (Role::Office, "5701")]
    {
        let caller = world.service.caller(role, organisation).await;
        for validate_only in [true, false] {
            let request =
                ImportExistingRequest { validate_only, ..import(&ledger, vec![waiting(1)]) };
            let refused = send(&caller, request).await.unwrap_err();
            assert_eq!(refused.code(), Code::PermissionDenied, "{role:?}");
        }
    }
    let mut sql = world.service.sql().await;
    let people: i64 =
        sqlx::query_scalar("SELECT count(*) FROM person").fetch_one(&mut sql).await.unwrap();
    assert_eq!(people, 0, "who may not is not told who is known");
}

/// The pieces of one import, as a file for `tiltaksplass call` has them.
#[tokio::test]
async fn pieces_come_in_as_one_by_the_command_line_too() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    let id = request_id();
    let row = |person: u32| {
        json!({
            "externalReference": {"system": "arena", "id": format!("D{person}")},
            "nationalIdentityNumber": identity(person),
            "municipalityNumber": "1601",
            "followingOfficeNumber": "5701",
            "registeredTime": "2025-11-22T09:00:00Z",
            "arenaStatus": "GJENN",
            "placeGroupId": group,
            "startDate": {"year": 2026, "month": 1, "day": 5},
        })
    };
    let pieces = [
        json!({
            "requestId": id,
            "ledger": {"countyId": ledger.county_id, "measureCode": ledger.measure_code},
            "cutOverDate": {"year": 2026, "month": 2, "day": 28},
            "source": "Arena",
            "controlTotals": [{"state": "EXISTING_STATE_PLACED", "persons": 2, "percent": "200"}],
            "rows": [row(1)],
        }),
        json!({"requestId": id, "rows": [row(2)]}),
    ];
    let address = format!("http://{}", world.service.address);
    let token = world.service.token(Role::County, OWN.0, "county-1");
    let mut client = DynamicClient::connect(&address, Some(&token)).await.unwrap();
    let answer = client.stream_json("RegistryService/ImportExisting", &pieces).await.unwrap();
    assert_eq!(answer[0]["importedRows"], 2, "{answer:?}");
    assert_eq!(usage(&world, &ledger, &group).await, (0, 200, 0, 0));
    // What the first piece did not say, no later one adds.
    let totals = json!({"requestId": id, "controlTotals": [{"persons": "9"}], "rows": [row(2)]});
    let preview = json!({"requestId": id, "validateOnly": true, "rows": [row(2)]});
    for later in [totals, preview] {
        let pieces = [pieces[0].clone(), later];
        let refused = client.stream_json("RegistryService/ImportExisting", &pieces).await;
        assert_eq!(refused.unwrap_err().code(), "INVALID_ARGUMENT");
    }
    let other = [pieces[0].clone(), json!({"requestId": request_id(), "rows": [row(2)]})];
    let refused = client.stream_json("RegistryService/ImportExisting", &other).await.unwrap_err();
    assert_eq!(refused.code(), "INVALID_ARGUMENT");
    world.service.verify().await;
}

/// A stream that its sender cancels, however late, brings nothing in.
#[tokio::test]
async fn half_an_import_is_none() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    let before = log_rows(&world).await;
    let token = world.service.token(Role::County, OWN.0, "county-1");
    let mut wire = Wire::open(world.service.address, Some(token)).await;
    let piece = framed(&import(&ledger, vec![placed(1, &group)]));
    for _ in 0..20 {
        let (_answer, mut body) = wire.begin(wire.head(IMPORT)).await;
        write(&mut body, piece.clone(), false).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        body.send_reset(h2::Reason::CANCEL);
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(log_rows(&world).await, before, "nothing was stored");
    assert_eq!(usage(&world, &ledger, &group).await, (0, 0, 200, 0));
}

/// As many rows as may be come in at once, and the change feed delivers them; one row more, or
/// more bytes, is refused with both numbers.
#[tokio::test]
async fn an_import_has_a_size() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let rows: Vec<ExistingRow> = (1..=MOST).map(waiting).collect();
    let mut more = rows.clone();
    more.push(waiting(MOST + 1));
    let refused = send(&world.county, import(&ledger, more)).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_FIELDS");
    assert!(refused.message().contains("has 5001 items; the most is 5000"), "{refused:?}");
    let seq = send(&world.county, import(&ledger, rows)).await.unwrap().revision.unwrap().seq;
    let mut sql = world.service.sql().await;
    let bytes: i32 =
        sqlx::query_scalar("SELECT length(payload) FROM ledger_log WHERE kind = 'IMPORT_EXISTING'")
            .fetch_one(&mut sql)
            .await
            .unwrap();
    // What a row costs beside its own words; twice 8 MB of those, escaped, are 32 MB more.
    let each = bytes / i32::try_from(MOST).unwrap();
    assert!(each < 2_500, "{each} bytes a row");
    let request = ListChangesRequest {
        ledger: Some(ledger.clone()),
        after_seq: seq - 1,
        ..Default::default()
    };
    let auditor = world.service.caller(Role::Auditor, "RIKSREVISJONEN").await;
    let mut changes = auditor.change().max_decoding_message_size(64 * 1024 * 1024);
    let changes = changes.list_changes(request).await.unwrap().into_inner().changes;
    assert_eq!(changes[0].payload.len(), usize::try_from(bytes).unwrap());

    let long = "x".repeat(2 * 1024 * 1024);
    let id = request_id();
    let piece = || ImportExistingRequest {
        request_id: id.clone(),
        source: long.clone(),
        ..Default::default()
    };
    let pieces = tokio_stream::iter([piece(), piece(), piece(), piece(), piece()]);
    let refused = world.county.registry().import_existing(pieces).await.unwrap_err();
    assert_eq!(reason(&refused), "MESSAGE_TOO_LARGE", "{refused:?}");
}
