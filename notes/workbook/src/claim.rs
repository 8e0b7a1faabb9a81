//! The child's side: one claim in a process, which prints the verdict and ends.
//!
//! A loop that is being written may spin, recurse without end or abort. In a process of its own it takes nothing else
//! with it, and the parent ends it when its time is over.

use std::io::Write;
use std::panic;
use std::sync::OnceLock;
use std::time::Duration;

use handloom_conformance::judge::{Claim, Verdict, verdict};
use handloom_conformance::levels;
use handloom_conformance::runtime::Runtime;

/// What the parent gives as the first argument.
pub const COMMAND: &str = "--claim";

/// The environment variable with the milliseconds that a claim may take.
pub const LIMIT: &str = "HANDLOOM_WORKBOOK_LIMIT_MS";

/// Returns the names of all claims, with the level of each.
pub fn names<R: Runtime>() -> Vec<(&'static str, &'static str)> {
    let of_level = |(level, claims): (&'static str, Vec<Claim<R>>)| {
        claims.into_iter().map(move |claim| (level, claim.name)).collect::<Vec<_>>()
    };
    levels::<R>().into_iter().flat_map(of_level).collect()
}

/// Runs the claim of the suite with this name, as `run_one` does.
pub fn run<R: Runtime>(name: &str) {
    run_one::<R>(name, Vec::new());
}

/// Runs the claim with this name, of the suite or one of those `beside` it, and prints the verdict: a word, a line's end,
/// and what the judge says.
fn run_one<R: Runtime>(name: &str, beside: Vec<Claim<R>>) {
    let limit = std::env::var(LIMIT).ok().and_then(|text| text.parse().ok()).unwrap_or(5000);
    let claims = levels::<R>().into_iter().flat_map(|(_, claims)| claims).chain(beside);
    let claim = claims.into_iter().find(|claim| claim.name == name);
    let claim = claim.unwrap_or_else(|| panic!("there is no claim {name}"));
    // The verdict has the text of a panic; what the panic's own hook prints is for debugging.
    let default = panic::take_hook();
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        panic::set_hook(Box::new(|_| {}));
    }
    let found = verdict(Duration::from_millis(limit), claim);
    panic::set_hook(default);
    let text = match found {
        Verdict::Holds => "holds\n".to_owned(),
        Verdict::Fails(text) => format!("fails\n{text}"),
        Verdict::Hangs(text) => format!("hangs\n{text}"),
        Verdict::BelongsToStep(step) => format!("step {step}\n"),
    };
    let mut out = std::io::stdout().lock();
    // If the parent is gone, nothing reads the verdict.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    // Threads of a claim that hangs must not keep the process.
    std::process::exit(0);
}

/// The main function of a program with a faulty loop: `--claim NAME`, of the suite or one of those `beside` it.
///
/// # Panics
/// With other arguments.
pub fn judge_one<R: Runtime>(beside: Vec<Claim<R>>) {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [command, name] if command == COMMAND => run_one::<R>(name, beside),
        _ => panic!("expected {COMMAND} NAME"),
    }
}

/// Tells whether this program's loop has the fault: the environment names one.
pub fn fault(name: &str) -> bool {
    static NAME: OnceLock<Option<String>> = OnceLock::new();
    NAME.get_or_init(|| std::env::var("HANDLOOM_WORKBOOK_FAULT").ok()).as_deref() == Some(name)
}
