//! What `l7_fairness` claims of this event loop alone.

use std::cell::Cell;
use std::error::Error;
use std::future::{pending, poll_fn, ready};
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use handloom::aio;
use handloom::rt::{self, EventLoop, Moment, Observer};
use handloom_conformance::check::{holds, same, says};
use handloom_conformance::futures::{Bomb, Probe, many_turns};
use handloom_conformance::l7_fairness::{spawn_counting, yields_until_readable};
use handloom_conformance::runtime::{Listener, Reader, Runtime, Writer};
use handloom_conformance::sockets::{pair, pair_on_loop, read_exact};

use crate::on_handloom::Handloom;
use crate::watch::{Log, Told, asked};

handloom_conformance::own_claims! {
    Handloom;
    watched: [
        a_yield_lets_every_other_task_run_once,
        the_main_future_takes_its_turn_like_a_task,
        a_yield_looks_at_sockets_every_64_polls,
        an_observer_is_told_every_step_in_order,
        an_observer_counts_what_happened,
        an_observer_may_spawn_and_wake,
        a_panic_in_an_observer_stays_in_it,
        a_poll_that_holds_the_loop_is_reported,
        a_panic_that_nobody_collects_is_reported_once,
        a_panic_that_is_collected_is_not_reported,
        an_error_that_nobody_collects_is_reported_once,
        a_cancel_is_not_reported,
        a_task_table_tells_who_waits_for_what,
    ]
}

/// Yields fifty times, and checks that each of the others had as many turns.
async fn yield_among(others: &[Rc<Cell<usize>>]) {
    let before: Vec<usize> = others.iter().map(|turns| turns.get()).collect();
    for round in 1..=50 {
        aio::yield_now().await;
        let had = |(turns, before): (&Rc<Cell<usize>>, &usize)| turns.get() - before;
        let turns: Vec<usize> = others.iter().zip(&before).map(had).collect();
        same("QUEUE-2", "turns of 100 tasks, by the yield", vec![round; 100], turns);
    }
}

fn a_yield_lets_every_other_task_run_once(runtime: &Handloom) {
    runtime.block_on(async {
        let others = spawn_counting::<Handloom>(100);
        rt::spawn(async move { yield_among(&others).await }).await.unwrap();
    });
}

fn the_main_future_takes_its_turn_like_a_task(runtime: &Handloom) {
    runtime.block_on(async {
        let others = spawn_counting::<Handloom>(100);
        aio::yield_now().await;
        yield_among(&others).await;
    });
}

fn a_yield_looks_at_sockets_every_64_polls(runtime: &Handloom) {
    let most = runtime.block_on(async {
        let mut most = 0;
        for _ in 0..100 {
            most = most.max(yields_until_readable::<Handloom>().await);
        }
        most
    });
    holds("LOOP-1", "the most yields until a socket is seen", "2 to 65", most, |most| {
        (2..=65).contains(most)
    });
}

fn an_observer_is_told_every_step_in_order(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    let line = line!() + 2;
    event_loop.block_on(async {
        let task = rt::spawn_named("weaver", async {
            aio::yield_now().await;
            5
        });
        same("JOIN-1", "the value", 5, task.await.unwrap());
    });
    let (main, weaver) = (String::from("task 0"), String::from("task 1"));
    let expected = vec![
        Told::Woken(main.clone()),
        Told::Spawned(weaver.clone(), Some("weaver".into()), line),
        Told::Woken(weaver.clone()),
        Told::Polled(main.clone()),
        // Told when it has happened: the task woke itself in its poll.
        Told::Woken(weaver.clone()),
        Told::Polled(weaver.clone()),
        Told::Woken(main.clone()),
        Told::Polled(weaver.clone()),
        Told::Finished(weaver),
        Told::Polled(main),
    ];
    // LOOP-1: where the kernel's clock ticks in between, the selector is asked once more.
    let is_task =
        |told: &Told| !matches!(told, Told::Waits(Some(Duration::ZERO)) | Told::Woke(0, 0));
    let steps: Vec<_> = log.told().into_iter().filter(is_task).collect();
    same("HOOK-1", "the steps of a small run", expected, steps);
}

