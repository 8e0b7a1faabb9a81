//! The benchmark of pools, as a user runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{command, start as start_program};
use handloom::factorial::digits::checksum_of_factorial;
use handloom::json::{Json, Number};
use handloom::os::process::{self, Pid};
use handloom::os::signal::Signal;

const PATIENCE: Duration = Duration::from_mins(1);
const POOLS: [&str; 4] = ["sequential", "threads", "processes", "gil"];
/// A task whose end no test waits for: minutes, without optimization.
const ENDLESS: &str = "20000000";

fn start(words: &[&str], directory: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handloom"));
    let out = format!("--out={}", directory.display());
    command.arg("factorial").args(words).arg(out);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("start")
}

fn finish(child: Child) -> Output {
    let pid = Pid::from(&child);
    let (done, result) = mpsc::channel();
    thread::spawn(move || drop(done.send(child.wait_with_output())));
    let Ok(output) = result.recv_timeout(PATIENCE) else {
        process::kill(pid, Signal::Kill).expect("kill");
        panic!("the benchmark hangs");
    };
    output.expect("output")
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn run(words: &[&str], name: &str) -> (Option<i32>, String, String) {
    let directory = directory(name);
    let output = finish(start(words, &directory));
    let (shown, told) = texts(&output);
    (output.status.code(), shown, told)
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("factorial-{name}-{}", std::process::id()))
}

/// The children of a process.
fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

