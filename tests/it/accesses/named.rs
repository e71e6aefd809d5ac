//! What a call is called, and why it is made: required where somebody is named, written down
//! with the access, told in the answer and in the service's log.

use tiltaksplass::auth::TokenRequest;
use time::Duration;
use tonic::metadata::MetadataMap;

use super::*;
use crate::support::logs;

fn call_id(metadata: &MetadataMap) -> String {
    metadata.get("x-call-id").expect("every answer names its call").to_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_names_somebody_says_why_in_the_field_or_in_a_header() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let entry = |with_person| GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.clone(),
        with_person,
        ..GetWaitlistEntryRequest::default()
    };
    let check = CheckParticipationRequest {
        national_identity_number: identity(1),
        ..CheckParticipationRequest::default()
    };
    let service = world.service.caller(Role::Service, "aap").await;
    let accesses = ListAccessesRequest { purpose: String::new(), ..of_entry(&ledger, &entry_id) };
    for said in [&[][..], &[("x-purpose", "  ")][..], &[("x-case-reference", "")][..]] {
        let (office, service) = (world.office.saying(said), service.saying(said));
        let refused = [
            office.waitlist().lookup_person(lookup(1)).await.unwrap_err(),
            office.waitlist().get_waitlist_entry(entry(true)).await.unwrap_err(),
            office.audit().list_accesses(accesses.clone()).await.unwrap_err(),
            service.allocation().check_participation(check.clone()).await.unwrap_err(),
        ];
        for status in refused {
            assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELDS"));
            assert!(status.message().starts_with("purpose is required"), "{}", status.message());
        }
        // A row of a list names nobody: that it was shown is written down with what was said.
        office.waitlist().get_waitlist_entry(entry(false)).await.unwrap();
    }
    let mut sql = world.service.sql().await;
    sqlx::raw_sql("TRUNCATE access_log, access_recorder").execute(&mut sql).await.unwrap();
    let own = LookupPersonRequest { purpose: "i feltet".into(), ..lookup(1) };
    let replica = world.service.replica().await;
    let office = replica.caller(Role::Office, OFFICE).await;
    for (said, request) in [
        (&[("x-purpose", "i hodet")][..], lookup(1)),
        (&[("x-case-reference", "sak 17")][..], lookup(1)),
        (&[("x-purpose", "i hodet"), ("x-case-reference", "sak 17")][..], own),
    ] {
        office.saying(said).waitlist().lookup_person(request).await.unwrap();
        world.service.clock.advance(Duration::seconds(1));
    }
    assert_eq!(column(&mut sql, "purpose").await, ["i hodet", "", "i feltet"]);
    assert_eq!(column(&mut sql, "case_reference").await, ["", "sak 17", "sak 17"]);
    world.service.verify().await;
}

#[tokio::test]
async fn a_case_that_names_somebody_by_number_is_refused() {
    let world = World::new().await;
    let number = identity(1);
    let caller = world.office.saying(&[("x-case-reference", &number)]);
    let refused = caller.waitlist().lookup_person(lookup(1)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::InvalidArgument, "INVALID_FIELDS"));
    assert!(refused.message().starts_with("x-case-reference"), "{}", refused.message());
    assert!(!refused.message().contains(&number));
}

/// The caller's own name for the call where it is one, otherwise ours: in the access log, in
/// the answer, in a refusal, and in every line that is logged of it.
#[tokio::test]
async fn a_call_has_one_name_everywhere() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let ask = async |headers: &[(&'static str, &str)]| {
        let caller = world.office.saying(headers);
        let answer = caller.waitlist().get_position(position(&ledger, &entry_id)).await.unwrap();
        call_id(answer.metadata())
    };
    assert_eq!(ask(&[("x-call-id", "kall-1")]).await, "kall-1");
    assert_eq!(ask(&[("nav-call-id", "kall-2")]).await, "kall-2");
    assert_eq!(ask(&[("x-call-id", "kall-3"), ("nav-call-id", "kall-4")]).await, "kall-3");
    let (number, long) = (identity(1), "x".repeat(65));
    for unusable in ["", "to ord", "a=b", &number, &long] {
        let made = ask(&[("x-call-id", unusable)]).await;
        assert!(uuid::Uuid::try_parse(&made).is_ok(), "{unusable}: {made}");
        let fallback = ask(&[("x-call-id", unusable), ("nav-call-id", "kall-5")]).await;
        assert_eq!(fallback, "kall-5");
    }
    let named = column(&mut world.service.sql().await, "call_id").await;
    assert_eq!(named[..3], ["kall-1", "kall-2", "kall-3"]);
    assert!(named.iter().all(|name| !name.is_empty() && *name != number), "{named:?}");
    // Refused by a rule, by the form, and without a token.
    let caller = world.office.saying(&[("x-call-id", "avslag-1")]);
    let refused = caller.waitlist().get_position(position(&ledger, "x")).await.unwrap_err();
    assert_eq!(call_id(refused.metadata()), "avslag-1");
    let mut stranger = caller;
    stranger.bearer = crate::support::Bearer::new("x");
    let stranger = stranger.saying(&[("x-call-id", "avslag-2")]);
    let refused = stranger.waitlist().get_position(position(&ledger, "x")).await.unwrap_err();
    assert_eq!(
        (refused.code(), call_id(refused.metadata())),
        (Code::Unauthenticated, "avslag-2".into())
    );
    let logs = logs();
    let line = logs.lines().find(|line| line.contains("avslag-1")).expect("it is logged");
    assert!(line.contains("call_id=\"avslag-1\"") && line.contains("a call was refused"), "{line}");
    assert!(logs.lines().any(|line| line.contains("avslag-2")), "a stranger's call has a name too");
    world.service.verify().await;
}

