//! The same jobs in six ways: some requests, which wait, and some factorials, which compute.
//!
//! A factorial is computed as a loop in Python would: one multiplication after another. After each there is a chance to
//! look at the clock and at the GIL, so its lane can tell when the kernel gave the processor to another thread.
//!
//! **Invariants**
//! - Every way does every job, and each answer is checked: a page that did not come, or a wrong factorial, is an error
//!   and no picture.
//! - Processes are forked while this process has one thread, so the way with threads of the loop's pool comes last.

use std::fmt;
use std::io;
use std::iter::repeat_n;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use num_bigint::BigUint;

use super::event::{State, What};
use super::observer::LoopObserver;
use super::recorder::{Notes, Recorder, Recording};
use super::trace::Trace;
use crate::aio::{run_blocking, sleep};
use crate::fetch::site;
use crate::os::{ThreadUsage, wait_readable};
use crate::processes::{ProcessPoolOptions, Supervisor};
use crate::rt::{EventLoop, spawn_named};
use crate::threads::gil::{Gil, SWITCH_INTERVAL};
use crate::web::client::{Failure, Options, asynchronous, blocking};
use crate::web::server::Config;

/// The events of a way that are kept.
const CAPACITY: u32 = 100_000;
/// What the thread that starts the jobs is called.
const MAIN: &str = "main thread";
/// The sleeps of the task that only sleeps, in the ways with a loop: it shows how late timers are.
const TICK: Duration = Duration::from_millis(50);
/// In this time a computation makes many steps. If one step takes so long, the thread had no processor.
const LOST_PROCESSOR: Duration = Duration::from_micros(400);

/// A way to do the jobs: what it is, in a line, and what does them.
type Way = (&'static str, fn(&Arc<Run>) -> io::Result<()>);

/// Every way, in the order of the picture.
const WAYS: [Way; 6] = [
    ("sequential: one thread, one job after another", |run| run.sequential()),
    ("threads: one for each job", |run| run.threads(None)),
    ("threads under a GIL: one for each job, and one computes at a time", |run| {
        run.threads(Some(&Gil::new(SWITCH_INTERVAL)))
    }),
    ("processes: one for each job", Run::processes),
    ("event loop: one thread, a task for each job", |run| run.event_loop(false)),
    ("event loop and threads: the factorials in run_blocking", |run| run.event_loop(true)),
];

/// What one way did.
#[derive(Clone, Debug)]
pub struct Strip {
    /// What it is, in a line.
    pub title: &'static str,
    /// What happened.
    pub trace: Trace,
    /// The events.
    pub recording: Recording,
    /// How long the jobs take together, one after another.
    pub work: Duration,
    /// Processor time and context switches of all threads and processes.
    pub usage: ThreadUsage,
}

/// The jobs.
#[derive(Clone, Debug)]
pub struct Workload {
    /// How many requests.
    pub requests: usize,
    /// How long the server takes over each.
    pub wait: Duration,
    /// How many factorials.
    pub factorials: usize,
    /// Of which number each is the factorial.
    pub number: u32,
    /// How long one takes alone.
    pub computing: Duration,
}

/// One job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    /// A request, by its place among the requests from 1.
    Request(usize),
    /// A factorial, likewise.
    Factorial(usize),
}

impl fmt::Display for Job {
    /// Writes its name, which is the same in every strip.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(number) => write!(f, "request {number}"),
            Self::Factorial(number) => write!(f, "factorial {number}"),
        }
    }
}

impl Workload {
    /// Makes a workload whose factorials take about `computing` on this machine.
    pub fn new(requests: usize, wait: Duration, factorials: usize, computing: Duration) -> Self {
        let mut workload = Self { requests, wait, factorials, number: 500, computing };
        // The time grows with the square of the number, for small numbers more slowly: a few times come near enough.
        for _ in 0..6 {
            let before = ThreadUsage::now().unwrap_or_default();
            drop(workload.factorial(|_| {}));
            // Processor time: other programs do not count. The kernel may count it in steps of some milliseconds.
            let took = ThreadUsage::now().unwrap_or_default().since(before).cpu;
            workload.computing = took.max(Duration::from_millis(1));
            if took.abs_diff(computing) * 30 < computing {
                break;
            }
            let square = u128::from(workload.number).pow(2) * computing.as_micros();
            let number = (square / workload.computing.as_micros()).isqrt();
            workload.number = u32::try_from(number).unwrap_or(u32::MAX).clamp(10, 1_000_000);
        }
        workload
    }

