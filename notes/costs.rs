//! What the mechanisms of concurrency cost on this machine, from an atomic addition to a hand-over of a GIL.
//!
//! `cargo run --release --example costs` prints a table; a file's name behind `--` draws the same as a picture:
//! `cargo run --release --example costs -- costs.svg`. Each figure is the best of [`ROUNDS`] rounds: other work on the
//! machine only ever makes a round longer. The process pool is made first, because it forks.

#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{self, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use handloom::aio::{Queue, sleep, yield_now};
use handloom::jobs::JobHandle;
use handloom::processes::{ProcessPool, ProcessPoolOptions};
use handloom::rt::{block_on, spawn};
use handloom::threads::ThreadPool;
use handloom::threads::gil::{Gil, SWITCH_INTERVAL};

/// How often each figure is measured; the best counts.
///
/// A debug build measures once, and little. Its figures say nothing, and the test that runs it need not wait for them.
const ROUNDS: usize = if cfg!(debug_assertions) { 1 } else { 7 };

/// What was measured, and what one of it takes.
type Cost = (&'static str, Duration);

/// Calls `round` a few times with a count, and returns the shortest time for one.
fn best(count: u32, mut round: impl FnMut(u32)) -> Duration {
    let count = if cfg!(debug_assertions) { (count / 100).max(1) } else { count };
    let time = |_| {
        let start = Instant::now();
        round(count);
        start.elapsed()
    };
    // In tenths of a nanosecond a division of a `Duration` would lose the small ones, so counts are large.
    (0..ROUNDS).map(time).min().unwrap_or_default() / count
}

/// What a task costs on the event loop.
fn on_the_loop(costs: &mut Vec<Cost>) {
    block_on(async {
        let loop_of = |count: u32| async move {
            for _ in 0..count {
                yield_now().await;
            }
        };
        // Two tasks take turns, so that each yield runs the other.
        let mut shortest = [Duration::MAX; 4];
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let (one, two) = (spawn(loop_of(100_000)), spawn(loop_of(100_000)));
            drop((one.await, two.await));
            shortest[0] = shortest[0].min(start.elapsed() / 200_000);

            let (queue, count) = (Queue::new(1), 50_000_u32);
            let start = Instant::now();
            let getter = queue.clone();
            let getting = spawn(async move { while getter.get().await.is_some() {} });
            for number in 0..count {
                // It is refused only when the queue is closed.
                let _ = queue.put(number).await;
            }
            queue.close();
            drop(getting.await);
            shortest[1] = shortest[1].min(start.elapsed() / count);

            let start = Instant::now();
            for _ in 0..50_000 {
                drop(spawn(async {}).await);
            }
            shortest[2] = shortest[2].min(start.elapsed() / 50_000);

            let start = Instant::now();
            for _ in 0..50_000 {
                drop(black_box(sleep(Duration::from_hours(1))));
            }
            shortest[3] = shortest[3].min(start.elapsed() / 50_000);
        }
        costs.extend([
            ("yield of a task", shortest[0]),
            ("timer made and dropped", shortest[3]),
            ("item through a queue between tasks", shortest[1]),
            ("task spawned and joined", shortest[2]),
        ]);
    });
}

/// Wakes of another thread and back, halved.
fn wake_of_a_thread() -> Duration {
    let turn = AtomicU64::new(0);
    let main = thread::current();
    thread::scope(|scope| {
        // The turn's lowest bit says whose it is; 0 is the main thread's.
        let other = scope.spawn(|| {
            while turn.load(Ordering::Acquire) != u64::MAX {
                if turn.load(Ordering::Acquire) & 1 == 1 {
                    turn.fetch_add(1, Ordering::AcqRel);
                    main.unpark();
                }
                thread::park();
            }
        });
        let round_trip = best(5_000, |count| {
            for _ in 0..count {
                turn.fetch_add(1, Ordering::AcqRel);
                other.thread().unpark();
                while turn.load(Ordering::Acquire) & 1 == 1 {
                    thread::park();
                }
            }
        });
        turn.store(u64::MAX, Ordering::Release);
        other.thread().unpark();
        round_trip / 2
    })
}

/// A byte to a server on this machine and back, both sides blocking.
fn request_on_loopback() -> io::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        let server = scope.spawn(move || -> io::Result<()> {
            let (mut client, _) = listener.accept()?;
            client.set_nodelay(true)?;
            let mut byte = [0];
            while client.read(&mut byte)? == 1 {
                client.write_all(&byte)?;
            }
            Ok(())
        });
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut failure = None;
        let request = best(2_000, |count| {
            for _ in 0..count {
                let exchange = stream.write_all(b"x").and_then(|()| stream.read_exact(&mut [0]));
                failure = exchange.err().or(failure.take());
            }
        });
        drop(stream);
        drop(server.join());
        failure.map_or(Ok(request), Err)
    })
}

/// A hand-over of the GIL between two threads that compute.
fn gil_hand_over() -> Duration {
    const SPAN: Duration = Duration::from_millis(100);
    let hand_over = |_| {
        let (gil, is_over) = (Gil::new(SWITCH_INTERVAL), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let held = gil.attach();
                    while !is_over.load(Ordering::Relaxed) {
                        held.check();
                    }
                });
            }
            thread::sleep(SPAN);
            is_over.store(true, Ordering::Relaxed);
        });
        SPAN / u32::try_from(gil.switches()).unwrap_or(u32::MAX).max(1)
    };
    (0..ROUNDS).map(hand_over).min().unwrap_or_default()
}

