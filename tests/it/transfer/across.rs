//! To another area: one transaction over both ledgers.

use super::*;
use crate::world::identity;

fn named(ledger: &Ledger, person: u32) -> JoinWaitlistRequest {
    let reference = ExternalReference { system: "arena".into(), id: "42".into() };
    JoinWaitlistRequest {
        external_references: vec![reference],
        priority_class: "FIRST".into(),
        priority_ground: "ung".into(),
        adviser_ident: "K123456".into(),
        ..join(ledger, person)
    }
}

/// Somebody with an offer in Trøndelag, and the next in the queue.
struct Scene {
    world: World,
    group: String,
    moves: String,
    next: String,
    offer: String,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let (ledger, group) = world.vta(1).await;
    let request =
        JoinWaitlistRequest { preferred_place_group_ids: vec![group.clone()], ..named(&ledger, 1) };
    let moves = world.office.waitlist().join_waitlist(request).await.unwrap().into_inner().entry_id;
    world.service.clock.advance(Duration::hours(1));
    let next = world.join(&ledger, 2).await;
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    world.confirm(&ledger, vec![offer.clone()]).await;
    Scene { world, group, moves, next, offer }
}

#[tokio::test]
async fn an_entry_goes_on_in_the_other_area_with_its_time_and_without_its_offer() {
    let Scene { world, group, moves, next, offer } = scene().await;
    let before = entry(&world.service, &vta(), &moves).await;
    assert_eq!(before.preferred_place_group_ids, [group]);
    world.service.clock.advance(Duration::hours(1));
    let answer = transferred(&world.office, transfer(&vta(), &moves, TO_LEVANGER)).await.unwrap();
    let to = answer.to_revision.unwrap();
    assert_eq!((to.ledger.unwrap(), to.seq), (other_vta(), 1));
    assert_eq!(answer.revision.unwrap().ledger, Some(vta()));
    assert_eq!(answer.withdrawn_offer.unwrap().offer_id, offer);
    assert_eq!(answer.proposals[0].entry_id, next);
    // Here it has ended, and says where it went; there it waits under the same id.
    let here = entry(&world.service, &vta(), &moves).await;
    assert_eq!((here.state(), here.moved_to_ledger), (EntryState::Closed, Some(other_vta())));
    assert!(here.closed_time.is_some());
    let there = entry(&world.service, &other_vta(), &moves).await;
    assert_eq!(answer.entry.as_ref(), Some(&there));
    assert_eq!(there.state(), EntryState::Waiting);
    assert_eq!((&*there.municipality_number, &*there.following_office_number), TO_LEVANGER);
    assert_eq!(
        (there.registered_time, there.order_time),
        (before.registered_time, before.order_time)
    );
    assert!(there.preferred_place_group_ids.is_empty());
    assert_eq!(there.external_references, before.external_references);
    assert_eq!(there.priority_class, "FIRST");
    let mut sql = world.service.sql().await;
    assert!(claims(&mut sql).await.contains(&(OTHER_COUNTY.into(), moves.clone())));
    world.service.verify().await;
    // And may join neither here nor there again.
    for ledger in [vta(), other_vta()] {
        let county = world.caller_of(&ledger).await;
        let refused = county.waitlist().join_waitlist(join(&ledger, 1)).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::AlreadyExists, "PERSON_ALREADY_WAITING"));
    }
}

