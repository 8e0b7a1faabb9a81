//! Fetching: many pages at once, in three ways to wait.
//!
//! ```text
//!                 ┌► sequential ── one blocking client, one link after another
//! Order ── Mode ──┼► threads ───── the same client, on the workers of a pool
//!                 └► asynchronous ─ the client on the event loop, one thread for all
//!                        │ start, end
//!                        ▼
//!                     History ──► Log (a line each)      ──► Outcome ──► show
//! ```
//! Reading order: `order` (what is to be done) → `sequential` → `threads` → `asynchronous` → `history` (what happened,
//! and when) → `log` → `show` (the modes side by side). `shortage` is for those who have few descriptors, `digest` for
//! comparing bodies.
//!
//! What there is to fetch when nothing else is named is a site of our own: `pages` (what it has), [`site`] (who
//! answers what), `embedded` (the same on a thread of this process).

mod asynchronous;
mod digest;
mod embedded;
mod history;
mod log;
mod mode;
mod order;
mod pages;
mod sequential;
mod shortage;
mod show;
pub mod site;
mod threads;

pub use embedded::{EmbeddedSite, embed};
pub use history::{Answer, Moment, Trip};
pub use log::{Gate, Log};
pub use mode::Mode;
pub use order::{Order, Outcome};
pub use pages::{PAGES, Page, PageFraming};
pub use show::{failures, table, to_json};
