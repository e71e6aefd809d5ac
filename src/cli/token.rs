//! `token`.

use std::{path::PathBuf, process::ExitCode};

use time::Duration;

use crate::{
    app::{Clock, SystemClock},
    auth::TokenRequest,
    cli::{
        Failure,
        place::{PlaceArgs, issuer},
        say,
    },
    domain::{
        access::{Employer, Role},
        protection::Protection,
    },
};

/// Whom a token names, and for whom they act.
#[derive(Debug, clap::Args)]
pub(super) struct TokenArgs {
    /// directorate, county, office, municipality, provider, service or auditor.
    #[arg(long)]
    role: Role,
    /// For whom: an area (NO-50), an office number, a municipality number, an organisation
    /// number, or a system's name.
    #[arg(long, value_name = "ORG")]
    org: String,
    /// Who: a name that is the same every time. Four eyes are two subjects.
    #[arg(long, default_value = "local")]
    subject: String,
    /// Who employs an office's worker: `state`, or `municipal:1601`.
    #[arg(long, value_parser = parse_employer)]
    employer: Option<Employer>,
    /// A name to show to auditors; no right follows from it.
    #[arg(long)]
    name: Option<String>,
    /// They lead their office, and give access there.
    #[arg(long)]
    leader: bool,
    /// Of which protected people they may see who they are: `STRENGT_FORTROLIG_UTLAND`,
    /// `STRENGT_FORTROLIG`, FORTROLIG or SKJERMET; once for each.
    #[arg(long, value_name = "KIND")]
    clearance: Vec<Protection>,
    /// How long it is good for, 1-24 hours.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(i64).range(1..=24))]
    hours: i64,
    /// The data folder whose issuer signs it: that of the service.
    #[arg(long, value_name = "DIR", env = "TILTAKSPLASS_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

/// Prints a token.
pub(super) fn token(args: &TokenArgs) -> Result<ExitCode, Failure> {
    let place = PlaceArgs {
        data_dir: args.data_dir.clone(),
        database_url: None,
        migrate_database_url: None,
        postgres_bin: None,
        no_download: true,
    };
    let request = TokenRequest {
        subject: args.subject.clone(),
        role: args.role,
        organisation: args.org.clone(),
        employer: args.employer.clone(),
        name: args.name.clone(),
        leads_office: args.leader,
        clearances: args.clearance.clone(),
        identity_number: None,
        lifetime: Duration::hours(args.hours),
    };
    let issuer = issuer(&place.folder()?)?;
    say(issuer.mint(&request, SystemClock.now().to_datetime())?);
    Ok(ExitCode::SUCCESS)
}

fn parse_employer(text: &str) -> Result<Employer, String> {
    match text.split_once(':') {
        None if text == "state" => Ok(Employer::State),
        Some(("municipal", number)) => {
            Ok(Employer::Municipal { municipality_number: number.into() })
        }
        _ => Err("must be `state`, or `municipal:` and a municipality number".to_owned()),
    }
}
