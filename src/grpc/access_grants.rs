//! The access service, and what an answer leaves out of what the caller's employer may not know.

use prost::Message;
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Employer, Method, Role, Target, office_of},
        access_grant::{AccessGrant, AccessRole},
        authority::Viewer,
        command::Command,
        event::Event,
        ids::{AreaId, LedgerId, OfficeNumber},
        refusal::Refusal,
        registry::{Office, Registry},
    },
    error::Error,
    grpc::{
        Api, Caller, Mutation, Reader, answer,
        parse::{
            access::{self as parse, AccessReportQuery, GrantsQuery},
            staff::list_staff_links,
        },
        respond,
        staff::links,
    },
    proto::v1 as pb,
    proto::v1::access_service_server::AccessService,
    write::{Done, Draft, Encode},
};

impl Mutation for pb::GrantAccessRequest {
    fn request_id(&self) -> &str {
        &self.request_id
    }

    fn validate_only(&self) -> bool {
        self.validate_only
    }

    fn as_stored(&self) -> Self {
        Self { validate_only: false, ..self.clone() }
    }
}

impl Mutation for pb::EndAccessRequest {
    fn request_id(&self) -> &str {
        &self.request_id
    }

    fn validate_only(&self) -> bool {
        self.validate_only
    }

    fn as_stored(&self) -> Self {
        Self { validate_only: false, ..self.clone() }
    }
}

#[tonic::async_trait]
impl AccessService for Api {
    async fn grant_access(
        &self,
        r: Request<pb::GrantAccessRequest>,
    ) -> Result<Response<pb::GrantAccessResponse>, Status> {
        let parse = |r: &_, office: &_| parse::grant_access(r, office).map(Command::GrantAccess);
        self.lead(r, Method::GrantAccess, parse, granted).await
    }

    async fn end_access(
        &self,
        r: Request<pb::EndAccessRequest>,
    ) -> Result<Response<pb::EndAccessResponse>, Status> {
        let parse = |r: &_, office: &_| parse::end_access(r, office).map(Command::EndAccess);
        self.lead(r, Method::EndAccess, parse, ended).await
    }

    async fn list_access_grants(
        &self,
        r: Request<pb::ListAccessGrantsRequest>,
    ) -> Result<Response<pb::ListAccessGrantsResponse>, Status> {
        self.read(r, Method::ListAccessGrants, parse::list_access_grants, grants).await
    }

    async fn get_access_report(
        &self,
        r: Request<pb::GetAccessReportRequest>,
    ) -> Result<Response<pb::GetAccessReportResponse>, Status> {
        self.read(r, Method::GetAccessReport, parse::get_access_report, report).await
    }

    async fn link_staff(
        &self,
        r: Request<pb::LinkStaffRequest>,
    ) -> Result<Response<pb::LinkStaffResponse>, Status> {
        self.link(r).await
    }

    async fn list_staff_links(
        &self,
        r: Request<pb::ListStaffLinksRequest>,
    ) -> Result<Response<pb::ListStaffLinksResponse>, Status> {
        self.read(r, Method::ListStaffLinks, list_staff_links, links).await
    }
}

impl Api {
    /// A mutation of who leads an office, about that office and no other.
    async fn lead<Q: Mutation, A: Message + Default>(
        &self,
        request: Request<Q>,
        method: Method,
        parse: fn(&Q, &str) -> Result<Command, Error>,
        encode: Encode,
    ) -> Result<Response<A>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let outcome = async {
            caller.require(method)?;
            let command = parse(&request, &caller.actor.organisation)?;
            if !caller.standing.leads_office {
                return Err(Refusal::PermissionDenied.into());
            }
            let (ledger, draft) = (LedgerId::registry(), Draft::of(command));
            self.submit(&caller, &request, method, ledger, draft, encode).await
        };
        respond(method, outcome.await)
    }
}

