//! The program as a user starts it: one module for each subcommand, each start a process of its own.

mod arguments;
mod client;
mod compare;
mod compare_load;
mod defaults;
mod factorial;
mod fetch;
#[path = "../support/fetch_logs.rs"]
mod fetch_logs;
#[path = "../support/folder.rs"]
mod folder;
mod gateway;
mod get;
#[path = "../support/http_client.rs"]
mod http_client;
mod lab_interrupted;
mod lab_programs;
#[path = "../support/many_at_a_time.rs"]
mod many_at_a_time;
#[path = "../support/program.rs"]
mod program;
mod serve;
mod surroundings;
mod timeline;
mod tour;
mod watch;
mod weather;
mod web_server_process;
#[expect(dead_code, reason = "the tests of the web clients use the rest of it")]
#[path = "../support/web_upstream.rs"]
mod web_upstream;
