//! What the event loop costs, beside tokio's local runtime and, where there is one, the bare
//! mechanism.
//!
//! `cargo bench -p handloom-benches --bench event_loop` runs all; add a group's name for one. Within a group the ids
//! are equal but for the runtime's name, and both run the same lines of the trait [`Subject`], so a
//! ratio is a ratio of like to like. Times are per operation:
//!
//! | group | operation | metric |
//! | --- | --- | --- |
//! | `spawn_join` | spawn a task that is done at once, await its handle | wall time |
//! | `yield` | one yield of one of [`YIELDERS`] tasks | wall time |
//! | `hop` | one message over a local queue of capacity 1 to a task that waits for it | wall time |
//! | `timer/N_alive` | make a timer, arm it, drop it, while N others are armed | wall time |
//! | `timers_at_once` | fire [`AT_ONCE`] timers with one deadline | CPU time of the thread |
//! | `timers_in_a_second` | fire [`MANY`] timers spread over one second | CPU time of the thread |
//! | `sleep_lateness` | how late a sleep of 1 to 3 ms ends | wall time beyond the deadline |
//! | `wake_from_thread` | from a wake on another thread until the sleeping loop runs the task | wall time |
//! | `trace` | one note of a recorder; a yield as above, in a loop that is traced: a wake and a poll are noted | wall time |
//!
//! What would change the conclusions: a busy machine (`wake_from_thread` wants a core for each
//! thread), and for `timer` an executor whose timers live in the future itself, since ours are a
//! table's.

use std::future::poll_fn;
use std::hint::black_box;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use criterion::async_executor::AsyncExecutor;
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use handloom::rt::EventLoop;
use handloom::timeline::{LoopObserver, Recorder, What};

#[path = "event_loop/bare.rs"]
mod bare;
#[path = "event_loop/on_tokio.rs"]
mod on_tokio;
#[path = "event_loop/ours.rs"]
mod ours;

/// Tasks that yield to one another. With one alone, tokio would ask the selector at every yield.
const YIELDERS: u64 = 1_000;

/// Timers with one deadline.
const AT_ONCE: u32 = 10_000;

/// Timers in the large groups.
const MANY: u32 = 100_000;

/// What is measured of an event loop. Its methods are what differs between the two; the rest of
/// this file is the same for both.
trait Subject: AsyncExecutor + Default {
    /// The last part of every id.
    const NAME: &str;
    /// What [`sleep`](Self::sleep) gives.
    type Sleep: Future<Output = ()> + 'static;
    /// A local queue of capacity 1, as its two ends.
    type Sender: 'static;
    /// The other end.
    type Receiver: 'static;

    /// Spawns a task and waits for its value.
    async fn spawn_join<T: 'static>(future: impl Future<Output = T> + 'static) -> T;
    /// Spawns all, then waits for all.
    async fn join_all(futures: impl Iterator<Item = impl Future<Output = ()> + 'static>);
    /// Goes to the end of the run queue.
    async fn yield_now();
    /// A timer.
    fn sleep(duration: Duration) -> Self::Sleep;
    /// A queue.
    fn queue() -> (Self::Sender, Self::Receiver);
    /// Puts one message in, waits for room.
    async fn send(sender: &Self::Sender, message: u64);
    /// Takes one message out, waits for it.
    async fn receive(receiver: &mut Self::Receiver) -> u64;
}

/// Spawns and joins, one after another.
async fn spawn_join<S: Subject>(times: u64) -> Duration {
    let start = Instant::now();
    for n in 0..times {
        black_box(S::spawn_join(async move { black_box(n) }).await);
    }
    start.elapsed()
}

/// All tasks yield in turn, until there were `times` yields in all.
async fn yields<S: Subject>(times: u64) -> Duration {
    let start = Instant::now();
    let share = move |task| times / YIELDERS + u64::from(task < times % YIELDERS);
    S::join_all((0..YIELDERS.min(times)).map(|task| async move {
        for _ in 0..share(task) {
            S::yield_now().await;
        }
    }))
    .await;
    start.elapsed()
}