impl Reader {
    /// Makes an answer of what the caller may know; the record it rests on, if on any, stands in
    /// the record of this access.
    pub(super) fn answering<T>(
        &mut self,
        registry: &Registry,
        answer: impl FnOnce(&Viewer<'_>) -> T,
    ) -> T {
        let viewer = Viewer::new(&self.actor, registry, self.today());
        let told = answer(&viewer);
        let used = viewer.used();
        self.authority = used.map(|grant_id| grant_id.0);
        told
    }
}

fn granted(done: &Done<'_>) -> Vec<u8> {
    let (revision, grant) = (Some(answer::revision_of(done)), grant_set(done));
    pb::GrantAccessResponse { revision, grant }.encode_to_vec()
}

fn ended(done: &Done<'_>) -> Vec<u8> {
    let (revision, grant) = (Some(answer::revision_of(done)), grant_set(done));
    pb::EndAccessResponse { revision, grant }.encode_to_vec()
}

fn grant_set(done: &Done<'_>) -> Option<pb::AccessGrant> {
    answer::from_events(done, |event| {
        if let Event::AccessSet { grant } = event { Some(grant_answer(grant)) } else { None }
    })
}

fn grant_answer(grant: &AccessGrant) -> pb::AccessGrant {
    let ended = grant.ended.as_ref();
    pb::AccessGrant {
        grant_id: grant.grant_id.to_string(),
        office_number: grant.office_number.to_string(),
        issuer: grant.holder.issuer.clone(),
        subject: grant.holder.subject.clone(),
        employer: Some(employer_answer(&grant.holder.employer)),
        role: match grant.role {
            AccessRole::Reader => pb::AccessRole::Reader,
            AccessRole::Adviser => pb::AccessRole::Adviser,
        }
        .into(),
        opens: Some(employer_answer(&grant.opens)),
        valid_from_date: Some(answer::date(grant.valid_from)),
        valid_to_date: Some(answer::date(grant.valid_to)),
        ground: grant.ground.clone(),
        given_by: grant.given_by.clone(),
        given_time: Some(answer::timestamp(grant.given_time)),
        agreed_valid_to_date: ended.map(|ended| answer::date(ended.agreed_valid_to)),
        ended_by: ended.map(|ended| ended.ended_by.clone()).unwrap_or_default(),
        ended_time: ended.map(|ended| answer::timestamp(ended.ended_time)),
    }
}

fn employer_answer(employer: &Employer) -> pb::Employer {
    match employer {
        Employer::State => pb::Employer {
            kind: pb::EmployerKind::State.into(),
            municipality_number: String::new(),
        },
        Employer::Municipal { municipality_number } => pb::Employer {
            kind: pb::EmployerKind::Municipal.into(),
            municipality_number: municipality_number.clone(),
        },
    }
}

/// Whose records a caller sees.
enum Seen<'a> {
    All,
    Area(AreaId),
    Office(&'a Office),
}

/// Who leads an office sees its own, a county those of the offices of its area.
fn seen<'a>(reader: &Reader, registry: &'a Registry) -> Result<Seen<'a>, Error> {
    let denied = || Error::from(Refusal::PermissionDenied);
    match reader.actor.role {
        Role::Office => {
            let leads = reader.standing.leads_office;
            let own = office_of(&reader.actor, registry).filter(|_| leads);
            own.map(Seen::Office).ok_or_else(denied)
        }
        Role::County => reader.actor.organisation.parse().map(Seen::Area).map_err(|_| denied()),
        Role::Auditor => Ok(Seen::All),
        Role::Directorate | Role::Municipality | Role::Provider | Role::Service => Err(denied()),
    }
}

async fn grants(reader: Reader, query: GrantsQuery) -> Result<pb::ListAccessGrantsResponse, Error> {
    let (id, page) = (LedgerId::registry(), &query.page);
    let (snapshot, registry) = reader.snapshot(Some((&id, page.at_least_seq))).await?;
    snapshot.rollback().await?;
    let seen = seen(&reader, &registry)?;
    let serves = |number: &OfficeNumber, area: &AreaId| {
        registry.offices_of(area).any(|office| office.office_number == *number)
    };
    let is_seen = |number: &OfficeNumber| match &seen {
        Seen::All => true,
        Seen::Area(area) => serves(number, area),
        Seen::Office(own) => own.office_number == *number,
    };
    // An area and an office are no secret: another's is refused as such.
    let others_area = query.county_id.as_ref().is_some_and(|area| match &seen {
        Seen::All => false,
        Seen::Area(own) => own != area,
        Seen::Office(own) => !serves(&own.office_number, area),
    });
    if others_area || query.office_number.as_ref().is_some_and(|number| !is_seen(number)) {
        return Err(Refusal::PermissionDenied.into());
    }
    let day = query.as_of.unwrap_or_else(|| reader.today());
    let rows = registry.access_grants().filter(|grant| {
        let office = &grant.office_number;
        is_seen(office)
            && query.office_number.as_ref().is_none_or(|number| number == office)
            && query.county_id.as_ref().is_none_or(|area| serves(office, area))
            && (query.include_all || grant.covers(day))
    });
    let key = |grant: &&AccessGrant| grant.grant_id;
    let (grants, next_page_token) = page.cut(&reader.app.keys, rows, key, grant_answer)?;
    let revisions = vec![answer::revision(&id, registry.version)];
    Ok(pb::ListAccessGrantsResponse { revisions, grants, next_page_token })
}

async fn report(
    reader: Reader,
    query: AccessReportQuery,
) -> Result<pb::GetAccessReportResponse, Error> {
    let id = LedgerId::registry();
    let (snapshot, registry) = reader.snapshot(Some((&id, query.at_least_seq))).await?;
    snapshot.rollback().await?;
    let area = Target { county_id: Some(query.county_id.clone()), ..Target::default() };
    reader.require(&area, &registry)?;
    let day = query.as_of.unwrap_or_else(|| reader.today());
    let figures = |office: &Office| {
        let figures = registry.access_report(&office.office_number, day);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        pb::OfficeAccess {
            office_number: office.office_number.to_string(),
            name: office.name.clone(),
            state_employees_with_municipal_access: count(figures.state_with_municipal),
            municipal_employees_with_state_access: count(figures.municipal_with_state),
            municipal_employees_with_other_municipal_access: count(figures.municipal_with_other),
            grants_older_than_a_year: count(figures.older_than_a_year),
            grants_past: count(figures.past),
        }
    };
    Ok(pb::GetAccessReportResponse {
        revisions: vec![answer::revision(&id, registry.version)],
        as_of_date: Some(answer::date(day)),
        offices: registry.offices_of(&query.county_id).map(figures).collect(),
    })
}
