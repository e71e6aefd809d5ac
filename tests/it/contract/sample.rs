//! A request for any RPC, made from its descriptor, in which no field is wrong, about
//! things that are there.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, OneofDescriptor};
use serde_json::{Map, Value, json};
use tiltaksplass::{
    auth::TokenRequest,
    cli::call::DynamicClient,
    domain::{access::Role, protection::Protection},
    proto::v1::*,
};
use time::Duration;

use crate::{
    plans::stage::{approving, from_today, plan_terms, propose, proposing},
    support::request_id,
    world::{COUNTY, HEMNE, OFFICE, PROVIDER, TRONDHEIM, World, date, identity, vta},
};

/// All that may be changed of an entry.
const UPDATED: &str = "preferredPlaceGroupIds,workFields,participationPercent,priorityClass,\
                       priorityGround,followingOfficeNumber,wantsByDate";
/// The person who waits.
const PERSON: u32 = 3;
/// Somebody who comes in.
const STRANGER: u32 = 9;
/// Somebody nobody knows.
const NOBODY: u32 = 99;
/// Who one of the staff is.
const COLLEAGUE: u32 = 98;
/// What belongs to a row of an import in other states than the first one.
const NOT_OF_WHO_WAITS: &[&str] =
    &["arena_status", "place_group_id", "answer_by_time", "start_date", "planned_end_date"];

/// A ledger with one of each thing in it.
pub struct Stage {
    pub world: World,
    entry: String,
    /// The entry the offer is for.
    offered: String,
    offer: String,
    placement: String,
    group: String,
    submission: String,
    change: String,
    loan: String,
    grant: String,
    /// One that may be approved, and one that is.
    plans: [String; 2],
    /// A plan that has steered, and the row by which it did.
    steered: (String, u64),
    run_seq: u64,
}

impl Stage {
    pub async fn new() -> Self {
        Self::on(World::new().await).await
    }

    pub async fn on(world: World) -> Self {
        let (ledger, group) = world.vta(2).await;
        world.join(&ledger, 1).await;
        world.join(&ledger, 2).await;
        let entry = world.join(&ledger, PERSON).await;
        let run = world.allocate(&ledger, 2).await;
        let [first, second] = &run.proposals[..] else { panic!("{run:?}") };
        // Both are offers: a provider knows of no proposals.
        let both = [first, second].map(|offer| offer.offer_id.clone());
        world.confirm(&ledger, both.to_vec()).await;
        world.respond(&ledger, &first.offer_id, OfferAnswer::Accept).await.unwrap();
        let placement = world.start(&ledger, &first.offer_id, date(2026, 3, 2)).await;
        let request = SubmitCapacityRequest {
            request_id: request_id(),
            ledger: Some(ledger),
            place_group_id: group.clone(),
            organisation_number: PROVIDER.into(),
            places: 3,
            valid_from_date: Some(date(2026, 3, 2)),
            ..SubmitCapacityRequest::default()
        };
        let submitted = world.provider.capacity().submit_capacity(request).await.unwrap();
        let change = world.propose_enforcement(&vta(), Enforcement::Observe).await;
        // One of the staff called "x": so a link is there to be ended.
        linked(&world).await;
        Self {
            entry,
            offered: second.entry_id.clone(),
            offer: second.offer_id.clone(),
            placement: placement.placement_id,
            group,
            submission: submitted.into_inner().submission_id,
            change,
            loan: lent(&world).await,
            grant: given(&world).await,
            plans: [drafted(&world).await, approved(&world).await],
            steered: steered(&world).await,
            run_seq: run.revision.unwrap_or_default().seq,
            world,
        }
    }

    /// A client of the ledger's own county, office, municipality or provider.
    pub async fn own(&self, role: Role) -> DynamicClient {
        self.client(role, own_organisation(role)).await
    }

    /// A client of an organisation.
    pub async fn client(&self, role: Role, organisation: &str) -> DynamicClient {
        let service = &self.world.service;
        // The staff are linked to people by who is cleared for all of them alone.
        let links = matches!(role, Role::Office | Role::Directorate);
        let request = TokenRequest {
            leads_office: role == Role::Office,
            clearances: if links { Protection::ALL.to_vec() } else { Vec::new() },
            ..TokenRequest::new("someone", role, organisation, Duration::hours(8))
        };
        let token = service.token_of(&request);
        let address = format!("http://{}", service.address);
        DynamicClient::connect(&address, Some(&token)).await.unwrap()
    }