    /// The jobs, in the order in which they are started.
    fn jobs(&self) -> impl Iterator<Item = Job> {
        (1..=self.requests).map(Job::Request).chain((1..=self.factorials).map(Job::Factorial))
    }

    /// How long all jobs take together, one after another.
    pub fn work(&self) -> Duration {
        let waits = repeat_n(self.wait, self.requests);
        waits.chain(repeat_n(self.computing, self.factorials)).sum()
    }

    /// Computes the factorial, and calls `step` after each multiplication with the time at which that began.
    fn factorial(&self, mut step: impl FnMut(Instant)) -> BigUint {
        let mut product = BigUint::from(1_u32);
        for factor in 2..=self.number {
            let began = Instant::now();
            product *= factor;
            step(began);
        }
        product
    }
}

/// What a way works with.
struct Run {
    /// The jobs.
    workload: Workload,
    /// Where each request goes.
    url: String,
    /// The factorial.
    answer: BigUint,
    /// Where events go.
    recorder: Arc<Recorder>,
}

/// Does the jobs in every way. `tell` is called before each; nothing comes back if `stop` was readable by then.
///
/// # Errors
/// No process or thread could be started, or a job had a wrong answer.
///
/// # Blocking
/// As long as all ways take.
pub fn run_all(
    workload: &Workload,
    stop: BorrowedFd<'_>,
    mut tell: impl FnMut(&'static str),
) -> io::Result<Option<Vec<Strip>>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let (address, ms) = (listener.local_addr()?, workload.wait.as_millis());
    let url = format!("http://{address}/slow?ms={ms}");
    // The site is a process of its own: this one may not start a thread before it forks, and the time that the site
    // computes is not that of the jobs.
    let serve = |stop: BorrowedFd<'_>| {
        let served = listener.try_clone().and_then(|listener| {
            site::serve(listener, Config::default(), None, stop, &mut || Ok(()))
        });
        i32::from(served.is_err())
    };
    let _site = Supervisor::start(1, &serve)?;
    let (answer, work) = (workload.factorial(|_| {}), workload.work());
    let mut strips = Vec::new();
    for (title, do_all) in WAYS {
        if wait_readable(stop, Duration::ZERO)? {
            return Ok(None);
        }
        tell(title);
        let recorder = Arc::new(Recorder::new(CAPACITY)?);
        let (workload, url, answer) = (workload.clone(), url.clone(), answer.clone());
        let run = Arc::new(Run { workload, url, answer, recorder: Arc::clone(&recorder) });
        let (before, began) = (ThreadUsage::of_process(), Instant::now());
        do_all(&run)?;
        let (ended, usage) = (Instant::now(), ThreadUsage::of_process().since(before));
        let recording = recorder.recording();
        let [from, to] = [began, ended].map(|at| recorder.since_origin(at));
        let trace = Trace::new(&recording, from, to);
        strips.push(Strip { title, trace, recording, work, usage });
    }
    Ok(Some(strips))
}

impl Run {
    /// Makes a lane.
    fn lane(&self, name: impl fmt::Display) -> Notes {
        Notes::new(&self.recorder, name)
    }

    /// Checks what a job has computed: the factorial, or 0.
    fn checked(&self, value: BigUint) -> io::Result<BigUint> {
        let is_right = value == self.answer || value == BigUint::ZERO;
        is_right.then_some(value).ok_or_else(|| io::Error::other("a factorial is wrong"))
    }

    /// Does a job on this thread, and returns the factorial, or 0 after a request.
    ///
    /// Under a GIL it does as the interpreter would: a request releases the lock, a computation checks it. Then the lane
    /// runs from an instant after it has the lock to an instant before it releases it.
    fn work(&self, notes: &Notes, job: Job, gil: Option<&Gil>) -> io::Result<BigUint> {
        let mut held = gil.map(|gil| {
            notes.enter(State::Lock, job);
            gil.attach()
        });
        let value = match job {
            Job::Request(_) => {
                notes.enter(State::Blocked, job);
                let fetch = || blocking::Client::new(Options::default()).get(&self.url);
                let page = match &mut held {
                    None => fetch(),
                    Some(held) => held.allow_threads(|| {
                        let page = fetch();
                        notes.enter(State::Lock, job);
                        page
                    }),
                };
                notes.enter(State::Running, job);
                expect_page(page.map(|page| page.status().code())).map(|()| BigUint::ZERO)
            }
            Job::Factorial(_) => {
                notes.enter(State::Running, job);
                self.checked(self.workload.factorial(|since| {
                    if since.elapsed() >= LOST_PROCESSOR {
                        notes.was(State::Ready, since, job);
                    }
                    let Some(held) = &held else { return };
                    let asks = Instant::now();
                    if held.check() {
                        notes.was(State::Lock, asks, job);
                    }
                }))
            }
        };
        notes.enter(State::Idle, "");
        value
    }

