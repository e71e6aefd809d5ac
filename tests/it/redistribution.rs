//! Where places go: golden sequences, and the theorem over random areas and vacancies.

#![allow(clippy::unwrap_used)] // A test may stop at the first surprise.

use proptest::prelude::*;
use tiltaksplass::domain::{
    apportionment::{Area, Method, apportion},
    redistribution::{Freed, Ground, Member, Steering, cap, goal, redirect, remaining},
};

const GOLDEN: &str = include_str!("../data/golden/phasein.json");

const DIVISOR_METHODS: [Method; 6] = [
    Method::SainteLague,
    Method::ModifiedSainteLague,
    Method::DHondt,
    Method::Adams,
    Method::HuntingtonHill,
    Method::Dean,
];

fn method_named(name: &str) -> Method {
    match name {
        "sainte_lague" => Method::SainteLague,
        "modified_sainte_lague_1_4" => Method::ModifiedSainteLague,
        "dhondt" => Method::DHondt,
        "huntington_hill" => Method::HuntingtonHill,
        other => panic!("unknown method {other}"),
    }
}

fn numbers(value: &serde_json::Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

fn targets(method: Method, seats: u64, weights: &[u64]) -> Vec<u64> {
    let area = |&weight| Area { weight, min_seats: 0, max_seats: None };
    let areas: Vec<Area> = weights.iter().map(area).collect();
    apportion(method, seats, &areas).unwrap().shares.iter().map(|share| share.seats).collect()
}

/// Areas that hold so much, with the targets that follow.
fn members(method: Method, weights: &[u64], holdings: &[u64]) -> Vec<Member> {
    let targets = targets(method, holdings.iter().sum(), weights);
    let of_one =
        |((&weight, &held), target)| Member { weight, held, target, maximum: None, may_give: None };
    weights.iter().zip(holdings).zip(targets).map(of_one).collect()
}

fn steering(method: Method, protect_at_target: bool) -> Steering {
    Steering { method, protect_at_target, may_move: None }
}

/// One place frees itself, and goes where it goes.
fn vacate(steering: &Steering, members: &mut [Member], from: usize) -> Option<usize> {
    members[from].held -= 1;
    let to = redirect(steering, members, Freed::By(from)).to;
    if let Some(to) = to {
        members[to].held += 1;
    }
    to
}

#[test]
fn golden_sequences_event_by_event() {
    let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 34);
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let steering = steering(method_named(case["method"].as_str().unwrap()), false);
        let (weights, holdings) = (numbers(&case["weights"]), numbers(&case["holdings"]));
        let mut areas = members(steering.method, &weights, &holdings);
        let targets: Vec<u64> = areas.iter().map(|area| area.target).collect();
        assert_eq!(targets, numbers(&case["target_at_start"]), "{id}");
        assert_eq!(Some(remaining(&areas)), case["over_holding_total"].as_u64(), "{id}");
        for (number, event) in case["events"].as_array().unwrap().iter().enumerate() {
            let to = match event["from"].as_u64() {
                Some(from) => vacate(&steering, &mut areas, usize::try_from(from).unwrap()),
                None => {
                    let to = redirect(&steering, &areas, Freed::New).to;
                    areas[to.unwrap()].held += 1;
                    to
                }
            };
            assert_eq!(to.map(|to| to as u64), event["awarded_to"].as_u64(), "{id}: {number}");
            let held: Vec<u64> = areas.iter().map(|area| area.held).collect();
            assert_eq!(held, numbers(&event["holdings_after"]), "{id}: {number}");
        }
    }
}

#[test]
fn the_goals_and_caps_of_the_audits_plan() {
    let goals: Vec<u64> = (1..=10).map(|year| goal(97, year, 10)).collect();
    assert_eq!(goals, [9, 19, 29, 38, 48, 58, 67, 77, 87, 97]);
    assert_eq!(goal(97, 11, 10), 97);
    assert_eq!((cap(270, 500, 1), cap(270, 500, 2), cap(0, 500, 3)), (14, 27, 0));
}

