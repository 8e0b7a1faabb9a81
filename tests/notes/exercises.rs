//! The exercises of the chapters: each says its kind, and those that can be run are run, with a right and a wrong
//! answer.
//!
//! | kind | what the page must give | what is tested |
//! | --- | --- | --- |
//! | `**Green.**` | a command that is red until the student's answer is right | the judge takes a right answer, and refuses a wrong one |
//! | `**Red.**` | a file, a text there and what replaces it, a command, and the words that it says | the text stands there once; a program is run so; a fault of the loop is one of the workbook's, which CI judges |
//! | `**Answer.**` | a hint, and then the answer | both are there |

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};

#[expect(unreachable_pub, reason = "it is a public module of the students' package")]
#[path = "../../notes/exercises/src/judges.rs"]
mod judges;

use super::{chapters, expect_none, outside_blocks, root};

/// An exercise: the page, its number and its text in one line.
type Exercise = (String, String, String);

/// All exercises of the chapters.
fn exercises() -> Vec<Exercise> {
    let mut found: Vec<Exercise> = Vec::new();
    for (name, page) in chapters() {
        let part = page.split("\n## Exercises\n").nth(1).unwrap_or_default();
        let part = part.split("\n## ").next().unwrap_or_default();
        for line in outside_blocks(part) {
            match line.split_once(". ") {
                Some((number, text)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                    found.push((name.clone(), number.to_owned(), text.to_owned()));
                }
                _ => {
                    if let Some((of, _, text)) = found.last_mut()
                        && *of == name
                    {
                        *text += " ";
                        *text += line.trim();
                    }
                }
            }
        }
    }
    assert!(found.len() > 40, "expected exercises in every chapter, came {}", found.len());
    found
}

/// What stands between backticks.
fn spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_chapter_has_exercises_and_each_says_its_kind() {
    let exercises = exercises();
    let mut complaints = Vec::new();
    for name in chapters().keys() {
        if exercises.iter().filter(|(page, ..)| page == name).count() < 2 {
            complaints.push(format!("{name} has fewer than two"));
        }
    }
    for (name, number, text) in &exercises {
        if !["**Green.** ", "**Red.** ", "**Answer.** "].iter().any(|kind| text.starts_with(kind)) {
            complaints.push(format!("{name}, {number} does not say its kind: {text}"));
        }
    }
    expect_none(&complaints, "exercises that say what they ask for");
}

#[test]
fn every_answer_stands_on_its_page_with_a_hint_before_it() {
    let mut complaints = Vec::new();
    for (name, number, text) in exercises() {
        if !text.starts_with("**Answer.** ") {
            continue;
        }
        let hint = text.find("<summary>Hint</summary>");
        let answer = text.find("<summary>Answer</summary>");
        if hint.is_none()
            || answer.is_none()
            || hint > answer
            || text.matches("</details>").count() != 2
        {
            complaints.push(format!("{name}, {number}: {text}"));
        }
    }
    expect_none(&complaints, "a hint, then an answer, each in <details>");
}

#[test]
fn every_green_exercise_has_a_judge() {
    let names: Vec<_> = RUST.iter().map(|(name, ..)| *name).chain(PYTHON).collect();
    let mut used = Vec::new();
    let mut complaints = Vec::new();
    for (page, number, text) in exercises() {
        if !text.starts_with("**Green.** ") || text.contains("workbook") {
            continue;
        }
        let commands = [
            "cargo test --package handloom-exercises ",
            "python3 notes/exercises/python/check.py ",
        ];
        let mut judged = spans(&text).into_iter().filter_map(|span| {
            commands.iter().find_map(|command| span.strip_prefix(command)).map(str::to_owned)
        });
        match judged.next() {
            Some(name) if names.contains(&name.as_str()) => used.push(name),
            other => complaints.push(format!("{page}, {number} is judged by {other:?}")),
        }
    }
    let unused = names.iter().filter(|name| !used.iter().any(|used| used == *name));
    complaints.extend(unused.map(|name| format!("no page asks for {name}")));
    expect_none(&complaints, "a judge for each, and a page for each judge");
}

