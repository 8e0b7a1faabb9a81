//! The calculator: one wire, spoken by a server in every concurrency model.
//!
//! Reading order:
//! - `number` and `session`: bytes in, replies out, exact. `config`: what a server can be told.
//! - `conversation`: what a connection waits for next, and until when; no socket. All models share it.
//! - Works, behind the rest: `limits` (accepting when descriptors run out) and `shutdown` (how connections and
//!   servers end).
//! - `blocking`: a client on a thread that may block; then the models `sequential`, `threads`, `pool`, `prefork`.
//! - `readiness`: a client on a socket that never blocks; then `callback_loop` and `callbacks`; then the module
//!   [`generator`](crate::generator) and `generators`.
//! - `asynchronous`: a client in a task. Read `rt` and `aio` first.
//! - `model`: the models by name.

mod asynchronous;
mod blocking;
mod callback_loop;
mod callbacks;
mod config;
mod conversation;
mod generators;
mod limits;
mod model;
mod number;
mod pool;
mod prefork;
mod readiness;
mod sequential;
mod session;
mod shutdown;
mod threads;

pub use config::{Config, Ready};
pub use conversation::{Conversation, LINGER, Next, READ_BYTES};
pub use model::{Model, serve};
pub use number::{Decimal, MAX_EXPONENT, NumberError};
pub use session::{MAX_PRODUCT_BYTES, OUT_HIGH_WATER, Op, Session, SessionState};
