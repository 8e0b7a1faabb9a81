//! The queue between tasks: order, back-pressure, closing, cancellation.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{poll_once, run};
use handloom::aio::{GetError, PutError, Queue, sleep, timeout, yield_now};
use handloom::rt::spawn;

#[test]
fn items_come_out_in_the_order_in_which_they_went_in() {
    run(async {
        let queue = Queue::new(3);
        let putter = queue.clone();
        let task = spawn(async move {
            for number in 0..1000 {
                putter.put(number).await.expect("open");
            }
            putter.close();
        });
        let mut came = Vec::new();
        while let Some(number) = queue.get().await {
            assert!(queue.len() <= 3, "ITEM-4: no more than its capacity");
            came.push(number);
        }
        assert_eq!(came, (0..1000).collect::<Vec<_>>(), "ITEM-1");
        task.await.expect("the putter ends");
    });
}

#[test]
fn full_queue_holds_back_whoever_puts() {
    run(async {
        let queue = Queue::new(2);
        let (putter, put) = (queue.clone(), Rc::new(Cell::new(0)));
        let count = put.clone();
        let task = spawn(async move {
            for number in 0..10 {
                putter.put(number).await.expect("open");
                count.set(number + 1);
            }
        });
        sleep(Duration::from_secs(1)).await;
        assert_eq!(put.get(), 2, "expected the putter to wait for room");
        assert_eq!(queue.try_put(99), Err(PutError::Full(99)));
        assert_eq!(queue.get().await, Some(0));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(put.get(), 3, "room for one is one more put");
        task.cancel();
    });
}

#[test]
fn getters_are_served_in_order_and_not_overtaken() {
    run(async {
        let queue = Queue::new(10);
        let getters: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                spawn(async move { queue.get().await })
            })
            .collect();
        yield_now().await;
        assert_eq!(queue.waiters(), 3);
        for number in 0..3 {
            queue.try_put(number).expect("room");
        }
        assert_eq!(queue.waiters(), 0, "ITEM-4: every item is granted, also beside another item");
        assert_eq!(queue.try_get(), Err(GetError::Empty), "ITEM-3: all three are promised");
        for (number, getter) in getters.into_iter().enumerate() {
            assert_eq!(getter.await.expect("ends"), Some(number), "ITEM-2");
        }
    });
}

#[test]
fn every_place_wakes_a_putter_also_beside_another_place() {
    run(async {
        let queue = Queue::new(2);
        queue.try_put(0).expect("room");
        queue.try_put(1).expect("room");
        let put = |number| {
            spawn({
                let queue = queue.clone();
                async move { queue.put(number).await }
            })
        };
        let putters = [put(2), put(3)];
        yield_now().await;
        assert_eq!(queue.waiters(), 2, "both wait for room");
        assert_eq!((queue.try_get(), queue.try_get()), (Ok(0), Ok(1)), "ITEM-1");
        assert_eq!(queue.waiters(), 0, "ITEM-4: every place is granted, also beside another place");
        for putter in putters {
            assert_eq!(putter.await.expect("ends"), Ok(()), "ITEM-4");
        }
    });
}

#[test]
fn getter_dropped_before_it_was_served_loses_nothing() {
    run(async {
        let queue = Queue::new(10);
        let mut getter = Box::pin(queue.get());
        assert!(poll_once(&mut getter).await.is_pending());
        drop(getter);
        assert_eq!(queue.waiters(), 0);
        queue.try_put(1).expect("room");
        assert_eq!(queue.try_get(), Ok(1), "nobody is promised the item");
    });
}

#[test]
fn getter_dropped_after_it_was_served_passes_the_item_on() {
    run(async {
        let queue = Queue::new(10);
        let (mut first, mut second) = (Box::pin(queue.get()), Box::pin(queue.get()));
        assert!(poll_once(&mut first).await.is_pending());
        assert!(poll_once(&mut second).await.is_pending());
        queue.put(7).await.expect("open");
        drop(first);
        assert_eq!(poll_once(&mut second).await, std::task::Poll::Ready(Some(7)), "ITEM-3");
        drop(second);
        // Without a waiter it simply stays in the queue.
        let mut third = Box::pin(queue.get());
        assert!(poll_once(&mut third).await.is_pending());
        queue.put(8).await.expect("open");
        drop(third);
        assert_eq!(queue.try_get(), Ok(8), "ITEM-3");
    });
}

