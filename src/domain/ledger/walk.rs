//! Queues, and the walk over all of them in the one order.

use std::{collections::BTreeMap, iter::Peekable};

use crate::domain::{
    ids::EntryId,
    ledger::Ledger,
    refusal::Stop,
    waitlist::{Entry, OrderKey, QueueKey},
};

/// One queue's eligible entries, as far as they have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    eligible: BTreeMap<OrderKey, EntryId>,
    /// No eligible entry stands before this key. It lets a read begin behind the
    /// dead rows that those already served have left at the head.
    watermark: OrderKey,
    extent: Extent,
    /// Entries that became eligible beyond what has been read, and are not stored yet.
    beyond: BTreeMap<OrderKey, EntryId>,
}

/// How much of a queue is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All that is eligible up to this key.
    UpTo(OrderKey),
    /// All that is eligible.
    Whole,
}

impl Queue {
    /// A queue of which nothing has been read.
    pub(super) fn unread(watermark: OrderKey) -> Self {
        let extent = Extent::UpTo(OrderKey::MIN);
        Self { eligible: BTreeMap::new(), watermark, extent, beyond: BTreeMap::new() }
    }

    /// A queue nobody has stood in.
    pub(super) fn empty() -> Self {
        Self { extent: Extent::Whole, ..Self::unread(OrderKey::MIN) }
    }

    /// The key to read from: the watermark, or where the last read ended. `None` when
    /// all has been read.
    pub(super) fn read_to(&self) -> Option<OrderKey> {
        match self.extent {
            Extent::UpTo(key) => Some(key.max(self.watermark)),
            Extent::Whole => None,
        }
    }

    /// All up to `key`, or all there is, has been read. What was read before stays read: the
    /// heads may be asked for again.
    pub(super) fn extend(&mut self, to: Option<OrderKey>) {
        let has_read_farther = match (self.extent, to) {
            (Extent::Whole, _) => true,
            (Extent::UpTo(read_to), Some(key)) => key <= read_to,
            (Extent::UpTo(_), None) => false,
        };
        if has_read_farther {
            return;
        }
        let within = match to {
            Some(key) => {
                let beyond = self.beyond.split_off(&key);
                let within = std::mem::replace(&mut self.beyond, beyond);
                self.extent = Extent::UpTo(key);
                within
            }
            None => {
                self.extent = Extent::Whole;
                std::mem::take(&mut self.beyond)
            }
        };
        self.eligible.extend(within);
    }

    /// An eligible entry has been read.
    pub(super) fn read(&mut self, key: OrderKey, entry_id: EntryId) {
        self.eligible.insert(key, entry_id);
    }

    /// An entry becomes eligible.
    pub(super) fn enter(&mut self, key: OrderKey, entry_id: EntryId) {
        self.watermark = self.watermark.min(key);
        let loaded = match self.extent {
            Extent::UpTo(read_to) => key <= read_to,
            Extent::Whole => true,
        };
        if loaded {
            self.eligible.insert(key, entry_id);
        } else {
            self.beyond.insert(key, entry_id);
        }
    }

    /// An entry is no longer eligible.
    pub(super) fn leave(&mut self, key: &OrderKey) {
        self.eligible.remove(key);
        self.beyond.remove(key);
        // In a queue that is served empty the next read begins behind those served.
        if self.extent == Extent::Whole && self.eligible.is_empty() {
            self.watermark = self.watermark.max(*key);
        }
    }

    /// No eligible entry stands before this key.
    pub fn watermark(&self) -> OrderKey {
        let first = self.eligible.first_key_value().map(|(key, _)| *key);
        match (first, self.extent) {
            (Some(first), _) => first,
            (None, Extent::UpTo(read_to)) => read_to.max(self.watermark),
            (None, Extent::Whole) => self.watermark,
        }
    }

    /// The eligible entries that were loaded, in order.
    pub fn eligible(&self) -> impl Iterator<Item = (&OrderKey, &EntryId)> {
        self.eligible.iter()
    }
}

type Cursor<'a> = Peekable<std::collections::btree_map::Iter<'a, OrderKey, EntryId>>;

/// A walk over all queues of a ledger in the one order.
pub struct Walk<'a> {
    ledger: &'a Ledger,
    cursors: Vec<(&'a QueueKey, &'a Queue, Cursor<'a>)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(ledger: &'a Ledger) -> Self {
        let cursors = ledger
            .queues
            .iter()
            .map(|(key, queue)| (key, queue, queue.eligible.iter().peekable()))
            .collect();
        Self { ledger, cursors }
    }

    /// The next eligible entry; `None` at the end. Where a queue's loaded part has run
    /// out, nobody can say who is next: then more must be read.
    pub fn next_eligible(&mut self) -> Result<Option<&'a Entry>, Stop> {
        let mut next: Option<(OrderKey, usize)> = None;
        for (index, (key, queue, cursor)) in self.cursors.iter_mut().enumerate() {
            match cursor.peek() {
                Some((order, _)) if next.is_none_or(|(least, _)| **order < least) => {
                    next = Some((**order, index));
                }
                Some(_) => {}
                None if queue.read_to().is_some() => return Err(Stop::NeedMore((*key).clone())),
                None => {}
            }
        }
        let Some((_, index)) = next else { return Ok(None) };
        let entry_id = self.cursors[index].2.next().map(|(_, id)| *id);
        Ok(entry_id.and_then(|id| self.ledger.entry(id)))
    }
}
