//! `factorial [N ...]`: handloom's `factorial`, on tokio; by default 0, 100, 1,000, 10,000 and 100,000.

use std::error::Error;
use std::io::{self, Write};
use std::thread::available_parallelism;
use std::{env, iter};

use handloom::factorial::benchmark::Size;
use handloom::factorial::digits::{checksum, checksum_of_factorial};
use handloom::report::{columns, grouped, span};
use handloom_tokio::factorial::{Pool, WORKER, work};
use tokio::runtime::{Builder, LocalOptions};

/// How often each size is run; the best counts.
const ROUNDS: usize = 3;

/// The sizes when none is given.
const SIZES: [u32; 5] = [0, 100, 1_000, 10_000, 100_000];

fn main() -> Result<(), Box<dyn Error>> {
    if env::args().nth(1).is_some_and(|word| word == WORKER) {
        return Ok(work()?);
    }
    let numbers = env::args().skip(1).map(|word| word.parse());
    let mut numbers = numbers.collect::<Result<Vec<u32>, _>>()?;
    if numbers.is_empty() {
        numbers.extend(SIZES);
    }
    let workers = available_parallelism()?.get();
    let mut builder = Builder::new_current_thread();
    // Else it would start a thread for each job, up to 512.
    builder.max_blocking_threads(workers);
    let runtime = builder.enable_all().build_local(LocalOptions::default())?;
    let table = runtime.block_on(contest(&numbers, workers))?;
    Ok(io::stdout().write_all(table.as_bytes())?)
}

/// Has every pool do every size, and checks every result.
async fn contest(numbers: &[u32], workers: usize) -> Result<String, Box<dyn Error>> {
    let mut pools = [Pool::Sequential, Pool::Blocking, Pool::processes(workers)?];
    let mut rows = Vec::new();
    for &n in numbers {
        let size = Size::of(n, None);
        let chunk = size.chunk(workers);
        let (sum, mut alone) = (checksum_of_factorial(n), None);
        let mut row = vec![size.label.clone(), size.numbers.len().to_string(), chunk.to_string()];
        row.push(format!("{sum:016x}"));
        for pool in &mut pools {
            let mut best = None;
            for _ in 0..ROUNDS {
                let (took, values) = pool.run(&size, chunk).await?;
                if values.len() != size.numbers.len() || values.iter().any(|v| checksum(v) != sum) {
                    return Err(format!("{}: the results for {n}! are wrong", pool.name()).into());
                }
                best = iter::once(took).chain(best).min();
            }
            let took = best.unwrap_or_default();
            row.push(span(took));
            match alone {
                None => alone = Some(took),
                Some(alone) => row.push(format!("{:.2}", alone.as_secs_f64() / took.as_secs_f64())),
            }
        }
        rows.push(row);
    }
    let headings = [
        "n",
        "tasks",
        "at once",
        "checksum",
        "sequential",
        "blocking",
        "times",
        "processes",
        "times",
    ];
    let cpus = grouped(workers as u64);
    Ok(format!("{cpus} processors; {workers} workers to a pool\n\n{}", columns(&headings, &rows)))
}