#[test]
fn no_item_is_lost_when_getters_time_out_all_the_time() {
    run(async {
        let queue = Queue::new(4);
        let putter = queue.clone();
        let task = spawn(async move {
            for number in 0..500_u64 {
                putter.put(number).await.expect("open");
                sleep(Duration::from_millis(number % 4)).await;
            }
            putter.close();
        });
        let mut came = Vec::new();
        loop {
            match timeout(Duration::from_millis(1), queue.get()).await {
                Ok(Some(number)) => came.push(number),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        assert_eq!(came, (0..500).collect::<Vec<_>>(), "scenario 24: neither lost nor doubled");
        task.await.expect("the putter ends");
    });
}

#[test]
fn putter_dropped_while_it_waits_puts_nothing_and_drops_its_value() {
    run(async {
        let queue = Queue::new(1);
        let value = Rc::new(());
        queue.put(value.clone()).await.expect("open");
        let mut putter = Box::pin(queue.put(value.clone()));
        assert!(poll_once(&mut putter).await.is_pending());
        drop(putter);
        assert_eq!(Rc::strong_count(&value), 2, "expected the value to be dropped with the future");
        // Dropped after room was promised to it, it passes the room on.
        let (mut first, mut second) =
            (Box::pin(queue.put(value.clone())), Box::pin(queue.put(value.clone())));
        assert!(poll_once(&mut first).await.is_pending());
        assert!(poll_once(&mut second).await.is_pending());
        drop(queue.get().await);
        assert_eq!(
            queue.try_put(value.clone()),
            Err(PutError::Full(value.clone())),
            "ITEM-2: the room is promised to the first"
        );
        drop(first);
        assert!(poll_once(&mut second).await.is_ready(), "the room went to the second");
        assert_eq!((queue.len(), queue.waiters()), (1, 0));
    });
}

#[test]
fn closed_queue_refuses_putters_and_drains_to_getters() {
    run(async {
        let queue = Queue::new(2);
        queue.put(1).await.expect("open");
        queue.put(2).await.expect("open");
        let waiting = queue.clone();
        let putter = spawn(async move { waiting.put(3).await });
        yield_now().await;
        queue.close();
        queue.close();
        assert_eq!(
            putter.await.expect("ends"),
            Err(PutError::Closed(3)),
            "ITEM-5: its value comes back"
        );
        assert_eq!(queue.put(4).await, Err(PutError::Closed(4)));
        assert_eq!(queue.try_put(5), Err(PutError::Closed(5)));
        assert_eq!(queue.get().await, Some(1), "ITEM-5: what is in it is given");
        assert_eq!(queue.try_get(), Ok(2));
        assert_eq!(queue.get().await, None);
        assert_eq!(queue.try_get(), Err(GetError::Closed));
    });
}

#[test]
fn close_wakes_getters_that_wait_and_those_promised_an_item_get_it() {
    run(async {
        let queue = Queue::new(2);
        let getters: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                spawn(async move { queue.get().await })
            })
            .collect();
        yield_now().await;
        queue.try_put('a').expect("room");
        queue.close();
        let mut came = Vec::new();
        for getter in getters {
            came.push(getter.await.expect("ends"));
        }
        assert_eq!(came, [Some('a'), None, None], "ITEM-5");
    });
}

#[test]
fn promises_dropped_after_the_close_leave_the_item_to_others() {
    run(async {
        let queue = Queue::new(2);
        let mut getter = Box::pin(queue.get());
        assert!(poll_once(&mut getter).await.is_pending());
        queue.try_put('a').expect("room");
        queue.close();
        drop(getter);
        assert_eq!(queue.get().await, Some('a'));
        assert_eq!(queue.get().await, None);
    });
}

#[test]
#[should_panic(expected = "room for one item")]
fn queue_without_room_is_refused() {
    drop(Queue::<()>::new(0));
}

#[test]
fn queue_that_is_always_ready_does_not_starve_other_tasks() {
    run(async {
        let rounds = Rc::new(Cell::new(0_u32));
        let counter = rounds.clone();
        let busy = spawn(async move {
            let queue = Queue::new(1);
            loop {
                queue.put(()).await.expect("open");
                queue.get().await.expect("open");
                counter.set(counter.get() + 1);
            }
        });
        yield_now().await;
        yield_now().await;
        let rounds = rounds.get();
        assert!((1..1000).contains(&rounds), "scenario 51: a bounded share, came {rounds}");
        busy.cancel();
    });
}

#[test]
fn every_item_is_delivered_once_in_a_thousand_random_orders() {
    let _watchdog = crate::support::Watchdog::new();
    for seed in 0..1000 {
        let builder = handloom::rt::EventLoop::builder().virtual_clock().seed(seed);
        let event_loop = builder.panic_when_stuck().build().expect("a loop");
        let mut came = event_loop.block_on(async {
            let queue = Queue::new(2);
            let getters: Vec<_> = (0..3)
                .map(|_| {
                    let queue = queue.clone();
                    spawn(async move {
                        let mut mine = Vec::new();
                        while let Some(item) = queue.get().await {
                            mine.push(item);
                        }
                        mine
                    })
                })
                .collect();
            let impatient = queue.clone();
            let impatient = spawn(async move { impatient.get().await });
            let putter = queue.clone();
            let putter = spawn(async move {
                for item in 0..20 {
                    putter.put(item).await.expect("open");
                }
                putter.close();
            });
            impatient.cancel();
            putter.await.expect("ends");
            let mut came = Vec::new();
            for getter in getters {
                came.extend(getter.await.expect("ends"));
            }
            came
        });
        came.sort_unstable();
        assert_eq!(came, (0..20).collect::<Vec<_>>(), "ITEM-3, with seed {seed}");
    }
}
