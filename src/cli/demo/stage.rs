//! What every step works with: callers with tokens, the page, and small words of the wire.

use std::{fmt::Display, future::Future, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use time::{Date, Duration, OffsetDateTime};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use crate::{
    app::{Clock as _, Ids as _, RandomIds, SystemClock},
    auth::{LocalIssuer, TokenRequest},
    cli::{
        Failure,
        demo::{
            audit::{AREA, Audit, CITY},
            page::Page,
            service::Wires,
        },
    },
    domain::access::Role,
    proto::{
        google::r#type::Date as PbDate,
        v1::{
            self as pb, allocation_service_client::AllocationServiceClient,
            capacity_service_client::CapacityServiceClient,
            fair_share_service_client::FairShareServiceClient,
            registry_service_client::RegistryServiceClient,
            waitlist_service_client::WaitlistServiceClient,
        },
    },
};

/// Calls under way at once where many are made; a connection carries a hundred.
pub(super) const IN_FLIGHT: usize = 32;
/// How long a token is good for: longer than any demonstration.
const TOKEN_LIFETIME: Duration = Duration::hours(1);
/// Accounts count in per cents of a place.
const WHOLE_PLACE: i64 = 100;

/// What every step works with.
pub(super) struct Stage {
    /// What is printed.
    pub(super) page: Page,
    /// What is put in, and compared with.
    pub(super) audit: Audit,
    /// Whoever signs tokens, and the way to the service.
    pub(super) desk: Desk,
    /// What the service prints, and the pipe to its clock.
    wires: Wires,
    /// The county's staff.
    pub(super) county: Caller,
    /// The directorate.
    pub(super) directorate: Caller,
    /// How many people have been made up so far; each has a number of their own.
    pub(super) people: u32,
}

impl Stage {
    /// A stage on a service that has just been started.
    pub(super) async fn new(
        page: Page,
        mut wires: Wires,
        issuer: Arc<LocalIssuer>,
    ) -> Result<Self, Failure> {
        let address = wires.address().await?;
        let channel = connect(&address).await?;
        let desk = Desk { channel, address, issuer, ahead: Duration::ZERO };
        let (county, directorate) = desk.staff()?;
        let audit = Audit::read()?;
        Ok(Self { page, audit, desk, wires, county, directorate, people: 0 })
    }

    /// Goes on with a service that was started again.
    pub(super) async fn reconnect(&mut self, wires: Wires) -> Result<(), Failure> {
        self.wires = wires;
        self.desk.address = self.wires.address().await?;
        self.desk.channel = connect(&self.desk.address).await?;
        (self.county, self.directorate) = self.desk.staff()?;
        Ok(())
    }

    /// What time it is in the service.
    pub(super) fn now(&self) -> OffsetDateTime {
        SystemClock.now().to_datetime() + self.desk.ahead
    }

    /// What day it is there, in Norway.
    pub(super) fn day(&self) -> Date {
        let micros = self.now().unix_timestamp().saturating_mul(1_000_000);
        crate::domain::calendar::Timestamp::from_micros(micros).date_in_norway()
    }

    /// Lets time pass in the service until this moment. The old tokens end with it.
    pub(super) async fn wait_until(&mut self, moment: OffsetDateTime) -> Result<(), Failure> {
        // A second more, since the machine's clock is read to a fraction of one.
        let ahead = moment - SystemClock.now().to_datetime() + Duration::SECOND;
        self.desk.ahead = self.desk.ahead.max(Duration::seconds(ahead.whole_seconds()));
        self.wires.put_clock_ahead(self.desk.ahead.whole_seconds()).await?;
        (self.county, self.directorate) = self.desk.staff()?;
        Ok(())
    }

    /// The places of a measure type at sites in Trondheim; as of today, or of a date.
    pub(super) async fn availability(
        &self,
        measure_code: &str,
        as_of: Option<Date>,
    ) -> Result<pb::GetAvailabilityResponse, Failure> {
        let request = pb::GetAvailabilityRequest {
            ledger: ledger(measure_code),
            site_municipality_number: CITY.to_owned(),
            as_of_date: as_of.map(pb_date),
            ..pb::GetAvailabilityRequest::default()
        };
        let answer = self.county.capacity().get_availability(request).await;
        Ok(answer.map_err(refused("GetAvailability"))?.into_inner())
    }

    /// How many wait, for one measure type or for all.
    pub(super) async fn queues(&self, code: &str) -> Result<Vec<pb::QueueSummary>, Failure> {
        let request = pb::SummarizeQueuesRequest {
            county_id: AREA.to_owned(),
            measure_code: code.to_owned(),
            at_least_seq: 0,
        };
        let answer = self.county.waitlist().summarize_queues(request).await;
        Ok(answer.map_err(refused("SummarizeQueues"))?.into_inner().queues)
    }
}

/// Signs tokens and opens connections.
pub(super) struct Desk {
    address: String,
    channel: Channel,
    issuer: Arc<LocalIssuer>,
    /// How far the service's clock is ahead of ours.
    ahead: Duration,
}

impl Desk {
    /// The county's staff and the directorate's, with new tokens.
    fn staff(&self) -> Result<(Caller, Caller), Failure> {
        let county = self.caller(Role::County, AREA, "county-allocator")?;
        let directorate = self.caller(Role::Directorate, "directorate", "directorate-planner")?;
        Ok((county, directorate))
    }

    /// Where the service listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// A token for somebody in this demonstration.
    pub(super) fn token(&self, role: Role, for_whom: &str, who: &str) -> Result<String, Failure> {
        self.token_for(role, for_whom, who, TOKEN_LIFETIME)
    }

    /// A token that is good for so long.
    pub(super) fn token_for(
        &self,
        role: Role,
        for_whom: &str,
        who: &str,
        lifetime: Duration,
    ) -> Result<String, Failure> {
        let request = TokenRequest::new(who, role, for_whom, lifetime);
        Ok(self.issuer.mint(&request, SystemClock.now().to_datetime() + self.ahead)?)
    }

    /// Somebody who calls over the common connection.
    pub(super) fn caller(&self, role: Role, for_whom: &str, who: &str) -> Result<Caller, Failure> {
        self.caller_on(self.channel.clone(), role, for_whom, who)
    }

    /// Somebody who calls over a certain connection.
    pub(super) fn caller_on(
        &self,
        channel: Channel,
        role: Role,
        for_whom: &str,
        who: &str,
    ) -> Result<Caller, Failure> {
        let token = self.token(role, for_whom, who)?;
        let mut bearer: MetadataValue<Ascii> = format!("Bearer {token}").parse()?;
        bearer.set_sensitive(true);
        Ok(Caller(InterceptedService::new(channel, Bearer(bearer))))
    }

    /// A connection of its own.
    pub(super) async fn another_connection(&self) -> Result<Channel, Failure> {
        connect(&self.address).await
    }
}

async fn connect(address: &str) -> Result<Channel, Failure> {
    let endpoint: Endpoint = address.parse()?;
    let connected = endpoint.tcp_nodelay(true).connect().await;
    connected.map_err(|e| format!("the service at {address} cannot be reached: {e}").into())
}

/// Puts a token into every call.
#[derive(Clone)]
pub(super) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// The way to the service with somebody's token.
pub(super) type Line = InterceptedService<Channel, Bearer>;

/// Somebody who calls.
#[derive(Clone)]
pub(super) struct Caller(Line);

impl Caller {
    /// Calls the capacity service.
    pub(super) fn capacity(&self) -> CapacityServiceClient<Line> {
        CapacityServiceClient::new(self.0.clone())
    }

    /// Calls the waitlist service.
    pub(super) fn waitlist(&self) -> WaitlistServiceClient<Line> {
        WaitlistServiceClient::new(self.0.clone())
    }

    /// Calls the allocation service.
    pub(super) fn allocation(&self) -> AllocationServiceClient<Line> {
        AllocationServiceClient::new(self.0.clone())
    }

    /// Calls the fair-share service.
    pub(super) fn fair_share(&self) -> FairShareServiceClient<Line> {
        FairShareServiceClient::new(self.0.clone())
    }

    /// Calls the registry service.
    pub(super) fn registry(&self) -> RegistryServiceClient<Line> {
        RegistryServiceClient::new(self.0.clone())
    }

    /// Calls without knowing what the answer means.
    pub(super) fn line(&self) -> Line {
        self.0.clone()
    }
}

/// Makes many calls, some at once, and keeps their order.
pub(super) async fn together<T, F>(calls: impl IntoIterator<Item = F>) -> Result<Vec<T>, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    stream::iter(calls).buffered(IN_FLIGHT).try_collect().await
}

