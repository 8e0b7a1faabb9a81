//! Handloom: a laboratory of concurrency in Rust, woven by hand.

pub mod calc;
