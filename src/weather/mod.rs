//! The weather of many cities: asked of an upstream all at once, and the same behind a gateway that strangers use.
//!
//! ```text
//!  handloom weather              handloom gateway
//!        │                  GET /weather?city=A&city=B
//!        │                          │ each city
//!      many                       desk ── flights: equal calls are one ── cap on calls
//!        └───────────┬──────────────┘
//!                 upstream: one city, one request ──► any that answers as `OpenWeatherMap` does,
//!                    │                                or the embedded one of world and embedded
//!                 report: what the answer says ──► answer: known, unknown, failed, timed out
//! ```
//!
//! Reading order: `answer` and `report` (what there is to know of a city) → `endpoint` and `upstream` (asking for one)
//! → `many` (for several) → `flights` and `desk` (for several strangers) → `entry` and `gateway` (over HTTP), and
//! `access_log` beside it. `world` and `embedded` are the other side, for those who have no network.
//!
//! **Left out**: a cache. Weather that is a minute old would do, but the sharing of calls in flight would not be seen.
//!
//! **Source**: `OpenWeatherMap`'s "Current weather data", API 2.5.

mod access_log;
mod answer;
mod desk;
mod embedded;
mod endpoint;
mod entry;
mod flights;
pub mod gateway;
mod many;
mod report;
mod upstream;
mod world;

pub use access_log::log_line;
pub use answer::{Answer, Weather};
pub use desk::Desk;
pub use embedded::Embedded;
pub use endpoint::{AppId, Endpoint, EndpointError};
pub use entry::{entry, entry_status, list};
pub use flights::Flights;
pub use many::{Asked, CITIES, Order, ask_all};
pub use report::{ReportError, parse_report};
pub use upstream::Upstream;
pub use world::{PLACES, Place, find_place};
