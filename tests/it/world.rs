//! A small county: what most tests begin with.

use tiltaksplass::{
    auth::{LOCAL_ISSUER, TokenRequest},
    domain::{
        access::{Employer, Role},
        national_identity::NationalIdentityNumber,
    },
    proto::{
        google::r#type::Date,
        v1::{self as proto, *},
    },
};

use crate::support::{Caller, Service, request_id};

pub const COUNTY: &str = "NO-16";
pub const OTHER_COUNTY: &str = "NO-17";
pub const TRONDHEIM: &str = "1601";
pub const HEMNE: &str = "1612";
pub const LEVANGER: &str = "1719";
pub const OFFICE: &str = "5701";
pub const HEMNE_OFFICE: &str = "5712";
pub const OTHER_OFFICE: &str = "5719";
/// Fictional numbers with valid check digits.
pub const PROVIDER: &str = "100000008";
pub const OTHER_PROVIDER: &str = "100000016";

/// A service with a registry, and those who call it.
pub struct World {
    pub service: Service,
    pub directorate: Caller,
    pub county: Caller,
    pub office: Caller,
    pub provider: Caller,
}

impl World {
    pub async fn new() -> Self {
        Self::on(Service::start().await).await
    }

    pub async fn on(service: Service) -> Self {
        let directorate = service.caller(Role::Directorate, "NAV").await;
        let pieces = tokio_stream::iter([ImportRegistryRequest {
            request_id: request_id(),
            validate_only: false,
            source: "test".into(),
            rows: registry(),
        }]);
        directorate.registry().import_registry(pieces).await.unwrap();
        Self {
            county: service.caller(Role::County, COUNTY).await,
            office: service.caller(Role::Office, OFFICE).await,
            provider: service.caller(Role::Provider, PROVIDER).await,
            directorate,
            service,
        }
    }

