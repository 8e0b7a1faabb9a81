//! Level 7: nobody starves, and an observer is told what happens.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::check::{holds, same};
use crate::futures::{CountingWake, Gate, poll_with};
use crate::runtime::{Listener, Reader, Runtime, Writer};
use crate::sockets::{client, pair, quick_pair, read_exact, set_backlog};

claims! {
    ($) l7_fairness
    together: [
        tasks_that_wake_themselves_do_not_starve_sockets,
        tasks_that_wake_themselves_do_not_starve_timers,
        tasks_that_wake_themselves_do_not_starve_the_main_future,
        a_socket_that_is_always_readable_does_not_starve_others,
        a_socket_that_is_always_writable_does_not_starve_others,
        a_yield_lets_every_other_task_run,
        a_yielding_task_sees_a_socket_soon,
    ]
    alone: [
        a_full_backlog_does_not_starve_others,
    ]
}

/// Spawns tasks that wake themselves for ever.
fn spawn_busy<R: Runtime>(tasks: usize) {
    for _ in 0..tasks {
        drop(R::spawn(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })));
    }
}

fn tasks_that_wake_themselves_do_not_starve_sockets<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        spawn_busy::<R>(100);
        let mut listener = R::listen();
        let to = listener.address();
        let serves = R::spawn(async move {
            let mut accepted = listener.accept().await.unwrap();
            let mut word = [0; 4];
            for _ in 0..100 {
                read_exact(&mut accepted, &mut word).await.unwrap();
                accepted.write_all(&word).await.unwrap();
            }
        });
        let mut client = R::connect(to).await.unwrap();
        let mut word = [0; 4];
        for _ in 0..100 {
            client.write_all(b"word").await.unwrap();
            read_exact(&mut client, &mut word).await.unwrap();
        }
        same("LOOP-2", "the echo", b"word", &word);
        serves.await.value();
    });
}

fn tasks_that_wake_themselves_do_not_starve_timers<R: Runtime>(runtime: &R) {
    // LOOP-2 is broken when this does not end.
    runtime.block_on(async {
        spawn_busy::<R>(100);
        // In a task, so that the main future is not what makes it come true.
        R::spawn(async {
            for _ in 0..5 {
                R::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .value();
    });
}

fn tasks_that_wake_themselves_do_not_starve_the_main_future<R: Runtime>(runtime: &R) {
    // LOOP-1 is broken when this does not end.
    runtime.block_on(async {
        spawn_busy::<R>(100);
        let gate = Gate::default();
        for _ in 0..1000 {
            let gate = gate.clone();
            drop(R::spawn(async move { gate.wake() }));
            R::yield_now().await;
        }
        let opens = gate.clone();
        drop(R::spawn(async move { opens.open() }));
        gate.passed().await;
    });
}

/// Runs a greedy future, which counts its operations, beside one that looks at the count each turn; checks
/// that the greedy one never had more than `most` operations at a stretch.
async fn longest_stretch<R: Runtime>(
    count: Rc<Cell<usize>>,
    greedy: impl Future<Output = ()> + 'static,
) -> usize {
    let (done, longest) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
    let (ends, notes) = (done.clone(), longest.clone());
    let looks = R::spawn(async move {
        let mut last = count.get();
        while !ends.get() {
            notes.set(notes.get().max(count.get() - last));
            last = count.get();
            R::yield_now().await;
        }
        notes.set(notes.get().max(count.get() - last));
    });
    R::spawn(greedy).await.value();
    done.set(true);
    looks.await.value();
    longest.get()
}

/// What a task may do in one poll on either runtime, with room.
const FAIR: usize = 1000;

fn a_socket_that_is_always_readable_does_not_starve_others<R: Runtime>(runtime: &R) {
    const BYTES: usize = 20_000;
    runtime.block_on(async {
        let (mut near, mut far) = pair::<R>();
        io::Write::write_all(&mut far, &vec![7; BYTES]).unwrap();
        let count = Rc::new(Cell::new(0));
        let counts = count.clone();
        // One byte at a time, and never a wait of its own.
        let longest = longest_stretch::<R>(count, async move {
            for _ in 0..BYTES {
                read_exact(&mut near, &mut [0]).await.unwrap();
                counts.set(counts.get() + 1);
            }
        })
        .await;
        holds("READY-1", "reads in one poll", "1,000 at most", longest, |longest| *longest <= FAIR);
    });
}

fn a_socket_that_is_always_writable_does_not_starve_others<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (mut near, _far) = pair::<R>();
        let count = Rc::new(Cell::new(0));
        let counts = count.clone();
        let longest = longest_stretch::<R>(count, async move {
            for _ in 0..20_000 {
                same(
                    "READY-5",
                    "bytes taken by a write of one",
                    1,
                    near.write(&[7]).await.unwrap(),
                );
                counts.set(counts.get() + 1);
            }
        })
        .await;
        holds("READY-1", "writes in one poll", "1,000 at most", longest, |longest| {
            *longest <= FAIR
        });
    });
}

