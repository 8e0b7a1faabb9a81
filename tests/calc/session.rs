//! The calculator's conversations: framing, order, limits, pauses, ends; without a socket and without a clock.
//!
//! A conversation is written down as what happens to a session ([`Does`]) and the replies that are due. Each is
//! played whole, byte by byte, and cut at every place; the replies must be the same bytes.

use handloom::calc::{MAX_PRODUCT_BYTES, OUT_HIGH_WATER, Op, Session, SessionState};
use handloom::os::ThreadUsage;
use proptest::prelude::*;
use std::time::Duration;

/// The limit on messages in these tests, in bytes; longer than a plain message, short enough to reach.
const LIMIT: usize = 64;

/// Something that happens to a session.
#[derive(Clone, Debug, PartialEq)]
enum Does {
    /// The client sends bytes.
    Sends(Vec<u8>),
    /// The client sends nothing for a while.
    Pauses,
    /// The client closes its sending side.
    Ends,
}

use Does::{Ends, Pauses, Sends};

fn sends(text: &str) -> Does {
    Sends(text.as_bytes().to_vec())
}

/// Feeds all of the input as a server does: sends when there is much to send.
fn feed_all(session: &mut Session, mut input: &[u8], sent: &mut Vec<u8>) {
    let mut out = Vec::new();
    while !input.is_empty() {
        let taken = session.feed(input, &mut out);
        let moved = taken > 0 || out.len() >= OUT_HIGH_WATER;
        assert!(
            moved,
            "feed took nothing of {} bytes in state {:?}: a server would spin",
            input.len(),
            session.state()
        );
        input = &input[taken..];
        sent.append(&mut out);
    }
}

/// Plays a conversation; returns all replies and the state that it ends in.
fn play(op: Op, limit: usize, conversation: &[Does]) -> (String, SessionState) {
    let mut session = Session::new(op, limit);
    let mut sent = Vec::new();
    for does in conversation {
        match does {
            Sends(bytes) => feed_all(&mut session, bytes, &mut sent),
            Pauses => session.pause(&mut sent),
            Ends => session.end(&mut sent),
        }
    }
    (String::from_utf8(sent).expect("replies are ASCII (SESSION-5)"), session.state())
}

/// Cuts every piece that is sent into single bytes.
fn byte_by_byte(conversation: &[Does]) -> Vec<Does> {
    let cut = |does: &Does| match does {
        Sends(bytes) => bytes.iter().map(|&byte| Sends(vec![byte])).collect(),
        other => vec![other.clone()],
    };
    conversation.iter().flat_map(cut).collect()
}

/// All the ways to cut one piece of the conversation into two.
fn cut_once(conversation: &[Does]) -> Vec<Vec<Does>> {
    let mut ways = Vec::new();
    for (index, does) in conversation.iter().enumerate() {
        let Sends(bytes) = does else { continue };
        for at in 0..=bytes.len() {
            let (front, back) = bytes.split_at(at);
            let mut way = conversation.to_vec();
            way.splice(index..=index, [Sends(front.to_vec()), Sends(back.to_vec())]);
            ways.push(way);
        }
    }
    ways
}

/// Plays the conversation cut in every way, and compares replies and state with what is due.
fn check(op: Op, limit: usize, conversation: &[Does], expected: &str, state: SessionState) {
    let due = (expected.to_owned(), state);
    assert_eq!(
        play(op, limit, conversation),
        due,
        "the replies to {conversation:?} are not those of the wire"
    );
    let bytes = byte_by_byte(conversation);
    assert_eq!(
        play(op, limit, &bytes),
        due,
        "{conversation:?} byte by byte has other replies (SESSION-1)"
    );
    for way in cut_once(conversation) {
        assert_eq!(play(op, limit, &way), due, "{way:?}: a cut changes the replies (SESSION-1)");
    }
}

/// Checks a conversation with a server that adds.
fn check_sums(conversation: &[Does], expected: &str, state: SessionState) {
    check(Op::Sum, LIMIT, conversation, expected, state);
}

/// The reply to a message that does not have two pieces.
fn shape(shown: &str) -> String {
    format!("error: expected two numbers parted by white space or one comma, came \"{shown}\"\n")
}

const EMPTY: &str = "error: empty message, expected two numbers\n";

