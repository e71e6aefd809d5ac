//! The rules said once more, as plainly as they can be: lists, sums over them, no indexes and
//! no accounts. What this says and what the service does must be the same.

use std::collections::BTreeSet;

use tiltaksplass::domain::calendar::{Timestamp, start_of_day_in_norway, working_days_after};
use time::Duration;

use super::{
    ops::{GROUPS, MUNICIPALITIES, Op},
    things::{
        ANSWER_DAYS, CONFIRM_DAYS, COOL_DOWN_DAYS, Entry, Give, HOLDS, OBJECT_DAYS, OBJECTED_DAYS,
        Offer, Outcome, Placement, STRIKES, State,
    },
};

#[derive(Debug, Clone)]
pub struct Model {
    pub clock: Timestamp,
    last: Timestamp,
    seq: u64,
    pub quotas: [i64; MUNICIPALITIES.len()],
    pub places: [i64; GROUPS],
    pub entries: Vec<Entry>,
    pub offers: Vec<Offer>,
    pub placements: Vec<Placement>,
    /// Whom the last run passed over, and why.
    pub passed_over: Vec<(usize, &'static str)>,
}

impl Model {
    /// Nothing has happened yet but rows that concern nobody.
    pub fn new(clock: Timestamp) -> Self {
        let (quotas, places) = ([0; MUNICIPALITIES.len()], [0; GROUPS]);
        let (entries, offers, placements, passed_over) = Default::default();
        let last = Timestamp::from_micros(0);
        Self { clock, last, seq: 0, quotas, places, entries, offers, placements, passed_over }
    }

    /// The time of the next row: the clock's, and later than the last row's.
    pub fn at(&self) -> Timestamp {
        self.clock.max(self.last.next())
    }

    /// A row was written.
    pub fn row(&mut self) {
        self.last = self.at();
        self.seq += 1;
    }

    fn working_days(&self, days: u32) -> Timestamp {
        working_days_after(self.at(), days, &BTreeSet::new())
    }

    /// What is held of a group or of a quota, by looking at everything.
    pub fn held(&self, group: Option<usize>, municipality: Option<usize>) -> i64 {
        let of = |g: usize, m: usize| {
            group.is_none_or(|group| group == g) && municipality.is_none_or(|wanted| wanted == m)
        };
        let offers =
            self.offers.iter().filter(|o| HOLDS.contains(&o.state) && of(o.group, o.municipality));
        let running = self.placements.iter().filter(|p| p.running && of(p.group, p.municipality));
        offers.map(|o| o.percent).sum::<i64>() + running.map(|p| p.percent).sum::<i64>()
    }

    fn free_in(&self, group: usize) -> i64 {
        (self.places[group] - self.held(Some(group), None)).max(0)
    }

    fn free_of(&self, municipality: usize) -> i64 {
        (self.quotas[municipality] - self.held(None, Some(municipality))).max(0)
    }

    /// Those who wait, in order.
    fn queue(&self) -> Vec<usize> {
        let waits = |i: &usize| self.entries[*i].state == State::Waiting;
        let mut queue: Vec<usize> = (0..self.entries.len()).filter(waits).collect();
        queue.sort_by_key(|i| self.entries[*i].key);
        queue
    }

    /// Why somebody cannot be served, or where they are.
    fn judge(&self, entry: usize, give: &Give) -> Result<usize, &'static str> {
        let Entry { municipality, percent, wants, declined, objected, .. } = &self.entries[entry];
        if give.not_to == Some(entry) {
            return Err("OFFER_WITHDRAWN");
        }
        match self.free_of(*municipality) {
            0 => return Err("NO_QUOTA"),
            free if free.min(give.left) < *percent => return Err("PARTICIPATION_DOES_NOT_FIT"),
            _ => {}
        }
        let since = self.at().minus_days(OBJECTED_DAYS);
        let objected = |g| objected.iter().any(|(group, when)| *group == g && *when > since);
        let in_run = |g| give.only.is_none_or(|only| only == g) && self.free_in(g) > 0;
        let steps: [(&str, &dyn Fn(usize) -> bool); 4] = [
            ("NO_ACCEPTABLE_PLACE", &in_run),
            ("DECLINED_HERE", &|g| !declined.contains(&g)),
            ("OBJECTED_HERE", &|g| !objected(g)),
            ("PARTICIPATION_DOES_NOT_FIT", &|g| self.free_in(g) >= *percent),
        ];
        let mut left = if wants.is_empty() { (0..GROUPS).collect() } else { wants.clone() };
        for (reason, keep) in steps {
            left.retain(|g| keep(*g));
            if left.is_empty() {
                return Err(reason);
            }
        }
        Ok(left[0])
    }

