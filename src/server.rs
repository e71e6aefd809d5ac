//! The port: layers, services, health, and an orderly end.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tonic::transport::{Server, server::TcpIncoming};

use crate::{
    app::App,
    auth::{AuthLayer, LocalIssuer},
    grpc::{Api, unauthenticated},
    proto::{
        FILE_DESCRIPTOR_SET,
        v1::{
            allocation_service_server::AllocationServiceServer,
            capacity_service_server::CapacityServiceServer,
            change_service_server::ChangeServiceServer,
            fair_share_service_server::FairShareServiceServer,
            registry_service_server::RegistryServiceServer,
            waitlist_service_server::WaitlistServiceServer,
        },
    },
    worker,
    write::Writer,
};

/// Calls under way on one connection.
const STREAMS_PER_CONNECTION: u32 = 100;
/// The largest header list, in bytes: room for the longest token and all that comes
/// with it.
const HEADERS_MAX: u32 = 12 * 1024;
/// The largest request, in bytes.
const REQUEST_MAX: usize = 256 * 1024;
/// The largest piece of an import, in bytes.
const IMPORT_PIECE_MAX: usize = 4 * 1024 * 1024;
/// How often a silent connection is asked whether it lives, and how long it may take to
/// answer.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));
/// How long calls under way have to finish at the end.
pub const DRAIN: Duration = Duration::from_secs(15);

/// Why the port could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The transport failed.
    #[error("the port failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The services could not describe themselves.
    #[error("reflection failed: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves until `shutdown` resolves, then lets what is under way finish.
pub async fn run(
    listener: TcpListener,
    app: App,
    issuer: Arc<LocalIssuer>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let (writer, lanes) = Writer::start(&app);
    let worker = tokio::spawn(worker::run(app.clone(), writer.clone()));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let served = serve(listener, &app, issuer, writer, stopped);
    let serving = tokio::spawn(served?);
    shutdown.await;
    // Whoever has called still waits for answers; nobody new is let in.
    stop.send_replace(true);
    let abort = serving.abort_handle();
    let result = match tokio::time::timeout(DRAIN, serving).await {
        Ok(Ok(result)) => result.map_err(ServeError::from),
        Ok(Err(_)) => Ok(()),
        Err(_) => {
            abort.abort();
            tracing::warn!(drain_s = DRAIN.as_secs(), "calls were still under way at the end");
            Ok(())
        }
    };
    worker.abort();
    drop(worker.await);
    if tokio::time::timeout(DRAIN, lanes.finish()).await.is_err() {
        tracing::warn!("the database did not take the last commands in time");
    }
    app.db.close().await;
    result
}

type Serving = Box<dyn Future<Output = Result<(), tonic::transport::Error>> + Send + Unpin>;

fn serve(
    listener: TcpListener,
    app: &App,
    issuer: Arc<LocalIssuer>,
    writer: Writer,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) -> Result<Serving, ServeError> {
    let clock = Arc::clone(&app.clock);
    let auth = AuthLayer::new(issuer, Arc::new(move || clock.now().to_datetime()), || {
        unauthenticated().into_http()
    });
    let api = Api::new(app.clone(), writer);
    let (reporter, health) = tonic_health::server::health_reporter();
    let end = async move {
        set_serving(&reporter).await;
        drop(stopped.wait_for(|stopped| *stopped).await);
        set_not_serving(&reporter).await;
    };
    let limited = REQUEST_MAX;
    let router = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_max_header_list_size(HEADERS_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .layer(auth)
        .add_service(health)
        .add_service(reflection_v1()?)
        .add_service(reflection_v1alpha()?)
        .add_service(
            RegistryServiceServer::new(api.clone()).max_decoding_message_size(IMPORT_PIECE_MAX),
        )
        .add_service(CapacityServiceServer::new(api.clone()).max_decoding_message_size(limited))
        .add_service(WaitlistServiceServer::new(api.clone()).max_decoding_message_size(limited))
        .add_service(AllocationServiceServer::new(api.clone()).max_decoding_message_size(limited))
        .add_service(FairShareServiceServer::new(api.clone()).max_decoding_message_size(limited))
        .add_service(ChangeServiceServer::new(api).max_decoding_message_size(limited));
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(Box::new(Box::pin(router.serve_with_incoming_shutdown(incoming, end))))
}

macro_rules! each_service {
    ($reporter:expr, $set:ident) => {{
        $reporter.$set::<RegistryServiceServer<Api>>().await;
        $reporter.$set::<CapacityServiceServer<Api>>().await;
        $reporter.$set::<WaitlistServiceServer<Api>>().await;
        $reporter.$set::<AllocationServiceServer<Api>>().await;
        $reporter.$set::<FairShareServiceServer<Api>>().await;
        $reporter.$set::<ChangeServiceServer<Api>>().await;
    }};
}

async fn set_serving(reporter: &tonic_health::server::HealthReporter) {
    each_service!(reporter, set_serving);
}

async fn set_not_serving(reporter: &tonic_health::server::HealthReporter) {
    reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    each_service!(reporter, set_not_serving);
}

/// What reflection tells about: our services, health, and the details of errors.
fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}

fn reflection_v1() -> Result<
    tonic_reflection::server::v1::ServerReflectionServer<
        impl tonic_reflection::server::v1::ServerReflection,
    >,
    tonic_reflection::server::Error,
> {
    reflection().build_v1()
}

fn reflection_v1alpha() -> Result<
    tonic_reflection::server::v1alpha::ServerReflectionServer<
        impl tonic_reflection::server::v1alpha::ServerReflection,
    >,
    tonic_reflection::server::Error,
> {
    reflection().build_v1alpha()
}
