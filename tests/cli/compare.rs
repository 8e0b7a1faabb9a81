use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use handloom::os::process;
use handloom::os::signal::Signal;

const PATIENCE: Duration = Duration::from_mins(1);
const MODELS: [&str; 7] =
    ["sequential", "threads", "pool", "prefork", "callbacks", "generators", "async"];

fn start(words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handloom"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("start")
}

fn finish(child: Child) -> Output {
    let pid = process::Pid::from(&child);
    let (done, result) = mpsc::channel();
    thread::spawn(move || drop(done.send(child.wait_with_output())));
    let Ok(output) = result.recv_timeout(PATIENCE) else {
        process::kill(pid, Signal::Kill).expect("kill");
        panic!("compare hangs");
    };
    output.expect("output")
}

fn run(words: &[&str]) -> (Option<i32>, String, String) {
    let output = finish(start(words));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The processes whose command line holds `mark`, but for this one.
fn processes_with(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("proc").flatten() {
        let is_other = entry.file_name().to_string_lossy() != std::process::id().to_string();
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        // A zombie has no command line any more, and is its parent's to reap.
        if is_other && line.contains(mark) {
            found.push(line);
        }
    }
    found
}

/// The program under a name that no other test's processes have. It is not copied: a process that another test is just
/// starting would hold the new file open for writing, and a program in that state does not start.
fn own_copy(name: &str) -> PathBuf {
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    drop(fs::remove_file(&path));
    fs::hard_link(env!("CARGO_BIN_EXE_handloom"), &path).expect("a link");
    path
}

fn expect_none_left(mark: &str) {
    let begun = Instant::now();
    while !processes_with(mark).is_empty() {
        let left = processes_with(mark);
        assert!(begun.elapsed() < PATIENCE, "SERVER-1: these are left: {left:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The number behind `"name":` in the object of the given model; not a number where `null` stands.
fn number(json: &str, model: &str, name: &str) -> f64 {
    let from = json.find(&format!("\"model\":\"{model}\"")).expect("the model's object");
    let object = &json[from..from + json[from..].find('}').expect("its end")];
    let behind = object.split(&format!("\"{name}\":")).nth(1).expect("the member");
    if behind.starts_with("null") {
        return f64::NAN;
    }
    let digits: String =
        behind.chars().take_while(|c| c.is_ascii_digit() || ".e-".contains(*c)).collect();
    digits.parse().expect("a number")
}

#[test]
fn every_model_has_its_row_with_sane_numbers_and_no_server_is_left() {
    let program = own_copy("compare-all");
    let mut command = Command::new(&program);
    command.args(["compare", "-c", "4", "-n", "20000", "--json"]).stderr(Stdio::piped());
    let output = finish(command.stdout(Stdio::piped()).spawn().expect("start"));
    expect_none_left(program.to_str().expect("a path of text"));
    fs::remove_file(&program).expect("remove");
    let json = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for model in MODELS {
        assert!((number(&json, model, "answered") - 20_000.0).abs() < 0.5, "{model}: {json}");
        let speed = number(&json, model, "requests_per_second");
        assert!(speed > 100.0 && speed < 1e8, "{model}: {speed} requests per second");
        assert!(number(&json, model, "of_best") <= 1.0, "{model}: {json}");
        assert!(
            number(&json, model, "p50_us") <= number(&json, model, "p99_us"),
            "{model}: {json}"
        );
        let cpu = number(&json, model, "server_cpu_us_per_request");
        let is_short = number(&json, model, "seconds") < 0.05;
        assert_eq!(cpu.is_nan(), is_short, "BENCH-5: {model}: {json}");
        assert_eq!(number(&json, model, "server_busy").is_nan(), is_short, "BENCH-5: {json}");
        // The time of threads that have ended is known in hundredths of a second only: USAGE-2.
        let least = if model == "async" { 0.01 } else { 0.0 };
        assert!(is_short || (cpu >= least && cpu < 10_000.0), "{model}: {cpu} µs per request");
        assert!(number(&json, model, "peak_memory_bytes") > 100_000.0, "{model}: {json}");
    }
    assert!(number(&json, "prefork", "processes") > 1.5, "a server's children count: {json}");
    assert!(number(&json, "async", "threads") < 1.5, "async is one thread: {json}");
}

#[test]
fn the_table_names_the_machine_and_each_model_in_a_line() {
    let words = ["compare", "--models", "threads,async", "-c", "2", "-d", "4", "-n", "200"];
    let (code, table, told) = run(&words);
    assert_eq!(code, Some(0), "{told}");
    assert!(table.contains("200 requests over 2 connections, depth 4"), "{table}");
    assert!(table.contains("processor"), "it says how many processors there are: {table}");
    for start in ["model ", "threads ", "async "] {
        let lines = table.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(lines, 2, "PRESENT-1: one line in each table: {table}");
    }
    let wide = table.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "wider than 80 columns");
}

#[test]
fn a_run_without_answers_has_dashes_for_what_was_not_measured() {
    // It listens, in a way: no program has the port.
    let words = ["compare", "--models=none", "--server", "mute=echo listening on 127.0.0.1:1"];
    let (code, table, _) = run(&[&words[..], &["-c", "1", "-n", "1"][..]].concat());
    assert_eq!(code, Some(1), "{table}");
    let lines = table.lines().filter(|line| line.starts_with("mute "));
    let rows: Vec<Vec<_>> = lines.map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][2..6], ["-"; 4], "HISTOGRAM-4: came {table}");
    assert_eq!(rows[1][1..3], ["-"; 2], "BENCH-5: came {table}");
    assert!(!table.contains(" 0 KiB"), "USAGE-1: a process that has ended uses nothing: {table}");
}

#[test]
fn other_programs_take_part_by_their_command_and_rounds_are_repeated() {
    let server = format!("other={} serve --addr 127.0.0.1:0", env!("CARGO_BIN_EXE_handloom"));
    // Quotes hold a word together, and no shell looks into it.
    let second = format!(
        "second='{}' serve \"--addr=127.0.0.1:0\" --op 's'um",
        env!("CARGO_BIN_EXE_handloom")
    );
    let words = ["compare", "--models=none", "--server", &server, "--server", &second];
    let (code, table, told) =
        run(&[&words[..], &["-c", "2", "-n", "100", "--rounds", "3"][..]].concat());
    assert_eq!(code, Some(0), "{told}");
    assert!(table.contains("\nother ") && table.contains("\nsecond "), "{table}");
    assert!(table.contains("the best of 3 rounds"), "{table}");
}

#[test]
fn a_server_that_does_not_start_or_does_not_talk_is_told_and_the_others_run() {
    for (command, reason) in [
        ("/nonexistent/server", "start /nonexistent/server"),
        ("true", "it ended without \"listening on ADDRESS\""),
        ("echo hello", "got \"hello\""),
        ("sh -c 'echo \"two  words\"'", "got \"two  words\""),
    ] {
        let server = format!("broken={command}");
        let words = ["compare", "--models", "async", "--server", &server, "-c", "1", "-n", "10"];
        let (code, table, told) = run(&words);
        assert_eq!(code, Some(1), "{table} {told}");
        assert!(table.contains("\nasync ") && table.contains(reason), "BENCH-4: {table}");
        assert!(told.contains("not all was right with broken"), "{told}");
    }
}

#[test]
fn a_server_that_answers_wrongly_has_a_row_that_says_so() {
    let server =
        format!("product={} serve --op product --addr 127.0.0.1:0", env!("CARGO_BIN_EXE_handloom"));
    let (code, table, _) =
        run(&["compare", "--models=none", "--server", &server, "-c", "1", "-n", "10"]);
    assert_eq!(code, Some(1), "{table}");
    assert!(
        table.contains("product: connection 0, request 1 of 10: asked \"294 5233\""),
        "{table}"
    );
}

#[test]
fn the_picture_is_written_where_out_says() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compare-out");
    let path = directory.join("compare.svg");
    let out = format!("--out={}", directory.display());
    let (code, ..) = run(&["compare", "--models", "async", "-c", "1", "-n", "10", &out]);
    assert_eq!(code, Some(0));
    let picture = fs::read_to_string(&path).expect("the picture");
    assert!(picture.starts_with("<svg") && picture.contains(">async</text>"), "{picture}");
    for part in ["requests per second</text>", "in µs</text>", "prefers-color-scheme:dark"] {
        assert!(picture.contains(part), "expected {part} in {picture}");
    }
    assert_eq!(figures(&picture).len(), 1, "PICTURE-1: {picture}");
    // A digit is 9 wide, so the numbers of an axis do not touch.
    let marks = picture.lines().filter_map(|line| {
        let (_, rest) =
            line.split_once("text-anchor=\"middle\"").map(|_| line.split_once(" x=\""))??;
        let (x, rest) = rest.split_once('"')?;
        let (number, _) = rest.split_once('>')?.1.split_once('<')?;
        Some((x.parse::<f64>().ok()?, number.chars().fold(0.0, |wide, _| wide + 9.0)))
    });
    let marks: Vec<_> = marks.collect();
    assert!(marks.len() >= 4, "two axes with marks: {picture}");
    for pair in marks.windows(2).filter(|pair| pair[0].0 < pair[1].0) {
        let touches = pair[0].0 + f64::midpoint(pair[0].1, pair[1].1) > pair[1].0;
        assert!(!touches, "the marks at {} and {} touch: {picture}", pair[0].0, pair[1].0);
    }
    fs::remove_dir_all(&directory).expect("remove");
}