/// The most of a page.
const PAGE_SIZE: i32 = 500;

/// All entries of a ledger in one state, in the order of the queue.
pub(super) async fn entries_in(
    stage: &Stage,
    code: &str,
    state: pb::EntryState,
) -> Result<Vec<pb::WaitlistEntry>, Failure> {
    let mut request = pb::ListWaitlistEntriesRequest {
        ledger: ledger(code),
        state: state.into(),
        page_size: PAGE_SIZE,
        ..pb::ListWaitlistEntriesRequest::default()
    };
    let mut entries = Vec::new();
    loop {
        let page = stage.county.waitlist().list_waitlist_entries(request.clone()).await;
        let page = page.map_err(refused("ListWaitlistEntries"))?.into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return Ok(entries);
        }
        request.page_token = page.next_page_token;
    }
}

/// Says which call was refused, and in the service's own words why.
pub(super) fn refused(call: &'static str) -> impl Fn(Status) -> Failure {
    move |status| format!("{call} failed ({:?}): {}", status.code(), status.message()).into()
}

/// What an answer must have but has not.
pub(super) fn missing(what: impl Display) -> Failure {
    format!("an answer came without {what}").into()
}

/// The client's name for a call.
pub(super) fn request_id() -> String {
    RandomIds.id().to_string()
}

