//! The same jobs in six ways: which thread, process or task does which job, and what each notes.
//!
//! **Invariants**
//! - `WAYS-1` Every way does every job, and each answer is checked: a page that did not come, or a wrong factorial, is
//!   an error and no picture.
//! - `WAYS-2` Processes are forked while this process has one thread, so the ways with threads of a pool come last.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use num_bigint::BigUint;

use super::event::{LaneId, LaneKind, State, What};
use super::recorder::{LoopObserver, Recorder, Recording};
use super::trace::Trace;
use super::workload::{Job, Notes, Workload, factorial};
use crate::aio::{run_blocking, sleep};
use crate::fetch::site;
use crate::os::process::{self, Exit, Fork, Pid};
use crate::os::{PollFd, ThreadUsage, poll, wait_readable};
use crate::processes::Supervisor;
use crate::rt::{EventLoop, JoinHandle, spawn_named};
use crate::threads::gil::{Gil, SWITCH_INTERVAL};
use crate::web::client::{Failure, Options, asynchronous, blocking};
use crate::web::server::Config;

/// The events of a way that are kept.
const CAPACITY: u32 = 100_000;
/// The sleeps of the task that only sleeps, in the ways with a loop: it shows how late timers are.
const TICK: Duration = Duration::from_millis(50);
/// The name of that task.
const TICKER: &str = "ticks every 50 ms";

/// A way to do the jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One thread, one job after another.
    Sequential,
    /// A thread for each job.
    Threads,
    /// A thread for each job, of which only one at a time may compute.
    Gil,
    /// A process for each job.
    Processes,
    /// A task for each job, on one thread.
    Loop,
    /// The same, with the factorials on threads beside the loop.
    LoopAndThreads,
}

impl Way {
    /// Every way, in the order of the picture.
    pub const ALL: [Self; 6] = [
        Self::Sequential,
        Self::Threads,
        Self::Gil,
        Self::Processes,
        Self::Loop,
        Self::LoopAndThreads,
    ];

    /// What it is, in a line.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sequential => "sequential: one thread, one job after another",
            Self::Threads => "threads: one for each job",
            Self::Gil => "threads under a GIL: one for each job, and one computes at a time",
            Self::Processes => "processes: one for each job",
            Self::Loop => "event loop: one thread, a task for each job",
            Self::LoopAndThreads => "event loop and threads: the factorials in run_blocking",
        }
    }
}

/// What one way did.
#[derive(Clone, Debug)]
pub struct Strip {
    /// Which.
    pub way: Way,
    /// What happened.
    pub trace: Trace,
    /// The events.
    pub recording: Recording,
    /// How long the jobs take together, one after another.
    pub work: Duration,
}

/// What a way works with.
struct Run<'a> {
    /// The jobs.
    workload: &'a Workload,
    /// Where each request goes.
    url: &'a str,
    /// The factorial.
    answer: &'a BigUint,
    /// Where events go.
    recorder: Arc<Recorder>,
    /// The lane of the thread that starts the jobs.
    main: LaneId,
}

/// Does the jobs in every way. `tell` is called before each; nothing comes back if `stop` was readable by then.
///
/// # Errors
/// No process or thread could be started, or a job had a wrong answer (`WAYS-1`).
///
/// # Blocking
/// As long as all ways take.
pub fn run_all(
    workload: &Workload,
    stop: BorrowedFd<'_>,
    mut tell: impl FnMut(Way),
) -> io::Result<Option<Vec<Strip>>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}/slow?ms={}", listener.local_addr()?, workload.wait_ms);
    // The site is a process of its own: this one has to stay alone with its thread (WAYS-2), and the time that the
    // site computes is not that of the jobs.
    let serve = |stop: BorrowedFd<'_>| {
        let served = listener.try_clone().and_then(|listener| {
            site::serve(listener, Config::default(), None, stop, &mut || Ok(()))
        });
        i32::from(served.is_err())
    };
    let _site = Supervisor::start(1, &serve)?;
    let answer = factorial(workload.number, |_| {});
    let mut strips = Vec::new();
    for way in Way::ALL {
        if wait_readable(stop, Duration::ZERO)? {
            return Ok(None);
        }
        tell(way);
        let recorder = Arc::new(Recorder::new(CAPACITY)?);
        let main = match way {
            Way::Loop | Way::LoopAndThreads => 0,
            _ => recorder.lane(LaneKind::Thread, "main thread"),
        };
        let run = Run { workload, url: &url, answer: &answer, recorder, main };
        strips.push(run.strip(way)?);
    }
    Ok(Some(strips))
}

