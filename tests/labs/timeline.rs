//! The timeline's events, and what is made of them: judged as data, not as pixels.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use handloom::aio::{sleep, yield_now};
use handloom::json::Json;
use handloom::rt::{EventLoop, spawn_named};
use handloom::timeline::{
    Event, Lane, LoopObserver, Recorder, Trace, What, page, picture, trace_json,
};

use super::support::watched;

/// Runs a small program under the virtual clock, and returns what was noted before the loop's end.
fn virtual_run() -> (Vec<Event>, Trace) {
    let recorder = Arc::new(Recorder::new(1_000).expect("memory"));
    // The clock of the loop starts when it is made, and stands still: all times count from the first event.
    let observer = LoopObserver::new(Arc::clone(&recorder));
    let event_loop =
        EventLoop::builder().virtual_clock().observer(observer).build().expect("a loop");
    event_loop.block_on(async {
        let first = spawn_named("first", async {
            sleep(Duration::from_millis(20)).await;
            yield_now().await;
        });
        let second = spawn_named("second", sleep(Duration::from_millis(10)));
        first.await.expect("it ends");
        second.await.expect("it ends");
    });
    (recorder.events().0, Trace::new("virtual", &recorder))
}

#[test]
fn with_the_virtual_clock_the_list_of_events_is_exact() {
    let (events, _) = watched(virtual_run);
    // What comes before it, the loop's beginning, is by the real clock.
    let is_wake = |event: &&Event| event.what == What::Ready;
    let begin = events.iter().find(is_wake).expect("a wake").at;
    let told: Vec<_> = events.iter().map(|event| told(event, begin)).collect();
    let expected = "\
        0 loop Begins event loop
        0 task 0 Begins block_on
        0 loop Running
        0 task 0 Ready
        0 task 1 Begins task: first
        0 task 1 Ready
        0 task 2 Begins task: second
        0 task 2 Ready
        0 task 0 Running
        0 task 0 Parked for the end of task 1
        0 task 1 Running
        0 task 1 Parked for a point in time
        0 task 2 Running
        0 task 2 Parked for a point in time
        10 loop Running
        10 loop Due
        10 task 2 Ready
        10 task 2 Running
        10 task 2 Parked for something it did not name
        10 task 2 Idle
        20 loop Running
        20 loop Due
        20 task 1 Ready
        20 task 1 Ready
        20 task 1 Running
        20 task 1 Parked for its next turn
        20 task 0 Ready
        20 task 1 Running
        20 task 1 Parked for something it did not name
        20 task 1 Idle
        20 task 0 Running
        20 task 0 Parked for something it did not name";
    let expected: Vec<_> = expected.lines().map(str::trim).collect();
    assert_eq!(told, expected, "the loop or its observer does something else than before");
}

/// An event in a line, its time in milliseconds.
fn told(Event { at, lane, what, label }: &Event, begin: Duration) -> String {
    let name = match lane.task {
        Some(task) => format!("task {task}"),
        None => "loop".to_owned(),
    };
    let line = format!("{} {name} {what:?} {label}", at.saturating_sub(begin).as_millis());
    line.trim_end().to_owned()
}

#[test]
fn a_wake_during_a_poll_leaves_the_task_ready() {
    let (_, trace) = watched(virtual_run);
    let row = trace.rows.iter().find(|row| row.job() == "first").expect("its row");
    let states: Vec<_> = row.spans.iter().map(|span| span.state).collect();
    let sleeps = [What::Idle, What::Parked, What::Idle];
    assert_eq!(states, sleeps, "all but the sleep of 20 ms takes no time");
    let wakes = trace.arrows.iter().filter(|(what, ..)| *what == What::Ready).count();
    assert_eq!(wakes, 7, "seven polls, and each follows a wake: {:?}", trace.arrows);
}

#[test]
fn the_oldest_events_are_dropped_and_counted() {
    let recorder = Recorder::new(10).expect("memory");
    let lane = recorder.lane("main");
    for number in 0..25 {
        recorder.note(lane, What::Running, number);
    }
    let (events, dropped) = recorder.events();
    assert_eq!(dropped, 15, "RECORD-2: 25 events in a ring of 10");
    let labels: Vec<_> = events.iter().skip(1).map(|event| &*event.label).collect();
    assert_eq!(events[0].label, "main", "the name of the lane stays");
    assert_eq!(labels, ["15", "16", "17", "18", "19", "20", "21", "22", "23", "24"]);
}

#[test]
fn labels_and_lanes_beyond_their_bounds_do_no_harm() {
    let recorder = Recorder::new(4).expect("memory");
    let long = "ü".repeat(100);
    let lanes: Vec<_> = (0..5_000).map(|_| recorder.lane(&long)).collect();
    let odd = format!("a{long}");
    recorder.note(lanes[4_999], What::Blocked, &odd);
    let (events, _) = recorder.events();
    assert_eq!(events.len(), 4_096 + 4, "the names of 4,096 lanes stay, and the last four events");
    assert_eq!(events[4_095].label, "ü".repeat(24), "48 bytes");
    let last = &events[4_099];
    assert_eq!(last.lane.thread, 4_999, "every lane has a number of its own");
    assert_eq!(last.label, format!("a{}", "ü".repeat(23)), "cut between characters");
}

