//! `handloom timeline`: the files that it leaves, and how it ends.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use handloom::json::{Json, Number};

use crate::folder::Folder;
use crate::program::{command, start};

#[test]
fn a_table_and_three_views_come_of_one_run() {
    let folder = Folder::new();
    let out = folder.file("out");
    let out_text = out.to_str().unwrap_or_default();
    let small = ["--requests", "2", "--wait-ms", "30", "--factorials", "2", "--compute-ms", "20"];
    let args: Vec<_> = ["timeline", "--out", out_text].into_iter().chain(small).collect();
    let ended = start(command(&args)).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for way in ["sequential", "threads", "GIL", "processes", "event loop", "and threads"] {
        assert!(ended.out.contains(way), "expected a row for {way}: {}", ended.out);
    }
    let read = |name: &str| fs::read_to_string(out.join(name)).expect("the view");
    assert!(read("timeline.svg").starts_with("<svg xmlns"), "the picture stands alone");
    assert!(read("timeline.html").ends_with("</html>\n"), "the page is whole");
    let json = Json::parse(read("timeline.json").as_bytes()).expect("valid JSON");
    assert!(json.get("traceEvents").is_some_and(|events| events.items().len() > 50));
}

#[test]
fn a_trace_of_a_run_has_the_tasks_and_their_wakes() {
    let folder = Folder::new();
    let file = folder.file("trace.json");
    let ended = start(command(&["weather", "--trace", file.to_str().unwrap_or_default()])).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("0 older events were dropped"), "{}", ended.err);
    let text = fs::read(&file).expect("the trace");
    let json = Json::parse(&text).expect("valid JSON");
    let events = json.get("traceEvents").map_or(&[][..], Json::items);
    let count = |phase| {
        let of_phase = |event: &&Json| event.get("ph").and_then(Json::as_text) == Some(phase);
        events.iter().filter(of_phase).count()
    };
    // Twelve cities: each has a task, and waits for a socket at least once.
    assert!(count("X") > 24 && count("s") > 12, "expected polls and wakes");
    assert_eq!(count("s"), count("f"), "each wake leads to a poll");
}

#[test]
fn a_trace_of_pools_has_a_lane_for_each_worker() {
    let folder = Folder::new();
    let (out, file) = (folder.file("out"), folder.file("trace.json"));
    for (pool, worker) in [("threads", "thread"), ("processes", "worker"), ("gil", "gil")] {
        let sizes = ["2000", "--workers", "2", "--tasks", "200", "--chunk", "5", "--pools", pool];
        let [out, trace] = [&out, &file].map(|path| path.to_str().unwrap_or_default());
        let files = ["factorial", "--out", out, "--trace", trace];
        let args: Vec<_> = files.into_iter().chain(sizes).collect();
        let ended = start(command(&args)).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let json = Json::parse(&fs::read(&file).expect("the trace")).expect("valid JSON");
        let events = json.get("traceEvents").map_or(&[][..], Json::items);
        let text = |event: &Json, name: &str| event.get(name).map(Json::to_string);
        let (mut names, mut slices) = (HashMap::new(), Vec::new());
        for event in events {
            let number = |name: &str| event.get(name).and_then(Json::as_number).map(Number::to_f64);
            let lane = text(event, "tid").unwrap_or_default();
            if text(event, "name").as_deref() == Some("\"thread_name\"") {
                names.insert(lane, text(event, "args").unwrap_or_default());
            } else if text(event, "cat").as_deref() == Some("\"running\"") {
                let [from, took] = ["ts", "dur"].map(|name| number(name).unwrap_or_default());
                slices.push((from, from + took, lane, text(event, "name").unwrap_or_default()));
            }
        }
        let tasks = slices.iter().filter(|(.., name)| name == "\"factorials: 5\"").count();
        assert!(tasks >= 120, "{pool}: expected a slice for each task of each run, came {tasks}");
        let lanes: HashSet<_> = slices.iter().map(|(.., lane, _)| lane).collect();
        assert_eq!(lanes.len(), 2, "{pool}: expected a lane for each worker: {names:?}");
        assert!(lanes.iter().all(|lane| names[*lane].contains(worker)), "{pool}: {names:?}");
        slices.sort_by(|one, other| one.0.total_cmp(&other.0));
        // A span is told in microseconds with a fraction, whose sum with another is rounded.
        let overlap = slices.windows(2).any(|pair| pair[0].1 > pair[1].0 + 0.01);
        assert!(!(pool == "gil" && overlap), "under the GIL one lane runs at a time");
    }
}

