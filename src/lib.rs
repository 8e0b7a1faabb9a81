//! Handloom: a laboratory of concurrency in Rust, woven by hand.

pub mod aio;
pub mod calc;
pub mod generator;
pub mod os;
pub mod processes;
pub mod rt;
pub mod threads;
