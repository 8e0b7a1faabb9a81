//! The labs about processes, each in a process with one thread: what each claims.

#![expect(
    clippy::missing_docs_in_private_items,
    clippy::unwrap_used,
    reason = "a test's name says it all; a lab that fails, fails its test"
)]

use std::io::{self, ErrorKind};

use handloom::labs::{
    Journal, exec_environment, fork, fork_copies, pipe, pipe_end, process, shared_memory, signal,
    socketpair, threads,
};
use handloom::os::process::{Exit, parent_pid, pid};

/// What the kernel's signal numbers are on Linux: SIGKILL and SIGTERM.
const KILLED: Exit = Exit::Signal(9);
const TERMINATED: Exit = Exit::Signal(15);

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("proc_tells_who_we_are_and_what_we_have", process_shows_itself),
    ("a_fork_copies_memory_and_shares_files_and_leaves_a_zombie", fork_copies_and_shares),
    ("a_buffer_that_is_copied_comes_out_twice", buffer_comes_out_twice),
    ("a_child_hangs_on_a_lock_whose_holder_was_not_copied", child_hangs_on_lock),
    ("exec_hands_over_words_variables_and_open_descriptors", exec_hands_over),
    ("a_pipe_has_no_borders_an_end_and_a_capacity", pipe_flows),
    ("a_pipe_ends_when_nobody_keeps_a_writing_end", pipe_ends_late),
    ("a_pair_of_sockets_answers_keeps_borders_and_carries_a_descriptor", pair_of_sockets),
    ("shared_memory_loses_additions_without_a_lock_and_none_with_it", memory_is_shared),
    ("a_signal_does_what_was_arranged", signals_arrive),
    ("threads_share_a_process_and_their_ends_reach_the_joiner", threads_share),
    ("a_child_says_its_lines_where_the_parent_says_its_own", lines_in_turn),
];

/// A journal whose lines go nowhere.
fn unread() -> Journal {
    Journal::new(io::sink())
}

fn process_shows_itself() {
    let report = process::experiment().unwrap();
    assert_eq!(report.pids, (pid(), parent_pid()));
    assert_eq!(report.threads, "1", "a process of one thread");
    let exe = std::env::current_exe().unwrap().display().to_string();
    let wanted = [
        ("code", "r-xp", &*exe),
        ("constant", "r--p", &exe),
        ("heap", "rw-p", "[heap]"),
        ("stack", "rw-p", "[stack]"),
    ];
    for (place, (what, rights, name)) in report.places.iter().zip(wanted) {
        let mapping = Some((rights.to_owned(), name.to_owned()));
        assert_eq!((place.0, &place.2), (what, &mapping), "LAB-PROCESS-1");
    }
    let [before, with_pipe, after] = report.descriptors;
    assert_eq!(before, after, "LAB-PROCESS-2: what was dropped is gone");
    let pipes =
        |list: &[(u32, String)]| list.iter().filter(|(_, to)| to.starts_with("pipe:")).count();
    assert_eq!(
        pipes(&with_pipe),
        pipes(&before) + 2,
        "LAB-PROCESS-2: both ends, came {with_pipe:?}"
    );
}

fn fork_copies_and_shares() {
    let report = fork::experiment(&unread()).unwrap();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (parents, childs) = (words(&report.parents), words(&report.childs));
    assert_eq!(parents[0], childs[0], "LAB-FORK-1: what fork returned is the child's number");
    assert_eq!(parents[1], childs[1], "LAB-FORK-2: the address is the same");
    assert_eq!([&*parents[2], &*childs[2]], ["1", "2"], "LAB-FORK-2: the values are not");
    let part = u64::try_from(fork::PART).unwrap();
    assert_eq!(report.offsets, [0, part], "LAB-FORK-3: the child's read moved the parent's place");
    assert_eq!(report.zombie, 'Z', "LAB-FORK-4: ended and not waited for");
    assert_eq!(report.exit, Exit::Code(fork::CODE), "LAB-FORK-4: the wait returns the code");
    assert!(!report.is_known, "LAB-FORK-4: after the wait nothing is left");
}

fn buffer_comes_out_twice() {
    use fork_copies::{BEFORE, CHILD};
    let [both_flush, flushed_before, child_exits] = fork_copies::buffer().unwrap();
    // The child flushes first: its parent waits for it.
    assert_eq!(both_flush, [BEFORE, CHILD, BEFORE].concat(), "LAB-FORK-BUFFER-1");
    assert_eq!(flushed_before, [BEFORE, CHILD].concat(), "LAB-FORK-BUFFER-2");
    assert_eq!(child_exits, BEFORE, "LAB-FORK-BUFFER-3");
}

fn child_hangs_on_lock() {
    let report = fork_copies::lock().unwrap();
    let refusal = &report.refusal;
    assert!(
        refusal.contains("2 threads run") && refusal.contains("holder"),
        "LAB-FORK-LOCK-1: came {refusal}"
    );
    assert_eq!((&*report.threads, report.state), ("1", 'S'), "LAB-FORK-LOCK-2: one thread, asleep");
    assert_eq!(report.hung, KILLED, "LAB-FORK-LOCK-2: ended by the watchdog, not by itself");
    assert_eq!(
        report.after_join,
        Exit::Code(0),
        "LAB-FORK-LOCK-3: with nobody in the lock it is had"
    );
}

