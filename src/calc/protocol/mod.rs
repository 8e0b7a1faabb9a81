//! The calculator's wire as pure functions of bytes: framing, parsing and exact arithmetic, without input or output.
//!
//! A server that mixes reading a socket with cutting lines can be tested only through sockets, and each of
//! the seven models would cut its lines a little differently. Here a model hands over whatever bytes it has
//! and sends whatever bytes it gets back; every test of the wire runs without a listener and without a clock.
//!
//! Reading order: [`Session`] (framing, and what a connection remembers) → `message` (one line) → `plain` (the
//! short way for small integers) → [`Decimal`] (exact numbers) → `sum` and [`Product`].
//!
//! **Left out**: division, and a product faster than the schoolbook's. Karatsuba would save seconds on
//! messages of a megabyte, but it does not stop half-way as readily.

mod message;
mod number;
mod op;
mod plain;
mod product;
mod session;
mod sum;

pub use number::{Decimal, MAX_EXPONENT, NumberError};
pub use op::{Op, ParseOpError};
pub use product::Product;
pub use session::{OUT_HIGH_WATER, Session, State};
