//! Small counts: who is told which, and that nothing of those that are hidden can be seen.

use tiltaksplass::{
    domain::{access::Role, disclosure::Threshold},
    proto::v1::*,
};

use crate::{
    support::{Caller, Service, request_id},
    world::{
        COUNTY, HEMNE, HEMNE_OFFICE, OFFICE, OTHER_PROVIDER, PROVIDER, TRONDHEIM, World, avklaring,
        date, identity, vta,
    },
};

mod fields;

/// Municipalities beside Trondheim and Hemne.
const SNILLFJORD: &str = "1613";
const AGDENES: &str = "1622";
const NOBODYS: &str = "1632";
const MUNICIPALITIES: [&str; 5] = [TRONDHEIM, HEMNE, SNILLFJORD, AGDENES, NOBODYS];
/// Their offices.
const OFFICES: [&str; 5] = [OFFICE, HEMNE_OFFICE, "5713", "5722", "5732"];

/// How many of each municipality have a place, and how many wait; and how many of Agdenes want the
/// second group.
#[derive(Debug, Clone, Copy)]
struct Figures {
    people: [u32; 5],
    prefer: u32,
    wait_to_prefer: u32,
}

const THIS: Figures = Figures { people: [30, 4, 1, 5, 0], prefer: 4, wait_to_prefer: 3 };
/// Another area that looks the same to who may not see few.
const ANOTHER: Figures = Figures { people: [30, 1, 5, 4, 0], prefer: 3, wait_to_prefer: 2 };

struct Area {
    world: World,
    ledger: Ledger,
    groups: [String; 2],
    proposals: Vec<Offer>,
}

async fn area(figures: Figures) -> Area {
    area_on(Service::start().await, figures).await
}

/// So many have places, of all but a few in the first group; and so many wait.
async fn area_on(service: Service, figures: Figures) -> Area {
    let world = World::on(service).await;
    import_others(&world).await;
    let ledger = vta();
    world.budget(&ledger, 500).await;
    world.quotas(&ledger, &MUNICIPALITIES.map(|number| (number, 40))).await;
    let groups = [
        world.place_group_named(&ledger, 37, "Bakeri").await,
        world.place_group_named(&ledger, 5, "Snekkeri").await,
    ];
    let mut area = Area { world, ledger, groups, proposals: Vec::new() };
    area.join(1_000, figures.people, figures.prefer).await;
    area.proposals = area.world.propose(&area.ledger, 40).await;
    assert_eq!(area.proposals.len(), 40);
    area.join(2_000, figures.people, figures.wait_to_prefer).await;
    area
}

async fn import_others(world: &World) {
    use registry_row::Row;
    let others = MUNICIPALITIES.iter().zip(OFFICES).skip(2);
    let rows = others.flat_map(|(number, office)| {
        let municipality = Row::Municipality(Municipality {
            municipality_number: (*number).into(),
            name: (*number).into(),
            county_id: COUNTY.into(),
        });
        let office = Row::Office(Office {
            office_number: office.into(),
            name: office.into(),
            municipality_numbers: vec![(*number).into()],
        });
        [municipality, office]
    });
    let rows = rows.map(|row| RegistryRow { row: Some(row) }).collect();
    let request = ImportRegistryRequest {
        request_id: request_id(),
        source: "test".into(),
        rows,
        ..ImportRegistryRequest::default()
    };
    let pieces = tokio_stream::iter([request]);
    world.directorate.registry().import_registry(pieces).await.unwrap();
}

