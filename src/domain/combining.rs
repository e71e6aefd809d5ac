//! Which measure types a person may use at the same time.

use time::Date;

use crate::domain::{ids::MeasureCode, registry::Registry};

/// Whether somebody may use a place in both on a day: neither type's rules may leave the other out.
/// A type that says nothing combines with all.
pub fn combine(registry: &Registry, one: &MeasureCode, other: &MeasureCode, day: Date) -> bool {
    let allows = |of: &MeasureCode, with: &MeasureCode| {
        let rules = registry.measure_type_on(of, day).map(|measure| &measure.rules);
        let named = rules.and_then(|rules| rules.combines_with.as_ref());
        named.is_none_or(|named| named.contains(with))
    };
    one == other || (allows(one, other) && allows(other, one))
}

/// Whether any type leaves another out: where none does, nobody need be asked.
pub fn any_excludes(registry: &Registry) -> bool {
    registry.measure_types().any(|measure| measure.rules.combines_with.is_some())
}