    /// The same as it would be asked about what a role may see of people at all: of who waits,
    /// or, a provider, of who is offered to it.
    pub fn asked_by(&self, role: Role, request: &Value) -> Value {
        if role != Role::Provider {
            return request.clone();
        }
        replaced(request, &[(self.entry.clone(), self.offered.clone())])
    }

    /// What names people and what is held for them: ids, and who waits. Each with one of the same
    /// length that names nothing.
    pub fn names(&self) -> Vec<(String, String)> {
        let ids = [&self.entry, &self.offered, &self.offer, &self.placement, &self.group];
        let nothing = |n: usize| {
            let id = 0x0198_0000_0000_7000_8000_0000_0000_0001_u128 + n as u128;
            uuid::Uuid::from_u128(id).to_string()
        };
        let ids = ids.into_iter().enumerate().map(|(n, id)| (id.clone(), nothing(n)));
        ids.chain([(identity(PERSON), identity(NOBODY))]).collect()
    }

    /// Requests in which each branch of each choice stands in one at least. Mutations
    /// are previews, so that nothing changes between calls.
    pub fn requests(&self, rpc: &MethodDescriptor) -> Vec<Value> {
        self.messages(&rpc.input()).into_iter().map(Value::Object).collect()
    }

    fn messages(&self, message: &MessageDescriptor) -> Vec<Map<String, Value>> {
        let mut base = Map::new();
        let mut others = Vec::new();
        for field in message.fields() {
            let mut values = self.values(&field).into_iter();
            let is_other_branch = field
                .containing_oneof()
                .is_some_and(|one| one.fields().any(|f| base.contains_key(f.json_name())));
            if !is_other_branch {
                base.extend(values.next().map(|value| (field.json_name().to_owned(), value)));
            }
            others.extend(values.map(|value| (field.clone(), value)));
        }
        let variant = |(field, value): (FieldDescriptor, Value)| {
            let mut variant = base.clone();
            for branch in field.containing_oneof().iter().flat_map(OneofDescriptor::fields) {
                variant.remove(branch.json_name());
            }
            variant.insert(field.json_name().to_owned(), value);
            variant
        };
        let variants: Vec<_> = others.into_iter().map(variant).collect();
        std::iter::once(base).chain(variants).collect()
    }

    /// Values for a field; none where it is better left out.
    fn values(&self, field: &FieldDescriptor) -> Vec<Value> {
        if NOT_OF_WHO_WAITS.contains(&field.name())
            && field.parent_message().name() == "ExistingRow"
            || field.name().contains("place_group_reference")
        {
            return Vec::new();
        }
        let values = match field.kind() {
            Kind::Message(inner) if inner.name() == "FieldMask" => vec![json!(UPDATED)],
            // One employer's worker, and what another answers for.
            Kind::Message(inner) if inner.name() == "Employer" => {
                let municipality = json!({"kind": 2, "municipalityNumber": TRONDHEIM});
                vec![if field.name() == "opens" { municipality } else { json!({"kind": 1}) }]
            }
            Kind::Message(inner) if is_whole(&inner) => vec![moment(field, &inner)],
            // What a call says for all of a batch stands in none of it.
            Kind::Message(inner) if field.name() == "joins" => {
                let mut joins = self.messages(&inner);
                for join in &mut joins {
                    for name in ["requestId", "validateOnly", "ledger"] {
                        join.remove(name);
                    }
                }
                joins.into_iter().map(Value::Object).collect()
            }
            Kind::Message(inner) => self.messages(&inner).into_iter().map(Value::Object).collect(),
            Kind::String => self.text(field).into_iter().collect(),
            // No closure is there that could be another one.
            Kind::Enum(_) if field.name() == "change" => vec![json!(0)],
            Kind::Enum(_) => vec![json!(1)],
            Kind::Bool => match field.name() {
                "validate_only" | "only_when_someone_leaves" | "strike" => vec![json!(true)],
                _ => Vec::new(),
            },
            Kind::Bytes => panic!("{}: no request has bytes yet", field.full_name()),
            Kind::Double
            | Kind::Float
            | Kind::Int32
            | Kind::Int64
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Sint32
            | Kind::Sint64
            | Kind::Fixed32
            | Kind::Fixed64
            | Kind::Sfixed32
            | Kind::Sfixed64 => match field.name() {
                "seq" if field.parent_message().name() == "ExplainRedirectionRequest" => {
                    vec![json!(self.steered.1)]
                }
                "seq" => vec![json!(self.run_seq)],
                "participation_percent" => vec![json!(100)],
                // As long as the shortest month: a maximum of one is not below the other.
                "weeks" => vec![json!(4)],
                "at_least_seq" => Vec::new(),
                _ => vec![json!(1)],
            },
        };
        let listed = |value| if field.is_list() { json!([value]) } else { value };
        values.into_iter().map(listed).collect()
    }

