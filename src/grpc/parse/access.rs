//! Requests about access across employers.

use time::Date;

use crate::{
    domain::{
        access::Employer,
        access_grant::{AccessRole, Holder},
        command::{EndAccess, GrantAccess},
        ids::{AccessGrantId, AreaId, MunicipalityNumber, OfficeNumber},
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{SOURCE_MAX, TEXT_MAX, Violations},
    },
    proto::v1 as pb,
};

/// Access to be given, by the leader of an office.
pub(in crate::grpc) fn grant_access(
    r: &pb::GrantAccessRequest,
    office: &str,
) -> Result<GrantAccess, Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let role = role(&mut v, r.role);
    let issuer = v.required_text("issuer", &r.issuer, SOURCE_MAX);
    let subject = v.required_text("subject", &r.subject, SOURCE_MAX);
    let employed_by = employer(&mut v, "employer", r.employer.as_ref());
    let opens = employer(&mut v, "opens", r.opens.as_ref());
    let valid_from = v.date("valid_from_date", r.valid_from_date.as_ref());
    let valid_to = v.date("valid_to_date", r.valid_to_date.as_ref());
    let ground = v.required_text("ground", &r.ground, TEXT_MAX);
    let parsed = (|| {
        let holder = Holder { issuer: issuer?, subject: subject?, employer: employed_by? };
        let (role, opens, valid_from, valid_to) = (role?, opens?, valid_from?, valid_to?);
        let office_number = own_office(&mut v, office)?;
        Some(GrantAccess {
            office_number,
            holder,
            role,
            opens,
            valid_from,
            valid_to,
            ground: ground?,
        })
    })();
    v.finish(parsed)
}

/// Access to be ended, by the leader of an office.
pub(in crate::grpc) fn end_access(
    r: &pb::EndAccessRequest,
    office: &str,
) -> Result<EndAccess, Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let grant_id = v.uuid("grant_id", &r.grant_id);
    let valid_to = v.date("valid_to_date", r.valid_to_date.as_ref());
    let parsed = (|| {
        let (grant_id, valid_to) = (AccessGrantId(grant_id?), valid_to?);
        Some(EndAccess { office_number: own_office(&mut v, office)?, grant_id, valid_to })
    })();
    v.finish(parsed)
}

/// The office the caller's token names.
fn own_office(v: &mut Violations, office: &str) -> Option<OfficeNumber> {
    v.value("office_number", office)
}

fn role(v: &mut Violations, role: i32) -> Option<AccessRole> {
    match v.choice("role", role)? {
        pb::AccessRole::Unspecified => None,
        pb::AccessRole::Reader => Some(AccessRole::Reader),
        pb::AccessRole::Adviser => Some(AccessRole::Adviser),
    }
}

/// The state, or a municipality.
fn employer(v: &mut Violations, field: &str, employer: Option<&pb::Employer>) -> Option<Employer> {
    let Some(employer) = employer else {
        v.add(field, "is required");
        return None;
    };
    let number = format!("{field}.municipality_number");
    let municipality: Option<Option<MunicipalityNumber>> =
        v.optional_value(&number, &employer.municipality_number);
    let kind = v.choice(&format!("{field}.kind"), employer.kind)?;
    match (kind, municipality?) {
        (pb::EmployerKind::Unspecified, _) => None,
        (pb::EmployerKind::State, None) => Some(Employer::State),
        (pb::EmployerKind::State, Some(_)) => {
            v.add(number, "must be empty: the state is no municipality");
            None
        }
        (pb::EmployerKind::Municipal, None) => {
            v.add(number, "is required of a municipality");
            None
        }
        (pb::EmployerKind::Municipal, Some(number)) => {
            Some(Employer::Municipal { municipality_number: number.to_string() })
        }
    }
}

/// Which records a list is of.
pub(in crate::grpc) struct GrantsQuery {
    /// Only at offices that serve this area.
    pub(in crate::grpc) county_id: Option<AreaId>,
    /// Only at this office.
    pub(in crate::grpc) office_number: Option<OfficeNumber>,
    /// The day; today where it is not named.
    pub(in crate::grpc) as_of: Option<Date>,
    /// Those that do not hold on the day too.
    pub(in crate::grpc) include_all: bool,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_access_grants(
    r: &pb::ListAccessGrantsRequest,
) -> Result<GrantsQuery, Error> {
    let mut v = Violations::default();
    let county_id = v.optional_value("county_id", &r.county_id);
    let office_number = v.optional_value("office_number", &r.office_number);
    let as_of = v.optional_date("as_of_date", r.as_of_date.as_ref());
    let page = Page::parse(&mut v, r);
    let include_all = r.include_all;
    let parsed = (|| {
        let (county_id, office_number, as_of) = (county_id?, office_number?, as_of?);
        Some(GrantsQuery { county_id, office_number, as_of, include_all, page: page? })
    })();
    v.finish(parsed)
}

/// Which report is asked for.
pub(in crate::grpc) struct AccessReportQuery {
    pub(in crate::grpc) county_id: AreaId,
    /// The day; today where it is not named.
    pub(in crate::grpc) as_of: Option<Date>,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn get_access_report(
    r: &pb::GetAccessReportRequest,
) -> Result<AccessReportQuery, Error> {
    let mut v = Violations::default();
    let county_id = v.value("county_id", &r.county_id);
    let as_of = v.optional_date("as_of_date", r.as_of_date.as_ref());
    let parsed = (|| {
        let at_least_seq = r.at_least_seq;
        Some(AccessReportQuery { county_id: county_id?, as_of: as_of?, at_least_seq })
    })();
    v.finish(parsed)
}
