//! Fetches many links over HTTP in three modes, to compare how they wait.
//!
//! ```text
//!                     ┌► sequential: one blocking client, one link after another
//! FetchPlan ── Mode ──┼► threads: the same client on the workers of a pool
//!                     └► async: a client on the event loop, one thread for all links
//!                            │ start, end
//!                            ▼
//!                         History ──► Log, one line for each event
//!                            └──────► FetchOutcome ──► show
//! ```
//! Reading order: `plan`, `log`, `history` (what happened and when), `shortage` (too few descriptors), `modes` (the
//! three ways to wait), `show` (the modes side by side).
//!
//! Without links, the program fetches a site of its own, [`site`].

mod history;
mod log;
mod modes;
mod plan;
mod shortage;
mod show;
pub mod site;

pub use history::{EventTime, FetchOutcome, LinkFetch, ResponseSummary};
pub use log::{Gate, Log};
pub use modes::fetch_links;
pub use plan::{FetchPlan, Mode, read_link, read_links};
pub use show::{failures, table, to_json};
pub use site::{EmbeddedSite, PAGES, Page, PageFraming, embed};
