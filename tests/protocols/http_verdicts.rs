//! The page `notes/internals/http-verdicts.md`: each case on it is given to the parsers, cut in every way, and the verdict
//! must be the one that stands there.

#![expect(clippy::unwrap_used, reason = "a page that cannot be read fails the test")]

use crate::bodies::body;
use crate::cut::ways_to_cut;
use crate::heads::{request, response};
use handloom::http::{Framing, HeadLimits, Method};

const PAGE: &str = include_str!("../../notes/internals/http-verdicts.md");

#[derive(Debug)]
struct Case {
    section: String,
    bytes: Vec<u8>,
    verdict: String,
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, tail)) = rest.split_first() {
        let (byte, used) = match (byte, tail.first()) {
            (b'\\', Some(b'r')) => (b'\r', 1),
            (b'\\', Some(b'n')) => (b'\n', 1),
            (b'\\', Some(b't')) => (b'\t', 1),
            (b'\\', Some(b'0')) => (0, 1),
            (b'\\', Some(b'x')) => {
                let digits = std::str::from_utf8(&tail[1..3]).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), 3)
            }
            (b'\\', other) => panic!("expected an escape, came \\{other:?} in {text:?}"),
            _ => (byte, 0),
        };
        out.push(byte);
        rest = &tail[used..];
    }
    out
}

/// The text between the first and the last backtick of a cell.
fn quoted(cell: &str) -> &str {
    cell.trim().strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap()
}

fn cases() -> Vec<Case> {
    let (mut section, mut frame, mut found) = (String::new(), String::new(), Vec::new());
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        } else if let Some(text) = line.strip_prefix("Frame: ") {
            quoted(text).clone_into(&mut frame);
        } else if line.starts_with("| `") {
            let cells: Vec<_> = line.split(" | ").collect();
            assert_eq!(cells.len(), 3, "expected three cells, came {line:?}");
            let case = quoted(cells[0].trim_start_matches("| "));
            let bytes = unescape(&frame.replace('…', case));
            found.push(Case { section: section.clone(), bytes, verdict: cells[1].to_owned() });
        }
    }
    found
}

fn framing(framing: Framing) -> String {
    match framing {
        Framing::None => "no body".to_owned(),
        Framing::Length(length) => format!("{length} bytes"),
        Framing::Chunked => "chunked".to_owned(),
        Framing::Close => "until the end".to_owned(),
    }
}

fn closes(keep_alive: bool) -> &'static str {
    if keep_alive { "" } else { ", closes" }
}

fn request_verdict(bytes: &[u8], cuts: &[usize]) -> String {
    match request(bytes, cuts, HeadLimits::default()) {
        Err(error) => format!("{} {error}", error.status()),
        Ok(None) => "not yet".to_owned(),
        Ok(Some((head, taken))) => {
            assert_eq!(taken, bytes.len(), "bytes taken of {}", bytes.escape_ascii());
            let waits = if head.expects_continue { ", waits" } else { "" };
            format!("{}{waits}{}", framing(head.framing), closes(head.keep_alive))
        }
    }
}

fn response_verdict(bytes: &[u8], cuts: &[usize]) -> String {
    match response(Method::Get, bytes, cuts, HeadLimits::default()) {
        Err(error) => error.to_string(),
        Ok(None) => "not yet".to_owned(),
        Ok(Some((head, taken))) => {
            assert_eq!(taken, bytes.len(), "bytes taken of {}", bytes.escape_ascii());
            let closes = if head.framing == Framing::Close { "" } else { closes(head.keep_alive) };
            format!("{}{closes}", framing(head.framing))
        }
    }
}

fn chunk_verdict(bytes: &[u8], cuts: &[usize]) -> String {
    match body(Framing::Chunked, u64::MAX, bytes, cuts) {
        Err(error) => error.to_string(),
        Ok(read) => {
            let data = read.data.escape_ascii();
            match (read.complete, read.left) {
                (true, 0) => format!("\"{data}\""),
                (true, left) => format!("\"{data}\", {left} bytes left"),
                (false, _) => format!("\"{data}\", not yet"),
            }
        }
    }
}

#[test]
fn every_case_of_the_page_gets_its_verdict_however_it_is_cut() {
    let cases = cases();
    assert!(cases.len() > 200, "expected all cases of the page, came {}", cases.len());
    let mut wrong = Vec::new();
    for Case { section, bytes, verdict } in &cases {
        let judge = match section.split(':').next().unwrap() {
            "Requests" => request_verdict,
            "Responses" => response_verdict,
            "Chunked bodies" => chunk_verdict,
            other => panic!("expected a section with a judge, came {other:?}"),
        };
        for cuts in ways_to_cut(bytes.len()) {
            let came = judge(bytes, &cuts);
            if came != *verdict {
                let shown = bytes.escape_ascii();
                wrong.push(format!("{shown}, cut at {cuts:?}: expected {verdict}, came {came}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "HEAD-1, FRAMING-1, BODY-1:\n{}", wrong.join("\n"));
}
