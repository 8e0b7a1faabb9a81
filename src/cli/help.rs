//! The usage texts, made from the declarations that the parser reads (`command_line`).

use super::command_line::{Opt, Subcommand};

/// What the parser knows without a declaration.
const HELP: (&str, &str) = ("-h, --help", "prints this");

/// The usage text of one subcommand.
pub(crate) fn of_subcommand(subcommand: &Subcommand) -> String {
    let Subcommand { name, summary, operands, options, examples, .. } = subcommand;
    let names: Vec<_> = operands.iter().map(|(name, _)| *name).collect();
    let usage = [&["[OPTIONS]"], &*names].concat().join(" ");
    let operands = operands.iter().map(|&(name, help)| row(name.trim_matches(['[', ']']), help));
    let options = options.iter().map(option_row).chain([row(HELP.0, HELP.1)]);
    format!(
        "{summary}\n\nUsage: handloom {name} {usage}\n{}{}{}",
        table("Arguments", operands.collect()),
        table("Options", options.collect()),
        examples_text(examples),
    )
}

/// The usage text of the program.
pub(crate) fn of_program(subcommands: &[&Subcommand]) -> String {
    let rows = subcommands.iter().map(|each| row(each.name, each.summary));
    let options = vec![row(HELP.0, HELP.1), row("-V, --version", "prints the version")];
    let examples: Vec<_> =
        subcommands.iter().filter_map(|each| each.examples.first().copied()).collect();
    format!(
        "A laboratory of concurrency: one calculator server in every model, and what it teaches\n\n\
         Usage: handloom SUBCOMMAND [OPTIONS]\n{}{}{}\n\
         `handloom SUBCOMMAND --help` tells more. Exit codes: 0 done, 1 it ran and something failed,\n\
         2 the command line was wrong, 130 interrupted.\n",
        table("Subcommands", rows.collect()),
        table("Options", options),
        examples_text(&examples),
    )
}

/// A row of two columns.
fn row(left: &str, right: &str) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

/// The row of an option, with its default.
fn option_row(option: &Opt) -> (String, String) {
    let default = option.default.map(|default| format!(" [default: {default}]"));
    row(option.spelling, &format!("{}{}", option.help, default.unwrap_or_default()))
}

/// Rows under a heading; nothing when there are none.
fn table(heading: &str, rows: Vec<(String, String)>) -> String {
    let Some(widest) = rows.iter().map(|(left, _)| left.len()).max() else { return String::new() };
    let lines = rows.into_iter().map(|(left, right)| format!("  {left:widest$}  {right}\n"));
    format!("\n{heading}:\n{}", lines.collect::<String>())
}

/// Examples: a command, and below it what it does.
fn examples_text(examples: &[(&str, &str)]) -> String {
    let lines = examples.iter().map(|(command, what)| format!("  {command}\n      {what}\n"));
    format!("\nExamples:\n{}", lines.collect::<String>())
}