#[test]
fn messages_are_answered_in_order() {
    let cases = [
        ("5 7\n", "12\n"),
        ("5,7\n", "12\n"),
        ("5 , 7\n", "12\n"),
        (" \t5 \t 7 \t\n", "12\n"),
        ("5\r7\n", "12\n"),
        ("5 7\r\n", "12\n"),
        ("-5 7\n", "2\n"),
        ("0 0\n", "0\n"),
        ("000000000000000005 7\n", "12\n"),
        ("9999999 0\n9999999 1\n", "9999999\n10000000\n"),
        ("999999999999999999 999999999999999999\n", "1999999999999999998\n"),
        ("9999999999999999999 1\n", "10000000000000000000\n"),
        ("0.1 0.2\n1e3 1E-3\n", "0.3\n1000.001\n"),
        ("1 1\n2 2\n3.5 3\r\n4 4\n", "2\n4\n6.5\n8\n"),
    ];
    for (input, expected) in cases {
        check_sums(&[sends(input)], expected, SessionState::Idle);
    }
    let products = "5 7\n4294967296 4294967296\n0.5 -4\n99999999999 0\n";
    check(
        Op::Product,
        LIMIT,
        &[sends(products)],
        "35\n18446744073709551616\n-2\n0\n",
        SessionState::Idle,
    );
}

#[test]
fn a_bad_message_is_told_so_and_the_connection_goes_on() {
    let cases = [
        ("\n", EMPTY.to_owned()),
        ("\r\n", EMPTY.to_owned()),
        (" \t \n", EMPTY.to_owned()),
        ("5\n", shape("5")),
        ("5 7 9\n", shape("5 7 9")),
        ("5,,7\n", shape("5,,7")),
        ("5 , , 7\n", shape("5 , , 7")),
        (",5 7\n", shape(",5 7")),
        ("5,\n", shape("5,")),
        ("5 7,\n", shape("5 7,")),
        ("Close\n", shape("Close")),
        ("close now\n", "error: not a number: \"close\"\n".to_owned()),
    ];
    for (input, error) in cases {
        let script = sends(&format!("1 1\n{input}2 2\n"));
        check_sums(&[script], &format!("2\n{error}4\n"), SessionState::Idle);
    }
}

#[test]
fn a_bad_number_is_quoted_escaped_and_cut_short() {
    let cases = [
        ("5 x\n", "error: not a number: \"x\"\n".to_owned()),
        ("5 nan\n", "error: not a number: \"nan\"\n".to_owned()),
        ("1e10001 1\n", "error: exponent beyond 10000 in \"1e10001\"\n".to_owned()),
        ("1e10001nan 1\n", "error: not a number: \"1e10001nan\"\n".to_owned()),
        ("5\0 7\n", "error: not a number: \"5\\x00\"\n".to_owned()),
        // telnet(1) sends a return without a newline as `\r\0`.
        (
            "close\r\0\n",
            "error: expected two numbers parted by white space or one comma, came \"close\\r\\x00\"\n"
                .to_owned(),
        ),
        ("5 \u{661}\n", "error: not a number: \"\\xd9\\xa1\"\n".to_owned()),
        ("5 \"'\\\x1b[31m\n", "error: not a number: \"\\\"\\'\\\\\\x1b[31m\"\n".to_owned()),
    ];
    for (input, error) in cases {
        let script = sends(&format!("1 1\n{input}2 2\n"));
        check_sums(&[script], &format!("2\n{error}4\n"), SessionState::Idle);
    }
    let shown = "y".repeat(40);
    let long = sends(&format!("5 {}\n", "y".repeat(41)));
    check_sums(&[long], &format!("error: not a number: \"{shown}...\"\n"), SessionState::Idle);
    let broken = Sends(b"\xff\xfe 7\n\xc3 \n1 2\n".to_vec());
    let errors = format!("error: not a number: \"\\xff\\xfe\"\n{}3\n", shape("\\xc3"));
    check_sums(&[broken], &errors, SessionState::Idle);
}