/// What a picture's description says of each server: its name, its requests per second, its processor time for each
/// in microseconds, and the share of other work in percent. What was not measured is not a number.
fn figures(picture: &str) -> Vec<(String, [f64; 3])> {
    let (_, rest) = picture.split_once("<desc>").expect("PICTURE-1: a description");
    let (text, _) = rest.split_once("</desc>").expect("its end");
    let number = |text: &str| text.split(' ').next().and_then(|word| word.parse().ok());
    let of_one = |text: &str| {
        let (name, figures) = text.split_once(": ").expect("PICTURE-1: a name");
        let figures: Vec<f64> =
            figures.split(", ").map(|text| number(text).unwrap_or(f64::NAN)).collect();
        (name.to_owned(), figures.try_into().expect("PICTURE-1: three figures"))
    };
    text.split("; ").map(of_one).collect()
}

/// Why figures of a picture cannot be right, if so.
fn impossible(figures: &[(String, [f64; 3])]) -> Option<String> {
    figures.iter().find_map(|(name, [rate, micros, others])| {
        // The processors that the server had, if its time for each request is right: a server that serves one client at
        // a time waits for it most of the time.
        let processors = rate * micros / 1e6;
        if !(0.1..2.2).contains(&processors) {
            return Some(format!(
                "{name}: {rate} requests/s of {micros} µs: {processors} processors"
            ));
        }
        (*others > 20.0).then(|| format!("{name}: {others} % other work: draw it when idle"))
    })
}

