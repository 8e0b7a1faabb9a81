//! Factorials, fetching, watching and the weather, as a library.

mod factorial_digits;
mod factorial_parted;
mod factorial_picture;
mod factorial_products;
#[path = "../support/factorial_tree.rs"]
mod factorial_tree;
mod factorial_values;
#[path = "../support/fetch_logs.rs"]
mod fetch_logs;
mod fetch_modes;
mod fetch_site;
#[path = "../support/folder.rs"]
mod folder;
#[path = "../support/http_client.rs"]
mod http_client;
mod watch_delete;
mod watch_look;
mod watch_modes;
mod watch_needle;
mod watching;
mod weather_answers;
mod weather_gateway;
mod weather_shared;
mod weather_upstream;
#[expect(dead_code, reason = "the tests of the web clients use the rest of it")]
#[path = "../support/web_upstream.rs"]
mod web_upstream;
