//! The three modes of a fetch: the same results, the same errors, the same log; only the order differs.

use std::collections::HashMap;
use std::fs;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::fetch_logs::{Directory, Event, parse};
use crate::web_upstream::{Act, Server, Watchdog, closed_address, send};
use handloom::fetch::{
    FetchOutcome, FetchPlan, Gate, Log, Mode, PAGES, embed, failures, fetch_links, site, table,
    to_json,
};
use handloom::report::text_width;
use handloom::web::client::Options;
use handloom::web::server::Config;

/// A plan for these links.
fn plan(links: Vec<String>, concurrency: usize) -> FetchPlan {
    FetchPlan { links: links.into(), concurrency, serves_itself: true, options: Options::default() }
}

/// Fetches in one mode, with its log in a directory.
fn run(plan: &FetchPlan, mode: Mode, directory: &Directory) -> FetchOutcome {
    let log = Log::create(&directory.path, mode, &Gate::default()).expect("a log");
    let mut told = Vec::new();
    let outcome = fetch_links(plan, mode, log, &mut |done| told.push(done)).expect("a run");
    let expected: Vec<_> = (1..=plan.links.len()).collect();
    assert_eq!(told, expected, "{mode}: progress is told of each link");
    check_log(plan, &outcome, directory);
    outcome
}

/// Holds a log against its outcome: two lines for each link, in the order of the places.
fn check_log(plan: &FetchPlan, outcome: &FetchOutcome, directory: &Directory) {
    let mode = outcome.mode;
    let mut expected: HashMap<usize, Event> = HashMap::new();
    for (link, fetch) in plan.links.iter().zip(&outcome.fetches) {
        // FETCHLOG-2
        let hide = |c: char| c.is_control() || c.is_whitespace();
        let shown: String = link
            .chars()
            .map(|c| if hide(c) { format!("\\u{{{:x}}}", c as u32) } else { c.to_string() })
            .collect();
        let end = match &fetch.result {
            Ok(answer) => Event::Received(shown.clone(), answer.status.code()),
            Err(failure) => Event::Failed(shown.clone(), failure.fault.to_string()),
        };
        expected.insert(fetch.started.place, Event::Started(shown));
        expected.insert(fetch.ended.place, end);
        assert!(fetch.started.place < fetch.ended.place, "HISTORY-1, {mode}: {fetch:?}");
        assert!(fetch.ended.at <= outcome.wall, "HISTORY-1, {mode}: {fetch:?}");
    }
    let log = directory.log(mode.name());
    assert_eq!(log.len(), 2 * plan.links.len(), "HISTORY-1, {mode}: {log:?}");
    let is_whole = |event: &Event| !event.link().contains(' ');
    assert!(log.iter().all(is_whole), "FETCHLOG-2, {mode}: {log:?}");
    for (place, event) in (1..).zip(&log) {
        assert_eq!(expected.get(&place), Some(event), "HISTORY-2, {mode}, place {place}");
    }
}

/// What came of each link, in one line each.
fn results(outcome: &FetchOutcome) -> Vec<String> {
    let brief = |fetch: &handloom::fetch::LinkFetch| match &fetch.result {
        Ok(answer) => {
            format!("{} {} {:x}", answer.status, answer.body_bytes, answer.body_digest)
        }
        Err(failure) => failure.fault.to_string(),
    };
    outcome.fetches.iter().map(brief).collect()
}

#[test]
fn every_mode_gets_the_same_pages_from_the_embedded_site() {
    let _watchdog = Watchdog::new();
    let site = embed(Config::default()).expect("a site");
    let links: Vec<_> = site::links().map(|path| site.url(path)).collect();
    let plan = plan(links, 100);
    let directory = Directory::new();
    let outcomes = Mode::ALL.map(|mode| run(&plan, mode, &directory));
    let expected = results(&outcomes[0]);
    for outcome in &outcomes {
        let mode = outcome.mode;
        assert_eq!(results(outcome), expected, "FETCHPLAN-1: {mode} is not as sequential");
        assert_eq!(outcome.failed(), 0, "{mode}: a redirect and a 404 are answers");
        for (page, fetch) in PAGES.iter().zip(&outcome.fetches) {
            let answer = fetch.result.as_ref().expect("a page");
            assert_eq!(answer.body_bytes, page.bytes as u64, "FETCHPLAN-2, {mode}: {}", page.path);
            assert!(fetch.took() >= page.delay, "PAGES-2, {mode}: {}", page.path);
        }
        let codes: Vec<_> = outcome.fetches[PAGES.len()..]
            .iter()
            .map(|fetch| fetch.result.as_ref().expect("an answer").status.code())
            .collect();
        assert_eq!(codes, [200, 404], "DESIGN 4, {mode}: the status is the final one");
    }
    assert_ne!(expected[3], expected[4], "two pages have two checksums");
    let text = table(&plan.links, &outcomes);
    assert!(!text.contains("not the same") && !text.contains("failed:"), "FETCHSHOW-2: {text}");
    site.stop().expect("stopped");
}