#[tokio::test]
async fn what_is_sealed_opens_in_the_other_area_and_a_lookup_shows_both() {
    let Scene { world, moves, .. } = scene().await;
    transferred(&world.office, transfer(&vta(), &moves, (LEVANGER, OFFICE))).await.unwrap();
    let request = GetWaitlistEntryRequest {
        ledger: Some(other_vta()),
        entry_id: moves.clone(),
        with_person: true,
        purpose: "oppfølging".into(),
        ..GetWaitlistEntryRequest::default()
    };
    let answer = world.office.waitlist().get_waitlist_entry(request).await.unwrap().into_inner();
    assert_eq!(answer.person.unwrap().priority_ground, "ung");
    // Two pages of one: both have one id and one time.
    let mut seen = Vec::new();
    let mut request = LookupPersonRequest {
        national_identity_number: identity(1),
        purpose: "henvendelse".into(),
        page_size: 1,
        ..LookupPersonRequest::default()
    };
    loop {
        let page = world.office.waitlist().lookup_person(request.clone()).await.unwrap();
        let page = page.into_inner();
        for one in page.entries {
            let entry = one.entry.unwrap();
            assert_eq!(entry.entry_id, moves);
            seen.push((one.ledger.unwrap().county_id, entry.state()));
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let expected =
        [(OTHER_COUNTY.to_owned(), EntryState::Waiting), (COUNTY.to_owned(), EntryState::Closed)];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_retry_is_answered_by_the_ledger_it_named_and_the_other_knows_the_request() {
    let mut scene = scene().await;
    let request = transfer(&vta(), &scene.moves, TO_LEVANGER);
    let first = transferred(&scene.world.office, request.clone()).await.unwrap().encode_to_vec();
    scene.world.service.restart().await;
    let world = &scene.world;
    let office = world.service.caller(Role::Office, OFFICE).await;
    let again = transferred(&office, request.clone()).await.unwrap().encode_to_vec();
    assert_eq!(first, again);
    let mut sql = world.service.sql().await;
    let id = request.request_id.clone();
    assert_eq!(last_row(&mut sql, &vta()).await, ("TRANSFER_ENTRY".into(), id.clone()));
    assert_eq!(last_row(&mut sql, &other_vta()).await, ("RECEIVE_ENTRY".into(), id.clone()));
    // Both rows, both ledgers, both entries and the claim are of one transaction.
    let transactions: Vec<String> = sqlx::query_scalar(
        "SELECT xmin::text FROM ledger_log WHERE request_id = $1::uuid \
         UNION SELECT xmin::text FROM ledger WHERE measure_code = 'VTA' \
         UNION SELECT xmin::text FROM entry WHERE entry_id = $2::uuid \
         UNION SELECT xmin::text FROM person_claim WHERE entry_id = $2::uuid",
    )
    .bind(&id)
    .bind(&scene.moves)
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(transactions.len(), 1);
    let used = JoinWaitlistRequest { request_id: id, ..join(&other_vta(), 3) };
    let there = world.service.caller(Role::County, OTHER_COUNTY).await;
    let refused = there.waitlist().join_waitlist(used.clone()).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::InvalidArgument, "REQUEST_ID_REUSED"));
    // The other way round: what was used there refuses the whole.
    let joined = JoinWaitlistRequest { request_id: request_id(), ..used };
    there.waitlist().join_waitlist(joined.clone()).await.unwrap();
    let request = TransferEntryRequest {
        request_id: joined.request_id,
        ..transfer(&vta(), &scene.next, TO_LEVANGER)
    };
    let county = world.service.caller(Role::County, COUNTY).await;
    let refused = transferred(&county, request).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::InvalidArgument, "REQUEST_ID_REUSED"));
    let here = entry(&world.service, &vta(), &scene.next).await;
    assert_eq!(here.state(), EntryState::Proposed);
    world.service.verify().await;
}

#[tokio::test]
async fn a_preview_and_a_refusal_leave_no_trace_in_either_ledger() {
    let Scene { world, moves, .. } = scene().await;
    let request = transfer(&vta(), &moves, TO_LEVANGER);
    let preview = TransferEntryRequest { validate_only: true, ..request.clone() };
    let preview = transferred(&world.office, preview).await.unwrap();
    assert_eq!(preview.entry.unwrap().state(), EntryState::Waiting);
    let mut sql = world.service.sql().await;
    let ledgers = "SELECT count(*) FROM ledger WHERE county_id = 'NO-17'";
    let count: i64 = sqlx::query_scalar(ledgers).fetch_one(&mut sql).await.unwrap();
    assert_eq!(count, 0, "not even the ledger");
    // Somebody there has the name it would bring along.
    let there = world.service.caller(Role::County, OTHER_COUNTY).await;
    there.waitlist().join_waitlist(named(&other_vta(), 3)).await.unwrap();
    let before = [last_row(&mut sql, &vta()).await, last_row(&mut sql, &other_vta()).await];
    let refused = transferred(&world.office, request.clone()).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::AlreadyExists, "EXTERNAL_REFERENCE_TAKEN"));
    let after = [last_row(&mut sql, &vta()).await, last_row(&mut sql, &other_vta()).await];
    assert_eq!(before, after);
    assert_eq!(entry(&world.service, &vta(), &moves).await.state(), EntryState::Offered);
    world.service.verify().await;
}

