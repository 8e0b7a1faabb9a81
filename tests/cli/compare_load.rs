use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use handloom::calc::Op;
use handloom::compare::{End, Histogram, Load, LoadReport};
use handloom::os::EventFd;

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs on a thread of its own, and gives up when that hangs.
fn within_patience<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    thread::spawn(move || drop(done.send(run())));
    result.recv_timeout(PATIENCE).expect("the load hangs or panicked: LOAD-1")
}

/// A server of lines: `answer` gets the number of the request on its connection and its two numbers, and returns
/// the bytes to send; `None` closes the connection.
fn fake_server(
    answer: impl Fn(usize, i64, i64) -> Option<String> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answer) = (stream.expect("accept"), answer.clone());
            thread::spawn(move || serve_lines(&stream, &*answer));
        }
    });
    address
}

fn serve_lines(stream: &TcpStream, answer: &dyn Fn(usize, i64, i64) -> Option<String>) {
    stream.set_nodelay(true).expect("nodelay");
    for (number, line) in BufReader::new(stream).lines().enumerate() {
        let Ok(line) = line else { return };
        let (a, b) = line.split_once(' ').expect("two numbers");
        let (a, b) = (a.parse().expect("a number"), b.parse().expect("a number"));
        let Some(reply) = answer(number, a, b) else { return };
        // The client may have given up.
        if (&*stream).write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// The right reply; in an `Option`, since that is what a fake server's answer is.
#[expect(clippy::unnecessary_wraps, reason = "it stands where others close the connection")]
fn right(a: i64, b: i64) -> Option<String> {
    Some(format!("{}\n", a + b))
}

fn load(address: SocketAddr, connections: usize, depth: usize, requests: u64) -> Load {
    Load { address, connections, depth, requests, op: Op::Sum, timeout: PATIENCE }
}

fn run(load: Load) -> LoadReport {
    within_patience(move || load.run(None, &mut |_| ()).expect("run"))
}

fn expect_told(report: &LoadReport, parts: &[&str]) {
    let told = report.failures.join("\n");
    for part in parts {
        assert!(told.contains(part), "LOAD-2: expected {part:?} in the failures, came {told:?}");
    }
}

#[test]
fn every_request_to_a_right_server_is_counted_and_timed() {
    for (connections, depth, requests) in [(1, 1, 1), (3, 1, 100), (8, 16, 1003), (4, 1024, 5000)] {
        let report = run(load(fake_server(|_, a, b| right(a, b)), connections, depth, requests));
        assert!(report.is_right(), "{connections} {depth} {requests}: {report:?}");
        assert_eq!(report.answered, requests, "every request is counted once");
        assert_eq!(report.latency.total(), requests, "every request is timed once");
        assert!(report.per_second() > 0.0, "the speed is known: {report:?}");
        assert!(report.latency.largest() <= Some(report.elapsed + PATIENCE), "{report:?}");
    }
}

#[test]
fn there_are_no_more_connections_than_requests() {
    let report = run(load(fake_server(|_, a, b| right(a, b)), 64, 1, 3));
    assert!(report.is_right(), "{report:?}");
}

#[test]
fn products_are_checked_as_products() {
    let address = fake_server(|_, a, b| Some(format!("{}\n", a * b)));
    assert!(run(Load { op: Op::Product, ..load(address, 2, 4, 40) }).is_right());
    let report = run(load(address, 2, 4, 40));
    assert!(!report.is_right(), "a product was taken for a sum");
}

#[test]
fn replies_in_single_bytes_are_right_too() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("accept");
        stream.set_nodelay(true).expect("nodelay");
        for line in BufReader::new(&stream).lines() {
            let line = line.expect("a line");
            let sum: i64 =
                line.split(' ').map(|number| number.parse::<i64>().expect("number")).sum();
            for byte in format!("{sum}\n").bytes() {
                (&stream).write_all(&[byte]).expect("write");
                // Each byte in a packet of its own, read for itself.
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let report = run(load(address, 1, 2, 10));
    assert!(report.is_right(), "{report:?}");
}

#[test]
fn a_wrong_reply_is_named_with_request_expected_and_got() {
    let address = fake_server(|number, a, b| Some(format!("{}\n", a + b + i64::from(number == 2))));
    let report = run(load(address, 1, 1, 5));
    // The third exchange of the script.
    let (asked, expected, got) = ("\"82 894\"", "\"976\"", "\"977\"");
    expect_told(&report, &["connection 0, request 3 of 5", asked, expected, got]);
    assert_eq!((report.answered, report.failed), (2, 1), "the two before it count: {report:?}");
    assert!(!report.is_right());
}

#[test]
fn a_wrong_reply_inside_a_batch_is_named() {
    let address =
        fake_server(
            |number, a, b| {
                if number == 9 { Some("error: tired\n".to_owned()) } else { right(a, b) }
            },
        );
    let report = run(load(address, 1, 8, 16));
    expect_told(&report, &["request 10 of 16", "got \"error: tired\""]);
    assert_eq!(report.answered, 8, "the whole batch before it counts: {report:?}");
}

#[test]
fn one_wrong_connection_does_not_spoil_the_others() {
    // Only connection 0 begins with exchange 0, and so has exchange 1 as its second: 52610 and 441.
    let address = fake_server(
        |number, a, b| {
            if (number, a, b) == (1, 52610, 441) { None } else { right(a, b) }
        },
    );
    let report = run(load(address, 4, 1, 8));
    expect_told(&report, &["connection 0, request 2 of 2"]);
    assert_eq!((report.failed, report.answered), (1, 7), "{report:?}");
}

#[test]
fn a_connection_that_closes_half_way_is_named() {
    let address = fake_server(|number, a, b| if number < 4 { right(a, b) } else { None });
    let report = run(load(address, 1, 1, 10));
    expect_told(&report, &["request 5 of 10", "got nothing", "the server closed the connection"]);
    assert_eq!((report.answered, report.failed), (4, 1), "{report:?}");
    assert_eq!(report.end, End::Done, "nobody waits for a connection that is gone");
}

#[test]
fn a_server_that_talks_without_end_is_quoted_in_short() {
    let chatter = "x".repeat(10_000);
    let wrong = fake_server(move |_, _, _| Some(chatter.clone() + "\n"));
    let chatter = "y".repeat(10_000);
    let more = fake_server(move |_, a, b| Some(format!("{}\n{chatter}\n", a + b)));
    for address in [wrong, more] {
        let report = run(load(address, 1, 1, 1));
        let longest = report.failures.iter().map(String::len).max();
        assert!(longest.is_some_and(|length| length < 300), "TALK-3: {report:?}");
        expect_told(&report, &["..."]);
    }
}

#[test]
fn more_than_was_asked_for_is_a_failure() {
    let address = fake_server(|_, a, b| Some(format!("{}\nand more\n", a + b)));
    let report = run(load(address, 1, 1, 1));
    expect_told(&report, &["request 1 of 1", "more than was asked for", "and more"]);
}

#[test]
fn a_late_reply_counts_with_its_time() {
    let late = Duration::from_millis(80);
    let address = fake_server(move |_, a, b| {
        thread::sleep(late);
        right(a, b)
    });
    let report = run(load(address, 2, 1, 4));
    assert!(report.is_right(), "{report:?}");
    assert!(report.latency.per_mille(500) >= Some(late), "late, and not seen: {report:?}");
    assert!(report.elapsed >= late * 2, "two rounds of it: {report:?}");
}

#[test]
fn a_server_that_never_answers_ends_with_the_time_out() {
    let address = fake_server(|_, _, _| Some(String::new()));
    let timeout = Duration::from_millis(300);
    let report = run(Load { timeout, ..load(address, 2, 1, 10) });
    assert_eq!(report.end, End::TimedOut, "LOAD-1: {report:?}");
    expect_told(&report, &["the time was up after 0.3 s", "0 of 10 requests were answered"]);
    assert!(!report.is_right() && report.per_second() < 1.0, "{report:?}");
}

#[test]
fn a_server_that_answers_some_and_hangs_does_not_look_fast() {
    let address =
        fake_server(|number, a, b| if number < 20 { right(a, b) } else { Some(String::new()) });
    let timeout = Duration::from_millis(800);
    let report = run(Load { timeout, ..load(address, 2, 1, 1000) });
    assert_eq!((report.answered, report.waiting), (40, 2), "LOAD-5: {report:?}");
    assert!(report.elapsed >= timeout / 2, "LOAD-5: time counts to the end: {report:?}");
    assert!(report.latency.largest() >= Some(timeout / 2), "LOAD-5: they wait: {report:?}");
    assert!(report.per_second() < 200.0, "LOAD-5: 40 answers in 0.8 s: {report:?}");
    expect_told(&report, &["40 of 1000 requests were answered, 2 waited"]);
    assert!(report.to_string().contains("\nwaiting     2\n"), "LOAD-5: {report}");
}

#[test]
fn requests_that_wait_at_a_stop_are_counted_too() {
    let address =
        fake_server(|number, a, b| if number < 3 { right(a, b) } else { Some(String::new()) });
    let stop = EventFd::new().expect("eventfd");
    stop.signal().expect("signal");
    let report = within_patience(move || {
        load(address, 2, 1, 100).run(Some(stop.as_fd()), &mut |_| ()).expect("run")
    });
    assert_eq!(report.end, End::Stopped, "{report:?}");
    assert_eq!(report.answered + report.waiting, report.latency.total(), "LOAD-5: {report:?}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    drop(listener);
    let report = run(load(address, 2, 1, 10));
    assert_eq!((report.failed, report.answered, report.end), (2, 0, End::Done), "{report:?}");
    expect_told(&report, &[&format!("connect {address}")]);
}

#[test]
fn a_stop_ends_it_with_what_was_measured() {
    let address =
        fake_server(|number, a, b| if number < 3 { right(a, b) } else { Some(String::new()) });
    let report = within_patience(move || {
        let stop = EventFd::new().expect("eventfd");
        let load = load(address, 2, 1, 100);
        let report = load.run(Some(stop.as_fd()), &mut |progress| {
            if progress == 6 {
                stop.signal().expect("signal");
            }
        });
        report.expect("run")
    });
    assert_eq!((report.end, report.answered), (End::Stopped, 6), "{report:?}");
}

fn handloom(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handloom"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn the_program_prints_numbers_and_ends_with_0() {
    let address = fake_server(|_, a, b| right(a, b)).to_string();
    let done = handloom(&["load", &address, "-c", "2", "-n", "50"]).output().expect("run");
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    for part in ["requests/s", "answered    50 of 50", "errors      0", "p50", "p99.9", "max"] {
        assert!(text.contains(part), "expected {part:?}, came {text}");
    }
    let json = handloom(&["load", &address, "-n", "50", "--json"]).output().expect("run").stdout;
    let json = String::from_utf8_lossy(&json).into_owned();
    for part in ["\"answered\":50", "\"right\":true", "\"failures\":[]", "\"p999_us\":"] {
        assert!(json.contains(part), "expected {part:?}, came {json}");
    }
}

#[test]
fn without_an_answer_no_latency_is_told() {
    let address = fake_server(|_, _, _| None).to_string();
    let words = ["load", &address, "-c", "1", "-n", "5"];
    let text = handloom(&words).output().expect("run").stdout;
    let text = String::from_utf8_lossy(&text).into_owned();
    for line in ["p50         -", "p99.9       -", "max         -"] {
        let is_there = text.lines().any(|came| came == line);
        assert!(is_there, "HISTOGRAM-4: expected {line:?}, came {text}");
    }
    let json = handloom(&[&words[..], &["--json"]].concat()).output().expect("run").stdout;
    let json = String::from_utf8_lossy(&json).into_owned();
    for part in ["\"p50_us\":null", "\"max_us\":null", "\"answered\":0"] {
        assert!(json.contains(part), "HISTOGRAM-4: expected {part:?}, came {json}");
    }
}

#[test]
fn the_program_ends_with_1_for_a_wrong_reply_and_says_which() {
    let address = fake_server(|_, _, _| Some("13\n".to_owned())).to_string();
    let done = handloom(&["load", &address, "-c", "1", "-n", "5"]).output().expect("run");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    assert!(told.contains("expected \"5527\", got \"13\""), "LOADCMD-2: came {told}");
}

#[test]
fn ctrl_c_ends_the_program_with_130_and_what_was_measured() {
    let (begun, has_begun) = mpsc::channel();
    let address = fake_server(move |number, a, b| {
        if number == 4 {
            begun.send(()).expect("the test waits for it");
            return Some(String::new());
        }
        right(a, b)
    });
    let child = handloom(&["load", &address.to_string(), "-c", "1", "-n", "100"]);
    let child = { child }.spawn().expect("start");
    has_begun.recv_timeout(PATIENCE).expect("the load does not begin");
    let pid = (&child).into();
    handloom::os::process::kill(pid, handloom::os::signal::Signal::Interrupt).expect("kill");
    let done = within_patience(move || child.wait_with_output().expect("wait"));
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(130), "{done:?}");
    assert!(text.contains("answered    4 of 100"), "LOADCMD-1: came {text}");
}

#[test]
fn a_wrong_command_line_ends_the_program_with_2() {
    for words in [
        &["load"][..],
        &["load", "nowhere"],
        &["load", "127.0.0.1:1", "-d", "0"],
        &["load", "127.0.0.1:1", "-d", "1025"],
        &["load", "127.0.0.1:1", "--server-pid", "1"],
    ] {
        let done = handloom(words).output().expect("run");
        assert_eq!(done.status.code(), Some(2), "{words:?}: {done:?}");
    }
}

#[test]
fn a_percentile_is_never_below_the_true_one_and_above_it_by_less_than_a_64th() {
    for bit in 0..u64::BITS {
        for nanos in [(1 << bit) - 1, 1 << bit, (1 << bit) + 1, u64::MAX >> bit] {
            let mut histogram = Histogram::default();
            histogram.record(Duration::from_nanos(nanos), 2);
            histogram.record(Duration::from_nanos(u64::MAX), 1);
            let median = histogram.per_mille(500).expect("there are values").as_nanos();
            let true_one = u128::from(nanos);
            assert!(median >= true_one, "HISTOGRAM-2: {median} for {nanos}");
            assert!(median - true_one <= true_one / 64, "HISTOGRAM-2: {median} for {nanos}");
        }
    }
}

#[test]
fn percentiles_of_a_thousand_values() {
    let mut histogram = Histogram::default();
    for micros in 1..=1000 {
        histogram.record(Duration::from_micros(micros), 1);
    }
    for (per_mille, micros) in [(500, 500), (900, 900), (990, 990), (999, 999), (1000, 1000)] {
        let came = histogram.per_mille(per_mille).expect("there are values");
        let true_one = Duration::from_micros(micros);
        assert!(came >= true_one && came <= true_one * 65 / 64, "{came:?}: HISTOGRAM-2");
    }
    assert_eq!(histogram.largest(), Some(Duration::from_millis(1)), "HISTOGRAM-3");
}

#[test]
fn without_values_a_histogram_has_no_percentile() {
    let histogram = Histogram::default();
    assert_eq!((histogram.per_mille(500), histogram.largest()), (None, None), "HISTOGRAM-4");
}