/// A program in Python with one text replaced, that runs; `None` without a Python.
fn start_changed(file: &str, old: &str, new: &str) -> Option<Child> {
    let text = fs::read_to_string(root(file)).unwrap().replace(old, new);
    let mut python = Command::new("python3")
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Some(python)
}

/// Compiles a changed program of a chapter, and runs it for some seconds, in which a stuck one tells of it.
fn start_compiled(file: &str, old: &str, new: &str) -> Child {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, program) = (folder.join("red.rs"), folder.join("red"));
    let text = fs::read_to_string(root(file)).unwrap();
    fs::write(&source, text.replace(old, new)).unwrap();
    let here = std::env::current_exe().unwrap();
    let libraries = here.parent().unwrap();
    // An earlier build may have left others there.
    let library = fs::read_dir(libraries)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("libhandloom-")
                && path.extension().is_some_and(|extension| extension == "rlib")
        })
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap())
        .unwrap();
    let compiled = Command::new("rustc")
        .args(["--edition", "2024", "-A", "warnings", "-o"])
        .arg(&program)
        .arg(format!("--extern=handloom={}", library.display()))
        .arg(format!("-Ldependency={}", libraries.display()))
        .arg(&source)
        .status();
    assert!(compiled.unwrap().success(), "expected {file} to compile with {new:?}");
    let mut limited = Command::new("timeout");
    limited.arg("5").arg(program);
    limited.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn every_red_exercise_goes_red() {
    let faults = fs::read_dir(root("notes/workbook/faults/rt")).unwrap();
    let faults: Vec<_> =
        faults.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let (mut complaints, mut running) = (Vec::new(), Vec::new());
    for (page, number, text) in exercises() {
        if !text.starts_with("**Red.** ") {
            continue;
        }
        let [file, old, new, command, says, ..] = spans(&text)[..] else {
            complaints
                .push(format!("{page}, {number} does not name file, text, text, command, words"));
            continue;
        };
        let count = fs::read_to_string(root(file)).unwrap_or_default().matches(old).count();
        if count != 1 {
            complaints.push(format!("{page}, {number}: {file} has {count} times {old:?}"));
        } else if command == format!("python3 {file}") {
            let python = start_changed(file, old, new);
            running.extend(
                python.map(|python| (format!("{page}, {number}"), says.to_owned(), python)),
            );
        } else if command.starts_with("cargo run --example programs -- ") {
            let program = start_compiled(file, old, new);
            running.push((format!("{page}, {number}"), says.to_owned(), program));
        } else {
            // CI compiles the loop with each of these faults, and expects exactly the claims of its list to fail.
            let claim = command.rsplit("::").next().unwrap_or_default();
            let is_judged = faults.iter().any(|fault| {
                fault.starts_with(&format!("step: 11\nfile: {file}\n"))
                    && fault.contains(&format!("== right\n{old}\n== wrong\n{new}\n== caught "))
                    && fault.lines().any(|line| line == claim)
            });
            if !is_judged {
                complaints.push(format!("{page}, {number}: no fault of the workbook is this one"));
            }
        }
    }
    for (exercise, says, python) in running {
        let end = python.wait_with_output().unwrap();
        if end.status.success() || !String::from_utf8_lossy(&end.stderr).contains(&says) {
            complaints.push(format!("{exercise}: expected {says:?}, came {end:?}"));
        }
    }
    expect_none(&complaints, "one place to change, and a command that fails then");
}

/// A judge with an answer in it.
type Judged = fn();

/// The exercises in Rust: the name, the judge with a right answer, and with a wrong one.
const RUST: &[(&str, Judged, Judged)] = &[
    ("pool", || judges::pool(right::run_all), || judges::pool(wrong::run_all)),
    (
        "latch",
        || judges::latch(right::Latch::new, right::Latch::count_down, right::Latch::wait),
        || judges::latch(wrong::Latch::new, wrong::Latch::count_down, wrong::Latch::wait),
    ),
    (
        "lines",
        || judges::lines(right::Lines::default, right::Lines::feed),
        || judges::lines(|| (), |(), piece| wrong::feed(piece)),
    ),
    (
        "fibonacci",
        || judges::fibonacci(|| right::Fibonacci::Begin, right::Fibonacci::resume),
        || judges::fibonacci(|| (0_u64, 1_u64), wrong::resume),
    ),
    ("third", || judges::third(right::Third::default()), || judges::third(wrong::Third::default())),
    (
        "first_ok",
        || judges::first_ok(|left, right| Box::pin(right::first_ok(left, right))),
        || judges::first_ok(|left, right| Box::pin(wrong::first_ok(left, right))),
    ),
    (
        "cache",
        || {
            judges::cache(right::Cache::default, |cache, key, call| {
                Box::pin(cache.get(key, async move || call().await))
            });
        },
        || {
            judges::cache(wrong::Cache::default, |cache, key, call| {
                Box::pin(cache.get(key, async move || call().await))
            });
        },
    ),
];

