//! The watchers: the same file, the same lines, the same end.

use std::fs;
use std::path::Path;
use std::process::ExitStatus;

use crate::folder::Folder;
use crate::twin::{Twin, those_here};

/// The watchers. The first is the one that the others are compared with.
const WATCHERS: [Twin; 4] = [
    Twin::Ours(&["watch", "--mode", "threads", "--interval", "0.05"]),
    Twin::Ours(&["watch", "--mode", "async", "--interval", "0.05"]),
    Twin::Tokio("watch"),
    Twin::Python("watch.py"),
];

/// Runs a watcher through a script: no file, a file without the string, a file with it. Returns what it said, without
/// repetitions, since how often it looks is its own affair.
fn watched(twin: Twin, path: &Path) -> (ExitStatus, Vec<String>) {
    let words = [path.to_str().expect("a name that is text")];
    let running = match twin {
        Twin::Ours(_) => twin.start(&words),
        _ => twin.start(&[&words[..], &["Wow!", "0.05"]].concat()),
    };
    // Complete at once: a file that is just being written could be seen empty.
    let put = |text: &str| {
        let draft = path.with_extension("draft");
        fs::write(&draft, text).expect("write");
        fs::rename(&draft, path).expect("rename");
    };
    let mut said = vec![running.line_with("looks for "), running.line_with("is not there")];
    put("Wow");
    said.push(running.line_with("bytes without"));
    put("one more: Wow!");
    let (status, rest) = running.end();
    said.extend(rest);
    said.retain(|line| line.contains(words[0]));
    let text = |line: String| match twin {
        // Ours has the time before each line.
        Twin::Ours(_) => line.split_once("Z ").map_or(line.clone(), |(_, text)| text.to_owned()),
        _ => line,
    };
    said = said.into_iter().map(text).collect();
    said.dedup();
    (status, said.iter().map(|line| line.replace(words[0], "FILE")).collect())
}

#[test]
fn every_watcher_says_and_does_the_same() {
    let folder = Folder::new();
    let mut expected = Vec::new();
    for (number, twin) in those_here(&WATCHERS).into_iter().enumerate() {
        let path = folder.file(&format!("notes-{number}"));
        let (status, said) = watched(twin, &path);
        assert!(status.success(), "WATCHCMD-1: {twin}: expected exit 0, came {status}: {said:?}");
        assert!(!path.exists(), "DELETE-1: {twin}: expected the file to be gone");
        if number == 0 {
            assert_eq!(said.len(), 7, "NEWS-1: {twin}: came {said:?}");
            expected = said;
        } else {
            assert_eq!(said, expected, "NEWS-2: {twin}");
        }
    }
}
