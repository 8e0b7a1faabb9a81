//! The task group: values, failures, borrowing, and that nothing outlives it.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Counts, counted, run};
use handloom::aio::{Event, TaskGroup, sleep, task_group, timeout, yield_now};
use handloom::rt::{now, spawn};

const MS: Duration = Duration::from_millis(1);

#[test]
fn group_waits_for_all_children_and_returns_the_value_of_its_body() {
    run(async {
        let (start, ended) = (now(), Cell::new(0));
        let value = task_group(async |group| {
            for number in 1..=10 {
                let ended = &ended;
                group.spawn(async move {
                    sleep(number * MS).await;
                    ended.set(ended.get() + 1);
                    Ok::<_, ()>(())
                });
            }
            Ok("body")
        });
        assert_eq!(value.await, Ok("body"));
        assert_eq!((ended.get(), now() - start), (10, 10 * MS), "GROUP-1: all, at the same time");
    });
}

#[test]
fn body_may_await_the_values_of_its_children() {
    run(async {
        let sum = task_group(async |group| {
            let first = group.spawn(async { Ok::<_, ()>(1) });
            let second = group.spawn(async {
                sleep(MS).await;
                Ok(2)
            });
            Ok(first.value().await + second.value().await)
        });
        assert_eq!(sum.await, Ok(3));
    });
}

#[test]
fn failure_of_a_child_drops_its_siblings_and_the_body_before_the_group_returns() {
    run(async {
        let (start, counts) = (now(), Rc::new(Counts::default()));
        let result: Result<(), _> = task_group(async |group| {
            for _ in 0..5 {
                group.spawn(counted(&counts, pending::<Result<(), &str>>()));
            }
            group.spawn(async {
                sleep(5 * MS).await;
                Err::<(), _>("failed")
            });
            counted(&counts, pending::<()>()).await;
            Ok(())
        })
        .await;
        assert_eq!(result, Err("failed"), "GROUP-2: the first error is the group's");
        assert_eq!((counts.drops.get(), now() - start), (6, 5 * MS), "GROUP-1, GROUP-2");
    });
}

#[test]
fn failure_of_the_body_drops_the_children() {
    run(async {
        let counts = Rc::new(Counts::default());
        let result: Result<(), _> = task_group(async |group| {
            group.spawn(counted(&counts, pending::<Result<(), &str>>()));
            sleep(MS).await;
            Err("body")
        })
        .await;
        assert_eq!((result, counts.drops.get()), (Err("body"), 1));
        // A child that was added and never polled is dropped too.
        let result: Result<(), _> = task_group(async |group| {
            group.spawn(counted(&counts, pending::<Result<(), &str>>()));
            Err("at once")
        })
        .await;
        assert_eq!((result, counts.drops.get(), counts.polls.get()), (Err("at once"), 2, 1));
    });
}

#[test]
fn group_that_is_dropped_drops_body_and_children_at_once() {
    run(async {
        let counts = Rc::new(Counts::default());
        let group = task_group(async |group| {
            for _ in 0..3 {
                group.spawn(counted(&counts, pending::<Result<(), ()>>()));
            }
            counted(&counts, pending::<()>()).await;
            Ok(())
        });
        assert!(timeout(MS, group).await.is_err());
        assert_eq!(counts.drops.get(), 4, "GROUP-1: not one turn later");
    });
}