#[test]
fn a_pause_completes_an_open_message() {
    let cases: [(&[Does], &str, SessionState); 8] = [
        (&[sends("5 7"), Pauses], "12\n", SessionState::Idle),
        (&[sends("5 7"), Pauses, sends("1 1"), Pauses], "12\n2\n", SessionState::Idle),
        (&[sends("1 1\n5 7\r"), Pauses], "2\n12\n", SessionState::Idle),
        (&[Pauses, sends("5 7\n"), Pauses], "12\n", SessionState::Idle),
        // The ending that comes late belongs to the message before.
        (&[sends("5 7"), Pauses, sends("\n1 1\n")], "12\n2\n", SessionState::Idle),
        (&[sends("5 7"), Pauses, sends("\r\n1 1\n")], "12\n2\n", SessionState::Idle),
        (&[sends("5 7\r"), Pauses, sends("\n1 1\n")], "12\n2\n", SessionState::Idle),
        (
            &[sends("5 7"), Pauses, sends("\r"), Pauses, sends("\n1 1\n")],
            "12\n2\n",
            SessionState::Idle,
        ),
    ];
    for (conversation, expected, state) in cases {
        check_sums(conversation, expected, state);
    }
    let twice = [sends("5 7"), Pauses, sends("\n\n1 1\n")];
    check_sums(&twice, &format!("12\n{EMPTY}2\n"), SessionState::Idle);
    let later = [sends("5 7"), Pauses, sends("1 1\n\n")];
    check_sums(&later, &format!("12\n2\n{EMPTY}"), SessionState::Idle);
}

#[test]
fn a_pause_drops_white_space_and_obeys_close() {
    let cases: [(&[Does], &str, SessionState); 4] = [
        (&[sends("  "), Pauses, sends("5 7\n")], "12\n", SessionState::Idle),
        (&[sends("5 7"), Pauses, sends("1 1")], "12\n", SessionState::Open),
        (&[sends("clo"), Pauses], &shape("clo"), SessionState::Idle),
        (&[sends("close"), Pauses, sends("5 7\n")], "", SessionState::Closed),
    ];
    for (conversation, expected, state) in cases {
        check_sums(conversation, expected, state);
    }
}

#[test]
fn the_client_s_end_completes_an_open_message() {
    check_sums(&[Ends], "", SessionState::Closed);
    check_sums(&[sends("5 7\n"), Ends], "12\n", SessionState::Closed);
    check_sums(&[sends("1 1\n5 7"), Ends], "2\n12\n", SessionState::Closed);
    check_sums(&[sends("1 1\n \t"), Ends], "2\n", SessionState::Closed);
    check_sums(&[sends("1 1\n5"), Ends], &format!("2\n{}", shape("5")), SessionState::Closed);
    check_sums(&[sends("close"), Ends, Ends, Pauses], "", SessionState::Closed);
}

#[test]
fn close_ends_the_conversation_after_all_earlier_replies() {
    for close in ["close\n", "close\r\n", " close \n"] {
        let script = [
            sends(&format!("5 7\n0.1 0.2\n{close}1 1\nnonsense\n{}", "9".repeat(2 * LIMIT))),
            Pauses,
            Ends,
        ];
        check_sums(&script, "12\n0.3\n", SessionState::Closed);
    }
    let (mut session, mut out) = (Session::new(Op::Sum, LIMIT), Vec::new());
    let input = b"close\n1 1\n";
    assert_eq!(
        session.feed(input, &mut out),
        input.len(),
        "what comes after close is taken and ignored"
    );
    assert_eq!(session.feed(b"1 1\n", &mut out), 4, "what comes after close is taken and ignored");
}

#[test]
fn a_message_beyond_the_limit_is_refused_and_the_connection_closed() {
    let refusal = format!("error: message longer than {LIMIT} bytes\n");
    let spaces = " ".repeat(LIMIT - 2);
    // At the limit, with either ending and with none.
    check_sums(&[sends(&format!("5{spaces}7\n1 1\n"))], "12\n2\n", SessionState::Idle);
    check_sums(&[sends(&format!("5{spaces}7\r\n1 1\n"))], "12\n2\n", SessionState::Idle);
    check_sums(&[sends(&format!("5{spaces}7")), Pauses], "12\n", SessionState::Idle);
    check_sums(&[sends(&format!("5{spaces}7\r")), Ends], "12\n", SessionState::Closed);
    // One byte beyond.
    for tail in ["7 \n1 1\n", "7 \r\n1 1\n", "7\r\r\n1 1\n", "7 ", "7\rx", "78"] {
        check_sums(
            &[sends(&format!("1 2\n5{spaces}{tail}")), Pauses],
            &format!("3\n{refusal}"),
            SessionState::Closed,
        );
    }
}

