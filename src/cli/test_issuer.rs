//! `test-issuer`.

use std::{path::PathBuf, process::ExitCode};

use serde_json::Value;
use time::Duration;

use crate::{
    app::{Clock, SystemClock},
    auth::{TEST_AUDIENCE, TEST_ISSUER, TestIssuer},
    cli::{Failure, say},
};

/// What to do with the issuer.
#[derive(Debug, clap::Subcommand)]
pub(super) enum TestIssuerCommand {
    /// Makes a key in a folder, and prints the section of the settings that takes its tokens.
    New {
        /// The folder of the key; made where it is not there.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Prints a token with these claims, and nothing else.
    ///
    /// Issuer, audience and times are filled in where the claims do not say them, and so are the
    /// `oid` and, but for an application, the `scp` that Entra's tokens have.
    Sign {
        /// The folder of the key.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The claims, as `{"NAVident": "Z990001", "groups": ["9601-CA-tiltak"]}`.
        #[arg(long, value_name = "JSON", value_parser = parse_claims)]
        claims: Value,
        /// How long it is good for, 1-1440 minutes.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=1440))]
        minutes: i64,
    },
}

/// Makes an issuer, or a token of one.
pub(super) fn test_issuer(command: &TestIssuerCommand) -> Result<ExitCode, Failure> {
    match command {
        TestIssuerCommand::New { folder } => {
            let key_set = std::path::absolute(TestIssuer::create(folder)?)?;
            say(section(&key_set.display().to_string()).trim_end());
        }
        TestIssuerCommand::Sign { folder, claims, minutes } => {
            let now = SystemClock.now().to_datetime();
            let issuer = TestIssuer::open(folder)?;
            say(issuer.token(claims, Duration::minutes(*minutes), now)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_claims(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Settings that take its tokens as those of Entra ID are.
fn section(key_set: &str) -> String {
    format!(
        r#"# For development and tests only: whoever can read the folder of this key is anybody.
[[issuer]]
name = "test"
kind = "entra"
issuer = "{TEST_ISSUER}"
audience = "{TEST_AUDIENCE}"
jwks_file = {key_set:?}

# An adviser of a NAV office, by the number in the name of the group.
[[issuer.grant]]
group = "<office>-CA-tiltak"
role = "office"
organisation = "<office>"
employer = "state"

# A county's or NAV region's adviser.
[[issuer.grant]]
group = "<region>-CA-tiltak"
role = "county"
organisation = "<region>"

# Another system.
[[issuer.grant]]
app_role = "access_as_application"
role = "service"
organisation = "test"
"#
    )
}
