//! Fetching: many pages at once.
//!
//! What there is to fetch when nothing else is named is a site of our own: `pages` (what it has), [`site`] (who
//! answers what), `embedded` (the same on a thread of this process).

mod embedded;
mod pages;
pub mod site;

pub use embedded::{EmbeddedSite, embed};
pub use pages::{PAGES, Page, PageFraming};
