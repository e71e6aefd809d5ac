//! The capacity service.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Method, Role, Target},
        account::{Account, AccountKey, WHOLE_PLACE},
        capacity::{PlaceGroup, Submission, SubmissionState, boundaries_after, places_on},
        enforcement::Enforcement,
        ids::{LedgerId, OrganisationNumber, PlaceGroupId},
        ledger::Ledger,
        registry::Registry,
    },
    error::Error,
    grpc::{
        Api, Reader, answer, area_of, closures, enforcement,
        hidden::{self, PlacesShown},
        parse::capacity::{self as parse, AvailabilityQuery, CapacitiesQuery},
        require_ledger,
    },
    proto::v1 as pb,
    proto::v1::{
        Capacity, CapacitySubmission, GetAvailabilityRequest, GetAvailabilityResponse,
        ListCapacitiesRequest, ListCapacitiesResponse, PlaceGroupAvailability,
        ReviewCapacityRequest, ReviewCapacityResponse, SecondAccount, SubmitCapacityRequest,
        SubmitCapacityResponse, capacity_service_server::CapacityService,
    },
    store::{self, capacity::GroupFilter},
};

/// The most submissions that are shown of one place group.
const SUBMISSIONS_SHOWN: i64 = 20;
/// The most closures that are shown of one place group: by itself, and among all of a ledger,
/// where their reasons are left out.
const CLOSURES_SHOWN: usize = 20;
const CLOSURES_SHOWN_AMONG_ALL: usize = 5;

#[tonic::async_trait]
impl CapacityService for Api {
    async fn submit_capacity(
        &self,
        r: Request<SubmitCapacityRequest>,
    ) -> Result<Response<SubmitCapacityResponse>, Status> {
        let method = Method::SubmitCapacity;
        self.write(r, method, parse::submit_capacity, answer::submit_capacity).await
    }

    async fn review_capacity(
        &self,
        r: Request<ReviewCapacityRequest>,
    ) -> Result<Response<ReviewCapacityResponse>, Status> {
        let method = Method::ReviewCapacity;
        self.write(r, method, parse::review_capacity, answer::review_capacity).await
    }

    async fn get_availability(
        &self,
        r: Request<GetAvailabilityRequest>,
    ) -> Result<Response<GetAvailabilityResponse>, Status> {
        self.read(r, Method::GetAvailability, parse::get_availability, availability).await
    }

    async fn list_capacities(
        &self,
        r: Request<ListCapacitiesRequest>,
    ) -> Result<Response<ListCapacitiesResponse>, Status> {
        self.read(r, Method::ListCapacities, parse::list_capacities, capacities).await
    }

    async fn report_closure(
        &self,
        r: Request<pb::ReportClosureRequest>,
    ) -> Result<Response<pb::ReportClosureResponse>, Status> {
        self.write(r, Method::ReportClosure, parse::report_closure, closures::report_closure).await
    }
}

/// What is free. A provider sees its own place groups and nothing beside them.
async fn availability(
    reader: Reader,
    query: AvailabilityQuery,
) -> Result<GetAvailabilityResponse, Error> {
    let id = &query.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    let only = only_provider(&reader, id, query.organisation_number.as_ref(), &registry)?;
    require_ledger(id, &registry)?;
    let now = reader.app.clock.now();
    let Some(ledger) = store::ledger::find(&mut snapshot, id).await? else {
        let revisions = vec![answer::revision(id, 0)];
        let enforcement = enforcement::shown(&Enforcement::default(), reader.actor.role, now);
        let nothing = GetAvailabilityResponse::default();
        return Ok(GetAvailabilityResponse { revisions, enforcement, ..nothing });
    };
    let told = hidden::places(&reader, &mut snapshot, &ledger, &registry).await?;
    snapshot.rollback().await?;
    let today = now.date_in_norway();
    let shown = Shown { ledger: &ledger, today, as_of: query.as_of.unwrap_or(today), told };
    let mut groups: Vec<&PlaceGroup> = ledger
        .place_groups()
        .filter(|g| only.as_ref().is_none_or(|number| g.organisation_number == *number))
        .filter(|g| query.site.as_ref().is_none_or(|site| g.site_municipality_number == *site))
        .collect();
    groups.sort_by_key(|g| (g.organisation_number.clone(), g.name.clone(), g.place_group_id));
    let sum = groups.iter().fold(Account::default(), |sum, group| {
        let one = shown.account(group);
        Account {
            limit: sum.limit + one.limit,
            reserved: sum.reserved + one.reserved,
            in_use: sum.in_use + one.in_use,
            ceiling: 0,
        }
    });
    let frame = ledger.frame();
    let (second_accounts, place_budget, quotas_over_budget_places) =
        if reader.actor.role == Role::Provider {
            (Vec::new(), 0, 0)
        } else {
            let budget = places_on(&frame.budgets, shown.as_of);
            (shown.second_accounts(), budget, frame.over_budget(shown.as_of))
        };
    Ok(GetAvailabilityResponse {
        revisions: vec![answer::revision(id, ledger.head().seq)],
        places: Some(sum_of_groups(&sum, &groups, &shown, query.is_narrowed())),
        place_groups: groups.iter().map(|group| shown.group(group, &registry)).collect(),
        second_accounts,
        place_budget,
        enforcement: enforcement::shown(&frame.enforcement, reader.actor.role, now),
        quotas_over_budget_places,
    })
}

