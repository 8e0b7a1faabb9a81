//! The global interpreter lock in figures: a model of it, and `CPython` itself where there is a `python3`.
//!
//! Questions 4, 14 and 22 of the course. Each experiment measures what the section of the same name in
//! `notes/python/gil.py` measures, with the same numbers. Reading order: `run` (the lab, section by section), `computing`,
//! `waiting`, `native`, `updates` (the experiments), `python` (the other column).

mod python;
mod run;

pub mod computing;
pub mod native;
pub mod updates;
pub mod waiting;

pub use run::run;
