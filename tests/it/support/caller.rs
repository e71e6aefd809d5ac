//! Who calls in a test, and what each call's headers say.

use tiltaksplass::proto::v1::{
    access_service_client::AccessServiceClient, allocation_service_client::AllocationServiceClient,
    audit_service_client::AuditServiceClient, capacity_service_client::CapacityServiceClient,
    change_service_client::ChangeServiceClient, fair_share_service_client::FairShareServiceClient,
    registry_service_client::RegistryServiceClient, report_service_client::ReportServiceClient,
    waitlist_service_client::WaitlistServiceClient,
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

/// Puts the token on each call, and what else its headers say.
#[derive(Clone)]
pub struct Bearer {
    token: MetadataValue<Ascii>,
    headers: Vec<(&'static str, MetadataValue<Ascii>)>,
}

impl Bearer {
    pub fn new(token: &str) -> Self {
        let token = format!("Bearer {token}").parse().unwrap();
        Self { token, headers: vec![("x-purpose", "test".parse().unwrap())] }
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.token.clone());
        for (name, value) in &self.headers {
            request.metadata_mut().insert(*name, value.clone());
        }
        Ok(request)
    }
}

/// Somebody who calls.
#[derive(Clone)]
pub struct Caller {
    pub channel: Channel,
    pub bearer: Bearer,
}

type Authorized = InterceptedService<Channel, Bearer>;

impl Caller {
    /// The same, whose calls have these headers and no others.
    pub fn saying(&self, headers: &[(&'static str, &str)]) -> Self {
        let mut caller = self.clone();
        let headers = headers.iter().map(|(name, value)| (*name, value.parse().unwrap()));
        caller.bearer.headers = headers.collect();
        caller
    }

    pub fn registry(&self) -> RegistryServiceClient<Authorized> {
        RegistryServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub fn capacity(&self) -> CapacityServiceClient<Authorized> {
        CapacityServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub fn waitlist(&self) -> WaitlistServiceClient<Authorized> {
        WaitlistServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub fn allocation(&self) -> AllocationServiceClient<Authorized> {
        AllocationServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub fn fair_share(&self) -> FairShareServiceClient<Authorized> {
        FairShareServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub fn access(&self) -> AccessServiceClient<Authorized> {
        AccessServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub fn report(&self) -> ReportServiceClient<Authorized> {
        ReportServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub fn audit(&self) -> AuditServiceClient<Authorized> {
        AuditServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub fn change(&self) -> ChangeServiceClient<Authorized> {
        ChangeServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }
}
