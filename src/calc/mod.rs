//! The calculator: one wire, spoken by a server in every concurrency model.
//!
//! All models share [`Session`]: it takes bytes, gives bytes, and never sees a socket. What is left to a model
//! is only the question of this laboratory: which thread, process or task waits for which client, and how.
//!
//! Reading order: `number` and `session`; `config`, `model` (what they have in common), `acceptor` and `blocking` (taking clients in,
//! serving one) and `farewell` (how that ends), then the models that block: `sequential`, `threads`, `pool`, `prefork`. Then `door`,
//! `socket` and `nonblocking`, the same without blocking, and the models on them: `generators`, `callbacks`.
//! At last `asynchronous` and `async_client`.

mod acceptor;
mod async_client;
mod asynchronous;
mod blocking;
mod callback_loop;
mod callbacks;
mod config;
mod door;
mod farewell;
mod generators;
mod model;
mod nonblocking;
mod number;
mod open_streams;
mod pool;
mod prefork;
mod sequential;
mod session;
mod shared;
mod socket;
mod threads;

pub use config::Config;
pub use model::{Model, ParseModelError, Ready, serve, serve_and_tell};
pub use number::{Decimal, MAX_EXPONENT, NumberError};
pub use session::{MAX_PRODUCT_BYTES, OUT_HIGH_WATER, Op, ParseOpError, Session, SessionState};