fn a_full_backlog_does_not_starve_others<R: Runtime>(runtime: &R) {
    const CLIENTS: usize = 300;
    runtime.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        set_backlog(&listener, 1024);
        let mut listener = R::adopt_listener(listener);
        let to = listener.address();
        let clients: Vec<_> = (0..CLIENTS).map(|_| client(to)).collect();
        let count = Rc::new(Cell::new(0));
        let counts = count.clone();
        let longest = longest_stretch::<R>(count, async move {
            for _ in 0..CLIENTS {
                drop(listener.accept().await.unwrap());
                counts.set(counts.get() + 1);
            }
        })
        .await;
        holds("READY-1", "accepts in one poll", "fewer than all 300", longest, |longest| {
            *longest < CLIENTS
        });
        drop(clients);
    });
}

/// Spawns tasks that count their turns.
pub fn spawn_counting<R: Runtime>(tasks: usize) -> Vec<Rc<Cell<usize>>> {
    let spawn = |_| {
        let turns = Rc::new(Cell::new(0));
        let counts = turns.clone();
        drop(R::spawn(async move {
            loop {
                counts.set(counts.get() + 1);
                R::yield_now().await;
            }
        }));
        turns
    };
    (0..tasks).map(spawn).collect()
}

fn a_yield_lets_every_other_task_run<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let others = spawn_counting::<R>(100);
        let task = R::spawn(async {
            for _ in 0..50 {
                R::yield_now().await;
            }
        });
        task.await.value();
        let turns: Vec<usize> = others.iter().map(|turns| turns.get()).collect();
        // Not exactly one each: tokio puts those who yield aside until it has looked at the sockets.
        holds("QUEUE-2", "turns of 100 tasks in 50 yields", "from 12 to 200", turns, |turns| {
            turns.iter().all(|turns| (12..=200).contains(turns))
        });
    });
}

/// Counts the yields until a socket that became readable is seen.
pub async fn yields_until_readable<R: Runtime>() -> usize {
    let (near, mut far) = quick_pair();
    let mut near = R::adopt(near).unwrap();
    let (wakes, waker) = CountingWake::pair();
    let mut buf = [0];
    let mut read = Box::pin(near.read(&mut buf));
    same("READY-1", "a read of nothing", true, poll_with(&mut read, &waker).is_pending());
    io::Write::write_all(&mut far, b"x").unwrap();
    let mut yields = 0;
    while wakes.wakes() == 0 {
        R::yield_now().await;
        yields += 1;
    }
    yields
}

fn a_yielding_task_sees_a_socket_soon<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        for _ in 0..100 {
            let yields = yields_until_readable::<R>().await;
            holds("LOOP-2", "yields until a socket is seen", "130 at most", yields, |yields| {
                *yields <= 130
            });
        }
    });
}