    /// Gives in the order of the queue. Whoever stands before one who is served, and is not,
    /// has been passed over.
    fn run(&mut self, mut give: Give) {
        let (mut judged, mut served) = (Vec::new(), 0);
        self.passed_over.clear();
        for entry in self.queue() {
            if served == give.max || give.left <= 0 {
                break;
            }
            match self.judge(entry, &give) {
                Ok(group) => {
                    give.left -= self.entries[entry].percent;
                    served += 1;
                    self.propose(entry, group);
                    self.passed_over.append(&mut judged);
                }
                Err(reason) => judged.push((entry, reason)),
            }
        }
    }

    fn propose(&mut self, entry: usize, group: usize) {
        let Entry { municipality, percent, .. } = self.entries[entry];
        let until = self.working_days(CONFIRM_DAYS);
        self.entries[entry].state = State::Held(self.offers.len());
        self.offers.push(Offer {
            id: 0,
            entry,
            group,
            municipality,
            percent,
            state: "PROPOSED",
            until,
            object_by: until,
            objection: None,
            extended: false,
        });
    }

    /// An offer ends, its entry goes on as `then`, and the place is passed on.
    fn give_back(&mut self, offer: usize, ends: &'static str, then: State, not_to: Option<usize>) {
        let Offer { entry, group, percent, .. } = self.offers[offer];
        self.offers[offer].state = ends;
        self.entries[entry].state = then;
        if ends != "LAPSED" {
            self.run(Give { max: usize::MAX, left: percent, only: Some(group), not_to });
        }
    }

    /// A no, or no answer: a strike, and a rest from being asked.
    fn refused_by_person(&mut self, offer: usize, ends: &'static str) {
        let Offer { entry, group, .. } = self.offers[offer];
        self.entries[entry].declined.push(group);
        self.entries[entry].strikes += 1;
        let rest =
            Timestamp::from_micros(self.at().micros() + i64::from(COOL_DOWN_DAYS) * 86_400_000_000);
        let left = self.entries[entry].strikes >= STRIKES;
        let then = if left { State::Closed } else { State::Cooling(rest) };
        self.give_back(offer, ends, then, None);
    }

    /// The next thing that is due by now: when, of which kind, of which thing.
    pub fn due(&self) -> Option<(Timestamp, u8, u128)> {
        let offers = self.offers.iter().filter_map(|o| match o.state {
            "PROPOSED" => Some((o.until, 0, o.id)),
            // While an objection waits no deadline runs.
            "OFFERED" if o.objection != Some(false) => Some((o.until, 1, o.id)),
            _ => None,
        });
        let entries = self.entries.iter().filter_map(|e| match e.state {
            State::Paused(until) => until.map(|until| (until, 2, e.id)),
            State::Cooling(until) => Some((until, 2, e.id)),
            _ => None,
        });
        offers.chain(entries).filter(|(at, ..)| *at <= self.clock).min()
    }

    /// Lets one due thing happen.
    pub fn happen(&mut self, kind: u8, id: u128) {
        let offer = self.offers.iter().position(|o| o.id == id);
        match (kind, offer) {
            (0, Some(offer)) => self.give_back(offer, "LAPSED", State::Waiting, None),
            (1, Some(offer)) => self.refused_by_person(offer, "EXPIRED"),
            _ => {
                let entry = self.entries.iter_mut().find(|e| e.id == id).unwrap();
                entry.state = State::Waiting;
            }
        }
    }

