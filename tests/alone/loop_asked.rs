//! SIGUSR1 to a program on the event loop: the table of tasks comes, also while a task holds the loop.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use handloom::aio::sleep;
use handloom::os::process::{self, Pid};
use handloom::os::signal::Signal;
use handloom::rt::{EventLoop, spawn_named, watch_loops};

use crate::ROLE;

pub(crate) const TESTS: &[(&str, fn())] = &[("a_stuck_loop_tells_of_its_poll_and_goes_on", stuck)];

/// How long the test waits for a line: longer means that it does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// The copy: a task holds the loop until a line comes on standard input; another one sleeps; the main task ends with
/// the second line.
pub(crate) fn hold_the_loop() {
    watch_loops(|| None);
    let event_loop = EventLoop::builder().slow_poll(None).build().unwrap();
    event_loop.block_on(async {
        let _sleeper = spawn_named("sleeper", sleep(Duration::from_hours(1)));
        let holder = spawn_named("holder", async {
            sleep(Duration::from_millis(1)).await;
            say("holding");
            io::stdin().read_line(&mut String::new()).unwrap();
        });
        holder.await.unwrap();
        say("free");
        sleep(Duration::from_hours(1)).await;
    });
}

/// Writes a line for the test that started this copy.
fn say(line: &str) {
    io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Starts the copy, and passes on the lines of both its outputs.
fn start_copy() -> (Child, Receiver<String>) {
    let mut copy = Command::new(std::env::current_exe().unwrap())
        .env(ROLE, "held_loop")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (told, lines) = channel();
    let out = BufReader::new(copy.stdout.take().unwrap());
    let err = BufReader::new(copy.stderr.take().unwrap());
    let tell = told.clone();
    // They end with the copy.
    thread::spawn(move || out.lines().for_each(|line| drop(told.send(line.unwrap()))));
    thread::spawn(move || err.lines().for_each(|line| drop(tell.send(line.unwrap()))));
    (copy, lines)
}

fn stuck() {
    let (mut copy, lines) = start_copy();
    let pid = Pid::from(&copy);
    let wait_for = |part: &str| loop {
        let line = lines.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("expected a line with `{part}`"));
        if line.contains(part) {
            return line;
        }
    };
    wait_for("holding");
    // The handler keeps silent about a poll that is not long yet, so it is asked until it tells.
    let line = loop {
        process::kill(pid, Signal::User1).unwrap();
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(50)) {
            break line;
        }
    };
    assert!(line.contains("task 2, spawned at tests/alone/loop_asked.rs:"), "which task: {line}");
    let since = wait_for("has been polled for");
    assert!(since.contains(" ms and holds the loop"), "since when: {since}");
    assert!(line.len() <= 80 && since.len() <= 80, "it fits a terminal: {line} {since}");
    let mut stdin = copy.stdin.take().unwrap();
    writeln!(stdin, "go on").unwrap();
    wait_for("the tasks, on SIGUSR1");
    let sleeper = wait_for("sleeper");
    assert!(sleeper.contains("spawned at tests/alone/loop_asked.rs:"), "where from: {sleeper}");
    let waits = wait_for(", for ");
    assert!(waits.contains("waits for a point in time, for"), "what for, and how long: {waits}");
    assert!(waits.ends_with("; polls: 1"), "the table polls nothing: {waits}");
    assert!(sleeper.len() <= 80 && waits.len() <= 80, "it fits a terminal: {sleeper} {waits}");
    // Idle, it answers from the selector.
    process::kill(pid, Signal::User1).unwrap();
    wait_for("the tasks, on SIGUSR1");
    wait_for("block_on");
    let main = wait_for(", for ");
    assert!(main.contains("waits for a point in time"), "the main task: {main}");
    wait_for("sleeper");
    let sleeper = wait_for(", for ");
    assert!(sleeper.ends_with("; polls: 1"), "the table polls nothing: {sleeper}");
    copy.kill().unwrap();
    copy.wait().unwrap();
}
