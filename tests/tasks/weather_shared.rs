//! Many askers, one upstream: calls are shared, capped, given up, and use their connections again.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::weather_upstream::{Gate, LONG, cities, run, settle, until, weather_of};
use handloom::aio::{gather, yield_now};
use handloom::rt::{JoinError, spawn};
use handloom::weather::{Answer, CITIES, MOST_AT_ONCE, Singleflight, ask_all};

#[test]
fn all_cities_are_asked_for_at_once_and_answered_in_order() {
    run(async {
        let gate = Gate::start();
        let names = cities(&CITIES);
        let (upstream, expected) = (gate.upstream(LONG), CITIES.map(weather_of));
        let asking = spawn({
            let names = names.clone();
            async move { ask_all(&upstream, &names, MOST_AT_ONCE).await }
        });
        // Asked one after another, the twelfth would wait for the first for ever.
        until(|| gate.waiting.get() == 12).await;
        gate.open.set();
        let asked = asking.await.expect("answers");
        let came: Vec<_> = asked.iter().map(|asked| asked.city.clone()).collect();
        assert_eq!(came, names, "MANY-1: the order asked");
        let came: Vec<_> = asked.into_iter().map(|asked| asked.answer).collect();
        assert_eq!(came, expected, "MANY-1: each answer belongs to its city");
    });
}

#[test]
fn one_after_another_never_two_are_under_way_and_one_connection_is_enough() {
    run(async {
        let gate = Gate::start_open();
        let upstream = gate.upstream(LONG);
        let asked = ask_all(&upstream, &cities(&CITIES), 1).await;
        assert_eq!(gate.most.get(), 1, "one after another");
        assert_eq!(*gate.asked.borrow(), cities(&CITIES), "in the order asked");
        assert!(asked.iter().all(|asked| !asked.answer.is_failure()), "{asked:?}");
        assert_eq!(gate.peers.borrow().len(), 1, "UPSTREAM-2: twelve cities on one connection");
    });
}

#[test]
fn connections_are_used_again() {
    run(async {
        let gate = Gate::start_open();
        let shared = gate.shared(4, LONG);
        for _ in 0..5 {
            shared.ask_all(&cities(&CITIES)).await;
        }
        assert_eq!(gate.requests(), 60, "nothing is kept but connections");
        let connections = gate.peers.borrow().len();
        assert!(connections <= 4, "UPSTREAM-2: expected at most 4 connections, came {connections}");
    });
}

#[test]
fn equal_calls_in_flight_are_one_call() {
    run(async {
        let gate = Gate::start();
        let shared = gate.shared(64, LONG);
        let asking = spawn({
            let shared = shared.clone();
            async move {
                gather((0..50).map(|number| shared.ask(["Moscow", "London"][number % 2]))).await
            }
        });
        until(|| gate.waiting.get() == 2).await;
        settle().await;
        assert_eq!(shared.calls(), 2, "SHARED-UPSTREAM-2");
        gate.open.set();
        let answers = asking.await.expect("answers");
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(
                *answer,
                weather_of(["Moscow", "London"][number % 2]),
                "SHARED-UPSTREAM-2: {number}"
            );
        }
        assert_eq!(gate.requests(), 2, "SHARED-UPSTREAM-2: fifty askers, two cities, two requests");
        assert_eq!(shared.calls(), 0, "SINGLEFLIGHT-2: none is left in the table");
        shared.ask("Moscow").await;
        assert_eq!(gate.requests(), 3, "an answer is shared, not kept");
    });
}

#[test]
fn a_shared_call_survives_its_first_asker() {
    run(async {
        let gate = Gate::start();
        let shared = gate.shared(64, LONG);
        let ask = || {
            let shared = shared.clone();
            spawn(async move { shared.ask("Moscow").await })
        };
        let first = ask();
        until(|| gate.waiting.get() == 1).await;
        let (second, third) = (ask(), ask());
        settle().await;
        first.cancel();
        assert!(matches!(first.await, Err(JoinError::Cancelled)));
        settle().await;
        assert_eq!((gate.waiting.get(), gate.given_up.get()), (1, 0), "SINGLEFLIGHT-1: it goes on");
        gate.open.set();
        assert_eq!(second.await.expect("an answer"), weather_of("Moscow"), "SINGLEFLIGHT-1");
        assert_eq!(third.await.expect("an answer"), weather_of("Moscow"), "SINGLEFLIGHT-1");
        assert_eq!(gate.requests(), 1, "SINGLEFLIGHT-1: nobody asked again");
    });
}

