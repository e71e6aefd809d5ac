//! A ledger whose measure type has rules beyond its deadlines, and the commands that go by them.

use tiltaksplass::domain::{
    allocation::{ObjectionCode, OutOfTurn, OutOfTurnReason},
    command::{
        ExtendOffer, ObjectToOffer, PlacePerson, ResolveObjection, StartDirectly, WithdrawOffer,
    },
    measure::MeasureRules,
    waitlist::{EntryState, Sealed},
};

use super::*;

/// Working days in which a provider may object.
pub(super) const OBJECT_DAYS: u32 = 2;

pub(super) fn sealed() -> Sealed {
    Sealed("c2VhbGVk".to_owned())
}

/// The rules that most tests here go by.
pub(super) fn rules() -> MeasureRules {
    MeasureRules { object_working_days: Some(OBJECT_DAYS), ..MeasureRules::default() }
}

/// VTA under some rules: so many places in one group, for Trondheim alone.
#[derive(Clone)]
pub(super) struct Ruled {
    pub(super) ledger: Ledger,
    pub(super) group: PlaceGroupId,
    pub(super) registry: Registry,
    version: u32,
}

impl Ruled {
    pub(super) fn new(rules: &MeasureRules, places: u32) -> Self {
        let mut ledger = vta_with_quotas(&[(TRONDHEIM, places)]);
        let group = add_group(&mut ledger, places, &[]);
        Self { ledger, group, registry: registry_with(rules), version: RULES_VERSION }
    }

    /// The same, under other rules from now on.
    pub(super) fn under(self, rules: &MeasureRules) -> Self {
        Self { registry: registry_with(rules), ..self }
    }

    /// The same, decided by the rules of an older program.
    pub(super) fn by_version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    pub(super) fn happen(
        &mut self,
        command: &Command,
        at: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        self.happen_as(&actor("county"), command, at)
    }

    pub(super) fn happen_as(
        &mut self,
        actor: &Actor,
        command: &Command,
        at: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let at = self.ledger.next_time(at);
        let (registry, rules) = (&self.registry, self.version);
        let context = Context { at, registry, actor, rules };
        let mut ids = IdSource::new(seed(self.ledger.head().seq), at);
        let events = match decide(&self.ledger, command, &context, &mut ids) {
            Ok(events) => events,
            Err(Stop::Refused(refusal)) => return Err(refusal),
            Err(Stop::NeedMore(queue)) => panic!("a whole ledger misses some of {queue:?}"),
        };
        for event in &events {
            apply(&mut self.ledger, event);
        }
        self.ledger.advance([0; 32], at);
        Ok(events)
    }

    pub(super) fn now(&mut self, command: &Command) -> Vec<Event> {
        self.happen(command, noon()).unwrap()
    }

    pub(super) fn join(&mut self, number: u32) -> EntryId {
        let events = self.now(&Command::JoinWaitlist(commands::join(number, TRONDHEIM)));
        let [Event::Joined { entry }] = &events[..] else { panic!("{events:?}") };
        entry.entry_id
    }

    /// Somebody joins and is offered a place.
    pub(super) fn offered(&mut self, number: u32) -> (EntryId, OfferId) {
        let entry_id = self.join(number);
        let events = self.now(&commands::allocate(1, &[]));
        let offer = offers_of(&events).next().unwrap();
        assert_eq!(offer.entry_id, entry_id);
        self.now(&commands::confirm(&[offer.offer_id]));
        (entry_id, offer.offer_id)
    }

    pub(super) fn offer(&self, id: OfferId) -> &Offer {
        self.ledger.offer(id).unwrap()
    }

    pub(super) fn entry(&self, id: EntryId) -> &Entry {
        self.ledger.entry(id).unwrap()
    }

    pub(super) fn state(&self, id: EntryId) -> EntryState {
        self.entry(id).state
    }

    pub(super) fn answer_by(&self, id: OfferId) -> Timestamp {
        let OfferState::Offered { answer_by, .. } = self.offer(id).state else {
            panic!("{:?}", self.offer(id))
        };
        answer_by
    }

    /// Reserved and in use, which both accounts show alike.
    pub(super) fn figures(&self) -> (i64, i64) {
        let group = group_figures(&self.ledger, self.group);
        assert_eq!(group, figures(&self.ledger, &quota_of(TRONDHEIM)));
        group
    }
}

fn registry_with(rules: &MeasureRules) -> Registry {
    let with = |row: RegistryRow| {
        if let RegistryRow::MeasureType(measure) = row {
            RegistryRow::MeasureType(MeasureType { rules: rules.clone(), ..measure })
        } else {
            row
        }
    };
    let rows: Vec<RegistryRow> = registry_rows().into_iter().map(with).collect();
    let mut registry = Registry::default();
    registry.apply(1, &rows);
    registry
}

pub(super) fn object(offer_id: OfferId) -> Command {
    let (code, text) = (ObjectionCode::Safety, Some(sealed()));
    Command::ObjectToOffer(ObjectToOffer { offer_id, code, text, case_reference: None })
}

pub(super) fn resolve(offer_id: OfferId, uphold: bool) -> Command {
    let text = Some(sealed());
    Command::ResolveObjection(ResolveObjection { offer_id, uphold, text, case_reference: None })
}

pub(super) fn extend(offer_id: OfferId, working_days: u32) -> Command {
    let text = Some(sealed());
    Command::ExtendOffer(ExtendOffer { offer_id, working_days, text, case_reference: None })
}

pub(super) fn withdraw(offer_id: OfferId) -> Command {
    let text = Some(sealed());
    Command::WithdrawOffer(WithdrawOffer { offer_id, text, case_reference: None })
}

pub(super) fn place(entry_id: EntryId, place_group_id: PlaceGroupId) -> Command {
    let reason = OutOfTurnReason::Health;
    let out_of_turn = Some(OutOfTurn { reason, text: sealed() });
    let case_reference = None;
    Command::PlacePerson(PlacePerson {
        entry_id,
        place_group_id,
        out_of_turn,
        reason: Some(reason),
        case_reference,
    })
}

pub(super) fn start_directly(entry_id: EntryId, place_group_id: PlaceGroupId) -> Command {
    Command::StartDirectly(StartDirectly {
        entry_id,
        place_group_id,
        start_date: TODAY,
        case_reference: None,
        elsewhere: Vec::new(),
    })
}

pub(super) fn expire(offer_id: OfferId) -> Command {
    Command::ExpireOffer { offer_id }
}
