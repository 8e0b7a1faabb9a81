//! Gather, race, as-completed, bounded: order, counted polls, what is dropped and when.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::support::{Counts, counted, poll_once, run, run_in_real_time, stuck_report};
use handloom::aio::{
    Either, Event, Queue, as_completed, bounded, gather, race, sleep, task_group, timeout,
    try_gather, yield_now,
};
use handloom::rt::{now, spawn, task_table};

const MS: Duration = Duration::from_millis(1);

/// A future of any type, where several are put into one list.
type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

#[test]
fn gather_takes_as_long_as_the_slowest_and_keeps_the_order() {
    run(async {
        let start = now();
        let outputs = gather((0..100_u32).map(async |number| {
            sleep((100 - number) * MS).await;
            number
        }));
        assert_eq!(outputs.await, (0..100).collect::<Vec<_>>(), "GATHER-1");
        assert_eq!(now() - start, 100 * MS, "expected the longest, not the sum");
    });
}

#[test]
fn gather_of_ten_thousand_polls_each_child_only_when_it_was_woken() {
    run(async {
        let counts: Vec<_> = (0..10_000).map(|_| Rc::new(Counts::default())).collect();
        let events: Vec<_> = (0..10_000).map(|_| Event::new()).collect();
        let mut all = Box::pin(gather(
            counts.iter().zip(&events).map(|(counts, event)| counted(counts, event.wait())),
        ));
        while counts.iter().any(|counts| counts.polls.get() == 0) {
            assert!(poll_once(&mut all).await.is_pending());
            yield_now().await;
        }
        assert!(counts.iter().all(|counts| counts.polls.get() == 1), "CHILD-1: once at first");
        for event in events.iter().step_by(100) {
            event.set();
            assert!(poll_once(&mut all).await.is_pending());
            yield_now().await;
        }
        for (place, counts) in counts.iter().enumerate() {
            let expected = if place % 100 == 0 { 2 } else { 1 };
            assert_eq!(counts.polls.get(), expected, "CHILD-1: child {place}, when it was woken");
        }
        events.iter().for_each(Event::set);
        assert_eq!(all.await.len(), 10_000);
        assert!(counts.iter().all(|c| (c.polls.get(), c.drops.get()) == (2, 1)), "GATHER-2");
    });
}

#[test]
fn children_may_borrow_from_their_caller() {
    run(async {
        let text = String::from("borrowed");
        let lengths = gather((1..4).map(|end| {
            let part = &text[..end];
            async move { part.len() }
        }));
        assert_eq!(lengths.await, [1, 2, 3]);
        let (first, second) = (Event::new(), Event::new());
        second.set();
        assert_eq!(race(first.wait(), second.wait()).await, Either::Second(()));
    });
}

#[test]
fn gather_of_nothing_is_ready_at_once() {
    run(async {
        assert_eq!(
            poll_once(&mut Box::pin(gather(Vec::<Boxed<()>>::new()))).await,
            Poll::Ready(vec![])
        );
        assert_eq!(bounded(1, Vec::<Boxed<()>>::new()).await, []);
        assert_eq!(as_completed(Vec::<Boxed<()>>::new()).next().await, None);
    });
}

#[test]
fn gather_that_is_dropped_drops_children_and_outputs_that_had_come() {
    run(async {
        let counts = Rc::new(Counts::default());
        let output = Rc::new(());
        let children = (0..10).map(|number| {
            let output = output.clone();
            counted(&counts, async move {
                if number >= 5 {
                    pending::<()>().await;
                }
                output
            })
        });
        let mut all = Box::pin(gather(children));
        assert!(poll_once(&mut all).await.is_pending());
        assert_eq!(counts.drops.get(), 5, "GATHER-2: dropped as soon as they have ended");
        assert_eq!(Rc::strong_count(&output), 11);
        drop(all);
        assert_eq!((counts.drops.get(), Rc::strong_count(&output)), (10, 1), "nothing is left");
    });
}

