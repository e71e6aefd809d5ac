//! What may be done with an offer beside answering it, what a no costs, and places that are
//! given without a run.

use base64::Engine as _;
use prost::Message;
use sqlx::Row;
use tiltaksplass::{
    domain::{access::Role, measure::MeasureRules},
    proto::v1::*,
};
use tonic::{Code, Status};

use crate::{
    canary,
    support::{Caller, logs, reason, request_id},
    world::{COUNTY, HEMNE_OFFICE, OFFICE, OTHER_COUNTY, OTHER_PROVIDER, PROVIDER, World, date},
};

mod declining;
mod duels;
mod objections;
mod placing;
mod reserving;
mod terms;

/// Working days in which a provider may object.
const OBJECT_DAYS: u32 = 2;
/// What is written in each reason, and must never be found in the clear.
const SECRET: &str = "hemmelig begrunnelse";

fn rules() -> MeasureRules {
    MeasureRules { object_working_days: Some(OBJECT_DAYS), ..MeasureRules::default() }
}

/// One VTA ledger with so many places, under some rules.
struct Offers {
    world: World,
    ledger: Ledger,
    group: String,
}

/// Who asks in a test of rights.
struct Askers {
    hemne: Caller,
    other_county: Caller,
    other_provider: Caller,
}

impl Offers {
    async fn under(rules: MeasureRules, places: u32) -> Self {
        let world = World::new().await;
        world.rules("VTA", rules).await;
        let (ledger, group) = world.vta(places).await;
        Self { world, ledger, group }
    }

    async fn askers(&self) -> Askers {
        let service = &self.world.service;
        Askers {
            hemne: service.caller(Role::Office, HEMNE_OFFICE).await,
            other_county: service.caller(Role::County, OTHER_COUNTY).await,
            other_provider: service.caller(Role::Provider, OTHER_PROVIDER).await,
        }
    }

    /// New tokens, since the clock has moved beyond the old ones.
    async fn refresh(&mut self) {
        let service = &self.world.service;
        let (county, office, provider) = (
            service.caller(Role::County, COUNTY).await,
            service.caller(Role::Office, OFFICE).await,
            service.caller(Role::Provider, PROVIDER).await,
        );
        let world = &mut self.world;
        (world.county, world.office, world.provider) = (county, office, provider);
    }

    async fn proposed(&self, person: u32) -> (String, String) {
        let entry_id = self.world.join(&self.ledger, person).await;
        let proposal = self.world.allocate(&self.ledger, 1).await.proposals.remove(0);
        assert_eq!(proposal.entry_id, entry_id);
        (entry_id, proposal.offer_id)
    }

    async fn offered(&self, person: u32) -> (String, String) {
        let (entry_id, offer_id) = self.proposed(person).await;
        self.world.confirm(&self.ledger, vec![offer_id.clone()]).await;
        (entry_id, offer_id)
    }

    async fn accept(&self, offer_id: &str) -> Result<Offer, Status> {
        self.world.respond(&self.ledger, offer_id, OfferAnswer::Accept).await
    }

