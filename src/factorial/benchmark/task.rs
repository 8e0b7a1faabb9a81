//! The tasks and results of the benchmark, and their encoding for another process.
//!
//! **Invariants**
//! - The worker measures the time of the computation, so the time that the pool adds can be computed.
//! - A result is sent as limbs; it is not converted to decimal digits.

use std::time::{Duration, Instant};

use num_bigint::BigUint;

use crate::factorial::limbs::{append_bytes, byte_count, from_bytes};
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
    /// The results, in the order in which they were asked for.
    pub(super) values: Vec<BigUint>,
    /// How long they took to compute, all together.
    pub(super) computing: Duration,
}

impl Task {
    /// Computes the task on this thread.
    pub(super) fn run(&self) -> TaskResult {
        let begun = Instant::now();
        let values = match self {
            Self::Factorials(numbers) => numbers.iter().map(|&n| factorial(n)).collect(),
            Self::Part(job) => vec![job.compute()],
        };
        TaskResult { values, computing: begun.elapsed() }
    }
}

impl Message for Task {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        match self {
            Self::Factorials(numbers) => {
                true.encode(out)?;
                numbers.encode(out)
            }
            Self::Part(job) => (false, job.to_words()).encode(out),
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        if bool::decode(input)? {
            return Vec::decode(input).map(Self::Factorials);
        }
        let words = Vec::decode(input)?;
        let job = Job::from_words(&words);
        job.map(Self::Part).ok_or_else(|| Unreadable("the words are no part of a factorial".into()))
    }
}

impl Message for TaskResult {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        self.computing.encode(out)?;
        self.values.len().encode(out)?;
        for value in &self.values {
            byte_count(value).encode(out)?;
            append_bytes(value, out);
        }
        Ok(())
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        let (computing, count) = <(Duration, usize)>::decode(input)?;
        // Collected one by one: a wrong count allocates no memory before there are bytes for it.
        let values = (0..count).map(|_| {
            let length = usize::decode(input)?;
            let limbs = input.split_off(..length).and_then(from_bytes);
            limbs.ok_or_else(|| Unreadable("a number without all of its limbs".into()))
        });
        Ok(Self { values: values.collect::<Result<_, _>>()?, computing })
    }
}
