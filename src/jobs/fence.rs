//! The last fence around foreign code: a panic that nobody can be told of any more.
//!
//! Problem: a job's value may panic in its drop, and a waker when it is called; by then the job's handle is gone or has
//! its result. What is left to do is to keep the panic from whoever serves other jobs.
//!
//! **Source**: the worker loop of `rayon-core`, which ends the program instead.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

/// Calls foreign code whose panic nobody can be told of, for its handle is gone or has its result already. The panic
/// hook has told of it.
pub(crate) fn fenced(function: impl FnOnce()) {
    let mut outcome = panic::catch_unwind(AssertUnwindSafe(function));
    // A payload is a value of the job's, and its drop may panic as well, with another payload.
    while let Err(payload) = outcome {
        outcome = panic::catch_unwind(AssertUnwindSafe(|| drop::<Box<dyn Any + Send>>(payload)));
    }
}
