//! What has stood empty for longer than a measure type lets it is marked, and asked for alone.

use tiltaksplass::domain::measure::MeasureRules;

use super::*;
use crate::world::{TRONDHEIM, date, vta};

async fn list(world: &World, ledger: &Ledger, only_idle: bool) -> ListVacanciesResponse {
    let request =
        ListVacanciesRequest { ledger: Some(ledger.clone()), only_idle, ..Default::default() };
    world.county.allocation().list_vacancies(request).await.unwrap().into_inner()
}

/// Days empty, and whether that is too long.
fn places(found: &ListVacanciesResponse) -> Vec<(u32, bool)> {
    found.places.iter().map(|one| (one.days_empty, one.is_idle)).collect()
}

fn quotas(found: &ListVacanciesResponse) -> Vec<(u32, bool)> {
    found.quotas.iter().map(|one| (one.days_empty, one.is_idle)).collect()
}

#[tokio::test]
async fn what_stands_empty_for_too_long_is_marked() {
    let world = World::new().await;
    let ledger = vta();
    world.budget(&ledger, 5).await;
    // Until the 2nd of March, ten days and nine.
    quota(&world, &ledger, TRONDHEIM, 3, date(2026, 2, 21)).await;
    for day in [20, 21] {
        approved(&world, submission(&ledger, "", 1, date(2026, 2, day))).await;
    }
    let whole = list(&world, &ledger, false).await;
    assert_eq!((places(&whole), quotas(&whole)), (vec![(10, false), (9, false)], vec![(9, false)]));
    let none = list(&world, &ledger, true).await;
    assert_eq!((places(&none), quotas(&none)), (vec![], vec![]));
    let rows = [
        (10, [false, false], false),
        (9, [true, false], false),
        (8, [true, true], true),
        (1, [true, true], true),
    ];
    for (idle_days, of_places, of_quota) in rows {
        let rules = MeasureRules { idle_days: Some(idle_days), ..MeasureRules::default() };
        world.rules("VTA", rules).await;
        let whole = list(&world, &ledger, false).await;
        let expected = vec![(10, of_places[0]), (9, of_places[1])];
        assert_eq!(
            (places(&whole), quotas(&whole)),
            (expected, vec![(9, of_quota)]),
            "{idle_days}"
        );
        let idle = list(&world, &ledger, true).await;
        let only =
            |rows: Vec<(u32, bool)>| rows.into_iter().filter(|(_, is)| *is).collect::<Vec<_>>();
        assert_eq!(places(&idle), only(places(&whole)));
        assert_eq!(quotas(&idle), only(quotas(&whole)));
    }
}
