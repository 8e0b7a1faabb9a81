//! What a server does with the two numbers of a message.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The operation that a server applies to every message; `--op` on the command line.
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