/// Waits until the benchmark has forked its workers; returns their numbers.
fn workers(child: &Child, count: usize) -> Vec<u32> {
    let begun = Instant::now();
    loop {
        let workers: Vec<_> = children(child.id()).into_iter().flat_map(children).collect();
        if workers.len() == count {
            return workers;
        }
        assert!(begun.elapsed() < PATIENCE, "expected {count} workers, came {workers:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until a worker computes: it has used the processor for some hundredths of a second.
fn wait_until_busy(worker: u32) {
    let begun = Instant::now();
    loop {
        let stat = fs::read_to_string(format!("/proc/{worker}/stat")).expect("the worker lives");
        let mut fields = stat.rsplit(')').next().expect("a name in brackets").split_whitespace();
        let user_ticks: u64 = fields.nth(11).expect("utime").parse().expect("a number");
        if user_ticks > 2 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "expected a worker that computes");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn expect_gone(pids: &[u32]) {
    let begun = Instant::now();
    while pids.iter().any(|pid| is_alive(*pid)) {
        assert!(begun.elapsed() < PATIENCE, "FACTORIAL-2: workers are left of {pids:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_pool_does_every_size_and_the_results_are_right() {
    let (code, shown, told) = run(&["0", "19", "300", "--tasks", "40", "--json"], "json");
    assert_eq!(code, Some(0), "{shown} {told}");
    let json = Json::parse(shown.trim().as_bytes()).expect("JSON");
    let rows = json.get("rows").expect("rows").items();
    let labels: Vec<_> =
        rows.iter().filter_map(|row| row.get("n").and_then(Json::as_text)).collect();
    assert_eq!(labels, ["0", "19", "300"], "BENCHMARK-1: {json}");
    for (row, n) in rows.iter().zip([0, 19, 300]) {
        let checksum = row.get("checksum").and_then(Json::as_text);
        assert_eq!(
            checksum,
            Some(format!("{:016x}", checksum_of_factorial(n)).as_str()),
            "BENCHMARK-2"
        );
        let runs = row.get("runs").expect("runs").items();
        let pools: Vec<_> =
            runs.iter().filter_map(|run| run.get("pool").and_then(Json::as_text)).collect();
        assert_eq!(pools, POOLS, "BENCHMARK-1: every pool, in the table's order");
        for run in runs {
            let wall = run.get("wall_us").and_then(Json::as_number).map(Number::to_f64);
            assert!(wall.is_some_and(|wall| wall > 0.0), "expected a time, came {run}");
        }
    }
    let digits = rows[2].get("digits").map(Json::to_string);
    assert_eq!(digits.as_deref(), Some("615"), "300! has 615 digits");
}

#[test]
fn the_table_and_the_picture_are_left_in_the_output_folder() {
    let (code, shown, told) = run(&["5", "200", "--tasks", "16"], "report");
    assert_eq!(code, Some(0), "{shown} {told}");
    let directory = directory("report");
    let table = fs::read_to_string(directory.join("factorial.txt")).expect("the table");
    assert_eq!(table, shown, "expected the file to hold what was shown");
    let picture = fs::read_to_string(directory.join("factorial.svg")).expect("the picture");
    for pool in &POOLS[1..] {
        assert!(picture.contains(pool) && table.contains(pool), "{pool} is missing");
    }
    fs::remove_dir_all(directory).expect("remove");
}

#[test]
fn the_largest_factorial_is_computed_in_parts_too() {
    let (code, shown, told) = run(&["90000", "--tasks", "1", "--json"], "parted");
    assert_eq!(code, Some(0), "{shown} {told}");
    let json = Json::parse(shown.trim().as_bytes()).expect("JSON");
    let parted = json.get("parted").expect("parted");
    assert_eq!(parted.get("n").and_then(Json::as_text), Some("90000"), "{json}");
    assert_eq!(
        json.get("failures").map(|failures| failures.items().len()),
        Some(0),
        "BENCHMARK-2: {json}"
    );
    assert_eq!(parted.get("runs").map(|runs| runs.items().len()), Some(4), "{json}");
}

#[test]
fn without_numbers_it_climbs_until_the_time_is_up() {
    let (code, shown, told) =
        run(&["--time", "1", "--tasks", "4", "--pools", "sequential,threads", "--json"], "climb");
    assert_eq!(code, Some(0), "{shown} {told}");
    let json = Json::parse(shown.trim().as_bytes()).expect("JSON");
    let labels: Vec<_> = json
        .get("rows")
        .expect("rows")
        .items()
        .iter()
        .filter_map(|row| row.get("n")?.as_text())
        .collect();
    assert_eq!(&labels[..4], ["0", "< 20", "100", "1000"], "BENCHMARK-5: from the smallest up");
}

#[test]
fn a_number_is_written_in_decimal_when_that_is_asked_for() {
    let ended = start_program(command(&["factorial", "30", "0", "--decimal"])).end();
    let shown = "265252859812191058636308480000000\n1\n";
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), shown), "FACTORIAL-1");
    for (words, told) in [
        (&["--decimal"][..], "--decimal: expected at least one number"),
        (&["30", "--decimal", "--json"], "--json: only for the benchmark, not for --decimal"),
        (
            &["30", "--time", "5"],
            "--time: only for a benchmark without numbers, not for given ones",
        ),
    ] {
        let ended = start_program(command(&[&["factorial"], words].concat())).end();
        assert_eq!(ended.code, Some(2), "EXIT-1: {ended:?}");
        assert!(ended.err.contains(told), "expected {told:?}, came {ended:?}");
    }
}

#[test]
fn a_mistake_in_the_command_line_is_named() {
    for (words, named) in [
        (vec!["-1"], "-1"),
        (vec!["1e3"], "1e3"),
        (vec!["100000001"], "100000000"),
        (vec!["5", "--pools", "fibres"], "fibres"),
        (vec!["5", "--pools", "gil,gil"], "twice"),
        (vec!["5", "--workers", "0"], "--workers"),
        (vec!["5", "--tasks", "0"], "--tasks"),
        (vec!["5", "--chunk", "0"], "--chunk"),
    ] {
        let (code, shown, told) = run(&words, "mistake");
        assert_eq!(code, Some(2), "{words:?}: {told}");
        assert!(
            told.contains(named) && shown.is_empty(),
            "{words:?}: expected \"{named}\" in {told}"
        );
    }
}

#[test]
fn ctrl_c_shows_what_was_measured_and_leaves_no_process() {
    for pools in ["processes", "threads", "gil", "sequential"] {
        let directory = directory(pools);
        let both = format!("{pools},processes");
        let list = if pools == "processes" { pools } else { &both };
        let child =
            start(&["10", ENDLESS, "--tasks", "2", "--workers", "2", "--pools", list], &directory);
        let workers = workers(&child, 2);
        let computes = if pools == "processes" { workers[0] } else { child.id() };
        wait_until_busy(computes);
        process::kill(Pid::from(&child), Signal::Interrupt).expect("interrupt");
        let output = finish(child);
        let (shown, told) = texts(&output);
        assert_eq!(output.status.code(), Some(130), "FACTORIAL-2: {pools}: {told}");
        assert!(shown.lines().any(|line| line.starts_with("10 ")), "BENCHMARK-4: {pools}: {shown}");
        expect_gone(&workers);
        fs::remove_dir_all(directory).expect("remove");
    }
}

#[test]
fn a_worker_that_is_killed_fails_its_row_and_no_other() {
    let directory = directory("killed");
    let child = start(&[ENDLESS, "7", "--tasks", "2", "--pools", "processes"], &directory);
    let workers = workers(&child, thread::available_parallelism().map_or(1, usize::from));
    for &worker in &workers {
        wait_until_busy(worker);
    }
    for worker in workers {
        let killed = Command::new("kill").args(["-9", &worker.to_string()]).status().expect("kill");
        assert!(killed.success());
    }
    let output = finish(child);
    let (shown, told) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "FACTORIAL-3: {shown} {told}");
    assert!(told.contains("signal 9"), "expected the signal to be named, came {told}");
    let row = shown.lines().find(|line| line.starts_with("7 "));
    assert!(
        row.is_some_and(|row| row.contains(" µs") || row.contains(" ms")),
        "the next size goes on: {shown}"
    );
    fs::remove_dir_all(directory).expect("remove");
}
