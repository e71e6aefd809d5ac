//! What waits for somebody to act, and when it is due: told from an offer, an entry or a
//! placement as it stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Date, Duration};

use crate::domain::{
    allocation::{Objection, Offer, OfferState, Placement, PlacementState},
    calendar::{Timestamp, start_of_day_in_norway},
    capacity::{Closure, Quota},
    ids::{EntryId, MeasureCode, MunicipalityNumber, OfferId, PlacementId},
    measure::MeasureRules,
    review::review_date,
    waitlist::{Entry, EntryState},
};

/// Days after an accepted offer by whose end the placement should have begun.
const START_WITHIN_DAYS: i64 = 7;

/// What kind of work waits. Where two are due at once for one entry they stand in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkKind {
    /// A proposal to be confirmed.
    ConfirmProposal,
    /// An offer whose answer is due.
    AnswerOffer,
    /// A provider's objection to be decided on.
    ResolveObjection,
    /// An accepted offer whose placement has not begun.
    StartPlacement,
    /// An entry nobody has confirmed for too long.
    ConfirmEntry,
    /// A placement to be looked at.
    ReviewPlacement,
    /// A placement whose leave is over soon.
    EndOfLeave,
    /// A person placed in a group that closes.
    Closure,
    /// A quota to be looked at again.
    ReviewQuota,
}

impl WorkKind {
    /// Whether an offer, and nothing else, makes such work.
    pub fn is_of_offer(self) -> bool {
        match self {
            Self::ConfirmProposal
            | Self::AnswerOffer
            | Self::ResolveObjection
            | Self::StartPlacement => true,
            Self::ConfirmEntry
            | Self::ReviewPlacement
            | Self::EndOfLeave
            | Self::Closure
            | Self::ReviewQuota => false,
        }
    }

    /// Whether a placement, and nothing else, makes such work.
    pub fn is_of_placement(self) -> bool {
        match self {
            Self::ReviewPlacement | Self::EndOfLeave | Self::Closure => true,
            Self::ConfirmProposal
            | Self::AnswerOffer
            | Self::ResolveObjection
            | Self::StartPlacement
            | Self::ConfirmEntry
            | Self::ReviewQuota => false,
        }
    }
}

/// What work is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WorkOf {
    /// Somebody's entry.
    Entry(EntryId),
    /// A municipality's quota of a measure type.
    Quota(MeasureCode, MunicipalityNumber),
}

/// One thing that waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItem {
    /// What.
    pub kind: WorkKind,
    /// Whose entry, or whose quota.
    pub of: WorkOf,
    /// The proposal or offer.
    pub offer_id: Option<OfferId>,
    /// The placement.
    pub placement_id: Option<PlacementId>,
    /// When it is due.
    pub due: Timestamp,
}

/// Where an item stands in the list: what is due first comes first. An entry or a quota has one
/// item of a kind at most.
pub type WorkKey = (Timestamp, WorkOf, WorkKind);

impl WorkItem {
    /// Its place in the list.
    pub fn key(&self) -> WorkKey {
        (self.due, self.of.clone(), self.kind)
    }

    /// The entry it is about; `None` where it is about a quota.
    pub fn entry_id(&self) -> Option<EntryId> {
        match &self.of {
            WorkOf::Entry(entry_id) => Some(*entry_id),
            WorkOf::Quota(..) => None,
        }
    }
}

/// What an open offer asks for. An objection must be decided on while the offer can be answered;
/// one to an accepted offer, before the placement begins.
pub fn of_offer(offer: &Offer) -> Vec<WorkItem> {
    let (kind, due) = match &offer.state {
        OfferState::Proposed { confirm_by } => (WorkKind::ConfirmProposal, *confirm_by),
        OfferState::Offered { answer_by, .. } => (WorkKind::AnswerOffer, *answer_by),
        OfferState::Accepted { accepted_time } => {
            let day = accepted_time.date_in_norway();
            let due = start_of_day_in_norway(days_after(day, START_WITHIN_DAYS + 1));
            (WorkKind::StartPlacement, due)
        }
        OfferState::Declined { .. }
        | OfferState::Expired
        | OfferState::Lapsed
        | OfferState::Started { .. }
        | OfferState::Withdrawn { .. }
        | OfferState::Objected => return Vec::new(),
    };
    let item = |kind| WorkItem {
        kind,
        of: WorkOf::Entry(offer.entry_id),
        offer_id: Some(offer.offer_id),
        placement_id: None,
        due,
    };
    let objected = offer.objection.as_ref().is_some_and(Objection::is_open);
    let objection = objected.then(|| item(WorkKind::ResolveObjection));
    std::iter::once(item(kind)).chain(objection).collect()
}

