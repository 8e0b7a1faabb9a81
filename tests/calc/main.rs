//! The calculator: its numbers, its sessions, and the conversations of every model; and the generator loop.

mod blocking;
mod conversation;
#[path = "../support/conversations/mod.rs"]
mod conversations;
mod every_model;
mod generator_loop;
#[path = "../support/many_at_a_time.rs"]
mod many_at_a_time;
mod number;
mod readiness;
mod session;
