//! `handloom lab`: runs one of the course's experiments, or lists them.
//!
//! A lab has nothing to clean up, so ctrl-c keeps its default action, and the shell reports 130. A handler would have to be
//! undone in the labs that fork or are about signals. Those have no event loop, and so no `--trace`, which ctrl-c writes.

use std::io;

use super::command_line::{Args, Subcommand, nearest};
use super::interrupt::{end_by_default, exit_when_interrupted};
use super::output::{Failure, Output};
use super::timeline::TRACE;
use super::values::{parsed, text};
use crate::labs::{Journal, LABS, Lab};

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "lab",
    summary: "Runs one of the course's experiments; without a name, lists them",
    options: &["[NAME]: which one; by default, the list", TRACE],
    examples: &[
        "handloom lab  # The list: each experiment with one line.",
        "handloom lab tasks  # Two sleeps at once, and then one after the other.",
    ],
    run,
};

/// Runs a lab, or lists them.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let Some(name) = args.operands(text(parsed::<String>))?.pop() else {
        return output.bytes(list().as_bytes());
    };
    let lab = LABS.iter().find(|lab| lab.name == name).ok_or_else(|| unknown(&name))?;
    args.refuse("trace", !lab.on_loop, "labs on the event loop", lab.name)?;
    let write_trace = args.write_trace.as_ref();
    write_trace.map_or_else(end_by_default, |_| exit_when_interrupted(args, || ()))?;
    // The lab's lines are the result. It pauses between them, so each line is written at once.
    let done = (lab.run)(&Journal::new(io::stdout()));
    // A lab owns no other pipe: this kind of error can only come from stdout (EXIT-2).
    done.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::StdoutClosed,
        _ => Failure::while_doing(lab.name, error),
    })?;
    let (Lab { chapter, question, .. }, source) = (lab, lab.source());
    output.line(format_args!("\nSource: {source}; chapter \"{chapter}\", question {question}"))
}

/// The failure for an unknown name; its text holds the list.
fn unknown(name: &str) -> Failure {
    let near = nearest(name, LABS.iter().map(|lab| lab.name));
    let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Failure::Usage(format!("unknown lab \"{name}\"{hint}\nThere are:\n{}", list().trim_end()))
}

/// Every lab with its line, under the chapter to read on in.
fn list() -> String {
    let widest = LABS.iter().map(|lab| lab.name.len()).max().unwrap_or_default();
    let (mut text, mut last) = (String::new(), "");
    for Lab { name, line, chapter, .. } in LABS {
        if *chapter != last {
            text.extend([chapter, "\n"]);
            last = chapter;
        }
        text.extend(["  ", name, &" ".repeat(widest - name.len()), "  ", line, "\n"]);
    }
    text
}