/// The exercises in Python.
const PYTHON: [&str; 2] = ["sleeps", "future"];

#[test]
fn every_judge_in_rust_takes_a_right_answer_and_refuses_a_wrong_one() {
    let mut complaints = Vec::new();
    for (name, right, wrong) in RUST {
        right();
        if catch_unwind(AssertUnwindSafe(wrong)).is_ok() {
            complaints.push(format!("the judge of {name} takes a wrong answer"));
        }
    }
    expect_none(&complaints, "judges that tell right from wrong");
}

#[test]
fn every_judge_in_python_takes_a_right_answer_and_refuses_a_wrong_one() {
    let mut complaints = Vec::new();
    for name in PYTHON {
        for (answer, is_right) in [("right", true), ("wrong", false)] {
            let end = Command::new("python3")
                .arg(root("notes/exercises/python/check.py"))
                .arg(name)
                .arg(root(&format!("tests/notes/answers/{name}_{answer}.py")))
                .output();
            let Ok(end) = end else { return };
            if end.status.success() != is_right {
                complaints.push(format!("{name}, {answer}: {end:?}"));
            }
        }
    }
    expect_none(&complaints, "judges that tell right from wrong");
}

/// Right answers.
mod right {
    use std::cell::RefCell;
    use std::collections::{HashMap, VecDeque};
    use std::future::poll_fn;
    use std::pin::{Pin, pin};
    use std::rc::Rc;
    use std::sync::{Condvar, Mutex};
    use std::task::{Context, Poll};
    use std::thread;
    use std::time::{Duration, Instant};

    use handloom::rt::now;

    use super::judges::Job;