#[test]
fn events_of_many_threads_are_all_there() {
    let recorder = Recorder::new(4_000).expect("memory");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let lane = recorder.lane("worker");
                for number in 0..1_000 {
                    recorder.note(lane, What::Running, number);
                }
            });
        }
    });
    let (events, _) = recorder.events();
    for lane in 0..4 {
        let is_state = |event: &&Event| event.what == What::Running;
        let states = events.iter().filter(is_state);
        let of_lane = states.filter(|event| event.lane.thread == lane);
        let labels: Vec<_> = of_lane.map(|event| event.label.clone()).collect();
        let expected: Vec<_> = (0..1_000).map(|number| number.to_string()).collect();
        assert_eq!(labels, expected, "RECORD-1: every event of a thread, in its order");
    }
}

/// A strip with so many events of a loop, whose names are hostile.
fn long_strip(polls: u32) -> Trace {
    let recorder = Recorder::new(4 * polls + 100).expect("memory");
    let (lane, begin) = (recorder.lane("event loop"), Instant::now());
    let note = |micros: u32, task, what, label: &str| {
        let at = begin + Duration::from_micros(micros.into());
        recorder.note_at(at, Lane { task, ..lane }, what, label);
    };
    note(0, None, What::Running, "");
    for task in 1..=20 {
        note(0, Some(task), What::Begins, "task: </script><script src=\"http://x\">");
    }
    for number in 0..polls {
        let (at, task) = (number * 100, Some(1 + number % 20));
        note(at, task, What::Ready, "");
        note(at + 10, task, What::Running, "");
        note(at + 60, task, What::Parked, "to read descriptor 12");
    }
    Trace { work: Duration::from_secs(1), ..Trace::new("event loop: many tasks", &recorder) }
}

#[test]
fn the_page_of_ten_thousand_events_is_small_and_asks_for_nothing() {
    // Three events for each poll.
    let strip = long_strip(5_000);
    let html = page("a <title>", &[strip]);
    assert!(html.len() < 2_000_000, "expected less than 2 MB, came {} bytes", html.len());
    for word in ["src=", "href=", "@import", "fetch(", "XMLHttpRequest", "import(", "WebSocket"] {
        let place = html.replace("src=&quot;", "").replace("src=\\\"http", "").find(word);
        assert_eq!(place, None, "PAGE-T1: the page asks for something with `{word}`");
    }
    let without_namespace = html.replace("http://www.w3.org/2000/svg", "");
    let links = without_namespace.matches("http").count();
    let of_names = without_namespace.matches("http://x").count();
    assert_eq!(links, of_names, "PAGE-T1: only names of tasks may look like addresses");
    assert_eq!(html.matches("<script").count(), 2, "a name of a task became a script");
    assert!(!html.contains("<pattern"), "LANE-1: each tile of a pattern is printed anew");
}

#[test]
fn the_picture_is_bounded_by_its_width() {
    let [few, many] = [5_000, 50_000].map(|polls| picture("x", &[long_strip(polls)]).len());
    assert!(many < few * 2, "LANE-2: ten times the events: {few} and {many} bytes");
}

#[test]
fn the_json_parses_and_its_slices_and_flows_fit() {
    let strip = long_strip(500);
    let json = trace_json(&[strip]);
    let parsed = Json::parse(json.as_bytes()).expect("valid JSON");
    expect_balanced(&parsed);
}

/// Fails unless slices of a track follow each other, and each flow has one beginning and one end within slices.
fn expect_balanced(json: &Json) {
    let text = |event: &Json, name| event.get(name).and_then(Json::as_text).map(str::to_owned);
    let number = |event: &Json, name| -> f64 {
        event.get(name).and_then(Json::as_number).expect("a number").to_f64()
    };
    let nanos = |event: &Json, name| (number(event, name) * 1e3).round();
    let mut tracks: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let mut flows: BTreeMap<String, Vec<(String, String, f64)>> = BTreeMap::new();
    for event in json.get("traceEvents").expect("events").items() {
        let track = format!("{} {}", number(event, "pid"), number(event, "tid"));
        match &*text(event, "ph").expect("a phase") {
            "X" => {
                let begin = nanos(event, "ts");
                tracks.entry(track).or_default().push((begin, begin + nanos(event, "dur")));
            }
            phase @ ("s" | "f") => {
                let id = number(event, "id").to_string();
                let flow = (phase.to_owned(), track, nanos(event, "ts"));
                flows.entry(id).or_default().push(flow);
            }
            "M" | "C" => {}
            other => panic!("an unknown phase: {other}"),
        }
    }
    let unit = text(json, "displayTimeUnit");
    assert_eq!(unit.as_deref(), Some("ns"), "or Chrome puts a poll of 1 µs into the slice before");
    assert!(!tracks.is_empty() && !flows.is_empty(), "there are slices and flows");
    for (track, slices) in &mut tracks {
        slices.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        for pair in slices.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "slices of track {track} overlap: {pair:?}");
        }
    }
    for (id, ends) in flows {
        let phases: Vec<_> = ends.iter().map(|end| &*end.0).collect();
        assert_eq!(phases, ["s", "f"], "flow {id} has a beginning and an end");
        for (phase, track, at) in ends {
            let inside = tracks[&track].iter().any(|&(from, to)| (from..=to).contains(&at));
            assert!(inside, "flow {id}: its `{phase}` at {at} is in no slice of track {track}");
        }
    }
}
