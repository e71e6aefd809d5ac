//! The port: layers, services, health, and an orderly end.

use std::{future::Future, io, sync::Arc, time::Duration};

use http::Response;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tonic::{body::Body, transport::Server};

mod accept;
mod answer;
mod bounds;
mod call;
mod callers;
mod connection;
mod health;
mod limits;
mod request;

pub use limits::Limits;

use crate::{
    app::App,
    auth::{self, ACTING_AS, AuthLayer, Issuers, NotAdmitted},
    domain::refusal::Refusal,
    error::{Error, Violation},
    grpc::{
        ANSWER_MAX, Api, BATCH_MAX, CHANGES_ANSWER_MAX, IMPORT_PIECE_MAX, REQUEST_MAX, refusal,
        unauthenticated,
    },
    proto::v1::{
        access_service_server::AccessServiceServer,
        allocation_service_server::AllocationServiceServer,
        audit_service_server::AuditServiceServer, capacity_service_server::CapacityServiceServer,
        change_service_server::ChangeServiceServer,
        fair_share_service_server::FairShareServiceServer,
        registry_service_server::RegistryServiceServer, report_service_server::ReportServiceServer,
        waitlist_service_server::WaitlistServiceServer,
    },
    rotation, worker,
    write::Writer,
};
use answer::UnderWay;
use bounds::BoundsLayer;
use callers::CallersLayer;

/// Calls under way on one connection.
const STREAMS_PER_CONNECTION: u32 = 100;
/// How long connections on which nothing is under way have at the end to take leave.
const LEAVE: Duration = Duration::from_millis(500);

/// Why the port could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The transport failed.
    #[error("the port failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The services could not describe themselves.
    #[error("reflection failed: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Nobody had asked for the end.
    #[error("the port closed by itself: {0}")]
    Closed(io::Error),
}

/// Serves until `shutdown` resolves, then lets what is under way finish.
pub async fn run(
    listener: TcpListener,
    app: App,
    issuers: Arc<Issuers>,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let (writer, lanes) = Writer::start(&app);
    let worker = tokio::spawn(worker::run(app.clone(), writer.clone()));
    let keeper = tokio::spawn(Arc::clone(&issuers).keep_keys(clock_of(&app)));
    let served = match Port::open(listener, &app, issuers, writer, &limits) {
        Ok(port) => port.serve_until(shutdown, limits.drain).await,
        Err(error) => Err(error.into()),
    };
    keeper.abort();
    worker.abort();
    drop(worker.await);
    let end = Instant::now() + limits.finish;
    if timeout_at(end, lanes.finish()).await.is_err() {
        tracing::warn!("the database did not take the last commands in time");
    }
    if let Ok(Err(error)) = timeout_at(end, rotation::leave(&app.db, &app.keys)).await {
        tracing::warn!(%error, "a change of keys waits a while for this service");
    }
    // A read that nobody waits for any more may still hold a connection.
    drop(timeout_at(end, app.db.close()).await);
    served
}

/// The service's clock, as those need it who know no `App`.
fn clock_of(app: &App) -> auth::Clock {
    let clock = Arc::clone(&app.clock);
    Arc::new(move || clock.now().to_datetime())
}

/// The answer to a call that the layer in front lets not through. Of a token that counts for
/// nothing all answers are the same; whose token is genuine is told what to say.
fn not_admitted(path: &str, why: Option<&NotAdmitted>) -> Response<Body> {
    let error = match why {
        None => return unauthenticated().into_http(),
        Some(NotAdmitted::NoRight) => Error::Refused(Refusal::PermissionDenied),
        Some(NotAdmitted::ActingAs(description)) => Error::InvalidFields(vec![Violation {
            field: ACTING_AS.to_owned(),
            description: description.clone(),
        }]),
    };
    refusal(path, &error).into_http()
}

/// A port that is served.
struct Port {
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    under_way: UnderWay,
    stop: watch::Sender<bool>,
    cut: watch::Sender<bool>,
}