#[test]
fn gathered_results_are_all_there_and_try_gather_stops_at_the_first_error() {
    run(async {
        let counts = Rc::new(Counts::default());
        let work = |number: u32| {
            counted(&counts, async move {
                sleep(number * MS).await;
                if number % 4 == 3 { Err(number) } else { Ok(number) }
            })
        };
        let all = gather((0..8).map(work)).await;
        assert_eq!(all.iter().filter(|result| result.is_err()).count(), 2, "every result is there");
        assert_eq!(counts.drops.replace(0), 8);
        let start = now();
        assert_eq!(try_gather((0..8).map(work)).await, Err(3), "the first error that comes");
        assert_eq!(now() - start, 3 * MS, "GATHER-3: it does not wait for the others");
        assert_eq!(counts.drops.get(), 8, "GATHER-3: the others are dropped before it returns");
        assert_eq!(try_gather((0..3).map(work)).await, Ok(vec![0, 1, 2]));
    });
}

#[test]
fn try_gather_that_is_dropped_drops_its_children() {
    run(async {
        let counts = Rc::new(Counts::default());
        let mut all =
            Box::pin(try_gather((0..3).map(|_| counted(&counts, pending::<Result<(), ()>>()))));
        assert!(poll_once(&mut all).await.is_pending());
        drop(all);
        assert_eq!(counts.drops.get(), 3);
    });
}

#[test]
fn panic_of_a_child_drops_the_others() {
    run(async {
        let counts = Rc::new(Counts::default());
        let theirs = counts.clone();
        let task = spawn(async move {
            gather((0..3).map(|number| {
                counted(&theirs, async move {
                    yield_now().await;
                    assert!(number != 1, "meant to be");
                    pending::<()>().await;
                })
            }))
            .await
        });
        assert!(task.await.is_err());
        assert_eq!(counts.drops.get(), 3);
    });
}

#[test]
fn race_gives_the_first_and_has_dropped_the_other() {
    run(async {
        let counts = Rc::new(Counts::default());
        let slow = counted(&counts, sleep(10 * MS));
        assert_eq!(race(slow, sleep(MS)).await, Either::Second(()));
        assert_eq!(counts.drops.get(), 1, "RACE-2");
        let both_ready = race(ready('a'), ready('b')).await;
        assert_eq!(both_ready, Either::First('a'), "RACE-1");
        let mut sleeps = as_completed((1..10).rev().map(|ms| counted(&counts, sleep(ms * MS))));
        assert_eq!(sleeps.next().await, Some((8, ())));
        drop(sleeps);
        assert_eq!(counts.drops.get(), 10, "RACE-2");
        let first = as_completed([ready('a'), ready('b')]).next().await;
        assert_eq!(first, Some((0, 'a')), "RACE-1");
    });
}

#[test]
fn race_that_is_dropped_drops_all_who_run() {
    run(async {
        let counts = Rc::new(Counts::default());
        let never = || counted(&counts, pending::<()>());
        let mut two = Box::pin(race(never(), never()));
        let mut three = as_completed([never(), never(), never()]);
        assert!(poll_once(&mut two).await.is_pending());
        assert!(poll_once(&mut Box::pin(three.next())).await.is_pending());
        drop((two, three));
        assert_eq!(counts.drops.get(), 5);
    });
}

#[test]
fn item_is_not_lost_to_a_getter_that_lost_its_race() {
    run(async {
        let queue = Queue::new(1);
        let event = Event::new();
        let mut both = Box::pin(race(event.wait(), queue.get()));
        assert!(poll_once(&mut both).await.is_pending());
        // Both become ready before the race is polled.
        queue.try_put('a').expect("room");
        event.set();
        assert_eq!(both.await, Either::First(()));
        assert_eq!(queue.try_get(), Ok('a'), "scenario 24, ITEM-3");
    });
}

#[test]
fn as_completed_gives_outputs_as_they_come_and_loses_none_when_dropped_half_way() {
    run(async {
        let start = now();
        let mut sleeps = as_completed([30, 10, 20].map(|ms| async move {
            sleep(ms * MS).await;
            ms
        }));
        assert_eq!(sleeps.next().await, Some((1, 10)), "COMES-1");
        assert!(timeout(5 * MS, sleeps.next()).await.is_err());
        assert_eq!(sleeps.next().await, Some((2, 20)), "COMES-3");
        assert_eq!(sleeps.next().await, Some((0, 30)));
        assert_eq!(sleeps.next().await, None);
        assert_eq!(now() - start, 30 * MS);
    });
}