    fn text(&self, field: &FieldDescriptor) -> Option<Value> {
        let text = match field.name() {
            // A new group has a name and a place, and may have references.
            "place_group_id" if field.parent_message().name() == "SubmitCapacityRequest" => {
                return None;
            }
            // By an offer, or without one: never both.
            "entry_id" | "place_group_id"
                if field.parent_message().name() == "StartPlacementRequest" =>
            {
                return None;
            }
            "page_token" => return None,
            // Who looked is for auditors to ask, and no unit is called "x".
            "subject" | "organisation"
                if field.parent_message().name() == "ListAccessesRequest" =>
            {
                return None;
            }
            // The entries are named, and their ledger.
            "from_adviser_ident" => return None,
            "county_id" if field.parent_message().name() == "ReassignAdviserRequest" => {
                return None;
            }
            "request_id" => request_id(),
            "county_id" => COUNTY.to_owned(),
            // What is there already may not be changed in every way.
            "measure_code" if field.parent_message().name() == "MeasureType" => "NYTT".to_owned(),
            "key_name" if field.parent_message().name() == "DistributionWeight" => {
                "nytt".to_owned()
            }
            "key_name" if field.parent_message().name() == "CompositeKey" => {
                "sammensatt".to_owned()
            }
            "measure_code" | "measure_codes" | "measure_group" => "VTA".to_owned(),
            "municipality_number"
            | "municipality_numbers"
            | "site_municipality_number"
            | "from_municipality_number"
            | "on_behalf_of_municipality_number" => TRONDHEIM.to_owned(),
            "to_municipality_number" | "host_municipality_number" => HEMNE.to_owned(),
            // The county is the state's: it may not say what a municipality answers for.
            "programme" => return None,
            "language" | "language_code" => "nb".to_owned(),
            "office_number" | "following_office_number" => OFFICE.to_owned(),
            "organisation_number" => PROVIDER.to_owned(),
            "national_identity_number" if field.parent_message().name() == "ExistingRow" => {
                identity(STRANGER)
            }
            "national_identity_number" => identity(PERSON),
            "priority_class" | "code" => "FIRST".to_owned(),
            "key_name" => "population".to_owned(),
            "entry_id" | "entry_ids" => self.entry.clone(),
            "offer_id" | "offer_ids" => self.offer.clone(),
            "placement_id" => self.placement.clone(),
            "grant_id" => self.grant.clone(),
            "plan_id" => self.plan(field.parent_message().name()).to_owned(),
            "loan_id" => self.loan.clone(),
            "submission_id" => self.submission.clone(),
            "change_id" => self.change.clone(),
            "place_group_id" | "place_group_ids" | "preferred_place_group_ids" => {
                self.group.clone()
            }
            _ => "x".to_owned(),
        };
        Some(text.into())
    }

    /// The plan that is as far as a request asks for: a draft, an approved one, or one that steers.
    fn plan(&self, request: &str) -> &str {
        match request {
            "GetPlanRequest" | "SimulateRedistributionRequest" => &self.plans[1],
            "GetPlanProgressRequest" => &self.steered.0,
            _ => &self.plans[0],
        }
    }
}

/// Whose the stage's rows are.
pub fn own_organisation(role: Role) -> &'static str {
    match role {
        Role::County => COUNTY,
        Role::Office => OFFICE,
        Role::Municipality => TRONDHEIM,
        Role::Provider => PROVIDER,
        Role::Directorate | Role::Service | Role::Auditor => "NAV",
    }
}

/// A request or an answer with other names in it.
pub fn replaced(value: &Value, names: &[(String, String)]) -> Value {
    let mut text = value.to_string();
    for (name, other) in names {
        text = text.replace(name, other);
    }
    serde_json::from_str(&text).unwrap()
}

