//! What a server does with the two numbers of a message.
//!
//! Chosen once, when the server starts. A client cannot choose: its message is two numbers and nothing else, as
//! the course's clients send it.
//!
//! **Left out**: difference and quotient. A difference is a sum with a sign; a quotient need not have an end
//! (`1 3`), so it would need a rule for rounding, and the replies would no longer be exact.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The operation that a server applies to every message; `--op` on the command line.
///
/// The sum is what the course's server answers, hence the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Op {
    /// Adds the two numbers.
    #[default]
    Sum,
    /// Multiplies the two numbers.
    Product,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sum => "sum",
            Self::Product => "product",
        })
    }
}

impl FromStr for Op {
    type Err = ParseOpError;

    /// Reads the name that `Display` writes; no other spelling, as with every option of the program.
    fn from_str(name: &str) -> Result<Self, ParseOpError> {
        match name {
            "sum" => Ok(Self::Sum),
            "product" => Ok(Self::Product),
            _ => Err(ParseOpError),
        }
    }
}

/// The name is not that of an operation.
///
/// It does not repeat the name: the command line, which has it, also knows which option it stood at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOpError;

impl fmt::Display for ParseOpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected sum or product")
    }
}

impl Error for ParseOpError {}