#[test]
fn output_that_came_while_nobody_asked_is_given_later() {
    run(async {
        let events: Vec<_> = (0..4).map(|_| Event::new()).collect();
        let mut waits = as_completed(events.iter().map(Event::wait));
        assert!(poll_once(&mut Box::pin(waits.next())).await.is_pending());
        events[2].set();
        events[0].set();
        yield_now().await;
        assert_eq!(waits.next().await, Some((2, ())), "COMES-1: in the order in which they end");
        assert_eq!(waits.next().await, Some((0, ())));
        assert!(poll_once(&mut Box::pin(waits.next())).await.is_pending());
    });
}

#[test]
fn bounded_keeps_its_limit_and_asks_for_futures_only_when_there_is_room() {
    run(async {
        let (alive, most, made) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let futures = (0..50_u32).map(|number| {
            made.set(made.get() + 1);
            alive.set(alive.get() + 1);
            most.set(most.get().max(alive.get()));
            let alive = &alive;
            async move {
                sleep((1 + number % 7) * MS).await;
                alive.set(alive.get() - 1);
                number
            }
        });
        let mut all = Box::pin(bounded(5, futures));
        assert!(poll_once(&mut all).await.is_pending());
        assert_eq!(made.get(), 5, "BOUND-2: as many as there is room for");
        assert_eq!(all.await, (0..50).collect::<Vec<_>>(), "outputs in order");
        assert_eq!(most.get(), 5, "BOUND-1");
    });
}

#[test]
fn bounded_that_is_dropped_drops_what_has_begun_and_makes_no_more() {
    run(async {
        let counts = Rc::new(Counts::default());
        let made = Cell::new(0);
        let mut all = Box::pin(bounded(
            3,
            (0..10).map(|_| {
                made.set(made.get() + 1);
                counted(&counts, pending::<()>())
            }),
        ));
        assert!(poll_once(&mut all).await.is_pending());
        drop(all);
        assert_eq!((made.get(), counts.drops.get()), (3, 3));
    });
}

#[test]
#[should_panic(expected = "nothing is ever done")]
fn bound_of_zero_is_refused() {
    run(bounded(0, [ready(())]));
}

#[test]
fn endless_iterator_of_ready_futures_does_not_starve_other_tasks() {
    run(async {
        let made = Rc::new(Cell::new(0_u32));
        let count = made.clone();
        let busy = spawn(async move {
            let endless = std::iter::repeat_with(|| {
                count.set(count.get() + 1);
                ready(())
            });
            bounded(10, endless).await
        });
        yield_now().await;
        yield_now().await;
        assert!((1..1000).contains(&made.get()), "CHILD-6: came {}", made.get());
        busy.cancel();
    });
}

#[test]
fn yield_inside_a_gather_lets_other_tasks_run() {
    run(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let other = log.clone();
        let task = spawn(async move {
            for _ in 0..3 {
                other.borrow_mut().push("other");
                yield_now().await;
            }
        });
        gather((0..2).map(async |_| {
            for _ in 0..3 {
                log.borrow_mut().push("child");
                yield_now().await;
            }
        }))
        .await;
        task.await.expect("ends");
        let log = log.borrow();
        let expected = ["child", "child", "other"].repeat(3);
        assert_eq!(*log, expected, "CHILD-3: one poll a batch");
    });
}

#[test]
fn child_woken_many_times_or_after_its_end_is_polled_once_or_not_at_all() {
    run(async {
        let counts = Rc::new(Counts::default());
        let (left, done): (Rc<RefCell<Option<Waker>>>, _) =
            (Rc::default(), Rc::new(Cell::new(false)));
        let (leave, is_done) = (left.clone(), done.clone());
        let child = poll_fn(move |cx| {
            *leave.borrow_mut() = Some(cx.waker().clone());
            if is_done.get() { Poll::Ready(()) } else { Poll::Pending }
        });
        let never = Rc::new(Counts::default());
        let children: [Boxed<()>; 2] =
            [Box::pin(counted(&counts, child)), Box::pin(counted(&never, pending()))];
        let mut all = Box::pin(gather(children));
        assert!(poll_once(&mut all).await.is_pending());
        let waker = left.borrow().clone().expect("left by the first poll");
        (0..1000).for_each(|_| waker.wake_by_ref());
        assert!(poll_once(&mut all).await.is_pending());
        assert_eq!(counts.polls.get(), 2, "CHILD-1: once for any number of wakes");
        done.set(true);
        waker.wake_by_ref();
        assert!(poll_once(&mut all).await.is_pending(), "the other never ends");
        (0..1000).for_each(|_| waker.wake_by_ref());
        assert!(poll_once(&mut all).await.is_pending());
        assert_eq!(
            (counts.polls.get(), never.polls.get()),
            (3, 1),
            "CHILD-2: not polled after its end"
        );
        drop(all);
        waker.wake();
    });
}

