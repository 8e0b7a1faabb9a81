//! JSON, read strictly and written correctly.
//!
//! Reading order: [`Json`] (a value, and how it is written) → [`Number`] (exact, as text) → `reader`.
//!
//! **Left out**: reading into types of the program, indentation, values that come in pieces.
//!
//! **Source**: RFC 8259.

mod number;
mod reader;
mod value;

pub use number::Number;
pub use reader::{JsonError, MOST_DEPTH};
pub use value::Json;
