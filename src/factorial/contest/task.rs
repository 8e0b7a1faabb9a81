//! What a worker of the contest is asked, and what it answers.
//!
//! **Invariants**
//! - `CONTEST-TASK-1`: the time of the computing alone is measured where it is done, so that what the pool adds can be
//!   told from it.
//! - `CONTEST-TASK-2`: a result travels as limbs; nothing here makes decimal digits of it.
//!
//! **Source**: the course's third task.

use std::time::{Duration, Instant};

use num_bigint::BigUint;

use crate::factorial::limbs::{append_bytes, byte_count, from_bytes};
use crate::factorial::{Job, factorial};
use crate::processes::{Message, Unreadable};

/// What a worker is asked.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// The factorials of some numbers: a chunk.
    Factorials(Vec<u32>),
    /// A part of one.
    Part(Job),
}

/// What it answers.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The results, in the order in which they were asked for.
    pub(super) values: Vec<BigUint>,
    /// How long they took to compute, all together (`CONTEST-TASK-1`).
    pub(super) computing: Duration,
}

impl Task {
    /// Computes it, here and now.
    pub(super) fn run(&self) -> Answer {
        let begun = Instant::now();
        let values = match self {
            Self::Factorials(numbers) => numbers.iter().map(|&n| factorial(n)).collect(),
            Self::Part(job) => vec![job.compute()],
        };
        Answer { values, computing: begun.elapsed() }
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

impl Message for Answer {
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
        // Collected one by one: a count from a stranger takes no memory before there are bytes for it.
        let values = (0..count).map(|_| {
            let length = usize::decode(input)?;
            let limbs = input.split_off(..length).and_then(from_bytes);
            limbs.ok_or_else(|| Unreadable("a number without all of its limbs".into()))
        });
        Ok(Self { values: values.collect::<Result<_, _>>()?, computing })
    }
}
