//! Greenlets: what a stack of one's own does, and what happens to it when it is dropped.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::rc::Rc;
use std::{env, hint, thread};

use handloom::os::context::{Greenlet, Pause};

const STACK_BYTES: usize = 256 * 1024;
const OVERFLOW: &str = "HANDLOOM_TEST_OVERFLOW";

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Writes its word when it is dropped.
struct Note(&'static str, Log);

impl Drop for Note {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

fn greenlet(body: impl FnOnce(&Pause<'_>) + 'static) -> Greenlet {
    Greenlet::new(STACK_BYTES, body).expect("a stack")
}

fn deep(pause: &Pause<'_>, depth: u32) -> u32 {
    if depth == 0 {
        pause.pause();
        return 1;
    }
    // Not a tail call: every frame is still needed after the pause.
    deep(pause, depth - 1) + 1
}

#[test]
fn a_pause_and_a_resume_go_on_where_they_left_off() {
    let log = Log::default();
    let inner = log.clone();
    let mut greenlet = greenlet(move |pause| {
        inner.borrow_mut().push("first");
        pause.pause();
        inner.borrow_mut().push("second");
    });
    assert!(log.borrow().is_empty(), "nothing runs before the first resume");
    assert!(greenlet.resume(), "CONTEXT-1: it is paused");
    log.borrow_mut().push("between");
    assert!(!greenlet.resume(), "it is done");
    assert_eq!(*log.borrow(), ["first", "between", "second"]);
    assert!(!greenlet.resume(), "and stays so");
}

#[test]
fn it_pauses_in_a_plain_function_at_any_depth() {
    let sum = Rc::new(RefCell::new(0));
    let result = sum.clone();
    let mut greenlet = greenlet(move |pause| *result.borrow_mut() = deep(pause, 100));
    assert!(greenlet.resume());
    assert_eq!(*sum.borrow(), 0, "it stands in the middle of 101 calls");
    assert!(!greenlet.resume());
    assert_eq!(*sum.borrow(), 101, "and each of them returned");
}

#[test]
fn a_panic_comes_out_of_the_resume() {
    let log = Log::default();
    let inner = log.clone();
    let mut greenlet = greenlet(move |pause| {
        let _note = Note("dropped", inner);
        pause.pause();
        resume_unwind(Box::new("boom"));
    });
    assert!(greenlet.resume());
    let payload = catch_unwind(AssertUnwindSafe(|| greenlet.resume())).expect_err("a panic");
    assert_eq!(payload.downcast_ref(), Some(&"boom"), "CONTEXT-2: the body's own payload");
    assert_eq!(*log.borrow(), ["dropped"], "its destructors have run");
    assert!(!greenlet.resume(), "it has ended");
}

#[test]
fn a_greenlet_dropped_in_the_middle_runs_its_destructors() {
    let log = Log::default();
    let inner = log.clone();
    let mut greenlet = greenlet(move |pause| {
        let _outer = Note("outer", inner.clone());
        // A context that catches the end is only asked to end again.
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _within = Note("inner", inner.clone());
            pause.pause();
        }));
        assert!(caught.is_err(), "the pause did not return");
        pause.pause();
        unreachable!("nobody resumes it");
    });
    assert!(greenlet.resume());
    drop(greenlet);
    assert_eq!(*log.borrow(), ["inner", "outer"], "CONTEXT-3");
}

#[test]
fn threads_that_borrow_from_its_stack_end_before_the_stack_does() {
    let log = Log::default();
    let inner = log.clone();
    let mut greenlet = greenlet(move |pause| {
        let _note = Note("left", inner);
        let word = String::from("on the greenlet's stack");
        thread::scope(|scope| {
            scope.spawn(|| assert!(word.starts_with("on")));
            pause.pause();
        });
    });
    assert!(greenlet.resume());
    drop(greenlet);
    assert_eq!(*log.borrow(), ["left"], "CONTEXT-3: the scope joined its thread on the way out");
}

#[test]
fn one_that_never_began_drops_its_body() {
    let log = Log::default();
    let note = Note("body", log.clone());
    drop(greenlet(move |_| drop(note)));
    assert_eq!(*log.borrow(), ["body"]);
}

#[test]
fn greenlets_nest_and_are_dropped_while_the_thread_unwinds() {
    let log = Log::default();
    let noted = log.clone();
    let mut outer = greenlet(move |pause| {
        let within = noted.clone();
        let mut inner = greenlet(move |pause| {
            let _note = Note("inner", within);
            pause.pause();
        });
        assert!(inner.resume());
        pause.pause();
    });
    assert!(outer.resume());
    let unwound = catch_unwind(AssertUnwindSafe(move || {
        let _outer = outer;
        resume_unwind(Box::new("elsewhere"));
    }));
    assert!(unwound.is_err());
    assert_eq!(*log.borrow(), ["inner"], "CONTEXT-3: also the one on the other's stack");
}

#[test]
fn a_thousand_of_them_are_paused_at_once() {
    let pausing = |pause: &Pause<'_>| {
        pause.pause();
    };
    let mut all: Vec<_> = (0..1_000).map(|_| greenlet(pausing)).collect();
    assert!(all.iter_mut().all(Greenlet::resume), "all are paused");
    assert!(!all.iter_mut().any(Greenlet::resume), "all are done");
}

/// Fills the stack; does nothing unless the test below starts it in a process of its own.
#[test]
fn overflow_in_a_process_of_its_own() {
    fn fill(depth: usize) -> usize {
        let frame = hint::black_box([depth; 128]);
        if depth == STACK_BYTES { 0 } else { fill(depth + 1) + hint::black_box(frame)[0] }
    }
    if env::var_os(OVERFLOW).is_some() {
        greenlet(|_| assert_eq!(fill(0), 0, "it does not come so far")).resume();
    }
}

#[test]
fn a_stack_that_overflows_ends_the_process() {
    let status = Command::new(env::current_exe().expect("a path"))
        .args(["--exact", "os_context::overflow_in_a_process_of_its_own", "--test-threads", "1"])
        .env(OVERFLOW, "1")
        .output()
        .expect("a process")
        .status;
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert!(matches!(signal, Some(6 | 11)), "CONTEXT-4: expected a signal, came {status}");
}
