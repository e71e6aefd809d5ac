//! A page of rows that are as large as rows may be ends early: its answer is always one
//! that may be sent.

use futures::future::join_all;
use tiltaksplass::proto::v1::*;

use crate::world::{World, join};

const PEOPLE: u32 = 300;

#[tokio::test]
async fn a_page_of_large_entries_ends_early_and_the_next_goes_on() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let fields: Vec<String> = (0..20).map(|n| format!("{n:0>100}")).collect();
    let joins = (1..=PEOPLE).map(|person| {
        let request = JoinWaitlistRequest { work_fields: fields.clone(), ..join(&ledger, person) };
        let mut office = world.office.waitlist();
        async move { office.join_waitlist(request).await }
    });
    for joined in join_all(joins).await {
        joined.unwrap();
    }
    let mut request = ListWaitlistEntriesRequest {
        ledger: Some(ledger),
        page_size: 500,
        ..ListWaitlistEntriesRequest::default()
    };
    let mut pages = Vec::new();
    loop {
        let page = world.county.waitlist().list_waitlist_entries(request.clone()).await.unwrap();
        let page = page.into_inner();
        pages.push(page.entries.len());
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(pages.iter().sum::<usize>(), usize::try_from(PEOPLE).unwrap(), "{pages:?}");
    assert_eq!(pages.len(), 2, "{pages:?}");
}