#[test]
fn child_that_changes_parents_between_tasks_wakes_the_new_one() {
    run(async {
        let event = Rc::new(Event::new());
        let theirs = event.clone();
        let mut all: Boxed<Vec<()>> =
            Box::pin(async move { gather((0..3).map(|_| theirs.wait())).await });
        assert!(poll_once(&mut all).await.is_pending(), "polled by this task first");
        let task = spawn(all);
        yield_now().await;
        event.set();
        assert_eq!(task.await.expect("ends").len(), 3, "scenario 10: the last waker is woken");
    });
}

#[test]
fn children_are_woken_from_other_threads() {
    run_in_real_time(async {
        let sums = gather((0..8_u64).map(|number| {
            let (mut started, shared) = (false, std::sync::Arc::new(std::sync::Mutex::new(0)));
            poll_fn(move |cx| {
                let sum = *shared.lock().expect("not poisoned");
                if sum == 1000 {
                    return Poll::Ready(sum + number);
                }
                if !std::mem::replace(&mut started, true) {
                    let (waker, shared) = (cx.waker().clone(), shared.clone());
                    std::thread::spawn(move || {
                        for _ in 0..1000 {
                            *shared.lock().expect("not poisoned") += 1;
                            waker.wake_by_ref();
                        }
                    });
                }
                Poll::Pending
            })
        }));
        assert_eq!(sums.await, (1000..1008).collect::<Vec<_>>(), "scenario 81: no wake is lost");
    });
}

#[test]
fn gather_that_can_never_end_is_reported_as_stuck() {
    let report = stuck_report(async {
        let (events, queue) = ([Event::new(), Event::new()], Queue::<()>::new(1));
        let nested = async {
            gather(events.iter().map(Event::wait)).await;
        };
        race(nested, async { drop(gather([queue.get(), queue.get()]).await) }).await;
    });
    assert!(report.contains("can wake it"), "STUCK-1: came {report}");
}

#[test]
fn a_task_whose_last_poll_was_of_a_child_that_ended_says_what_it_waits_for() {
    /// Children that end after 1, 2 and 3 ms. The first is cut off while it waits for an item.
    fn children() -> impl Iterator<Item = impl Future<Output = Result<(), ()>>> {
        (1..=3).map(async |number| {
            let nothing = Queue::<()>::new(1);
            let _ = timeout(number * MS, nothing.get()).await;
            Ok(())
        })
    }
    run(async {
        drop(spawn(gather(children())));
        drop(spawn(async {
            let mut all = as_completed(children());
            while all.next().await.is_some() {}
        }));
        drop(spawn(task_group(async |group| {
            children().for_each(|child| drop(group.spawn(child)));
            Ok(())
        })));
        let says = |expected: &str| {
            let table = task_table();
            assert_eq!(table.matches(expected).count(), 3, "expected thrice {expected:?}: {table}");
        };
        yield_now().await;
        yield_now().await;
        says("waits for an item in a queue");
        sleep(MS).await;
        yield_now().await;
        says("waits for futures inside it: 2");
        sleep(MS).await;
        yield_now().await;
        says("waits for futures inside it: 1");
    });
}

#[test]
fn timeouts_nested_in_each_other_report_the_one_that_expired() {
    run(async {
        let start = now();
        let inner_first = timeout(20 * MS, timeout(10 * MS, pending::<()>())).await;
        assert!(inner_first.is_ok_and(|inner| inner.is_err()), "scenario 66: the inner one");
        let outer_first = timeout(10 * MS, timeout(20 * MS, pending::<()>())).await;
        assert!(outer_first.is_err(), "scenario 66: the outer one");
        assert_eq!(now() - start, 20 * MS);
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1), "scenario 65");
        let same_deadline = timeout(10 * MS, sleep(10 * MS)).await;
        assert!(same_deadline.is_ok(), "scenario 65: the value wins at the same deadline");
    });
}
