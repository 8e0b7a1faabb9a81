//! The jobs: some requests, which wait, and some factorials, which compute.
//!
//! A factorial is computed as a loop in Python would: one multiplication after another. After each there is a chance to
//! look at the clock and at the GIL, so its lane can tell when the kernel gave the processor to another thread.

use std::fmt;
use std::time::{Duration, Instant};

use num_bigint::BigUint;

use super::event::{LaneId, State, What};
use super::recorder::Recorder;
use crate::os::ThreadUsage;

/// A multiplication takes microseconds. If so much time passes in one, the thread had no processor.
const LOST_PROCESSOR: Duration = Duration::from_micros(400);
/// The number from which the size of the factorials is estimated.
const PROBE: u32 = 500;
/// A computation that is long enough to be measured.
const LONG_PROBE: Duration = Duration::from_millis(60);

/// The jobs.
#[derive(Clone, Debug)]
pub struct Workload {
    /// How many requests.
    pub requests: usize,
    /// How long the server takes over each, in milliseconds.
    pub wait_ms: u32,
    /// How many factorials.
    pub factorials: usize,
    /// Of which number each is the factorial.
    pub number: u32,
    /// How long one takes alone.
    pub computing: Duration,
}

/// One job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
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
    pub fn new(requests: usize, wait_ms: u32, factorials: usize, computing: Duration) -> Self {
        let (mut number, mut took) = (PROBE, time(PROBE));
        // The kernel may count processor time in steps of some milliseconds.
        while took < LONG_PROBE {
            number *= 2;
            took = time(number);
        }
        // The time grows with the square of the number.
        let ratio = computing.as_secs_f64() / took.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number that fits, after the clamp"
        )]
        let number = (f64::from(number) * ratio.sqrt()).clamp(10.0, 1e6) as u32;
        let took = time(number).max(Duration::from_millis(1));
        Self { requests, wait_ms, factorials, number, computing: took }
    }

    /// The jobs, in the order in which they are started.
    pub(super) fn jobs(&self) -> Vec<Job> {
        let requests = (1..=self.requests).map(Job::Request);
        requests.chain((1..=self.factorials).map(Job::Factorial)).collect()
    }

    /// How long all jobs take together, one after another.
    pub fn work(&self) -> Duration {
        let waiting = Duration::from_millis(u64::from(self.wait_ms));
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        waiting * count(self.requests) + self.computing * count(self.factorials)
    }
}

/// The processor time that a factorial takes on this thread, in which no other program counts.
fn time(number: u32) -> Duration {
    let before = ThreadUsage::now().unwrap_or_default();
    drop(factorial(number, |_| {}));
    ThreadUsage::now().unwrap_or_default().since(before).cpu
}

/// Computes a factorial, and calls `step` after each multiplication with the time at which that began.
pub(super) fn factorial(number: u32, mut step: impl FnMut(Instant)) -> BigUint {
    let mut product = BigUint::from(1_u32);
    for factor in 2..=number {
        let began = Instant::now();
        product *= factor;
        step(began);
    }
    product
}

/// A thread's or a process's own notes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notes<'a> {
    /// Where.
    pub(super) recorder: &'a Recorder,
    /// Its lane.
    pub(super) lane: LaneId,
}

impl Notes<'_> {
    /// Notes that the lane enters a state, now.
    pub(super) fn enter(&self, state: State, label: impl fmt::Display) {
        self.recorder.note(self.lane, What::Enters(state), label);
    }

    /// Notes that the lane was in a state from `since` until now, and runs again.
    pub(super) fn was(&self, state: State, since: Instant, label: impl fmt::Display) {
        self.recorder.note_at(since, self.lane, 0, What::Enters(state), &label);
        self.enter(State::Running, label);
    }

    /// A step of a computation: if it took far too long, the thread had no processor.
    pub(super) fn step(&self, since: Instant, label: impl fmt::Display) {
        if since.elapsed() >= LOST_PROCESSOR {
            self.was(State::Ready, since, label);
        }
    }

    /// Notes the end of the lane, and what it has used since `before`.
    pub(super) fn end(&self, before: ThreadUsage) {
        let used = ThreadUsage::now().unwrap_or_default().since(before);
        let switches = used.voluntary + used.involuntary;
        self.recorder.note(self.lane, What::Used(used.cpu, switches), "");
    }
}
