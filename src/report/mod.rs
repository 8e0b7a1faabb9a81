//! What was measured, as people read it: numbers, tables, pictures and pages, all of them text.
//!
//! Whoever measures something stands on a higher floor and decides what is worth showing; here is only how it is
//! written down, so that each table of the house reads like the others.

mod bars;
mod columns;
mod figures;
mod lines;
mod page;
mod svg;

pub use bars::{Bar, Bars};
pub use columns::columns;
pub use figures::{Ratio, grouped, known, per_second, span};
pub use lines::{Curve, Lines};
pub use page::Page;