#[test]
fn each_ground_for_which_a_place_stays_or_goes() {
    let area =
        |weight, held, target| Member { weight, held, target, maximum: None, may_give: None };
    // The third has one too many, the first has just freed one.
    let of = |first: Member| vec![first, area(50, 4, 5), area(50, 6, 5)];
    let plain = steering(Method::SainteLague, true);
    let by = Freed::By(0);
    let ended = |steering: &Steering, members: &[Member]| {
        let redirection = redirect(steering, members, by);
        (redirection.to, redirection.ground)
    };
    let over = area(10, 1, 1);
    let cases = [
        (plain, of(over), (Some(1), Ground::GreatestClaim)),
        (plain, of(area(10, 0, 1)), (Some(0), Ground::Protected)),
        (plain, of(Member { may_give: Some(0), ..over }), (Some(0), Ground::AreaCap)),
        (plain, of(Member { may_give: Some(1), ..over }), (Some(1), Ground::GreatestClaim)),
        (Steering { may_move: Some(0), ..plain }, of(over), (Some(0), Ground::PlanCap)),
    ];
    for (steering, members, expected) in cases {
        assert_eq!(ended(&steering, &members), expected, "{steering:?} {members:?}");
    }
    // Whoever is at the maximum takes none; where nobody may, the place stays.
    let full = |member: Member| Member { maximum: Some(member.held), ..member };
    let mut members = of(Member { weight: 0, target: 0, ..over });
    members[1] = full(members[1]);
    assert_eq!(ended(&plain, &members), (Some(2), Ground::GreatestClaim));
    members[2] = full(members[2]);
    assert_eq!(ended(&plain, &members), (Some(0), Ground::NobodyMay));
    assert_eq!(redirect(&plain, &members, Freed::New).to, None);
    // The methods without claims move nothing.
    let remainder = steering(Method::LargestRemainder, true);
    assert_eq!(ended(&remainder, &of(over)), (Some(0), Ground::NobodyMay));
}

/// Two to nine areas with weights, holdings, and an endless order of vacancies.
fn story() -> impl Strategy<Value = (Method, Vec<u64>, Vec<u64>, Vec<u32>)> {
    (2_usize..9).prop_flat_map(|areas| {
        (
            prop::sample::select(DIVISOR_METHODS.to_vec()),
            prop::collection::vec(1_u64..100_000, areas),
            prop::collection::vec(0_u64..40, areas),
            prop::collection::vec(any::<u32>(), 400),
        )
    })
}

