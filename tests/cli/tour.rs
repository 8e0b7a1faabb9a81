use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{command, start};
use handloom::os::process;
use handloom::os::signal::Signal;

const PATIENCE: Duration = Duration::from_mins(1);
const MODELS: [&str; 7] =
    ["sequential", "threads", "pool", "prefork", "callbacks", "generators", "async"];

/// What each part is called, as far as a reader needs to find it.
const TITLES: [&str; 7] = [
    "a server that adds two numbers",
    "one workload",
    "seven models",
    "many pages",
    "factorials",
    "Wow!",
    "gateway",
];

/// Runs a part of a small tour, or all of it; returns its exit code, its stdout and its stderr.
fn tour(directory: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let out = format!("--out={}", directory.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_handloom"));
    command.args(["tour", "-c", "4", "-n", "500", &out]).args(words).stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start");
    let pid = process::Pid::from(&child);
    let (done, result) = mpsc::channel();
    thread::spawn(move || drop(done.send(child.wait_with_output())));
    let Ok(output) = result.recv_timeout(PATIENCE) else {
        process::kill(pid, Signal::Kill).expect("kill");
        panic!("the tour hangs");
    };
    let output = output.expect("output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Runs one part, and checks what holds for each of them; `check` gets its directory, what it has printed, and its page.
fn expect_part(number: usize, check: impl FnOnce(&Path, &str, &str)) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tour-{number}"));
    let (code, shown, told) = tour(&directory, &["--part", &number.to_string()]);
    assert_eq!(code, Some(0), "TOUR-2: {shown} {told}");
    assert!(shown.contains("What to notice"), "{shown}");
    let page = fs::read_to_string(directory.join("report.html")).expect("the page");
    for (title, other) in TITLES.into_iter().zip(1..) {
        let heading = format!("Part {other} of 7: ");
        let line = shown.lines().find(|line| line.starts_with(&heading));
        assert_eq!(line.is_some(), number == other, "TOUR-2: {heading}: {shown}");
        assert!(line.is_none_or(|line| line.contains(title)), "TOUR-2: no {title}: {shown}");
        assert!(page.contains(&heading) && page.contains(&format!("href=\"#part-{other}\"")));
    }
    assert_eq!(page.matches("Not run: not asked for.").count(), 6, "TOUR-3: {page}");
    // The table of the links has what they are called.
    let is_link = |line: &&str| line.starts_with("http://") || line.starts_with("link ");
    for line in shown.lines().filter(|line| !is_link(line)) {
        let fits = line.chars().count() <= 80 || line.contains(directory.to_str().expect("text"));
        assert!(fits, "wider than 80 columns: {line}");
    }
    // A picture refers to its own hatchings.
    let elsewhere = page.replace("url(#", "");
    for foreign in ["<script", "src=", "href=\"http", "url("] {
        assert!(!elsewhere.contains(foreign), "PAGE-1: {foreign} in {page}");
    }
    check(&directory, &shown, &page);
    fs::remove_dir_all(directory).expect("remove");
}

/// The picture of a part and its table stand in the directory and on the page, with all of `words`.
fn expect_picture(directory: &Path, page: &str, name: &str, words: &[&str]) {
    assert!(page.contains("<svg") && page.contains("<table>"), "PAGE-1: {page}");
    for ending in ["svg", "txt"] {
        let file = format!("{name}.{ending}");
        let text = fs::read_to_string(directory.join(&file)).expect(&file);
        assert!(page.contains(&format!("href=\"{file}\"")), "TOUR-3: no link to {file}: {page}");
        for word in words {
            assert!(text.contains(word), "TOUR-3: no {word} in {file}: {text}");
        }
    }
}

#[test]
fn its_conversations_show_who_is_served_when() {
    expect_part(1, |_, shown, _| {
        for (model, threads, closes_first) in
            [("sequential", 1, true), ("threads", 4, false), ("async", 1, false)]
        {
            let heading = format!("{model} server, 3 clients, threads: {threads}");
            let from = shown.find(&heading).unwrap_or_else(|| panic!("no {heading} in {shown}"));
            let talk = shown[from..].split("\n\n").next().expect("its lines");
            assert!(talk.contains("hears  \"0.3\\n\""), "TOUR-2: {talk}");
            // In the sequential server, B and C hear something only after A has closed; in the others before.
            let [closes, hears] = ["A sends  \"close", "B hears"].map(|words| talk.find(words));
            assert!(closes.is_some() && hears.is_some(), "TOUR-2: {talk}");
            assert_eq!(closes < hears, closes_first, "TOUR-2: {model}: {talk}");
        }
    });
}

#[test]
fn its_timeline_is_a_picture_and_a_page() {
    expect_part(2, |directory, _, page| {
        expect_picture(directory, page, "timeline", &["event loop"]);
        assert!(page.contains("href=\"timeline.html\""), "TOUR-3: {page}");
    });
}

#[test]
fn its_models_stand_in_a_table_and_a_picture() {
    expect_part(3, |directory, shown, page| {
        expect_picture(directory, page, "compare", &MODELS);
        assert!(page.contains("requests/s") && shown.contains("requests/s"), "TOUR-3: {page}");
    });
}

#[test]
fn its_fetches_log_each_link_in_each_way() {
    expect_part(4, |directory, _, page| {
        for mode in ["sequential", "threads", "async"] {
            let name = format!("fetch-{mode}.log");
            let log = fs::read_to_string(directory.join(&name)).expect(mode);
            let [started, received] =
                [" started\n", " received with status "].map(|words| log.matches(words).count());
            assert_eq!((started, received), (14, 14), "TOUR-2: {mode}: {log}");
            assert!(page.contains(&format!("href=\"{name}\"")), "TOUR-3: no {name}: {page}");
        }
    });
}

#[test]
fn its_factorials_stand_in_a_table_and_a_picture() {
    expect_part(5, |directory, _, page| {
        expect_picture(directory, page, "factorial", &["processes"]);
    });
}

#[test]
fn its_watcher_finds_the_string_and_deletes_the_file() {
    expect_part(6, |directory, shown, _| {
        assert!(!directory.join("wow.txt").exists(), "TOUR-2: the file is deleted");
        // A line that is wider than the terminal is broken between two words.
        let unbroken = shown.replace('\n', " ");
        for seen in ["sets the event", "deleted "] {
            assert!(unbroken.contains(seen), "TOUR-2: expected {seen} in {shown}");
        }
    });
}

#[test]
fn its_gateway_gathers_the_weather() {
    expect_part(7, |_, shown, _| {
        for seen in ["Moscow", "London", "12 cities, a request each", "Atlantis"] {
            assert!(shown.contains(seen), "TOUR-2: expected {seen} in {shown}");
        }
    });
}

#[test]
fn a_part_that_does_not_exist_is_refused() {
    let (code, _, told) = tour(Path::new("never-made"), &["--part", "8"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("--part: expected the number of a part, from 1 to 7, got \"8\""),
        "{told}"
    );
    assert!(!Path::new("never-made").exists(), "refused before anything is made");
}

#[test]
fn ctrl_c_ends_the_tour_at_once_with_a_report_that_says_so() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tour-interrupted");
    let out = format!("--out={}", directory.display());
    // The third part would last for minutes.
    let words = ["tour", "-c", "2", "-n", "1000000000", &out];
    let mut tour = start(command(&words));
    let mut parts = Vec::new();
    loop {
        let line = tour.line();
        if parts.len() == 3 && line.starts_with("- async:") {
            break;
        }
        parts.extend(line.strip_prefix("Part ").map(|rest| rest[..1].to_owned()));
    }
    assert_eq!(parts, ["1", "2", "3"], "TOUR-2: one after another");
    thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    tour.signal("INT");
    let ended = tour.end_with_open_stdin();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "it took {:?}", begun.elapsed());
    let page = fs::read_to_string(directory.join("report.html")).expect("the page");
    assert!(page.contains("Interrupted: this part has not come to its end."), "TOUR-3: {page}");
    assert!(page.contains("Not run: the tour was interrupted before."), "TOUR-3: {page}");
    let part = page.split("<h2 ").find(|part| part.contains("Interrupted: ")).expect("a part");
    assert!(!part.contains("<svg"), "TOUR-3: no picture of an interrupted part: {part}");
    assert!(!part.contains("<table") && !part.contains(".svg\""), "TOUR-3: nothing empty: {part}");
    assert!(part.contains("No server was measured to its end."), "TOUR-3: {part}");
    for link in part.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(directory.join(link).exists(), "TOUR-3: {link} leads nowhere: {part}");
    }
    fs::remove_dir_all(directory).expect("remove");
}

#[test]
fn a_directory_that_cannot_be_made_ends_it_with_1() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tour-file");
    fs::write(&file, "not a directory").expect("write");
    let (code, _, told) = tour(&file, &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("make the directory ") && told.contains("tour-file"), "{told}");
    fs::remove_file(&file).expect("remove");
}
