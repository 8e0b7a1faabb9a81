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

use std::sync::OnceLock;

use handloom_workbook::claim;

include!(concat!(env!("OUT_DIR"), "/rt_with_faults/modules.rs"));

#[path = "../../../../tests/runtimes/on_handloom/words.rs"]
mod words;

/// Tells whether the loop has this fault.
fn fault(name: &str) -> bool {
    static NAME: OnceLock<Option<String>> = OnceLock::new();
    NAME.get_or_init(|| std::env::var("HANDLOOM_WORKBOOK_FAULT").ok()).as_deref() == Some(name)
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [command, name] if command == claim::COMMAND => claim::run::<words::Handloom>(name),
        _ => panic!("faulty_rt --claim NAME"),
    }
}