#[test]
fn a_call_for_which_nobody_waits_is_given_up() {
    run(async {
        let gate = Gate::start();
        let shared = gate.shared(1, LONG);
        let ask = |city: &'static str| {
            let shared = shared.clone();
            spawn(async move { shared.ask(city).await })
        };
        let (first, second) = (ask("Moscow"), ask("Moscow"));
        until(|| gate.waiting.get() == 1).await;
        first.cancel();
        second.cancel();
        until(|| gate.given_up.get() == 1).await;
        assert_eq!(shared.calls(), 0, "SINGLEFLIGHT-2: it has left the table");
        // Its place under the cap has come free, too.
        let other = ask("London");
        until(|| gate.waiting.get() == 1).await;
        gate.open.set();
        assert_eq!(other.await.expect("an answer"), weather_of("London"), "PERMIT-1");
    });
}

#[test]
fn nobody_joins_a_call_that_was_given_up() {
    run(async {
        let calls = Singleflight::<u32>::default();
        let begun = Rc::new(Cell::new(0));
        let count = || {
            let begun = begun.clone();
            async move {
                begun.update(|begun| begun + 1);
                if begun.get() == 1 { pending().await } else { begun.get() }
            }
        };
        {
            let mut first = pin!(calls.share("key", count()));
            assert!(poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx))).await.is_pending());
            until(|| begun.get() == 1).await;
        }
        // In the same poll: the loop has not dropped the first call yet.
        let second = calls.share("key", count()).await;
        assert_eq!(
            second,
            Some(2),
            "SINGLEFLIGHT-2: a new call, which the old one's end leaves alone"
        );
        assert_eq!(calls.count(), 0, "SINGLEFLIGHT-2");
    });
}

#[test]
fn a_panic_in_a_call_wakes_all_who_wait_and_frees_the_key() {
    run(async {
        let calls = Singleflight::<u32>::default();
        let call = || async {
            yield_now().await;
            panic!("a call that panics on purpose")
        };
        let ended = gather([calls.share("key", call()), calls.share("key", call())]).await;
        assert_eq!(ended, [None, None], "SINGLEFLIGHT-3");
        assert_eq!(
            calls.share("key", async { 7 }).await,
            Some(7),
            "SINGLEFLIGHT-2: the key is free"
        );
    });
}

#[test]
fn never_more_calls_are_under_way_than_the_cap() {
    run(async {
        let gate = Gate::start();
        let shared = gate.shared(3, LONG);
        let asking = spawn({
            let shared = shared.clone();
            async move { shared.ask_all(&cities(&CITIES)).await }
        });
        until(|| gate.waiting.get() == 3).await;
        settle().await;
        assert_eq!(gate.requests(), 3, "SHARED-UPSTREAM-1: the fourth waits");
        gate.open.set();
        let answers = asking.await.expect("answers");
        assert_eq!(answers, CITIES.map(weather_of), "all are asked in the end");
        assert_eq!(
            (gate.most.get(), gate.requests()),
            (3, 12),
            "SHARED-UPSTREAM-1: at the upstream"
        );
    });
}

#[test]
fn the_wait_for_a_place_counts_against_the_limit() {
    run(async {
        let gate = Gate::start();
        let limit = Duration::from_millis(100);
        let shared = gate.shared(1, limit);
        let answers = shared.ask_all(&cities(&["Moscow", "London"])).await;
        assert_eq!(
            answers,
            [Answer::TimedOut(limit), Answer::TimedOut(limit)],
            "SHARED-UPSTREAM-3"
        );
        until(|| gate.waiting.get() == 0).await;
        assert_eq!(shared.calls(), 0, "SINGLEFLIGHT-2");
    });
}