/// Today, in Norway.
pub(super) fn today() -> Date {
    SystemClock.now().date_in_norway()
}

/// A ledger of the county.
#[allow(clippy::unnecessary_wraps, reason = "every request takes it so")]
pub(super) fn ledger(measure_code: &str) -> Option<pb::Ledger> {
    Some(pb::Ledger { county_id: AREA.to_owned(), measure_code: measure_code.to_owned() })
}

/// A date on the wire.
pub(super) fn pb_date(date: Date) -> PbDate {
    PbDate {
        year: date.year(),
        month: i32::from(u8::from(date.month())),
        day: i32::from(date.day()),
    }
}

/// The first day of a year.
#[allow(clippy::unnecessary_wraps, reason = "every request takes it so")]
pub(super) fn new_year(year: i32) -> Option<PbDate> {
    Some(PbDate { year, month: 1, day: 1 })
}

/// A date as `2011-01-01`.
pub(super) fn shown_date(date: Option<PbDate>) -> String {
    date.map_or("-".to_owned(), |d| format!("{}-{:02}-{:02}", d.year, d.month, d.day))
}

/// The date an instant falls on in Norway.
pub(super) fn date_of(at: Option<prost_types::Timestamp>) -> String {
    let micros = at.map_or(0, |at| at.seconds.saturating_mul(1_000_000));
    crate::domain::calendar::Timestamp::from_micros(micros).date_in_norway().to_string()
}

/// The last day before a deadline, which is the instant at which that day ends.
pub(super) fn last_day(deadline: Option<prost_types::Timestamp>) -> String {
    date_of(deadline.map(|at| prost_types::Timestamp { seconds: at.seconds - 1, ..at }))
}

/// A sum in places and parts of places.
pub(super) fn places(percent: i64) -> String {
    match percent % WHOLE_PLACE {
        0 => (percent / WHOLE_PLACE).to_string(),
        _ => format!("{}.{:02}", percent / WHOLE_PLACE, percent % WHOLE_PLACE),
    }
}

/// What an account may hold, in places.
pub(super) fn total(usage: Option<&pb::Usage>) -> String {
    places(usage.map_or(0, |usage| usage.total_percent))
}

/// The last part of an id, which is enough to tell it from its neighbours.
pub(super) fn short(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}
