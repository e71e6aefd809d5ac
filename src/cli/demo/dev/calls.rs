//! Tokens for everybody, and calls to copy.

use serde_json::{Value, json};
use time::Duration;

use crate::{
    app::{Ids as _, RandomIds},
    cli::{
        Failure,
        demo::{
            audit::{AREA, CITY},
            capacity::PRIMA,
            ending::program_name,
            page::line,
            stage::{Stage, entries_in, ledger, missing, pb_date, refused, request_id, today},
            vacancies::{VTA, allocate},
        },
    },
    domain::{access::Role, national_identity::NationalIdentityNumber},
    proto::v1::{ConfirmProposalsRequest, EntryState},
};

/// How long the printed tokens are good for: a working day.
const TOKEN_LIFETIME: Duration = Duration::hours(12);
/// How many proposals are made, so that there is something to confirm and to answer.
const PROPOSALS: u32 = 2;
/// The made-up people of the printed joins: numbers far from those of the sample data.
const NEWCOMERS: std::ops::Range<u128> = 1_000_000..3_000_000;

/// What the printed calls name, by id.
#[derive(Default)]
pub(super) struct Found {
    /// Somebody's placement at Prima.
    pub(super) placement: Option<String>,
    /// A proposal to confirm.
    proposal: Option<String>,
    /// An offer to answer.
    offer: Option<String>,
    /// Somebody who waits.
    waiting: Option<String>,
}

/// A call to copy.
struct Call {
    /// What it is good for.
    what: &'static str,
    /// Whose token it needs.
    role: Role,
    method: &'static str,
    body: Value,
}

impl Found {
    /// Leaves a proposal to confirm and an offer to answer, while places last.
    pub(super) async fn open_some(&mut self, stage: &Stage) -> Result<(), Failure> {
        let proposals = allocate(stage, PROPOSALS).await?.proposals;
        let mut ids = proposals.into_iter().map(|proposal| proposal.offer_id);
        self.offer = ids.next();
        self.proposal = ids.next();
        if let Some(offer_id) = &self.offer {
            let request = ConfirmProposalsRequest {
                request_id: request_id(),
                ledger: ledger(VTA),
                offer_ids: vec![offer_id.clone()],
                ..ConfirmProposalsRequest::default()
            };
            let confirmed = stage.county.allocation().confirm_proposals(request).await;
            confirmed.map_err(refused("ConfirmProposals"))?;
        }
        let office = first_office(stage)?;
        let waiting = entries_in(stage, VTA, EntryState::Waiting).await?;
        let theirs = waiting.into_iter().find(|entry| entry.following_office_number == office);
        self.waiting = theirs.map(|entry| entry.entry_id);
        Ok(())
    }

    /// Prints the address, a token for each role, and the calls.
    pub(super) fn print(&self, stage: &Stage) -> Result<(), Failure> {
        let office = first_office(stage)?;
        let prima = stage.audit.provider(PRIMA)?;
        line(format_args!("\n# The address, and a token for each role, good for 12 hours:"));
        line(format_args!("export TILTAKSPLASS_ADDR={}", stage.desk.address()));
        for role in Role::ALL {
            let for_whom = match role {
                Role::Directorate => "NO",
                Role::County => AREA,
                Role::Office => office,
                Role::Municipality => CITY,
                Role::Provider => &prima,
                Role::Service => "dashboard",
                Role::Auditor => "auditor-general",
            };
            let who = format!("dev-{role}", role = role.as_str());
            let token = stage.desk.token_for(role, for_whom, &who, TOKEN_LIFETIME)?;
            line(format_args!("{}={token}", role.as_str()));
        }
        line(format_args!(
            "\n# Calls to copy, each once; a writing one, sent again, answers the same:"
        ));
        let program = program_name();
        for call in self.reads().into_iter().chain(self.writes(office)) {
            let Call { what, role, method, body } = call;
            line(format_args!("\n# {what}"));
            line(format_args!("TILTAKSPLASS_TOKEN=${} {program} call {method} \\", role.as_str()));
            line(format_args!("  -d '{body}'"));
        }
        Ok(())
    }