impl Port {
    fn open(
        listener: TcpListener,
        app: &App,
        issuers: Arc<Issuers>,
        writer: Writer,
        limits: &Limits,
    ) -> Result<Self, tonic_reflection::server::Error> {
        let (stop, stopped) = watch::channel(false);
        let (cut, is_cut) = watch::channel(false);
        let under_way = UnderWay::default();
        let auth = AuthLayer::new(issuers, clock_of(app), not_admitted);
        let api = Api::new(app.clone(), writer, limits.reads);
        let (reporter, health) = tonic_health::server::health_reporter();
        let end = health::keep(app.clone(), reporter, limits.readiness, stopped);
        macro_rules! service {
            ($server:ident, $request_max:expr, $answer_max:expr) => {
                $server::new(api.clone())
                    .max_decoding_message_size($request_max)
                    .max_encoding_message_size($answer_max)
            };
        }
        let router = Server::builder()
            .max_concurrent_streams(STREAMS_PER_CONNECTION)
            .http2_max_header_list_size(request::HEADERS_REFUSED)
            .http2_keepalive_interval(Some(limits.keepalive_interval))
            .http2_keepalive_timeout(Some(limits.keepalive_timeout))
            .max_connection_age(limits.connection_age)
            .layer(BoundsLayer::new(limits, under_way.clone(), Arc::clone(&app.ids)))
            .layer(auth)
            .layer(CallersLayer::new(limits))
            .add_service(health.max_decoding_message_size(call::QUESTION_MAX))
            .add_service(health::reflection_v1()?.max_decoding_message_size(call::QUESTION_MAX))
            .add_service(
                health::reflection_v1alpha()?.max_decoding_message_size(call::QUESTION_MAX),
            )
            .add_service(service!(RegistryServiceServer, IMPORT_PIECE_MAX, ANSWER_MAX))
            .add_service(service!(CapacityServiceServer, REQUEST_MAX, ANSWER_MAX))
            .add_service(service!(WaitlistServiceServer, BATCH_MAX, ANSWER_MAX))
            .add_service(service!(AllocationServiceServer, REQUEST_MAX, ANSWER_MAX))
            .add_service(service!(FairShareServiceServer, BATCH_MAX, ANSWER_MAX))
            .add_service(service!(ReportServiceServer, REQUEST_MAX, ANSWER_MAX))
            .add_service(service!(AccessServiceServer, REQUEST_MAX, ANSWER_MAX))
            .add_service(service!(AuditServiceServer, REQUEST_MAX, ANSWER_MAX))
            .add_service(service!(ChangeServiceServer, REQUEST_MAX, CHANGES_ANSWER_MAX));
        let incoming = accept::incoming(listener, limits, is_cut);
        let serving = tokio::spawn(router.serve_with_incoming_shutdown(incoming, end));
        Ok(Self { serving, under_way, stop, cut })
    }

    /// Serves until it is told to stop; then `NOT_SERVING`, nobody new, and so much time
    /// for what is under way.
    async fn serve_until(
        mut self,
        shutdown: impl Future<Output = ()>,
        drain: Duration,
    ) -> Result<(), ServeError> {
        tokio::select! {
            () = shutdown => {}
            ended = &mut self.serving => {
                ended.map_err(|panic| ServeError::Closed(io::Error::other(panic)))??;
                return Err(ServeError::Closed(io::ErrorKind::NotConnected.into()));
            }
        }
        self.stop.send_replace(true);
        let closed = timeout(drain, self.all_closed()).await.unwrap_or_else(|_| {
            let calls = self.under_way.count();
            tracing::warn!(calls, drain_s = drain.as_secs(), "calls were cut off at the end");
            false
        });
        if closed {
            return Ok(());
        }
        // tonic waits for each connection to end by itself; one that is silent never does.
        self.cut.send_replace(true);
        if timeout(LEAVE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
        Ok(())
    }

    /// Waits until no call is under way and connections had the time to take leave; tells
    /// whether all did.
    async fn all_closed(&mut self) -> bool {
        loop {
            self.under_way.none().await;
            if timeout(LEAVE, &mut self.serving).await.is_ok() {
                return true;
            }
            if self.under_way.count() == 0 {
                return false;
            }
        }
    }
}
