//! `handloom tour`: the course's five tasks and the gateway, one after another, with what to look at.
//!
//! Read `part` (what a part of the tour is), `guide` (how it goes from part to part, and what it leaves behind), then
//! the parts in their order: `conversation`, `models`, `fetching`, `factorials`, `watching`, `gateway`.

mod conversation;
mod factorials;
mod fetching;
mod gateway;
mod guide;
mod models;
mod part;
mod watching;

pub(crate) use guide::SUBCOMMAND;
