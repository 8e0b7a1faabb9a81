//! What was measured, as people read it: numbers, tables, pictures, pages; and whether a figure can be trusted.

mod bars;
mod columns;
mod figures;
mod other_work;
mod page;
mod svg;
mod text_width;

pub use bars::BarAxis;
pub use columns::columns;
pub use figures::{grouped, known, per_second, seconds, span};
pub use other_work::{OtherWork, OtherWorkProbe};
pub use page::Page;
pub use svg::{Picture, escaped};
pub use text_width::{output_columns, text_width, wrapped};
