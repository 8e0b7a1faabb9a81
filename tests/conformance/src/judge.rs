//! The judge: runs a claim on a thread of its own, and fails it when it does not end in time.
//!
//! A claim that hangs fails with the runtime's own table of tasks, where it has one; its thread is left behind, and
//! ends with the process. So one hang never ends the run and hides no other claim's message. A panic in a destructor
//! during another panic does end the run: std aborts the process. Then what had failed before is told first.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, setpriority_process};

use crate::runtime::{Runtime, text_of};
use crate::{alone, promises};

/// How long a claim may take. The longest takes one second on an idle machine.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How many times the limit a claim may take on a machine that is busy with other programs.
const MOST_TIMES: u32 = 6;

/// How long the loop has to answer with its table.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// How a claim is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The judge holds a way in from its thread, by which it asks for the table of tasks.
    Watched,
    /// As `Watched`, in a process of its own.
    Alone,
}

/// A claim about a runtime.
#[derive(Debug)]
pub struct Claim<R> {
    /// The name of its function.
    pub name: &'static str,
    /// How it is run.
    pub setting: Setting,
    /// Its file, if it is not one of this package's.
    file: Option<&'static str>,
    /// The function; it panics when the claim does not hold.
    check: fn(&R),
}

impl<R> Claim<R> {
    /// Makes one.
    pub fn new(name: &'static str, setting: Setting, check: fn(&R)) -> Self {
        Self { name, setting, file: None, check }
    }

    /// Says in which file it stands, so that the promise that it cites can be told if it hangs.
    #[must_use]
    pub fn in_file(self, file: &'static str) -> Self {
        Self { file: Some(file), ..self }
    }
}

/// Runs one claim of a level, by its name. A claim that is listed as unmet must fail.
pub fn run_named<R: Runtime>(
    test: &str,
    name: &str,
    claims: Vec<Claim<R>>,
    unmet: &[(&str, &str)],
) {
    let claim = claims.into_iter().find(|claim| claim.name == name);
    let claim = claim.expect("holds because the macro made list and name of one text");
    let reason = unmet.iter().find(|(unmet, _)| *unmet == name).map(|(_, reason)| reason);
    let Some(reason) = reason.filter(|_| !alone::is_alone(test)) else { return run(test, claim) };
    let outcome = catch_unwind(AssertUnwindSafe(|| run(test, claim)));
    assert!(
        outcome.is_err(),
        "{name}: listed as not met ({reason}), but it is met: take it off the list"
    );
}

/// Checks that every claim in a list of those that are not met exists, and stands there once.
pub fn expect_known<R: Runtime>(unmet: &[(&str, &str)]) {
    let names: Vec<_> = crate::levels::<R>().into_iter().flat_map(|(_, claims)| claims).collect();
    for (at, (name, _)) in unmet.iter().enumerate() {
        assert!(names.iter().any(|claim| claim.name == *name), "{name}: there is no such claim");
        assert!(unmet[at + 1..].iter().all(|(other, _)| other != name), "{name}: listed twice");
    }
}

/// Runs a claim; `test` is the full path of the test.
///
/// # Panics
/// When the claim does not hold, with its message; when it does not end within [`LIMIT`], with the table of tasks.
pub fn run<R: Runtime>(test: &str, claim: Claim<R>) {
    if claim.setting == Setting::Alone && !alone::is_alone(test) {
        return alone::run_again(test);
    }
    within(LIMIT, claim);
}

/// Runs a claim for no longer than `limit`, and panics if it does not hold.
pub fn within<R: Runtime>(limit: Duration, claim: Claim<R>) {
    let name = claim.name;
    tell_before_an_abort();
    match verdict(limit, claim) {
        Verdict::Holds => {}
        // The claim's own thread has printed the text; not the promise, if a panic of the runtime names none.
        Verdict::Fails(text) if !text.contains(promises::IS_ABOUT) => {
            lock_failed().push(text.clone());
            resume_unwind(Box::new(text))
        }
        Verdict::Fails(text) | Verdict::Hangs(text) => {
            lock_failed().push(text.clone());
            panic!("{text}")
        }
        Verdict::BelongsToStep(step) => {
            panic!("{name}: belongs to step {step}, which is not written yet")
        }
    }
}

/// What the claims that failed in this process said. The harness prints it at the end, which an abort never reaches.
static FAILED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Locks the texts of the claims that failed.
fn lock_failed() -> std::sync::MutexGuard<'static, Vec<String>> {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the panic hook print the texts of failed claims, past the harness, when a panic is about to end the process.
fn tell_before_an_abort() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            hook(info);
            // The words of std's panics that end the process.
            let ends =
                ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];
            if info.payload_as_str().is_some_and(|text| ends.contains(&text)) {
                let mut stderr = io::stderr();
                for text in lock_failed().iter() {
                    // Nothing can be done about a stderr that is closed.
                    drop(writeln!(stderr, "failed before the abort: {text}"));
                }
            }
        }));
    });
}

/// What the judge finds.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// The claim holds.
    Holds,
    /// It does not, with the text of its panic.
    Fails(String),
    /// It did not end in time, with what each task waits for.
    Hangs(String),
    /// It met a function of the runtime that is not written yet.
    BelongsToStep(u8),
}

