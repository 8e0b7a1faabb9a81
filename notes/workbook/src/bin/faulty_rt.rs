//! Handloom's own loop with every fault of `faults/rt/` behind a switch: `faulty_rt --claim NAME` with the fault's name in
//! the environment.
//!
//! `tests/faults.rs` runs it. The modules are copies that `build.rs` has changed; this program stands for their crate.

#![allow(
    warnings,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    reason = "the copies are full of faults; the originals are checked in their own crate"
)]

extern crate self as handloom;

use handloom_workbook::claim::{fault, judge_one};

include!(concat!(env!("OUT_DIR"), "/rt_with_faults/modules.rs"));

#[path = "../../../../tests/runtimes/on_handloom/words.rs"]
mod words;

fn main() {
    judge_one::<words::Handloom>();
}
