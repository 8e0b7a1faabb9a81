//! The watchdog: a test that hangs says who waits for what, instead of standing until somebody looks.

use std::env;
use std::io::{self, Write};
use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::alone;
use super::check::{same, says};
use crate::on_handloom::Handloom;
use crate::runtime::Runtime;

/// How long a claim may take: generous, for the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Another patience in milliseconds, for the test of the watchdog itself.
const OTHER_PATIENCE: &str = "HANDLOOM_CONFORMANCE_PATIENCE_MS";

/// How long the loop has to answer with its table.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A thread that aborts the process when a test takes too long.
pub(crate) struct Watchdog {
    /// Dropped to tell that the test is done.
    done: Option<Sender<()>>,
    /// The thread.
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches over a test; `last_words` is asked for a text when the time is up.
    fn over(test: &str, last_words: impl FnOnce() -> String + Send + 'static) -> Self {
        let (done, waits) = mpsc::channel::<()>();
        let test = test.to_owned();
        let other = env::var(OTHER_PATIENCE).ok().and_then(|millis| millis.parse().ok());
        let patience = other.map_or(PATIENCE, Duration::from_millis);
        let watch = move || {
            if waits.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                // Not `eprintln!`, which the test harness would keep for later.
                let text = format!(
                    "{test}: expected an end within {patience:?}, it hangs.\n{}\n",
                    last_words()
                );
                drop(io::stderr().write_all(text.as_bytes()));
                process::abort();
            }
        };
        let thread = thread::Builder::new().name("watchdog".into()).spawn(watch).unwrap();
        Self { done: Some(done), thread: Some(thread) }
    }

    /// Watches over a test on one runtime, whose own table of tasks are its last words.
    fn over_runtime<R: Runtime>(test: &str, remote: R::Remote) -> Self {
        Self::over(test, move || {
            let (answer, answered) = mpsc::channel();
            R::call(&remote, move || drop(answer.send(R::task_table())));
            match answered.recv_timeout(LAST_WORDS) {
                Ok(table) => format!("Who waits for what:\n  {table}"),
                Err(_) => {
                    "The loop does not answer: it is not inside block_on, or a task holds it."
                        .into()
                }
            }
        })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.done = None;
        if let Some(thread) = self.thread.take() {
            // It panics only when it could not be told, and then the test has failed already.
            drop(thread.join());
        }
    }
}

/// Runs a claim on a new runtime, watched.
pub(crate) fn watched<R: Runtime>(test: &str, claim: fn(&R)) {
    let runtime = R::new();
    let watchdog = Watchdog::over_runtime::<R>(test, runtime.remote());
    claim(&runtime);
    drop(watchdog);
}

/// Runs a claim with no way in from another thread: the runtime can find that it is stuck.
pub(crate) fn unwatched<R: Runtime>(test: &str, claim: fn(&R)) {
    let _watchdog = Watchdog::over(test, || "Nobody could be asked.".into());
    claim(&R::new());
}

/// Runs a claim, watched, in a process of its own.
pub(crate) fn alone<R: Runtime>(test: &str, claim: fn(&R)) {
    if alone::is_alone(test) {
        watched(test, claim);
    } else {
        alone::run_again(test);
    }
}

/// What a test that hangs looks like.
fn hangs(runtime: &Handloom) {
    runtime.block_on(async {
        let lazy = handloom::rt::spawn_named("lazy", std::future::pending::<()>());
        drop(lazy.await);
    });
}

#[test]
fn a_test_that_hangs_says_who_waits_for_what_and_is_ended() {
    let test = concat!(module_path!(), "::a_test_that_hangs_says_who_waits_for_what_and_is_ended");
    if alone::is_alone(test) {
        return watched(test, hangs);
    }
    let output = alone::again(test).env(OTHER_PATIENCE, "200").output().unwrap();
    same("watchdog", "the hanging test has passed", false, output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    says("watchdog", "its last words", "expected an end within 200ms, it hangs", &said);
    says("watchdog", "the main future", "(block_on), waits for the end of task 1", &said);
    says("watchdog", "the task", "task 1 \"lazy\", spawned at", &said);
}
