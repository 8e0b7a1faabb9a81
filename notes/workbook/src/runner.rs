//! The parent's side: claims, each in a process of its own, a few at a time.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use handloom_conformance::promises;

use crate::claim;

/// How it is told that a claim's process did not say what came of the claim.
const NO_VERDICT: &str = "its process ended without a verdict";

/// What came of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not, or it hangs; with what the judge says.
    Broken(String),
    /// It met a function that is not written; of this step.
    BelongsToStep(u8),
}

/// A program that runs one claim: its path, and the arguments before `--claim NAME`.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The program.
    pub program: std::path::PathBuf,
    /// Arguments that choose a loop.
    pub arguments: Vec<String>,
    /// How long a claim may take on a machine that does nothing else.
    pub limit: Duration,
    /// How many claims are judged at a time. One that hangs needs no processor.
    pub workers: usize,
}

impl Judge {
    /// This very program, as the judge.
    pub fn this_program() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        Ok(Self { program, arguments: Vec::new(), limit: Duration::from_secs(5), workers: 4 })
    }

    /// Judges one claim.
    pub fn one(&self, name: &str) -> Outcome {
        let mut command = Command::new("sh");
        // A shell raises the limit of open files first, which needs no call into C from here.
        let raise_limit = r#"ulimit -Sn "$(ulimit -Hn)" 2>/dev/null; exec "$0" "$@""#;
        command.args(["-c", raise_limit]).arg(&self.program).args(&self.arguments);
        command.args([claim::COMMAND, name]);
        command.env(claim::LIMIT, self.limit.as_millis().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match self.run(command) {
            // A process that ended without a verdict says nothing of a promise.
            Ok(Outcome::Broken(text)) if text.starts_with(NO_VERDICT) => {
                Outcome::Broken(format!("{name}: {text}.{}", promises::about(name, None)))
            }
            Ok(outcome) => outcome,
            Err(error) => Outcome::Broken(format!("{name}: cannot be run: {error}")),
        }
    }

    /// Runs a child to its end, or ends it when it takes far too long.
    fn run(&self, mut command: Command) -> io::Result<Outcome> {
        let mut child = command.spawn()?;
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let says = thread::spawn(move || read_all(&mut err));
        let (stop, limit) = (AtomicBool::new(false), self.limit * 8);
        let text = thread::scope(|scope| {
            // The claim's own judge ends it long before; this is for a process that does not even do that.
            scope.spawn(|| {
                let began = Instant::now();
                while !stop.load(Ordering::Acquire) && began.elapsed() < limit {
                    thread::park_timeout(Duration::from_millis(20));
                }
                // It fails when the child has ended, which is what is wanted.
                drop(child.kill());
            });
            let text = read_all(&mut out);
            stop.store(true, Ordering::Release);
            text
        });
        let status = child.wait()?;
        let said = says.join().unwrap_or_default();
        let (word, rest) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(match word.strip_prefix("step ").map(str::parse) {
            Some(Ok(number)) => Outcome::BelongsToStep(number),
            _ if word == "holds" => Outcome::Holds,
            _ if word == "fails" || word == "hangs" => Outcome::Broken(rest.to_owned()),
            _ => {
                let last = said.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
                Outcome::Broken(format!("{NO_VERDICT}: {status}; {last}"))
            }
        })
    }

    /// Judges many claims, as many at a time as there are processors; the outcomes come in the order of the names.
    pub fn all(&self, names: &[&str]) -> Vec<Outcome> {
        let next = AtomicUsize::new(0);
        let found: Vec<_> = names.iter().map(|_| Mutex::new(None)).collect();
        thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(|| {
                    while let Some(at) =
                        Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < names.len())
                    {
                        let outcome = self.one(names[at]);
                        *found[at].lock().expect("holds because no thread panics with it") =
                            Some(outcome);
                    }
                });
            }
        });
        let taken = found.into_iter().map(|cell| cell.into_inner().ok().flatten());
        taken.map(|outcome| outcome.expect("holds because each place was filled")).collect()
    }
}

/// Reads what a child says until it closes its side.
fn read_all(from: &mut Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What was read before an error counts.
        drop(from.read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
