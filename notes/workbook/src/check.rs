//! `check` and the bare command: the claims of each step in order, up to the first step that does not hold.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::panic;
use std::process::{Child, Command, Stdio};

use handloom::calc::Op;
use handloom_workbook::runner::{Judge, Outcome};
use handloom_workbook::steps::{self, STEPS, Step};

use crate::client::Client;
use crate::deliveries::{with_pauses, without_pauses};
use crate::script::{Script, TALKS, endings, pauses};
use crate::{keep, print};

/// What was found of a step.
pub(crate) enum Found {
    /// All its claims hold; how many there are.
    Holds(usize),
    /// A function that belongs to it is not written.
    Unwritten,
    /// Claims that do not hold, with what the judge says, and how many there are.
    Broken(Vec<(String, String)>, usize),
}

/// Judges the claims of one step.
pub(crate) fn judge(step: &Step) -> Result<Found, String> {
    if step.number == 11 {
        return Ok(talks());
    }
    let judge = Judge::this_program().map_err(|error| format!("this program: {error}"))?;
    let names = steps::claims_of(step.number);
    let is_unwritten =
        |outcome: &Outcome| matches!(outcome, Outcome::BelongsToStep(at) if *at <= step.number);
    // The first claim alone, because of an unwritten step some others hang, which takes seconds.
    if is_unwritten(&judge.one(names[0])) {
        return Ok(Found::Unwritten);
    }
    let outcomes = judge.all(&names);
    if outcomes.iter().any(is_unwritten) {
        return Ok(Found::Unwritten);
    }
    let mut broken = Vec::new();
    for (name, outcome) in names.iter().zip(outcomes) {
        let text = match outcome {
            Outcome::Holds => continue,
            Outcome::Broken(text) => text,
            Outcome::BelongsToStep(at) => format!(
                "belongs to step {at}, which is not written yet: your loop calls a function of that step"
            ),
        };
        broken.push(((*name).to_owned(), text));
    }
    Ok(if broken.is_empty() {
        Found::Holds(names.len())
    } else {
        Found::Broken(broken, names.len())
    })
}

/// The number of the first step that does not hold, with what was found; prints a line for each step if `tells`.
pub(crate) fn first_open(last: u8, tells: bool) -> Result<Option<(u8, Found)>, String> {
    for step in &STEPS[1..=usize::from(last)] {
        let found = judge(step)?;
        let Found::Holds(claims) = found else {
            if matches!(found, Found::Unwritten) {
                keep::note_unwritten(step.number);
            }
            return Ok(Some((step.number, found)));
        };
        keep::note_held(step.number);
        if tells {
            let word = match (step.number, claims) {
                (11, _) => "talks",
                (_, 1) => "claim",
                _ => "claims",
            };
            print::text(&format!(
                "step {:>2}  holds    {claims:>3} {word}: {}",
                step.number, step.title
            ));
        }
    }
    Ok(None)
}

/// Where the student is, and what comes next.
pub(crate) fn status() -> Result<(), String> {
    if let Some(name) = keep::broken_with() {
        print::text(&format!(
            "The loop has the fault `{name}` now. Find it with `-- check`; `-- mend` gives yours back.\n"
        ));
    }
    match first_open(11, true)? {
        None => print::text(DONE),
        Some((number, Found::Broken(broken, claims))) => tell_broken(number, &broken, claims),
        Some((number, _)) => {
            let step = &STEPS[usize::from(number)];
            print::text(&format!("step {number:>2}  is next: {}", step.title));
            print::text(&format!("\nWithout it: {}.", step.without));
            print::text(&format!("Write:      {}.", step.write.join(", ")));
            print::text("In:         notes/workbook/src/my_loop.rs");
            print::text(&format!("Read first: notes/workbook/steps/{}", step.page));
            print::text("Then:       cargo run -p handloom-workbook -- check");
            if number == 1 {
                print::text(
                    "\nNothing is written yet. Step 0 is a warm-up: notes/workbook/steps/00-generators.md",
                );
            }
        }
    }
    Ok(())
}

/// What is said at the end.
const DONE: &str = "
All steps hold: you have written an event loop. What is left:
  cargo run -p handloom-workbook --profile race -- race
  cargo run -p handloom-workbook -- break
  and the source of Handloom's own loop, src/rt/, which keeps more promises.";

/// What is said when a fault of `break`'s is not there any more.
const FOUND: &str = "
The steps hold again: the fault is found and mended. `-- mend` gives your own
loop back.";

