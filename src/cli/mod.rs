//! The program `handloom`: arguments, printing, exit codes; one file for each subcommand.
//!
//! Reading order: `failure` and `output` (how a subcommand ends, and where it writes), `suggest`, `command_line` (what
//! a subcommand declares, and how it is read), `values`, `help`, `interrupt`, `listening`; then the subcommands, and
//! last `program`, which lists them.

mod client;
mod command_line;
mod compare;
mod factorial;
mod failure;
mod fetch;
mod gateway;
mod get;
mod help;
mod interrupt;
mod lab;
mod listening;
mod load;
mod output;
mod program;
mod serve;
mod site;
mod suggest;
mod timeline;
mod tour;
mod values;
mod watch;
mod weather;

pub use program::main;