/// Two tasks throw a ball; each throw is one hop.
async fn hops<S: Subject>(times: u64) -> Duration {
    let (to_echo, mut at_echo) = S::queue();
    let (to_us, mut at_us) = S::queue();
    let rounds = times.div_ceil(2);
    let echo = async move {
        for _ in 0..rounds {
            let ball = S::receive(&mut at_echo).await;
            S::send(&to_us, ball).await;
        }
    };
    let thrower = async move {
        for ball in 0..rounds {
            S::send(&to_echo, ball).await;
            assert_eq!(S::receive(&mut at_us).await, ball, "expected the ball that was thrown");
        }
    };
    let start = Instant::now();
    // Boxed, because the two are of different types and `join_all` takes one.
    let both: [std::pin::Pin<Box<dyn Future<Output = ()>>>; 2] =
        [Box::pin(echo), Box::pin(thrower)];
    S::join_all(both.into_iter()).await;
    start.elapsed()
}

/// Polls a timer once, which arms it.
async fn arm<S: Subject>(sleep: &mut std::pin::Pin<&mut S::Sleep>) {
    poll_fn(|cx| {
        assert!(sleep.as_mut().poll(cx).is_pending(), "expected a timer of an hour to wait");
        Poll::Ready(())
    })
    .await;
}

/// Makes, arms and drops timers while `alive` others are armed.
async fn timers<S: Subject>(times: u64, alive: u32) -> Duration {
    let hour = Duration::from_hours(1);
    let mut others: Vec<_> = (0..alive)
        .map(|n| Box::pin(S::sleep(hour + Duration::from_millis(u64::from(n % 10_000)))))
        .collect();
    for other in &mut others {
        arm::<S>(&mut other.as_mut()).await;
    }
    let start = Instant::now();
    for n in 0..times {
        let sleep = std::pin::pin!(S::sleep(hour + Duration::from_millis(n % 10_000)));
        arm::<S>(&mut { sleep }).await;
    }
    start.elapsed()
}

/// Tasks that sleep until points spread evenly over one second; returns the CPU time it took.
async fn second_of_timers<S: Subject>(times: u64) -> Duration {
    let gap = Duration::from_secs(1) / MANY;
    let mut spent = Duration::ZERO;
    for _ in 0..times {
        let start = cpu_time();
        S::join_all((1..=MANY).map(|n| S::sleep(gap * n))).await;
        spent += cpu_time().saturating_sub(start);
    }
    spent
}

/// Tasks that sleep until one and the same point; returns the CPU time it took.
async fn timers_at_once<S: Subject>(times: u64) -> Duration {
    let mut spent = Duration::ZERO;
    for _ in 0..times {
        let start = cpu_time();
        S::join_all((0..AT_ONCE).map(|_| S::sleep(Duration::from_millis(100)))).await;
        spent += cpu_time().saturating_sub(start);
    }
    spent
}

/// How late short sleeps end, in all.
async fn lateness<S: Subject>(times: u64) -> Duration {
    let mut late = Duration::ZERO;
    for n in 0..times {
        // Not a whole number of milliseconds, since epoll counts these.
        let wanted = Duration::from_micros(1_000 + n * 137 % 2_000);
        let start = Instant::now();
        S::sleep(wanted).await;
        late += start.elapsed().checked_sub(wanted).expect("holds because no timer is early");
    }
    late
}

/// What another thread leaves for a task: the moment at which it woke it.
#[derive(Default)]
struct Bell(Mutex<(Option<Instant>, Option<Waker>)>);

