//! What each lab claims, and the greenlets that one of them shows.

mod event_loop;
mod gil;
#[path = "../support/many_at_a_time.rs"]
mod many_at_a_time;
mod os_context;
mod support;
mod switches;
mod synchronisation;
mod tasks;
mod timeline;
mod twins_labs;
