//! Task 3 on tokio: the same factorials one after another, on threads, on processes.
//!
//! The counterpart is `handloom::factorial::benchmark`, with its sizes and its chunks. What tokio offers for this:
//!
//! - Threads: `spawn_blocking`, a pool that every runtime has. It grows to 512 threads, since it is meant for calls that
//!   wait. For computing it needs a bound (`max_blocking_threads`), and then calls that wait stand in the same queue.
//!   tokio's documentation recommends `rayon` for computing.
//! - Processes: `tokio::process` starts programs and awaits their pipes and their ends. There is no pool, no `fork`, and
//!   nothing that carries a value across. So a worker here is this program, started once more. A question is a line, an
//!   answer is lengths and bytes, and a worker gets its next chunk when it has answered one. Handloom's `ProcessPool` also
//!   replaces workers that died and has time limits; this has neither.

use std::cell::RefCell;
use std::io::{self, BufRead, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use handloom::factorial::benchmark::Size;
use handloom::factorial::factorial;
use num_bigint::BigUint;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::spawn_blocking;

/// The word on the command line that makes a worker of the program.
pub const WORKER: &str = "--worker";

/// The three ways.
#[derive(Debug)]
pub enum Pool {
    /// One after another, on this thread.
    Sequential,
    /// The runtime's threads for calls that block.
    Blocking,
    /// Worker processes.
    Processes(Vec<Worker>),
}

/// A worker process, and its two pipes.
#[derive(Debug)]
pub struct Worker {
    /// Kept, since its drop kills the process.
    _child: Child,
    /// What it is asked.
    questions: ChildStdin,
    /// What it answers.
    answers: BufReader<ChildStdout>,
}

impl Pool {
    /// Its name in the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Blocking => "blocking",
            Self::Processes(_) => "processes",
        }
    }

    /// Starts so many workers.
    ///
    /// # Errors
    /// The program cannot be started once more.
    pub fn processes(workers: usize) -> io::Result<Self> {
        let workers = (0..workers).map(|_| Worker::start());
        Ok(Self::Processes(workers.collect::<io::Result<_>>()?))
    }

    /// Computes all of a size; returns the results in their order, and how long that took.
    ///
    /// # Errors
    /// A worker has gone, or a thread has panicked.
    pub async fn run(&mut self, size: &Size, chunk: usize) -> io::Result<(Duration, Vec<BigUint>)> {
        let began = Instant::now();
        let chunks = size.numbers.chunks(chunk).map(<[u32]>::to_vec);
        let values = match self {
            Self::Sequential => size.numbers.iter().map(|&n| factorial(n)).collect(),
            Self::Blocking => {
                let jobs = chunks.map(|chunk| {
                    spawn_blocking(move || chunk.into_iter().map(factorial).collect::<Vec<_>>())
                });
                // Spawned now, all of them; awaited in their order.
                try_join_all(jobs.collect::<Vec<_>>()).await?.into_iter().flatten().collect()
            }
            Self::Processes(workers) => in_processes(workers, chunks.enumerate()).await?,
        };
        Ok((began.elapsed(), values))
    }
}

/// Has each worker take the next chunk whenever it has answered one. All in one task: they only wait.
async fn in_processes(
    workers: &mut [Worker],
    chunks: impl Iterator<Item = (usize, Vec<u32>)>,
) -> io::Result<Vec<BigUint>> {
    // An iterator that they share; no borrow is held across an await.
    let chunks = RefCell::new(chunks);
    let next = || chunks.borrow_mut().next();
    let answers = workers.iter_mut().map(async |worker| {
        let mut answers = Vec::new();
        while let Some((place, chunk)) = next() {
            answers.push((place, worker.ask(&chunk).await?));
        }
        io::Result::Ok(answers)
    });
    let mut answers: Vec<_> = try_join_all(answers).await?.into_iter().flatten().collect();
    answers.sort_unstable_by_key(|(place, _)| *place);
    Ok(answers.into_iter().flat_map(|(_, values)| values).collect())
}

impl Worker {
    /// Starts the program once more, as a worker.
    fn start() -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(WORKER).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let questions = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let answers = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Self { _child: child, questions, answers })
    }

    /// Sends a chunk, and waits for its results.
    async fn ask(&mut self, numbers: &[u32]) -> io::Result<Vec<BigUint>> {
        let words: Vec<_> = numbers.iter().map(u32::to_string).collect();
        self.questions.write_all((words.join(" ") + "\n").as_bytes()).await?;
        let mut values = Vec::new();
        for _ in numbers {
            let length = self.answers.read_u64_le().await?;
            let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            self.answers.read_exact(&mut bytes).await?;
            values.push(BigUint::from_bytes_le(&bytes));
        }
        Ok(values)
    }
}

/// What a worker does: lines in, factorials out, until its input ends.
///
/// # Errors
/// Those of its two pipes; a line that holds something else than numbers.
pub fn work() -> io::Result<()> {
    let mut answers = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        for word in line?.split_whitespace() {
            let bytes = factorial(word.parse().map_err(io::Error::other)?).to_bytes_le();
            answers.write_all(&(bytes.len() as u64).to_le_bytes())?;
            answers.write_all(&bytes)?;
        }
        answers.flush()?;
    }
    Ok(())
}
