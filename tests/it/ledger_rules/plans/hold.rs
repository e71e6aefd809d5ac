//! What holds of a plan whatever happens: random areas, holdings, placements and orders of
//! vacancies, through the same `decide` and `apply` as every ledger.

use proptest::prelude::*;

use super::{super::invariants::accounts_add_up, *};

/// Areas with weights and holdings, what happens in which order, and how the plan steers.
#[derive(Debug, Clone)]
struct Story {
    weights: Vec<u64>,
    holdings: Vec<u32>,
    dice: Vec<u32>,
    method: Method,
}

fn story() -> impl Strategy<Value = Story> {
    let methods = vec![Method::SainteLague, Method::ModifiedSainteLague, Method::DHondt];
    (2_usize..6).prop_flat_map(move |areas| {
        let weights = prop::collection::vec(1_u64..1_000, areas);
        let holdings = prop::collection::vec(0_u32..7, areas);
        let dice = prop::collection::vec(any::<u32>(), 60);
        let method = prop::sample::select(methods.clone());
        (weights, holdings, dice, method).prop_map(|(weights, holdings, dice, method)| Story {
            weights,
            holdings,
            dice,
            method,
        })
    })
}

fn number(index: usize) -> String {
    format!("16{:02}", index + 1)
}

fn index(number: &MunicipalityNumber) -> usize {
    number.as_str()[2..].parse::<usize>().unwrap() - 1
}

/// A ledger in a registry of its own, and what must hold of it after each row.
struct World {
    registry: Registry,
    ledger: Ledger,
    story: Story,
    running: Vec<(PlacementId, usize)>,
    people: u32,
    protect: bool,
    over_vacancies: u64,
}

impl World {
    fn new(story: Story) -> Self {
        let areas = story.weights.len();
        let kept = |row: &RegistryRow| {
            !matches!(
                row,
                RegistryRow::Municipality(_)
                    | RegistryRow::Office(_)
                    | RegistryRow::DistributionWeight(_)
            )
        };
        let mut rows: Vec<RegistryRow> = registry_rows().into_iter().filter(kept).collect();
        for (index, weight) in story.weights.iter().enumerate() {
            let municipality_number: MunicipalityNumber = number(index).parse().unwrap();
            rows.push(RegistryRow::Municipality(Municipality {
                municipality_number: municipality_number.clone(),
                name: number(index),
                county_id: AREA.parse().unwrap(),
            }));
            rows.push(RegistryRow::DistributionWeight(DistributionWeight {
                key_name: "population".to_owned(),
                key_date: date!(2011 - 01 - 01),
                municipality_number,
                weight: *weight,
                source: "SSB 07459".to_owned(),
                borders_date: None,
            }));
        }
        rows.push(RegistryRow::Office(Office {
            office_number: "5701".parse().unwrap(),
            name: "NAV".to_owned(),
            municipality_numbers: (0..areas).map(|at| number(at).parse().unwrap()).collect(),
        }));
        let mut registry = Registry::default();
        let plan = registry.plan_import(&rows).unwrap();
        registry.apply(1, &plan.rows);
        let mut world = Self {
            registry,
            ledger: vta(),
            running: Vec::new(),
            people: 0,
            protect: true,
            over_vacancies: 0,
            story,
        };
        world.set_up();
        world
    }

    fn set_up(&mut self) {
        let total: u32 = self.story.holdings.iter().sum();
        self.happen(commands::budget(from(total, TODAY)), noon());
        let quotas = (0..self.story.holdings.len())
            .map(|at| commands::quota(&number(at), from(self.story.holdings[at], TODAY)))
            .collect();
        self.happen(commands::quotas(quotas), noon());
        let submit = Command::SubmitCapacity(commands::submission(from(total, TODAY)));
        let events = self.happen_as("provider", submit, noon());
        let [Event::CapacitySubmitted { submission, .. }] = &events[..] else { panic!() };
        self.happen(commands::review(submission.submission_id, true), noon());
        for at in 0..self.story.holdings.len() {
            for _ in 0..self.story.holdings[at] {
                self.place(at, 100, noon());
            }
        }
    }

    fn happen(&mut self, command: Command, at: Timestamp) -> Vec<Event> {
        self.happen_as("county", command, at)
    }