    /// Chapter 2.
    pub(super) fn run_all(jobs: Vec<Job>, threads: usize) -> Vec<u64> {
        let values = Mutex::new(vec![0; jobs.len()]);
        let queue: Mutex<VecDeque<_>> = Mutex::new(jobs.into_iter().enumerate().collect());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().unwrap().pop_front();
                        let Some((place, job)) = next else { break };
                        let value = job();
                        values.lock().unwrap()[place] = value;
                    }
                });
            }
        });
        values.into_inner().unwrap()
    }

    /// Chapter 3.
    pub(super) struct Latch(Mutex<usize>, Condvar);

    impl Latch {
        pub(super) fn new(count: usize) -> Self {
            Self(Mutex::new(count), Condvar::new())
        }

        pub(super) fn count_down(&self) {
            let mut left = self.0.lock().unwrap();
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.1.notify_all();
            }
        }

        pub(super) fn wait(&self) {
            drop(self.1.wait_while(self.0.lock().unwrap(), |left| *left > 0).unwrap());
        }
    }

    /// Chapter 5.
    #[derive(Default)]
    pub(super) struct Lines(Vec<u8>);

    impl Lines {
        pub(super) fn feed(&mut self, piece: &[u8]) -> Vec<String> {
            self.0.extend_from_slice(piece);
            let mut messages = Vec::new();
            while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
                let line: Vec<_> = self.0.drain(..=end).collect();
                messages.push(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            messages
        }
    }

    /// Chapter 7.
    pub(super) enum Fibonacci {
        Begin,
        AtYield { a: u64, b: Option<u64> },
        End,
    }

    impl Fibonacci {
        pub(super) fn resume(&mut self) -> Option<u64> {
            *self = match *self {
                Self::Begin => Self::AtYield { a: 0, b: Some(1) },
                Self::AtYield { a, b: Some(b) } => Self::AtYield { a: b, b: a.checked_add(b) },
                Self::AtYield { b: None, .. } | Self::End => Self::End,
            };
            if let Self::AtYield { a, .. } = *self { Some(a) } else { None }
        }
    }

    /// Chapter 10.
    #[derive(Default)]
    pub(super) struct Third(u32);

    impl Future for Third {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            self.0 += 1;
            if self.0 == 3 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    /// Chapter 13.
    pub(super) async fn first_ok<T, E>(
        left: impl Future<Output = Result<T, E>>,
        right: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let (mut left, mut right) = (pin!(left), pin!(right));
        let (mut left_runs, mut right_runs) = (true, true);
        poll_fn(|cx| {
            if left_runs && let Poll::Ready(result) = left.as_mut().poll(cx) {
                left_runs = false;
                if result.is_ok() || !right_runs {
                    return Poll::Ready(result);
                }
            }
            if right_runs && let Poll::Ready(result) = right.as_mut().poll(cx) {
                right_runs = false;
                if result.is_ok() || !left_runs {
                    return Poll::Ready(result);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Chapter 16.
    #[derive(Default)]
    pub(super) struct Cache(RefCell<HashMap<&'static str, (Instant, u32)>>);

    impl Cache {
        pub(super) async fn get(
            self: Rc<Self>,
            key: &'static str,
            call: impl AsyncFn() -> Option<u32>,
        ) -> Option<u32> {
            let kept = self.0.borrow().get(key).copied();
            if let Some((came, value)) = kept
                && now() - came <= Duration::from_mins(1)
            {
                return Some(value);
            }
            let value = call().await?;
            self.0.borrow_mut().insert(key, (now(), value));
            Some(value)
        }
    }
}

/// Wrong answers, each with a mistake that is easily made.
mod wrong {
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::pin::Pin;
    use std::rc::Rc;
    use std::sync::{Condvar, Mutex};
    use std::task::{Context, Poll};

    use super::judges::Job;

    /// Runs one job after another.
    pub(super) fn run_all(jobs: Vec<Job>, _: usize) -> Vec<u64> {
        jobs.into_iter().map(|job| job()).collect()
    }

    /// Opens at the first count.
    pub(super) struct Latch(Mutex<bool>, Condvar);

    impl Latch {
        pub(super) fn new(count: usize) -> Self {
            Self(Mutex::new(count == 0), Condvar::new())
        }

        pub(super) fn count_down(&self) {
            *self.0.lock().unwrap() = true;
            self.1.notify_all();
        }

        pub(super) fn wait(&self) {
            drop(self.1.wait_while(self.0.lock().unwrap(), |is_open| !*is_open).unwrap());
        }
    }

    /// Takes each piece for whole messages.
    pub(super) fn feed(piece: &[u8]) -> Vec<String> {
        String::from_utf8_lossy(piece).lines().map(str::to_owned).collect()
    }

    /// Never ends.
    #[expect(clippy::unnecessary_wraps, reason = "that it has no end is its mistake")]
    pub(super) fn resume(state: &mut (u64, u64)) -> Option<u64> {
        let (a, b) = *state;
        *state = (b, a.wrapping_add(b));
        Some(a)
    }

    /// Forgets to wake.
    #[derive(Default)]
    pub(super) struct Third(u32);

    impl Future for Third {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            self.0 += 1;
            if self.0 == 3 { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    /// Tries one, then the other.
    pub(super) async fn first_ok<T, E>(
        left: impl Future<Output = Result<T, E>>,
        right: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match left.await {
            Ok(value) => Ok(value),
            Err(_) => right.await,
        }
    }

    /// Keeps answers for ever, failures too.
    #[derive(Default)]
    pub(super) struct Cache(RefCell<HashMap<&'static str, Option<u32>>>);

    impl Cache {
        pub(super) async fn get(
            self: Rc<Self>,
            key: &'static str,
            call: impl AsyncFn() -> Option<u32>,
        ) -> Option<u32> {
            let kept = self.0.borrow().get(key).copied();
            if let Some(value) = kept {
                return value;
            }
            let value = call().await;
            self.0.borrow_mut().insert(key, value);
            value
        }
    }
}
