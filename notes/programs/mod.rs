//! The programs of the chapters: each three times, in Python, on Handloom and on tokio.
//!
//! `cargo run --example programs -- NAME` runs the two that are in Rust, `python3 notes/programs/NAME/python.py` the
//! third, and `diff -U0 notes/programs/NAME/handloom.rs notes/programs/NAME/tokio.rs` prints the lines that differ.

use std::error::Error;

/// Makes the modules of the programs, and the table of their names.
macro_rules! programs {
    ($($name:ident)*) => {
        $(
            mod $name {
                pub(super) mod handloom;
                pub(super) mod tokio;
            }
        )*

        /// The name of each program, and how to run it on Handloom and on tokio.
        pub(crate) const PROGRAMS: &[(&str, Run, Run)] = &[$((
            stringify!($name),
            || $name::handloom::main().result(),
            || $name::tokio::main().result(),
        )),*];
    };
}

/// Runs a program.
pub(crate) type Run = fn() -> Result<(), Box<dyn Error>>;

/// What a program's `main` may return.
trait Outcome {
    /// Turns it into a result.
    fn result(self) -> Result<(), Box<dyn Error>>;
}

impl Outcome for () {
    fn result(self) -> Result<(), Box<dyn Error>> {
        Ok(self)
    }
}

impl<E: Into<Box<dyn Error>>> Outcome for Result<(), E> {
    fn result(self) -> Result<(), Box<dyn Error>> {
        self.map_err(Into::into)
    }
}

programs! {
    child pool counter compute sockets select totals countdown promise count heart request naps fetch goodbye gateway
    pingpong factorial
}
