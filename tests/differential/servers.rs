//! The calculator's servers: ours, tokio's, and three in Python.

use std::net::SocketAddr;
use std::thread;

use handloom::calc::Op;

use crate::conversations::client::Client;
use crate::conversations::deliveries;
use crate::conversations::script::{PAUSE, SMALL_LIMIT, Script, TALKS, endings, oversized, pauses};
use crate::twin::{Twin, answers, those_here};

/// The calculator's servers. The first is the one that the others are compared with.
const SERVERS: [Twin; 6] = [
    Twin::Ours(&["serve", "--model", "async"]),
    Twin::Ours(&["serve", "--model", "threads"]),
    Twin::Tokio("calc"),
    Twin::Python("threaded_server.py"),
    Twin::Python("select_server.py"),
    Twin::Python("asyncio_server.py"),
];

/// A pause so long that no fragment counts as one, however busy the machine is.
const NO_PAUSE: [&str; 2] = ["--pause-ms", "600000"];

/// How many messages are made up.
const MADE_UP: usize = 3_000;

/// Runs `check` on every server, all at the same time, and gives what it returned, in their order.
fn on_each<T: Send>(
    options: &[&str],
    check: impl Fn(Twin, SocketAddr) -> T + Sync,
) -> Vec<(Twin, T)> {
    let servers = those_here(&SERVERS);
    let check = &check;
    thread::scope(|scope| {
        let runs: Vec<_> = servers
            .iter()
            .map(|&twin| {
                scope.spawn(move || {
                    let (_running, address) = twin.serve(options);
                    check(twin, address)
                })
            })
            .collect();
        let ends = servers.iter().zip(runs).map(|(&twin, run)| {
            let value = run.join().unwrap_or_else(|_| panic!("{twin}: see the message above"));
            (twin, value)
        });
        ends.collect()
    })
}

/// An operation's name on the command line.
fn op_name(op: Op) -> &'static str {
    match op {
        Op::Sum => "sum",
        Op::Product => "product",
    }
}

/// Plays scripts, each on a connection of its own.
fn play(twin: Twin, address: SocketAddr, scripts: &[Script]) {
    for script in scripts {
        let mut client = Client::connect(address, &format!("{}, {twin}", script.name));
        for step in &script.steps {
            client.play(step);
        }
    }
}

/// Asserts that all have the same result as the first.
fn assert_equal(what: &str, question: &[u8], came: &[(Twin, Vec<u8>)]) {
    let (first, expected) = &came[0];
    for (twin, bytes) in &came[1..] {
        if bytes == expected {
            continue;
        }
        let lines = |bytes: &[u8]| -> Vec<String> {
            bytes.split(|&byte| byte == b'\n').map(|line| line.escape_ascii().to_string()).collect()
        };
        let [questions, expected, came] = [question, expected, bytes].map(lines);
        let at = expected.iter().zip(&came).take_while(|(one, other)| one == other).count();
        panic!(
            "{what}: line {at}, {:?}: {first} says {:?}, {twin} {:?}; \
             expected equal bytes, or a row in notes/differences.md",
            questions.get(at),
            expected.get(at),
            came.get(at)
        );
    }
}

/// Unusual messages, the same in each run: two numbers as a rule, and in one of six something that
/// does not belong there.
fn made_up_messages() -> Vec<u8> {
    const SIGNS: &[&[u8]] = &[b"", b"", b"-", b"+"];
    const WHOLES: &[&[u8]] = &[b"0", b"7", b"12", b"007", b"99999999999999999999", b"100", b""];
    const FRACTIONS: &[&[u8]] = &[b"", b"", b".", b".5", b".250", b".000000000000000000001"];
    const EXPONENTS: &[&[u8]] =
        &[b"", b"", b"", b"", b"e3", b"E+7", b"e+19", b"e0", b"e-300", b"e10001", b"e"];
    const BORDERS: &[&[u8]] = &[b" ", b" ", b" ", b",", b",", b" , ", b"\t", b"  ", b"", b",,"];
    const STRANGERS: &[&[u8]] = &[
        b"x", b" ", b",", b"\r", b"\0", b"\xff", b"\"\\'", b"closes", b"\x0b", b"_", b"nan", b"-",
    ];
    // The generator of Park and Miller: small, and good enough to pick from a table.
    let mut state = 20_u64;
    let mut below = |bound: usize| {
        state = state * 48_271 % 0x7fff_ffff;
        usize::try_from(state).expect("31 bits") % bound
    };
    let mut messages = Vec::new();
    for _ in 0..MADE_UP {
        let mut message = Vec::new();
        let number = [SIGNS, WHOLES, FRACTIONS, EXPONENTS];
        for table in number.into_iter().chain([BORDERS]).chain(number) {
            message.extend(table[below(table.len())]);
        }
        if below(6) == 0 {
            let at = below(message.len() + 1);
            message.splice(at..at, STRANGERS[below(STRANGERS.len())].iter().copied());
        }
        messages.extend(message);
        messages.push(b'\n');
    }
    messages.extend(b"close\n");
    messages
}

#[test]
fn made_up_messages_get_equal_bytes_also_when_they_are_wrong() {
    let said = made_up_messages();
    for op in [Op::Sum, Op::Product] {
        let options = [NO_PAUSE[0], NO_PAUSE[1], "--op", op_name(op)];
        let came = on_each(&options, |_, address| answers(address, &said));
        let expected = &came[0].1;
        let lines = expected.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let errors = lines.clone().filter(|line| line.starts_with(b"error: ")).count();
        let lines = lines.count();
        assert_eq!(lines, MADE_UP, "SESSION-4: expected an answer to each message");
        // Else the messages say little about one of the two.
        assert!((lines / 4..lines * 3 / 4).contains(&errors), "came {errors} errors of {lines}");
        assert_equal(&format!("made-up messages, {op}"), &said, &came);
    }
}

#[test]
fn every_talk_gets_equal_bytes() {
    for op in [Op::Sum, Op::Product] {
        let options = [NO_PAUSE[0], NO_PAUSE[1], "--op", op_name(op)];
        for talk in TALKS.iter().filter(|talk| talk.op == op) {
            let mut said: Vec<u8> =
                talk.lines.iter().flat_map(|(line, _)| [line, &b"\n"[..]].concat()).collect();
            said.extend(b"close\n");
            let came = on_each(&options, |_, address| answers(address, &said));
            assert_equal(talk.name, &said, &came);
        }
    }
}

#[test]
fn every_server_passes_the_script_however_the_bytes_travel() {
    for op in [Op::Sum, Op::Product] {
        let options = [NO_PAUSE[0], NO_PAUSE[1], "--op", op_name(op)];
        on_each(&options, |twin, address| {
            for talk in TALKS.iter().filter(|talk| talk.op == op) {
                play(twin, address, &deliveries::without_pauses(talk));
            }
            if op == Op::Sum {
                play(twin, address, &endings());
            }
        });
    }
}

#[test]
fn silence_completes_a_message_on_every_server() {
    let pause = PAUSE.as_millis().to_string();
    on_each(&["--pause-ms", &pause], |twin, address| {
        let talks = TALKS.iter().filter(|talk| talk.op == Op::Sum);
        play(twin, address, &talks.map(deliveries::with_pauses).collect::<Vec<_>>());
        play(twin, address, &pauses());
    });
}

#[test]
fn a_message_that_is_too_long_ends_the_conversation_on_every_server() {
    let limit = SMALL_LIMIT.to_string();
    let options = [&NO_PAUSE[..], &["--max-message", &limit]].concat();
    on_each(&options, |twin, address| play(twin, address, &oversized()));
}