    /// What a caller asks for. Everything it names is there.
    pub fn ask(&mut self, op: &Op) -> Outcome {
        match *op {
            Op::Advance { .. } => {}
            Op::Capacity { group, places } => self.places[group] = places * 100,
            Op::Quota { municipality, places } => self.quotas[municipality] = places * 100,
            Op::Join { person, municipality, percent, ref wants } => {
                return self.join(person, municipality, percent, wants);
            }
            Op::Allocate { max } => {
                self.run(Give { max, left: i64::MAX, only: None, not_to: None });
            }
            Op::Prefer { entry, .. }
            | Op::Pause { entry, .. }
            | Op::Resume { entry }
            | Op::Prioritize { entry, .. }
            | Op::Transfer { entry, .. }
            | Op::Leave { entry }
            | Op::Place { entry, .. } => return self.ask_of_entry(op, entry),
            Op::Confirm { offer }
            | Op::Respond { offer, .. }
            | Op::Withdraw { offer }
            | Op::Object { offer }
            | Op::Resolve { offer, .. }
            | Op::Extend { offer, .. }
            | Op::Start { offer } => return self.ask_of_offer(op, offer),
            Op::End { placement }
            | Op::Share { placement, .. }
            | Op::Change { placement, .. }
            | Op::Reassign { placement, .. } => return self.ask_of_placement(op, placement),
        }
        Ok(())
    }

    /// A pause, a leaving or a move takes what is held along and passes it on; all else waits
    /// until nothing is held.
    fn ask_of_entry(&mut self, op: &Op, index: usize) -> Outcome {
        let state = self.entries[index].state;
        if let State::Placed(_) | State::Closed = state {
            return Err("WRONG_STATE");
        }
        let held = if let State::Held(offer) = state { Some(offer) } else { None };
        let today = self.at().date_in_norway();
        let entry = &mut self.entries[index];
        let then = match *op {
            Op::Pause { days, .. } => State::Paused(days.map(|days| {
                let until = today.saturating_add(Duration::days(i64::from(days)));
                start_of_day_in_norway(until)
            })),
            Op::Leave { .. } => State::Closed,
            Op::Transfer { municipality, .. } if municipality == entry.municipality => state,
            Op::Transfer { municipality, .. } => {
                entry.municipality = municipality;
                if held.is_some() { State::Waiting } else { state }
            }
            _ if held.is_some() => return Err("WRONG_STATE"),
            Op::Resume { .. } if state == State::Waiting => return Err("WRONG_STATE"),
            Op::Resume { .. } => State::Waiting,
            Op::Prioritize { days, .. } => {
                entry.key.0 = entry.key.1.minus_days(days);
                state
            }
            Op::Place { group, .. } => return self.place(index, group),
            Op::Prefer { ref wants, .. } => {
                entry.prefer(wants);
                state
            }
            _ => unreachable!("{op:?} is not about an entry"),
        };
        match held.filter(|_| then != state) {
            Some(offer) => self.give_back(offer, "WITHDRAWN", then, None),
            None => entry.state = then,
        }
        Ok(())
    }

    fn join(&mut self, person: u32, municipality: usize, percent: i64, wants: &[usize]) -> Outcome {
        if self.entries.iter().any(|e| e.person == person && e.state != State::Closed) {
            return Err("PERSON_ALREADY_WAITING");
        }
        let at = self.at();
        self.entries.push(Entry {
            id: 0,
            person,
            municipality,
            percent,
            wants: wants.to_vec(),
            key: (at, at, (self.seq + 1) << 20),
            declined: Vec::new(),
            objected: Vec::new(),
            strikes: 0,
            state: State::Waiting,
        });
        Ok(())
    }

