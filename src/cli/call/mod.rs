//! `tiltaksplass call`: one RPC from the command line, without another tool.
//!
//! The descriptors travel inside the binary, so neither server reflection nor proto
//! files are needed. What is shown is `ProtoJSON`, in and out; a refusal is shown the
//! same way, with its details spelled out.

mod catalog;
mod client;
mod codec;
mod input;
mod raw;
mod status;

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use prost_reflect::DynamicMessage;
use tonic::Code;

pub use client::DynamicClient;
pub use raw::RawCodec;
pub use status::CallError;

/// Shown under `--help`: examples that work against a service just started.
const EXAMPLES: &str = r#"Examples:
  Is the service up?
    tiltaksplass call Health/Check

  What is free in a ledger? Fields are named in camelCase or as in the proto:
    tiltaksplass call CapacityService/GetAvailability \
      -d '{"ledger": {"countyId": "NO-50", "measureCode": "VTA"}}'

  A long request from a file, a stream of requests from another program:
    tiltaksplass call WaitlistService/JoinWaitlist -d @join.json
    make-rows | tiltaksplass call RegistryService/ImportRegistry -d -

  What can be called? A service alone lists its methods, an unknown one all services:
    tiltaksplass call CapacityService

The exit code is 0 when the service answered OK, and 1 otherwise; then standard error
holds one JSON object: {"code": "FAILED_PRECONDITION", "message": …, "details": […]}."#;

/// Calls one method of the service and prints the answer as JSON.
///
/// A single answer is printed over several lines; a stream of answers is printed as it
/// comes, one JSON object a line.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CallArgs {
    /// What to call, as `CapacityService/GetAvailability` or
    /// `tiltaksplass.v1.CapacityService/GetAvailability`; an unknown name lists what there is.
    #[arg(value_name = "SERVICE/METHOD")]
    method: String,

    /// The request as JSON, `@FILE` to read it from a file, or `-` for standard input.
    ///
    /// A method that takes a stream of requests takes JSON objects one after another, or
    /// one JSON array of them. Without -d an empty request is sent. A field the request
    /// does not have is an error.
    #[arg(short, long, value_name = "JSON")]
    data: Option<String>,

    /// Where the service listens.
    #[arg(
        long,
        value_name = "http://HOST:PORT",
        env = "TILTAKSPLASS_ADDR",
        default_value = "http://127.0.0.1:8137"
    )]
    addr: String,

    /// The access token that says who is calling, sent as `authorization: Bearer TOKEN`.
    ///
    /// Prefer the environment variable: arguments show in the list of processes.
    #[arg(long, value_name = "TOKEN", env = "TILTAKSPLASS_TOKEN", hide_env_values = true)]
    token: Option<Token>,

    /// As whom, if the token lets the caller be several: a role and an organisation.
    #[arg(long, value_name = "office:9601", env = "TILTAKSPLASS_ACTING_AS")]
    acting_as: Option<String>,

    /// How long to wait for the whole answer, in seconds; 0 waits without end.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(0..=86_400)
    )]
    timeout: u64,
}

/// An access token that stays out of debug output and so out of logs.
#[derive(Clone)]
struct Token(String);

impl FromStr for Token {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Runs the subcommand: the answer goes to standard output, a failure to standard error.
pub async fn call(args: CallArgs) -> ExitCode {
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // When standard error is closed too, the exit code still tells.
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Checks everything that can be checked here before it connects.
async fn run(args: &CallArgs) -> Result<(), CallError> {
    let method = catalog::find_method(&args.method)?;
    let text = input::read(args.data.as_deref()).await?;
    let requests = input::requests(&method, &text)?;

    let timeout = (args.timeout > 0).then(|| Duration::from_secs(args.timeout));
    let token = args.token.as_ref().map(|token| token.0.as_str());
    let mut client = DynamicClient::connect_within(&args.addr, token, timeout).await?;
    if let Some(whom) = &args.acting_as {
        client.act_as(whom)?;
    }

    let pretty = !method.is_server_streaming();
    client.exchange(&method, requests, |answer| print(answer, pretty)).await
}

/// Prints one answer and flushes it, so that a stream can be followed through a pipe.
///
/// Serializes the message itself and not a JSON value made of it, which keeps the
/// fields in the order of the proto file.
fn print(answer: &DynamicMessage, pretty: bool) -> Result<ControlFlow<()>, CallError> {
    let json =
        if pretty { serde_json::to_string_pretty(answer) } else { serde_json::to_string(answer) };
    let json = json.map_err(|error| client::unreadable_answer(&error))?;

    let mut out = io::stdout().lock();
    match writeln!(out, "{json}").and_then(|()| out.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        // The reader, `head` for example, has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(CallError::new(
            Code::Aborted,
            format!("The service answered, but the answer could not be written: {error}."),
        )),
    }
}
