//! The program `handloom`: arguments, printing, exit codes; one file for each subcommand.
//!
//! Reading order: `output` (where a subcommand writes, and how it ends), `command_line` (what it declares, and how that is
//! read and shown), `values`, `interrupt` (ctrl-c); then the subcommands, and last `program`, which lists them.

mod client;
mod command_line;
mod compare;
mod factorial;
mod fetch;
mod gateway;
mod get;
mod interrupt;
mod lab;
mod load;
mod output;
mod program;
mod serve;
mod site;
mod timeline;
mod tour;
mod values;
mod watch;
mod weather;

pub use program::main;
