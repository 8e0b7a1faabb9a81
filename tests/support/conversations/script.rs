//! The conversations.
//!
//! A [`Talk`] is messages and their answers, in lines; how they travel is left to `deliveries`. A [`Script`] is
//! for what lines cannot say: pauses, half-closed connections, the end.

use std::time::Duration;

use handloom::calc::Op;

/// The pause of servers on which silence completes a message: the program's default, in milliseconds.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Whole messages, without their line endings, and their answers. A `*` stands for the rest of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk {
    pub(crate) name: &'static str,
    pub(crate) op: Op,
    pub(crate) lines: &'static [(&'static [u8], &'static str)],
}

/// What a client does, and what has to happen to it.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Give a fragment time to arrive alone. If it does not, the script holds as well.
    Beat,
    /// These lines must come next.
    Expect(Vec<u8>),
    /// The same, but not earlier than that after the last bytes were sent.
    ExpectAfter(Duration, Vec<u8>),
    /// Nothing must come for so long.
    Silence(Duration),
    /// Close the sending side.
    HalfClose,
    /// The end of the stream must come next, and no reset.
    ExpectEnd,
    /// The same, but not earlier than that after the last bytes were sent.
    ExpectEndAfter(Duration),
    /// The server must close its socket, though we keep ours.
    ExpectClosed,
}

/// Steps in their order.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

impl Script {
    fn new(name: &str, steps: Vec<Step>) -> Self {
        Self { name: name.to_owned(), steps }
    }
}

pub(crate) fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

pub(crate) fn expect(reply: impl AsRef<[u8]>) -> Step {
    Step::Expect(reply.as_ref().to_vec())
}

/// What every model must answer, however it travels.
pub(crate) const TALKS: &[Talk] = &[
    Talk {
        name: "whole numbers",
        op: Op::Sum,
        lines: &[
            (b"5 7", "12\n"),
            (b"-5 +7", "2\n"),
            (b"007 0", "7\n"),
            (b"99999999999999999999 1", "100000000000000000000\n"),
            (b"-100000000000000000000 1", "-99999999999999999999\n"),
        ],
    },
    Talk {
        name: "what may part two numbers",
        op: Op::Sum,
        lines: &[
            (b"5,7", "12\n"),
            (b" 5 , 7 ", "12\n"),
            (b"5\t \t7", "12\n"),
            (b"1,,2", "error: *\n"),
            (b",1 2", "error: *\n"),
            (b"1 2,", "error: *\n"),
            (b"5 7", "12\n"),
        ],
    },
    Talk {
        name: "exact decimals",
        op: Op::Sum,
        lines: &[
            (b"0.1 0.2", "0.3\n"),
            (b".5 5.", "5.5\n"),
            (b"1.50 1.50", "3\n"),
            (b"0.5 -0.5", "0\n"),
            (b"-0 -0.0", "0\n"),
            (b"9007199254740993 0.00000000000000000001", "9007199254740993.00000000000000000001\n"),
        ],
    },
    Talk {
        name: "exponents",
        op: Op::Sum,
        lines: &[
            (b"1e3 1E-3", "1000.001\n"),
            (b"12.5e+1 0", "125\n"),
            (b"1e10001 1", "error: *\n"),
            (b"1e-10001 1", "error: *\n"),
            (b"1e99999999999999999999 1", "error: *\n"),
            (b"1e 1", "error: *\n"),
            (b"1e10000 -1e10000", "0\n"),
        ],
    },
    Talk {
        name: "bad messages",
        op: Op::Sum,
        lines: &[
            (b"1", "error: *\n"),
            (b"1 2 3", "error: *\n"),
            (b"one 2", "error: *\n"),
            (b"nan 1", "error: *\n"),
            (b"1 -inf", "error: *\n"),
            (b"0x10 1", "error: *\n"),
            (b"1_0 1", "error: *\n"),
            (b"- 1", "error: *\n"),
            (b". 1", "error: *\n"),
            (b"close now", "error: *\n"),
            (b"CLOSE", "error: *\n"),
            (b"5 7", "12\n"),
        ],
    },
    Talk {
        name: "empty lines",
        op: Op::Sum,
        lines: &[
            (b"", "error: *\n"),
            (b"  \t", "error: *\n"),
            (b"5 7", "12\n"),
            (b"", "error: *\n"),
            (b"1 1", "2\n"),
        ],
    },
    Talk {
        name: "bytes that are no text",
        op: Op::Sum,
        lines: &[
            (b"\xff\xfe 1", "error: *\n"),
            (b"1\x002", "error: *\n"),
            (b"\0", "error: *\n"),
            (b"1 \x1b[2J", "error: *\n"),
            ("\u{663} \u{664}".as_bytes(), "error: *\n"),
            ("1\u{a0}2".as_bytes(), "error: *\n"),
            (b"5 7", "12\n"),
        ],
    },
    Talk {
        name: "products",
        op: Op::Product,
        lines: &[
            (b"6 7", "42\n"),
            (b"0.1 0.2", "0.02\n"),
            (b"-3 0.5", "-1.5\n"),
            (b"0 -5", "0\n"),
            (b"25 0.04", "1\n"),
            (
                b"99999999999999999999 99999999999999999999",
                "9999999999999999999800000000000000000001\n",
            ),
            (b"1e5000 1e-5000", "1\n"),
            (b"1e10001 0", "error: *\n"),
        ],
    },
];

