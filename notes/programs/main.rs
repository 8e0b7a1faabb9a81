//! Runs a program of a chapter on Handloom and on tokio: `cargo run --example programs -- NAME`; without a name, all.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;

#[expect(
    unreachable_pub,
    clippy::similar_names,
    clippy::needless_pass_by_value,
    clippy::large_futures,
    clippy::missing_docs_in_private_items,
    reason = "each program stands as a reader would write it in a file of its own"
)]
#[path = "mod.rs"]
mod programs;

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().nth(1);
    let named = |name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let mut count = 0;
    for (name, handloom, tokio) in programs::PROGRAMS.iter().filter(|(name, ..)| named(name)) {
        println!("{name}, on Handloom:");
        handloom()?;
        println!("{name}, on tokio:");
        tokio()?;
        count += 1;
    }
    if count > 0 { Ok(()) } else { Err("there is no such program: see notes/programs".into()) }
}
