//! The program: one binary for the service, its tools and its demonstration.

use std::process::ExitCode;

fn main() -> ExitCode {
    tiltaksplass::cli::main()
}