/// That somebody must say whether the place is still wanted, where the measure type asks for it.
pub fn of_entry(entry: &Entry, rules: &MeasureRules) -> Option<WorkItem> {
    match entry.state {
        EntryState::Waiting | EntryState::Paused { .. } | EntryState::CoolingDown { .. } => {}
        EntryState::Proposed(_)
        | EntryState::Offered(_)
        | EntryState::Accepted(_)
        | EntryState::Placed(_)
        | EntryState::Closed => return None,
    }
    let registered = entry.key.registered_time;
    let said = entry.confirmed_time.map_or(registered, |confirmed| confirmed.max(registered));
    let due = days_after(said.date_in_norway(), i64::from(rules.confirm_days?));
    Some(WorkItem {
        kind: WorkKind::ConfirmEntry,
        of: WorkOf::Entry(entry.entry_id),
        offer_id: None,
        placement_id: None,
        due: start_of_day_in_norway(due),
    })
}

/// The instant before which an entry must have been registered for its confirmation to be due
/// before the day `end`: who came later need not be looked at.
pub fn registered_before(rules: &MeasureRules, end: Date) -> Option<Timestamp> {
    let days = Duration::days(i64::from(rules.confirm_days?));
    Some(start_of_day_in_norway(end.saturating_sub(days)))
}

/// What a placement asks for: a look at it, the end of a leave, another place where its group
/// closes before it ends.
pub fn of_placement(
    placement: &Placement,
    rules: &MeasureRules,
    closures: &[Closure],
    today: Date,
) -> Vec<WorkItem> {
    let leave = match &placement.state {
        PlacementState::OnLeave(leave) => Some(leave.until_date),
        PlacementState::Running | PlacementState::Ending(_) => None,
        PlacementState::Ended(_) => return Vec::new(),
    };
    let dated = [
        (WorkKind::ReviewPlacement, review_date(placement, rules, today)),
        (WorkKind::EndOfLeave, leave),
        (WorkKind::Closure, closes(placement, closures, today)),
    ];
    let item = |(kind, date): (WorkKind, Option<Date>)| {
        date.map(|date| WorkItem {
            kind,
            of: WorkOf::Entry(placement.entry_id),
            offer_id: placement.offer_id,
            placement_id: Some(placement.placement_id),
            due: start_of_day_in_norway(date),
        })
    };
    dated.into_iter().filter_map(item).collect()
}

/// The first day of the closure that comes first among those that are not over, unless the
/// placement ends before it.
fn closes(placement: &Placement, closures: &[Closure], today: Date) -> Option<Date> {
    let lasts = |from: &Date| placement.state.end().is_none_or(|end| end.end_date > *from);
    closures
        .iter()
        .filter(|closure| closure.until_date.is_none_or(|until| until > today))
        .map(|closure| closure.from_date)
        .filter(lasts)
        .min()
}

/// That quotas must be looked at again: those that hold today.
pub fn of_quotas(
    measure: &MeasureCode,
    quotas: &BTreeMap<MunicipalityNumber, Vec<Quota>>,
    today: Date,
) -> Vec<WorkItem> {
    let holds = |history: &Vec<Quota>| {
        history.iter().rev().find(|quota| quota.places.covers(today)).and_then(|q| q.review_by)
    };
    let item = |(number, history): (&MunicipalityNumber, &Vec<Quota>)| {
        Some(WorkItem {
            kind: WorkKind::ReviewQuota,
            of: WorkOf::Quota(measure.clone(), number.clone()),
            offer_id: None,
            placement_id: None,
            due: start_of_day_in_norway(holds(history)?),
        })
    };
    quotas.iter().filter_map(item).collect()
}

