//! The promises of the generators' loop, checked with coroutines of a few lines each.
//!
//! No assertion rests on a sleep: the tests count resumes and questions to the selector. Time appears only as a
//! lower bound. What may hang runs under a watchdog.
#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use handloom::generator::{Coroutine, EventLoop, Step, Woken};
use mio::net::UnixStream;
use mio::{Interest, Token};

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Runs a test on a thread of its own and fails when it takes too long, so that nothing can hang.
fn watched(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let runner = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    match wait.recv_timeout(Duration::from_secs(20)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("expected the loop to end, but it hangs"),
        // Done, or it panicked; the join tells which.
        _ => runner.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

/// A coroutine made of a closure, for tests.
struct Script<F>(F);

impl<F: FnMut(Woken, &mut EventLoop) -> Step> Coroutine for Script<F> {
    fn resume(&mut self, woken: Woken, event_loop: &mut EventLoop) -> Step {
        (self.0)(woken, event_loop)
    }
}

type Log<T> = Rc<RefCell<Vec<T>>>;

fn log<T>() -> Log<T> {
    Rc::new(RefCell::new(Vec::new()))
}

fn pair(event_loop: &mut EventLoop) -> (UnixStream, Token, UnixStream, Token) {
    let (mut left, mut right) = UnixStream::pair().unwrap();
    let left_token = event_loop.register(&mut left, BOTH).unwrap();
    let right_token = event_loop.register(&mut right, BOTH).unwrap();
    (left, left_token, right, right_token)
}

#[test]
fn tasks_run_in_the_order_in_which_they_were_spawned() {
    let order = log();
    let mut event_loop = EventLoop::new().unwrap();
    for name in 0..5 {
        let order = Rc::clone(&order);
        event_loop.spawn(Script(move |_, _: &mut EventLoop| {
            order.borrow_mut().push(name);
            Step::Done
        }));
    }
    event_loop.run().unwrap();
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4], "GEN-2: first in, first out");
}

#[test]
fn a_coroutine_spawned_by_another_runs_after_those_already_in_the_queue() {
    let order = log();
    let mut event_loop = EventLoop::new().unwrap();
    let (first, second, child) = (Rc::clone(&order), Rc::clone(&order), Rc::clone(&order));
    event_loop.spawn(Script(move |_, event_loop: &mut EventLoop| {
        first.borrow_mut().push("parent");
        let child = Rc::clone(&child);
        event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
            assert_eq!(woken, Woken::Turn, "a spawned coroutine begins with its turn");
            child.borrow_mut().push("child");
            Step::Done
        }));
        Step::Done
    }));
    event_loop.spawn(Script(move |_, _: &mut EventLoop| {
        second.borrow_mut().push("second");
        Step::Done
    }));
    event_loop.run().unwrap();
    assert_eq!(*order.borrow(), ["parent", "second", "child"], "GEN-2");
}

#[test]
fn selector_is_never_asked_while_somebody_can_run() {
    let questions = Rc::new(Cell::new(u64::MAX));
    let mut event_loop = EventLoop::new().unwrap();
    for remaining in 0..100 {
        let questions = Rc::clone(&questions);
        event_loop.spawn(Script(move |_, event_loop: &mut EventLoop| {
            if remaining == 50 {
                event_loop.spawn(Script(|_, _: &mut EventLoop| Step::Done));
            }
            questions.set(event_loop.questions());
            Step::Done
        }));
    }
    event_loop.run().unwrap();
    assert_eq!(questions.get(), 0, "GEN-1: 101 tasks that never wait need no selector");
}

#[test]
fn one_question_serves_all_who_became_ready() {
    watched(|| {
        let served = log();
        let mut event_loop = EventLoop::new().unwrap();
        for name in 0..50 {
            let (mut left, token, mut right, _) = pair(&mut event_loop);
            right.write_all(b"x").unwrap();
            let served = Rc::clone(&served);
            event_loop.spawn(Script(move |woken, event_loop: &mut EventLoop| {
                let _peer = &right;
                if woken == Woken::Turn {
                    return Step::Read(token, None);
                }
                assert_eq!(left.read(&mut [0]).unwrap(), 1, "the socket has its byte");
                served.borrow_mut().push((name, event_loop.questions()));
                Step::Done
            }));
        }
        event_loop.run().unwrap();
        let served = served.borrow();
        assert_eq!(served.len(), 50, "everybody is served once");
        let first_answer = served.iter().all(|&(_, questions)| questions == 1);
        assert!(first_answer, "GEN-1: expected one question for all, came {served:?}");
    });
}

/// Plays one side: reads a byte, sends it on, so many times.
struct Player {
    socket: UnixStream,
    token: Token,
    rounds: usize,
    serves: bool,
    resumes: Rc<Cell<usize>>,
}

