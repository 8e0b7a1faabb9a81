//! `handloom timeline`: the files that it leaves, and how it ends.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use handloom::json::Json;

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
fn a_server_tells_its_tasks_on_sigusr1_and_serves_on() {
    let mut server = start(command(&["serve", "--addr", "127.0.0.1:0"]));
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
    assert!(ended.err.contains("the tasks, on SIGUSR1:"), "{}", ended.err);
    assert!(ended.err.contains("task 0 (block_on), "), "{}", ended.err);
}
