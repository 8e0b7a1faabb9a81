//! The lab `tasks`: its claim, on the virtual clock, and its words.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use handloom::labs::tasks::{NAP, Spans, experiment};
use handloom::labs::{Journal, LABS};
use handloom::rt::{EventLoop, Observer};

/// A writer whose text the test can read.
#[derive(Clone, Default)]
struct Sheet(Rc<RefCell<Vec<u8>>>);

impl io::Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs the experiment on the virtual clock; returns what it measured and what it wrote.
fn run() -> (Spans, String) {
    let sheet = Sheet::default();
    let event_loop = EventLoop::builder().virtual_clock().build().expect("a loop");
    let journal = Journal::new(sheet.clone());
    let spans = event_loop.block_on(experiment(&journal)).expect("a writer that does not fail");
    let text = String::from_utf8(sheet.0.take()).expect("the lab writes text");
    (spans, text)
}

#[test]
fn two_spawned_sleeps_take_as_long_as_one() {
    assert_eq!(run().0.together, NAP, "LAB-TASKS-1, exact on the virtual clock");
}

#[test]
fn two_awaited_sleeps_take_as_long_as_both() {
    assert_eq!(run().0.in_a_row, NAP * 2, "LAB-TASKS-2, exact on the virtual clock");
}

#[test]
fn the_journal_tells_what_happened_when() {
    let expected = "\
        Together: spawn a, spawn b, then await both\n   \
           0.000 s  a: sleeps 3 s\n   \
           0.000 s  b: sleeps 3 s\n   \
           3.000 s  a: woke\n   \
           3.000 s  b: woke\n   \
           3.000 s  both are done\n\
        \n\
        In a row: await a, then await b\n   \
           0.000 s  a: sleeps 3 s\n   \
           3.000 s  a: woke\n   \
           3.000 s  b: sleeps 3 s\n   \
           6.000 s  b: woke\n   \
           6.000 s  both are done\n\n";
    assert_eq!(run().1, expected, "JOURNAL-1: the time is the loop's");
}

#[test]
fn on_the_virtual_clock_nine_seconds_pass_at_once() {
    let begun = Instant::now();
    run();
    assert!(begun.elapsed() < NAP, "CLOCK-2: nobody slept for real");
}

#[test]
fn a_writer_that_fails_ends_the_lab() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let event_loop = EventLoop::builder().virtual_clock().build().expect("a loop");
    let ended = event_loop.block_on(experiment(&Journal::new(Closed)));
    let kind = ended.map_err(|error| error.kind());
    assert_eq!(kind, Err(io::ErrorKind::BrokenPipe), "the writer's error comes out");
}

#[test]
fn tasks_that_both_fail_to_write_leave_no_report() {
    /// Takes one line, as `head -1` does.
    struct Head(bool);
    impl io::Write for Head {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    /// Keeps what the loop reports.
    struct Reports(Rc<RefCell<Vec<String>>>);
    impl Observer for Reports {
        fn report(&self, text: &str) {
            self.0.borrow_mut().push(text.to_owned());
        }
    }
    let reports = Rc::default();
    let builder = EventLoop::builder().virtual_clock().observer(Reports(Rc::clone(&reports)));
    let event_loop = builder.build().expect("a loop");
    let ended = event_loop.block_on(experiment(&Journal::new(Head(false))));
    assert!(ended.is_err(), "the writer's error comes out");
    drop(event_loop);
    assert_eq!(*reports.borrow(), [""; 0], "EXIT-2: a closed stdout ends it without a word");
}

#[test]
fn the_naps_are_the_courses_three_seconds() {
    assert_eq!(NAP, Duration::from_secs(3));
}

#[test]
fn every_lab_stands_in_the_table_once_with_its_words() {
    for lab in LABS {
        assert_eq!(LABS.iter().filter(|other| other.name == lab.name).count(), 1, "{}", lab.name);
        assert!(!lab.line.is_empty() && !lab.line.contains('\n'), "{}: one line", lab.name);
        assert!((1..=50).contains(&lab.question), "{}: a question of the course", lab.name);
    }
}