/// Whose place groups are shown: a provider's own, whether it names itself or not.
fn only_provider(
    reader: &Reader,
    ledger: &LedgerId,
    asked_for: Option<&OrganisationNumber>,
    registry: &Registry,
) -> Result<Option<OrganisationNumber>, Error> {
    let own = match reader.actor.role {
        Role::Provider => reader.actor.organisation.parse().ok(),
        Role::Directorate
        | Role::County
        | Role::Office
        | Role::Municipality
        | Role::Service
        | Role::Auditor => None,
    };
    let only = asked_for.cloned().or(own);
    let target = Target { organisation_number: only.clone(), ..area_of(ledger) };
    reader.require(&target, registry)?;
    Ok(only)
}

/// Free and over do not add up from sums: one group's free place is no remedy for
/// another that is over.
///
/// The sum of some of the groups is told where they are: it must not differ from the sum of all by
/// what is hidden of one.
fn sum_of_groups(
    sum: &Account,
    groups: &[&PlaceGroup],
    shown: &Shown<'_>,
    some: bool,
) -> pb::Usage {
    let mut usage = answer::usage(sum);
    usage.free_percent = groups.iter().map(|group| shown.account(group).free()).sum();
    usage.over_percent = groups.iter().map(|group| shown.account(group).over()).sum();
    if shown.as_of != shown.today {
        return usage;
    }
    let told = |group: &&PlaceGroup| shown.told.of(&AccountKey::PlaceGroup(group.place_group_id));
    let each_is_told = groups.iter().all(|group| told(group).parts);
    let parts = each_is_told || (!some && shown.told.total().parts);
    let free = groups.iter().all(|group| told(group).used);
    hidden::sum_of_groups(usage, parts, free)
}

/// A ledger as of a date.
struct Shown<'a> {
    ledger: &'a Ledger,
    today: time::Date,
    as_of: time::Date,
    told: PlacesShown,
}

impl Shown<'_> {
    /// Today's account; for another date the total that holds then, and no use.
    fn account(&self, group: &PlaceGroup) -> Account {
        if self.as_of == self.today {
            return self.ledger.account(&AccountKey::PlaceGroup(group.place_group_id));
        }
        let mut account = Account::default();
        account.set_limit(i64::from(places_on(&group.capacity, self.as_of)) * WHOLE_PLACE);
        account
    }

    /// An account as it may be told. On another date than today nothing is told of its use.
    fn usage(&self, key: &AccountKey, account: &Account) -> pb::Usage {
        let usage = answer::usage(account);
        if self.as_of == self.today { hidden::usage(usage, self.told.of(key)) } else { usage }
    }

    fn group(&self, group: &PlaceGroup, registry: &Registry) -> PlaceGroupAvailability {
        let provider = registry.provider(&group.organisation_number);
        let key = AccountKey::PlaceGroup(group.place_group_id);
        PlaceGroupAvailability {
            place_group_id: group.place_group_id.to_string(),
            organisation_number: group.organisation_number.to_string(),
            provider_name: provider.map(|p| p.name.clone()).unwrap_or_default(),
            name: group.name.clone(),
            site_municipality_number: group.site_municipality_number.to_string(),
            work_fields: group.work_fields.clone(),
            usage: Some(self.usage(&key, &self.account(group))),
            stated_wait: group.stated_wait.map(answer::stated_wait),
            closures: self.closures(group),
            call_off_rank: group.call_off_rank,
        }
    }

    fn closures(&self, group: &PlaceGroup) -> Vec<pb::Closure> {
        let closures = closures::closures(group, self.as_of, CLOSURES_SHOWN_AMONG_ALL);
        let without_reason = |closure| pb::Closure { reason: String::new(), ..closure };
        closures.into_iter().map(without_reason).collect()
    }

    fn second_accounts(&self) -> Vec<SecondAccount> {
        if self.as_of != self.today {
            return Vec::new();
        }
        self.ledger
            .second_accounts()
            .map(|(key, account)| SecondAccount {
                municipality_number: answer::account_municipality(key),
                usage: Some(self.usage(key, account)),
            })
            .collect()
    }
}