fn an_observer_counts_what_happened(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                rt::spawn(async {
                    let (mut near, mut far) = pair_on_loop::<Handloom>();
                    let writes = rt::spawn(async move {
                        aio::sleep(Duration::from_millis(1)).await;
                        Writer::write_all(&mut near, b"x").await.unwrap();
                    });
                    read_exact(&mut far, &mut [0]).await.unwrap();
                    writes.await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let count = |kind: fn(&Told) -> bool| log.count(kind);
    same("HOOK-1", "tasks spawned", 20, count(|told| matches!(told, Told::Spawned(..))));
    same("HOOK-1", "tasks finished", 20, count(|told| matches!(told, Told::Finished(..))));
    let (woken, polled) = (
        count(|told| matches!(told, Told::Woken(..))),
        count(|told| matches!(told, Told::Polled(..))),
    );
    // Each wake brings a poll, but for one that came in a task's last moments.
    holds("HOOK-1", "wakes and polls", "as many polls as wakes", (woken, polled), |_| {
        woken == polled
    });
    let (waits, woke) = (
        count(|told| matches!(told, Told::Waits(..))),
        count(|told| matches!(told, Told::Woke(..))),
    );
    same("HOOK-1", "returns from the selector", waits, woke);
    let timers: usize =
        log.told().iter().map(|t| if let Told::Woke(_, timers) = t { *timers } else { 0 }).sum();
    same("HOOK-1", "timers that fired", 10, timers);
    let sockets: usize =
        log.told().iter().map(|t| if let Told::Woke(sockets, _) = t { *sockets } else { 0 }).sum();
    holds("HOOK-1", "sockets that became ready", "10 at least", sockets, |sockets| *sockets >= 10);
}

/// Spawns and wakes from inside an observer.
#[derive(Default)]
struct Meddler {
    /// How many tasks it has spawned.
    spawned: Cell<usize>,
    /// How many of them ran.
    ran: Rc<Cell<usize>>,
}

impl Observer for Meddler {
    fn observe(&self, moment: Moment<'_>) {
        if matches!(moment, Moment::Polled { .. }) && self.spawned.get() < 10 {
            self.spawned.set(self.spawned.get() + 1);
            let ran = self.ran.clone();
            drop(rt::spawn(async move { ran.set(ran.get() + 1) }));
        }
    }
}

fn an_observer_may_spawn_and_wake(_: &Handloom) {
    let meddler = Meddler::default();
    let ran = meddler.ran.clone();
    let event_loop = asked(EventLoop::builder().observer(meddler).build().unwrap());
    event_loop.block_on(many_turns::<Handloom>());
    same("HOOK-1", "tasks that an observer spawned", 10, ran.get());
}

/// Panics at every step.
struct Saboteur;

impl Observer for Saboteur {
    fn observe(&self, _: Moment<'_>) {
        panic!("the observer is through");
    }

    fn report(&self, _: &str) {
        panic!("the observer is through");
    }
}

fn a_panic_in_an_observer_stays_in_it(_: &Handloom) {
    let event_loop = asked(EventLoop::builder().observer(Saboteur).build().unwrap());
    let (probe, counts) = Probe::new(pending::<()>());
    let sum = event_loop.block_on(async {
        drop(rt::spawn(probe));
        drop(rt::spawn(async { panic!("nobody collects this") }));
        aio::sleep(Duration::from_millis(1)).await;
        rt::spawn(async { 5 + 7 }).await.unwrap()
    });
    same("HOOK-2", "the value of block_on", 12, sum);
    same("END-1", "drops of a task that was left over", 1, counts.drops.get());
}

fn a_poll_that_holds_the_loop_is_reported(_: &Handloom) {
    let log = Log::default();
    let limit = Duration::from_millis(50);
    let event_loop =
        asked(EventLoop::builder().slow_poll(Some(limit)).observer(log.clone()).build().unwrap());
    event_loop.block_on(async {
        let hog = rt::spawn_named(
            "hog",
            poll_fn(move |_| {
                thread::sleep(limit * 2);
                Poll::Ready(())
            }),
        );
        hog.await.unwrap();
    });
    let reports = log.reports().join("\n");
    says("HOOK-1", "the report of a slow poll", "\"hog\" held the loop for ", &reports);
    says("HOOK-1", "the way out", "run_blocking", &reports);
    let quiet = Log::default();
    let event_loop =
        asked(EventLoop::builder().slow_poll(None).observer(quiet.clone()).build().unwrap());
    event_loop.block_on(async { thread::sleep(limit * 2) });
    same("HOOK-1", "reports when nobody wants them", 0, quiet.reports().len());
}

fn a_panic_that_nobody_collects_is_reported_once(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    let line = line!() + 3;
    event_loop.block_on(async {
        // The handle goes before the end, and after it.
        drop(rt::spawn_named("early", async { panic!("through") }));
        many_turns::<Handloom>().await;
        let late = rt::spawn_named("late", async { panic!("through too") });
        many_turns::<Handloom>().await;
        drop(late);
    });
    let reports = log.reports();
    same("JOIN-3", "reports of two panics", 2, reports.len());
    says("JOIN-3", "the name", "\"early\"", &reports[0]);
    says("JOIN-3", "the place", &format!("l7_fairness.rs:{line}"), &reports[0]);
    says("JOIN-3", "the text", "panicked: through (nobody awaited it)", &reports[0]);
    says("JOIN-3", "the name of the second", "\"late\"", &reports[1]);
}

fn a_panic_that_is_collected_is_not_reported(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        let task = rt::spawn(async { panic!("through") });
        let error = task.await.map(|()| "a value").unwrap_err();
        says("JOIN-3", "the error", "panicked: through", &error.to_string());
    });
    same("JOIN-3", "reports of a panic that was awaited", Vec::<String>::new(), log.reports());
}

