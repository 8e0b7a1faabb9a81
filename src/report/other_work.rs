//! How much of the processors other programs had while something was measured.
//!
//! A thread that waits for a processor is slow without a fault of its own. So a measurement starts an
//! [`OtherWorkProbe`], and its answer stands beside the figures: "other work had 60 % of the processors". The time of this
//! process and of its descendants is no other work: a server that it started belongs to it.
//!
//! **Source**: proc(5), `/proc/stat` and `/proc/[pid]/stat`.

use std::fmt;
use std::fs;
use std::thread;
use std::time::Duration;

/// Below this share of all processors, other work hardly changes the best time of several.
const SMALL: f64 = 0.1;
/// With fewer ticks (0.1 s of two processors) the shares are mostly rounding.
const LEAST_TICKS: u64 = 20;

/// What the kernel has counted, in ticks of usually 10 ms.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    /// All processors, idle or not.
    all: u64,
    /// Programs, and what the host of a virtual machine took away.
    used: u64,
    /// This process and its descendants.
    own: u64,
}

/// The counters when a measurement began.
#[derive(Clone, Copy, Debug)]
pub struct OtherWorkProbe(Option<Ticks>);

/// The share of all processors that other programs had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OtherWork {
    /// From 0 to 1.
    Share(f64),
    /// `/proc` cannot be read, or the time was too short.
    Unknown,
}

impl OtherWorkProbe {
    /// Begins to count.
    pub fn start() -> Self {
        Self(Ticks::now())
    }

    /// Returns the share of other work since the start.
    pub fn finish(&self) -> OtherWork {
        let (Some(before), Some(after)) = (self.0, Ticks::now()) else { return OtherWork::Unknown };
        let all = after.all.saturating_sub(before.all);
        if all < LEAST_TICKS {
            return OtherWork::Unknown;
        }
        let [used, own] = [after.used - before.used, after.own.saturating_sub(before.own)];
        #[expect(clippy::cast_precision_loss, reason = "counts of ticks are far below 2^52")]
        OtherWork::Share((used.saturating_sub(own) as f64 / all as f64).min(1.0))
    }
}

impl OtherWork {
    /// Sleeps for `span`, and returns the share of other work meanwhile. 0.2 s is enough.
    pub fn during(span: Duration) -> Self {
        let probe = OtherWorkProbe::start();
        thread::sleep(span);
        probe.finish()
    }

    /// The share from 0 to 1, if it is known.
    pub fn share(self) -> Option<f64> {
        if let Self::Share(share) = self { Some(share) } else { None }
    }

    /// Whether a best time of several can be trusted. What is not known is not small.
    pub fn is_small(self) -> bool {
        matches!(self, Self::Share(share) if share < SMALL)
    }

    /// Judges a claim that was measured beside this other work.
    pub fn verdict(self, holds: bool) -> String {
        match self {
            _ if holds => "as claimed".to_owned(),
            Self::Share(share) if share >= SMALL => format!("not measurable now: {self}"),
            _ => "not as claimed on this machine".to_owned(),
        }
    }
}

impl fmt::Display for OtherWork {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Share(share) = self else {
            return out.write_str("how much other work there was is not known");
        };
        write!(out, "other work had {:.0} % of the processors", share * 100.0)
    }
}

impl Ticks {
    /// Reads the counters; `None` without `/proc`.
    fn now() -> Option<Self> {
        let own = own_ticks()?;
        let text = fs::read_to_string("/proc/stat").ok()?;
        let words = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
        // The two that follow are contained in `user` and `nice`.
        let counts: Vec<u64> = words.take(8).map_while(|word| word.parse().ok()).collect();
        let &[user, nice, system, _, _, _, _, stolen] = counts.as_slice() else { return None };
        // Interrupts are left out: on loopback they may be our own work.
        Some(Self { all: counts.iter().sum(), used: user + nice + system + stolen, own })
    }
}

/// The ticks of this process and all its descendants, those that were reaped included.
fn own_ticks() -> Option<u64> {
    // A process may end between the listing and this read. Then its parent's counters contain its ticks.
    let stat =
        |entry: fs::DirEntry| parse_stat(&fs::read_to_string(entry.path().join("stat")).ok()?);
    let processes: Vec<_> = fs::read_dir("/proc").ok()?.flatten().filter_map(stat).collect();
    let own = processes.iter().find(|(pid, ..)| *pid == std::process::id())?;
    let (mut family, mut next) = (vec![own], 0);
    while let Some((pid, ..)) = family.get(next).copied() {
        family.extend(processes.iter().filter(|(_, parent, _)| parent == pid));
        next += 1;
    }
    Some(family.iter().map(|(.., ticks)| ticks).sum())
}

/// A process, its parent and its ticks, from a line of `/proc/[pid]/stat`.
fn parse_stat(line: &str) -> Option<(u32, u32, u64)> {
    // The name stands in parentheses and may hold blanks and parentheses.
    let (pid, rest) = (line.split(' ').next()?, line.rsplit_once(')')?.1);
    let words: Vec<&str> = rest.split_whitespace().collect();
    // utime, stime, cutime, cstime.
    let ticks = words.get(11..15)?.iter().filter_map(|word| word.parse::<u64>().ok()).sum();
    Some((pid.parse().ok()?, words.get(1)?.parse().ok()?, ticks))
}
