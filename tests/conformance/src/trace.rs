//! A table of tasks for a runtime that has none: who was polled how often, and woken since.
//!
//! A runtime's adapter wraps each future that it spawns. The wrapper hands on a waker that counts, so the table shows a
//! lost wake-up: a task that was woken after its last poll, and was not polled again. Each thread has one trace, because
//! a claim runs on a thread of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// Between the two looks at which a table is made.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// How many tasks a table shows.
const SHOWN: usize = 4;

/// What is known of the futures of one thread.
#[derive(Clone, Debug, Default)]
pub struct Trace(Arc<Mutex<Records>>);

/// The futures that were not dropped, by number.
#[derive(Debug, Default)]
struct Records {
    /// The number of the next one.
    next: usize,
    /// What happened to each.
    living: BTreeMap<usize, Arc<Record>>,
}

/// What happened to a future.
#[derive(Debug)]
struct Record {
    /// What it is, and where it comes from.
    name: String,
    /// How often it was polled.
    polls: AtomicUsize,
    /// How often it was woken since its last poll began.
    wakes: AtomicUsize,
}

thread_local! {
    /// The trace of this thread.
    static TRACE: Trace = Trace::default();
}

impl Trace {
    /// Returns the trace of this thread.
    pub fn of_this_thread() -> Self {
        TRACE.with(Clone::clone)
    }

    /// Wraps a task's future, to be shown with the caller's place.
    #[track_caller]
    pub fn task<F: Future>(&self, future: F) -> Traced<F> {
        let place = Location::caller();
        let file = place.file().rsplit('/').next().unwrap_or_default();
        self.watch(format!("task spawned at {file}:{}", place.line()), future)
    }

    /// Wraps a future, to be shown with this name.
    pub fn watch<F: Future>(&self, name: String, future: F) -> Traced<F> {
        let record = Arc::new(Record { name, polls: 0.into(), wakes: 0.into() });
        let mut records = self.0.lock().unwrap();
        let number = records.next;
        records.next += 1;
        records.living.insert(number, record.clone());
        drop(records);
        Traced { future: Box::pin(future), record, number, trace: self.clone(), waker: None }
    }

    /// Says in lines what each future waits for.
    pub fn table(&self) -> String {
        // Two looks, to tell a future that waits from one that is polled all the time.
        let earlier = self.polls();
        thread::sleep(BETWEEN_LOOKS);
        let records = self.0.lock().unwrap();
        let mut text = String::new();
        for (number, record) in records.living.iter().take(SHOWN) {
            let polls = record.polls.load(Ordering::SeqCst);
            let state = match record.wakes.load(Ordering::SeqCst) {
                _ if polls == 0 => "never polled",
                _ if earlier.get(number).is_some_and(|earlier| *earlier != polls) => {
                    "polled again and again"
                }
                0 => "not woken since its last poll",
                _ => "WOKEN since its last poll began, and not polled again",
            };
            let times = if polls == 1 { "once" } else { &format!("{polls} times") };
            // A string has room.
            let _ = write!(text, "\n  {}, polled {times}: {state}", record.name);
        }
        if records.living.len() > SHOWN {
            let _ = write!(text, "\n  and {} more", records.living.len() - SHOWN);
        }
        text
    }

    /// How often each future was polled.
    fn polls(&self) -> BTreeMap<usize, usize> {
        let records = self.0.lock().unwrap();
        let polls = |(number, record): (&usize, &Arc<Record>)| {
            (*number, record.polls.load(Ordering::SeqCst))
        };
        records.living.iter().take(SHOWN).map(polls).collect()
    }
}

/// A future that is traced.
#[derive(Debug)]
pub struct Traced<F> {
    /// The future.
    future: Pin<Box<F>>,
    /// What happened to it.
    record: Arc<Record>,
    /// Its number in the trace.
    number: usize,
    /// The trace.
    trace: Trace,
    /// The runtime's waker, and the one that was made of it: a task's waker stays equal to itself.
    waker: Option<(Waker, Waker)>,
}

/// A waker that counts.
struct CountsWakes {
    /// What it counts for.
    record: Arc<Record>,
    /// The runtime's own.
    inner: Waker,
}

impl Wake for CountsWakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.record.wakes.fetch_add(1, Ordering::SeqCst);
        self.inner.wake_by_ref();
    }
}

impl<F: Future> Future for Traced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.record.polls.fetch_add(1, Ordering::SeqCst);
        this.record.wakes.store(0, Ordering::SeqCst);
        let known = this.waker.take().filter(|(inner, _)| inner.will_wake(cx.waker()));
        let pair = known.unwrap_or_else(|| {
            let (record, inner) = (this.record.clone(), cx.waker().clone());
            (inner.clone(), Waker::from(Arc::new(CountsWakes { record, inner })))
        });
        let waker = pair.1.clone();
        this.waker = Some(pair);
        this.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl<F> Drop for Traced<F> {
    fn drop(&mut self) {
        if let Ok(mut records) = self.trace.0.lock() {
            records.living.remove(&self.number);
        }
    }
}
