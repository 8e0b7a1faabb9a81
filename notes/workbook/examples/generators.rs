//! The course's loop of generators, in twenty lines: predict what it prints, then run it.
//!
//! A task is an iterator: `next` runs it up to its next pause. The loop takes the first task of a queue, runs it up to
//! its pause, and puts it at the end of the queue; a task that has ended is not put back.

#![allow(clippy::print_stdout, reason = "what it prints is the exercise")]

use std::collections::VecDeque;

/// Counts down, and pauses after each number.
fn countdown(name: &'static str, from: u32) -> Box<dyn Iterator<Item = ()>> {
    Box::new((1..=from).rev().map(move |number| println!("{name} {number}")))
}

fn main() {
    let mut tasks = VecDeque::from([countdown("a", 3), countdown("b", 1), countdown("c", 2)]);
    while let Some(mut task) = tasks.pop_front() {
        match task.next() {
            Some(()) => tasks.push_back(task),
            None => println!("a task has ended"),
        }
    }
}
