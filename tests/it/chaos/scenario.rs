//! Runs: a registry and places, clients, perhaps a disturber, and what comes of it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration as Pause, Instant},
};

use sqlx::PgConnection;
use tiltaksplass::{proto::v1::*, verify::verify};

use crate::{
    chaos::{
        Dice,
        client::{Client, Manners, Office},
        disturb::{Disturbed, Disturber},
        fleet::{Defect, Fleet, Wire},
        gather,
        history::{FinalState, History},
    },
    plans::stage::plan_terms,
    support::Service,
    world::{COUNTY, HEMNE, LEVANGER, OTHER_COUNTY, TRONDHEIM, World, date},
};

/// Clients at work at once.
const CLIENTS: u64 = 24;

/// A service with its clients' office, and where the logs stood before they began.
pub struct Scenario {
    pub office: Arc<Office>,
    baselines: BTreeMap<String, u64>,
}

impl Scenario {
    /// Two counties with two measure types, two place groups in each ledger.
    pub async fn new(defect: Option<Defect>) -> Self {
        let world = World::new().await;
        let mut places = Vec::new();
        for county in [COUNTY, OTHER_COUNTY] {
            for measure in ["VTA", "AVKLARING"] {
                let ledger = Ledger { county_id: county.into(), measure_code: measure.into() };
                world.budget(&ledger, 16).await;
                if measure == "VTA" {
                    let quotas: &[_] = if county == COUNTY {
                        &[(TRONDHEIM, 13), (HEMNE, 2)]
                    } else {
                        &[(LEVANGER, 14)]
                    };
                    world.quotas(&ledger, quotas).await;
                }
                let mut groups = Vec::new();
                for _ in 0..2 {
                    groups.push(world.place_group(&ledger, 8).await);
                }
                places.push((ledger, groups));
            }
        }
        // A plan that begins while they work: Trondheim is to keep six of its 13.
        let committed = vec![CommittedPlaces { municipality_number: TRONDHEIM.into(), places: 6 }];
        world.agreed(PlanTerms { committed, ..plan_terms(date(2026, 3, 6)) }).await;
        let World { mut service, .. } = world;
        service.stop().await;
        let office = Arc::new(Office::new(Fleet::new(service), Wire::new(defect), places));
        let baselines = gather::heads(&office).await;
        Self { office, baselines }
    }

    /// Puts one more replica into service.
    pub async fn serve(&self) -> Service {
        let replica = self.office.fleet.base.replica().await;
        self.office.fleet.add(&replica);
        replica
    }

    fn clients(&self, manners: Manners) -> impl Iterator<Item = Client> {
        let office = self.office.clone();
        (0..CLIENTS).map(move |n| Client {
            office: office.clone(),
            dice: Dice::new(100 + n),
            manners,
        })
    }

    /// Each client does so many things, with nobody in the way.
    pub async fn run_calm(&self, things: u32) {
        let work = self.clients(Manners::CALM).map(|mut client| {
            tokio::spawn(async move {
                for _ in 0..things {
                    client.act().await;
                }
            })
        });
        for task in work.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    }

    /// Clients work for so long while the service is disturbed.
    pub async fn run_wild(&self, length: Pause, days_max: u64) -> Disturbed {
        let mut disturber = Disturber::new(self.office.clone(), 1).await;
        let until = Instant::now() + length;
        let work = self.clients(Manners::WILD).map(|mut client| {
            tokio::spawn(async move {
                while Instant::now() < until {
                    client.act().await;
                }
            })
        });
        let work: Vec<_> = work.collect();
        while Instant::now() < until {
            let days = disturber.done.days_passed < days_max;
            disturber.act(days).await;
        }
        for task in work {
            task.await.unwrap();
        }
        disturber.end().await
    }

    /// What the clients were told and what is there. `tamper` may change what is stored
    /// before it is looked at.
    pub async fn outcome(
        self,
        given_up: bool,
        tamper: impl AsyncFnOnce(&mut PgConnection),
    ) -> (History, FinalState) {
        let quiet = self.serve().await;
        gather::settle(&self.office, given_up).await;
        tokio::time::sleep(Pause::from_millis(600)).await;
        tamper(&mut quiet.sql().await).await;
        let mut state = gather::gather(&self.office, &self.baselines).await;
        let history = std::mem::take(&mut *self.office.history.lock().unwrap());
        let before = gather::heads(&self.office).await;
        state.replays = gather::replay(&self.office, &history).await;
        let after = gather::heads(&self.office).await;
        state.verify = verify(&quiet.app.db, Some(&quiet.app.keys)).await.unwrap().findings;
        if before != after {
            state.verify.push(format!("replays moved {before:?} to {after:?}"));
        }
        (history, state)
    }
}