/// Judges the steps up to `last`; an error if one does not hold.
pub(crate) fn check(last: Option<u8>) -> Result<(), String> {
    match first_open(last.unwrap_or(11), true)? {
        None => {
            match keep::broken_with() {
                Some(_) => print::text(FOUND),
                None if last.is_none() => print::text(DONE),
                None => {}
            }
            Ok(())
        }
        Some((number, Found::Broken(broken, claims))) => {
            tell_broken(number, &broken, claims);
            Err(String::new())
        }
        Some((number, Found::Unwritten))
            if keep::fault().is_some_and(|fault| fault.step < number) =>
        {
            print::text(&format!(
                "step {number:>2}  is not written yet: {}",
                STEPS[usize::from(number)].title
            ));
            print::text(FOUND);
            Ok(())
        }
        Some((number, _)) => {
            let step = &STEPS[usize::from(number)];
            print::text(&format!("step {number:>2}  is not written yet: {}", step.title));
            print::text(&format!("\nThe page: notes/workbook/steps/{}", step.page));
            Err(String::new())
        }
    }
}

/// Tells of the claims of a step that do not hold: the first one whole, and the names of the others.
fn tell_broken(number: u8, broken: &[(String, String)], claims: usize) {
    let step = &STEPS[usize::from(number)];
    let holds = claims - broken.len();
    print::text(&format!(
        "step {number:>2}  fails    {holds:>3} of {claims} claims hold: {}",
        step.title
    ));
    let (name, text) = &broken[0];
    print::text(&format!("\n{name}"));
    for line in text.lines() {
        print::text(&format!("  {line}"));
    }
    let others: Vec<_> = broken[1..].iter().map(|(name, _)| name.as_str()).collect();
    if !others.is_empty() {
        print::text(&format!("\nThese fail too: {}.", others.join(", ")));
    }
    let held = keep::held();
    if keep::broken_with().is_some() || number > held {
        print::text(&format!("\nThe page: notes/workbook/steps/{}. A hint: `-- hint`.", step.page));
        return;
    }
    // What the student writes now broke a step that held before: the page of that step does not help.
    let now = &STEPS[usize::from(held + 1).min(11)];
    print::text(&format!(
        "\nStep {number} held before: what you have changed since then broke it. You are at step {}.\n\
         The page: notes/workbook/steps/{}. A hint: `-- hint`.",
        now.number, now.page
    ));
}

/// Step 11: the calculator on the student's loop, in a process, talks to the conversation script.
fn talks() -> Found {
    let mut broken = Vec::new();
    let mut scripts: Vec<Script> = Vec::new();
    for talk in TALKS.iter().filter(|talk| matches!(talk.op, Op::Sum)) {
        scripts.extend(without_pauses(talk).into_iter().take(3));
        scripts.push(with_pauses(talk));
    }
    scripts
        .extend(endings().into_iter().filter(|script| !NOT_FOR_IT.contains(&script.name.as_str())));
    scripts
        .extend(pauses().into_iter().filter(|script| !NOT_FOR_IT.contains(&script.name.as_str())));
    let server = match Server::start() {
        Ok(server) => server,
        Err(text) => {
            return Found::Broken(vec![("the calculator starts".into(), text)], scripts.len());
        }
    };
    // A talk that fails says so by a panic, whose text is told below.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    for script in &scripts {
        let play = || {
            let mut client = Client::connect(server.address, &script.name);
            script.steps.iter().for_each(|step| client.play(step));
        };
        if let Err(payload) = panic::catch_unwind(play) {
            let text = handloom_conformance::runtime::text_of(payload.as_ref());
            broken.push((script.name.clone(), text));
        }
    }
    panic::set_hook(hook);
    if broken.is_empty() {
        Found::Holds(scripts.len())
    } else {
        Found::Broken(broken, scripts.len())
    }
}

/// Talks that ask for more than the calculator in one file does: it closes a connection at once, and does not read on
/// until the client has closed its side.
const NOT_FOR_IT: &[&str] = &["close with many bytes after it"];

/// A server in a process of its own, which ends with this value.
struct Server {
    /// The process.
    child: Child,
    /// Where it listens.
    address: SocketAddr,
}

impl Server {
    /// Starts this program as the calculator.
    fn start() -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args(["serve", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        if let Some(out) = child.stdout.as_mut() {
            // What cannot be read is no address, which is told below.
            drop(BufReader::new(out).read_line(&mut line));
        }
        let address =
            line.trim_end().strip_prefix("listening on ").and_then(|text| text.parse().ok());
        if let Some(address) = address {
            return Ok(Self { child, address });
        }
        drop(child.kill());
        drop(child.wait());
        Err(format!("expected `listening on ADDRESS`, came {line:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails when the process has ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
