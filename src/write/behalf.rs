//! On whose behalf an office asks: a host acts for those it hosts, and both are recorded.

use std::collections::BTreeSet;

use time::Date;

use crate::{
    domain::{
        access::{self, Actor, Role},
        command::Command,
        ids::{EntryId, MunicipalityNumber},
        ledger::Ledger,
        registry::Registry,
    },
    write::decision::targets,
};

/// The hosted municipalities for whose people an office asks.
pub(super) fn on_behalf_of(
    ledger: &Ledger,
    command: &Command,
    actor: &Actor,
    registry: &Registry,
    day: Date,
) -> BTreeSet<MunicipalityNumber> {
    if actor.role != Role::Office {
        return BTreeSet::new();
    }
    let asked_for = targets(ledger, command);
    let numbers = asked_for.iter().filter_map(|target| target.municipality_number.as_ref());
    let hosted = numbers.filter_map(|n| access::on_behalf_of(actor, n, registry, day));
    hosted.cloned().collect()
}

/// The same, where it is told of these entries and nothing is changed.
pub(super) fn shown_on_behalf_of(
    ledger: &Ledger,
    entries: &[EntryId],
    actor: &Actor,
    registry: &Registry,
    day: Date,
) -> BTreeSet<MunicipalityNumber> {
    let numbers = entries.iter().filter_map(|id| Some(&ledger.entry(*id)?.municipality_number));
    numbers.filter_map(|n| access::on_behalf_of(actor, n, registry, day)).cloned().collect()
}
