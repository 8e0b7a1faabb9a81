//! What was measured, as people read it: numbers, tables, pictures, pages; and whether a figure can be trusted.

mod other_work;
mod page;
mod picture;
mod text;

pub use other_work::{OtherWork, OtherWorkProbe};
pub use page::Page;
pub use picture::{BarAxis, Picture, escaped};
pub use text::{
    columns, grouped, known, output_columns, per_second, seconds, span, text_width, wrapped,
};
