//! `GetShadowReport`: figures of a story, who may ask, and what is told to whom.

use super::*;

/// The quarter the clock stands in: others than county and auditor ask for one.
fn quarter(ledger: &Ledger) -> GetShadowReportRequest {
    GetShadowReportRequest {
        ledger: Some(ledger.clone()),
        from_date: Some(date(2026, 1, 1)),
        until_date: Some(date(2026, 4, 1)),
        at_least_seq: 0,
    }
}

async fn report(
    caller: &Caller,
    request: GetShadowReportRequest,
) -> Result<GetShadowReportResponse, Status> {
    Ok(caller.report().get_shadow_report(request).await?.into_inner())
}

/// Places for two municipalities, with so many people of each, who join in turn.
struct Story {
    world: World,
    ledger: Ledger,
    group: String,
    trondheim: Vec<String>,
    hemne: Vec<String>,
}

async fn story(people: u32) -> Story {
    let (world, ledger) = (World::new().await, vta());
    world.budget(&ledger, 100).await;
    world.quotas(&ledger, &[(TRONDHEIM, 50), (HEMNE, 50)]).await;
    let group = world.place_group(&ledger, 100).await;
    world.enforce(&ledger, Enforcement::Observe).await;
    let (mut trondheim, mut hemne) = (Vec::new(), Vec::new());
    for person in 1..=people {
        trondheim.push(world.join(&ledger, person).await);
        let request = JoinWaitlistRequest {
            municipality_number: HEMNE.into(),
            following_office_number: HEMNE_OFFICE.into(),
            ..join(&ledger, 1_000 + person)
        };
        let joined = world.county.waitlist().join_waitlist(request).await.unwrap();
        hemne.push(joined.into_inner().entry_id);
    }
    Story { world, ledger, group, trondheim, hemne }
}

impl Story {
    async fn placed(&self, entry_id: &str, says_why: bool) -> PlacePersonResponse {
        let request = by_hand(&self.ledger, entry_id, &self.group);
        let request = if says_why { with_reason(request) } else { request };
        place(&self.world.county, request).await.unwrap()
    }

    async fn told(&self, role: Role, organisation: &str) -> GetShadowReportResponse {
        let caller = self.world.service.caller(role, organisation).await;
        report(&caller, quarter(&self.ledger)).await.unwrap()
    }
}

/// Trondheim's third, then its first, then Hemne's second.
#[tokio::test]
async fn a_county_and_an_auditor_are_told_every_figure_and_each_deviation() {
    let story = story(3).await;
    let third = story.placed(&story.trondheim[2], true).await;
    assert_eq!(third.passed_over, 4, "two of each municipality stood ahead");
    story.world.service.clock.advance(time::Duration::hours(1));
    story.placed(&story.trondheim[0], false).await;
    story.placed(&story.hemne[1], false).await;
    for (role, organisation) in [(Role::County, COUNTY), (Role::Auditor, "Riksrevisjonen")] {
        let told = story.told(role, organisation).await;
        let verdicts = (told.given_by_hand, told.agrees, told.deviates, told.nobody);
        assert_eq!(verdicts, (3, 1, 2, 0));
        let hidden = [
            told.given_by_hand_hidden,
            told.verdicts_hidden,
            told.deviations_by_reason_hidden,
            told.passed_over_hidden,
            told.municipalities_hidden,
            told.passed_over_is_least,
        ];
        assert_eq!(hidden, [false; 6]);
        let reasons: Vec<_> =
            told.deviations_by_reason.iter().map(|one| (one.reason(), one.count)).collect();
        let expected = [(OutOfTurnReason::Unspecified, 1), (OutOfTurnReason::Returns, 1)];
        assert_eq!(reasons, expected);
        // Ahead of Hemne's second stood Hemne's first and Trondheim's second.
        assert_eq!((told.passed_over, told.passed_over_most), (4 + 2, 4));
        let places: Vec<_> = told
            .municipalities
            .iter()
            .map(|one| (&one.municipality_number[..], one.given_by_hand, one.deviates))
            .collect();
        assert_eq!(places, [(TRONDHEIM, 2, 1), (HEMNE, 1, 1)]);
        let [latest, earliest] = &told.deviations[..] else { panic!("{told:?}") };
        assert_eq!((&latest.entry_id, latest.passed_over), (&story.hemne[1], 2));
        assert_eq!(latest.would_have_served_entry_id, story.hemne[0]);
        assert_eq!((&earliest.entry_id, earliest.passed_over), (&story.trondheim[2], 4));
        assert_eq!(earliest.would_have_served_entry_id, story.trondheim[0]);
        assert_eq!(earliest.offer_id, third.offer.as_ref().unwrap().offer_id);
        assert_eq!((latest.reason(), earliest.reason()), (expected[0].0, expected[1].0));
        assert_eq!(told.enforcement.unwrap().enforcement(), Enforcement::Observe);
        // Whose entries were named is written down.
        let mut sql = story.world.service.sql().await;
        let named: Vec<i32> = sqlx::query_scalar(
            "SELECT cardinality(entry_ids) FROM access_log WHERE method = 'GetShadowReport'",
        )
        .fetch_all(&mut sql)
        .await
        .unwrap();
        assert!(!named.is_empty() && named.iter().all(|n| *n == 4), "{named:?}");
    }
    story.world.service.verify().await;
}

