//! The program `handloom`: arguments, printing, exit codes; one file for each subcommand.
//!
//! Reading order: `program` (the table of subcommands, and the way through), `args` (how an option is
//! declared and read), `values` (what may stand behind an option), `help` and `suggest` (what a user sees who
//! asks, or errs), `output` and `failure` (how a subcommand speaks, and how it ends), `connect` (which address of a name it takes). Then the subcommands.

mod client;
mod command_line;
mod compare;
mod connect;
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
mod stdin;
mod suggest;
mod tour;
mod values;
mod watch;
mod weather;

pub use program::main;
