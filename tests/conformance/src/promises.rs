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
    ("ACCEPT-3", "whatever waits in the backlog is accepted, however few events told of it"),
    ("REMOTE-1", "a wake or a call from another thread ends the loop's wait, and none is lost"),
    ("OS-2", "a system call that a signal interrupted is made again"),
];

/// Says in a sentence what a label promises; empty for a label that is not in the list.
pub fn sentence(label: &str) -> String {
    let known = PROMISES.iter().find(|(known, _)| *known == label);
    known.map_or(String::new(), |(_, text)| {
        format!("\n  {label}: {text}.\n  Read the file that states {label}: notes/internals/labels.md has the list.")
    })
}
