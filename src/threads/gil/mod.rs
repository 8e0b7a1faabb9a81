//! A model of `CPython`'s global interpreter lock: a thread must hold this one lock while it interprets.
//!
//! Problem: an interpreter's objects are not made for two threads at once, and a lock for each object costs a program of
//! one thread more than it gives. So there is one lock for all; and then its holder must be made to release it.
//!
//! Read `lock` first, the hand-over; then `interpreter`, which checks the lock where a real one does. What it means for
//! programs is shown by `handloom lab gil`, and explained in `notes/04-gil.md`.

mod interpreter;
mod lock;

pub use interpreter::{COUNT, COUNT_WITH_CALL, Interpreter, Op};
pub use lock::{Gil, Held, SWITCH_INTERVAL};