    /// Decides, decides once more what was written down, and lets it happen.
    fn happen_as(&mut self, who: &str, command: Command, at: Timestamp) -> Vec<Event> {
        let (who, at) = (actor(who), self.ledger.next_time(at));
        let registry = self.registry.clone();
        let context = Context { at, registry: &registry, actor: &who, rules: RULES_VERSION };
        let seed = seed(self.ledger.head().seq);
        let decided = |ledger: &Ledger, command: &Command| {
            decide(ledger, command, &context, &mut IdSource::new(seed, at))
        };
        let events = decided(&self.ledger, &command).unwrap();
        let written = serde_json::to_string(&(&command, &events)).unwrap();
        let (command, kept): (Command, Vec<Event>) = serde_json::from_str(&written).unwrap();
        assert_eq!(decided(&self.ledger, &command).unwrap(), kept);
        let before = self.ledger.clone();
        for event in &kept {
            apply(&mut self.ledger, event);
        }
        self.ledger.advance([0; 32], at);
        self.holds(&before, &kept, at.date_in_norway());
        events
    }

    /// What must hold after each row.
    fn holds(&mut self, before: &Ledger, events: &[Event], today: Date) {
        accounts_add_up(&self.ledger).unwrap();
        let ends = |event: &Event| matches!(event, Event::PlacementEnded { .. });
        let running = |ledger: &Ledger| ledger.placements().filter(|p| p.state.uses()).count();
        if !events.iter().any(ends) {
            assert!(running(&self.ledger) >= running(before), "somebody was put out");
        }
        if before.frame().plans.is_empty() {
            return;
        }
        let total = before.frame().sum_of_quotas(today);
        assert_eq!(self.ledger.frame().sum_of_quotas(today), total);
        for (key, account) in self.ledger.second_accounts() {
            let AccountKey::Quota(number) = key else { panic!("{key:?}") };
            assert_eq!(account.limit, self.ledger.frame().quota_limit(number, today));
            assert!(account.over() == 0, "{number} is over by a place that moved");
        }
        let Some(plan) = &before.frame().plans.active else {
            assert!(redirections(events).is_empty() || self.ledger.frame().plans.active.is_some());
            return;
        };
        for redirected in redirections(events) {
            let Some(from) = &redirected.from_municipality else { panic!("{redirected:?}") };
            let held = u64::from(before.frame().own_places(from, today));
            let is_over = held > u64::from(plan.targets[from]);
            self.over_vacancies += u64::from(is_over);
            let stays = redirected.to_municipality.as_ref() == Some(from);
            assert!(stays || is_over || !self.protect, "{from} lost what it is entitled to");
            if let Some(cap) = plan.may_give(from, today) {
                assert!(stays || cap > 0);
            }
            if let Some(goal) = plan.may_move(today) {
                assert!(stays || goal > 0);
            }
        }
    }

    fn place(&mut self, at: usize, percent: u32, day: Timestamp) {
        self.people += 1;
        let join = commands::join_part(self.people, &number(at), percent);
        self.happen(Command::JoinWaitlist(join), day);
        let events = self.happen(commands::allocate(1, &[]), day);
        let Some(offer) = offers_of(&events).next().map(|offer| offer.offer_id) else { return };
        self.happen(commands::confirm(&[offer]), day);
        self.happen(commands::respond(offer, true), day);
        let start = commands::start(offer, day.date_in_norway());
        let events = self.happen(start, day);
        for event in events {
            if let Event::PlacementStarted { placement } = event {
                let AccountKey::Quota(number) = &placement.account else { panic!() };
                self.running.push((placement.placement_id, index(number)));
            }
        }
    }

    fn end(&mut self, die: u32, day: Timestamp) -> Vec<Event> {
        let at = usize::try_from(die).unwrap() % self.running.len();
        let (placement, _) = self.running.swap_remove(at);
        self.happen(commands::end(placement, day.date_in_norway()), day)
    }

    fn free(&self, at: usize) -> i64 {
        self.ledger.account(&quota_of(&number(at))).free()
    }

