//! What each promise says, so that a message that names one can be understood without a search.

/// Labels of promises with what they say. Handloom's source states each in the file that keeps it.
pub const PROMISES: &[(&str, &str)] = &[
    (
        "LOOP-1",
        "block_on returns the future's value; ready tasks run in batches, first in first out",
    ),
    ("LOOP-2", "the selector is asked in every turn, and blocks only when nothing is ready"),
    ("LOOP-3", "of what happened in one turn, sockets wake before timers"),
    ("TASK-1", "a task stays on its thread, so it may hold what is not Send"),
    ("TASK-2", "a future is dropped once, in place, before its result can be joined"),
    ("TASK-3", "a task stands in the run queue once, however often it is woken"),
    (
        "TASK-4",
        "the woken flag is cleared before the poll, so a wake during the poll gives one more poll",
    ),
    ("TASK-5", "a task that has ended is not polled again, however late it is woken"),
    ("TASK-6", "a waker may outlive its task and its runtime, on any thread"),
    ("TABLE-1", "every task that is spawned runs"),
    (
        "TABLE-2",
        "a task has its place to itself until it ends, and an old name does not reach its successor",
    ),
    ("QUEUE-1", "a future is polled when it was woken, and not otherwise"),
    ("QUEUE-2", "tasks run in the order in which they were woken"),
    (
        "JOIN-1",
        "a handle gives the value, the panic or the cancel, after the task's destructors have run",
    ),
    ("JOIN-2", "a task whose handle is dropped runs on, and its result is dropped"),
    ("END-1", "when the runtime ends, by a value or a panic, every task is dropped on its thread"),
    ("END-2", "a socket or sleep that outlives its loop does not wait for ever"),
    ("CTX-1", "a runtime is the current one while its block_on runs, and nothing runs outside"),
    ("TIMER-1", "no timer fires before its deadline, and each fires in the order of deadlines"),
    ("TIMER-2", "equal deadlines fire in the order in which their timers were made"),
    ("SLEEP-1", "a sleep is never early"),
    ("SLEEP-2", "a sleep that is dropped leaves nothing behind"),
    ("TIMEOUT-1", "a value that is ready beats its timeout"),
    ("TIMEOUT-2", "a timeout drops the future before it returns"),
    ("READY-1", "readiness is remembered until an operation would block, and cleared then"),
    ("READY-2", "the end of a stream is seen, also when it came with the last bytes"),
    ("READY-3", "an event reaches the socket that it is about, and no successor"),
    ("READY-4", "the reader and the writer of one socket wait independently"),
    ("READY-5", "a writer goes on when there is room again"),
    ("SOURCE-1", "a registration lives as long as its socket"),
    ("SOURCE-3", "a socket works on its own loop, also after other loops ran on the thread"),
    ("TCP-2", "a connect is done when the connection stands, and tells why it failed"),
    ("TCP-3", "a closed sending side is the end for the peer, and reads go on"),
    ("ACCEPT-1", "a connection that has gone again does not stop a listener"),
    (
        "ACCEPT-2",
        "a listener that finds no free descriptor waits, without spinning, and goes on by itself",
    ),
    ("ACCEPT-3", "whatever waits in the backlog is accepted, however few events told of it"),
    ("REMOTE-1", "a wake or a call from another thread ends the loop's wait, and none is lost"),
    ("OS-2", "a system call that a signal interrupted is made again"),
];

/// The index of labels, in which a label's row names the file that states it.
const INDEX: &str = include_str!("../../../notes/internals/labels.md");

/// The pages of the notes by labels, or by the words with which labels begin.
pub const PAGES: &[(&str, &str)] = &[
    ("TASK-4", "notes/lost-wake-ups.md"),
    ("REMOTE", "notes/lost-wake-ups.md"),
    ("LOOP", "notes/11-event-loop.md"),
    ("QUEUE", "notes/11-event-loop.md"),
    ("CTX", "notes/11-event-loop.md"),
    ("TIMER", "notes/11-event-loop.md"),
    ("SLEEP", "notes/11-event-loop.md"),
    ("OS", "notes/11-event-loop.md"),
    ("TASK", "notes/13-tasks.md"),
    ("TABLE", "notes/13-tasks.md"),
    ("JOIN", "notes/13-tasks.md"),
    ("END", "notes/13-tasks.md"),
    ("TIMEOUT", "notes/cancellation.md"),
    ("READY", "notes/edge-triggering.md"),
    ("SOURCE", "notes/edge-triggering.md"),
    ("TCP", "notes/12-one-request.md"),
    ("ACCEPT", "notes/05-sockets.md"),
];