impl Coroutine for Player {
    fn resume(&mut self, _woken: Woken, _event_loop: &mut EventLoop) -> Step {
        self.resumes.set(self.resumes.get() + 1);
        if std::mem::take(&mut self.serves) {
            self.socket.write_all(b"o").unwrap();
        }
        while self.rounds > 0 {
            match self.socket.read(&mut [0; 8]) {
                Ok(length) => {
                    assert_eq!(length, 1, "one byte per hop");
                    self.rounds -= 1;
                    self.socket.write_all(b"o").unwrap();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Step::Read(self.token, None);
                }
                Err(error) => panic!("the pair broke: {error}"),
            }
        }
        Step::Done
    }
}

#[test]
fn two_coroutines_play_ping_pong_over_sockets() {
    const ROUNDS: usize = 1000;
    watched(|| {
        let resumes = Rc::new(Cell::new(0));
        let mut event_loop = EventLoop::new().unwrap();
        let (left, left_token, right, right_token) = pair(&mut event_loop);
        // Kept open until the end, so that the last byte finds its socket.
        let keep = (clone_of(&left), clone_of(&right));
        for (socket, token, serves) in [(left, left_token, true), (right, right_token, false)] {
            let resumes = Rc::clone(&resumes);
            event_loop.spawn(Player { socket, token, rounds: ROUNDS, serves, resumes });
        }
        event_loop.run().unwrap();
        drop(keep);
        // Each byte that arrives resumes its reader once; besides there are two beginnings, and the writable
        // edge that a registration reports.
        let (least, most) = (2 * ROUNDS, 2 * ROUNDS + 4);
        let came = resumes.get();
        assert!(
            (least..=most).contains(&came),
            "EDGE-1: expected {least} to {most} resumes, came {came}"
        );
    });
}

fn clone_of(socket: &UnixStream) -> std::os::fd::OwnedFd {
    std::os::fd::AsFd::as_fd(socket).try_clone_to_owned().unwrap()
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let (left, token, right, _) = pair(&mut event_loop);
        let deadline = Instant::now() + Duration::from_millis(30);
        let outcome = Rc::new(Cell::new(None));
        let seen = Rc::clone(&outcome);
        event_loop.spawn(Script(move |woken, event_loop: &mut EventLoop| {
            let _sockets = (&left, &right);
            if woken == Woken::Turn {
                return Step::Read(token, Some(deadline));
            }
            seen.set(Some((woken, Instant::now(), event_loop.questions())));
            Step::Done
        }));
        event_loop.run().unwrap();
        let (woken, at, questions) = outcome.get().unwrap();
        assert_eq!(
            woken,
            Woken::TimedOut,
            "nobody wrote, so only the deadline can have ended the wait"
        );
        assert!(
            at >= deadline,
            "expected no wake before the deadline, came {:?} early",
            deadline - at
        );
        assert!(
            questions <= 3,
            "idle costs no CPU: expected one sleep, came {questions} questions"
        );
    });
}

#[test]
fn deadlines_end_waits_in_their_order() {
    watched(|| {
        let order = log();
        let mut event_loop = EventLoop::new().unwrap();
        let start = Instant::now();
        for milliseconds in [9, 3, 6] {
            let (left, token, right, _) = pair(&mut event_loop);
            let order = Rc::clone(&order);
            event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
                let _sockets = (&left, &right);
                if woken == Woken::Turn {
                    return Step::Read(token, Some(start + Duration::from_millis(milliseconds)));
                }
                order.borrow_mut().push(milliseconds);
                Step::Done
            }));
        }
        event_loop.run().unwrap();
        assert_eq!(*order.borrow(), [3, 6, 9], "GEN-2: earliest first");
    });
}

#[test]
fn ready_beats_a_deadline_that_has_passed() {
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let (left, token, mut right, _) = pair(&mut event_loop);
        right.write_all(b"x").unwrap();
        let outcomes = log();
        let seen = Rc::clone(&outcomes);
        event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
            let _sockets = (&left, &right);
            if woken == Woken::Turn {
                return Step::Read(token, Some(Instant::now()));
            }
            seen.borrow_mut().push(woken);
            Step::Done
        }));
        event_loop.run().unwrap();
        assert_eq!(
            *outcomes.borrow(),
            [Woken::Ready { closed: false }],
            "ready and late: ready wins"
        );
    });
}

