//! `GetPosition` with its explanation, over the port.

use super::*;
use crate::world::date;

async fn asked(
    caller: &Caller,
    ledger: &Ledger,
    entry_id: &str,
    with_explanation: bool,
) -> Result<GetPositionResponse, Status> {
    let request = GetPositionRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        with_explanation,
        ..GetPositionRequest::default()
    };
    Ok(caller.waitlist().get_position(request).await?.into_inner())
}

/// The words in bokmål; each language has as many paragraphs.
async fn words(caller: &Caller, ledger: &Ledger, entry_id: &str) -> String {
    let texts = asked(caller, ledger, entry_id, true).await.unwrap().texts;
    let codes: Vec<&str> = texts.iter().map(|text| text.language_code.as_str()).collect();
    assert_eq!(codes, ["nb", "nn", "en"]);
    let lengths: Vec<usize> = texts.iter().map(|text| text.paragraphs.len()).collect();
    assert!(lengths[0] > 0 && lengths == [lengths[0]; 3], "{texts:?}");
    texts[0].paragraphs.join(" ")
}

fn has(text: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(text.contains(sentence), "no {sentence:?} in {text}");
    }
}

#[tokio::test]
async fn words_come_only_when_asked_for_and_follow_the_entry() {
    let (world, ledger, _) = two_municipalities([1, 0]).await;
    let first = world.join(&ledger, 1).await;
    let second = world.join(&ledger, 2).await;
    let plain = asked(&world.office, &ledger, &second, false).await.unwrap();
    assert_eq!((plain.position_in_area, plain.texts), (2, Vec::new()));
    let told = asked(&world.office, &ledger, &second, true).await.unwrap();
    assert_eq!((told.position_in_area, told.position_in_municipality), (2, 2));
    let text = words(&world.office, &ledger, &second).await;
    has(
        &text,
        &["er nummer 2.", "har 1 ledig plass.", "rom for 1 plass til.", "Du venter på tur."],
    );
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    let text = words(&world.office, &ledger, &first).await;
    has(&text, &["Du har ikke fått noe tilbud ennå."]);
    assert!(!text.contains("Vilje"), "a proposal is no offer: {text}");
    let text = words(&world.office, &ledger, &second).await;
    has(&text, &["er nummer 1.", "Du venter på at det blir rom i andelen til"]);
    world.confirm(&ledger, vec![offer.clone()]).await;
    let text = words(&world.office, &ledger, &first).await;
    has(&text, &["Du har fått tilbud om en hel plass.", "«Vilje viser vei» hos", "kl. 23.59."]);
    world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap();
    has(&words(&world.office, &ledger, &first).await, &["Du har takket ja til en hel plass."]);
    world.start(&ledger, &offer, date(2026, 3, 2)).await;
    has(&words(&world.office, &ledger, &first).await, &["Første dag var 2. mars 2026."]);
    left(&world.office, &ledger, &second).await;
    has(&words(&world.office, &ledger, &second).await, &["Du står ikke på ventelisten lenger."]);
}

/// Words are of the same people as figures are, and written down alike.
#[tokio::test]
async fn words_are_told_to_whom_the_position_is_and_written_down() {
    let (world, ledger, _) = two_municipalities([1, 0]).await;
    let entry_id = world.join(&ledger, 1).await;
    words(&world.county, &ledger, &entry_id).await;
    let stranger = hemne(&world).await;
    let refused = asked(&stranger, &ledger, &entry_id, true).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
    let auditor = world.service.caller(Role::Auditor, "Riksrevisjonen").await;
    let refused = asked(&auditor, &ledger, &entry_id, true).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    let row = |organisation: &str, permitted| Access {
        organisation: organisation.into(),
        method: "GetPosition".into(),
        purpose: "test".into(),
        entries: vec![entry_id.clone()],
        people: 0,
        permitted,
    };
    let expected = [row("NO-16", true), row(HEMNE_OFFICE, false)];
    assert_eq!(accesses(&mut world.service.sql().await).await, expected);
}
