//! The queue between threads, on real threads; see also `tests/loom`.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use handloom::threads::{GetError, PutError, Queue};

/// The watchdog of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until so many threads sleep.
fn wait_for<T>(queue: &Queue<T>, sleepers: usize) {
    let begun = Instant::now();
    while queue.waiting() != sleepers {
        assert!(
            begun.elapsed() < PATIENCE,
            "expected {sleepers} sleepers, came {}",
            queue.waiting()
        );
        thread::yield_now();
    }
}

/// Waits for a thread, but not for ever.
fn join<T>(thread: JoinHandle<T>, promise: &str) -> T {
    let begun = Instant::now();
    while !thread.is_finished() {
        assert!(begun.elapsed() < PATIENCE, "{promise}: expected a thread to end, it sleeps");
        thread::sleep(Duration::from_millis(1));
    }
    thread.join().unwrap_or_else(|_| panic!("{promise}: expected no panic of a thread"))
}

#[test]
fn items_come_in_the_order_of_putting() {
    let queue = Queue::new(usize::MAX);
    for number in 0..100 {
        queue.put(number).unwrap();
    }
    queue.close();
    assert!(std::iter::from_fn(|| queue.get()).eq(0..100), "THREAD-QUEUE-1");
}

#[test]
fn a_full_queue_refuses_a_try_and_gives_the_value_back() {
    let queue = Queue::new(2);
    assert_eq!((queue.try_put('a'), queue.try_put('b')), (Ok(()), Ok(())));
    assert_eq!(queue.try_put('c'), Err(PutError::Full('c')), "THREAD-QUEUE-2");
    assert_eq!(queue.len(), 2);
}

#[test]
fn an_empty_queue_gives_nothing_and_says_why() {
    let queue = Queue::<u8>::new(1);
    assert_eq!(queue.try_get(), Err(GetError::Empty));
    queue.close();
    assert_eq!(queue.try_get(), Err(GetError::Closed));
    assert_eq!(queue.get_timeout(PATIENCE), Err(GetError::Closed), "at once");
}

#[test]
fn closed_it_gives_what_it_has_and_takes_nothing() {
    let queue = Queue::new(3);
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    queue.close();
    queue.close();
    assert!(queue.is_closed());
    assert_eq!(queue.put(3), Err(PutError::Closed(3)), "THREAD-QUEUE-3");
    assert_eq!(queue.try_put(3), Err(PutError::Closed(3)), "THREAD-QUEUE-3");
    assert_eq!(queue.put_timeout(3, PATIENCE), Err(PutError::Closed(3)), "THREAD-QUEUE-3");
    assert_eq!([queue.get(), queue.get(), queue.get()], [Some(1), Some(2), None], "THREAD-QUEUE-3");
    assert!(queue.is_empty());
}

#[test]
fn a_close_wakes_all_who_sleep() {
    let queue = Arc::new(Queue::<u8>::new(1));
    let sleeper = |queue: &Arc<Queue<u8>>| {
        let queue = Arc::clone(queue);
        thread::spawn(move || queue.get())
    };
    let getters = [sleeper(&queue), sleeper(&queue), sleeper(&queue)];
    wait_for(&queue, 3);
    queue.close();
    for getter in getters {
        assert_eq!(join(getter, "THREAD-QUEUE-3"), None);
    }
    let full = Arc::new(Queue::new(1));
    full.put(0).unwrap();
    let putters = [1, 2, 3].map(|number| {
        let full = Arc::clone(&full);
        thread::spawn(move || full.put(number))
    });
    wait_for(&full, 3);
    full.close();
    for (putter, number) in putters.into_iter().zip(1..) {
        assert_eq!(join(putter, "THREAD-QUEUE-3"), Err(PutError::Closed(number)), "it comes back");
    }
}

#[test]
fn every_item_wakes_a_getter_also_beside_another_item() {
    // The second item comes before the getter that the first one wakes can run, at least once in a hundred rounds.
    for _ in 0..100 {
        let queue = Arc::new(Queue::new(2));
        let getters = [(); 2].map(|()| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.get().expect("THREAD-QUEUE-3: it is not closed"))
        });
        wait_for(&queue, 2);
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let sum: i32 = getters.into_iter().map(|getter| join(getter, "THREAD-QUEUE-4")).sum();
        assert_eq!(sum, 3, "THREAD-QUEUE-1: each item once");
    }
}

