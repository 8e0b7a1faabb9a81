//! A model of `CPython`'s global interpreter lock: one lock that every thread must hold while it interprets.
//!
//! Problem: an interpreter's objects are not made for two threads at once, and a lock for each of them costs
//! more than it gives to a program of one thread. So there is one lock for all; and then its holder has to be
//! brought to give it up.
//!
//! Read `lock` first, the hand-over; then `held`, a thread's side of it; then `interpreter`, which has the lock
//! looked at where a real one does. What it means for programs is shown by `handloom lab gil`, and told in
//! `notes/gil.md`.

mod held;
mod interpreter;
mod lock;

pub use held::Held;
pub use interpreter::{COUNT, COUNT_WITH_CALL, Interpreter, Op};
pub use lock::{Gil, SWITCH_INTERVAL};
