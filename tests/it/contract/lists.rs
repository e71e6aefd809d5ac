//! Whatever may be long comes in pages.

use prost_reflect::{Kind, MethodDescriptor};
use serde_json::{Value, json};
use tiltaksplass::domain::access::Role;

use super::{Stage, name_of, reason, refused, roles_of, rpcs, violations};

/// Answers with lists that need no pages, and what bounds them.
const BOUNDED: &[(&str, &str)] = &[
    ("GetAvailability", "a ledger has at most 2,000 place groups"),
    ("SummarizeQueues", "figures by municipality and place group, which are bounded"),
    ("AllocatePlaces", "at most 500 proposals, the first 100 passed over, and counts"),
    ("ConfirmProposals", "at most the 500 that were asked for"),
    ("PauseEntry", "the one place that was given back, by parts of a place"),
    ("BatchJoinWaitlist", "at most the 500 that were asked for"),
    ("RespondToOffer", "the one place that was given back, by parts of a place"),
    ("LeaveWaitlist", "the one place that was given back, by parts of a place"),
    ("ResolveObjection", "the one place that was given back, by parts of a place"),
    ("WithdrawOffer", "the one place that was given back, by parts of a place"),
    ("TransferEntry", "as many as fit into the place that was given back"),
    ("Apportion", "at most the 5,000 areas that were asked for"),
    ("GetFairShare", "one a municipality of the area, or of all areas, and so many warnings"),
    ("ListVacancies", "at most 2,000 place groups and 1,000 quotas"),
    ("GetWaitlistEntry", "revisions alone"),
    ("ImportExisting", "at most the 5,000 rows and 2,000 totals of the import, and the accounts"),
    ("ExplainDecision", "one text a language"),
    ("ChangePlacement", "at most the 200 shares that are registered of a placement"),
    ("ReportClosure", "the first 500 placements in the group"),
    ("GetPosition", "one text a language"),
    ("CheckParticipation", "one a measure type, since nobody has two of one at a time"),
    ("GetShadowReport", "sums by reason and municipality, and the latest 500 deviations"),
    ("EstimateWait", "one text a language"),
    ("Correct", "the one place that was given back, and the first 100 runs"),
    ("GetAccessReport", "one an office of the area"),
    ("ReviewAccesses", "at most 200 drawn, and the first 50 of each of four rules"),
    ("SimulateRedistribution", "one a year of 100, and one a municipality of the area"),
    ("ExplainRedirection", "the places of one row, and one text a language"),
    ("CompareFairShares", "at most 8 methods by 10 keys, and 1,000 who share"),
    ("ReassignAdviser", "at most 500 at once in all ledgers, and how many are left"),
];

fn has(rpc: &MethodDescriptor, name: &str, kind: &Kind) -> bool {
    rpc.input().get_field_by_name(name).is_some_and(|field| field.kind() == *kind)
}

fn is_paged(rpc: &MethodDescriptor) -> bool {
    let next = rpc.output().get_field_by_name("next_page_token");
    has(rpc, "page_size", &Kind::Int32)
        && has(rpc, "page_token", &Kind::String)
        && next.is_some_and(|field| field.kind() == Kind::String)
}

/// Whether it answers with a list of things.
fn is_list(rpc: &MethodDescriptor) -> bool {
    let lists = rpc.output().fields().any(|f| f.is_list() && f.name() != "revisions");
    lists || rpc.name().starts_with("List")
}

#[test]
fn every_list_has_pages_or_a_bound() {
    for rpc in rpcs() {
        let bounded = BOUNDED.iter().any(|(name, _)| *name == rpc.name());
        let said = ["page_size", "page_token"].map(|name| rpc.input().get_field_by_name(name));
        let any = said.iter().any(Option::is_some);
        assert_eq!(is_paged(&rpc), any, "{} has half of what pages need", rpc.name());
        if is_list(&rpc) {
            assert_ne!(is_paged(&rpc), bounded, "{} has pages or a bound", rpc.name());
        }
    }
    for (name, bound) in BOUNDED {
        assert!(rpcs().iter().any(|rpc| rpc.name() == *name) && !bound.is_empty(), "{name}");
    }
}

async fn first_page(stage: &Stage, rpc: &MethodDescriptor, role: Role) -> Value {
    let mut client = stage.own(role).await;
    let ledger = json!({"countyId": "NO-16", "measureCode": "VTA"});
    let body = json!({"ledger": ledger, "pageSize": 1});
    client.stream_json(&name_of(rpc), &[body]).await.unwrap().remove(0)
}

#[tokio::test]
async fn pages_have_a_size_and_a_token_of_their_own() {
    let stage = Stage::new().await;
    let paged: Vec<MethodDescriptor> = rpcs().into_iter().filter(is_paged).collect();
    assert!(paged.len() >= 2);
    // A true token of a list, which no other takes.
    let changes = paged.iter().find(|rpc| rpc.name() == "ListChanges").unwrap();
    let page = first_page(&stage, changes, Role::County).await;
    let token = page["nextPageToken"].as_str().unwrap();
    for rpc in &paged {
        let role = roles_of(rpc)[0];
        let mut client = stage.own(role).await;
        let request = stage.requests(rpc).remove(0);
        let with = |name: &str, value: Value| {
            let mut request = request.clone();
            request[name] = value;
            request
        };
        for size in [501, -1, i32::MAX, i32::MIN] {
            let error = refused(&mut client, rpc, with("pageSize", json!(size))).await;
            assert_eq!(error.code(), "INVALID_ARGUMENT", "{} {size}", rpc.name());
            assert_eq!(reason(&error), "INVALID_FIELDS", "{} {size}", rpc.name());
            assert!(violations(&error).contains("page_size"), "{} {size}", rpc.name());
            // Both numbers: what was asked for, and the most there may be.
            let text = error.message();
            assert!(text.contains(&size.to_string()) && text.contains("500"), "{text}");
        }
        for size in [0, 1, 500] {
            let answer = client.stream_json(&name_of(rpc), &[with("pageSize", json!(size))]).await;
            let named = answer.as_ref().err().map(violations).unwrap_or_default();
            assert!(named.is_empty(), "{} {size}: {answer:?}", rpc.name());
        }
        let cut = &token[..token.len() - 1];
        let mut foreign = vec!["x", "AAAA", cut];
        if rpc.name() != changes.name() {
            foreign.push(token);
        }
        for token in foreign {
            let error = refused(&mut client, rpc, with("pageToken", json!(token))).await;
            assert_eq!(error.code(), "INVALID_ARGUMENT", "{} {token}", rpc.name());
            assert_eq!(reason(&error), "PAGE_TOKEN_INVALID", "{} {token}", rpc.name());
        }
    }
    // With another argument than before it is none of this list either.
    let mut client = stage.own(Role::County).await;
    let ledger = json!({"countyId": "NO-16", "measureCode": "VTA"});
    let body = json!({"ledger": ledger, "afterSeq": 1, "pageToken": token});
    assert_eq!(reason(&refused(&mut client, changes, body).await), "PAGE_TOKEN_INVALID");
}
