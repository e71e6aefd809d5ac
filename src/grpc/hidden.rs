//! Small counts on the wire: which figures a caller is not told. A hidden figure is answered as 0,
//! or left out, and `hidden_fields` of its message names it.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::{
    domain::{
        access::{Behind, Own, behind},
        account::AccountKey,
        disclosure::{PlacesTold, Threshold, Use, UseTold, Waiting},
        ids::{MunicipalityNumber, PlaceGroupId},
        ledger::Ledger,
        registry::Registry,
    },
    error::Error,
    grpc::Reader,
    proto::v1::{self as pb, QueueSummary, WaitCoverage, WaitEvidence},
    store::{self, queues::QueueCounts},
};

/// The figures of an account that follow from how much of it is used.
const USE: [&str; 4] = ["reserved_percent", "in_use_percent", "free_percent", "over_percent"];
/// Those that divide it.
const PARTS: [&str; 2] = ["reserved_percent", "in_use_percent"];

/// What a caller may be told of a ledger's places.
pub(super) struct PlacesShown {
    told: PlacesTold,
    /// The accounts whose people are the caller's own; `None` where all are.
    own: Option<Own>,
}

impl PlacesShown {
    /// Of one account.
    pub(super) fn of(&self, key: &AccountKey) -> UseTold {
        self.told.of(key)
    }

    /// Of the whole ledger.
    pub(super) fn total(&self) -> UseTold {
        self.told.total
    }

    /// Whether whoever waits for an account's places are the caller's own.
    pub(super) fn sees_who_waits(&self, key: &AccountKey) -> bool {
        let Some(own) = &self.own else { return true };
        matches!(key, AccountKey::Quota(number) if own.municipalities.contains(number))
    }
}

/// What the caller may be told of a ledger's places. It is found for the whole ledger, whatever the
/// caller asks for: what is left when one answer is taken from another must tell nothing either.
pub(super) async fn places(
    reader: &Reader,
    connection: &mut PgConnection,
    ledger: &Ledger,
    registry: &Registry,
) -> Result<PlacesShown, Error> {
    let Behind::Own(own) = behind(&reader.actor, registry, reader.today()) else {
        return Ok(PlacesShown { told: PlacesTold::everything(), own: None });
    };
    let mut known = match own.office {
        Some(_) => store::small_counts::held_by(connection, ledger.id(), &own).await?,
        None => BTreeMap::new(),
    };
    for number in &own.municipalities {
        let key = AccountKey::Quota(number.clone());
        let account = ledger.account(&key);
        let (reserved, in_use) = (account.reserved.unsigned_abs(), account.in_use.unsigned_abs());
        known.insert(key, Use { reserved, in_use });
    }
    let told = PlacesTold::of_ledger(ledger, &known, reader.app.threshold);
    Ok(PlacesShown { told, own: Some(own) })
}

/// An account as it may be told.
pub(super) fn usage(usage: pb::Usage, told: UseTold) -> pb::Usage {
    let shown = pb::Usage { total_percent: usage.total_percent, ..pb::Usage::default() };
    match told {
        UseTold { used: true, parts: true } => usage,
        UseTold { used: true, parts: false } => pb::Usage {
            free_percent: usage.free_percent,
            over_percent: usage.over_percent,
            hidden_fields: names(&PARTS),
            ..shown
        },
        UseTold { used: false, .. } => pb::Usage { hidden_fields: names(&USE), ..shown },
    }
}

/// The sum of place groups as it may be told. What is free and what is over are each group's own, and
/// add up to a sum that could give one away: they are told where each group's are.
pub(super) fn sum_of_groups(usage: pb::Usage, parts: bool, free: bool) -> pb::Usage {
    let mut shown = usage;
    if !parts {
        (shown.reserved_percent, shown.in_use_percent) = (0, 0);
        shown.hidden_fields.extend(names(&PARTS));
    }
    if !free {
        (shown.free_percent, shown.over_percent) = (0, 0);
        shown.hidden_fields.extend(names(&USE[PARTS.len()..]));
    }
    shown
}

/// Whether those who are debited to an account are people the caller may know of, each of them.
pub(super) fn sees_people_of(reader: &Reader, registry: &Registry, key: &AccountKey) -> bool {
    match behind(&reader.actor, registry, reader.today()) {
        Behind::Everyone => true,
        Behind::Own(own) => {
            matches!(key, AccountKey::Quota(number) if own.municipalities.contains(number))
        }
    }
}

