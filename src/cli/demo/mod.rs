//! `demo`: the whole service on the audit's figures, over the real port.

use std::{path::PathBuf, process::ExitCode};

use crate::cli::Failure;

/// Shows what the service does.
pub(super) async fn demo(
    _data_dir: Option<PathBuf>,
    _database_url: Option<String>,
) -> Result<ExitCode, Failure> {
    Err("stub".into())
}
