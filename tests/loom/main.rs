//! The locks of the library under a model checker, which tries every order in which threads can take turns.
//!
//! `RUSTFLAGS='--cfg model_check' CARGO_TARGET_DIR=target/model_check cargo test --test loom` runs it; without that
//! flag this program is empty.
#![cfg(model_check)]

mod jobs_slot;
mod threads;
