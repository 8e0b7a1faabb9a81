//! JSON, read strictly and written correctly: for what is measured, and for what servers say to one another.
//!
//! Reading order: [`Json`] (a value) → [`Number`] (exact, as text) → `reader` → `writer`.
//!
//! **Left out**: reading into types of the program, indentation, values that come in pieces.
//!
//! **Source**: RFC 8259.

mod number;
mod reader;
mod value;
mod writer;

pub use number::Number;
pub use reader::{Fault, JsonError, MOST_DEPTH};
pub use value::Json;
