//! The ways in which the same messages can reach a server.
//!
//! TCP keeps the order of bytes and nothing else: what was written at once may come in pieces, and what was
//! written in pieces may come at once. The answers must not depend on it.

use super::script::{PAUSE, Script, Step, Talk, expect, send};

/// All the ways in which fragments never count as a pause; for a server with a long one.
pub(crate) fn without_pauses(talk: &Talk) -> Vec<Script> {
    let mut scripts = vec![
        line_by_line(talk),
        at_once(talk, "in one write", &said(talk, b"\n")),
        at_once(talk, "with carriage returns", &said(talk, b"\r\n")),
        byte_by_byte(talk),
    ];
    scripts.extend(split_everywhere(talk));
    scripts.extend(half_closed(talk));
    scripts
}

/// Each message without a line ending, and then silence; for a server with [`PAUSE`].
///
/// Messages of white space only are left out: silence after one of these is no message.
pub(crate) fn with_pauses(talk: &Talk) -> Script {
    let lines = talk.lines.iter().filter(|(line, _)| !line.trim_ascii().is_empty());
    let steps =
        lines.flat_map(|(line, reply)| [send(line), Step::ExpectAfter(PAUSE, (*reply).into())]);
    script(talk, "unterminated with a pause", steps.collect())
}

fn script(talk: &Talk, way: &str, mut steps: Vec<Step>) -> Script {
    if !matches!(steps.last(), Some(Step::ExpectEnd)) {
        // The server ends it: else each of these clients would leave its port behind for a minute.
        steps.extend([send("close\n"), Step::ExpectEnd]);
    }
    Script { name: format!("{}, {way}", talk.name), steps }
}

/// All that is said, with this line ending.
fn said(talk: &Talk, ending: &[u8]) -> Vec<u8> {
    talk.lines.iter().flat_map(|(line, _)| [line, ending].concat()).collect()
}

/// All that is answered.
fn heard(talk: &Talk) -> String {
    talk.lines.iter().map(|(_, reply)| *reply).collect()
}

/// As a client does that waits for each answer.
fn line_by_line(talk: &Talk) -> Script {
    let steps = talk
        .lines
        .iter()
        .flat_map(|(line, reply)| [send([line, &b"\n"[..]].concat()), expect(reply)]);
    script(talk, "line by line", steps.collect())
}

fn at_once(talk: &Talk, way: &str, bytes: &[u8]) -> Script {
    script(talk, way, vec![send(bytes), expect(heard(talk))])
}

fn byte_by_byte(talk: &Talk) -> Script {
    let bytes = said(talk, b"\r\n");
    let mut steps: Vec<Step> = bytes.iter().flat_map(|byte| [send([*byte]), Step::Beat]).collect();
    steps.push(expect(heard(talk)));
    script(talk, "byte by byte", steps)
}

/// One script for each place where the bytes can be cut in two.
fn split_everywhere(talk: &Talk) -> Vec<Script> {
    let bytes = said(talk, b"\n");
    let split = |at: usize| {
        let (first, second) = bytes.split_at(at);
        let steps = vec![send(first), Step::Beat, send(second), expect(heard(talk))];
        script(talk, &format!("split at byte {at}"), steps)
    };
    (1..bytes.len()).map(split).collect()
}

/// One script for each message: unterminated, and then half-closed.
fn half_closed(talk: &Talk) -> Vec<Script> {
    let lines = talk.lines.iter().filter(|(line, _)| !line.trim_ascii().is_empty());
    lines
        .map(|(line, reply)| {
            let steps = vec![send(line), Step::HalfClose, expect(reply), Step::ExpectEnd];
            let way = format!("\"{}\" unterminated and half-closed", line.escape_ascii());
            script(talk, &way, steps)
        })
        .collect()
}