fn exec_hands_over() {
    let report = exec_environment::experiment().unwrap();
    assert_eq!(report.words, exec_environment::WORDS, "LAB-EXEC-1: as they are");
    assert_eq!(report.environment, [exec_environment::GREETING, "none", "/"], "LAB-EXEC-1");
    assert!(!report.came_back, "LAB-EXEC-1: the environment is a copy");
    assert_eq!(
        report.descriptors,
        ["closed", "open"],
        "LAB-EXEC-2: with and without close-on-exec"
    );
    assert_eq!(report.input, "from a pipe");
    let [before, after] = &report.numbers;
    assert_eq!(before, after, "LAB-EXEC-3: exec keeps the process");
    assert_ne!(*before, pid().to_string(), "the shell was a process of its own");
}

fn pipe_flows() {
    let report = pipe::experiment().unwrap();
    let [one, two, three] = pipe::WRITTEN;
    let reads = [[one, two].concat(), three.to_owned(), String::new()];
    assert_eq!(report.reads, reads, "LAB-PIPE-1, LAB-PIPE-2: no borders, and an end");
    assert_eq!(report.exit, Exit::Code(13), "LAB-PIPE-1: all thirteen bytes, once");
    assert_eq!(report.broken, Some(ErrorKind::BrokenPipe), "LAB-PIPE-3");
    // 64 KiB, or less for a user who has many pipes: pipe(7).
    let pages = report.capacity / 4096;
    assert!((1..=16).contains(&pages), "LAB-PIPE-4: came {} bytes", report.capacity);
}

fn pipe_ends_late() {
    let report = pipe_end::experiment().unwrap();
    assert_eq!(report.text, "hello");
    let (sleeper, by_child) = report.by_child;
    for (label, kept, holder) in
        [("LAB-PIPE-END-1", report.by_reader, pid()), ("LAB-PIPE-END-2", by_child, sleeper)]
    {
        assert!(!kept.ended_before, "{label}: no end while somebody keeps an end");
        assert_eq!(kept.holders, [holder], "LAB-PIPE-END-3: who keeps it");
        assert_eq!(kept.after, 0, "{label}: then the end");
    }
}

fn pair_of_sockets() {
    let report = socketpair::experiment().unwrap();
    let asked = socketpair::ASKED.concat();
    assert_eq!(report.answer, asked.to_uppercase(), "LAB-SOCKETPAIR-1, LAB-SOCKETPAIR-2");
    assert_eq!(report.exit, Exit::Code(i32::try_from(asked.len()).unwrap()));
    assert_eq!(report.received, [asked, socketpair::ASKED[0].to_owned()], "LAB-SOCKETPAIR-3");
    let [here, there] = &report.same_file;
    assert!(here.starts_with("pipe:["), "came {here}");
    assert_eq!((here, &*report.through), (there, "hello"), "LAB-SOCKETPAIR-4: the same pipe");
}

fn memory_is_shared() {
    use shared_memory::ROUNDS;
    let report = shared_memory::experiment().unwrap();
    assert_eq!(report.copied, ROUNDS, "LAB-SHARED-1: only the parent's own");
    assert_eq!(report.unlocked, ROUNDS, "LAB-SHARED-2: each round loses one of two");
    assert_eq!(report.locked, 2 * ROUNDS, "LAB-SHARED-3: none is lost");
    assert_eq!(report.refused, ROUNDS, "LAB-SHARED-3: the child came between each time");
}

fn signals_arrive() {
    let report = signal::experiment().unwrap();
    let sent = i32::try_from(signal::SENT).unwrap();
    assert_eq!(report.by_default, TERMINATED, "LAB-SIGNAL-1");
    assert_eq!(report.one_by_one, Exit::Code(sent), "LAB-SIGNAL-2: each was seen");
    assert_eq!(report.while_blocked, Exit::Code(1), "LAB-SIGNAL-3: {sent} were sent, one is seen");
    assert_eq!(report.ignoring, KILLED, "LAB-SIGNAL-4: SIGTERM was lived through");
    assert!(!report.kill_is_handled, "LAB-SIGNAL-4");
}

fn threads_share() {
    let report = threads::experiment().unwrap();
    assert_eq!(report.before.len(), 1, "the thread that runs main, came {:?}", report.before);
    let beside: Vec<_> =
        report.during.iter().filter(|name| threads::NAMES.contains(&&***name)).collect();
    assert_eq!(
        (report.during.len(), beside.len()),
        (4, 3),
        "LAB-THREADS-1: came {:?}",
        report.during
    );
    assert!(report.seen.iter().all(|seen| seen.0 == pid()), "LAB-THREADS-1: one process");
    assert!(report.seen.iter().all(|seen| seen.1 == report.seen[0].1), "LAB-THREADS-2: one list");
    let mut stacks: Vec<_> = report.seen.iter().map(|seen| seen.2).collect();
    stacks.sort_unstable();
    stacks.dedup();
    assert_eq!(stacks.len(), 3, "LAB-THREADS-2: a stack each");
    let wanted = [Ok(4), Ok(4), Err("clemens has had enough".to_owned())];
    assert_eq!(report.joined, wanted, "LAB-THREADS-3, LAB-THREADS-4");
}

/// The child's lines go where the parent's go, in the order that the bells give.
fn lines_in_turn() {
    let (mut reader, writer) = io::pipe().unwrap();
    fork::experiment(&Journal::new(writer)).unwrap();
    let text = io::read_to_string(&mut reader).unwrap();
    let who: Vec<_> =
        text.lines().filter_map(|line| line.trim().split_once(": ")).map(|(who, _)| who).collect();
    let wanted = ["parent", "child", "child", "parent", "child", "parent", "parent"];
    assert_eq!(who, wanted, "parent and child in turn, came:\n{text}");
}