/// What an estimate is told from, as it may be told of others.
pub(super) fn evidence(evidence: WaitEvidence, threshold: Threshold) -> WaitEvidence {
    let mut shown = evidence;
    let figures = [
        ("starts", &mut shown.starts),
        ("departures", &mut shown.departures),
        ("entries_left_out", &mut shown.entries_left_out),
    ];
    for (name, figure) in figures {
        if threshold.is_small(*figure, 1) {
            *figure = 0;
            shown.hidden_fields.push(name.to_owned());
        }
    }
    shown
}

/// How often estimates were right, as it may be told of others: its figures divide those who began,
/// so that it is all told or none of it is.
pub(super) fn coverage(of: WaitCoverage, starts: u64, threshold: Threshold) -> WaitCoverage {
    let parts = [
        of.covered,
        of.measured.saturating_sub(of.covered),
        of.without_band,
        starts.saturating_sub(of.measured + of.without_band),
    ];
    if !parts.into_iter().any(|part| threshold.is_small(part, 1)) {
        return of;
    }
    let hidden_fields = names(&["covered", "measured", "without_band"]);
    WaitCoverage { hidden_fields, ..WaitCoverage::default() }
}

/// Names of fields.
pub(super) fn names(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|name| (*name).to_owned()).collect()
}

/// A ledger's queue as the caller may be told of it.
pub(super) async fn queue(
    reader: &Reader,
    connection: &mut PgConnection,
    registry: &Registry,
    (ledger, counts): (&Ledger, &QueueCounts),
    summary: QueueSummary,
) -> Result<QueueSummary, Error> {
    let Behind::Own(own) = behind(&reader.actor, registry, reader.today()) else {
        return Ok(summary);
    };
    let known = match own.office {
        Some(_) => store::queues::counts_of(connection, ledger.id(), &own).await?,
        None => QueueCounts::default(),
    };
    let others = others(counts, &known, &own);
    Ok(hide(summary, &others, reader))
}

/// Who is counted and not known to the caller.
fn others(counts: &QueueCounts, known: &QueueCounts, own: &Own) -> Waiting {
    let of_municipality = |(number, count): &(MunicipalityNumber, u64)| {
        let is_own = own.municipalities.contains(number);
        let known = if is_own { *count } else { find(&known.municipalities, number) };
        (number.clone(), count.saturating_sub(known))
    };
    let of_group = |(group, count): &(PlaceGroupId, u64)| {
        (*group, count.saturating_sub(find(&known.place_groups, group)))
    };
    Waiting {
        municipalities: counts.municipalities.iter().map(of_municipality).collect(),
        place_groups: counts.place_groups.iter().map(of_group).collect(),
        without_preference: counts.without_preference.saturating_sub(known.without_preference),
        with_preference: with_preference(counts).saturating_sub(with_preference(known)),
        increases: counts.increases.saturating_sub(known.increases),
    }
}

fn with_preference(counts: &QueueCounts) -> u64 {
    let all: u64 = counts.municipalities.iter().map(|(_, count)| count).sum();
    all.saturating_sub(counts.without_preference)
}

fn find<K: PartialEq>(counts: &[(K, u64)], key: &K) -> u64 {
    counts.iter().find(|(one, _)| one == key).map_or(0, |(_, count)| *count)
}

fn hide(summary: QueueSummary, others: &Waiting, reader: &Reader) -> QueueSummary {
    let hidden = others.hidden(reader.app.threshold);
    let mut shown = summary;
    for row in &mut shown.municipalities {
        if hidden.municipalities.iter().any(|number| number.as_str() == row.municipality_number) {
            row.persons_waiting = 0;
            row.hidden_fields = names(&["persons_waiting"]);
        }
    }
    for row in &mut shown.place_groups {
        if hidden.place_groups.iter().any(|group| group.to_string() == row.place_group_id) {
            row.persons_waiting = 0;
            row.hidden_fields = names(&["persons_waiting"]);
        }
    }
    if hidden.total {
        (shown.persons_waiting, shown.earliest_registered_time) = (0, None);
        shown.hidden_fields.extend(names(&["persons_waiting", "earliest_registered_time"]));
    }
    if hidden.without_preference {
        shown.persons_without_preference = 0;
        shown.hidden_fields.extend(names(&["persons_without_preference"]));
    }
    if hidden.increases {
        shown.increases = 0;
        shown.hidden_fields.extend(names(&["increases"]));
    }
    shown
}
