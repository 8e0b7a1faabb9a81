//! One workload in every model on one time scale, and the record of what an event loop did.
//!
//! Problem: a program that waits looks like one that has nothing to do, and a program that computes in its event loop
//! looks like a slow network. Here each thread, process and task leaves a note whenever it changes its state, and the
//! notes become a picture.
//!
//! ```text
//!  threads, processes, GIL ──┐ Enters
//!                            ├────► Recorder (shared memory) ──► Trace ──┬─► picture: SVG, and a page around it
//!  the loop's observer ──────┘ Woken, Polled, Waits                      └─► trace_json: for Perfetto
//! ```
//! Read `event` (what is noted), `recorder` (where; and the loop's notes), `workers` (the notes of pools), `trace` (states, arrows and lateness made of them); then `workload` and `ways` (the same jobs in six ways), and the views: `picture`, `page`, `trace_json`.

mod event;
mod page;
mod picture;
mod recorder;
mod trace;
mod trace_json;
mod ways;
mod workers;
mod workload;

pub use event::{Event, Lane, LaneId, LaneKind, State, What};
pub use page::{figures_table, page};
pub use picture::picture;
pub use recorder::{LoopObserver, Recorder, Recording};
pub use trace::{Arrow, Row, Span, Trace};
pub use trace_json::{trace_json, traces_json};
pub use ways::{Strip, Way, run_all};
pub use workers::Workers;
pub use workload::Workload;
