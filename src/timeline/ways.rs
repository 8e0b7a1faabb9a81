//! The same jobs in six ways: some requests, which wait, and some factorials, which compute.
//!
//! A factorial is computed as a loop in Python would: one multiplication after another. After each there is a chance to
//! look at the clock and at the GIL, so its lane can tell when the kernel gave the processor to another thread.
//!
//! **Invariants**
//! - Every way does every job and checks each answer: a page that did not come, or a wrong factorial, is an error.
//! - Processes are forked while this process has one thread, so the way with threads of the loop's pool comes last.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use num_bigint::BigUint;

use super::observer::LoopObserver;
use super::recorder::{Lane, Recorder, What};
use super::trace::Trace;
use crate::aio::{run_blocking, sleep};
use crate::fetch::site;
use crate::os::ThreadUsage;
use crate::processes::{ProcessPoolOptions, Supervisor};
use crate::rt::{EventLoop, spawn_named};
use crate::threads::gil::{Gil, SWITCH_INTERVAL};
use crate::web::client::{Options, asynchronous, blocking};
use crate::web::server::Config;

/// What does the jobs.
type Way = fn(&Arc<Run>) -> io::Result<()>;
/// Every way in the order of the picture, with what it is, in a line.
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

/// What a way works with.
struct Run {
    /// The names of the jobs: first the requests, then the factorials.
    jobs: Vec<String>,
    /// How many are requests.
    requests: usize,
    /// Where each request goes.
    url: String,
    /// The number whose factorial is computed, and that factorial.
    factorial: (u32, BigUint),
    /// Where events go.
    recorder: Arc<Recorder>,
}

/// Does the jobs in every way: so many requests, over each of which the server takes so long, and so many factorials, each
/// of which takes about so long on this machine. `tell` is called before each way.
///
/// # Errors
/// No process or thread could be started, or a job had a wrong answer.
pub fn run_all(
    (requests, wait): (usize, Duration),
    (factorials, computing): (usize, Duration),
    mut tell: impl FnMut(&'static str),
) -> io::Result<Vec<Trace>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}/slow?ms={}", listener.local_addr()?, wait.as_millis());
    // The site is a process: this one starts no thread before it forks, and the site's time is not that of the jobs.
    let serve = |stop: BorrowedFd<'_>| {
        let served = listener.try_clone().and_then(|listener| {
            let config = Config { head_timeout: options().whole, ..Config::default() };
            site::serve(listener, config, None, stop, &mut || Ok(()))
        });
        i32::from(served.is_err())
    };
    let _site = Supervisor::start(1, &serve)?;
    let names = |kind, count| (1..=count).map(move |number| format!("{kind} {number}"));
    // Another program can only slow this down.
    let factorial = factorial_that_takes(computing).max(factorial_that_takes(computing));
    let mut strips = Vec::new();
    for (title, do_all) in WAYS {
        tell(title);
        let run = Arc::new(Run {
            jobs: names("request", requests).chain(names("factorial", factorials)).collect(),
            requests,
            url: url.clone(),
            factorial: factorial.clone(),
            recorder: Arc::new(Recorder::new(100_000)?),
        });
        let before = ThreadUsage::of_process();
        do_all(&run)?;
        let usage = ThreadUsage::of_process().since(before);
        let work = [vec![wait; requests], vec![computing; factorials]].concat().iter().sum();
        strips.push(Trace { work, usage, ..Trace::new(title, &run.recorder) });
    }
    Ok(strips)
}

/// Finds a number whose factorial takes so long to compute, and returns both.
fn factorial_that_takes(computing: Duration) -> (u32, BigUint) {
    let (mut number, mut product) = (1, BigUint::from(1_u32));
    // Processor time: other programs do not count. The kernel may count it in steps of some milliseconds.
    let began = ThreadUsage::of_process();
    while ThreadUsage::of_process().since(began).cpu < computing {
        // The clock is read so seldom that it takes no part of the time.
        for _ in 0..20 {
            number += 1;
            product *= number;
        }
    }
    (number, product)
}

/// The options of a client. No request times out, however long a factorial holds the loop.
fn options() -> Options {
    let [connect, silence, whole] = [Duration::from_hours(1); 3];
    Options { connect, silence, whole, ..Options::default() }
}

impl Run {
    /// Does a job on this thread, and returns the factorial, or 0 after a request.
    ///
    /// Under a GIL it does as the interpreter would: a request releases the lock, a computation checks it.
    fn work(&self, lane: Lane, job: usize, gil: Option<&Gil>) -> io::Result<BigUint> {
        let name = &self.jobs[job];
        let enter = |state| self.recorder.note(lane, state, name);
        let mut held = gil.map(|gil| {
            enter(What::Lock);
            gil.attach()
        });
        let value = if job < self.requests {
            let fetch = || {
                enter(What::Blocked);
                let page = blocking::Client::new(options()).get(&self.url);
                enter(if gil.is_some() { What::Lock } else { What::Running });
                page
            };
            let page = held.as_mut().map_or_else(fetch, |held| held.allow_threads(fetch));
            enter(What::Running);
            page.map(|_| BigUint::ZERO).map_err(io::Error::other)
        } else {
            enter(What::Running);
            self.compute(|began| {
                let state = match &held {
                    Some(held) if held.check() => What::Lock,
                    // In this time it makes many steps. If one takes so long, the thread had no processor.
                    _ if began.elapsed() >= Duration::from_micros(400) => What::Ready,
                    _ => return,
                };
                self.recorder.note_at(began, lane, state, name);
                enter(What::Running);
            })
        };
        self.recorder.note(lane, What::Sends, format_args!("result of {name}"));
        self.recorder.note(lane, What::Idle, "");
        value
    }