    /// Does one job after another.
    fn sequential(&self) -> io::Result<()> {
        let main = self.lane(MAIN);
        self.workload.jobs().try_for_each(|job| self.work(&main, job, None).map(drop))
    }

    /// Starts a thread for each job, and joins all.
    fn threads(&self, gil: Option<&Gil>) -> io::Result<()> {
        let main = self.lane(MAIN);
        thread::scope(|scope| {
            main.enter(State::Running, "starts threads");
            let start = |job| {
                let notes = self.lane(format_args!("thread: {job}"));
                thread::Builder::new().spawn_scoped(scope, move || self.work(&notes, job, gil))
            };
            let threads = self.workload.jobs().map(start).collect::<io::Result<Vec<_>>>()?;
            main.enter(State::Blocked, "joins the threads");
            threads.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| io::Error::other("a job panicked"))?.map(drop)
            })
        })
    }

    /// Starts a process for each job, hands the jobs out, and takes the results.
    fn processes(self: &Arc<Self>) -> io::Result<()> {
        let (main, run) = (self.lane(MAIN), Arc::clone(self));
        let jobs: Vec<_> = self.workload.jobs().collect();
        main.enter(State::Running, "starts processes");
        let workers = jobs.len();
        let pool = ProcessPoolOptions { workers, ..ProcessPoolOptions::default() }.start({
            let jobs = jobs.clone();
            move |number: usize| {
                let job = jobs[number];
                let notes = run.lane(format_args!("process: {job}"));
                run.recorder.note(notes.lane, What::Receives, job);
                let result = run.work(&notes, job, None);
                run.recorder.note(notes.lane, What::Sends, format_args!("result of {job}"));
                result.map(|value| value.to_bytes_le()).map_err(|error| error.to_string())
            }
        })?;
        let mut handles = Vec::new();
        for (number, job) in jobs.iter().enumerate() {
            self.recorder.note(main.lane, What::Sends, job);
            handles.push((job, pool.submit(number).map_err(io::Error::other)?));
        }
        main.enter(State::Blocked, "waits for results");
        for (job, handle) in handles {
            let result = handle.join().map_err(io::Error::other)?.map_err(io::Error::other)?;
            self.recorder.note(main.lane, What::Receives, format_args!("result of {job}"));
            self.checked(BigUint::from_bytes_le(&result))?;
        }
        main.enter(State::Running, "ends the processes");
        drop(pool);
        Ok(())
    }

    /// Spawns a task for each job on an event loop of this thread, and one that only sleeps.
    fn event_loop(self: &Arc<Self>, computes_beside: bool) -> io::Result<()> {
        let observer = LoopObserver::new(self.lane("event loop"));
        let event_loop = EventLoop::builder().slow_poll(None).observer(observer).build()?;
        event_loop.block_on(async {
            let client = Rc::new(asynchronous::Client::new(Options::default()));
            let ticker = spawn_named("ticks every 50 ms", async {
                loop {
                    sleep(TICK).await;
                }
            });
            let start = |job: Job| {
                let (run, client) = (Arc::clone(self), Rc::clone(&client));
                spawn_named(&job.to_string(), async move {
                    match job {
                        Job::Request(_) => {
                            let page = client.get(&run.url).await;
                            expect_page(page.map(|page| page.status().code()))
                        }
                        Job::Factorial(_) if computes_beside => {
                            let beside = run_blocking(move || {
                                let name = format_args!("thread: {job}");
                                run.work(&run.lane(name), job, None)
                            });
                            beside.await.map_err(io::Error::other)?.map(drop)
                        }
                        Job::Factorial(_) => run.checked(run.workload.factorial(|_| {})).map(drop),
                    }
                })
            };
            let tasks: Vec<_> = self.workload.jobs().map(start).collect();
            for task in tasks {
                task.await.map_err(io::Error::other)??;
            }
            ticker.cancel();
            Ok(())
        })
    }
}

/// Checks that a page came.
fn expect_page(status: Result<u16, Failure>) -> io::Result<()> {
    match status {
        Ok(200) => Ok(()),
        Ok(other) => Err(io::Error::other(format!("the site answered with status {other}"))),
        Err(failure) => Err(io::Error::other(failure)),
    }
}