thread_local! {
    /// The step that a claim on this thread met and that is not written yet.
    static UNWRITTEN: Cell<Option<u8>> = const { Cell::new(None) };
    /// Takes the ways in to the loops that the claim on this thread makes.
    static ASKED: RefCell<Option<mpsc::Sender<Box<dyn Any + Send>>>> = const { RefCell::new(None) };
}

/// Stands in a function of a runtime that is not written yet: a claim that meets it belongs to that step.
pub fn not_yet(step: u8) -> ! {
    UNWRITTEN.set(Some(step));
    panic!("belongs to step {step}, which is not written yet");
}

/// Runs a claim on a thread of its own, for no longer than `limit`.
///
/// A thread that hangs is left behind. Payloads are turned into text, because one may panic when it is dropped.
pub fn verdict<R: Runtime>(limit: Duration, claim: Claim<R>) -> Verdict {
    let (sends_remote, remote) = mpsc::channel();
    let (sends_verdict, verdict) = mpsc::channel();
    let (name, file) = (claim.name, claim.file);
    let thread_id = Arc::new(AtomicI32::new(0));
    let its_id = thread_id.clone();
    let runs = move || {
        its_id.store(id_of_this_thread(), Ordering::Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let runtime = R::new();
            // The receiver is alive: the judge waits for the verdict.
            drop(sends_remote.send(Box::new(runtime.remote()) as Box<dyn Any + Send>));
            ASKED.set(Some(sends_remote));
            (claim.check)(&runtime);
        }));
        let found = match (outcome, UNWRITTEN.get()) {
            (Ok(()), _) => Verdict::Holds,
            (Err(payload), step) => {
                let text = promises::with_promise(name, file, text_of(payload.as_ref()));
                Box::leak(payload);
                step.map_or(Verdict::Fails(text), Verdict::BelongsToStep)
            }
        };
        // After the limit the judge does not listen any more.
        drop(sends_verdict.send(found));
    };
    // A claim that hung earlier may be spinning on its thread; what that one waits for does not count here.
    let known: Vec<_> = threads().map(|thread| thread.file_name()).collect();
    let thread = thread::Builder::new().name(name.into()).spawn(runs);
    drop(thread.expect("holds unless the machine is out of threads"));
    let began = Instant::now();
    // Time for which other programs had the processor does not count.
    let is_over = || began.elapsed() >= (limit + longest_delay(&known)).min(limit * MOST_TIMES);
    let mut found = verdict.recv_timeout(limit);
    while found == Err(RecvTimeoutError::Timeout) && !is_over() {
        found = verdict.recv_timeout(limit / 10);
    }
    found.unwrap_or_else(|_| {
        let table = table::<R>(&remote);
        // It may spin, to the end of the run. On the lowest priority it takes little from the claims that follow.
        if let Some(spinning) = Pid::from_raw(thread_id.load(Ordering::Relaxed)) {
            // A thread that has ended meanwhile needs none.
            let _ = setpriority_process(Some(spinning), 19);
        }
        let about = promises::about(name, file);
        Verdict::Hangs(format!(
            "{name}: expected an end within {limit:?}, it hangs.{about}\n{table}"
        ))
    })
}

/// The kernel's number of this thread; 0 where that is not known.
fn id_of_this_thread() -> i32 {
    let link = fs::read_link("/proc/thread-self").unwrap_or_default();
    link.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or_default()
}

/// Lists the threads of this process.
fn threads() -> impl Iterator<Item = DirEntry> {
    fs::read_dir("/proc/self/task").into_iter().flatten().flatten()
}

/// Returns how long a thread of this process has waited for a processor, the longest of those that are not `known`.
fn longest_delay(known: &[OsString]) -> Duration {
    let delay = |thread: DirEntry| -> Option<Duration> {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
    };
    let new = threads().filter(|thread| !known.contains(&thread.file_name()));
    new.filter_map(delay).max().unwrap_or(Duration::ZERO)
}

/// Says that the claim on this thread has made one more loop: if it hangs, that one is asked for its table too. It does
/// nothing elsewhere than in a claim.
pub fn ask_too<R: Runtime>(remote: R::Remote) {
    ASKED.with_borrow(|asked| {
        if let Some(asked) = asked {
            // The judge does not listen any more when the claim's time is over.
            drop(asked.send(Box::new(remote)));
        }
    });
}

/// Asks the loops that the judge knows for their tables of tasks. Those that do not run do not answer.
fn table<R: Runtime>(remotes: &mpsc::Receiver<Box<dyn Any + Send>>) -> String {
    let remotes = remotes.try_iter().filter_map(|remote| remote.downcast::<R::Remote>().ok());
    let remotes: Vec<_> = remotes.collect();
    if let Some(table) = remotes.first().and_then(|remote| R::table_from_outside(remote)) {
        return format!("What each future waits for:{table}");
    }
    let (sends_answer, answer) = mpsc::channel();
    // A remote without a content stands for none.
    for remote in remotes.iter().filter(|_| size_of::<R::Remote>() > 0) {
        let sends_answer = sends_answer.clone();
        R::call(remote, move || drop(sends_answer.send(R::task_table())));
    }
    drop(sends_answer);
    match answer.recv_timeout(ANSWER_LIMIT) {
        Ok(table) => format!("What each task waits for:\n  {table}"),
        Err(_) => "The loop does not answer: it is not inside block_on, or a task holds it, or a wake from another \
                   thread does not end its wait. (A loop that the claim made for itself may not be known to the judge.)"
            .into(),
    }
}