    /// Computes the factorial and checks it. Calls `step` after each multiplication with the time at which that began.
    fn compute(&self, mut step: impl FnMut(Instant)) -> io::Result<BigUint> {
        let (number, answer) = &self.factorial;
        let mut product = BigUint::from(1_u32);
        for factor in 2..=*number {
            let began = Instant::now();
            product *= factor;
            step(began);
        }
        let is_right = product == *answer;
        is_right.then_some(product).ok_or_else(|| io::Error::other("a factorial is wrong"))
    }

    /// Does one job after another.
    fn sequential(&self) -> io::Result<()> {
        let main = self.recorder.lane("main thread");
        (0..self.jobs.len()).try_for_each(|job| self.work(main, job, None).map(drop))
    }

    /// Starts a thread for each job, and joins all.
    fn threads(&self, gil: Option<&Gil>) -> io::Result<()> {
        let main = self.recorder.lane("main thread");
        thread::scope(|scope| {
            self.recorder.note(main, What::Running, "starts threads");
            let start = |(job, name): (usize, &String)| {
                let lane = self.recorder.lane(format_args!("thread: {name}"));
                thread::Builder::new().spawn_scoped(scope, move || self.work(lane, job, gil))
            };
            let threads: io::Result<Vec<_>> = self.jobs.iter().enumerate().map(start).collect();
            self.recorder.note(main, What::Blocked, "joins the threads");
            for thread in threads? {
                thread.join().map_err(|_| io::Error::other("a job panicked"))??;
            }
            self.recorder.note(main, What::Idle, "");
            Ok(())
        })
    }

    /// Starts a process for each job, hands the jobs out, and takes the results.
    fn processes(self: &Arc<Self>) -> io::Result<()> {
        let (main, run) = (self.recorder.lane("main thread"), Arc::clone(self));
        let lane = |name: &String| self.recorder.lane(format_args!("process: {name}"));
        let lanes: Vec<_> = self.jobs.iter().map(lane).collect();
        self.recorder.note(main, What::Running, "starts processes");
        let options = ProcessPoolOptions { workers: lanes.len(), ..ProcessPoolOptions::default() };
        let pool = options.start(move |job: usize| {
            run.recorder.note(lanes[job], What::Running, "");
            run.recorder.note(lanes[job], What::Receives, &run.jobs[job]);
            let result = run.work(lanes[job], job, None);
            result.map(|value| value.to_bytes_le()).map_err(|error| error.to_string())
        })?;
        let mut handles = Vec::new();
        for (job, name) in self.jobs.iter().enumerate() {
            self.recorder.note(main, What::Sends, name);
            handles.push(pool.submit(job).map_err(io::Error::other)?);
        }
        self.recorder.note(main, What::Blocked, "waits for results");
        for (handle, name) in handles.into_iter().zip(&self.jobs) {
            handle.join().map_err(io::Error::other)?.map_err(io::Error::other)?;
            self.recorder.note(main, What::Receives, format_args!("result of {name}"));
        }
        self.recorder.note(main, What::Running, "ends the processes");
        drop(pool);
        self.recorder.note(main, What::Idle, "");
        Ok(())
    }

    /// Spawns a task for each job on an event loop of this thread, and one that only sleeps: it shows how late timers are.
    fn event_loop(self: &Arc<Self>, computes_beside: bool) -> io::Result<()> {
        let observer = LoopObserver::new(Arc::clone(&self.recorder));
        let event_loop = EventLoop::builder().slow_poll(None).observer(observer).build()?;
        event_loop.block_on(async {
            let client = Rc::new(asynchronous::Client::new(options()));
            drop(spawn_named("ticks every 50 ms", async {
                loop {
                    sleep(Duration::from_millis(50)).await;
                }
            }));
            let start = |(job, name): (usize, &String)| {
                let (run, client) = (Arc::clone(self), Rc::clone(&client));
                spawn_named(name, async move {
                    if job < run.requests {
                        return client.get(&run.url).await.map(drop).map_err(io::Error::other);
                    }
                    if !computes_beside {
                        return run.compute(|_| ()).map(drop);
                    }
                    let lane = run.recorder.lane(format_args!("thread: {}", run.jobs[job]));
                    let beside = run_blocking(move || run.work(lane, job, None));
                    beside.await.map_err(io::Error::other)?.map(drop)
                })
            };
            let tasks: Vec<_> = self.jobs.iter().enumerate().map(start).collect();
            for task in tasks {
                task.await.map_err(io::Error::other)??;
            }
            Ok(())
        })
    }
}
