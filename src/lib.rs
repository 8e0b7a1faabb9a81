//! Handloom: a laboratory of concurrency in Rust, woven by hand.

pub mod aio;
pub mod calc;
pub mod cli;
pub mod compare;
pub mod generator;
pub mod labs;
pub mod os;
pub mod processes;
pub mod rt;
pub mod threads;
