//! The pages of the notes whose blocks of Rust are programs of their own. `cargo test --doc notes` compiles and runs
//! them; `tests/notes` sees to it that no page is forgotten. `src/lib.rs` includes this file for that purpose only.

#[doc = include_str!("01-processes.md")]
mod processes {}

#[doc = include_str!("02-threads.md")]
mod threads {}

#[doc = include_str!("03-synchronisation.md")]
mod synchronisation {}

#[doc = include_str!("04-gil.md")]
mod gil {}

#[doc = include_str!("05-sockets.md")]
mod sockets {}

#[doc = include_str!("06-select.md")]
mod select {}

#[doc = include_str!("07-iterators-and-generators.md")]
mod iterators_and_generators {}

#[doc = include_str!("08-coroutines.md")]
mod coroutines {}

#[doc = include_str!("09-event-loop.md")]
mod event_loop {}

#[doc = include_str!("11-vocabulary.md")]
mod vocabulary {}

#[doc = include_str!("12-tasks.md")]
mod tasks {}

#[doc = include_str!("13-context-managers.md")]
mod context_managers {}

#[doc = include_str!("14-gateway.md")]
mod gateway {}

#[doc = include_str!("15-green-threads.md")]
mod green_threads {}

#[doc = include_str!("16-which.md")]
mod which {}