/// A page of place groups, approved or so far only submitted.
async fn capacities(
    reader: Reader,
    query: CapacitiesQuery,
) -> Result<ListCapacitiesResponse, Error> {
    let (id, page) = (&query.ledger, &query.page);
    let (mut snapshot, registry) = reader.snapshot(Some((id, page.at_least_seq))).await?;
    let only = only_provider(&reader, id, query.organisation_number.as_ref(), &registry)?;
    require_ledger(id, &registry)?;
    let filter = GroupFilter { organisation_number: only, state: query.state };
    let after: Option<PlaceGroupId> = page.after(&reader.app.keys)?;
    let Some(ledger) = store::ledger::find(&mut snapshot, id).await? else {
        let revisions = vec![answer::revision(id, 0)];
        return Ok(ListCapacitiesResponse { revisions, ..ListCapacitiesResponse::default() });
    };
    // One more tells whether there is a next page.
    let limit = i64::try_from(page.size + 1).unwrap_or(i64::MAX);
    let ids = store::capacity::group_ids(&mut snapshot, id, &filter, after, limit).await?;
    let submissions =
        store::capacity::latest_submissions(&mut snapshot, id, &ids, SUBMISSIONS_SHOWN).await?;
    snapshot.rollback().await?;
    let as_of = query.as_of.unwrap_or_else(|| reader.app.clock.now().date_in_norway());
    let answer = |(group_id, submissions): (&PlaceGroupId, &Vec<Submission>)| {
        capacity(ledger.place_group(*group_id), submissions, as_of, &registry)
    };
    let (capacities, next_page_token) =
        page.cut(&reader.app.keys, &submissions, |(group_id, _)| **group_id, answer)?;
    let revisions = vec![answer::revision(id, ledger.head().seq)];
    Ok(ListCapacitiesResponse { revisions, capacities, next_page_token })
}

/// A group that is approved is as it was approved; until then it is as submitted.
fn capacity(
    group: Option<&PlaceGroup>,
    submissions: &[Submission],
    as_of: time::Date,
    registry: &Registry,
) -> Capacity {
    let mut shown = Capacity {
        submissions: submissions.iter().map(submission_answer).collect(),
        ..Capacity::default()
    };
    if let Some(latest) = submissions.first() {
        let provider = registry.provider(&latest.organisation_number);
        shown.place_group_id = latest.place_group_id.to_string();
        shown.organisation_number = latest.organisation_number.to_string();
        shown.provider_name = provider.map(|p| p.name.clone()).unwrap_or_default();
        shown.name = latest.name.clone().unwrap_or_default();
        let site = latest.site_municipality_number.as_ref();
        shown.site_municipality_number = site.map(ToString::to_string).unwrap_or_default();
        shown.work_fields.clone_from(&latest.work_fields);
        shown.call_off_rank = latest.call_off_rank;
    }
    if let Some(group) = group {
        let next = boundaries_after(&group.capacity, as_of).min();
        shown.name.clone_from(&group.name);
        shown.site_municipality_number = group.site_municipality_number.to_string();
        shown.work_fields.clone_from(&group.work_fields);
        shown.call_off_rank = group.call_off_rank;
        shown.places = places_on(&group.capacity, as_of);
        shown.next_change_date = next.map(answer::date);
        shown.closures = closures::closures(group, as_of, CLOSURES_SHOWN);
    }
    shown
}

fn submission_answer(submission: &Submission) -> CapacitySubmission {
    let state = match submission.state {
        SubmissionState::Submitted => pb::SubmissionState::Submitted,
        SubmissionState::Approved => pb::SubmissionState::Approved,
        SubmissionState::Rejected => pb::SubmissionState::Rejected,
    };
    CapacitySubmission {
        submission_id: submission.submission_id.to_string(),
        state: state.into(),
        places: submission.places.places,
        valid_from_date: Some(answer::date(submission.places.valid_from)),
        valid_to_date: submission.places.valid_to.map(answer::date),
        agreement_reference: submission.agreement_reference.clone().unwrap_or_default(),
        submitted_time: Some(answer::timestamp(submission.submitted_time)),
        call_off_rank: submission.call_off_rank,
    }
}
