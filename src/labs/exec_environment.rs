//! Exec: another program in a process, and what it is given: arguments, environment, folder, descriptors.
//!
//! **Invariants**
//! - `LAB-EXEC-1`: arguments arrive as they are; a variable that was set arrives, one that was removed does not; the
//!   program's changes to its environment do not come back.
//! - `LAB-EXEC-2`: a descriptor with close-on-exec is closed; another one is open, under its number.
//! - `LAB-EXEC-3`: exec keeps the process: the id is the same before and after.
//!
//! **Source**: execve(2), environ(7); `std::process::Command`.

use std::env;
use std::io::{self, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, Stdio};

use super::Journal;
use crate::os::process::end_with_parent;
use crate::os::set_close_on_exec;

/// What the shell does with what it was given: a line for each thing. Its arguments: two words, two descriptors, a value.
const SCRIPT: &str = r#"
echo "$1|$2"
echo "$GREETING|${HOME-none}|$(pwd)"
GREETING=$5
look() { state=closed; if [ -e "/proc/$$/fd/$1" ]; then state=open; fi; }
look "$3"; third=$state; look "$4"; echo "$third|$state"
read -r line; echo "$line"
echo "$$"
exec sh -c 'echo "$$"'
"#;
/// What is given as the first two arguments.
pub const WORDS: [&str; 2] = ["two words", "$HOME; *"];
/// What the variable holds.
pub const GREETING: &str = "hello";
/// What the shell sets it to.
const CHANGED: &str = "changed";

/// What the lab has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecEnvironmentReport {
    /// The arguments as they arrived.
    pub words: Vec<String>,
    /// A variable that was set, one that was removed, and the folder.
    pub environment: Vec<String>,
    /// The descriptor with close-on-exec, and that without.
    pub descriptors: Vec<String>,
    /// What came on standard input.
    pub input: String,
    /// The process's number before and after an exec of its own.
    pub numbers: [String; 2],
    /// Whether our own environment has the variable as the shell has set it.
    pub came_back: bool,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line("A shell is started in the folder /, with two arguments, one variable set and HOME removed:")?;
    let ExecEnvironmentReport { words, environment, descriptors, input, numbers, came_back } =
        experiment()?;
    journal.line(format_args!(
        "  arguments:   {words:?}\n  \
           environment: {environment:?} (GREETING, HOME, folder)\n  \
           descriptors: {descriptors:?} (with close-on-exec, without)\n  \
           input:       {input}\n  \
           process id:  {numbers:?} (before it executes another shell, after)\n  \
           the shell's change of GREETING came back: {came_back}"
    ))?;
    journal.notices(&[
        "Arguments are a list. No shell reads them, so blanks and `$` need no quotes, and no command can be \
         smuggled in.",
        "std opens descriptors with close-on-exec, so that a child does not keep a pipe open by accident: \
         `handloom lab pipe-end`.",
        "exec changes the program, not the process: the id stays.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// There is no `sh`, or it says something else than it was asked to.
pub fn experiment() -> io::Result<ExecEnvironmentReport> {
    // Both ends are made with close-on-exec; one loses it.
    let (closed, open) = pipe()?;
    set_close_on_exec(open.as_fd(), false)?;
    let (input, mut typed) = pipe()?;
    typed.write_all(b"from a pipe\n")?;
    let mut command = Command::new("sh");
    command.arg("-c").arg(SCRIPT).arg("sh").args(WORDS);
    command.args([closed.as_raw_fd(), open.as_raw_fd()].map(|number| number.to_string()));
    command.arg(CHANGED);
    command.env("GREETING", GREETING).env_remove("HOME").current_dir("/");
    command.stdin(input).stderr(Stdio::inherit());
    end_with_parent(&mut command);
    let output = command.output()?;

    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let split = |line: &str| line.split('|').map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = text.lines().collect();
    let [words, environment, descriptors, input, before, after] = lines[..] else {
        return Err(io::Error::other(format!("expected six lines from sh, came {text:?}")));
    };
    Ok(ExecEnvironmentReport {
        words: split(words),
        environment: split(environment),
        descriptors: split(descriptors),
        input: input.to_owned(),
        numbers: [before, after].map(str::to_owned),
        came_back: env::var("GREETING").is_ok_and(|value| value == CHANGED),
    })
}