#[test]
fn a_low_limit_holds_for_plain_messages_too() {
    check(
        Op::Sum,
        3,
        &[sends("5 7\n5 7\r\n15 7\n")],
        "12\n12\nerror: message longer than 3 bytes\n",
        SessionState::Closed,
    );
    check(
        Op::Sum,
        1,
        &[sends("12\n")],
        "error: message longer than 1 byte\n",
        SessionState::Closed,
    );
    check(
        Op::Sum,
        0,
        &[sends("\n\r\nx")],
        &format!("{EMPTY}{EMPTY}error: message longer than 0 bytes\n"),
        SessionState::Closed,
    );
}

#[test]
fn nothing_further_is_answered_while_replies_wait() {
    for message in ["5 7\n", "0.5 7\n", "x\n"] {
        let input = message.repeat(40_000);
        let (mut session, mut out) = (Session::new(Op::Sum, LIMIT), Vec::new());
        let taken = session.feed(input.as_bytes(), &mut out);
        assert!(
            taken < input.len(),
            "all of {} bytes were taken while nobody reads (SESSION-3)",
            input.len()
        );
        assert!(
            out.len() < OUT_HIGH_WATER + 200,
            "{} bytes of replies wait, the mark is {OUT_HIGH_WATER}",
            out.len()
        );
        assert_eq!(
            taken % message.len(),
            0,
            "a message was taken in part though the replies reached the mark"
        );
        assert_eq!(
            session.feed(&input.as_bytes()[taken..], &mut out),
            0,
            "more was taken though nothing was sent"
        );
        let before = out.len();
        out.clear();
        assert!(
            session.feed(&input.as_bytes()[taken..], &mut out) > 0,
            "{before} bytes were sent, yet nothing is taken"
        );
    }
}

/// The processor time of some work: it does not grow with what else the machine has to do.
fn processor_time(work: impl FnOnce()) -> Duration {
    let start = ThreadUsage::now().expect("getrusage");
    work();
    ThreadUsage::now().expect("getrusage").since(start).cpu
}

#[test]
fn a_long_message_in_small_pieces_is_searched_once() {
    let digits = 1 << 17;
    let message = format!("{} {}\n", "1".repeat(digits), "2".repeat(digits));
    let expected = format!("{}\n", "3".repeat(digits));
    for piece in [1, 7, 1000, message.len()] {
        let (mut session, mut out) = (Session::new(Op::Sum, 1 << 20), Vec::new());
        let took = processor_time(|| {
            for bytes in message.as_bytes().chunks(piece) {
                let taken = session.feed(bytes, &mut out);
                assert_eq!(taken, bytes.len(), "an open message takes all that comes");
            }
        });
        // A search from the start for each piece would be 3·10¹⁰ steps, and take half a minute at best.
        let most = Duration::from_secs(5);
        assert!(took < most, "in pieces of {piece} it took {took:?}: searched twice (SESSION-2)");
        assert!(out == expected.as_bytes(), "in pieces of {piece} the sum is wrong (SESSION-1)");
    }
}

#[test]
fn a_session_is_small() {
    let size = size_of::<Session>();
    assert!(
        size <= 64,
        "a session takes {size} bytes, at most 64 promised: each idle connection has one"
    );
}

/// A product of nines in a message of so many bytes, and its reply.
fn product_of_nines(message_bytes: usize) -> (String, String) {
    let digits = message_bytes / 2;
    let spaces = " ".repeat(message_bytes - 2 * digits + 1);
    // (10ⁿ - 1)² = 99…98 00…01.
    let message = format!("{0}{spaces}{1}\n", "9".repeat(digits), "9".repeat(digits - 1));
    let reply = format!("{}89{}1\n", "9".repeat(digits - 2), "0".repeat(digits - 2));
    (message, reply)
}

#[test]
fn a_product_takes_messages_up_to_its_own_limit() {
    let refusal = format!("error: message longer than {MAX_PRODUCT_BYTES} bytes\n");
    let (message, product) = product_of_nines(MAX_PRODUCT_BYTES);
    let (long, _) = product_of_nines(MAX_PRODUCT_BYTES + 1);
    let script = format!("{message}2 3\n{}{long}2 3\n", message.replace('\n', "\r\n"));
    let expected = format!("{product}6\n{product}{refusal}");
    for cut in [1, 7, 1000, MAX_PRODUCT_BYTES, script.len()] {
        let cut_up = script.as_bytes().chunks(cut).map(|piece| Sends(piece.to_vec()));
        let (replies, state) = play(Op::Product, 1 << 20, &cut_up.collect::<Vec<_>>());
        assert!(replies == expected, "in pieces of {cut} the replies are wrong (SESSION-1)");
        assert_eq!(state, SessionState::Closed, "in pieces of {cut}: after the error it is closed");
    }
    let (replies, _) = play(Op::Product, 1 << 20, &[sends(long.trim_end()), Ends]);
    assert_eq!(replies, refusal, "an end completes a message, and the limit holds for that too");
}

