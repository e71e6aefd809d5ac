//! One command that the database will not take costs nobody else anything.

use tiltaksplass::proto::v1::*;
use tonic::Code;

use crate::{
    support::reason,
    world::{World, join},
};

#[tokio::test]
async fn only_the_culprit_of_a_batch_pays() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let mut sql = world.service.sql().await;
    sqlx::raw_sql(
        "ALTER TABLE entry ADD CONSTRAINT poison \
         CHECK (doc->>'case_reference' IS DISTINCT FROM 'POISON')",
    )
    .execute(&mut sql)
    .await
    .unwrap();
    for round in 0..5 {
        let calls = (0..60).map(|n| {
            let case_reference = if n == 30 { "POISON".to_owned() } else { String::new() };
            let request = JoinWaitlistRequest { case_reference, ..join(&ledger, round * 60 + n) };
            let office = world.office.clone();
            tokio::spawn(async move { office.waitlist().join_waitlist(request).await })
        });
        for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
            let answer = call.await.unwrap();
            if n == 30 {
                let status = answer.unwrap_err();
                assert_eq!((status.code(), reason(&status)), (Code::Internal, "INTERNAL".into()));
                assert!(!status.message().contains("poison"), "database text never leaves");
            } else {
                answer.unwrap();
            }
        }
    }
    let people: i64 =
        sqlx::query_scalar("SELECT count(*) FROM person").fetch_one(&mut sql).await.unwrap();
    assert_eq!(people, 5 * 59);
    world.service.verify().await;
}
