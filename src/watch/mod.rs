//! The watcher: waits for a file that holds a string, and deletes it. Task 4 of the course.
//!
//! The task has three functions. One looks for the file, then for the string in it; when either is missing it sleeps and
//! looks again; at last it closes the file and sets an event. One waits for the event and deletes the file. One
//! starts both and joins them. Here they are twice, line for line: on threads and on the event loop.
//!
//! Reading order: `needle` (the search), `look` (one look at the file, and all that may stand there instead), `delete`
//! (the deletion of the file that was seen, and of no other), `order` and `news` (what is asked for, and what
//! is told), then `threads` and `asynchronous`, side by side.

pub mod asynchronous;
mod delete;
mod error;
mod look;
mod needle;
mod news;
mod order;
pub mod threads;

pub use delete::{Deletion, delete};
pub use error::WatchError;
pub use look::{Look, Seen, look};
pub use needle::{Needle, Search};
pub use news::{News, Outcome};
pub use order::Order;