    fn begin(&mut self, terms: PlanTerms) {
        self.protect = terms.protect_at_target;
        let terms = PlanTerms { method: self.story.method, ..terms };
        let propose = Command::ProposePlan(ProposePlan {
            terms,
            case_reference: None,
            by_name: None,
            by_municipality: None,
        });
        let events = self.happen_as("author", propose, noon());
        let [Event::PlanSet { plan }] = &events[..] else { panic!("{events:?}") };
        let plan_id = plan.plan_id;
        for at in 0..self.story.weights.len() {
            self.happen(comment(plan_id, &number(at), View::Agrees), noon());
        }
        self.happen(approve(plan_id, None), noon());
    }

    fn active(&self) -> Option<&tiltaksplass::domain::plan::ActivePlan> {
        self.ledger.frame().plans.active.as_ref()
    }

    fn held(&self, day: Date) -> Vec<u32> {
        let held = |at| self.ledger.frame().own_places(&number(at).parse().unwrap(), day);
        (0..self.story.weights.len()).map(held).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 40, ..ProptestConfig::with_cases(24) })]

    /// D vacancies in over-holding areas lead to the exact targets, in whatever order and whatever
    /// becomes free and is taken elsewhere meanwhile.
    #[test]
    fn exactly_d_vacancies_are_needed_through_the_ledger(story in story(), protect in any::<bool>()) {
        prop_assume!(story.holdings.iter().sum::<u32>() > 0);
        let mut world = World::new(story);
        world.begin(PlanTerms { protect_at_target: protect, ..terms() });
        let began = world.active().map(|plan| (plan.targets.clone(), plan.distance));
        let Some((targets, distance)) = began else { return Ok(()) };
        let dice = world.story.dice.clone();
        let mut dice = dice.into_iter().cycle();
        for _ in 0..400 {
            if world.active().is_none() {
                break;
            }
            let die = dice.next().unwrap();
            let at = usize::try_from(die).unwrap() % world.story.weights.len();
            if die.is_multiple_of(4) && world.free(at) >= 100 || world.running.is_empty() {
                let at = (0..world.story.weights.len()).find(|at| world.free(*at) >= 100);
                if let Some(at) = at {
                    world.place(at, 100, noon());
                }
            } else {
                world.end(die / 4, noon());
            }
        }
        prop_assert!(world.active().is_none(), "{:?}", world.active());
        let targets: Vec<u32> = targets.values().copied().collect();
        prop_assert_eq!(world.held(TODAY), targets);
        prop_assert_eq!(world.over_vacancies, distance);
        let past = world.ledger.frame().plans.past.last().unwrap();
        if protect {
            prop_assert_eq!(u64::from(past.moved), distance);
        }
    }

    /// Caps and ceilings hold in each year and in total, halves of places too; what was not given
    /// one year may be given the next.
    #[test]
    fn caps_and_goals_hold_through_the_ledger(
        story in story(), basis_points in 1_u32..3_000, pace_is_goal in any::<bool>(),
    ) {
        prop_assume!(story.holdings.iter().sum::<u32>() > 0);
        let mut world = World::new(story);
        let held_at_start = world.held(TODAY);
        let cap = Some(basis_points).filter(|points| points % 3 > 0);
        let horizon_years = 4;
        world.begin(PlanTerms { cap_basis_points: cap, pace_is_goal, horizon_years, ..terms() });
        let Some(distance) = world.active().map(|plan| plan.distance) else { return Ok(()) };
        let dice = world.story.dice.clone();
        for (step, die) in (0_i64..).zip(dice) {
            let day = days_on(step * 24);
            let at = usize::try_from(die).unwrap() % world.story.weights.len();
            if world.running.is_empty() || world.free(at) >= 50 && die % 3 == 0 {
                if world.free(at) >= 50 {
                    world.place(at, 50, hour(day, 12));
                }
            } else {
                world.end(die / 4, hour(day, 12));
            }
            let Some(plan) = world.active() else { break };
            let year = plan.year_on(day);
            prop_assert_eq!(plan.distance, distance);
            prop_assert_eq!(u64::from(plan.moved), plan.given.values().map(|n| u64::from(*n)).sum::<u64>());
            if pace_is_goal {
                prop_assert!(u64::from(plan.moved) * 4 <= distance * u64::from(year.min(4)));
            }
            for (number, given) in &plan.given {
                let held = u64::from(held_at_start[index(number)]);
                let most = (held * u64::from(basis_points) * u64::from(year)).div_ceil(10_000);
                prop_assert!(cap.is_none() || u64::from(*given) <= most, "{number}: {given}");
            }
        }
    }
}