/// Somebody who comes back opens the entry that was sent on, with the names it had.
#[tokio::test]
async fn there_and_back_again() {
    let Scene { world, moves, .. } = scene().await;
    let there = world.service.caller(Role::County, OTHER_COUNTY).await;
    let registered = entry(&world.service, &vta(), &moves).await.registered_time;
    transferred(&world.office, transfer(&vta(), &moves, TO_LEVANGER)).await.unwrap();
    transferred(&there, transfer(&other_vta(), &moves, TO_HEMNE)).await.unwrap();
    let back = entry(&world.service, &vta(), &moves).await;
    assert_eq!((back.state(), back.moved_to_ledger), (EntryState::Waiting, None));
    assert_eq!((back.registered_time, &*back.municipality_number), (registered, HEMNE));
    let was = entry(&world.service, &other_vta(), &moves).await;
    assert_eq!(was.moved_to_ledger, Some(vta()));
    transferred(&world.county, transfer(&vta(), &moves, TO_LEVANGER)).await.unwrap();
    let mut sql = world.service.sql().await;
    assert!(claims(&mut sql).await.contains(&(OTHER_COUNTY.into(), moves.clone())));
    world.service.verify().await;
    // And whoever leaves there may join here.
    let request = LeaveWaitlistRequest {
        request_id: request_id(),
        ledger: Some(other_vta()),
        entry_id: moves,
        reason: LeaveReason::NoLongerWanted.into(),
        ..LeaveWaitlistRequest::default()
    };
    there.waitlist().leave_waitlist(request).await.unwrap();
    world.join(&vta(), 1).await;
    world.service.verify().await;
}

#[tokio::test]
async fn what_is_due_in_either_ledger_comes_first() {
    let Scene { world, moves, next, .. } = scene().await;
    let there = other_vta();
    world.budget(&there, 1).await;
    world.quotas(&there, &[(LEVANGER, 1)]).await;
    world.place_group(&there, 1).await;
    world.join(&there, 3).await;
    let county = world.service.caller(Role::County, OTHER_COUNTY).await;
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: Some(there.clone()),
        max_proposals: 1,
        ..AllocatePlacesRequest::default()
    };
    county.allocation().allocate_places(request).await.unwrap();
    world.service.clock.advance(Duration::days(30));
    let office = world.service.caller(Role::Office, OFFICE).await;
    let answer = transferred(&office, transfer(&vta(), &moves, TO_LEVANGER)).await.unwrap();
    assert_eq!(answer.withdrawn_offer, None, "it had expired");
    let mut sql = world.service.sql().await;
    for (ledger, kinds) in [
        (&there, ["LAPSE_PROPOSAL", "RECEIVE_ENTRY"]),
        (&vta(), ["EXPIRE_OFFER", "TRANSFER_ENTRY"]),
    ] {
        let last: Vec<String> = sqlx::query_scalar(
            "SELECT kind FROM ledger_log WHERE county_id = $1 AND measure_code = 'VTA' \
             AND kind <> 'BEGIN_DAY' ORDER BY seq DESC LIMIT 2",
        )
        .bind(&ledger.county_id)
        .fetch_all(&mut sql)
        .await
        .unwrap();
        assert_eq!(last, [kinds[1], kinds[0]]);
    }
    assert_ne!(entry(&world.service, &vta(), &next).await.state(), EntryState::Closed);
    world.service.verify().await;
}

/// Each ledger may be whole by itself while the other has lost its part: only both together
/// tell.
#[tokio::test]
async fn half_a_transfer_is_found() {
    for (county, told) in [
        (OTHER_COUNTY, "1 entries that were sent on and did not arrive"),
        (COUNTY, "1 log rows that follow from no call in another ledger"),
    ] {
        let Scene { world, moves, .. } = scene().await;
        transferred(&world.office, transfer(&vta(), &moves, TO_LEVANGER)).await.unwrap();
        world.service.verify().await;
        let mut sql = world.service.sql().await;
        let without = format!(
            "SET session_replication_role = replica; DO $$ DECLARE name text; BEGIN \
             FOR name IN SELECT table_name FROM information_schema.columns \
             WHERE column_name = 'county_id' AND table_schema = 'public' \
             AND table_name NOT LIKE 'access%' LOOP \
             EXECUTE format('DELETE FROM %I WHERE county_id = %L', name, '{county}'); \
             END LOOP; END $$"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(without)).execute(&mut sql).await.unwrap();
        let (db, keys) = (&world.service.app.db, &world.service.app.keys);
        let report = tiltaksplass::verify::verify(db, Some(keys)).await.unwrap();
        assert!(report.findings.iter().any(|finding| finding == told), "{:#?}", report.findings);
    }
}