    /// A place budget from 2011 on.
    pub async fn budget(&self, ledger: &Ledger, places: u32) {
        let request = SetPlaceBudgetRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            places,
            valid_from_date: Some(date(2011, 1, 1)),
            ..SetPlaceBudgetRequest::default()
        };
        self.directorate.fair_share().set_place_budget(request).await.unwrap();
    }

    /// Quotas from 2011 on.
    pub async fn quotas(&self, ledger: &Ledger, quotas: &[(&str, u32)]) {
        let quotas = quotas.iter().map(|(number, places)| Quota {
            municipality_number: (*number).into(),
            places: *places,
            basis: QuotaBasis::Population.into(),
            ..Quota::default()
        });
        let request = SetQuotasRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            valid_from_date: Some(date(2011, 1, 1)),
            quotas: quotas.collect(),
            ..SetQuotasRequest::default()
        };
        self.caller_of(ledger).await.fair_share().set_quotas(request).await.unwrap();
    }

    /// A place group with approved places from 2011 on.
    pub async fn place_group(&self, ledger: &Ledger, places: u32) -> String {
        self.place_group_named(ledger, places, "Vilje viser vei").await
    }

    /// The same, by another name.
    pub async fn place_group_named(&self, ledger: &Ledger, places: u32, name: &str) -> String {
        let request = SubmitCapacityRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            organisation_number: PROVIDER.into(),
            name: name.into(),
            site_municipality_number: site_of(ledger).into(),
            places,
            valid_from_date: Some(date(2011, 1, 1)),
            ..SubmitCapacityRequest::default()
        };
        let submitted =
            self.provider.capacity().submit_capacity(request).await.unwrap().into_inner();
        let request = ReviewCapacityRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            submission_id: submitted.submission_id,
            decision: ReviewDecision::Approve.into(),
            ..ReviewCapacityRequest::default()
        };
        self.caller_of(ledger).await.capacity().review_capacity(request).await.unwrap();
        submitted.place_group_id
    }

    /// A VTA ledger with a budget, Trondheim's quota and one place group of so many
    /// places.
    pub async fn vta(&self, places: u32) -> (Ledger, String) {
        let ledger = vta();
        self.budget(&ledger, places).await;
        self.quotas(&ledger, &[(TRONDHEIM, places)]).await;
        let group = self.place_group(&ledger, places).await;
        (ledger, group)
    }

    /// The county a ledger belongs to.
    pub async fn caller_of(&self, ledger: &Ledger) -> Caller {
        self.service.caller(Role::County, &ledger.county_id).await
    }

    /// Puts a made-up person on a waitlist; the entry's id.
    pub async fn join(&self, ledger: &Ledger, person: u32) -> String {
        let mut waitlist = self.caller_of(ledger).await.waitlist();
        let joined = waitlist.join_waitlist(join(ledger, person)).await.unwrap();
        joined.into_inner().entry_id
    }

    /// Who leads the office: the state's.
    pub async fn leader(&self) -> Caller {
        let lifetime = time::Duration::hours(8);
        let request = TokenRequest::new("leader-1", Role::Office, OFFICE, lifetime);
        self.service.caller_with(&TokenRequest { leads_office: true, ..request }).await
    }

    /// Somebody of the office whom a municipality employs.
    pub async fn municipal(&self, municipality: &str) -> Caller {
        let employer = Employer::Municipal { municipality_number: municipality.to_owned() };
        let lifetime = time::Duration::hours(8);
        let request = TokenRequest::new("municipal-1", Role::Office, OFFICE, lifetime);
        self.service.caller_with(&TokenRequest { employer: Some(employer), ..request }).await
    }

    /// That a state employee of the office may read and write what Trondheim answers for.
    pub fn opened(subject: &str) -> GrantAccessRequest {
        GrantAccessRequest {
            request_id: request_id(),
            validate_only: false,
            role: AccessRole::Adviser.into(),
            issuer: LOCAL_ISSUER.into(),
            subject: subject.into(),
            employer: Some(state()),
            opens: Some(municipal(TRONDHEIM)),
            valid_from_date: Some(date(2026, 3, 2)),
            valid_to_date: Some(date(2027, 3, 1)),
            ground: "følger opp deltakere i KVP".into(),
        }
    }

    pub async fn allocate(&self, ledger: &Ledger, max: u32) -> AllocatePlacesResponse {
        let request = AllocatePlacesRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            max_proposals: max,
            ..AllocatePlacesRequest::default()
        };
        self.county.allocation().allocate_places(request).await.unwrap().into_inner()
    }

    /// So many proposals, in as many runs as it takes.
    pub async fn propose(&self, ledger: &Ledger, count: u32) -> Vec<Offer> {
        const IN_ONE_RUN: u32 = 500;
        let mut proposals = Vec::new();
        for begun in (0..count).step_by(IN_ONE_RUN as usize) {
            let run = self.allocate(ledger, IN_ONE_RUN.min(count - begun)).await;
            proposals.extend(run.proposals);
        }
        proposals
    }

    /// An offer of each proposal, in as many calls as it takes.
    pub async fn confirm_all(&self, ledger: &Ledger, proposals: &[Offer]) -> Vec<Offer> {
        let mut offers = Vec::new();
        for some in proposals.chunks(100) {
            let ids = some.iter().map(|offer| offer.offer_id.clone()).collect();
            offers.extend(self.confirm(ledger, ids).await);
        }
        offers
    }

    pub async fn confirm(&self, ledger: &Ledger, offer_ids: Vec<String>) -> Vec<Offer> {
        let request = ConfirmProposalsRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            offer_ids,
            ..ConfirmProposalsRequest::default()
        };
        let answer = self.office.allocation().confirm_proposals(request).await.unwrap();
        answer.into_inner().offers
    }

    /// The office answers an offer.
    pub async fn respond(
        &self,
        ledger: &Ledger,
        offer_id: &str,
        answer: OfferAnswer,
    ) -> Result<Offer, tonic::Status> {
        let request = RespondToOfferRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            offer_id: offer_id.into(),
            answer: answer.into(),
            reason: "for langt å reise".into(),
            ..RespondToOfferRequest::default()
        };
        let answer = self.office.allocation().respond_to_offer(request).await?;
        Ok(answer.into_inner().offer.unwrap())
    }

    pub async fn start(&self, ledger: &Ledger, offer_id: &str, day: Date) -> Placement {
        let request = StartPlacementRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            offer_id: offer_id.into(),
            start_date: Some(day),
            ..StartPlacementRequest::default()
        };
        let answer = self.office.allocation().start_placement(request).await.unwrap();
        answer.into_inner().placement.unwrap()
    }

    pub async fn availability(&self, ledger: &Ledger) -> GetAvailabilityResponse {
        let request = GetAvailabilityRequest {
            ledger: Some(ledger.clone()),
            ..GetAvailabilityRequest::default()
        };
        self.county.capacity().get_availability(request).await.unwrap().into_inner()
    }

    pub async fn position(&self, ledger: &Ledger, entry_id: &str) -> GetPositionResponse {
        let request = GetPositionRequest {
            ledger: Some(ledger.clone()),
            entry_id: entry_id.into(),
            at_least_seq: 0,
            ..GetPositionRequest::default()
        };
        self.county.waitlist().get_position(request).await.unwrap().into_inner()
    }
}

