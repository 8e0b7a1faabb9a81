//! The workbook: a student writes an event loop in ten steps, and the conformance suite judges each.
//!
//! The student edits `src/my_loop.rs`, which the program `handloom-workbook` compiles with the suite. This library is
//! what does not depend on that file: the steps and their claims, the runner that judges claims in processes of their
//! own, and the faults. `stages/` holds the reference after each step, written from one text, `stages/all.rs.txt`.

pub mod claim;
pub mod faults;
pub mod runner;
pub mod stages;
pub mod steps;
