//! The usage texts, made from the declarations.
//!
//! A usage text that is written by hand ages: an option is added, a default changes, and the text still tells the
//! old tale. Here it is a view of the data that the parser works with.
//!
//! **Invariants**
//! - `HELP-1`: every option, operand and default in the text is the one that is read, and none is left out.
//! - `HELP-2`: every subcommand has an example that can be typed as it stands.
//!
//! **Left out**: wrapping long lines, which terminals do; manual pages; completions for shells.

use super::args::Opt;
use super::program::Subcommand;

/// How far the second column is from the first.
const GAP: usize = 2;

/// A row of two columns.
type Row = (String, String);

/// The usage text of one subcommand.
pub(crate) fn of_subcommand(subcommand: &Subcommand) -> String {
    let Subcommand { name, summary, syntax, examples, .. } = subcommand;
    let mut usage = vec![format!("handloom {name} [OPTIONS]")];
    usage.extend(syntax.operands.iter().map(|operand| {
        let dots = if operand.is_repeated { "..." } else { "" };
        let name = format!("{}{dots}", operand.name);
        if operand.is_optional { format!("[{name}]") } else { name }
    }));
    let usage = usage.join(" ");
    // HELP-1: `--help` is an option like the others, but the parser knows it without a declaration.
    let operands = syntax.operands.iter().map(|operand| (operand.name.into(), operand.help.into()));
    let options = syntax.options.iter().map(option_row).chain([help_row()]);
    format!(
        "{summary}\n\nUsage: {usage}\n{}{}{}",
        table("Arguments", operands.collect()),
        table("Options", options.collect()),
        examples_text(examples),
    )
}

/// The usage text of the program.
pub(crate) fn of_program(subcommands: &[&Subcommand]) -> String {
    let rows = subcommands.iter().map(|each| (each.name.into(), each.summary.into()));
    let options = vec![help_row(), ("-V, --version".into(), "prints the version".into())];
    // One for each, as a taste; the rest is in the subcommand's own text.
    let first_examples: Vec<_> =
        subcommands.iter().filter_map(|each| each.examples.first().copied()).collect();
    format!(
        "A laboratory of concurrency: one calculator server in every model, and what can be learnt from it\n\n\
         Usage: handloom SUBCOMMAND [OPTIONS]\n{}{}{}\n\
         `handloom SUBCOMMAND --help` tells more. Exit codes: 0 done, 1 it ran and something failed,\n\
         2 the command line was wrong, 130 interrupted.\n",
        table("Subcommands", rows.collect()),
        table("Options", options),
        examples_text(&first_examples),
    )
}

/// The row of an option, with its default.
fn option_row(option: &Opt) -> Row {
    let mut left = format!("--{}", option.name);
    // As it is typed: the short name first, since a reader's eye looks for it at the margin.
    if let Some(short) = option.short {
        left = format!("-{short}, {left}");
    }
    if let Some(value) = option.value {
        left = format!("{left} {value}");
    }
    let default = option.default.map(|default| format!(" [default: {default}]"));
    (left, format!("{}{}", option.help, default.unwrap_or_default()))
}

/// The row of the option that every subcommand has.
fn help_row() -> Row {
    ("-h, --help".into(), "prints this".into())
}

/// Rows under a heading; nothing when there are none.
fn table(heading: &str, rows: Vec<Row>) -> String {
    let Some(widest) = rows.iter().map(|(left, _)| left.len()).max() else { return String::new() };
    let width = widest + GAP;
    let lines = rows.into_iter().map(|(left, right)| format!("  {left:width$}{right}\n"));
    format!("\n{heading}:\n{}", lines.collect::<String>())
}

/// Examples: a command, and below it what it does.
fn examples_text(examples: &[(&str, &str)]) -> String {
    let lines = examples.iter().map(|(command, what)| format!("  {command}\n      {what}\n"));
    format!("\nExamples:\n{}", lines.collect::<String>())
}