impl Area {
    /// So many of each municipality join; so many of Agdenes want the second group, all others the
    /// first.
    async fn join(&self, first: u32, people: [u32; 5], second_group: u32) {
        let mut joins = Vec::new();
        for (index, count) in people.into_iter().enumerate() {
            let number = first + 100 * u32::try_from(index).unwrap();
            for person in 0..count {
                let wants_second = MUNICIPALITIES[index] == AGDENES && person < second_group;
                let group = &self.groups[usize::from(wants_second)];
                // Of those who wait most take any.
                let names_any = first == 1_000 || wants_second;
                joins.push(JoinWaitlistRequest {
                    national_identity_number: identity(number + person),
                    municipality_number: MUNICIPALITIES[index].into(),
                    following_office_number: OFFICES[index].into(),
                    preferred_place_group_ids: names_any
                        .then(|| group.clone())
                        .into_iter()
                        .collect(),
                    ..JoinWaitlistRequest::default()
                });
            }
        }
        let request = BatchJoinWaitlistRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            joins,
            ..BatchJoinWaitlistRequest::default()
        };
        self.world.county.waitlist().batch_join_waitlist(request).await.unwrap();
    }

    async fn caller(&self, role: Role, organisation: &str) -> Caller {
        self.world.service.caller(role, organisation).await
    }

    async fn queue(&self, caller: &Caller) -> QueueSummary {
        let request = SummarizeQueuesRequest {
            county_id: COUNTY.into(),
            measure_code: "VTA".into(),
            ..SummarizeQueuesRequest::default()
        };
        let mut answer = caller.waitlist().summarize_queues(request).await.unwrap().into_inner();
        answer.queues.remove(0)
    }

    async fn availability(
        &self,
        caller: &Caller,
        narrowed: impl FnOnce(&mut GetAvailabilityRequest),
    ) -> GetAvailabilityResponse {
        let mut request = GetAvailabilityRequest {
            ledger: Some(self.ledger.clone()),
            ..GetAvailabilityRequest::default()
        };
        narrowed(&mut request);
        caller.capacity().get_availability(request).await.unwrap().into_inner()
    }

    async fn quotas(&self, caller: &Caller, only: &str) -> ListQuotasResponse {
        let request = ListQuotasRequest {
            ledger: Some(self.ledger.clone()),
            municipality_number: only.into(),
            ..ListQuotasRequest::default()
        };
        caller.fair_share().list_quotas(request).await.unwrap().into_inner()
    }

    async fn vacancies(&self, caller: &Caller, only_idle: bool) -> ListVacanciesResponse {
        let request = ListVacanciesRequest {
            ledger: Some(self.ledger.clone()),
            only_idle,
            ..ListVacanciesRequest::default()
        };
        caller.allocation().list_vacancies(request).await.unwrap().into_inner()
    }

    /// Everything a caller is told in figures, with each group under the same name in each area.
    async fn all_answers(&self, caller: &Caller) -> String {
        let queue = self.queue(caller).await;
        let whole = self.availability(caller, |_| ()).await;
        let of_provider =
            self.availability(caller, |r| r.organisation_number = PROVIDER.into()).await;
        let of_site =
            self.availability(caller, |r| r.site_municipality_number = TRONDHEIM.into()).await;
        let mut answers = vec![
            format!("{queue:#?}"),
            format!("{whole:#?}"),
            format!("{of_provider:#?}"),
            format!("{of_site:#?}"),
        ];
        for only in ["", HEMNE, AGDENES, TRONDHEIM] {
            answers.push(format!("{:#?}", self.quotas(caller, only).await));
        }
        for only_idle in [false, true] {
            answers.push(format!("{:#?}", self.vacancies(caller, only_idle).await));
        }
        let all = answers.join("\n");
        all.replace(&self.groups[0], "first").replace(&self.groups[1], "second")
    }
}

/// Municipality and how many wait, or `None` where that is hidden.
fn rows(queue: &QueueSummary) -> Vec<(&str, Option<u64>)> {
    let told = |row: &MunicipalityQueue| {
        let hidden = !row.hidden_fields.is_empty();
        assert!(!hidden || (row.hidden_fields == ["persons_waiting"] && row.persons_waiting == 0));
        (!hidden).then_some(row.persons_waiting)
    };
    queue.municipalities.iter().map(|row| (&row.municipality_number[..], told(row))).collect()
}

/// What is used of each quota in places, or `None` where that is hidden.
fn used(answer: &GetAvailabilityResponse) -> Vec<Option<i64>> {
    let of_account = |account: &SecondAccount| {
        let usage = account.usage.as_ref().unwrap();
        let hidden = usage.hidden_fields.iter().any(|name| name == "free_percent");
        let nothing = (usage.reserved_percent, usage.in_use_percent, usage.free_percent);
        assert!(!hidden || nothing == (0, 0, 0), "{usage:?}");
        (!hidden).then_some((usage.total_percent - usage.free_percent) / 100)
    };
    answer.second_accounts.iter().map(of_account).collect()
}

