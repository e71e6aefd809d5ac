//! The command line.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

pub mod call;
pub mod defaults;
pub mod demo;
pub mod import;
mod keys;
mod place;
mod serve;
mod steered;
mod test_issuer;
mod token;
mod verify;

use call::CallArgs;
use keys::Step;
use place::PlaceArgs;
use test_issuer::TestIssuerCommand;

/// Shares out measure places (tiltaksplasser): waitlists, allocation and fair share, as a gRPC
/// service over PostgreSQL.
///
/// New here? `tiltaksplass demo` shows everything in a minute, `tiltaksplass dev` is a service
/// with sample data to try calls on. `tiltaksplass serve` starts the service; without a database
/// URL it runs a PostgreSQL of its own in the data folder.
#[derive(Parser)]
#[command(name = "tiltaksplass", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the service until it is stopped (Ctrl-C or SIGTERM).
    ///
    /// The first line on standard output says where it listens. Everybody who calls needs a
    /// token: `tiltaksplass token --role county --org NO-50` prints one.
    Serve {
        /// Where to listen; port 0 takes a free one.
        #[arg(
            long,
            value_name = "ADDR:PORT",
            env = "TILTAKSPLASS_LISTEN",
            default_value = "127.0.0.1:8137"
        )]
        listen: std::net::SocketAddr,
        /// A file with settings: whose tokens count, and what others are asked.
        #[arg(long, value_name = "FILE", env = "TILTAKSPLASS_CONFIG")]
        config: Option<PathBuf>,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Brings a database to this version; `serve` does the same when it starts.
    Migrate {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Reads a registry from files in a folder and sends it to the service.
    ///
    /// Files, all optional, UTF-8 with a header line: areas.csv, municipalities.csv, offices.csv,
    /// `measure_types.csv`, providers.csv, `distribution_weights.csv`, `composite_keys.csv`,
    /// `host_agreements.csv` (`host_municipality_number`, `municipality_number`, kind, `valid_from`,
    /// `valid_to`), holidays.csv; and `measure_types.json`, an array of measure types with all their
    /// rules, as `call` writes them.
    /// All or nothing: every bad row is named, by file and line. Needs a token of the directorate.
    ///
    /// `--defaults` sends Norway's measure types and public holidays instead, which come with the
    /// program; sent again they change nothing.
    Import(import::ImportArgs),
    /// Prints an access token of this data folder's own issuer, and nothing else.
    Token(token::TokenArgs),
    /// Makes an issuer of tokens like Entra ID's, and tokens of it. For development and tests only.
    #[command(subcommand)]
    TestIssuer(TestIssuerCommand),
    /// Checks a database whole: hashes, decisions made again, tables, invariants.
    ///
    /// Works beside a running service. The exit code is 1 when something is wrong.
    Verify {
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Shows what the service does, on the figures of the Trondheim audit, in about a minute.
    Demo {
        /// Where to keep what it makes; a new folder below the temporary one by default.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// An empty PostgreSQL 15 or later to run on instead of one of its own.
        #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
        database_url: Option<String>,
    },
    /// Runs the service with sample data in it, for those who write a client.
    ///
    /// It prints a token for each role and calls to copy, and runs until it is stopped (Ctrl-C
    /// or SIGTERM). Every person in it is made up. The database is always one of its own.
    Dev {
        /// Where to listen; port 0 takes a free one.
        #[arg(
            long,
            value_name = "ADDR:PORT",
            env = "TILTAKSPLASS_LISTEN",
            default_value = "127.0.0.1:8137"
        )]
        listen: std::net::SocketAddr,
        /// Where to keep the data; by default a new folder, removed at the end.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    Call(CallArgs),
    /// Changes the main key while the service runs.
    ///
    /// `keys rotate` adds a new version, waits until every running service knows it, makes it the
    /// one that is written under, and waits until everybody is sealed and found under it. `keys
    /// retire` then takes the old key out of the file. All of it may be interrupted and run again.
    /// Where replicas have copies of the key file, each change is copied to them.
    Keys {
        #[command(subcommand)]
        step: Step,
    },
    /// Runs the service for `demo`, which puts its clock forward through a pipe.
    #[command(hide = true)]
    DemoService {
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(format!("the program could not start: {error}")),
    };
    runtime.block_on(run(cli.command))
}

async fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Call(args) => return call::call(args).await,
        Command::Serve { listen, config, place } => {
            serve::serve(listen, config.as_deref(), &place).await
        }
        Command::Migrate { place } => serve::migrate(&place).await,
        Command::Import(args) => import::import(&args).await,
        Command::Keys { step } => keys::take(&step).await,
        Command::Token(args) => token::token(&args),
        Command::TestIssuer(command) => test_issuer::test_issuer(&command),
        Command::Verify { place } => verify::verify(&place).await,
        Command::Demo { data_dir, database_url } => demo::demo(data_dir, database_url).await,
        Command::Dev { listen, data_dir } => demo::dev::dev(listen, data_dir).await,
        Command::DemoService { place } => steered::serve_steered(&place).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => fail(error),
    }
}

/// Says what went wrong, and what to do next, on standard error.
#[allow(clippy::print_stderr, reason = "this is the command line")]
fn fail(error: impl std::fmt::Display) -> ExitCode {
    eprintln!("tiltaksplass: {error}");
    ExitCode::FAILURE
}

/// Says something on standard output. Whoever has closed it does not want to know.
fn say(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What a command may fail with: a sentence that says what to do next.
type Failure = Box<dyn std::error::Error + Send + Sync>;
