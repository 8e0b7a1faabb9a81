//! The calculator: one wire, spoken by a server in every concurrency model.
//!
//! Read `number`, `session` and `conversation`, which know no socket; `blocking` and the models `sequential`, `threads`,
//! `pool`, `prefork`; `callback_loop` and `callbacks`; the module [`generator`](crate::generator) and `generators`; after
//! `rt` and `aio`, `asynchronous`. Works are `config`, `limits` (accepting when descriptors run out), `readiness` (a
//! client on a socket that never blocks), `shutdown`, and `model` (the models by name).

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
