//! The calculator: one wire, spoken by a server in every concurrency model.
//!
//! [`protocol`] is what all the models share: it takes bytes, gives bytes, and never sees a socket. What is
//! left to a model is only the question of this laboratory: who waits for which client, and how.

pub mod protocol;

pub use protocol::{OUT_HIGH_WATER, Op, ParseOpError, Session, State};
