//! `ListHostAgreements`: which municipalities run NAV together, and when.

use time::Date;

use crate::{
    domain::{
        host::{HostAgreement, HostKind},
        ids::{AreaId, MunicipalityNumber},
        registry::Registry,
    },
    error::Error,
    grpc::{Reader, answer, page::Page, parse::Violations, registry::current},
    proto::v1 as pb,
};

/// What `ListHostAgreements` asks for.
pub(super) struct AgreementsQuery {
    municipality: Option<MunicipalityNumber>,
    county_id: Option<AreaId>,
    on: Option<Date>,
    page: Page,
}

pub(super) fn parse(r: &pb::ListHostAgreementsRequest) -> Result<AgreementsQuery, Error> {
    let mut v = Violations::default();
    let municipality = v.optional_value("municipality_number", &r.municipality_number);
    let county_id = v.optional_value("county_id", &r.county_id);
    let on = v.optional_date("on_date", r.on_date.as_ref());
    let page = Page::parse(&mut v, r);
    let parsed = (|| {
        let (municipality, county_id, on) = (municipality?, county_id?, on?);
        Some(AgreementsQuery { municipality, county_id, on, page: page? })
    })();
    v.finish(parsed)
}

pub(super) async fn agreements(
    reader: Reader,
    query: AgreementsQuery,
) -> Result<pb::ListHostAgreementsResponse, Error> {
    let (registry, revisions) = current(&reader, &query.page).await?;
    let rows = registry.host_agreements().filter(|row| query.asks_for(row, &registry));
    let key = |row: &&HostAgreement| row.key();
    let (host_agreements, next_page_token) =
        query.page.cut(&reader.app.keys, rows, key, agreement)?;
    Ok(pb::ListHostAgreementsResponse { revisions, host_agreements, next_page_token })
}

impl AgreementsQuery {
    fn asks_for(&self, row: &HostAgreement, registry: &Registry) -> bool {
        let parties = [&row.host_municipality_number, &row.municipality_number];
        let is_of = |area: &AreaId| {
            parties.iter().any(|n| registry.municipality(n).is_some_and(|m| m.county_id == *area))
        };
        self.municipality.as_ref().is_none_or(|number| parties.contains(&number))
            && self.county_id.as_ref().is_none_or(is_of)
            && self.on.is_none_or(|day| row.covers(day))
    }
}

fn agreement(row: &HostAgreement) -> pb::HostAgreement {
    let kind = match row.kind {
        HostKind::Host => pb::HostKind::Host,
        HostKind::Joint => pb::HostKind::Joint,
    };
    pb::HostAgreement {
        host_municipality_number: row.host_municipality_number.to_string(),
        municipality_number: row.municipality_number.to_string(),
        kind: kind.into(),
        valid_from_date: Some(answer::date(row.valid_from)),
        valid_to_date: row.valid_to.map(answer::date),
    }
}