/// More than a server reads at once, and no more than its kernel takes for it: so it is all there when the server
/// says goodbye, however busy the machine is.
const AT_ONCE_BYTES: usize = 60_000;

/// What ends a conversation, on a server that is not in a hurry: no pause completes a message there.
pub(crate) fn endings() -> Vec<Script> {
    let long_after = format!("1 2\nclose\n{}", "3 4\n".repeat(AT_ONCE_BYTES / 4));
    vec![
        Script::new("close", vec![send("close\n"), Step::ExpectEnd]),
        Script::new("close, carriage return", vec![send("close\r\n"), Step::ExpectEnd]),
        Script::new("close among white space", vec![send(" \tclose \n"), Step::ExpectEnd]),
        Script::new(
            "close after pipelined requests",
            vec![
                send("1 2\n3 4\nx\n5 6\nclose\n"),
                expect("3\n7\nerror: *\n11\n"),
                Step::ExpectEnd,
            ],
        ),
        Script::new(
            "close with bytes after it",
            vec![send("1 2\nclose\n3 4\nclose\n5"), expect("3\n"), Step::ExpectEnd],
        ),
        Script::new(
            "close with many bytes after it",
            vec![send(long_after), expect("3\n"), Step::ExpectEnd],
        ),
        Script::new(
            "close in two pieces",
            vec![send("1 2\nclo"), expect("3\n"), Step::Beat, send("se\n"), Step::ExpectEnd],
        ),
        Script::new(
            "close, unterminated, then half-closed",
            vec![send("1 2\nclose"), Step::HalfClose, expect("3\n"), Step::ExpectEnd],
        ),
        Script::new(
            "close, and the client keeps its side open",
            vec![send("1 2\nclose\n"), expect("3\n"), Step::ExpectEnd, Step::ExpectClosed],
        ),
        Script::new("half-closed without a word", vec![Step::HalfClose, Step::ExpectEnd]),
        Script::new(
            "half-closed after white space",
            vec![send("5 7\n  "), Step::HalfClose, expect("12\n"), Step::ExpectEnd],
        ),
        Script::new(
            "half-closed in the middle of a bad message",
            vec![send("5 7\n8"), Step::HalfClose, expect("12\nerror: *\n"), Step::ExpectEnd],
        ),
    ]
}

/// What silence does, on a server whose pause is [`PAUSE`].
pub(crate) fn pauses() -> Vec<Script> {
    let answer_after = |reply: &str| Step::ExpectAfter(PAUSE, reply.into());
    vec![
        Script::new(
            "a late line ending belongs to the message that the pause completed",
            vec![send("5 7"), answer_after("12\n"), send("\n8 1\n"), expect("9\n")],
        ),
        Script::new(
            "a late carriage return too",
            vec![
                send("5 7"),
                answer_after("12\n"),
                send("\r\n"),
                Step::Beat,
                send("8 1\n"),
                expect("9\n"),
            ],
        ),
        Script::new(
            "only one late line ending",
            vec![send("5 7"), answer_after("12\n"), send("\n\n"), expect("error: *\n")],
        ),
        Script::new(
            "replies to whole messages do not wait for the pause of the open one",
            vec![send("1 1\n2 2\n3 3"), expect("2\n4\n"), expect("6\n")],
        ),
        Script::new(
            "a pause after white space is no message",
            vec![send("  "), Step::Silence(PAUSE * 2), send("5 7\n"), expect("12\n")],
        ),
        Script::new("close, unterminated", vec![send("close"), Step::ExpectEndAfter(PAUSE)]),
        Script::new(
            "close, unterminated, after pipelined requests",
            vec![send("1 2\n3 4\nclose"), expect("3\n7\n"), Step::ExpectEnd],
        ),
        Script::new(
            "a bad message, unterminated",
            vec![send("5"), answer_after("error: *\n"), send("5 7"), answer_after("12\n")],
        ),
    ]
}

/// The longest message that the servers of [`oversized`] take.
pub(crate) const SMALL_LIMIT: usize = 1000;

/// Messages about as long as [`SMALL_LIMIT`], and longer.
pub(crate) fn oversized() -> Vec<Script> {
    let zeros = |length: usize| format!("{} 1", "0".repeat(length - 2));
    let largest = zeros(SMALL_LIMIT);
    let too_large = zeros(SMALL_LIMIT + 1);
    let far_too_large = "1".repeat(AT_ONCE_BYTES);
    let refused = || [expect("error: *\n"), Step::ExpectEnd];
    let script =
        |name, first: Vec<Step>, then: &[Step]| Script::new(name, [first, then.to_vec()].concat());
    vec![
        script(
            "the largest message",
            vec![send(format!("{largest}\n{largest}\r\n1 2\n")), expect("1\n1\n3\n")],
            &[],
        ),
        script(
            "the largest message in two pieces",
            vec![
                send(&largest[..500]),
                Step::Beat,
                send(&largest[500..]),
                send("\r\n"),
                expect("1\n"),
            ],
            &[],
        ),
        script("one byte too many", vec![send(format!("{too_large}\n"))], &refused()),
        script("one byte too many, unterminated", vec![send(&too_large)], &refused()),
        script(
            "one byte too many after other messages",
            vec![send(format!("1 2\n3 4\n{too_large}\n5 6\n")), expect("3\n7\n")],
            &refused(),
        ),
        script("a flood without a line ending", vec![send(far_too_large)], &refused()),
    ]
}