    fn place(&mut self, entry: usize, group: usize) -> Outcome {
        let Entry { municipality, percent, .. } = self.entries[entry];
        if self.free_in(group) < percent || self.free_of(municipality) < percent {
            return Err("NO_ROOM");
        }
        self.propose(entry, group);
        self.confirm(self.offers.len() - 1);
        Ok(())
    }

    fn confirm(&mut self, offer: usize) {
        let (until, object_by) = (self.working_days(ANSWER_DAYS), self.working_days(OBJECT_DAYS));
        let offer = &mut self.offers[offer];
        (offer.state, offer.until, offer.object_by) = ("OFFERED", until, object_by);
    }

    fn ask_of_offer(&mut self, op: &Op, offer: usize) -> Outcome {
        let at = self.at();
        let Offer { entry, group, state, until, object_by, objection, extended, .. } =
            self.offers[offer];
        match (op, state) {
            (Op::Confirm { .. }, "PROPOSED") => self.confirm(offer),
            (Op::Respond { accept: true, .. }, "OFFERED") => self.offers[offer].state = "ACCEPTED",
            (Op::Respond { .. }, "OFFERED") => self.refused_by_person(offer, "DECLINED"),
            (Op::Withdraw { .. }, "PROPOSED" | "OFFERED" | "ACCEPTED") => {
                self.give_back(offer, "WITHDRAWN", State::Waiting, Some(entry));
            }
            (Op::Object { .. }, "OFFERED" | "ACCEPTED")
                if objection.is_none() && at < object_by =>
            {
                self.offers[offer].objection = Some(false);
            }
            (Op::Resolve { uphold: true, .. }, "OFFERED" | "ACCEPTED")
                if objection == Some(false) =>
            {
                self.offers[offer].objection = Some(true);
                self.entries[entry].objected.push((group, at));
                self.give_back(offer, "OBJECTED", State::Waiting, None);
            }
            (Op::Resolve { .. }, "OFFERED" | "ACCEPTED") if objection == Some(false) => {
                let anew = self.working_days(ANSWER_DAYS);
                self.offers[offer].objection = Some(true);
                if state == "OFFERED" {
                    self.offers[offer].until = until.max(anew);
                }
            }
            (Op::Extend { days, .. }, "OFFERED") if !extended => {
                let later = self.working_days(*days);
                if later <= until {
                    return Err("DATE_OUT_OF_RANGE");
                }
                (self.offers[offer].until, self.offers[offer].extended) = (later, true);
            }
            (Op::Start { .. }, "ACCEPTED") if objection != Some(false) => self.start(offer),
            _ => return Err("WRONG_STATE"),
        }
        Ok(())
    }

    fn start(&mut self, offer: usize) {
        let Offer { entry, group, municipality, percent, .. } = self.offers[offer];
        self.offers[offer].state = "STARTED";
        self.entries[entry].state = State::Placed(self.placements.len());
        self.placements.push(Placement { entry, group, municipality, percent, running: true });
    }

    fn ask_of_placement(&mut self, op: &Op, placement: usize) -> Outcome {
        let Placement { entry, group, municipality, percent, running, .. } =
            self.placements[placement];
        if !running {
            return Err("WRONG_STATE");
        }
        let (in_group, of_quota) = (self.free_in(group), self.free_of(municipality));
        match *op {
            Op::End { .. } => {
                self.placements[placement].running = false;
                self.entries[entry].state = State::Closed;
            }
            Op::Share { percent: wanted, .. } => {
                if in_group.min(of_quota) < wanted - percent {
                    return Err("NO_ROOM");
                }
                self.placements[placement].percent = wanted;
            }
            Op::Change { group: to, .. } if to != group => {
                if self.free_in(to) < percent {
                    return Err("NO_ROOM");
                }
                self.placements[placement].group = to;
            }
            Op::Reassign { municipality: to, .. } => {
                self.entries[entry].municipality = to;
                if to != municipality && self.free_of(to) >= percent {
                    self.placements[placement].municipality = to;
                }
            }
            _ => return Err("WRONG_STATE"),
        }
        Ok(())
    }
}