#[test]
fn a_wait_that_ended_leaves_no_deadline_behind() {
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let (left, token, mut right, _) = pair(&mut event_loop);
        let soon = Instant::now() + Duration::from_millis(5);
        right.write_all(b"x").unwrap();
        let outcomes = log();
        let seen = Rc::clone(&outcomes);
        event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
            let _sockets = (&left, &right);
            seen.borrow_mut().push(woken);
            match seen.borrow().len() {
                1 => Step::Read(token, Some(soon)),
                // The first wait's deadline passes during this one, which ends later.
                2 => Step::Read(token, Some(soon + Duration::from_millis(20))),
                _ => Step::Done,
            }
        }));
        let start = Instant::now();
        event_loop.run().unwrap();
        let expected = [Woken::Turn, Woken::Ready { closed: false }, Woken::TimedOut];
        assert_eq!(*outcomes.borrow(), expected, "GEN-4");
        assert!(
            start.elapsed() >= Duration::from_millis(20),
            "GEN-4: the earlier deadline must not count"
        );
    });
}

#[test]
fn one_who_yields_again_and_again_does_not_starve_the_sockets() {
    watched(|| {
        let served = Rc::new(Cell::new(false));
        let mut event_loop = EventLoop::new().unwrap();
        let (left, token, mut right, _) = pair(&mut event_loop);
        let (busy, done) = (Rc::clone(&served), Rc::clone(&served));
        let mut turns = 0;
        event_loop.spawn(Script(move |_, _: &mut EventLoop| {
            turns += 1;
            if turns == 10 {
                right.write_all(b"x").unwrap();
            }
            assert!(
                turns < 20,
                "GEN-1: expected the reader to run within a turn or two of the byte"
            );
            if busy.get() { Step::Done } else { Step::Yield }
        }));
        event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
            let _socket = &left;
            if woken == Woken::Turn {
                return Step::Read(token, None);
            }
            done.set(true);
            Step::Done
        }));
        event_loop.run().unwrap();
        assert!(served.get(), "GEN-1: who yields lets the selector be asked");
    });
}

#[test]
fn bytes_that_came_between_the_failed_read_and_the_wait_are_not_lost() {
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let (mut left, token, mut right, _) = pair(&mut event_loop);
        let mut resumes = 0;
        event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
            resumes += 1;
            match (resumes, woken) {
                (1, _) => {
                    let empty = left.read(&mut [0]).unwrap_err();
                    assert_eq!(empty.kind(), io::ErrorKind::WouldBlock, "nothing was sent yet");
                    // Here, between the failed read and the wait: the kernel has to keep the edge.
                    right.write_all(b"x").unwrap();
                    Step::Read(token, None)
                }
                (_, Woken::Ready { .. }) => {
                    assert_eq!(left.read(&mut [0]).unwrap(), 1, "EDGE-1: the byte is there");
                    Step::Done
                }
                other => panic!("expected to be woken by readiness, came {other:?}"),
            }
        }));
        event_loop.run().unwrap();
    });
}

#[test]
fn the_end_of_a_stream_is_announced_together_with_its_last_bytes() {
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let (mut left, token, mut right, _) = pair(&mut event_loop);
        right.write_all(b"last").unwrap();
        drop(right);
        event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
            if woken == Woken::Turn {
                return Step::Read(token, None);
            }
            assert_eq!(woken, Woken::Ready { closed: true }, "EDGE-1: no second event will tell");
            assert_eq!(left.read(&mut [0; 8]).unwrap(), 4, "the bytes come first");
            assert_eq!(left.read(&mut [0; 8]).unwrap(), 0, "then the end");
            Step::Done
        }));
        event_loop.run().unwrap();
    });
}

#[test]
fn a_writer_waits_until_its_peer_has_read() {
    const BYTES: usize = 4 << 20;
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let (mut left, left_token, mut right, right_token) = pair(&mut event_loop);
        let waits = Rc::new(Cell::new(0));
        let counted = Rc::clone(&waits);
        let mut unsent = vec![7_u8; BYTES];
        event_loop.spawn(Script(move |_, _: &mut EventLoop| {
            while !unsent.is_empty() {
                match left.write(&unsent) {
                    Ok(sent) => drop(unsent.drain(..sent)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        counted.set(counted.get() + 1);
                        return Step::Write(left_token, None);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Done
        }));
        let mut received = 0;
        let mut buffer = vec![0; 64 << 10];
        event_loop.spawn(Script(move |_, _: &mut EventLoop| {
            loop {
                match right.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => received += length,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        return Step::Read(right_token, None);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(received, BYTES, "every byte arrives");
            Step::Done
        }));
        event_loop.run().unwrap();
        assert!(waits.get() > 0, "4 MiB do not fit into a socket, so the writer must have waited");
    });
}

#[test]
fn a_descriptor_number_that_is_reused_does_not_wake_its_old_owner() {
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let (left, old_token, right, _) = pair(&mut event_loop);
        drop((left, right));
        let outcomes = log();
        let seen = Rc::clone(&outcomes);
        let deadline = Instant::now() + Duration::from_millis(20);
        event_loop.spawn(Script(move |woken, event_loop: &mut EventLoop| {
            if woken == Woken::Turn {
                // Its socket is gone. The kernel gives out the lowest free numbers, so these sockets have the old
                // ones (unless another test's thread was quicker), and they are ready at once.
                let mut reused: Vec<_> = (0..8).map(|_| pair(event_loop)).collect();
                for (_, _, peer, _) in &mut reused {
                    peer.write_all(b"x").unwrap();
                }
                event_loop.spawn(Script(move |_, _: &mut EventLoop| {
                    let _alive = &reused;
                    if Instant::now() < deadline { Step::Yield } else { Step::Done }
                }));
                return Step::Read(old_token, Some(deadline));
            }
            seen.borrow_mut().push(woken);
            Step::Done
        }));
        event_loop.run().unwrap();
        assert_eq!(*outcomes.borrow(), [Woken::TimedOut], "GEN-3: the event was for somebody else");
    });
}