fn an_error_that_nobody_collects_is_reported_once(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        drop(rt::spawn_named("io", ready(Err::<(), _>(io::Error::other("the disk is gone")))));
        let any: Box<dyn Error> = "something broke".into();
        drop(rt::spawn_named("any", ready(Err::<(), _>(any))));
        // These two are no errors that anybody could want to hear of.
        drop(rt::spawn(ready(Ok::<(), io::Error>(()))));
        drop(rt::spawn(ready(Err::<(), u32>(7))));
        many_turns::<Handloom>().await;
        let joined = rt::spawn(ready(Err::<(), _>(io::Error::other("collected")))).await;
        same("JOIN-3", "the error came to the joiner", true, joined.unwrap().is_err());
    });
    let reports = log.reports();
    same("JOIN-3", "reports of two errors", 2, reports.len());
    says("JOIN-3", "the first", "\"io\"", &reports[0]);
    says("JOIN-3", "the first", "failed: the disk is gone (nobody awaited it)", &reports[0]);
    says("JOIN-3", "the second", "failed: something broke (nobody awaited it)", &reports[1]);
}

fn a_cancel_is_not_reported(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        let task = rt::spawn(pending::<()>());
        aio::yield_now().await;
        task.cancel();
        drop(task);
        many_turns::<Handloom>().await;
        drop(rt::spawn(pending::<()>()));
    });
    same("JOIN-3", "reports of cancelled tasks", Vec::<String>::new(), log.reports());
    event_loop.block_on(async {
        let bomb = Bomb;
        let task = rt::spawn_named("bomber", async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        aio::yield_now().await;
        task.cancel();
        drop(task);
        many_turns::<Handloom>().await;
    });
    same("JOIN-3", "reports of a destructor that panicked in a cancel", 1, log.reports().len());
}

fn a_task_table_tells_who_waits_for_what(runtime: &Handloom) {
    let table = runtime.block_on(async {
        let (mut near, _far) = pair::<Handloom>();
        let mut listener = Handloom::listen();
        let sleeper = rt::spawn_named("sleeper", aio::sleep(Duration::from_hours(1)));
        drop(rt::spawn_named(
            "reader",
            async move { drop(Reader::read(&mut near, &mut [0]).await) },
        ));
        drop(rt::spawn_named("server", async move { drop(Listener::accept(&mut listener).await) }));
        drop(rt::spawn_named("joiner", async move { drop(sleeper.await) }));
        many_turns::<Handloom>().await;
        // The table leaves out the task that asks for it.
        let asks = rt::spawn_named("asks", async { rt::task_table() });
        drop(rt::spawn_named("fresh", ready(())));
        asks.await.unwrap()
    });
    for part in [
        "task 0 (block_on),\n    waits for the end of task 5",
        "task 1 \"sleeper\", spawned at tests/runtimes/on_handloom/own/l7_fairness.rs:",
        "waits for a point in time",
        "waits to read descriptor ",
        "task 4 \"joiner\", spawned at",
        "waits for the end of task 1",
        "is ready",
    ] {
        says("TABLE-1", "the table of tasks", part, &table);
    }
    same(
        "TABLE-1",
        "a table where no loop runs",
        "no event loop runs on this thread",
        &rt::task_table(),
    );
}