#[test]
fn an_end_is_answered_also_while_replies_wait() {
    let (mut session, mut out) = (Session::new(Op::Sum, LIMIT), vec![b'x'; OUT_HIGH_WATER - 1]);
    session.feed(b"5 7\n1 1\n", &mut out);
    session.feed(b"2 2", &mut Vec::new());
    session.end(&mut out);
    assert!(out.ends_with(b"x12\n4\n"), "came {:?}", out.trim_ascii_start().escape_ascii());
}

#[test]
fn the_largest_messages_hold_the_thread_for_a_few_milliseconds() {
    // Without optimization everything takes longer.
    let most = Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 20 });
    let limit = 1 << 20;
    let digits = "7".repeat(limit / 2 - 1);
    let sum = format!("{digits} -{digits}\n");
    let spread = format!("{}e-10000 {}.{}\n", &digits[1000..], &digits[..10], &digits[1000..]);
    let many_products = "1e10000 1e-10000\n".repeat(1000);
    let cases = [
        (Op::Product, product_of_nines(MAX_PRODUCT_BYTES).0),
        (Op::Product, many_products),
        (Op::Sum, sum),
        (Op::Sum, spread),
        (Op::Sum, format!("{digits} x{digits}\n")),
        (Op::Sum, " ".repeat(limit) + "\n"),
    ];
    for (op, message) in cases {
        let times = (0..5).map(|_| {
            let (mut session, mut out) = (Session::new(op, limit), Vec::new());
            processor_time(|| assert!(session.feed(message.as_bytes(), &mut out) > 0))
        });
        let best = times.min().unwrap_or_default();
        let shown = &message[..message.len().min(20)];
        assert!(best <= most, "{op} of {shown}... took {best:?}, at most {most:?} promised");
    }
}

/// Pieces of conversations that are likely to meet each other's edges.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"5 7",
        b"\n",
        b"\r\n",
        b"\r",
        b" ",
        b",",
        b"-3",
        b"0.25 1e2",
        b"12345678901234567890 9",
        b"x",
        b"\xff\0",
    ];
    prop_oneof![
        10 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => Just(b"close".to_vec()),
        1 => Just(vec![b'7'; LIMIT - 1]),
        2 => prop::collection::vec(any::<u8>(), 0..20),
        2 => (any::<u32>(), any::<u64>()).prop_map(|(a, b)| format!("{a} {b}\n").into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_a_session_and_no_cut_changes_its_replies(
        pieces in prop::collection::vec(piece(), 0..20),
        ends in any::<bool>(),
        product in any::<bool>(),
    ) {
        let op = if product { Op::Product } else { Op::Sum };
        let last = if ends { Ends } else { Pauses };
        let cut: Vec<Does> = pieces.iter().cloned().map(Sends).chain([last.clone()]).collect();
        let whole = [Sends(pieces.concat()), last];
        let due = play(op, LIMIT, &whole);
        prop_assert_eq!(&play(op, LIMIT, &cut), &due, "{:?}: the cuts change the replies (SESSION-1)", cut);
        prop_assert_eq!(&play(op, LIMIT, &byte_by_byte(&whole)), &due, "byte by byte the replies differ (SESSION-1)");
        let printable = due.0.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte));
        prop_assert!(printable, "a reply is not printable ASCII: {:?} (SESSION-5)", due.0);
    }

    #[test]
    fn white_space_and_the_ending_do_not_change_the_reply(
        a in "-?[0-9]{1,20}",
        b in "-?[0-9]{0,9}[.]?[0-9]{1,9}",
        product in any::<bool>(),
    ) {
        let op = if product { Op::Product } else { Op::Sum };
        let plain = play(op, LIMIT, &[sends(&format!("{a} {b}\n"))]);
        for other in [format!("{a},{b}\r\n"), format!("\t{a} \t,  {b} \n")] {
            prop_assert_eq!(play(op, LIMIT, &[sends(&other)]), plain.clone(), "{:?}", other);
        }
    }
}
