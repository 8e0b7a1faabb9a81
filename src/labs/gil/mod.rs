//! The global interpreter lock, in figures: a model of it, and `CPython` itself where there is a `python3`.
//!
//! Questions 4, 14 and 22 of the course. Each file is one experiment, and measures what the section of the same
//! name in `notes/python/gil.py` measures, with the same numbers. `run` tells them in order; `python` asks for the
//! other column.

mod python;
mod run;
mod section;

pub mod beside;
pub mod convoy;
pub mod handover;
pub mod naps;
pub mod native;
pub mod pipe;
pub mod speed;
pub mod updates;

pub use run::run;
pub use section::Row;