/// What an operation costs that no other thread disturbs.
fn of_one_thread(costs: &mut Vec<Cost>) -> io::Result<()> {
    let (number, lock) = (AtomicU64::new(0), Mutex::new(0_u64));
    let added = best(10_000_000, |count| {
        for _ in 0..count {
            number.fetch_add(1, Ordering::Relaxed);
        }
    });
    let locked = best(10_000_000, |count| {
        for _ in 0..count {
            if let Ok(mut number) = lock.lock() {
                *number = black_box(*number + 1);
            }
        }
    });
    let mut zeros = fs::File::open("/dev/zero")?;
    let called = best(200_000, |count| {
        for _ in 0..count {
            drop(black_box(zeros.read(&mut [0])));
        }
    });
    costs.extend([
        ("addition to an atomic", added),
        ("lock that no other thread has", locked),
        ("system call that reads a byte", called),
    ]);
    Ok(())
}

/// What threads and processes cost: to wake, to start, to give a job to.
fn of_threads_and_processes(
    costs: &mut Vec<Cost>,
    processes: &ProcessPool<u64, u64>,
) -> io::Result<()> {
    let pool = ThreadPool::fixed("costs", 1)?;
    let threads_job = best(5_000, |count| {
        for _ in 0..count {
            drop(pool.submit(|| ()).map(JobHandle::join));
        }
    });
    let process_job = best(2_000, |count| {
        for number in 0..count {
            drop(processes.submit(u64::from(number)).map(JobHandle::join));
        }
    });
    let started = best(500, |count| {
        for _ in 0..count {
            drop(thread::spawn(|| ()).join());
        }
    });
    let run = best(20, |count| {
        for _ in 0..count {
            drop(Command::new("true").status());
        }
    });
    costs.extend([
        ("wake of a thread that sleeps", wake_of_a_thread()),
        ("job of a thread pool, joined", threads_job),
        ("job of a process pool, joined", process_job),
        ("thread started and joined", started),
        ("program started and waited for", run),
    ]);
    Ok(())
}

/// Measures everything, and sorts it from the cheapest to the dearest.
fn measure() -> io::Result<Vec<Cost>> {
    let options = ProcessPoolOptions { workers: 1, ..ProcessPoolOptions::default() };
    let processes = options.start(|n: u64| n + 1)?;
    let mut costs = Vec::new();
    of_one_thread(&mut costs)?;
    on_the_loop(&mut costs);
    of_threads_and_processes(&mut costs, &processes)?;
    costs.push(("request and reply on this machine", request_on_loopback()?));
    costs.push(("hand-over of a GIL under computation", gil_hand_over()));
    costs.sort_by_key(|(_, cost)| *cost);
    Ok(costs)
}

/// The time as a person says it.
fn words(cost: Duration) -> String {
    let nanos = cost.as_nanos();
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} µs", cost.as_secs_f64() * 1e6),
        _ => format!("{:.1} ms", cost.as_secs_f64() * 1e3),
    }
}

/// Draws the costs on a logarithmic axis, one row each; 400 units wide, for light pages and dark ones.
fn picture(costs: &[Cost]) -> String {
    const LEFT: f64 = 18.0;
    const DECADE: f64 = 52.0;
    let height = 46 + 30 * costs.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 {height}\" role=\"img\">\n\
         <title>What the mechanisms cost, on a logarithmic axis</title>\n\
         <style>\nsvg {{ font: 11px system-ui, sans-serif; }} text {{ fill: #1b1f24; }} .page {{ fill: #fff; }}\n\
         line {{ stroke: #d0d5da; }} .bar {{ fill: #0b5cad; }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3; }} .page {{ fill: #0d1117; }}\n\
         line {{ stroke: #343b43; }} .bar {{ fill: #6cb2ff; }} }}\n</style>\n\
         <rect class=\"page\" width=\"400\" height=\"{height}\"/>\n"
    );
    let names = ["1 ns", "10 ns", "100 ns", "1 µs", "10 µs", "100 µs", "1 ms", "10 ms"];
    for (name, decade) in names.iter().zip(0_u8..) {
        let x = LEFT + DECADE * f64::from(decade);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"6\" x2=\"{x}\" y2=\"{}\"/>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
            height - 26,
            height - 10,
        );
    }
    for (row, (name, cost)) in costs.iter().enumerate() {
        let y = 10 + 30 * row;
        let width = DECADE * (cost.as_secs_f64() * 1e9).max(1.0).log10();
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\">{name}: {}</text>\n\
             <rect class=\"bar\" x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"8\"/>",
            y + 9,
            words(*cost),
            y + 14,
        );
    }
    svg + "</svg>\n"
}

fn main() -> io::Result<()> {
    let costs = measure()?;
    for (name, cost) in &costs {
        println!("{:>9}  {name}", words(*cost));
    }
    if let Some(file) = std::env::args_os().nth(1) {
        fs::write(file, picture(&costs))?;
    }
    Ok(())
}
