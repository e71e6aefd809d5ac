//! Requests about who of the staff is which person.

use uuid::Uuid;

use crate::{
    domain::{
        command::{Command, LinkStaff, StaffLinkChange},
        ids::{OfficeNumber, PersonId},
        staff_link::StaffName,
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{SOURCE_MAX, Violations, waitlist::identity},
    },
    proto::v1::{self as pb, link_staff_request::Change},
    write::{Draft, Joiner},
};

/// A link to be set or ended; `office` is the caller's own, where an office asks.
pub(in crate::grpc) fn link_staff(
    r: &pb::LinkStaffRequest,
    office: Option<&str>,
) -> Result<Draft, Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let issuer = v.required_text("issuer", &r.issuer, SOURCE_MAX);
    let subject = v.required_text("subject", &r.subject, SOURCE_MAX);
    if r.subject.trim() != r.subject || r.subject.contains(char::is_control) {
        v.add("subject", "is compared with tokens as it stands: no spaces around it, one line");
    }
    let person = match &r.change {
        Some(Change::NationalIdentityNumber(number)) => identity(&mut v, number).map(Some),
        Some(Change::End(pb::EndStaffLink {})) => Some(None),
        None => {
            v.add("change", "must say who it is, or end");
            None
        }
    };
    let office_number: Option<Option<OfficeNumber>> =
        office.map_or(Some(None), |number| v.value("office_number", number).map(Some));
    let parsed = (|| {
        let staff = StaffName { issuer: issuer?, subject: subject? };
        let (person, office_number) = (person?, office_number?);
        let change = match &person {
            // Who that is, the writer finds or adds.
            Some(_) => StaffLinkChange::Set { person_id: PersonId(Uuid::nil()) },
            None => StaffLinkChange::End,
        };
        let command = LinkStaff { office_number, staff, change };
        let identity = person.map(|identity| vec![Joiner::of(identity)]);
        Some(Draft { identity, ..Draft::of(Command::LinkStaff(command)) })
    })();
    v.finish(parsed)
}

/// Which links a list is of.
pub(in crate::grpc) struct LinksQuery {
    /// Only those this office's leader set.
    pub(in crate::grpc) office_number: Option<OfficeNumber>,
    /// Those that were ended too.
    pub(in crate::grpc) include_ended: bool,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_staff_links(
    r: &pb::ListStaffLinksRequest,
) -> Result<LinksQuery, Error> {
    let mut v = Violations::default();
    let office_number = v.optional_value("office_number", &r.office_number);
    let page = Page::parse(&mut v, r);
    let include_ended = r.include_ended;
    let parsed =
        (|| Some(LinksQuery { office_number: office_number?, include_ended, page: page? }))();
    v.finish(parsed)
}
