//! Who of the staff is which person: set, ended and listed. No answer tells who it is.

use prost::Message;
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Method, Role, Target},
        event::Event,
        ids::LedgerId,
        protection::Protection,
        refusal::Refusal,
        staff_link::StaffLink,
    },
    error::Error,
    grpc::{
        Api, Reader, answer,
        caller::Caller,
        parse::staff::{self as parse, LinksQuery},
        respond,
    },
    proto::v1 as pb,
    write::Done,
};

impl Api {
    /// An office's are its leader's to set and end. Whoever may set one learns, by what is then
    /// refused to whom, which entries are that person's: so only who is cleared for all protected
    /// people may.
    pub(super) async fn link(
        &self,
        request: Request<pb::LinkStaffRequest>,
    ) -> Result<Response<pb::LinkStaffResponse>, Status> {
        let (caller, method) = (Caller::of(&request)?, Method::LinkStaff);
        let request = request.into_inner();
        let outcome = async {
            caller.require(method)?;
            let is_office = caller.actor.role == Role::Office;
            let office = is_office.then_some(caller.actor.organisation.as_str());
            let draft = parse::link_staff(&request, office)?;
            let cleared = |kind| caller.standing.clearances.contains(kind);
            let may_name = draft.identity.is_none() || Protection::ALL.iter().all(cleared);
            if !may_name || (is_office && !caller.standing.leads_office) {
                return Err(Refusal::PermissionDenied.into());
            }
            self.submit(&caller, &request, method, LedgerId::registry(), draft, linked).await
        };
        respond(method, outcome.await)
    }
}

fn linked(done: &Done<'_>) -> Vec<u8> {
    let link = answer::from_events(done, |event| {
        if let Event::StaffLinkSet { link } = event { Some(link_answer(link)) } else { None }
    });
    pb::LinkStaffResponse { revision: Some(answer::revision_of(done)), link }.encode_to_vec()
}

fn link_answer(link: &StaffLink) -> pb::StaffLink {
    let ended = link.ended.as_ref();
    let office = link.office_number.as_ref();
    pb::StaffLink {
        link_id: link.link_id.to_string(),
        issuer: link.staff.issuer.clone(),
        subject: link.staff.subject.clone(),
        office_number: office.map(ToString::to_string).unwrap_or_default(),
        set_by: link.set_by.clone(),
        set_time: Some(answer::timestamp(link.set_time)),
        ended_by: ended.map(|ended| ended.by.clone()).unwrap_or_default(),
        ended_time: ended.map(|ended| answer::timestamp(ended.time)),
    }
}

pub(super) async fn links(
    reader: Reader,
    query: LinksQuery,
) -> Result<pb::ListStaffLinksResponse, Error> {
    let (id, page) = (LedgerId::registry(), &query.page);
    let (snapshot, registry) = reader.snapshot(Some((&id, page.at_least_seq))).await?;
    snapshot.rollback().await?;
    reader.require(&Target::default(), &registry)?;
    let office = query.office_number.as_ref();
    let rows = registry.staff_links().filter(|link| {
        (query.include_ended || link.ended.is_none())
            && office.is_none_or(|number| link.office_number.as_ref() == Some(number))
    });
    let key = |link: &&StaffLink| link.link_id;
    let (links, next_page_token) = page.cut(&reader.app.keys, rows, key, link_answer)?;
    let revisions = vec![answer::revision(&id, registry.version)];
    Ok(pb::ListStaffLinksResponse { revisions, links, next_page_token })
}
