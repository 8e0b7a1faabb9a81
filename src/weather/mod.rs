//! The weather of many cities: a client that asks an upstream for all of them at once, and a gateway that does it over
//! HTTP for many clients.
//!
//! ```text
//!  handloom weather              handloom gateway
//!        │                  GET /weather?city=A&city=B
//!        │                          │ each city
//!        │              shared_upstream: concurrency limit
//!        │                          │
//!        │               singleflight: equal calls are one
//!        └───────────┬──────────────┘
//!                 upstream: one HTTP request for one city
//!                    │      to any server that answers as `OpenWeatherMap` does, or to `embedded`
//!                 report: reads the response ──► answer: known, unknown, failed, timed out
//! ```
//!
//! Reading order: `answer`, `report`, `upstream` (the client), `singleflight`, `shared_upstream`, [`gateway`] (the
//! server). `embedded` is an upstream in this process, to try all this without a network.
//!
//! **Source**: `OpenWeatherMap`, "Current weather data", API 2.5.

mod answer;
mod embedded;
pub mod gateway;
mod report;
mod shared_upstream;
mod singleflight;
mod upstream;

pub use answer::{Answer, Weather};
pub use embedded::{EMBEDDED_CITIES, Embedded, EmbeddedCity, find_city};
pub use report::{ReportError, parse_report};
pub use shared_upstream::SharedUpstream;
pub use singleflight::Singleflight;
pub use upstream::{
    AppId, AskedCity, CITIES, Endpoint, EndpointError, MOST_AT_ONCE, Upstream, ask_all,
};
