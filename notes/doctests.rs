//! The pages of the notes whose blocks of Rust are programs of their own. `cargo test --doc notes` compiles and runs
//! them; `tests/notes` checks that no page is forgotten. `src/lib.rs` includes this file for that purpose only.

#[doc = include_str!("04-gil.md")]
mod gil {}

#[doc = include_str!("10-futures.md")]
mod futures {}

#[doc = include_str!("13-tasks.md")]
mod tasks {}

#[doc = include_str!("memory-ordering.md")]
mod memory_ordering {}
