//! The third task: the same factorials in every pool.

use std::thread::available_parallelism;
use std::time::Duration;

use super::super::factorial::{run_benchmark, verdict};
use super::super::failure::Failure;
use super::super::output::Output;
use super::part::{Part, Shown, Tour};
use crate::factorial::benchmark::{Benchmark, PoolKind, Size, chart, table};

/// The part.
pub(super) const PART: Part = Part {
    title: "Task 3: factorials on threads, on processes, and under a GIL",
    introduction: &[
        "The same tasks one after another, on a pool of threads, on a pool of processes, and on threads that take",
        "turns with one lock as CPython's do; from 0!, which is nothing to do, to what the time allows.",
    ],
    run,
    notices: &[
        "The smallest tasks: every pool loses. To hand a job over costs more than to do it, and to another process most.",
        "The largest: on two idle processors two workers need half the time, threads and processes alike. Rust has no GIL.",
        "gil: however many threads, the time is that of one. That is why Python computes with processes.",
        "In between lies the crossover: how long a task must compute before it is worth handing over.",
        "What a process adds grows with the result: its limbs travel from one memory to another.",
    ],
};

/// About how long the benchmark may take.
const TIME: Duration = Duration::from_secs(5);

/// Runs the benchmark.
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    let benchmark = Benchmark {
        pools: PoolKind::ALL.to_vec(),
        workers: available_parallelism().map_or(1, usize::from),
        sizes: Size::from_the_smallest(None),
        time: Some(TIME),
        chunk: None,
    };
    let outcome = run_benchmark(&benchmark, tour.stop, output)?;
    Ok(Shown {
        text: table(&outcome),
        chart: Some(("factorial", chart(&outcome))),
        verdict: verdict(&outcome),
    })
}