#[test]
fn the_picture_of_the_course_has_figures_that_can_be() {
    let of = |rate, micros, others| vec![("async".to_owned(), [rate, micros, others])];
    assert_eq!(impossible(&of(78_000.0, 12.0, 2.0)), None);
    for wrong in [of(78_000.0, 0.9, 2.0), of(78_000.0, 40.0, 2.0), of(78_000.0, 12.0, 60.0)] {
        assert!(impossible(&wrong).is_some(), "expected a refusal of {wrong:?}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("notes/pictures/compare.svg");
    let picture = fs::read_to_string(&path).expect("the picture");
    let figures = figures(&picture);
    let names: Vec<_> = figures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, MODELS, "every model has its bars");
    assert_eq!(impossible(&figures), None, "{}", path.display());
}

#[test]
fn a_picture_that_cannot_be_written_is_told_before_the_benchmark() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compare-no-directory");
    fs::write(&file, "").expect("write");
    let out = format!("--out={}", file.display());
    let begun = Instant::now();
    let (code, table, told) = run(&["compare", "-n", "1000000000", &out]);
    assert_eq!((code, table.as_str()), (Some(1), ""), "{told}");
    assert!(told.contains("compare-no-directory") && begun.elapsed() < PATIENCE / 6, "{told}");
    fs::remove_file(&file).expect("remove");
}