impl Run<'_> {
    /// Does the jobs in one way.
    fn strip(&self, way: Way) -> io::Result<Strip> {
        let notes = self.notes(self.main);
        let (before, began) = (ThreadUsage::now()?, Instant::now());
        match way {
            Way::Sequential => {
                self.workload.jobs().into_iter().try_for_each(|job| self.work(notes, job).map(drop))
            }
            Way::Threads => self.threads(|notes, job| self.work(notes, job).map(drop)),
            Way::Gil => {
                let gil = Gil::new(SWITCH_INTERVAL);
                self.threads(|notes, job| self.work_under(&gil, notes, job))
            }
            Way::Processes => self.processes(),
            Way::Loop => self.event_loop(false),
            Way::LoopAndThreads => self.event_loop(true),
        }?;
        let ended = Instant::now();
        notes.end(before);
        let recording = self.recorder.recording();
        let [from, to] = [began, ended].map(|at| self.recorder.since_origin(at));
        let trace = Trace::new(&recording, from, to);
        Ok(Strip { way, trace, recording, work: self.workload.work() })
    }

    /// The notes of a lane.
    fn notes(&self, lane: LaneId) -> Notes<'_> {
        Notes { recorder: &self.recorder, lane }
    }

    /// Fetches the page, and checks it.
    fn fetch(&self) -> io::Result<()> {
        let page = blocking::Client::new(Options::default()).get(self.url);
        expect_page(page.map(|page| page.status().code()))
    }

    /// Does a job on this thread, and returns the factorial, or 0 after a request.
    fn work(&self, notes: Notes<'_>, job: Job) -> io::Result<BigUint> {
        let mut value = BigUint::ZERO;
        if let Job::Factorial(_) = job {
            notes.enter(State::Running, job);
            value = factorial(self.workload.number, |since| notes.step(since, job));
            expect_equal(&value, self.answer)?;
        } else {
            notes.enter(State::Blocked, job);
            self.fetch()?;
        }
        notes.enter(State::Running, "");
        Ok(value)
    }

    /// Does a job under the GIL, as the interpreter would: a request releases the lock, a computation checks it.
    ///
    /// A lane runs from an instant after it has the lock to an instant before it releases it.
    fn work_under(&self, gil: &Gil, notes: Notes<'_>, job: Job) -> io::Result<()> {
        notes.enter(State::Lock, job);
        let mut held = gil.attach();
        notes.enter(State::Running, job);
        let done = match job {
            Job::Request(_) => {
                notes.enter(State::Blocked, job);
                let fetched = held.allow_threads(|| {
                    let fetched = self.fetch();
                    notes.enter(State::Lock, job);
                    fetched
                });
                notes.enter(State::Running, job);
                fetched
            }
            Job::Factorial(_) => {
                let value = factorial(self.workload.number, |since| {
                    notes.step(since, job);
                    let asks = Instant::now();
                    if held.check() {
                        notes.was(State::Lock, asks, job);
                    }
                });
                expect_equal(&value, self.answer)
            }
        };
        notes.enter(State::Idle, "");
        done
    }

    /// Starts a thread for each job, and joins all.
    fn threads(&self, work: impl Fn(Notes<'_>, Job) -> io::Result<()> + Sync) -> io::Result<()> {
        let main = self.notes(self.main);
        thread::scope(|scope| {
            let mut threads = Vec::new();
            main.enter(State::Running, "starts threads");
            for job in self.workload.jobs() {
                let notes = self.notes(self.recorder.lane(LaneKind::Thread, job));
                let work = &work;
                threads.push(thread::Builder::new().spawn_scoped(scope, move || {
                    let done = work(notes, job);
                    notes.end(ThreadUsage::default());
                    done
                })?);
            }
            main.enter(State::Blocked, "joins the threads");
            for thread in threads {
                thread.join().map_err(|_| io::Error::other("a job panicked"))??;
            }
            Ok(())
        })
    }

    /// Forks a process for each job, and receives the results as they come.
    fn processes(&self) -> io::Result<()> {
        let main = self.notes(self.main);
        let parent = process::pid();
        let mut children = Vec::new();
        for job in self.workload.jobs() {
            main.enter(State::Running, "forks");
            let notes = self.notes(self.recorder.lane(LaneKind::Process, job));
            let (ours, theirs) = UnixStream::pair()?;
            notes.enter(State::Ready, job);
            self.recorder.note(self.main, What::Sends(notes.lane), "fork");
            match process::fork()? {
                Fork::Parent(child) => children.push((job, notes.lane, child, ours)),
                Fork::Child => {
                    self.recorder.note(notes.lane, What::Receives(self.main), "");
                    // Nothing may unwind into the frames of the parent, of which this process has a copy.
                    let live = AssertUnwindSafe(|| self.live(parent, notes, job, &theirs));
                    process::exit_now(i32::from(!matches!(catch_unwind(live), Ok(Ok(())))));
                }
            }
        }
        while !children.is_empty() {
            main.enter(State::Blocked, "waits for results");
            let mut fds: Vec<_> =
                children.iter().map(|(.., stream)| PollFd::readable(stream.as_fd())).collect();
            poll(&mut fds, None)?;
            let ready = fds.iter().position(PollFd::is_ready).unwrap_or(0);
            let (job, lane, mut child, mut stream) = children.swap_remove(ready);
            main.enter(State::Running, "receives");
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes)?;
            self.recorder.note(self.main, What::Receives(lane), "");
            let exit = child.wait()?;
            if exit != Exit::Code(0) {
                return Err(io::Error::other(format!("the process of {job} ended with {exit}")));
            }
            if let Job::Factorial(_) = job {
                expect_equal(&BigUint::from_bytes_le(&bytes), self.answer)?;
            }
        }
        Ok(())
    }

    /// What a child does: its job, and it sends the result.
    fn live(
        &self,
        parent: Pid,
        notes: Notes<'_>,
        job: Job,
        mut stream: &UnixStream,
    ) -> io::Result<()> {
        process::die_with_parent(parent)?;
        let result = self.work(notes, job)?.to_bytes_le();
        notes.enter(State::Running, "sends its result");
        self.recorder.note(notes.lane, What::Sends(self.main), "");
        stream.write_all(&result)?;
        notes.end(ThreadUsage::default());
        Ok(())
    }

    /// Spawns a task for each job on an event loop of this thread, and one that only sleeps.
    fn event_loop(&self, computes_beside: bool) -> io::Result<()> {
        let observer = LoopObserver::new(Arc::clone(&self.recorder), "event loop");
        let event_loop = EventLoop::builder().slow_poll(None).observer(observer).build()?;
        event_loop.block_on(async {
            let client = Rc::new(asynchronous::Client::new(Options::default()));
            let ticker = spawn_named(TICKER, async {
                loop {
                    sleep(TICK).await;
                }
            });
            let mut tasks: Vec<JoinHandle<io::Result<()>>> = Vec::new();
            for job in self.workload.jobs() {
                let name = job.to_string();
                let (number, answer) = (self.workload.number, self.answer.clone());
                let recorder = Arc::clone(&self.recorder);
                let (client, url) = (Rc::clone(&client), self.url.to_owned());
                tasks.push(match job {
                    Job::Request(_) => spawn_named(&name, async move {
                        expect_page(client.get(&url).await.map(|page| page.status().code()))
                    }),
                    Job::Factorial(_) if computes_beside => spawn_named(&name, async move {
                        let value = run_blocking(move || compute_beside(&recorder, number, job));
                        expect_equal(&value.await.map_err(io::Error::other)?, &answer)
                    }),
                    Job::Factorial(_) => spawn_named(&name, async move {
                        expect_equal(&factorial(number, |_| {}), &answer)
                    }),
                });
            }
            for task in tasks {
                task.await.map_err(io::Error::other)??;
            }
            ticker.cancel();
            Ok(())
        })
    }
}

/// Computes the factorial on a thread beside the loop, with a lane of its own.
fn compute_beside(recorder: &Recorder, number: u32, job: Job) -> BigUint {
    let lane = recorder.lane(LaneKind::Thread, format_args!("thread: {job}"));
    let notes = Notes { recorder, lane };
    let before = ThreadUsage::now().unwrap_or_default();
    notes.enter(State::Running, job);
    let value = factorial(number, |since| notes.step(since, job));
    notes.end(before);
    value
}

/// Checks that a page came (`WAYS-1`).
fn expect_page(status: Result<u16, Failure>) -> io::Result<()> {
    match status {
        Ok(200) => Ok(()),
        Ok(other) => Err(io::Error::other(format!("the site answered with status {other}"))),
        Err(failure) => Err(io::Error::other(failure)),
    }
}

/// Checks a factorial (`WAYS-1`).
fn expect_equal(value: &BigUint, answer: &BigUint) -> io::Result<()> {
    if value == answer { Ok(()) } else { Err(io::Error::other("a factorial is wrong")) }
}
