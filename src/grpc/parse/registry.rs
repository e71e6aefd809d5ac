//! Rows of the registry.

use std::collections::BTreeSet;

use crate::{
    domain::{
        apportionment::MAX_WEIGHT,
        host::{HostAgreement, HostKind},
        ids::{AreaId, MunicipalityNumber},
        registry::{
            Area, CompositeKey, DistributionWeight, Holiday, KeyPart, Municipality, Office,
            Provider, RegistryRow,
        },
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{NAME_MAX, SOURCE_MAX, SYSTEM_MAX, Violations, measure::measure_type},
    },
    proto::v1 as pb,
};

/// The most municipalities one office may serve.
const OFFICE_MUNICIPALITIES_MAX: usize = 50;
/// The most parts of a composite key.
const KEY_PARTS_MAX: usize = 10;
/// The most times a part of a composite key may count.
const KEY_FACTOR_MAX: u64 = 1_000_000;
/// The most distribution keys of a page that has their weights.
const KEYS_WITH_WEIGHTS_MAX: usize = 20;

/// One row; violations are named by field within the row.
pub(in crate::grpc) fn row(v: &mut Violations, row: &pb::RegistryRow) -> Option<RegistryRow> {
    use pb::registry_row::Row;
    match &row.row {
        None => {
            v.add("row", "is required");
            None
        }
        Some(Row::Area(r)) => area(v, r).map(RegistryRow::Area),
        Some(Row::Municipality(r)) => municipality(v, r).map(RegistryRow::Municipality),
        Some(Row::Office(r)) => office(v, r).map(RegistryRow::Office),
        Some(Row::MeasureType(r)) => measure_type(v, r).map(RegistryRow::MeasureType),
        Some(Row::Provider(r)) => provider(v, r).map(RegistryRow::Provider),
        Some(Row::DistributionWeight(r)) => weight(v, r).map(RegistryRow::DistributionWeight),
        Some(Row::HostAgreement(r)) => agreement(v, r).map(RegistryRow::HostAgreement),
        Some(Row::CompositeKey(r)) => composite_key(v, r).map(RegistryRow::CompositeKey),
        Some(Row::Holiday(r)) => holiday(v, r).map(RegistryRow::Holiday),
    }
}

fn area(v: &mut Violations, r: &pb::Area) -> Option<Area> {
    let county_id = v.value("area.county_id", &r.county_id);
    let name = v.required_text("area.name", &r.name, NAME_MAX);
    Some(Area { county_id: county_id?, name: name? })
}

fn municipality(v: &mut Violations, r: &pb::Municipality) -> Option<Municipality> {
    let number = v.value("municipality.municipality_number", &r.municipality_number);
    let name = v.required_text("municipality.name", &r.name, NAME_MAX);
    let county_id = v.value("municipality.county_id", &r.county_id);
    Some(Municipality { municipality_number: number?, name: name?, county_id: county_id? })
}

fn office(v: &mut Violations, r: &pb::Office) -> Option<Office> {
    let office_number = v.value("office.office_number", &r.office_number);
    let name = v.required_text("office.name", &r.name, NAME_MAX);
    let field = "office.municipality_numbers";
    let count = r.municipality_numbers.len();
    v.within(field, count, 1, OFFICE_MUNICIPALITIES_MAX)?;
    let numbers: Option<BTreeSet<MunicipalityNumber>> =
        r.municipality_numbers.iter().map(|number| v.value(field, number)).collect();
    Some(Office { office_number: office_number?, name: name?, municipality_numbers: numbers? })
}

fn provider(v: &mut Violations, r: &pb::Provider) -> Option<Provider> {
    let number = v.value("provider.organisation_number", &r.organisation_number);
    let name = v.required_text("provider.name", &r.name, NAME_MAX);
    Some(Provider { organisation_number: number?, name: name? })
}

fn weight(v: &mut Violations, r: &pb::DistributionWeight) -> Option<DistributionWeight> {
    let key_name = v.required_text("distribution_weight.key_name", &r.key_name, SYSTEM_MAX);
    let key_date = v.date("distribution_weight.key_date", r.key_date.as_ref());
    let field = "distribution_weight.municipality_number";
    let municipality_number = v.value(field, &r.municipality_number);
    let weight = v.within("distribution_weight.weight", r.weight, 0, MAX_WEIGHT);
    let source = v.required_text("distribution_weight.source", &r.source, SOURCE_MAX);
    let borders = v.optional_date("distribution_weight.borders_date", r.borders_date.as_ref());
    Some(DistributionWeight {
        key_name: key_name?,
        key_date: key_date?,
        municipality_number: municipality_number?,
        weight: weight?,
        source: source?,
        borders_date: borders?,
    })
}

