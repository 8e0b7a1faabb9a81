//! The watcher: waits for a file that holds a string, and deletes it. Task 4 of the course.
//!
//! Three functions: one looks for the file and the string, sleeps and looks again, closes the file and sets an event; one
//! waits for the event and deletes the file; one starts both. They stand here twice: on threads and on the event loop.
//!
//! Reading order: `error`, `needle` (the search), `look` (one look at the file), `delete` (the deletion of the file that
//! was seen, and of no other), `news`, then `threads` and `asynchronous`, side by side.

pub mod asynchronous;
mod delete;
mod error;
mod look;
mod needle;
mod news;
pub mod threads;

pub use delete::{Deletion, delete};
pub use error::{WatchError, shown};
pub use look::{Look, Seen, look};
pub use needle::{Needle, Search};
pub use news::{News, Order, Outcome};
