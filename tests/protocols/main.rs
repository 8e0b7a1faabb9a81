//! HTTP and JSON on byte slices, and the tables of a report: everything that never sees a socket.

mod bodies;
mod cut;
mod heads;
mod http_addresses;
mod http_bodies;
mod http_encode;
mod http_heads;
mod http_verdicts;
mod json_values;
mod report_text;