/// What the token says of a caller stands in the row: the name is for auditors.
#[tokio::test]
async fn a_row_says_who_it_was_and_by_which_call() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let request = TokenRequest {
        name: Some("Kari Nordmann".into()),
        ..TokenRequest::new("Z990001", Role::County, COUNTY, Duration::hours(1))
    };
    let kari = world.service.caller_with(&request).await;
    let kari = kari.saying(&[("x-call-id", "kall-1"), ("x-case-reference", "sak 17")]);
    kari.waitlist().get_position(position(&ledger, &entry_id)).await.unwrap();
    // A preview of a write tells of people too.
    let preview = JoinWaitlistRequest { validate_only: true, ..join(&ledger, 2) };
    kari.waitlist().join_waitlist(preview).await.unwrap();
    let mut sql = world.service.sql().await;
    for (name, value) in [
        ("name", "Kari Nordmann"),
        ("call_id", "kall-1"),
        ("case_reference", "sak 17"),
        ("form", "2"),
        ("authority", "null"),
        ("on_behalf_of", ""),
        ("client", ""),
    ] {
        assert_eq!(column(&mut sql, name).await, [value, value], "{name}");
    }
    world.service.verify().await;
}

/// A row as it was written before there was more to say, in a chain that goes on.
#[tokio::test]
async fn chains_with_rows_from_before_still_follow() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    for _ in 0..3 {
        world.county.waitlist().get_position(position(&ledger, &entry_id)).await.unwrap();
    }
    let mut sql = world.service.sql().await;
    as_before(&mut sql).await;
    world.service.verify().await;
    let old = listed(&auditor(&world).await, of_everybody()).await;
    assert_eq!((old.len(), old[0].call_id.as_str()), (3, ""));
    // What stands there cannot be said of a row from before: the database refuses it.
    let said = "UPDATE access_log SET call_id = 'x' WHERE number = 1";
    let refused = sqlx::raw_sql(said).execute(&mut sql).await.unwrap_err().to_string();
    assert!(refused.contains("access_log_form_1_says_no_more"), "{refused}");
}

/// Makes all rows those of form 1: without what they say more, and chained anew as the first
/// service did it, which is said here once more in SQL.
async fn as_before(sql: &mut PgConnection) {
    let statements = "
        UPDATE access_log SET form = 1, authority = NULL, on_behalf_of = '', name = '',
            client = '', case_reference = '', call_id = '';
        CREATE FUNCTION part(b bytea) RETURNS bytea LANGUAGE sql AS
            $$ SELECT int8send(length(b)::bigint) || b $$;
        CREATE FUNCTION ids(u uuid[]) RETURNS bytea LANGUAGE sql AS
            $$ SELECT coalesce(string_agg(uuid_send(i), ''::bytea ORDER BY n), ''::bytea)
               FROM unnest(u) WITH ORDINALITY AS x(i, n) $$;
        CREATE FUNCTION words(t text) RETURNS bytea LANGUAGE sql AS
            $$ SELECT part(convert_to(t, 'UTF8')) $$;
        DO $$
        DECLARE r record; prev bytea := decode(repeat('00', 32), 'hex');
        BEGIN
            FOR r IN SELECT * FROM access_log ORDER BY county_id, recorder_id, number LOOP
                IF r.number = 1 THEN prev := decode(repeat('00', 32), 'hex'); END IF;
                UPDATE access_log SET prev_hash = prev, hash = sha256(
                    'tiltaksplass.access.v1'::bytea || '\\x00'::bytea || prev
                    || words(r.county_id) || part(uuid_send(r.recorder_id))
                    || part(int8send(r.number)) || part(uuid_send(r.access_id))
                    || part(int8send((extract(epoch FROM r.at) * 1000000)::bigint))
                    || words(r.issuer) || words(r.subject) || words(r.role)
                    || words(r.organisation) || words(r.employer) || words(r.method)
                    || words(r.measure_code) || words(r.purpose)
                    || part(ids(r.entry_ids)) || part(ids(r.person_ids))
                    || part(CASE WHEN r.permitted THEN '\\x01'::bytea ELSE '\\x00'::bytea END))
                WHERE access_id = r.access_id RETURNING hash INTO prev;
                UPDATE access_recorder SET hash = prev
                WHERE recorder_id = r.recorder_id AND county_id = r.county_id
                AND number = r.number;
            END LOOP;
        END $$;";
    sqlx::raw_sql(statements).execute(sql).await.unwrap();
}
