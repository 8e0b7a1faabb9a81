//! Handloom: a laboratory of concurrency in Rust, woven by hand.

pub mod aio;
pub mod calc;
pub mod os;
pub mod rt;
