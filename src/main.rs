//! The program `handloom`; all of it is in the library, under `cli`.

use std::process::ExitCode;

/// Runs what the command line says.
fn main() -> ExitCode {
    handloom::cli::main()
}