fn days_after(date: Date, days: i64) -> Date {
    date.saturating_add(Duration::days(days))
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        account::AccountKey,
        allocation::{End, Leave, Objection, ObjectionCode, Outcome, Resolution},
        ids::PlaceGroupId,
        measure::Span,
        waitlist::OrderKey,
    };

    const TODAY: Date = date!(2026 - 03 - 02);

    fn at(day: Date) -> Timestamp {
        start_of_day_in_norway(day)
    }

    fn noon() -> Timestamp {
        Timestamp::from_datetime(datetime!(2026-03-02 11:00 UTC))
    }

    fn told(items: &[WorkItem]) -> Vec<(WorkKind, Timestamp)> {
        items.iter().map(|item| (item.kind, item.due)).collect()
    }

    fn offer(state: OfferState) -> Offer {
        Offer {
            offer_id: OfferId(Uuid::from_u128(1)),
            entry_id: EntryId(Uuid::from_u128(2)),
            place_group_id: PlaceGroupId(Uuid::from_u128(3)),
            account: AccountKey::Pool,
            participation_percent: 100,
            proposed_time: noon(),
            proposed_seq: 1,
            out_of_turn: None,
            object_by: None,
            objection: None,
            extension: None,
            shadow: None,
            let_go: None,
            state,
        }
    }

    #[test]
    fn each_open_offer_has_its_deadline_and_a_closed_one_none() {
        let by = at(date!(2026 - 03 - 10));
        let cases = [
            (OfferState::Proposed { confirm_by: by }, Some((WorkKind::ConfirmProposal, by))),
            (
                OfferState::Offered { answer_by: by, confirmed_by: "a".into() },
                Some((WorkKind::AnswerOffer, by)),
            ),
            (
                OfferState::Accepted { accepted_time: noon() },
                Some((WorkKind::StartPlacement, at(date!(2026 - 03 - 10)))),
            ),
            (OfferState::Declined { reason: None }, None),
            (OfferState::Expired, None),
            (OfferState::Lapsed, None),
            (OfferState::Withdrawn { was_offered: true }, None),
            (OfferState::Objected, None),
        ];
        for (state, expected) in cases {
            let items = of_offer(&offer(state.clone()));
            assert_eq!(told(&items), Vec::from_iter(expected), "{state:?}");
        }
    }

    #[test]
    fn an_objection_is_due_with_the_answer_until_it_is_decided_on() {
        let by = at(date!(2026 - 03 - 10));
        let mut one = offer(OfferState::Offered { answer_by: by, confirmed_by: "a".into() });
        let mut objection = Objection {
            code: ObjectionCode::Safety,
            text: None,
            objected_by: "b".into(),
            objected_time: noon(),
            resolution: None,
        };
        one.objection = Some(objection.clone());
        let both = [(WorkKind::AnswerOffer, by), (WorkKind::ResolveObjection, by)];
        assert_eq!(told(&of_offer(&one)), both);
        objection.resolution = Some(Resolution {
            upheld: false,
            text: None,
            resolved_by: "c".into(),
            resolved_time: noon(),
        });
        one.objection = Some(objection);
        assert_eq!(told(&of_offer(&one)), both[..1]);
    }

    fn entry(registered: Timestamp, state: EntryState) -> Entry {
        let key = OrderKey { order_time: registered, registered_time: registered, join_seq: 1 };
        Entry {
            entry_id: EntryId(Uuid::from_u128(2)),
            person_id: crate::domain::ids::PersonId(Uuid::from_u128(4)),
            municipality_number: "1601".parse().expect("a number"),
            quota_municipality: None,
            following_office_number: "5701".parse().expect("a number"),
            participation_percent: 100,
            preferred_place_groups: Vec::new(),
            work_fields: Vec::new(),
            priority_class: None,
            grounds: None,
            key,
            external_references: Vec::new(),
            case_reference: None,
            declined_here: std::collections::BTreeSet::new(),
            objected_here: std::collections::BTreeMap::new(),
            strikes: 0,
            adviser: None,
            programme: None,
            on_behalf_of: None,
            wants_by: None,
            confirmed_time: None,
            increase_of: None,
            closed: None,
            imported: None,
            passes: 0,
            reserving_since: None,
            priority_by_correction: None,
            state,
        }
    }

    #[test]
    fn an_entry_is_confirmed_so_many_days_after_it_was_last() {
        let rules = MeasureRules { confirm_days: Some(90), ..MeasureRules::default() };
        let mut one = entry(noon(), EntryState::Waiting);
        let due = |entry: &Entry| of_entry(entry, &rules).map(|item| (item.kind, item.due));
        let expected = |day| Some((WorkKind::ConfirmEntry, at(day)));
        assert_eq!(due(&one), expected(date!(2026 - 05 - 31)));
        // Where nothing is set nothing is asked for.
        assert_eq!(of_entry(&one, &MeasureRules::default()), None);
        one.confirmed_time = Some(at(date!(2026 - 05 - 01)));
        assert_eq!(due(&one), expected(date!(2026 - 07 - 30)));
        // Confirmed before it was registered here: moved from another area.
        one.confirmed_time = Some(at(date!(2026 - 01 - 01)));
        assert_eq!(due(&one), expected(date!(2026 - 05 - 31)));
        one.state = EntryState::Paused { until: None };
        assert_eq!(due(&one), expected(date!(2026 - 05 - 31)));
        for state in [EntryState::Closed, EntryState::Proposed(OfferId(Uuid::nil()))] {
            one.state = state;
            assert_eq!(due(&one), None);
        }
    }

    /// What is not read is not due, and what is read last is: to the microsecond.
    #[test]
    fn who_was_registered_later_need_not_be_looked_at() {
        let rules = MeasureRules { confirm_days: Some(90), ..MeasureRules::default() };
        let end = date!(2026 - 06 - 15);
        let before = registered_before(&rules, end).expect("a rule is set");
        for (micros, is_due) in [(-1, true), (0, false)] {
            let registered = Timestamp::from_micros(before.micros() + micros);
            let item = of_entry(&entry(registered, EntryState::Waiting), &rules);
            assert_eq!(item.is_some_and(|item| item.due < at(end)), is_due, "{micros}");
        }
        assert_eq!(registered_before(&MeasureRules::default(), end), None);
    }

    fn placement(state: PlacementState) -> Placement {
        Placement {
            placement_id: PlacementId(Uuid::from_u128(5)),
            entry_id: EntryId(Uuid::from_u128(2)),
            offer_id: None,
            place_group_id: PlaceGroupId(Uuid::from_u128(3)),
            account: AccountKey::Pool,
            participation_percent: 100,
            start_date: date!(2026 - 01 - 01),
            shares: Vec::new(),
            past_debits: Vec::new(),
            planned_end_date: None,
            guest: false,
            review: None,
            increase: None,
            state,
        }
    }

    #[test]
    fn a_placement_is_looked_at_and_a_leave_ends() {
        let rules = MeasureRules { soft_maximum: Some(Span::Months(6)), ..MeasureRules::default() };
        let (from_date, until_date) = (date!(2026 - 02 - 01), date!(2026 - 03 - 20));
        let leave = Leave { from_date, until_date, reason: None };
        let away = of_placement(&placement(PlacementState::OnLeave(leave)), &rules, &[], TODAY);
        let review = (WorkKind::ReviewPlacement, at(date!(2026 - 07 - 01)));
        assert_eq!(told(&away), [review, (WorkKind::EndOfLeave, at(until_date))]);
        let there = of_placement(&placement(PlacementState::Running), &rules, &[], TODAY);
        assert_eq!(told(&there), [review]);
        let end = End { end_date: TODAY, outcome: Outcome::Other, reason: None };
        for state in [PlacementState::Ending(end.clone()), PlacementState::Ended(end)] {
            assert_eq!(of_placement(&placement(state), &rules, &[], TODAY), []);
        }
    }

    #[test]
    fn a_closure_is_told_of_until_it_is_over_and_to_whom_it_reaches() {
        let closure = |from_date, until_date| Closure {
            from_date,
            until_date,
            reason: None,
            reported_by: "a".into(),
        };
        let april = date!(2026 - 04 - 01);
        let cases = [
            (vec![closure(april, None)], Some(april)),
            (vec![closure(date!(2026 - 02 - 01), Some(TODAY))], None),
            (
                vec![closure(date!(2026 - 02 - 01), Some(date!(2026 - 03 - 03)))],
                Some(date!(2026 - 02 - 01)),
            ),
            (vec![closure(date!(2026 - 06 - 01), None), closure(april, None)], Some(april)),
        ];
        let rules = MeasureRules::default();
        for (closures, expected) in cases {
            let items = of_placement(&placement(PlacementState::Running), &rules, &closures, TODAY);
            let expected = expected.map(|day| (WorkKind::Closure, at(day)));
            assert_eq!(told(&items), Vec::from_iter(expected), "{closures:?}");
        }
        for (end_date, reached) in [(april, false), (date!(2026 - 04 - 02), true)] {
            let end = End { end_date, outcome: Outcome::Other, reason: None };
            let one = placement(PlacementState::Ending(end));
            let items = of_placement(&one, &rules, &[closure(april, None)], TODAY);
            assert_eq!(!items.is_empty(), reached, "{end_date}");
        }
    }
}