    async fn decline(&self, offer_id: &str) -> RespondToOfferResponse {
        let request = RespondToOfferRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: offer_id.into(),
            answer: OfferAnswer::Decline.into(),
            ..RespondToOfferRequest::default()
        };
        let answer = self.world.office.allocation().respond_to_offer(request).await;
        answer.unwrap().into_inner()
    }

    async fn start_by(
        &self,
        caller: &Caller,
        offer_id: &str,
    ) -> Result<StartPlacementResponse, Status> {
        let request = StartPlacementRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: offer_id.into(),
            start_date: Some(date(2026, 3, 2)),
            ..StartPlacementRequest::default()
        };
        Ok(caller.allocation().start_placement(request).await?.into_inner())
    }

    async fn state(&self, entry_id: &str) -> EntryState {
        self.world.position(&self.ledger, entry_id).await.state()
    }

    /// The offers a caller is shown in a state.
    async fn listed(&self, caller: &Caller, state: OfferState) -> Vec<Offer> {
        let request = ListOffersRequest {
            ledger: Some(self.ledger.clone()),
            state: state.into(),
            ..ListOffersRequest::default()
        };
        caller.allocation().list_offers(request).await.unwrap().into_inner().offers
    }

    /// Reserved on both accounts, which must agree.
    async fn reserved(&self) -> i64 {
        let usage = self.world.availability(&self.ledger).await;
        let (places, second) =
            (usage.places.clone().unwrap(), usage.second_accounts[0].usage.clone().unwrap());
        assert_eq!(places.reserved_percent, second.reserved_percent);
        places.reserved_percent
    }

    fn object(&self, offer_id: &str) -> ObjectToOfferRequest {
        ObjectToOfferRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: offer_id.into(),
            code: ObjectionCode::Safety.into(),
            reason: SECRET.into(),
            ..ObjectToOfferRequest::default()
        }
    }

    fn resolve(&self, offer_id: &str, uphold: bool) -> ResolveObjectionRequest {
        ResolveObjectionRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: offer_id.into(),
            uphold,
            reason: SECRET.into(),
            ..ResolveObjectionRequest::default()
        }
    }

    fn extend(&self, offer_id: &str, working_days: u32) -> ExtendOfferRequest {
        ExtendOfferRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: offer_id.into(),
            working_days,
            reason: SECRET.into(),
            ..ExtendOfferRequest::default()
        }
    }

    fn withdraw(&self, offer_id: &str) -> WithdrawOfferRequest {
        WithdrawOfferRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: offer_id.into(),
            reason: SECRET.into(),
            ..WithdrawOfferRequest::default()
        }
    }

    fn place(&self, entry_id: &str) -> PlacePersonRequest {
        PlacePersonRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            entry_id: entry_id.into(),
            place_group_id: self.group.clone(),
            reason: OutOfTurnReason::Health.into(),
            reason_text: SECRET.into(),
            ..PlacePersonRequest::default()
        }
    }

    /// The latest row's text is sealed under the person's own key, in the command and in its
    /// event alike, and no table and no log has it in the clear.
    async fn text_is_sealed(&self, kind: &str, text_at: &str, context: &str) {
        let mut sql = self.world.service.sql().await;
        let row =
            sqlx::query("SELECT payload FROM ledger_log WHERE kind = $1 ORDER BY at DESC LIMIT 1")
                .bind(kind)
                .fetch_one(&mut sql)
                .await
                .unwrap();
        let payload: serde_json::Value = serde_json::from_slice(row.get("payload")).unwrap();
        assert!(!payload.to_string().contains(SECRET));
        let sealed = payload.pointer(text_at).unwrap_or_else(|| panic!("{payload:#}"));
        let sealed = sealed.as_str().unwrap();
        assert_eq!(payload.to_string().matches(sealed).count(), 2, "command and event");
        let everything = format!("{} {}", canary::dump(&mut sql).await, logs());
        for clear in [SECRET.to_owned(), hex::encode(SECRET)] {
            assert!(!everything.contains(&clear));
        }
        let sealed = base64::prelude::BASE64_STANDARD.decode(sealed).unwrap();
        let (person, wrapped): (uuid::Uuid, Vec<u8>) =
            sqlx::query_as("SELECT person_id, data_key FROM person")
                .fetch_one(&mut sql)
                .await
                .unwrap();
        let key = self.world.service.app.keys.unwrap_data_key(&wrapped, person).unwrap();
        assert_eq!(key.open(context, &sealed).unwrap().as_slice(), SECRET.as_bytes());
    }
}

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn denied() -> (Code, String) {
    (Code::PermissionDenied, "PERMISSION_DENIED".to_owned())
}

fn not_found() -> (Code, String) {
    (Code::NotFound, "NOT_FOUND".to_owned())
}

fn refused(reason: &str) -> (Code, String) {
    (Code::FailedPrecondition, reason.to_owned())
}

fn invalid() -> (Code, String) {
    (Code::InvalidArgument, "INVALID_FIELDS".to_owned())
}

/// What `ErrorInfo` says of a name.
fn said(status: &Status, name: &str) -> String {
    use tonic_types::StatusExt;
    let info = status.get_details_error_info().unwrap();
    info.metadata.get(name).cloned().unwrap_or_else(|| panic!("no {name}: {status:?}"))
}

fn seconds(time: Option<prost_types::Timestamp>) -> i64 {
    time.unwrap().seconds
}

/// The same call again has the same bytes for an answer, and a preview stores nothing.
macro_rules! once {
    ($caller:expr, $method:ident, $request:expr) => {{
        let request = $request;
        let preview = {
            let mut r = request.clone();
            r.validate_only = true;
            r
        };
        let mut client = $caller.allocation();
        client.$method(preview).await.unwrap();
        let first = client.$method(request.clone()).await.unwrap().into_inner();
        let again = client.$method(request).await.unwrap().into_inner();
        assert_eq!(again.encode_to_vec(), first.encode_to_vec());
        first
    }};
}
use once;

/// Each asker's preview is told so.
macro_rules! asked {
    ($method:ident, $request:expr, [$($caller:expr => $expected:expr),* $(,)?]) => {{
        let request = { let mut r = $request; r.validate_only = true; r };
        $(
            let answer = $caller.allocation().$method(request.clone()).await;
            let answer = answer.map(drop).map_err(|status| told(&status));
            let expected: Result<(), (Code, String)> = $expected;
            assert_eq!(answer, expected, "{}", stringify!($caller));
        )*
    }};
}
use asked;