#[test]
fn a_server_tells_its_tasks_on_sigusr1_and_serves_on() {
    let told = told_on_sigusr1("async");
    assert!(told.contains("the tasks, on SIGUSR1:"), "{told}");
    assert!(told.contains("task 0 (block_on),"), "{told}");
}

#[test]
fn where_no_loop_runs_sigusr1_does_nothing() {
    for model in ["threads", "generators"] {
        assert_eq!(told_on_sigusr1(model), "", "{model}");
    }
}

/// Starts a server, sends it the signal, asks it, ends it, and returns what it wrote to standard error.
fn told_on_sigusr1(model: &str) -> String {
    let mut server = start(command(&["serve", "--model", model, "--addr", "127.0.0.1:0"]));
    let line = server.line();
    let address = line.trim_start_matches("listening on ").trim();
    server.signal("USR1");
    let mut stream = TcpStream::connect(address).expect("it serves");
    stream.write_all(b"5 7\nclose\n").expect("it reads");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("it answers");
    assert_eq!(reply, "12\n", "the signal does not disturb it");
    server.signal("TERM");
    let ended = server.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.err
}

#[test]
fn a_trace_that_ctrl_c_ends_is_written() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("its address"));
    let folder = Folder::new();
    let file = folder.file("trace.json");
    let [logs, trace] = [folder.file("logs"), file.clone()];
    let [logs, trace] = [&logs, &trace].map(|path| path.to_str().unwrap_or_default());
    let args = ["fetch", "--mode", "async", "--log-dir", logs, "--trace", trace, &url];
    let fetch = start(command(&args));
    // It waits for an answer that never comes.
    let _connection = silent.accept().expect("it connects");
    fetch.signal("INT");
    let ended = fetch.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let json = Json::parse(&fs::read(&file).expect("the trace")).expect("valid JSON");
    let events = json.get("traceEvents").map_or(&[][..], Json::items);
    assert!(events.len() > 5, "what ran until then is there: {events:?}");
}

#[test]
fn a_trace_that_would_be_empty_is_refused_or_named() {
    let folder = Folder::new();
    let file = folder.file("trace.json");
    let trace = file.to_str().unwrap_or_default();
    let ended = start(command(&["serve", "--model", "threads", "--trace", trace])).end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--trace: only for async, not for threads"), "{}", ended.err);
    assert!(!file.exists(), "nothing ran, so it leaves no empty file");
    fs::write(&file, "an earlier trace").expect("an earlier file");
    for lab in ["fork", "select", "iterator", "generator"] {
        let ended = start(command(&["lab", lab, "--trace", trace])).end();
        assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{ended:?}");
        let refusal = format!("only for labs on the event loop, not for {lab}");
        assert!(ended.err.contains(&refusal), "{}", ended.err);
    }
    assert_eq!(fs::read_to_string(&file).expect("it stays"), "an earlier trace");
    let ended = start(command(&["lab", "--trace", trace])).end();
    assert!(ended.err.contains("0 lanes; 0 older events"), "{ended:?}");
}

#[test]
fn a_trace_that_cannot_be_written_is_found_before_the_run() {
    let folder = Folder::new();
    let no_folder = folder.file("missing").join("trace.json");
    let ended =
        start(command(&["weather", "--trace", no_folder.to_str().unwrap_or_default()])).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.out, "", "it asks for nothing");
    assert!(ended.err.contains(&format!("write {}: ", no_folder.display())), "{}", ended.err);
}

#[test]
fn a_trace_replaces_all_of_an_earlier_one() {
    let folder = Folder::new();
    let file = folder.file("trace.json");
    fs::write(&file, "x".repeat(1_000_000)).expect("an earlier file");
    let args = ["lab", "gather", "--trace", file.to_str().unwrap_or_default()];
    let ended = start(command(&args)).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Json::parse(&fs::read(&file).expect("the trace")).expect("valid JSON, and nothing behind it");
}

#[test]
fn a_lab_that_ctrl_c_ends_writes_its_trace() {
    let folder = Folder::new();
    let file = folder.file("trace.json");
    let args = ["lab", "tasks", "--trace", file.to_str().unwrap_or_default()];
    let mut lab = start(command(&args));
    // Then both tasks sleep for 3 s.
    while !lab.line().contains("b: sleeps") {}
    lab.signal("INT");
    let ended = lab.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let json = Json::parse(&fs::read(&file).expect("the trace")).expect("valid JSON");
    let events = json.get("traceEvents").map_or(&[][..], Json::items);
    let waits = |event: &&Json| event.to_string().contains("for a point in time");
    assert!(events.iter().any(|event| waits(&event)), "the sleeps are there: {events:?}");
}
