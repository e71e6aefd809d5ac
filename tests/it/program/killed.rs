//! Killed in the middle of its work, the service loses nothing that it acknowledged,
//! and does nothing twice that it did not.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tiltaksplass::proto::v1::{waitlist_service_client::WaitlistServiceClient, *};
use tonic::{
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use super::{DEMO_DATA, Place, code, import, owner};
use crate::{
    support::{Bearer, request_id},
    world::identity,
};

/// How many callers there are at the same time.
const CALLERS: usize = 4;
/// How many joins are acknowledged before the kill.
const ENOUGH: u32 = 60;

type Waitlist = WaitlistServiceClient<InterceptedService<Channel, Bearer>>;

async fn waitlist(address: &str, token: &str) -> Waitlist {
    let channel = Endpoint::from_shared(address.to_owned()).unwrap().connect().await.unwrap();
    WaitlistServiceClient::with_interceptor(channel, Bearer::new(token))
}

fn vta() -> Ledger {
    Ledger { county_id: "NO-16".into(), measure_code: "VTA".into() }
}

fn join(person: u32) -> JoinWaitlistRequest {
    JoinWaitlistRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        national_identity_number: identity(person),
        municipality_number: "1601".into(),
        following_office_number: "9601".into(),
        ..JoinWaitlistRequest::default()
    }
}

/// Puts people on the list until nobody answers: who was acknowledged, and the request
/// that was not.
async fn join_until_the_end(
    mut waitlist: Waitlist,
    people: Arc<AtomicU32>,
) -> (Vec<String>, JoinWaitlistRequest) {
    let mut acknowledged = Vec::new();
    loop {
        let request = join(people.fetch_add(1, Ordering::Relaxed));
        match waitlist.join_waitlist(request.clone()).await {
            Ok(joined) => acknowledged.push(joined.into_inner().entry_id),
            Err(_) => return (acknowledged, request),
        }
    }
}

async fn all_entries(waitlist: &mut Waitlist) -> BTreeSet<String> {
    let request = ListWaitlistEntriesRequest {
        ledger: Some(vta()),
        page_size: 500,
        ..ListWaitlistEntriesRequest::default()
    };
    let page = waitlist.list_waitlist_entries(request).await.unwrap().into_inner();
    assert_eq!(page.next_page_token, "");
    page.entries.into_iter().map(|entry| entry.entry_id).collect()
}

#[tokio::test]
async fn what_was_acknowledged_survives_and_what_was_not_happens_once() {
    let place = Place::new();
    let mut serving = place.serve(&[]).await;
    import(&serving, &place, DEMO_DATA).await;
    let token = place.token("county", "NO-16").await;
    let people = Arc::new(AtomicU32::new(0));
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let waitlist = waitlist(&serving.address, &token).await;
        callers.push(tokio::spawn(join_until_the_end(waitlist, Arc::clone(&people))));
    }
    while people.load(Ordering::Relaxed) < ENOUGH {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    serving.kill().await;
    let mut acknowledged = BTreeSet::new();
    let mut unanswered = Vec::new();
    for caller in callers {
        let (joined, request) = caller.await.unwrap();
        acknowledged.extend(joined);
        unanswered.push(request);
    }
    assert!(acknowledged.len() + 2 * CALLERS >= ENOUGH as usize, "{}", acknowledged.len());

    let mut serving = place.serve(&[]).await;
    let mut waitlist = waitlist(&serving.address, &token).await;
    let found = all_entries(&mut waitlist).await;
    assert!(found.is_superset(&acknowledged), "{:?}", acknowledged.difference(&found));
    for request in unanswered {
        let joined = waitlist.join_waitlist(request).await.unwrap();
        assert!(acknowledged.insert(joined.into_inner().entry_id), "two have one entry");
    }
    assert_eq!(all_entries(&mut waitlist).await, acknowledged);
    let well = place.run(&["verify"]).await;
    assert_eq!(code(well.status), 0, "{well:?}");
    assert!(well.out.ends_with("all is well\n"), "{}", well.out);

    // And when something is not as it should be, it says so.
    let mut sql = owner(&place).await;
    let change =
        "UPDATE waiting SET queue = '1612' WHERE join_seq = (SELECT min(join_seq) FROM waiting)";
    assert_eq!(sqlx::raw_sql(change).execute(&mut sql).await.unwrap().rows_affected(), 1);
    let wrong = place.run(&["verify"]).await;
    assert_eq!(code(wrong.status), 1, "{wrong:?}");
    assert!(wrong.out.contains("WRONG: NO-16/VTA"), "{}", wrong.out);
    assert!(!wrong.out.contains("all is well"));
    assert_eq!(code(serving.terminate().await), 0);
}