fn composite_key(v: &mut Violations, r: &pb::CompositeKey) -> Option<CompositeKey> {
    let key_name = v.required_text("composite_key.key_name", &r.key_name, SYSTEM_MAX);
    let key_date = v.date("composite_key.key_date", r.key_date.as_ref());
    let count = v.within("composite_key.parts", r.parts.len(), 1, KEY_PARTS_MAX);
    let mut parts = Some(Vec::new());
    for part in r.parts.iter().take(KEY_PARTS_MAX) {
        let part = key_part(v, part);
        parts = parts.zip(part).map(|(mut parts, part)| {
            parts.push(part);
            parts
        });
    }
    let source = v.required_text("composite_key.source", &r.source, SOURCE_MAX);
    count?;
    Some(CompositeKey {
        key_name: key_name?,
        key_date: key_date?,
        parts: parts?,
        normalised: r.normalised,
        source: source?,
    })
}

fn key_part(v: &mut Violations, r: &pb::KeyPart) -> Option<KeyPart> {
    let key_name = v.required_text("composite_key.parts.key_name", &r.key_name, SYSTEM_MAX);
    let key_date = v.date("composite_key.parts.key_date", r.key_date.as_ref());
    let factor = v.within("composite_key.parts.factor", r.factor, 1, KEY_FACTOR_MAX);
    Some(KeyPart { key_name: key_name?, key_date: key_date?, factor: factor? })
}

fn agreement(v: &mut Violations, r: &pb::HostAgreement) -> Option<HostAgreement> {
    let host = "host_agreement.host_municipality_number";
    let host = v.value(host, &r.host_municipality_number);
    let number = v.value("host_agreement.municipality_number", &r.municipality_number);
    let kind = match r.kind() {
        pb::HostKind::Host => Some(HostKind::Host),
        pb::HostKind::Joint => Some(HostKind::Joint),
        pb::HostKind::Unspecified => {
            v.add("host_agreement.kind", "is required");
            None
        }
    };
    let valid_from = v.date("host_agreement.valid_from_date", r.valid_from_date.as_ref());
    let field = "host_agreement.valid_to_date";
    let valid_to = v.optional_date(field, r.valid_to_date.as_ref());
    let (valid_from, valid_to) = (valid_from?, valid_to?);
    if valid_to.is_some_and(|to| to <= valid_from) {
        v.add(field, "must be after valid_from_date");
        return None;
    }
    Some(HostAgreement {
        host_municipality_number: host?,
        municipality_number: number?,
        kind: kind?,
        valid_from,
        valid_to,
    })
}

fn holiday(v: &mut Violations, r: &pb::Holiday) -> Option<Holiday> {
    let date = v.date("holiday.date", r.date.as_ref());
    let name = v.required_text("holiday.name", &r.name, NAME_MAX);
    Some(Holiday { date: date?, name: name? })
}

/// What `ListMunicipalities` asks for.
pub(in crate::grpc) struct MunicipalitiesQuery {
    pub(in crate::grpc) county_id: Option<AreaId>,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_municipalities(
    r: &pb::ListMunicipalitiesRequest,
) -> Result<MunicipalitiesQuery, Error> {
    let mut v = Violations::default();
    let county_id = v.optional_value("county_id", &r.county_id);
    let page = Page::parse(&mut v, r);
    let parsed = (|| Some(MunicipalitiesQuery { county_id: county_id?, page: page? }))();
    v.finish(parsed)
}

/// What `ListOffices` asks for.
pub(in crate::grpc) struct OfficesQuery {
    pub(in crate::grpc) municipality: Option<MunicipalityNumber>,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_offices(r: &pb::ListOfficesRequest) -> Result<OfficesQuery, Error> {
    let mut v = Violations::default();
    let municipality = v.optional_value("municipality_number", &r.municipality_number);
    let page = Page::parse(&mut v, r);
    let parsed = (|| Some(OfficesQuery { municipality: municipality?, page: page? }))();
    v.finish(parsed)
}

/// What `ListDistributionKeys` asks for.
pub(in crate::grpc) struct DistributionKeysQuery {
    pub(in crate::grpc) key_name: Option<String>,
    pub(in crate::grpc) key_date: Option<time::Date>,
    pub(in crate::grpc) with_weights: bool,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_distribution_keys(
    r: &pb::ListDistributionKeysRequest,
) -> Result<DistributionKeysQuery, Error> {
    let mut v = Violations::default();
    let key_name = v.optional_text("key_name", &r.key_name, SYSTEM_MAX);
    let key_date = v.optional_date("key_date", r.key_date.as_ref());
    if r.with_weights && key_name == Some(None) {
        v.add("with_weights", "is only for one key_name");
    }
    let page = Page::parse(&mut v, r).map(|mut page| {
        if r.with_weights {
            page.size = page.size.min(KEYS_WITH_WEIGHTS_MAX);
        }
        page
    });
    let with_weights = r.with_weights;
    let parsed = (|| {
        let (key_name, key_date, page) = (key_name?, key_date?, page?);
        Some(DistributionKeysQuery { key_name, key_date, with_weights, page })
    })();
    v.finish(parsed)
}
