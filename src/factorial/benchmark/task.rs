//! The tasks and results of the benchmark, and their encoding for another process.
//!
//! The worker measures the time of the computation, so the time that the pool adds can be computed.

use std::fmt;
use std::time::{Duration, Instant};

use num_bigint::BigUint;

use crate::factorial::job::{decode_number, encode_number};
use crate::factorial::{Job, factorial};
use crate::processes::{Message, Unreadable};

/// The task of a worker.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// The factorials of some numbers: a chunk.
    Factorials(Vec<u32>),
    /// A part of one.
    Part(Job),
}

/// The result of a task.
#[derive(Clone, Debug)]
pub(super) struct TaskResult {
    /// The results, in the order of the task.
    pub(super) values: Vec<BigUint>,
    /// How long they took to compute, all together.
    pub(super) computing: Duration,
}

impl Task {
    /// Computes the task on this thread; after each native call, `check` may wait, and returns how long it did.
    pub(super) fn run(&self, check: impl Fn() -> Duration) -> TaskResult {
        let (begun, mut waited) = (Instant::now(), Duration::ZERO);
        let mut called = |value| {
            waited += check();
            value
        };
        let values = match self {
            Self::Factorials(numbers) => numbers.iter().map(|&n| called(factorial(n))).collect(),
            Self::Part(job) => vec![called(job.compute())],
        };
        TaskResult { values, computing: begun.elapsed().saturating_sub(waited) }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factorials(numbers) => write!(out, "factorials: {}", numbers.len()),
            Self::Part(_) => out.write_str("part of a factorial"),
        }
    }
}

impl Message for Task {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        matches!(self, Self::Factorials(_)).encode(out)?;
        match self {
            Self::Factorials(numbers) => numbers.encode(out),
            Self::Part(job) => job.encode(out),
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        if bool::decode(input)? {
            Vec::decode(input).map(Self::Factorials)
        } else {
            Job::decode(input).map(Self::Part)
        }
    }
}

impl Message for TaskResult {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        let nanos = u64::try_from(self.computing.as_nanos()).unwrap_or(u64::MAX);
        (nanos, self.values.len()).encode(out)?;
        self.values.iter().try_for_each(|value| encode_number(value, out))
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        let (nanos, count) = <(u64, usize)>::decode(input)?;
        // Collected one by one: a wrong count allocates no memory before there are bytes for it.
        let values = (0..count).map(|_| decode_number(input)).collect::<Result<_, _>>()?;
        Ok(Self { values, computing: Duration::from_nanos(nanos) })
    }
}
