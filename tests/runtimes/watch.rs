//! An observer that keeps what it is told.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use handloom::rt::{EventLoop, Moment, Observer};
use handloom_conformance::judge::ask_too;

use crate::on_handloom::Handloom;

/// What an observer was told; a [`Moment`] without its borrows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// A task was spawned: its name, and the line.
    Spawned(String, Option<String>, u32),
    /// A task was woken.
    Woken(String),
    /// A task was polled.
    Polled(String),
    /// A task ended.
    Finished(String),
    /// The loop asks the selector.
    Waits(Option<Duration>),
    /// The loop is back: sockets, timers.
    Woke(usize, usize),
    /// A report.
    Report(String),
}

/// Has the judge ask this loop for its table if the claim hangs. Not for a loop whose claim is that no way in is left.
pub(crate) fn asked(event_loop: EventLoop) -> EventLoop {
    ask_too::<Handloom>(event_loop.remote());
    event_loop
}

/// Keeps what it is told.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<Told>>>);

impl Log {
    /// Makes a loop that is watched by a log.
    pub(crate) fn watching() -> (EventLoop, Self) {
        let log = Self::default();
        let event_loop =
            EventLoop::builder().slow_poll(None).observer(log.clone()).build().unwrap();
        (asked(event_loop), log)
    }

    /// Returns what was told so far.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.0.borrow().clone()
    }

    /// Returns the reports so far.
    pub(crate) fn reports(&self) -> Vec<String> {
        let report = |told: Told| if let Told::Report(text) = told { Some(text) } else { None };
        self.told().into_iter().filter_map(report).collect()
    }

    /// Counts what was told of a kind.
    pub(crate) fn count(&self, kind: impl Fn(&Told) -> bool) -> usize {
        self.0.borrow().iter().filter(|told| kind(told)).count()
    }
}

impl Observer for Log {
    fn observe(&self, moment: Moment<'_>) {
        let told = match moment {
            Moment::Spawned { task, name, at } => {
                Told::Spawned(task.to_string(), name.map(String::from), at.line())
            }
            Moment::Woken { task } => Told::Woken(task.to_string()),
            Moment::Polled { task, from, to } => {
                assert!(from <= to, "HOOK-1 is broken: a poll: expected an end after its begin");
                Told::Polled(task.to_string())
            }
            Moment::Finished { task } => Told::Finished(task.to_string()),
            Moment::Waits { timeout } => Told::Waits(timeout),
            Moment::Woke { sockets, timers } => Told::Woke(sockets, timers),
            _ => return,
        };
        self.0.borrow_mut().push(told);
    }

    fn report(&self, text: &str) {
        self.0.borrow_mut().push(Told::Report(text.into()));
    }
}

/// An observer that collects reports.
pub(crate) struct Reports(Rc<RefCell<Vec<String>>>);

impl Reports {
    /// Makes a loop whose reports are collected. The judge does not hold a way in to it, so it may be stuck.
    pub(crate) fn collected() -> (EventLoop, Rc<RefCell<Vec<String>>>) {
        let reports: Rc<RefCell<Vec<String>>> = Rc::default();
        let event_loop = EventLoop::builder().observer(Self(reports.clone())).build().unwrap();
        (event_loop, reports)
    }
}

impl Observer for Reports {
    fn report(&self, text: &str) {
        self.0.borrow_mut().push(text.into());
    }
}
