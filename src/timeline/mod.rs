//! One workload in every model on one time scale, and the record of what an event loop did.
//!
//! Problem: a program that computes in its event loop looks like a slow network. Here all that runs leaves notes of it.
//!
//! ```text
//!  ways: threads, processes, GIL ──┐ states, Sends, Receives
//!                                  ├──► Recorder (shared memory) ──► Trace ──┬─► picture: SVG, and a page around it
//!  observer: loops and pools ──────┘ states, Due                             └─► trace_json: for Perfetto
//! ```

mod observer;
mod picture;
mod recorder;
mod trace;
mod trace_json;
mod ways;

pub use observer::{LoopObserver, watch_workers};
pub use picture::{figures_table, page, picture};
pub use recorder::{Event, Lane, Recorder, What};
pub use trace::{Place, Row, Span, Trace};
pub use trace_json::trace_json;
pub use ways::run_all;
