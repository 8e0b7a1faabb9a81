//! The same jobs in six ways: some requests, which wait, and some factorials, which compute.
//!
//! A factorial is computed as a loop in Python would: one multiplication after another. After each there is a chance to
//! look at the clock and at the GIL, so its lane can tell when the kernel gave the processor to another thread.
//!
//! **Invariants**
//! - Every way does every job and checks each answer: a page that did not come, or a wrong factorial, is an error.
//! - Processes are forked while this process has one thread, so the way with threads of the loop's pool comes last.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use num_bigint::BigUint;

use super::observer::LoopObserver;
use super::recorder::{Lane, Recorder, State, What};
use super::trace::Trace;
use crate::aio::{run_blocking, sleep};
use crate::fetch::site;
use crate::os::ThreadUsage;
use crate::processes::{ProcessPoolOptions, Supervisor};
use crate::rt::{EventLoop, spawn_named};
use crate::threads::gil::{Gil, Held, SWITCH_INTERVAL};
use crate::web::client::{Options, asynchronous, blocking};
use crate::web::server::Config;

/// In this time a computation makes many steps. If one step takes so long, the thread had no processor.
const LOST_PROCESSOR: Duration = Duration::from_micros(400);

/// A way to do the jobs.
type Way = fn(&Arc<Run>) -> io::Result<()>;

/// Every way in the order of the picture: what it is, in a line, and what does the jobs.
const WAYS: [(&str, Way); 6] = [
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
    /// How long the jobs take together, one after another.
    pub work: Duration,
    /// Processor time and context switches of all threads and processes.
    pub usage: ThreadUsage,
}

/// A request, which waits, or a factorial, which computes. Its name is the same in every strip.
#[derive(Clone, Copy, Debug)]
struct Job {
    /// Whether it is a factorial.
    computes: bool,
    /// Its place among those of its kind, from 1.
    number: usize,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.computes { "factorial" } else { "request" }, self.number)
    }
}

/// The jobs.
#[derive(Clone, Debug)]
pub struct Workload {
    /// In the order in which they are started.
    jobs: Vec<Job>,
    /// How long the server takes over each request.
    pub wait: Duration,
    /// Of which number each factorial is.
    number: u32,
    /// That factorial.
    answer: BigUint,
    /// How long one takes alone.
    pub computing: Duration,
}

impl Workload {
    /// Makes a workload whose factorials take about `computing` on this machine.
    pub fn new(requests: usize, wait: Duration, factorials: usize, computing: Duration) -> Self {
        let job = |computes| move |number| Job { computes, number };
        let jobs = (1..=requests).map(job(false)).chain((1..=factorials).map(job(true))).collect();
        // Processor time: other programs do not count. The kernel may count it in steps of some milliseconds.
        let began = ThreadUsage::of_process();
        let mut workload = Self { jobs, wait, number: 1, answer: 1_u32.into(), computing };
        loop {
            workload.computing = ThreadUsage::of_process().since(began).cpu;
            if workload.computing >= computing || workload.number > 1_000_000 {
                return workload;
            }
            // The clock is read so seldom that it takes no part of the time.
            for _ in 0..20 {
                workload.number += 1;
                workload.answer *= workload.number;
            }
        }
    }

    /// Computes the factorial and checks it. Calls `step` after each multiplication with the time at which that began.
    fn factorial(&self, mut step: impl FnMut(Instant)) -> io::Result<BigUint> {
        let mut product = BigUint::from(1_u32);
        for factor in 2..=self.number {
            let began = Instant::now();
            product *= factor;
            step(began);
        }
        let is_right = product == self.answer;
        is_right.then_some(product).ok_or_else(|| io::Error::other("a factorial is wrong"))
    }
}

/// What a way works with.
struct Run {
    /// The jobs.
    workload: Workload,
    /// Where each request goes.
    url: String,
    /// Where events go.
    recorder: Arc<Recorder>,
}

/// Does the jobs in every way. `tell` is called before each.
///
/// # Errors
/// No process or thread could be started, or a job had a wrong answer.
///
/// # Blocking
/// As long as all ways take.
pub fn run_all(workload: &Workload, mut tell: impl FnMut(&'static str)) -> io::Result<Vec<Strip>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let (address, ms) = (listener.local_addr()?, workload.wait.as_millis());
    let url = format!("http://{address}/slow?ms={ms}");
    // The site is a process of its own: this one may not start a thread before it forks, and the time that the site
    // computes is not that of the jobs.
    let serve = |stop: BorrowedFd<'_>| {
        let served = listener.try_clone().and_then(|listener| {
            let config = Config { head_timeout: options().whole, ..Config::default() };
            site::serve(listener, config, None, stop, &mut || Ok(()))
        });
        i32::from(served.is_err())
    };
    let _site = Supervisor::start(1, &serve)?;
    let times = |job: &Job| if job.computes { workload.computing } else { workload.wait };
    let work = workload.jobs.iter().map(times).sum();
    let mut strips = Vec::new();
    for (title, do_all) in WAYS {
        tell(title);
        let (workload, url) = (workload.clone(), url.clone());
        let run = Arc::new(Run { workload, url, recorder: Arc::new(Recorder::new(100_000)?) });
        let before = ThreadUsage::of_process();
        do_all(&run)?;
        let usage = ThreadUsage::of_process().since(before);
        let trace = Trace::new(&run.recorder.recording());
        strips.push(Strip { title, trace, work, usage });
    }
    Ok(strips)
}

/// The options of a client. No request times out, however long a factorial holds the loop.
fn options() -> Options {
    let [connect, silence, whole] = [Duration::from_hours(1); 3];
    Options { connect, silence, whole, ..Options::default() }
}