#[test]
fn every_place_wakes_a_putter_also_beside_another_place() {
    for _ in 0..100 {
        let queue = Arc::new(Queue::new(2));
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let putters = [3, 4].map(|item| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.put(item))
        });
        wait_for(&queue, 2);
        assert_eq!((queue.get(), queue.get()), (Some(1), Some(2)), "THREAD-QUEUE-1");
        for putter in putters {
            assert_eq!(
                join(putter, "THREAD-QUEUE-4"),
                Ok(()),
                "THREAD-QUEUE-2: a put waits while it is full"
            );
        }
        assert_eq!(queue.len(), 2);
    }
}

#[test]
fn a_getter_whose_item_was_taken_by_another_looks_again() {
    // In each round the getter has time to find nothing; at least once in a hundred rounds it does.
    for _ in 0..100 {
        let queue = Arc::new(Queue::new(1));
        let getter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.get())
        };
        wait_for(&queue, 1);
        queue.put(1).unwrap();
        let is_taken = queue.try_get().is_ok();
        thread::sleep(Duration::from_micros(200));
        if is_taken {
            queue.put(2).unwrap();
        }
        let expected = if is_taken { 2 } else { 1 };
        assert_eq!(join(getter, "THREAD-QUEUE-4"), Some(expected), "THREAD-QUEUE-3: not closed");
    }
}

#[test]
fn a_time_out_is_never_early_and_takes_nothing_along() {
    let queue = Queue::new(1);
    let limit = Duration::from_millis(20);
    let begun = Instant::now();
    assert_eq!(queue.get_timeout(limit), Err(GetError::Empty));
    queue.put(1).unwrap();
    assert_eq!(queue.put_timeout(2, limit), Err(PutError::Full(2)));
    let took = begun.elapsed();
    assert!(took >= limit * 2, "DEADLINE-1: expected at least {:?}, came {took:?}", limit * 2);
    assert_eq!(queue.get_timeout(Duration::ZERO), Ok(1), "a time-out of zero asks");
    assert_eq!(queue.put_timeout(3, Duration::MAX), Ok(()), "DEADLINE-2");
    assert_eq!(queue.waiting(), 0);
}

#[test]
fn producers_and_consumers_lose_nothing_and_double_nothing() {
    const EACH: usize = 20_000;
    for capacity in [1, 2, 64] {
        let queue = Arc::new(Queue::new(capacity));
        let producers = [0, 1, 2, 3].map(|producer| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                for number in 0..EACH {
                    queue
                        .put((producer, number))
                        .expect("THREAD-QUEUE-2: a put waits while it is full");
                }
            })
        });
        let consumers = [(); 4].map(|()| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut taken = Vec::new();
                while let Some(item) = queue.get() {
                    assert!(queue.len() <= capacity, "THREAD-QUEUE-2");
                    taken.push(item);
                }
                taken
            })
        });
        for producer in producers {
            join(producer, "THREAD-QUEUE-4");
        }
        queue.close();
        let mut all = Vec::new();
        for consumer in consumers {
            let taken = join(consumer, "THREAD-QUEUE-4");
            for producer in 0..4 {
                let of_one = taken.iter().filter(|item| item.0 == producer);
                assert!(of_one.is_sorted(), "THREAD-QUEUE-1: out of order, capacity {capacity}");
            }
            all.extend(taken);
        }
        all.sort_unstable();
        let expected = (0..4).flat_map(|producer| (0..EACH).map(move |number| (producer, number)));
        assert!(all.into_iter().eq(expected), "THREAD-QUEUE-1: capacity {capacity}");
    }
}

#[test]
fn time_outs_that_race_with_items_lose_none() {
    const ITEMS: u64 = 5_000;
    let queue = Arc::new(Queue::new(2));
    let getters = [1, 7].map(|micros| {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            let mut sum = 0;
            loop {
                match queue.get_timeout(Duration::from_micros(micros)) {
                    Ok(item) => sum += item,
                    Err(GetError::Empty) => {}
                    Err(GetError::Closed) => return sum,
                }
            }
        })
    });
    for mut item in 1..=ITEMS {
        while let Err(PutError::Full(back)) = queue.put_timeout(item, Duration::from_micros(3)) {
            item = back;
        }
    }
    queue.close();
    let sum: u64 = getters.into_iter().map(|getter| join(getter, "THREAD-QUEUE-4")).sum();
    assert_eq!(sum, ITEMS * (ITEMS + 1) / 2, "THREAD-QUEUE-1");
}

#[test]
#[should_panic(expected = "room for one item")]
fn a_queue_without_room_is_refused() {
    drop(Queue::<u8>::new(0));
}
