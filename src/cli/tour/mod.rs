//! `handloom tour`: the course's five tasks and the gateway, one after another, with what to look at.
//!
//! Read `part` (what a part of the tour is), `guide` (how it goes from part to part, and what it leaves behind), then
//! the parts: `conversation`, `programs`, `gateway`.

mod conversation;
mod gateway;
mod guide;
mod part;
mod programs;

pub(crate) use guide::SUBCOMMAND;
