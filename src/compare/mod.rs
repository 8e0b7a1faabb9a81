//! One load against every server model: the measuring room.
//!
//! A server is as fast as whoever asks it, so the first thing here is a client that costs less than any
//! server does. The second is a way to start each server alone, on a processor of its own, and to ask the
//! kernel afterwards what it used; for where the client is the limit, requests per second say nothing, and
//! processor time per request still does.
//!
//! Reading order: `script` (what is asked), `histogram` (how long it took), `load`, `run` and `conversation`
//! (the client), `idle` (the client that says nothing). Then `usage` (what the kernel knows of a server),
//! `server` (a server as a child process), `contest` (all of them, one after another), and what is made
//! of it: `table`, `chart`, `record`.

mod chart;
mod contest;
mod conversation;
mod histogram;
mod load;
mod record;
mod run;
mod script;
mod server;
mod table;
mod usage;

pub use chart::{chart, page};
pub use contest::{Contest, Entry, Machine, Outcome, Row, Stage};
pub use histogram::Histogram;
pub use load::{End, Load, MAX_DEPTH, Moment, Report};
pub use record::to_json;
pub use server::{Entrant, Server};
pub use table::table;
pub use usage::Usage;
