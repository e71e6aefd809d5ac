//! Killed between a read and its record, the service has answered nothing that is not written
//! down: every answer that arrived has its row, by the name of its call.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::Connection;
use tiltaksplass::proto::v1::{waitlist_service_client::WaitlistServiceClient, *};
use tonic::{
    Request,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use super::{DEMO_DATA, Place, code, import, owner};
use crate::{
    support::{Bearer, at_length, request_id},
    world::identity,
};

/// How many readers there are at the same time.
const READERS: u32 = 6;
/// How many answers arrive before a kill, at least: no two kills at the same step.
const ANSWERS: u32 = 40;

type Waitlist = WaitlistServiceClient<InterceptedService<Channel, Bearer>>;

async fn waitlist(address: &str, token: &str) -> Waitlist {
    let channel = Endpoint::from_shared(address.to_owned()).unwrap().connect().await.unwrap();
    WaitlistServiceClient::with_interceptor(channel, Bearer::new(token))
}

fn vta() -> Ledger {
    Ledger { county_id: "NO-16".into(), measure_code: "VTA".into() }
}

/// Looks somebody up again and again until nobody answers; the names of the calls that were
/// answered.
async fn read_until_the_end(
    mut waitlist: Waitlist,
    reader: String,
    answered: Arc<AtomicU32>,
) -> Vec<String> {
    let mut names = Vec::new();
    for number in 0.. {
        let name = format!("{reader}-{number}");
        let mut request = Request::new(LookupPersonRequest {
            national_identity_number: identity(1),
            ..LookupPersonRequest::default()
        });
        request.metadata_mut().insert("x-call-id", name.parse().unwrap());
        let Ok(answer) = waitlist.lookup_person(request).await else { break };
        assert_eq!(answer.metadata().get("x-call-id").unwrap(), name.as_str());
        assert_eq!(answer.into_inner().entries.len(), 1);
        names.push(name);
        answered.fetch_add(1, Ordering::Relaxed);
    }
    names
}

#[tokio::test]
async fn no_answer_arrived_that_is_not_written_down() {
    let kills = at_length(4, 48);
    let place = Place::new();
    let mut serving = place.serve(&[]).await;
    import(&serving, &place, DEMO_DATA).await;
    let token = place.token("county", "NO-16").await;
    let join = JoinWaitlistRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        national_identity_number: identity(1),
        municipality_number: "1601".into(),
        following_office_number: "9601".into(),
        ..JoinWaitlistRequest::default()
    };
    waitlist(&serving.address, &token).await.join_waitlist(join).await.unwrap();
    let mut arrived = BTreeSet::new();
    for kill in 0..kills {
        let answered = Arc::new(AtomicU32::new(0));
        let mut readers = Vec::new();
        for reader in 0..READERS {
            let client = waitlist(&serving.address, &token).await;
            let name = format!("drap-{kill}-{reader}");
            readers.push(tokio::spawn(read_until_the_end(client, name, Arc::clone(&answered))));
        }
        while answered.load(Ordering::Relaxed) < ANSWERS + kill {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        serving.kill().await;
        for reader in readers {
            arrived.extend(reader.await.unwrap());
        }
        serving = place.serve(&[]).await;
    }
    let mut sql = owner(&place).await;
    let written: Vec<String> =
        sqlx::query_scalar("SELECT call_id FROM access_log WHERE call_id LIKE 'drap-%'")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    sql.close().await.unwrap();
    let written: BTreeSet<String> = written.into_iter().collect();
    assert!(arrived.len() >= (kills * ANSWERS) as usize, "{} answers", arrived.len());
    let missing: Vec<&String> = arrived.difference(&written).collect();
    assert!(missing.is_empty(), "answered and not written down: {missing:?}");
    let well = place.run(&["verify"]).await;
    assert!(well.out.ends_with("all is well\n"), "{well:?}");
    assert_eq!(code(serving.terminate().await), 0);
}
