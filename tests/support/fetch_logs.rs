//! The grammar of a fetch's log, read strictly, and a directory for logs.

use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An event of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A link was asked for.
    Started(String),
    /// It was answered, with this status.
    Received(String, u16),
    /// It has failed, with this fault.
    Failed(String, String),
}

impl Event {
    /// The link that it is about.
    pub(crate) fn link(&self) -> &str {
        match self {
            Self::Started(link) | Self::Received(link, _) | Self::Failed(link, _) => link,
        }
    }

    /// Whether it is a start.
    pub(crate) fn is_start(&self) -> bool {
        matches!(self, Self::Started(_))
    }
}

/// Reads a log; panics at the first line that is not of the grammar, and when the last one has no end.
pub(crate) fn parse(log: &str) -> Vec<Event> {
    assert!(log.is_empty() || log.ends_with('\n'), "FETCHLOG-4: the last line is torn: {log:?}");
    let mut last_stamp = "";
    log.split_terminator('\n')
        .map(|line| {
            let (stamp, event) = line.split_at_checked(27).unwrap_or((line, ""));
            assert!(is_stamp(stamp), "DESIGN 4: expected a time, came {line:?}");
            assert!(last_stamp <= stamp, "HISTORY-2: {stamp} after {last_stamp}");
            last_stamp = stamp;
            parse_event(event).unwrap_or_else(|| panic!("DESIGN 4: not of the grammar: {line:?}"))
        })
        .collect()
}

/// Whether this is a time with microseconds, in UTC.
fn is_stamp(stamp: &str) -> bool {
    let form = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    let fits = |(c, form): (char, char)| if form == 'd' { c.is_ascii_digit() } else { c == form };
    stamp.len() == form.len() && stamp.chars().zip(form.chars()).all(fits)
}

/// Reads what follows the time.
fn parse_event(event: &str) -> Option<Event> {
    let (kind, rest) = event.strip_prefix(' ')?.split_once(' ')?;
    let rest = rest.strip_prefix(if kind == "request" { "to " } else { "for " })?;
    let (link, what) = rest.split_once(' ')?;
    assert!(!link.is_empty() && !link.contains(char::is_control), "FETCHLOG-2: {link:?}");
    let link = link.to_owned();
    match kind {
        "request" if what == "started" => Some(Event::Started(link)),
        "request" => {
            let fault = what.strip_prefix("failed: ")?.to_owned();
            Some(Event::Failed(link, fault)).filter(|_| !event.contains(char::is_control))
        }
        "response" => {
            let code = what.strip_prefix("received with status ")?;
            Some(Event::Received(link, code.parse().ok().filter(|_| code.len() == 3)?))
        }
        _ => None,
    }
}

/// A directory of its own, removed by the drop.
pub(crate) struct Directory {
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Directory {
    /// Makes one.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("handloom-fetch-{}-{number}", process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self { path }
    }

    /// The text of the log of a mode.
    pub(crate) fn text(&self, mode: &str) -> String {
        fs::read_to_string(self.path.join(format!("fetch-{mode}.log"))).expect("a log")
    }

    /// The log of a mode.
    pub(crate) fn log(&self, mode: &str) -> Vec<Event> {
        parse(&self.text(mode))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.path));
    }
}