/// A server that answers in some wrong ways, and in some right ones.
fn wrong_server() -> Server {
    Server::start(|got| match got.target() {
        "/hello" => vec![send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")],
        "/bytewise" => {
            vec![Act::Bytewise(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec())]
        }
        "/missing" => vec![send("HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nsorry")],
        "/broken" => vec![send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")],
        "/short" => vec![send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), Act::Close],
        "/garbage" => vec![send("HTTQ/1.1 200 OK\r\n\r\n"), Act::Close],
        "/loop" => vec![send("HTTP/1.1 302 Go\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")],
        "/away" => vec![send(
            "HTTP/1.1 302 Go\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        )],
        "/close" => vec![Act::Close],
        "/reset" => vec![send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), Act::Reset],
        _ => vec![send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"), Act::Stall],
    })
}

/// The pages of the wrong server, each with how its result begins.
const WRONG_PATHS: [(&str, &str); 11] = [
    ("/hello", "200"),
    ("/short", "eof: body"),
    ("/bytewise", "200"),
    ("/missing", "404"),
    ("/broken", "500"),
    ("/garbage", "protocol:"),
    ("/loop", "redirects:"),
    ("/away", "scheme:"),
    ("/close", "eof: head"),
    ("/stall", "timeout: body"),
    ("/hello", "200"),
];

/// Links that are wrong by themselves, or lead nowhere, each with how its result begins.
fn wrong_links(server: &Server) -> [(String, &'static str); 6] {
    [
        (format!("http://{}/", closed_address()), "connect: connection refused"),
        ("https://127.0.0.1/".to_owned(), "scheme:"),
        ("not an address".to_owned(), "url:"),
        ("http://".to_owned(), "url:"),
        // It would be two lines, and the second a lie.
        (
            server.url("/a\r\n2026-03-01T12:00:00.123456Z request to http://b/ started"),
            "url: line breaks",
        ),
        (server.url("/\0\t\u{2028}\u{a0}"), "url: line breaks"),
    ]
}

#[test]
fn every_mode_fails_alike_and_each_link_alone() {
    let _watchdog = Watchdog::new();
    let server = wrong_server();
    let mut all = WRONG_PATHS.map(|(path, begins)| (server.url(path), begins)).to_vec();
    all.extend(wrong_links(&server));
    let links = all.iter().map(|(link, _)| link.clone()).collect();
    let options = Options { whole: Duration::from_millis(600), ..Options::default() };
    let plan = FetchPlan { options, ..plan(links, 4) };
    let directory = Directory::new();
    let outcomes = Mode::ALL.map(|mode| run(&plan, mode, &directory));
    let expected = results(&outcomes[0]);
    for ((link, begins), came) in all.iter().zip(&expected) {
        assert!(came.starts_with(begins), "FETCHPLAN-1: {link:?}: expected {begins}…, came {came}");
    }
    for outcome in &outcomes {
        assert_eq!(
            results(outcome),
            expected,
            "FETCHPLAN-1: {} is not as sequential",
            outcome.mode
        );
        assert_eq!(outcome.failed(), 12, "FETCHPLAN-1: {}", outcome.mode);
    }
    let named = failures(&plan.links, &outcomes);
    assert_eq!(named.len(), 12, "FETCHSHOW-1: each is named once: {named:?}");
    assert!(named[0].ends_with("too soon (sequential, threads, async)"), "FETCHSHOW-1: {named:?}");
    let text = table(&plan.links, &outcomes);
    let failed = text.lines().filter(|line| line.starts_with("failed: ")).count();
    assert_eq!(failed, 12, "FETCHSHOW-3: {text}");
    assert!(!server.got().iter().any(|got| got.target() == "/a"), "URL-1: a byte left");
}

#[test]
fn a_broken_connection_is_told_with_its_phase_in_every_mode() {
    let _watchdog = Watchdog::new();
    let server = wrong_server();
    let plan = plan(vec![server.url("/reset")], 1);
    for mode in Mode::ALL {
        let outcome = run(&plan, mode, &Directory::new());
        // Whether the head had been read before the reset came is not ours to say.
        let came = results(&outcome)[0].clone();
        assert!(came.starts_with("io: ") || came.starts_with("eof: "), "FAULT-1, {mode}: {came}");
    }
}

#[test]
fn one_after_another_starts_nothing_before_the_last_answer() {
    let _watchdog = Watchdog::new();
    let server = wrong_server();
    let plan = plan(vec![server.url("/hello"); 20], 100);
    let directory = Directory::new();
    let outcome = run(&plan, Mode::Sequential, &directory);
    assert_eq!(outcome.most_at_once, 1, "SEQUENTIAL-FETCH-1");
    for (place, event) in directory.log("sequential").iter().enumerate() {
        assert_eq!(event.is_start(), place % 2 == 0, "SEQUENTIAL-FETCH-1: place {place}");
    }
    assert_eq!(
        server.got().len(),
        20,
        "FETCHPLAN-1: a link that is given 20 times is fetched as often"
    );
}

/// Links under way at once.
const AT_ONCE: usize = 8;

/// How often as many are fetched.
const ROUNDS: usize = 4;

#[test]
fn side_by_side_means_as_many_as_were_allowed_and_no_more() {
    let _watchdog = Watchdog::new();
    for mode in [Mode::Threads, Mode::Async] {
        // Nobody is answered before all of a round have asked: with fewer at a time it would never end.
        let all = Barrier::new(AT_ONCE);
        let server = Server::start(move |_| {
            all.wait();
            vec![send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]
        });
        let plan = plan(vec![server.url("/"); AT_ONCE * ROUNDS], AT_ONCE);
        let directory = Directory::new();
        let outcome = run(&plan, mode, &directory);
        assert_eq!(outcome.failed(), 0, "{mode}");
        assert_eq!(outcome.most_at_once, AT_ONCE, "THREADS-FETCH-1, ASYNC-FETCH-1: {mode}");
        let log = directory.log(mode.name());
        let starts = log.iter().take_while(|event| event.is_start()).count();
        assert_eq!(starts, AT_ONCE, "THREADS-FETCH-1, ASYNC-FETCH-1: {mode} starts these first");
        let places: Vec<_> = outcome.fetches.iter().map(|fetch| fetch.started.place).collect();
        // Two workers may begin their jobs in either order; tasks begin in theirs.
        let in_order = places.is_sorted() || mode == Mode::Threads;
        assert!(in_order, "ASYNC-FETCH-1: {mode} starts in order: {places:?}");
        if mode == Mode::Async {
            assert!(server.connections() <= AT_ONCE, "connections are used again");
        }
    }
}

#[test]
fn a_run_starts_its_log_afresh_and_touches_no_other() {
    let _watchdog = Watchdog::new();
    let server = wrong_server();
    let directory = Directory::new();
    for mode in Mode::ALL {
        fs::write(directory.path.join(Log::name(mode)), "old\n".repeat(1000)).expect("a file");
    }
    let plan = plan(vec![server.url("/hello")], 1);
    drop(run(&plan, Mode::Async, &directory));
    assert_eq!(directory.log("async").len(), 2, "FETCHLOG-3");
    for mode in ["sequential", "threads"] {
        assert!(directory.text(mode).starts_with("old"), "FETCHLOG-3: {mode} did not run");
    }
}

#[test]
fn a_shut_gate_lets_no_line_pass_and_leaves_none_torn() {
    let _watchdog = Watchdog::new();
    let server = wrong_server();
    // Long enough that a line takes several pages.
    let link = server.url(&format!("/{}", "x".repeat(20_000)));
    let plan = plan(vec![link; 64], 8);
    for mode in Mode::ALL {
        let (directory, gate) = (Directory::new(), Gate::default());
        let log = Log::create(&directory.path, mode, &gate).expect("a log");
        let (plan, (tell, told)) = (plan.clone(), channel());
        // It is left behind: it waits at the gate for ever, or for a server that stalls.
        thread::spawn(move || {
            tell.send(()).expect("the test listens");
            drop(fetch_links(&plan, mode, log, &mut |_| {}));
        });
        told.recv().expect("it runs");
        while directory.text(mode.name()).is_empty() {
            thread::yield_now();
        }
        gate.shut(Duration::from_secs(10));
        let then = directory.text(mode.name());
        assert!(!parse(&then).is_empty(), "FETCHLOG-4, {mode}");
        // Links that are started later, if any, would have their line by now; there is nothing to wait for.
        thread::sleep(Duration::from_millis(20));
        assert_eq!(directory.text(mode.name()), then, "FETCHLOG-4, {mode}: a line passed");
    }
}

#[test]
fn a_log_that_cannot_be_written_is_told_and_fails_no_link() {
    let _watchdog = Watchdog::new();
    let server = wrong_server();
    let directory = Directory::new();
    for mode in Mode::ALL {
        // A device that is always full.
        let path = directory.path.join(Log::name(mode));
        std::os::unix::fs::symlink("/dev/full", path).expect("a link");
        let log = Log::create(&directory.path, mode, &Gate::default()).expect("a log");
        let before = server.got().len();
        let plan = plan(vec![server.url("/hello"); 2], 1);
        let outcome = fetch_links(&plan, mode, log, &mut |_| {}).expect("a run");
        assert_eq!(outcome.failed(), 0, "{mode}");
        let error = outcome.log_error.expect("nothing can be written");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{mode}");
        assert!(error.to_string().contains(&Log::name(mode)), "{mode}: {error}");
        let digest = outcome.fetches[0].result.as_ref().expect("a page").body_digest;
        assert_eq!(digest, 0xa430_d846_80aa_bd0b, "FETCHPLAN-2: FNV-1a of \"hello\", {mode}");
        assert_eq!(server.got().len(), before + 2, "{mode}: the links are fetched all the same");
    }
}

#[test]
fn a_password_in_an_address_is_shown_nowhere() {
    let _watchdog = Watchdog::new();
    let directory = Directory::new();
    let plan = plan(vec!["http://me:secret@127.0.0.1/a".to_owned()], 1);
    let log = Log::create(&directory.path, Mode::Async, &Gate::default()).expect("a log");
    let outcomes = [fetch_links(&plan, Mode::Async, log, &mut |_| {}).expect("a run")];
    let shown = format!(
        "{}{}{}{}",
        directory.text("async"),
        table(&plan.links, &outcomes),
        to_json(&plan.links, &outcomes),
        failures(&plan.links, &outcomes).concat(),
    );
    assert!(!shown.contains("secret"), "FETCHLOG-2: {shown}");
    assert_eq!(shown.matches("http://me:***@127.0.0.1/a").count(), 6, "FETCHLOG-2: {shown}");
}

#[test]
fn wide_addresses_are_cut_to_their_column_and_an_impossible_gain_is_not_shown() {
    let _watchdog = Watchdog::new();
    let links = ["日本語のページ".repeat(9), "a".repeat(90)]
        .map(|name| format!("http://127.0.0.1:1/{name}"));
    let (plan, directory) = (plan(links.to_vec(), 1), Directory::new());
    let mut outcomes = Mode::ALL.map(|mode| run(&plan, mode, &directory));
    for (outcome, millis) in outcomes.iter_mut().zip([90, 40, 10]) {
        (outcome.wall, outcome.most_at_once) = (Duration::from_millis(millis), 2);
    }
    let text = table(&plan.links, &outcomes);
    let shown = text.lines().take_while(|line| !line.starts_with("failed"));
    let widest = shown.map(text_width).max();
    assert!(widest <= Some(80), "COLUMNS-1: {widest:?} columns: {text}");
    let faster = |mode: Mode| {
        let row = text.lines().find(|line| line.starts_with(mode.name())).expect("a row");
        row.split_whitespace().nth(3).expect("a cell").to_owned()
    };
    assert_eq!(Mode::ALL.map(faster), ["1.00", "2.25", "?"], "9 times with 2 at once: {text}");
    assert!(text.contains("?: more than links at once can gain"), "{text}");
}

#[test]
fn nothing_to_fetch_is_done_at_once() {
    let _watchdog = Watchdog::new();
    for mode in Mode::ALL {
        let outcome = run(&plan(Vec::new(), 10), mode, &Directory::new());
        assert_eq!((outcome.fetches.len(), outcome.most_at_once), (0, 0), "{mode}");
        assert!(!table(&Arc::<[String]>::default(), &[outcome]).is_empty());
    }
}