/// The state, as an employer.
pub fn state() -> proto::Employer {
    proto::Employer { kind: EmployerKind::State.into(), municipality_number: String::new() }
}

/// A municipality, as an employer.
pub fn municipal(number: &str) -> proto::Employer {
    let kind = EmployerKind::Municipal.into();
    proto::Employer { kind, municipality_number: number.into() }
}

pub fn vta() -> Ledger {
    Ledger { county_id: COUNTY.into(), measure_code: "VTA".into() }
}

pub fn avklaring() -> Ledger {
    Ledger { county_id: COUNTY.into(), measure_code: "AVKLARING".into() }
}

pub fn date(year: i32, month: i32, day: i32) -> Date {
    Date { year, month, day }
}

/// A join of a made-up person, of the ledger's own municipality.
pub fn join(ledger: &Ledger, person: u32) -> JoinWaitlistRequest {
    let (municipality, office) =
        if ledger.county_id == COUNTY { (TRONDHEIM, OFFICE) } else { (LEVANGER, OTHER_OFFICE) };
    JoinWaitlistRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        national_identity_number: identity(person),
        municipality_number: municipality.into(),
        following_office_number: office.into(),
        ..JoinWaitlistRequest::default()
    }
}

/// A synthetic identity number.
pub fn identity(person: u32) -> String {
    NationalIdentityNumber::synthetic(person).expose().to_owned()
}

fn site_of(ledger: &Ledger) -> &'static str {
    if ledger.county_id == COUNTY { TRONDHEIM } else { LEVANGER }
}

/// Two areas, three municipalities with offices, two measure types, two providers.
pub fn registry() -> Vec<RegistryRow> {
    use registry_row::Row;
    let area = |id: &str| Row::Area(Area { county_id: id.into(), name: id.into() });
    let municipality = |number: &str, area: &str| {
        Row::Municipality(Municipality {
            municipality_number: number.into(),
            name: number.into(),
            county_id: area.into(),
        })
    };
    let office = |number: &str, municipality: &str| {
        Row::Office(Office {
            office_number: number.into(),
            name: number.into(),
            municipality_numbers: vec![municipality.into()],
        })
    };
    let provider = |number: &str| {
        Row::Provider(Provider { organisation_number: number.into(), name: number.into() })
    };
    let weight = |number: &str, weight: u64| {
        Row::DistributionWeight(DistributionWeight {
            key_name: "population".into(),
            key_date: Some(date(2011, 1, 1)),
            municipality_number: number.into(),
            weight,
            source: "SSB 07459".into(),
            borders_date: None,
        })
    };
    let measure = |code: &str, distribution: Distribution| {
        Row::MeasureType(MeasureType {
            measure_code: code.into(),
            name: code.into(),
            distribution: distribution.into(),
            part_time_allowed: distribution == Distribution::ByMunicipality,
            confirm_working_days: 5,
            answer_working_days: 5,
            priority_classes: vec![PriorityClass { code: "FIRST".into(), bonus_days: 90 }],
            confirmation_required: Some(true),
            ..MeasureType::default()
        })
    };
    let rows = [
        area(COUNTY),
        area(OTHER_COUNTY),
        municipality(TRONDHEIM, COUNTY),
        municipality(HEMNE, COUNTY),
        municipality(LEVANGER, OTHER_COUNTY),
        office(OFFICE, TRONDHEIM),
        office(HEMNE_OFFICE, HEMNE),
        office(OTHER_OFFICE, LEVANGER),
        provider(PROVIDER),
        provider(OTHER_PROVIDER),
        weight(TRONDHEIM, 173_486),
        weight(HEMNE, 4_232),
        measure("VTA", Distribution::ByMunicipality),
        measure("AVKLARING", Distribution::CountyPool),
    ];
    rows.into_iter().map(|row| RegistryRow { row: Some(row) }).collect()
}