#[tokio::test]
async fn each_is_told_its_own_and_of_others_what_is_not_small() {
    let area = area(THIS).await;
    let (trondheim, hemne) = ((TRONDHEIM, Some(30)), (HEMNE, Some(4)));
    let (snillfjord, agdenes) = ((SNILLFJORD, Some(1)), (AGDENES, Some(5)));
    let hidden = |number| (number, None);
    let few = [hidden(HEMNE), hidden(SNILLFJORD), hidden(AGDENES)];
    let everything = vec![trondheim, hemne, snillfjord, agdenes];
    let beside = |own: (&'static str, Option<u64>)| {
        let row = |row: (&'static str, Option<u64>)| if row.0 == own.0 { own } else { row };
        [vec![trondheim], few.map(row).to_vec()].concat()
    };
    let callers = [
        (Role::County, COUNTY, everything.clone()),
        (Role::Auditor, "Riksrevisjonen", everything),
        (Role::Directorate, "NAV", beside(trondheim)),
        (Role::Service, "statistics", beside(trondheim)),
        (Role::Municipality, NOBODYS, beside(trondheim)),
        (Role::Municipality, TRONDHEIM, beside(trondheim)),
        (Role::Office, OFFICE, beside(trondheim)),
        (Role::Municipality, HEMNE, beside(hemne)),
        (Role::Office, HEMNE_OFFICE, beside(hemne)),
    ];
    for (role, organisation, expected) in callers {
        let caller = area.caller(role, organisation).await;
        let queue = area.queue(&caller).await;
        assert_eq!(rows(&queue), expected, "{role:?} {organisation}");
        assert_eq!(queue.persons_waiting, 40, "{role:?} {organisation}");
        let places = area.availability(&caller, |_| ()).await;
        let of_quota: Vec<_> =
            expected.iter().map(|(_, n)| n.map(u64::cast_signed)).chain([Some(0)]).collect();
        assert_eq!(used(&places), of_quota, "{role:?} {organisation}");
        let listed = area.quotas(&caller, "").await;
        for (quota, account) in listed.quotas.iter().zip(&places.second_accounts) {
            assert_eq!(quota.usage, account.usage, "{role:?} {organisation}");
        }
        // A filter shows the row as the whole list does.
        let one = area.quotas(&caller, AGDENES).await;
        assert_eq!(one.quotas[..], listed.quotas[3..4], "{role:?} {organisation}");
        assert_eq!(listed.quotas.len(), 5);
    }
}

#[tokio::test]
async fn a_provider_is_told_all_of_its_own_groups() {
    let area = area(THIS).await;
    let told = area.availability(&area.world.provider, |_| ()).await;
    let places = told.places.unwrap();
    assert_eq!((places.reserved_percent, places.free_percent), (4_000, 200));
    assert_eq!(places.hidden_fields, Vec::<String>::new());
    assert!(told.place_groups.iter().all(|g| g.usage.as_ref().unwrap().hidden_fields.is_empty()));
    let other = area.caller(Role::Provider, OTHER_PROVIDER).await;
    assert_eq!(area.availability(&other, |_| ()).await.place_groups, []);
}

/// Whatever is asked, the answers are the same but for the figures that are hidden: so those stand
/// nowhere in them, in no row's place and in no row that is left out.
#[tokio::test]
async fn areas_that_differ_in_few_look_alike_to_who_may_not_see_few() {
    let (this, another) = (area(THIS).await, area(ANOTHER).await);
    let outsiders = [
        (Role::Directorate, "NAV"),
        (Role::Service, "statistics"),
        (Role::Office, OFFICE),
        (Role::Municipality, TRONDHEIM),
        (Role::Office, OFFICES[4]),
        (Role::Municipality, NOBODYS),
    ];
    for (role, organisation) in outsiders {
        let of_this = this.all_answers(&this.caller(role, organisation).await).await;
        let of_another = another.all_answers(&another.caller(role, organisation).await).await;
        assert_eq!(of_this, of_another, "{role:?} {organisation}");
        assert!(of_this.contains("hidden_fields: [\n"), "{role:?} {organisation}");
    }
    // Who may see them sees that they differ.
    for (role, organisation) in [(Role::County, COUNTY), (Role::Municipality, HEMNE)] {
        let of_this = this.all_answers(&this.caller(role, organisation).await).await;
        let of_another = another.all_answers(&another.caller(role, organisation).await).await;
        assert_ne!(of_this, of_another, "{role:?}");
    }
    this.world.service.verify().await;
}

#[tokio::test]
async fn groups_and_preferences_that_would_tell_of_few_are_hidden() {
    let area = area(THIS).await;
    let directorate = area.caller(Role::Directorate, "NAV").await;
    let queue = area.queue(&directorate).await;
    assert_eq!(queue.hidden_fields, ["persons_without_preference"]);
    assert_eq!(queue.persons_without_preference, 0);
    let groups: Vec<_> =
        queue.place_groups.iter().map(|g| (g.persons_waiting, g.hidden_fields.len())).collect();
    assert_eq!(groups, [(0, 1)]);
    let told = area.availability(&directorate, |_| ()).await;
    let places = told.places.unwrap();
    // All are reserved, and what is free is each group's own.
    assert_eq!((places.reserved_percent, places.in_use_percent), (4_000, 0));
    assert_eq!(places.hidden_fields, ["free_percent", "over_percent"]);
    let listed = area.vacancies(&directorate, true).await;
    let hidden: Vec<_> = listed.places.iter().map(|place| place.hidden_fields.len()).collect();
    assert_eq!((hidden, listed.quotas.len()), (vec![7, 7], 3));
    let county = area.vacancies(&area.world.county, true).await;
    assert_eq!((county.places.len(), county.quotas.len()), (0, 0), "no rule says what is idle");
}

/// A part of what is used that is small hides both.
#[tokio::test]
async fn few_in_use_are_hidden_among_the_reserved() {
    let area = area(THIS).await;
    let offer = &area.proposals[0];
    area.world.confirm(&area.ledger, vec![offer.offer_id.clone()]).await;
    area.world.respond(&area.ledger, &offer.offer_id, OfferAnswer::Accept).await.unwrap();
    area.world.start(&area.ledger, &offer.offer_id, date(2026, 3, 2)).await;
    let directorate = area.caller(Role::Directorate, "NAV").await;
    let told = area.availability(&directorate, |_| ()).await;
    let places = told.places.unwrap();
    let hidden = ["reserved_percent", "in_use_percent", "free_percent", "over_percent"];
    assert_eq!(places.hidden_fields, hidden);
    assert_eq!((places.reserved_percent, places.in_use_percent), (0, 0));
    let trondheim = told.second_accounts[0].usage.as_ref().unwrap();
    assert_eq!(trondheim.free_percent, 1_000);
    assert_eq!(trondheim.hidden_fields, ["reserved_percent", "in_use_percent"]);
    let own = area.availability(&area.world.office, |_| ()).await;
    let usage = own.second_accounts[0].usage.as_ref().unwrap();
    assert_eq!((usage.reserved_percent, usage.in_use_percent), (2_900, 100));
}

/// As many as the file of settings says.
#[tokio::test]
async fn another_threshold_hides_more() {
    let mut service = Service::start().await;
    service.hide_below(Threshold::new(100).unwrap()).await;
    let area = area_on(service, THIS).await;
    let queue = area.queue(&area.world.directorate).await;
    assert!(rows(&queue).iter().all(|(_, told)| told.is_none()));
    assert_eq!((queue.persons_waiting, queue.earliest_registered_time), (0, None));
    assert_eq!(queue.hidden_fields[..2], ["persons_waiting", "earliest_registered_time"]);
    let told = area.queue(&area.world.county).await;
    assert_eq!((told.persons_waiting, told.hidden_fields.len()), (40, 0));
}

/// What an estimate of a pool is told from is of others' people too.
#[tokio::test]
async fn an_office_is_told_of_few_starts_in_its_own_queues_alone() {
    let area = area(THIS).await;
    let (world, pool) = (&area.world, avklaring());
    world.budget(&pool, 10).await;
    world.place_group(&pool, 10).await;
    for person in 1..=3 {
        world.join(&pool, person).await;
    }
    for ledger in [&pool, &area.ledger] {
        let offer = if ledger == &pool {
            world.allocate(&pool, 1).await.proposals.remove(0).offer_id
        } else {
            area.proposals[0].offer_id.clone()
        };
        world.confirm(ledger, vec![offer.clone()]).await;
        world.respond(ledger, &offer, OfferAnswer::Accept).await.unwrap();
        world.start(ledger, &offer, date(2026, 3, 2)).await;
    }
    let evidence = async |caller: &Caller, ledger: &Ledger| {
        let new =
            PositionOfNew { municipality_number: TRONDHEIM.into(), ..PositionOfNew::default() };
        let request = EstimateWaitRequest {
            ledger: Some(ledger.clone()),
            who: Some(estimate_wait_request::Who::PositionOfNew(new)),
            ..EstimateWaitRequest::default()
        };
        let told = caller.waitlist().estimate_wait(request).await.unwrap().into_inner();
        let (evidence, coverage) = (told.evidence.unwrap(), told.coverage.unwrap());
        let coverage_hidden = !coverage.hidden_fields.is_empty();
        (evidence.starts, evidence.hidden_fields, coverage_hidden)
    };
    assert_eq!(evidence(&world.county, &pool).await, (1, vec![], false));
    assert_eq!(evidence(&world.office, &pool).await, (0, vec!["starts".to_owned()], true));
    assert_eq!(evidence(&world.office, &area.ledger).await, (1, vec![], false));
}
