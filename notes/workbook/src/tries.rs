//! `try N`: what step N is about, on the student's loop, in a few lines of output. Before the step it shows what does not
//! work; after the step, that it does.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use handloom_conformance::futures::{SharedGate, cpu_time, opens_after};
use handloom_conformance::runtime::text_of;
use handloom_conformance::sockets::quick_pair;
use handloom_workbook::steps::STEPS;
use mio::net;

use crate::print;
use crate::the_loop::{EventLoop, Socket, sleep, spawn, yield_now};

/// Prints a line.
macro_rules! say {
    ($($part:tt)*) => { print::text(&format!($($part)*)) };
}

/// Runs the trial of a step.
pub(crate) fn run(step: u8) -> Result<(), String> {
    let trials: [fn(); 10] = [one, two, three, four, five, six, seven, eight, nine, ten];
    let at = usize::from(step).checked_sub(1).filter(|at| *at < trials.len());
    let Some(at) = at else { return Err("There is a trial for each of the steps 1 to 10.".into()) };
    say!("step {step}: {}", STEPS[usize::from(step)].title);
    // What a panic says is told below, and once.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(trials[at]);
    std::panic::set_hook(hook);
    if let Err(payload) = outcome {
        say!("stopped: {}", text_of(payload.as_ref()));
    }
    Ok(())
}

/// Runs a future on a loop of its own.
fn block_on<F: Future>(future: F) -> F::Output {
    EventLoop::new().expect("a loop").block_on(future)
}

/// Milliseconds since then.
fn millis(begun: Instant) -> u128 {
    begun.elapsed().as_millis()
}

/// A future that is ready at once.
fn one() {
    say!("block_on returned {}", block_on(async { 3 + 4 }));
}

/// A wait for another thread, and what it costs.
fn two() {
    let gate = SharedGate::default();
    let far = opens_after(Duration::from_millis(500), &gate);
    let before = cpu_time();
    block_on(gate.passed());
    drop(far.join());
    if let (Some(before), Some(after)) = (before, cpu_time()) {
        say!(
            "a wait of 500 ms used {} ms of a processor",
            after.saturating_sub(before).as_millis()
        );
    }
}

/// Three tasks that count and pause.
fn three() {
    let line = Rc::new(RefCell::new(String::new()));
    let written = line.clone();
    block_on(async move {
        for (name, from) in [("a", 3), ("b", 1), ("c", 2)] {
            let line = written.clone();
            drop(spawn(async move {
                for number in (1..=from).rev() {
                    line.borrow_mut().extend([name, &number.to_string(), " "]);
                    yield_now().await;
                }
            }));
        }
        for _ in 0..10 {
            yield_now().await;
        }
    });
    say!("the tasks counted: {}", line.borrow());
}

/// Many wakes in one poll.
fn four() {
    let polls = Rc::new(Cell::new(0));
    let counts = polls.clone();
    block_on(async move {
        drop(spawn(poll_fn(move |context| {
            counts.set(counts.get() + 1);
            if counts.get() == 1 {
                (0..1000).for_each(|_| context.waker().wake_by_ref());
            }
            Poll::<()>::Pending
        })));
        for _ in 0..2000 {
            yield_now().await;
        }
    });
    say!("a task that was woken 1,000 times in its first poll had {} polls", polls.get());
}

/// A task that panics.
fn five() {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        block_on(async {
            let task = spawn(async { panic!("a bug in one task") });
            yield_now().await;
            say!("the main future goes on");
            let ended: Result<Option<()>, _> = task.await;
            say!("the handle gave: {}", if ended.is_err() { "a panic" } else { "no panic" });
        });
    }));
    if let Err(payload) = outcome {
        say!("block_on ended with a panic: {}", text_of(payload.as_ref()));
    }
}

/// Three sleeps at once.
fn six() {
    let begun = Instant::now();
    block_on(async {
        for span in [30, 10, 20] {
            drop(spawn(async move {
                sleep(Duration::from_millis(span)).await;
                say!("a sleep of {span} ms is over");
            }));
        }
        sleep(Duration::from_millis(50)).await;
    });
    say!("all in {} ms", millis(begun));
}