/// The first area from `from` on that holds something and is as wanted.
fn pick(areas: &[Member], from: u32, wanted: impl Fn(&Member) -> bool) -> Option<usize> {
    let from = usize::try_from(from).unwrap() % areas.len();
    let order = (0..areas.len()).map(|step| (from + step) % areas.len());
    order.into_iter().find(|index| areas[*index].held > 0 && wanted(&areas[*index]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// After D vacancies in over-holding areas, each holds its target; no earlier, whatever else
    /// frees places on the way, protected or not.
    #[test]
    fn exactly_d_vacancies_in_over_holding_areas_are_needed(
        (method, weights, holdings, dice) in story(), protect in any::<bool>(),
    ) {
        let steering = steering(method, protect);
        let mut areas = members(method, &weights, &holdings);
        let total: u64 = holdings.iter().sum();
        let distance = remaining(&areas);
        let mut over = 0;
        let mut dice = dice.into_iter().cycle();
        while remaining(&areas) > 0 {
            let die = dice.next().unwrap();
            let wants_over = die % 3 > 0 || over == 0;
            let is_over = |area: &Member| area.held > area.target;
            let Some(from) = pick(&areas, die, |area| is_over(area) == wants_over) else {
                continue;
            };
            let before = remaining(&areas);
            let level: Vec<bool> = areas.iter().map(|area| area.held <= area.target).collect();
            let held: Vec<u64> = areas.iter().map(|area| area.held).collect();
            let was_over = is_over(&areas[from]);
            vacate(&steering, &mut areas, from);
            over += u64::from(was_over);
            prop_assert_eq!(remaining(&areas), before - u64::from(was_over));
            prop_assert_eq!(areas.iter().map(|area| area.held).sum::<u64>(), total);
            if protect {
                for (index, area) in areas.iter().enumerate() {
                    prop_assert!(!level[index] || area.held >= held[index], "{} lost one", index);
                }
            }
        }
        prop_assert_eq!(over, distance);
        prop_assert!(areas.iter().all(|area| area.held == area.target));
        // And there it stays.
        for die in dice.take(20) {
            if let Some(from) = pick(&areas, die, |_| true) {
                prop_assert_eq!(vacate(&steering, &mut areas, from), Some(from));
            }
        }
    }

    /// A cap holds at every step, and what it kept back moves when it is raised.
    #[test]
    fn caps_hold_and_carry_over(
        (method, weights, holdings, dice) in story(), basis_points in 0_u32..3_000,
    ) {
        let mut areas = members(method, &weights, &holdings);
        let mut given = vec![0_u64; areas.len()];
        let distance = remaining(&areas);
        let plan = steering(method, true);
        let mut moved = 0;
        for year in 1..=8 {
            let may_move = goal(distance, year, 8);
            for die in &dice[..50] {
                let Some(from) = pick(&areas, *die, |_| true) else { continue };
                for (index, area) in areas.iter_mut().enumerate() {
                    let cap = cap(holdings[index], basis_points, year);
                    area.may_give = Some(cap - given[index]);
                }
                let steering = Steering { may_move: Some(may_move - moved), ..plan };
                let to = vacate(&steering, &mut areas, from).unwrap();
                if to != from {
                    given[from] += 1;
                    moved += 1;
                }
                prop_assert!(moved <= may_move);
                prop_assert!(given[from] <= cap(holdings[from], basis_points, year));
            }
        }
        prop_assert_eq!(remaining(&areas), distance - moved);
    }

    /// New places go as one more seat in the whole would, where everybody is at the target.
    #[test]
    fn a_new_place_goes_where_one_more_seat_would(
        (method, weights, holdings, _) in story(), more in 1_u64..30,
    ) {
        let total: u64 = holdings.iter().sum();
        prop_assume!(!matches!(method, Method::Adams | Method::HuntingtonHill | Method::Dean)
            || total >= weights.len() as u64);
        let at_target = targets(method, total, &weights);
        let mut areas = members(method, &weights, &at_target);
        for _ in 0..more {
            let to = redirect(&steering(method, true), &areas, Freed::New).to.unwrap();
            areas[to].held += 1;
        }
        let held: Vec<u64> = areas.iter().map(|area| area.held).collect();
        prop_assert_eq!(held, targets(method, total + more, &weights));
    }
}

/// What it co-finances bounds who gives as well: otherwise what is freed above it would stay.
#[test]
fn whoever_holds_more_than_its_maximum_takes_nothing_back() {
    let member =
        |weight, held, maximum| Member { weight, held, target: 3, maximum, may_give: None };
    let members = [member(90, 4, Some(3)), member(10, 1, None)];
    let steering =
        Steering { method: Method::SainteLague, protect_at_target: true, may_move: None };
    let told = redirect(&steering, &members, Freed::By(0));
    assert_eq!((told.to, told.ground), (Some(1), Ground::GreatestClaim));
    // Where nobody may take it, it stays.
    let members = [member(90, 4, Some(3)), member(10, 3, Some(3))];
    let told = redirect(&steering, &members, Freed::By(0));
    assert_eq!((told.to, told.ground), (Some(0), Ground::NobodyMay));
}