/// Who does not see the people behind the figures.
const OTHERS: [(Role, &str); 4] = [
    (Role::Directorate, "NAV"),
    (Role::Office, OFFICE),
    (Role::Municipality, TRONDHEIM),
    (Role::Municipality, HEMNE),
];

#[tokio::test]
async fn others_are_told_figures_and_nothing_of_few() {
    let story = story(9).await;
    story.placed(&story.trondheim[8], false).await;
    let enforcement = shown(&story.world.office, &story.ledger).await;
    for (role, organisation) in OTHERS {
        let told = story.told(role, organisation).await;
        let revisions = told.revisions.clone();
        // Its own is told to who is of Trondheim.
        let is_own = matches!(organisation, OFFICE | TRONDHEIM);
        let own = ShadowMunicipality {
            municipality_number: TRONDHEIM.into(),
            given_by_hand: 1,
            deviates: 0,
        };
        let hidden = ["given_by_hand", "agrees", "deviates", "nobody", "deviations_by_reason"];
        let lists = if is_own { &[][..] } else { &["municipalities"] };
        let hidden = hidden.iter().chain(&["passed_over_most"]).chain(lists);
        let nothing = GetShadowReportResponse {
            revisions,
            enforcement: enforcement.clone(),
            given_by_hand_hidden: true,
            verdicts_hidden: true,
            deviations_by_reason_hidden: true,
            passed_over_hidden: true,
            municipalities: is_own.then_some(own).into_iter().collect(),
            municipalities_hidden: !is_own,
            hidden_fields: hidden.chain(&["passed_over"]).map(|name| (*name).to_owned()).collect(),
            ..GetShadowReportResponse::default()
        };
        assert_eq!(told, nothing, "{role:?}");
    }
    // Six deviations of Trondheim's people, and five of each municipality's in turn.
    for index in (3..8).rev() {
        story.placed(&story.trondheim[index], false).await;
    }
    for index in 0..3 {
        story.placed(&story.trondheim[index], false).await;
        story.placed(&story.hemne[index], false).await;
    }
    for index in 3..5 {
        story.placed(&story.hemne[index], false).await;
    }
    for (role, organisation) in OTHERS {
        let told = story.told(role, organisation).await;
        let verdicts = (told.given_by_hand, told.agrees, told.deviates, told.nobody);
        assert_eq!((verdicts, told.verdicts_hidden), ((14, 8, 6, 0), false), "{role:?}");
        let places: Vec<_> = told
            .municipalities
            .iter()
            .map(|one| (&one.municipality_number[..], one.given_by_hand, one.deviates))
            .collect();
        assert_eq!(places, [(TRONDHEIM, 9, 0), (HEMNE, 5, 0)]);
        assert!(told.passed_over > 20 && told.passed_over_most == 0 && !told.passed_over_hidden);
        assert!(told.deviations.is_empty());
    }
    let mut sql = story.world.service.sql().await;
    let accesses: i64 =
        sqlx::query_scalar("SELECT count(*) FROM access_log WHERE method = 'GetShadowReport'")
            .fetch_one(&mut sql)
            .await
            .unwrap();
    assert_eq!(accesses, 0, "figures name nobody");
    story.world.service.verify().await;
}

