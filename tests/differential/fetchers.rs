//! The fetchers: logs that are equal but for the times and the order of answers.

use std::fs;
use std::path::Path;

use crate::folder::Folder;
use crate::twin::{Twin, those_here};

/// The fetchers, and the ways in which each fetches; each way has a log.
const FETCHERS: [(Twin, &[&str]); 3] = [
    (Twin::Ours(&["fetch", "--log-dir"]), &["sequential", "threads", "async"]),
    (Twin::Tokio("fetch"), &["sequential", "async"]),
    (Twin::Python("fetch.py"), &["sequential", "threads", "async"]),
];

/// Parts a line of a log into its time and the rest; the time must be one of the grammar.
fn without_stamp(line: &str) -> &str {
    const SHAPE: &str = "0000-00-00T00:00:00.000000Z ";
    let (stamp, rest) = line.split_at_checked(SHAPE.len()).expect("a time and a text");
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, SHAPE, "DESIGN, logs of a fetch: came {line:?}");
    rest
}

/// The log of one way of fetching: lines without their times, and a failure's words behind the phase left out, for each
/// library has its own.
fn log_lines(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).expect("a log");
    assert!(text.ends_with('\n'), "expected whole lines in {}", log.display());
    let lines = text.lines().map(without_stamp);
    let lines = lines.map(|line| match line.split_once(" failed: ") {
        Some((request, why)) => {
            format!("{request} failed: {}", why.split(':').next().unwrap_or_default())
        }
        None => line.to_owned(),
    });
    lines.collect()
}

#[test]
fn every_fetcher_writes_the_same_logs() {
    let (_site, address) = Twin::Ours(&["site"]).serve(&[]);
    let expected: Vec<_> = [
        (format!("http://{address}/page"), "200"),
        (format!("http://{address}/many-chunks"), "200"),
        (format!("http://{address}/until-close"), "200"),
        (format!("http://{address}/empty"), "200"),
        (format!("http://{address}/moved"), "200"),
        (format!("http://{address}/missing"), "404"),
        (format!("http://{address}/q?q=a+b"), "200"),
        // Port 1 was given to a service that is out of use.
        ("http://127.0.0.1:1/".to_owned(), "connect"),
        (format!("https://{address}/"), "scheme"),
        ("nonsense".to_owned(), "url"),
    ]
    .into_iter()
    .flat_map(|(url, end)| {
        let ended = match end.parse::<u16>() {
            Ok(status) => format!("response for {url} received with status {status}"),
            Err(_) => format!("request to {url} failed: {end}"),
        };
        [format!("request to {url} started"), ended]
    })
    .collect();
    let here = those_here(&FETCHERS.map(|(twin, _)| twin));
    for (twin, ways) in FETCHERS.into_iter().filter(|(twin, _)| here.contains(twin)) {
        // What is no address ours refuses before anything runs, with exit code 2.
        let is_asked =
            |line: &&String| !matches!(twin, Twin::Ours(_)) || !line.contains("nonsense");
        let expected: Vec<_> = expected.iter().filter(is_asked).cloned().collect();
        let urls = expected.iter().step_by(2).filter_map(|line| line.split(' ').nth(2));
        let urls: Vec<_> = urls.collect();
        let folder = Folder::new();
        let directory = folder.file("").to_str().expect("a name that is text").to_owned();
        let (status, said) = twin.start(&[&[&directory[..]], &urls[..]].concat()).end();
        assert!(!status.success(), "{twin}: expected a failure, for some links fail: {said:?}");
        for way in ways {
            let mut came = log_lines(&folder.file(&format!("fetch-{way}.log")));
            let mut expected = expected.clone();
            if *way != "sequential" {
                // The order is that of the answers.
                came.sort();
                expected.sort();
            }
            assert_eq!(came, expected, "DESIGN, logs of a fetch: {twin}, {way}");
        }
    }
}
