//! What the protos themselves must have.

use prost_reflect::Kind;

use super::{comments, method_of, required_fields, roles_of, rpcs};
use crate::contract::pool;

/// What a name begins with, of an RPC that changes nothing.
const READS: &[&str] = &[
    "Get",
    "List",
    "Summarize",
    "Lookup",
    "Explain",
    "Check",
    "Estimate",
    "Apportion",
    "Compare",
    "Simulate",
    "ReviewAccesses",
];

#[test]
fn everything_has_a_comment() {
    let comments = comments::all();
    let ends = |text: &str| text.ends_with(['.', ':', '"', ')']);
    let bad: Vec<&String> =
        comments.iter().filter(|(_, text)| !ends(text)).map(|(name, _)| name).collect();
    assert!(bad.is_empty(), "without a whole sentence: {bad:#?}");
    // Nothing was overlooked.
    let pool = pool();
    let own = |name: &str| name.starts_with("tiltaksplass.v1.");
    for message in pool.all_messages().filter(|message| own(message.full_name())) {
        assert!(comments.contains_key(message.full_name()), "{}", message.full_name());
        for field in message.fields() {
            assert!(comments.contains_key(field.full_name()), "{}", field.full_name());
        }
    }
    for rpc in rpcs() {
        assert!(comments.contains_key(rpc.full_name()), "{}", rpc.full_name());
    }
    assert!(comments.len() > 500, "only {}", comments.len());
}

#[test]
fn every_mutation_has_a_name_of_its_own_and_a_preview() {
    let mut mutations = 0;
    for rpc in rpcs() {
        let (input, output) = (rpc.input(), rpc.output());
        let changes = !READS.iter().any(|verb| rpc.name().starts_with(verb));
        let kind = |name: &str| input.get_field_by_name(name).map(|field| field.kind());
        if !changes {
            assert_eq!(kind("request_id"), None, "{}", rpc.name());
            assert_eq!(kind("validate_only"), None, "{}", rpc.name());
            continue;
        }
        assert_eq!(kind("request_id"), Some(Kind::String), "{}", rpc.name());
        assert_eq!(kind("validate_only"), Some(Kind::Bool), "{}", rpc.name());
        assert!(required_fields(&input).contains("request_id"), "{}", rpc.name());
        let revision = output.get_field_by_name("revision").map(|field| field.kind());
        let Some(Kind::Message(revision)) = revision else { panic!("{}", rpc.name()) };
        assert_eq!(revision.name(), "Revision", "{}", rpc.name());
        mutations += 1;
    }
    assert!(mutations >= 12, "only {mutations}");
}

/// Every read of the state of a ledger can wait for what the caller has written, and
/// says how far it had come.
#[test]
fn every_read_says_how_far_it_saw() {
    for rpc in rpcs() {
        let name = rpc.name();
        let at_least = rpc.input().get_field_by_name("at_least_seq").is_some();
        let revisions = rpc.output().get_field_by_name("revisions").is_some();
        let reads = READS.iter().any(|verb| name.starts_with(verb));
        let of_log = ["ListAccesses", "ReviewAccesses"].contains(&name);
        let of_no_ledger = of_log
            || ["Apportion", "LookupPerson", "CheckParticipation", "ListMyWork"].contains(&name);
        assert_eq!(at_least, reads && !of_no_ledger, "{name}");
        // One small answer names no ledger.
        let of_one = of_log || ["Apportion", "CheckParticipation"].contains(&name);
        assert_eq!(revisions, reads && !of_one, "{name}");
    }
}

#[test]
fn every_rpc_is_allowed_to_somebody() {
    for rpc in rpcs() {
        assert!(!roles_of(&rpc).is_empty(), "nobody may call {:?}", method_of(&rpc));
    }
}