#[tokio::test]
async fn who_sees_figures_alone_asks_for_one_quarter() {
    let story = story(1).await;
    // A longer period, less the quarter, would tell of what lies between.
    for (from, until) in [((2026, 1), (2026, 2)), ((2025, 10), (2026, 4)), ((2026, 2), (2026, 5))] {
        let request = GetShadowReportRequest {
            from_date: Some(date(from.0, from.1, 1)),
            until_date: Some(date(until.0, until.1, 1)),
            ..quarter(&story.ledger)
        };
        for (role, organisation) in OTHERS {
            let caller = story.world.service.caller(role, organisation).await;
            let longer = report(&caller, request.clone()).await.unwrap_err();
            assert_eq!(told(&longer), refused(Code::InvalidArgument, "INVALID_FIELDS"), "{role:?}");
        }
    }
}

#[tokio::test]
async fn a_report_is_of_its_own_days_and_its_own_ledger() {
    let story = story(2).await;
    // Late in the evening of the second, as the clock of Norway shows it.
    story.world.service.clock.advance(time::Duration::hours(14));
    let county = story.world.service.caller(Role::County, COUNTY).await;
    let request = by_hand(&story.ledger, &story.trondheim[1], &story.group);
    place(&county, request).await.unwrap();
    let counted = async |from: i32, until: i32| {
        let request = GetShadowReportRequest {
            from_date: Some(date(2026, 3, from)),
            until_date: Some(date(2026, 3, until)),
            ..quarter(&story.ledger)
        };
        report(&county, request).await.map(|told| (told.given_by_hand, told.deviations.len()))
    };
    assert_eq!(counted(2, 3).await.unwrap(), (0, 0));
    assert_eq!(counted(3, 4).await.unwrap(), (1, 1), "23:00 UTC is the third's first hour");
    assert_eq!(counted(4, 9).await.unwrap(), (0, 0));
    for (from, until) in [(3, 3), (4, 3)] {
        let backwards = counted(from, until).await.unwrap_err();
        assert_eq!(told(&backwards), refused(Code::InvalidArgument, "INVALID_FIELDS"));
    }
    let ages =
        GetShadowReportRequest { until_date: Some(date(2036, 4, 1)), ..quarter(&story.ledger) };
    let ages = report(&county, ages).await.unwrap_err();
    assert_eq!(told(&ages), refused(Code::InvalidArgument, "INVALID_FIELDS"));
    let nothing = report(&county, quarter(&crate::world::avklaring())).await.unwrap();
    assert_eq!((nothing.given_by_hand, nothing.enforcement.unwrap().enforcement()), {
        (0, Enforcement::Bind)
    });
}

#[tokio::test]
async fn a_report_is_for_those_of_the_area() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let denied = [
        (Role::County, OTHER_COUNTY),
        (Role::Office, OTHER_OFFICE),
        (Role::Municipality, LEVANGER),
        (Role::Provider, PROVIDER),
        (Role::Service, "NAV"),
    ];
    for (role, organisation) in denied {
        let caller = world.service.caller(role, organisation).await;
        let denied = report(&caller, quarter(&ledger)).await.unwrap_err();
        assert_eq!(told(&denied), refused(Code::PermissionDenied, "PERMISSION_DENIED"), "{role:?}");
    }
}