impl Bell {
    /// Notes the time, wakes the task.
    fn ring(&self) {
        let mut inside = self.0.lock().expect("holds because nobody panics with the lock");
        inside.0 = Some(Instant::now());
        let waker = inside.1.take();
        drop(inside);
        // On a busy machine the task may not have come so far; it finds the time then.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for the next ring; returns when it was.
    async fn rung(&self) -> Instant {
        poll_fn(|cx| {
            let mut inside = self.0.lock().expect("holds because nobody panics with the lock");
            if let Some(rung) = inside.0.take() {
                return Poll::Ready(rung);
            }
            inside.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Starts a thread that rings some time after each request, when the loop has surely gone to sleep.
fn ringer(mut ring: impl FnMut() + Send + 'static) -> (mpsc::Sender<()>, thread::JoinHandle<()>) {
    let (requests, incoming) = mpsc::channel();
    let thread = thread::spawn(move || {
        while incoming.recv().is_ok() {
            thread::sleep(Duration::from_micros(200));
            ring();
        }
    });
    (requests, thread)
}

/// The time from a wake on another thread until the task runs.
async fn wakes<S: Subject>(times: u64) -> Duration {
    let bell = Arc::new(Bell::default());
    let (requests, thread) = ringer({
        let bell = Arc::clone(&bell);
        move || bell.ring()
    });
    let mut spent = Duration::ZERO;
    for _ in 0..times {
        requests.send(()).expect("holds because the ringer waits for requests");
        spent += bell.rung().await.elapsed();
    }
    drop(requests);
    thread.join().expect("holds because the ringer does not panic");
    spent
}

/// The CPU time of this thread. Linux tells it in nanoseconds, though it brings the number up to
/// date only when the thread sleeps or at a timer interrupt: some milliseconds at worst.
fn cpu_time() -> Duration {
    thread::sleep(Duration::from_micros(1));
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.expect("holds because Linux keeps schedstat"))
}

/// Registers every group for one subject.
fn groups<S: Subject>(c: &mut Criterion) {
    c.benchmark_group("spawn_join")
        .bench_function(S::NAME, |b| b.to_async(S::default()).iter_custom(spawn_join::<S>));
    c.benchmark_group("yield")
        .bench_function(S::NAME, |b| b.to_async(S::default()).iter_custom(yields::<S>));
    c.benchmark_group("hop")
        .bench_function(S::NAME, |b| b.to_async(S::default()).iter_custom(hops::<S>));
    for alive in [0, MANY] {
        c.benchmark_group(format!("timer/{alive}_alive")).bench_function(S::NAME, |b| {
            b.to_async(S::default()).iter_custom(|times| timers::<S>(times, alive));
        });
    }
    c.benchmark_group("timers_at_once")
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .bench_function(S::NAME, |b| b.to_async(S::default()).iter_custom(timers_at_once::<S>));
    c.benchmark_group("timers_in_a_second")
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .bench_function(S::NAME, |b| b.to_async(S::default()).iter_custom(second_of_timers::<S>));
    c.benchmark_group("sleep_lateness")
        .sample_size(20)
        .bench_function(S::NAME, |b| b.to_async(S::default()).iter_custom(lateness::<S>));
    c.benchmark_group("wake_from_thread")
        .sample_size(20)
        .bench_function(S::NAME, |b| b.to_async(S::default()).iter_custom(wakes::<S>));
}

/// What a trace costs: compare `yield/handloom` with the yield here, and half the difference with the note.
fn trace(c: &mut Criterion) {
    let recorder = Arc::new(Recorder::new(500_000).expect("holds because there is memory"));
    let lane = recorder.lane("main");
    let mut group = c.benchmark_group("trace");
    group.bench_function("note", |b| {
        b.iter(|| recorder.note(lane, What::Running, "job"));
    });
    group.bench_function("yield", |b| {
        let observer = LoopObserver::new(Arc::clone(&recorder));
        let traced = EventLoop::builder().observer(observer).build();
        b.iter_custom(|times| {
            let event_loop = traced.as_ref().expect("holds because epoll is there");
            event_loop.block_on(yields::<ours::Handloom>(times))
        });
    });
    group.finish();
}

/// Everything, ours last.
fn all(c: &mut Criterion) {
    c.benchmark_group("wake_from_thread")
        .sample_size(20)
        .bench_function("bare", |b| b.iter_custom(bare::wakes));
    groups::<on_tokio::Tokio>(c);
    groups::<ours::Handloom>(c);
    trace(c);
}

criterion_group!(benches, all);
criterion_main!(benches);
