//! What no field takes, wherever it stands: characters that hide others, numbers that no
//! enum has, times beyond what anyone means.

use prost_reflect::Kind;
use serde_json::{Value, json};

use super::{
    Stage, name_of,
    places::{Place, places},
    reason, refused, roles_of, rpcs, violations,
};

/// What is told in words, in as many lines as it takes.
const PROSE: &[&str] = &[
    "appeal",
    "ground",
    "legal_basis",
    "note",
    "priority_ground",
    "reason",
    "reason_against_views",
    "reason_text",
    "text",
];

/// What a field of this kind must refuse.
fn bad_values(place: &Place) -> Vec<Value> {
    let kind = place.field().kind();
    if kind == Kind::String {
        let (field, message) = (place.field(), place.field().parent_message().name().to_owned());
        let is_prose = PROSE.contains(&field.name())
            || (field.name(), message.as_str()) == ("source", "MeasureType");
        let two_lines = [json!("a\nb"), json!("a\u{2028}b")].into_iter().filter(|_| !is_prose);
        let hiding = [json!("a\0b"), json!("a\u{202e}b"), json!("a\u{2066}b")];
        return hiding.into_iter().chain(two_lines).collect();
    }
    if let Kind::Enum(_) = kind {
        return vec![json!(9_999), json!(-1)];
    }
    let Kind::Message(message) = kind else { return Vec::new() };
    match message.full_name() {
        "google.protobuf.Timestamp" => {
            vec![json!("1899-12-31T23:59:59Z"), json!("2201-01-01T00:00:00Z")]
        }
        "google.type.Date" => {
            [(1899, 12, 31), (2201, 1, 1), (2026, 13, 1), (2026, 2, 30), (2026, 2, 0)]
                .map(|(year, month, day)| json!({"year": year, "month": month, "day": day}))
                .to_vec()
        }
        _ => Vec::new(),
    }
}

/// First that nothing is wrong with the request, so that what is said next is said of
/// the one field that has changed.
#[tokio::test]
async fn every_field_refuses_what_no_field_takes() {
    let stage = Stage::new().await;
    let mut refusals = 0;
    for rpc in rpcs() {
        let mut client = stage.own(roles_of(&rpc)[0]).await;
        for request in stage.requests(&rpc) {
            let answer = client.stream_json(&name_of(&rpc), std::slice::from_ref(&request)).await;
            let named = answer.as_ref().err().map(violations).unwrap_or_default();
            assert!(named.is_empty(), "{}: {answer:?} to {request}", rpc.name());
            for place in places(&rpc.input(), &request) {
                for value in bad_values(&place) {
                    let error =
                        refused(&mut client, &rpc, place.set(&request, value.clone())).await;
                    let name = place.name();
                    let expected = match name.as_str() {
                        "page_token" => ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID"),
                        row if row.starts_with("rows.") && rpc.name() == "ImportExisting" => {
                            ("FAILED_PRECONDITION", "EXISTING_ROWS_INVALID")
                        }
                        row if row.starts_with("rows.") => {
                            ("FAILED_PRECONDITION", "REGISTRY_ROWS_INVALID")
                        }
                        _ => ("INVALID_ARGUMENT", "INVALID_FIELDS"),
                    };
                    let reason = reason(&error);
                    let told = (error.code(), reason.as_str());
                    assert_eq!(told, expected, "{} {name} {value}: {error}", rpc.name());
                    let named = violations(&error);
                    assert!(named.contains(&name), "{} {name} {value}: {error}", rpc.name());
                    refusals += 1;
                }
            }
        }
    }
    assert!(refusals > 300, "only {refusals} refusals");
}
