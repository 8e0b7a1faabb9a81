//! A worker's life: one job after another, until the pool closes.
//!
//! **Invariants**
//! - `WORKER-1`: a worker holds one job at a time: one that was taken ahead would wait behind a long one while
//!   another worker is idle, and could not be cancelled.

use std::sync::Arc;

use super::shared::Shared;

/// Runs jobs until the pool closes and none is left.
pub(super) fn work(shared: &Arc<Shared>, number: usize) {
    while let Some(job) = shared.next_job(number) {
        job.run();
    }
}