/// A read, first one that blocks and then one that waits on the loop, beside a task that ticks.
fn seven() {
    let sender = |mut far: TcpStream| {
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(350));
            drop(far.write_all(b"word"));
            far
        })
    };
    for blocks in [true, false] {
        let (near, far) = quick_pair();
        let sends = sender(far);
        let ticks = Rc::new(Cell::new(0));
        let counts = ticks.clone();
        block_on(async {
            drop(spawn(async move {
                loop {
                    sleep(Duration::from_millis(100)).await;
                    counts.set(counts.get() + 1);
                }
            }));
            sleep(Duration::from_millis(10)).await;
            let mut word = [0; 4];
            if blocks {
                drop((&near).read(&mut word));
            } else {
                near.set_nonblocking(true).expect("a socket");
                let socket = Socket::new(net::TcpStream::from_std(near)).expect("a socket");
                drop(socket.read(&mut word).await);
            }
        });
        drop(sends.join());
        let how = if blocks { "blocks" } else { "waits on the loop" };
        say!("beside a read that {how} for 350 ms, another task ticked {} times", ticks.get());
    }
}

/// Round trips beside many sockets that are idle.
fn eight() {
    // Many ticks of the kernel, which counts a thread's time once in each.
    const SPAN: Duration = Duration::from_millis(400);
    for idle in [0, 400] {
        let (used, trips) = block_on(async move {
            let mut peers = Vec::new();
            for _ in 0..idle {
                let (near, far) = quick_pair();
                near.set_nonblocking(true).expect("a socket");
                let near = Socket::new(net::TcpStream::from_std(near)).expect("a socket");
                drop(spawn(async move { drop(near.read(&mut [0; 1]).await) }));
                peers.push(far);
            }
            let (near, far) = quick_pair();
            let [near, far] = [near, far].map(|socket| {
                socket.set_nonblocking(true).expect("a socket");
                Socket::new(net::TcpStream::from_std(socket)).expect("a socket")
            });
            drop(spawn(async move {
                let mut word = [0; 4];
                while far.read(&mut word).await.is_ok_and(|bytes| bytes > 0) {
                    drop(far.write(&word).await);
                }
            }));
            // The first trip is not counted: in it, each of the other tasks has its first poll.
            let (mut trips, mut begun, mut used) = (0_u32, Instant::now(), cpu_time());
            while begun.elapsed() < SPAN {
                drop(near.write(b"word").await);
                drop(near.read(&mut [0; 4]).await);
                if trips == 0 {
                    (begun, used) = (Instant::now(), cpu_time());
                }
                trips += 1;
            }
            let used = cpu_time().zip(used).map(|(ended, used)| ended.saturating_sub(used));
            (used, trips.saturating_sub(1).max(1))
        });
        if let Some(used) = used {
            let micros = used.as_micros() / u128::from(trips);
            say!("a round trip beside {idle:>3} idle sockets: {micros} µs of a processor");
        }
    }
}

/// A wake from another thread while the loop waits for a socket and a timer.
fn nine() {
    let (near, _far) = quick_pair();
    let gate = SharedGate::default();
    let begun = Instant::now();
    block_on(async {
        near.set_nonblocking(true).expect("a socket");
        let socket = Socket::new(net::TcpStream::from_std(near)).expect("a socket");
        drop(spawn(async move { drop(socket.read(&mut [0; 1]).await) }));
        drop(spawn(sleep(Duration::from_secs(1))));
        let far = opens_after(Duration::from_millis(20), &gate);
        gate.passed().await;
        drop(far.join());
    });
    say!("a thread woke the main future after 20 ms; it went on after {} ms", millis(begun));
}

/// A sleep beside a task that always wakes itself, for a second.
fn ten() {
    let begun = Instant::now();
    block_on(async {
        drop(spawn(poll_fn(move |context| {
            if begun.elapsed() > Duration::from_secs(1) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })));
        sleep(Duration::from_millis(50)).await;
    });
    say!("a sleep of 50 ms beside a busy task took {} ms", millis(begun));
}