/// The file that states a label; `None` if the index does not have it.
pub fn file_of(label: &str) -> Option<&'static str> {
    let (word, number) = label.rsplit_once('-')?;
    INDEX.lines().find_map(|row| {
        let (numbers, file) = row.strip_prefix(&format!("| `{word}` | "))?.split_once(" | [`")?;
        let is_it = numbers.split(", ").any(|known| known == number);
        is_it.then(|| file.split_once('`').map(|(file, _)| file)).flatten()
    })
}

/// Says where to read about a label: a page of the notes, and the file that states it.
fn reading(label: &str) -> Option<String> {
    let is_it =
        |of: &str| label == of || label.rsplit_once('-').is_some_and(|(word, _)| word == of);
    let page = PAGES.iter().find(|(of, _)| is_it(of)).map(|(_, page)| *page);
    match (page, file_of(label)) {
        (Some(page), Some(file)) => Some(format!("Read {page}; {file} states {label}.")),
        (Some(page), None) => Some(format!("Read {page}.")),
        (None, Some(file)) => Some(format!("Read {file}, which states {label}.")),
        (None, None) => None,
    }
}

/// Says what a label promises, and where to read about it.
pub fn sentence(label: &str) -> String {
    let known = PROMISES.iter().find(|(known, _)| *known == label);
    let promise = known.map(|(_, text)| format!("{label}: {text}."));
    promise.into_iter().chain(reading(label)).fold(String::new(), |all, line| all + "\n  " + &line)
}

/// The source of the levels, in which each claim cites its promises.
const LEVELS: [&str; 9] = [
    include_str!("l0_block_on.rs"),
    include_str!("l1_poll.rs"),
    include_str!("l2_tasks.rs"),
    include_str!("l3_join.rs"),
    include_str!("l4_time.rs"),
    include_str!("l5_sockets.rs"),
    include_str!("l6_threads.rs"),
    include_str!("l7_fairness.rs"),
    include_str!("l8_limits.rs"),
];

/// Returns the labels that a claim's function cites, the first one first; none for a claim that is not in the package.
pub fn cited_by(claim: &str) -> Vec<&str> {
    LEVELS
        .iter()
        .map(|text| cited_in(text, claim))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// Returns the labels that a function cites in the text of its file, the first one first: in a check or in a
/// comment.
pub fn cited_in<'a>(text: &'a str, function: &str) -> Vec<&'a str> {
    let heads = [format!("\nfn {function}<"), format!("\nfn {function}(")];
    let body = heads.iter().find_map(|head| {
        let (_, rest) = text.split_once(head.as_str())?;
        rest.split_once("\n}\n").map(|(body, _)| body)
    });
    let mut found = Vec::new();
    let words = body.unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    for label in words.filter(|word| is_label(word) && !sentence(word).is_empty()) {
        if !found.contains(&label) {
            found.push(label);
        }
    }
    found
}

/// Tells whether a text is a label, such as `TASK-4`.
pub fn is_label(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(word, number)| {
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_uppercase() || c == '-')
            && number.parse::<u32>().is_ok()
    })
}

/// How a text begins that says which promise a claim is about.
pub const IS_ABOUT: &str = "The claim is about";

/// Says which promise a claim is about, for a claim that ended without a word. `file` is where it stands, if that is not
/// in this package.
pub fn about(claim: &str, file: Option<&str>) -> String {
    // A file that cannot be read tells nothing; the claim's name is in the message anyway.
    let own = file.map(|file| std::fs::read_to_string(file).unwrap_or_default());
    let labels = own.as_ref().map_or_else(|| cited_by(claim), |text| cited_in(text, claim));
    let say = |label: &&str| format!(" {IS_ABOUT} {label}.{}", sentence(label));
    labels.first().map_or(String::new(), say)
}

/// Adds to a message that names no promise the one that the claim is about: a runtime's own panic names none.
pub fn with_promise(claim: &str, file: Option<&str>, text: String) -> String {
    let names_one =
        text.contains(" is broken: ") || PROMISES.iter().any(|(label, _)| text.contains(label));
    let about = about(claim, file);
    if names_one || about.is_empty() { text } else { format!("{text}.{about}") }
}