/// A loan of a place to come; its id.
async fn lent(world: &World) -> String {
    let terms = QuotaLoanTerms {
        from_municipality_number: TRONDHEIM.into(),
        to_municipality_number: HEMNE.into(),
        places: 1,
        valid_from_date: Some(date(2026, 6, 1)),
        valid_to_date: Some(date(2027, 6, 1)),
        reason: "x".into(),
    };
    let request = LendQuotaRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        action: Some(lend_quota_request::Action::Lend(terms)),
        ..LendQuotaRequest::default()
    };
    let answer = world.county.fair_share().lend_quota(request).await.unwrap().into_inner();
    answer.loan.unwrap().loan_id
}

/// A plan by a municipality that everybody affected agrees to; its id.
async fn drafted(world: &World) -> String {
    let terms = PlanTerms { name: "Et utkast".into(), ..plan_terms(date(2026, 6, 1)) };
    let trondheim = world.municipality(TRONDHEIM).await;
    let plan = propose(&trondheim, proposing(&vta(), terms)).await.unwrap();
    for number in [TRONDHEIM, HEMNE] {
        world.comment_plan(&plan, number, PlanView::Agrees).await;
    }
    plan.plan_id
}

/// A plan that begins in summer; its id.
async fn approved(world: &World) -> String {
    let terms = PlanTerms { name: "Et vedtak".into(), ..plan_terms(date(2026, 6, 1)) };
    world.agreed(terms).await.plan_id
}

/// A plan that has given one new place away, and so is over; its id, and the row by which it did.
async fn steered(world: &World) -> (String, u64) {
    world.budget(&vta(), 3).await;
    let plan = world.propose_plan(&vta(), from_today()).await;
    for number in [TRONDHEIM, HEMNE] {
        world.comment_plan(&plan, number, PlanView::Agrees).await;
    }
    let approving = world.county.fair_share().approve_plan(approving(&plan.plan_id)).await;
    (plan.plan_id, approving.unwrap().into_inner().revision.unwrap().seq)
}

/// Access across employers that holds; its id.
async fn given(world: &World) -> String {
    let answer = world.leader().await.access().grant_access(World::opened("Z990000")).await;
    answer.unwrap().into_inner().grant.unwrap().grant_id
}

/// A link of the staff that the office has set.
async fn linked(world: &World) {
    let leader = TokenRequest {
        leads_office: true,
        clearances: Protection::ALL.to_vec(),
        ..TokenRequest::new("leader-1", Role::Office, OFFICE, Duration::hours(8))
    };
    let request = LinkStaffRequest {
        request_id: request_id(),
        issuer: "x".into(),
        subject: "x".into(),
        change: Some(link_staff_request::Change::NationalIdentityNumber(identity(COLLEAGUE))),
        ..LinkStaffRequest::default()
    };
    world.service.caller_with(&leader).await.access().link_staff(request).await.unwrap();
}

/// Whether a message is one value: a time or a date.
pub(super) fn is_whole(message: &MessageDescriptor) -> bool {
    matches!(
        message.full_name(),
        "google.protobuf.Timestamp" | "google.type.Date" | "google.protobuf.FieldMask"
    )
}

fn moment(field: &FieldDescriptor, message: &MessageDescriptor) -> Value {
    // Whoever asks: a time that has not come is nobody's.
    if field.parent_message().name() == "RegisteredTime" {
        return json!("2126-03-01T09:00:00Z");
    }
    if field.name() == "until_time" {
        return json!("2026-03-03T09:00:00Z");
    }
    if message.name() == "Timestamp" {
        return json!("2026-03-01T09:00:00Z");
    }
    // Who sees figures alone asks for a whole quarter.
    if field.full_name() == "tiltaksplass.v1.GetShadowReportRequest.from_date" {
        return json!({"year": 2026, "month": 1, "day": 1});
    }
    match field.name() {
        "until_date" => json!({"year": 2026, "month": 4, "day": 1}),
        "next_review_date" => json!({"year": 2026, "month": 9, "day": 1}),
        "valid_to_date" => json!({"year": 2027, "month": 1, "day": 1}),
        "key_date" => json!({"year": 2011, "month": 1, "day": 1}),
        _ => json!({"year": 2026, "month": 3, "day": 2}),
    }
}
