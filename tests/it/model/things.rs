//! What the reference model has lists of.

use tiltaksplass::domain::calendar::Timestamp;

pub const CONFIRM_DAYS: u32 = 2;
pub const ANSWER_DAYS: u32 = 3;
pub const OBJECT_DAYS: u32 = 2;
pub const COOL_DOWN_DAYS: u32 = 2;
pub const STRIKES: u32 = 3;
pub const OBJECTED_DAYS: u32 = 90;

/// Offers in these states hold a place.
pub const HOLDS: [&str; 3] = ["PROPOSED", "OFFERED", "ACCEPTED"];

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Waiting,
    Paused(Option<Timestamp>),
    Cooling(Timestamp),
    /// With an open proposal or offer, by its place in the list.
    Held(usize),
    Placed(usize),
    Closed,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub id: u128,
    pub person: u32,
    pub municipality: usize,
    pub percent: i64,
    pub wants: Vec<usize>,
    pub key: (Timestamp, Timestamp, u64),
    pub declined: Vec<usize>,
    pub objected: Vec<(usize, Timestamp)>,
    pub strikes: u32,
    pub state: State,
}

impl Entry {
    /// Other wishes let providers who objected be asked again; a group that is named now and
    /// was not before is wanted after all.
    pub fn prefer(&mut self, wants: &[usize]) {
        if self.wants != wants {
            let before = std::mem::replace(&mut self.wants, wants.to_vec());
            self.objected.clear();
            self.declined.retain(|group| before.contains(group) || !wants.contains(group));
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Offer {
    pub id: u128,
    pub entry: usize,
    pub group: usize,
    pub municipality: usize,
    pub percent: i64,
    /// PROPOSED, OFFERED, ACCEPTED or how it ended.
    pub state: &'static str,
    /// The deadline of its state.
    pub until: Timestamp,
    pub object_by: Timestamp,
    /// Whether the office has decided on the provider's objection.
    pub objection: Option<bool>,
    pub extended: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Placement {
    pub entry: usize,
    pub group: usize,
    /// Whose quota pays, which may be another's than the person's.
    pub municipality: usize,
    pub percent: i64,
    pub running: bool,
}

/// What a place may be given to.
pub struct Give {
    pub max: usize,
    pub left: i64,
    pub only: Option<usize>,
    pub not_to: Option<usize>,
}

/// What came of a command: refused with a reason, or done.
pub type Outcome = Result<(), &'static str>;