#[test]
fn wake_resumes_who_waits_for_that_token_and_nobody_else() {
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let woken_ones = log();
        let mut tokens = Vec::new();
        for name in ["reader", "other"] {
            let (left, token, right, _) = pair(&mut event_loop);
            tokens.push(token);
            let woken_ones = Rc::clone(&woken_ones);
            let deadline = (name == "other").then(|| Instant::now() + Duration::from_millis(20));
            event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
                let _sockets = (&left, &right);
                if woken == Woken::Turn {
                    return Step::Read(token, deadline);
                }
                woken_ones.borrow_mut().push((name, woken));
                Step::Done
            }));
        }
        event_loop.spawn(Script(move |_, event_loop: &mut EventLoop| {
            event_loop.wake(tokens[0]);
            event_loop.wake(tokens[0]);
            event_loop.wake(Token(usize::MAX));
            Step::Done
        }));
        event_loop.run().unwrap();
        let expected = [("reader", Woken::Called), ("other", Woken::TimedOut)];
        assert_eq!(*woken_ones.borrow(), expected, "CORO-1: one wake, one resume");
    });
}

#[test]
fn wake_all_resumes_everybody_who_waits() {
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let ended = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let (left, token, right, _) = pair(&mut event_loop);
            let ended = Rc::clone(&ended);
            event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
                let _sockets = (&left, &right);
                match woken {
                    Woken::Called => ended.set(ended.get() + 1),
                    _ => {
                        return Step::Read(token, Some(Instant::now() + Duration::from_hours(1)));
                    }
                }
                Step::Done
            }));
        }
        event_loop.spawn(Script(|_, event_loop: &mut EventLoop| {
            event_loop.wake_all();
            Step::Done
        }));
        event_loop.run().unwrap();
        assert_eq!(ended.get(), 10, "CORO-1: each of the ten is called once");
    });
}

#[test]
fn a_second_waiter_for_one_token_displaces_the_first_and_loses_nobody() {
    watched(|| {
        let mut event_loop = EventLoop::new().unwrap();
        let (left, token, mut right, _) = pair(&mut event_loop);
        let outcomes = log();
        for name in ["first", "second"] {
            let outcomes = Rc::clone(&outcomes);
            event_loop.spawn(Script(move |woken, _: &mut EventLoop| {
                if woken == Woken::Turn {
                    return Step::Read(token, None);
                }
                outcomes.borrow_mut().push((name, woken));
                Step::Done
            }));
        }
        event_loop.spawn(Script(move |_, _: &mut EventLoop| {
            right.write_all(b"x").unwrap();
            Step::Done
        }));
        event_loop.run().unwrap();
        drop(left);
        let expected = [("first", Woken::Called), ("second", Woken::Ready { closed: true })];
        assert_eq!(*outcomes.borrow(), expected, "GEN-5");
    });
}

#[test]
fn a_coroutine_is_dropped_when_it_is_done_and_not_resumed_again() {
    struct Counted(Rc<Cell<(u32, u32)>>);
    impl Coroutine for Counted {
        fn resume(&mut self, _woken: Woken, _event_loop: &mut EventLoop) -> Step {
            let (resumes, drops) = self.0.get();
            self.0.set((resumes + 1, drops));
            if resumes < 2 { Step::Yield } else { Step::Done }
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            let (resumes, drops) = self.0.get();
            self.0.set((resumes, drops + 1));
        }
    }
    let counts = Rc::new(Cell::new((0, 0)));
    let mut event_loop = EventLoop::new().unwrap();
    event_loop.spawn(Counted(Rc::clone(&counts)));
    event_loop.run().unwrap();
    assert_eq!(counts.get(), (3, 1), "CORO-2: three resumes, one drop");
}