#[test]
fn the_hard_example_of_its_help_succeeds() {
    let words = ["compare", "--models", "async,threads", "-c", "1000", "-d", "16", "-n", "100000"];
    let (code, table, told) = run(&words);
    assert_eq!(code, Some(0), "{table} {told}");
}

/// Starts a comparison that would last for minutes, and waits until its server runs.
fn start_endless(program: &Path) -> Child {
    let mark = program.to_str().expect("a path of text");
    let mut command = Command::new(program);
    command.args(["compare", "--models", "prefork", "-c", "2", "-n", "1000000000"]);
    command.args(["--timeout", "300"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("start");
    let begun = Instant::now();
    while !processes_with(mark).iter().any(|line| line.contains(" serve ")) {
        assert!(begun.elapsed() < PATIENCE, "the server does not start");
        thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn ctrl_c_ends_it_with_130_and_leaves_no_server() {
    let program = own_copy("compare-interrupted");
    let child = start_endless(&program);
    process::kill(process::Pid::from(&child), Signal::Interrupt).expect("kill");
    let output = finish(child);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    expect_none_left(program.to_str().expect("a path of text"));
    fs::remove_file(&program).expect("remove");
}

#[test]
fn when_it_is_killed_its_servers_end_too() {
    let program = own_copy("compare-killed");
    let mut child = start_endless(&program);
    process::kill(process::Pid::from(&child), Signal::Kill).expect("kill");
    // No other process holds its pipes: the servers have their own.
    let mut rest = String::new();
    child.stdout.take().expect("stdout").read_to_string(&mut rest).expect("read");
    child.wait().expect("wait");
    expect_none_left(program.to_str().expect("a path of text"));
    fs::remove_file(&program).expect("remove");
}

/// Compares a script, in which `SERVE` stands for a server of its own; no process of it may be left.
fn compare_script(name: &str, lines: &str) -> (Option<i32>, String, String) {
    let program = own_copy(name);
    let serve = format!("{} serve --addr 127.0.0.1:0", program.display());
    let script = program.with_extension("sh");
    fs::write(&script, lines.replace("SERVE", &serve)).expect("write the script");
    let server = format!("script=sh {}", script.display());
    let done = run(&["compare", "--models=none", "--server", &server, "-c", "1", "-n", "50"]);
    expect_none_left(program.to_str().expect("a path of text"));
    fs::remove_file(&script).expect("remove the script");
    fs::remove_file(&program).expect("remove the program");
    done
}

#[test]
fn a_script_is_ended_with_every_server_that_it_started() {
    // The first one's output is not the pipe that tells of the end, so SERVER-3 does not see it.
    let (code, table, told) =
        compare_script("compare-script", "SERVE >/dev/null 2>&1 &\nSERVE\nwait\n");
    assert_eq!(code, Some(0), "SERVER-2: expected an end when it is asked to: {table} {told}");
}

#[test]
fn the_output_of_a_server_is_read_while_it_is_measured() {
    // The server is stopped until what the script prints has gone through the pipe, which holds 64 KiB.
    let script = "mkfifo $0.line; SERVE >$0.line & server=$!; read line <$0.line; rm $0.line\n\
                  kill -STOP $server; echo \"$line\"; head -c 1000000 /dev/zero\n\
                  kill -CONT $server; wait\n";
    let (code, table, told) = compare_script("compare-flood", script);
    assert_eq!(code, Some(0), "SERVER-3: {table} {told}");
}

#[test]
fn a_script_whose_first_words_are_wrong_leaves_no_server_either() {
    let (code, table, _) = compare_script("compare-wrong", "SERVE >/dev/null &\necho no\nwait\n");
    assert_eq!(code, Some(1), "{table}");
}

#[test]
fn a_wrong_command_line_ends_it_with_2() {
    for words in [
        &["compare", "--models", "fibers"][..],
        &["compare", "--models", "none"],
        &["compare", "--server", "nameless"],
        &["compare", "--server", "name="],
        &["compare", "--rounds", "0"],
    ] {
        let (code, _, told) = run(words);
        assert_eq!(code, Some(2), "{words:?}: {told}");
    }
}
