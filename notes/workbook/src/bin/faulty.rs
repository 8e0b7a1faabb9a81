//! The reference with every fault behind a switch: `faulty --claim NAME` with the fault's name in the environment.
//!
//! `tests/faults.rs` runs it.

#![allow(
    missing_docs,
    clippy::missing_docs_in_private_items,
    reason = "it is the reference, changed by build.rs"
)]
#![allow(
    unused,
    clippy::all,
    clippy::pedantic,
    missing_debug_implementations,
    reason = "it is full of faults"
)]

use handloom_workbook::claim::{fault, judge_one};

mod faulty {
    include!(concat!(env!("OUT_DIR"), "/faulty.rs"));
}

use faulty as the_loop;

#[path = "../words.rs"]
mod words;

fn main() {
    judge_one::<words::Words>(Vec::new());
}
