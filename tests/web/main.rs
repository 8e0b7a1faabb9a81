//! HTTP on sockets: the clients and the server.

mod client_connections;
mod client_dial;
mod client_faults;
mod client_requests;
#[path = "../support/http_client.rs"]
mod http_client;
#[path = "../support/many_at_a_time.rs"]
mod many_at_a_time;
mod served;
mod server_crowd;
mod server_deadlines;
mod server_requests;
#[path = "../support/virtual_time.rs"]
mod virtual_time;
#[path = "../support/web_upstream.rs"]
mod web_upstream;
