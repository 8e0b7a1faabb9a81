//! The usage texts, made from the declarations that the parser reads (`command_line`).

use super::command_line::{HELP, Opt, Subcommand};
use crate::report::wrapped;

/// A blank at which no line is broken.
const NO_BREAK: &str = "\u{a0}";
/// How wide the left column of a table may be; a longer cell stands on a line of its own.
const LEFT_COLUMNS: usize = 24;
/// How wide the texts are, also in a pipe and on a wider terminal.
const COLUMNS: usize = 80;
/// The usage text of one subcommand.
pub(crate) fn of_subcommand(subcommand: &Subcommand) -> String {
    let Subcommand { name, summary, operands, options, examples, .. } = subcommand;
    let names: Vec<_> = operands.iter().map(|(name, _)| *name).collect();
    let usage = [&["[OPTIONS]"], &*names].concat().join(" ");
    let operands = operands.iter().map(|&(name, help)| row(name.trim_matches(['[', ']']), help));
    let options = options.iter().map(option_row).chain([option_row(&HELP)]);
    format!(
        "{}\n\nUsage: handloom {name} {usage}\n{}{}{}",
        wrapped(summary, COLUMNS),
        table("Arguments", &operands.collect::<Vec<_>>()),
        table("Options", &options.collect::<Vec<_>>()),
        examples_text(examples),
    )
}

/// The usage text of the program.
pub(crate) fn of_program(subcommands: &[&Subcommand]) -> String {
    let rows = subcommands.iter().map(|each| row(each.name, each.summary));
    let options = vec![option_row(&HELP), row("-V, --version", "prints the version")];
    let examples: Vec<_> =
        subcommands.iter().filter_map(|each| each.examples.first().copied()).collect();
    format!(
        "A laboratory of concurrency: one calculator server in every model, and more\n\n\
         Usage: handloom SUBCOMMAND [OPTIONS]\n{}{}{}\n\
         `handloom help SUBCOMMAND` tells more. Exit codes: 0 done, 1 it ran and\n\
         something failed, 2 the command line was wrong, 130 interrupted.\n",
        table("Subcommands", &rows.collect::<Vec<_>>()),
        table("Options", &options),
        examples_text(&examples),
    )
}

/// A row of two columns.
fn row(left: &str, right: &str) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

/// The row of an option, with its default.
fn option_row(option: &Opt) -> (String, String) {
    let default = option.default.map(|default| format!(" [default:{NO_BREAK}{default}]"));
    row(option.spelling, &format!("{}{}", option.help, default.unwrap_or_default()))
}

/// Rows under a heading; nothing when there are none.
fn table(heading: &str, rows: &[(String, String)]) -> String {
    let widths = rows.iter().map(|(left, _)| left.len()).filter(|width| *width <= LEFT_COLUMNS);
    let widest = widths.max().unwrap_or(LEFT_COLUMNS);
    let lines = rows.iter().map(|(left, right)| match left {
        left if left.len() <= widest => indented(&format!("  {left:widest$}  "), right),
        left => format!("  {left}\n{}", indented(&format!("  {:widest$}  ", ""), right)),
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\n{heading}:\n{lines}") }
}

/// A text behind `first`, in lines that are indented alike.
fn indented(first: &str, text: &str) -> String {
    let break_and_indent = format!("\n{:1$}", "", first.len());
    let text = wrapped(text, COLUMNS - first.len());
    format!("{first}{}\n", text.replace('\n', &break_and_indent).replace(NO_BREAK, " "))
}

/// Examples: a command, and below it what it does.
fn examples_text(examples: &[(&str, &str)]) -> String {
    let of_one =
        |(command, what): &(&str, &str)| format!("  {command}\n{}", indented("      ", what));
    format!("\nExamples:\n{}", examples.iter().map(of_one).collect::<String>())
}
