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

use std::sync::OnceLock;

use handloom_workbook::claim;

mod faulty {
    include!(concat!(env!("OUT_DIR"), "/faulty.rs"));
}

use faulty as the_loop;

#[path = "../words.rs"]
mod words;

/// Tells whether the loop has this fault.
fn fault(name: &str) -> bool {
    static NAME: OnceLock<Option<String>> = OnceLock::new();
    NAME.get_or_init(|| std::env::var("HANDLOOM_WORKBOOK_FAULT").ok()).as_deref() == Some(name)
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [command, name] if command == claim::COMMAND => claim::run::<words::Words>(name),
        _ => panic!("faulty --claim NAME"),
    }
}