#[test]
fn child_may_add_children_also_after_the_body_has_ended() {
    /// Counts down, a child for each number.
    async fn down<'env>(
        group: TaskGroup<'env, ()>,
        from: u32,
        log: &'env RefCell<Vec<u32>>,
    ) -> Result<(), ()> {
        sleep(MS).await;
        log.borrow_mut().push(from);
        if from > 0 {
            let next = group.clone();
            group.spawn(async move { Box::pin(down(next, from - 1, log)).await });
        }
        Ok(())
    }
    run(async {
        let log = RefCell::new(Vec::new());
        let log = &log;
        let result = task_group(async |group| {
            group.spawn(down(group.clone(), 3, log));
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(*log.borrow(), [3, 2, 1, 0], "GROUP-3");
    });
}

#[test]
fn child_added_from_another_task_while_the_group_waits_is_run() {
    run(async {
        let (sender, stop) = (Rc::new(RefCell::new(None)), Rc::new(Event::new()));
        let (place, stopped) = (sender.clone(), stop.clone());
        let task = spawn(task_group(async move |group| {
            *place.borrow_mut() = Some(group);
            stopped.wait().await;
            Ok::<_, ()>(())
        }));
        sleep(MS).await;
        let group: TaskGroup<'static, ()> = sender.take().expect("left by the body");
        let child = group.spawn(async { Ok(7) });
        assert_eq!(child.value().await, 7);
        stop.set();
        assert_eq!(task.await.expect("ends"), Ok(()));
        let counts = Rc::new(Counts::default());
        drop(group.spawn(counted(&counts, pending::<Result<(), ()>>())));
        assert_eq!((counts.polls.get(), counts.drops.get()), (0, 1), "GROUP-1: dropped unpolled");
    });
}

#[test]
fn value_that_is_not_awaited_to_its_end_is_lost_and_its_child_runs_on() {
    run(async {
        let ran = Rc::new(Cell::new(false));
        let (shown, output) = (ran.clone(), Rc::new(()));
        let theirs = output.clone();
        let result = task_group(async |group| {
            let child = group.spawn(async move {
                sleep(5 * MS).await;
                shown.set(true);
                Ok::<_, ()>(theirs)
            });
            assert!(timeout(MS, child.value()).await.is_err());
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(ran.get(), "the child runs on");
        assert_eq!(Rc::strong_count(&output), 1, "its value is dropped");
    });
}

#[test]
fn panic_of_a_child_takes_the_group_and_all_children_with_it() {
    run(async {
        let counts = Rc::new(Counts::default());
        let theirs = counts.clone();
        let task = spawn(async move {
            task_group(async |group| {
                group.spawn(counted(&theirs, pending::<Result<(), ()>>()));
                group.spawn(async {
                    yield_now().await;
                    panic!("meant to be");
                    #[expect(unreachable_code, reason = "gives the block its type")]
                    Ok(())
                });
                pending::<()>().await;
                Ok(())
            })
            .await
        });
        let error = task.await.expect_err("the panic is the task's");
        assert!(error.to_string().contains("meant to be"));
        assert_eq!(counts.drops.get(), 1, "GROUP-1");
    });
}

#[test]
fn destructor_of_a_child_may_add_a_child_which_never_begins() {
    /// Adds a child when it is dropped.
    struct AddsOnDrop(TaskGroup<'static, ()>, Rc<Counts>);
    impl Drop for AddsOnDrop {
        fn drop(&mut self) {
            self.0.spawn(counted(&self.1, pending::<Result<(), ()>>()));
        }
    }
    run(async {
        let counts = Rc::new(Counts::default());
        let result: Result<(), ()> = task_group(async |group: TaskGroup<'static, ()>| {
            let guard = AddsOnDrop(group.clone(), counts.clone());
            group.spawn(async move {
                let _guard = guard;
                pending::<Result<(), ()>>().await
            });
            yield_now().await;
            Err(())
        })
        .await;
        assert_eq!(result, Err(()));
        assert_eq!((counts.polls.get(), counts.drops.get()), (0, 1), "scenario 14, GROUP-1");
    });
}

#[test]
fn children_are_polled_only_when_they_were_woken() {
    run(async {
        let counts: Vec<_> = (0..1000).map(|_| Rc::new(Counts::default())).collect();
        let events: Vec<_> = (0..1000).map(|_| Event::new()).collect();
        let result = task_group(async |group| {
            for (counts, event) in counts.iter().zip(&events) {
                group.spawn(counted(counts, async move {
                    event.wait().await;
                    Ok::<_, ()>(())
                }));
            }
            for event in &events {
                sleep(MS).await;
                event.set();
            }
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
        let polls: usize = counts.iter().map(|counts| counts.polls.get()).sum();
        assert_eq!(polls, 2000, "CHILD-1: two polls each");
    });
}