    fn reads(&self) -> Vec<Call> {
        let position = self.waiting.as_ref().map(|entry_id| Call {
            what: "Where does somebody stand whom this office follows up?",
            role: Role::Office,
            method: "WaitlistService/GetPosition",
            body: json!({ "ledger": vta(), "entryId": entry_id, "withExplanation": true }),
        });
        let explain = self.offer.as_ref().map(|offer_id| Call {
            what: "Why was this offer made?",
            role: Role::Auditor,
            method: "AllocationService/ExplainDecision",
            body: json!({ "ledger": vta(), "offerId": offer_id }),
        });
        let always = [
            Call {
                what: "How many wait?",
                role: Role::Municipality,
                method: "WaitlistService/SummarizeQueues",
                body: json!({ "countyId": AREA, "measureCode": VTA }),
            },
            Call {
                what: "Which places are there, and how many are free?",
                role: Role::Service,
                method: "CapacityService/GetAvailability",
                body: json!({ "ledger": vta(), "siteMunicipalityNumber": CITY }),
            },
            Call {
                what: "Which municipality is entitled to how many?",
                role: Role::Directorate,
                method: "FairShareService/GetFairShare",
                body: json!({ "ledger": vta() }),
            },
        ];
        always.into_iter().chain(position).chain(explain).collect()
    }

    fn writes(&self, office_number: &str) -> Vec<Call> {
        let join = Call {
            what: "Put somebody on the waitlist",
            role: Role::Office,
            method: "WaitlistService/JoinWaitlist",
            body: json!({
                "requestId": request_id(), "ledger": vta(),
                "nationalIdentityNumber": newcomer(), "municipalityNumber": CITY,
                "followingOfficeNumber": office_number,
            }),
        };
        let allocate = Call {
            what: "Propose a free place to the first in the queue",
            role: Role::County,
            method: "AllocationService/AllocatePlaces",
            body: json!({ "requestId": request_id(), "ledger": vta(), "maxProposals": 1 }),
        };
        let confirm = self.proposal.as_ref().map(|offer_id| Call {
            what: "Confirm a proposal: now it is an offer",
            role: Role::County,
            method: "AllocationService/ConfirmProposals",
            body: json!({ "requestId": request_id(), "ledger": vta(), "offerIds": [offer_id] }),
        });
        let answer = self.offer.as_ref().map(|offer_id| Call {
            what: "Say yes to an offer",
            role: Role::County,
            method: "AllocationService/RespondToOffer",
            body: json!({
                "requestId": request_id(), "ledger": vta(), "offerId": offer_id,
                "answer": "OFFER_ANSWER_ACCEPT",
            }),
        });
        let start = self.offer.as_ref().map(|offer_id| Call {
            what: "Then start in the place, today",
            role: Role::County,
            method: "AllocationService/StartPlacement",
            body: json!({
                "requestId": request_id(), "ledger": vta(), "offerId": offer_id,
                "startDate": day(),
            }),
        });
        let end = self.placement.as_ref().map(|placement_id| Call {
            what: "Somebody leaves a place",
            role: Role::Provider,
            method: "AllocationService/EndPlacement",
            body: json!({
                "requestId": request_id(), "ledger": vta(), "placementId": placement_id,
                "endDate": day(), "outcome": "PLACEMENT_OUTCOME_ORDINARY_WORK",
            }),
        });
        let known = confirm.into_iter().chain(answer).chain(start).chain(end);
        [join, allocate].into_iter().chain(known).collect()
    }
}

/// The office whose token is printed.
fn first_office(stage: &Stage) -> Result<&str, Failure> {
    let office = stage.audit.offices.first().ok_or_else(|| missing("an office"))?;
    Ok(&office.number)
}

fn vta() -> Value {
    json!({ "countyId": AREA, "measureCode": VTA })
}

fn day() -> Value {
    let day = pb_date(today());
    json!({ "year": day.year, "month": day.month, "day": day.day })
}

/// A synthetic identity number that is hardly anybody's yet.
fn newcomer() -> String {
    let random = RandomIds.id().as_u128() % (NEWCOMERS.end - NEWCOMERS.start);
    let number = u32::try_from(NEWCOMERS.start + random).unwrap_or_default();
    NationalIdentityNumber::synthetic(number).expose().to_owned()
}