impl Run {
    /// Does a job on this thread, and returns the factorial, or 0 after a request.
    ///
    /// Under a GIL it does as the interpreter would: a request releases the lock, a computation checks it. Then the lane
    /// runs from an instant after it has the lock to an instant before it releases it.
    fn work(&self, lane: Lane, job: Job, gil: Option<&Gil>) -> io::Result<BigUint> {
        let enter = |state| self.recorder.enter(lane, state, job);
        let was = |state, since| self.recorder.was(lane, state, since, job);
        let mut held = gil.map(|gil| {
            enter(State::Lock);
            gil.attach()
        });
        let value = if job.computes {
            enter(State::Running);
            self.workload.factorial(|since| {
                if since.elapsed() >= LOST_PROCESSOR {
                    was(State::Ready, since);
                }
                let asks = Instant::now();
                if held.as_ref().is_some_and(Held::check) {
                    was(State::Lock, asks);
                }
            })
        } else {
            let fetch = || {
                enter(State::Blocked);
                let page = blocking::Client::new(options()).get(&self.url);
                enter(if gil.is_some() { State::Lock } else { State::Running });
                page
            };
            let page = match &mut held {
                Some(held) => held.allow_threads(fetch),
                None => fetch(),
            };
            enter(State::Running);
            page.map(|_| BigUint::ZERO).map_err(io::Error::other)
        };
        self.recorder.note(lane, What::Sends, format_args!("result of {job}"));
        self.recorder.enter(lane, State::Idle, "");
        value
    }

    /// Does one job after another.
    fn sequential(&self) -> io::Result<()> {
        let main = self.recorder.lane("main thread");
        self.workload.jobs.iter().try_for_each(|job| self.work(main, *job, None).map(drop))
    }

    /// Starts a thread for each job, and joins all.
    fn threads(&self, gil: Option<&Gil>) -> io::Result<()> {
        let main = self.recorder.lane("main thread");
        thread::scope(|scope| {
            self.recorder.enter(main, State::Running, "starts threads");
            let start = |&job| {
                let lane = self.recorder.lane(format_args!("thread: {job}"));
                thread::Builder::new().spawn_scoped(scope, move || self.work(lane, job, gil))
            };
            let threads = self.workload.jobs.iter().map(start).collect::<io::Result<Vec<_>>>()?;
            self.recorder.enter(main, State::Blocked, "joins the threads");
            for thread in threads {
                thread.join().map_err(|_| io::Error::other("a job panicked"))??;
            }
            self.recorder.enter(main, State::Idle, "");
            Ok(())
        })
    }

    /// Starts a process for each job, hands the jobs out, and takes the results.
    fn processes(self: &Arc<Self>) -> io::Result<()> {
        let (main, run) = (self.recorder.lane("main thread"), Arc::clone(self));
        let jobs = &self.workload.jobs;
        let lane = |job: &Job| self.recorder.lane(format_args!("process: {job}"));
        let lanes: Vec<_> = jobs.iter().map(lane).collect();
        self.recorder.enter(main, State::Running, "starts processes");
        let options = ProcessPoolOptions { workers: jobs.len(), ..ProcessPoolOptions::default() };
        let pool = options.start(move |number: usize| {
            let (job, lane) = (run.workload.jobs[number], lanes[number]);
            run.recorder.enter(lane, State::Running, job);
            run.recorder.note(lane, What::Receives, job);
            let result = run.work(lane, job, None);
            result.map(|value| value.to_bytes_le()).map_err(|error| error.to_string())
        })?;
        let mut handles = Vec::new();
        for (number, job) in jobs.iter().enumerate() {
            self.recorder.note(main, What::Sends, job);
            handles.push((job, pool.submit(number).map_err(io::Error::other)?));
        }
        self.recorder.enter(main, State::Blocked, "waits for results");
        for (job, handle) in handles {
            handle.join().map_err(io::Error::other)?.map_err(io::Error::other)?;
            self.recorder.note(main, What::Receives, format_args!("result of {job}"));
        }
        self.recorder.enter(main, State::Running, "ends the processes");
        drop(pool);
        self.recorder.enter(main, State::Idle, "");
        Ok(())
    }

    /// Spawns a task for each job on an event loop of this thread, and one that only sleeps: it shows how late timers are.
    fn event_loop(self: &Arc<Self>, computes_beside: bool) -> io::Result<()> {
        let observer = LoopObserver::new(Arc::clone(&self.recorder));
        let event_loop = EventLoop::builder().slow_poll(None).observer(observer).build()?;
        event_loop.block_on(async {
            let client = Rc::new(asynchronous::Client::new(options()));
            let ticker = spawn_named("ticks every 50 ms", async {
                loop {
                    sleep(Duration::from_millis(50)).await;
                }
            });
            let start = |&job: &Job| {
                let (run, client) = (Arc::clone(self), Rc::clone(&client));
                spawn_named(&job.to_string(), async move {
                    if !job.computes {
                        return client.get(&run.url).await.map(drop).map_err(io::Error::other);
                    }
                    if !computes_beside {
                        return run.workload.factorial(|_| {}).map(drop);
                    }
                    let lane = run.recorder.lane(format_args!("thread: {job}"));
                    let beside = run_blocking(move || run.work(lane, job, None));
                    beside.await.map_err(io::Error::other)?.map(drop)
                })
            };
            let tasks: Vec<_> = self.workload.jobs.iter().map(start).collect();
            for task in tasks {
                task.await.map_err(io::Error::other)??;
            }
            ticker.cancel();
            Ok(())
        })
    }
}
