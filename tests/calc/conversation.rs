//! What a connection waits for next, with given times and a write that is a closure: no socket, no clock.
#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use handloom::calc::{Config, Conversation, LINGER, Next, OUT_HIGH_WATER};

/// A message with a long answer: 10,000 digits and the line's end.
const LONG_REPLY: &[u8] = b"1e9999 1\n";
const LONG_REPLY_BYTES: usize = 10_001;

/// A conversation, what its client got, and the time.
struct Talk {
    config: Config,
    conversation: Conversation,
    out: Vec<u8>,
    sent: Vec<u8>,
    /// How much the socket takes.
    room: usize,
    now: Instant,
    grace_end: Option<Instant>,
}

impl Talk {
    fn new(config: Config) -> Self {
        Self {
            conversation: Conversation::new(&config),
            config,
            out: Vec::new(),
            sent: Vec::new(),
            room: usize::MAX,
            now: Instant::now(),
            grace_end: None,
        }
    }

    fn next(&self) -> Next {
        self.conversation.next(&self.config, self.grace_end, || self.now)
    }

    fn stop(&mut self) {
        self.grace_end = Some(self.now + self.config.grace);
    }

    fn flush(&mut self) {
        let (room, sent) = (&mut self.room, &mut self.sent);
        let write = |bytes: &[u8]| {
            if *room == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let length = bytes.len().min(*room);
            *room -= length;
            sent.extend(&bytes[..length]);
            Ok(length)
        };
        self.conversation.flush(&mut self.out, write).unwrap();
    }

    fn receive(&mut self, input: &[u8]) {
        self.conversation.received(input, &mut self.out);
        self.flush();
    }

    fn time_out(&mut self) {
        self.conversation.timed_out(&self.config, self.grace_end.is_some(), &mut self.out);
        self.flush();
    }

    /// Goes on until it waits for the client.
    fn work(&mut self) -> Next {
        loop {
            match self.next() {
                Next::Turn => self.conversation.resume(&mut self.out),
                Next::Write(_) if self.room > 0 => {}
                next => return next,
            }
            self.flush();
        }
    }

    fn after(&self, span: Duration) -> Next {
        Next::Read(Some(self.now + span))
    }
}

fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

#[test]
fn an_idle_conversation_waits_without_a_deadline_and_without_a_look_at_the_clock() {
    let mut talk = Talk::new(Config::default());
    for _ in 0..2 {
        let next = talk.conversation.next(&talk.config, None, || panic!("the clock was read"));
        assert_eq!(next, Next::Read(None));
        talk.receive(b"5 7\n");
    }
    assert_eq!(talk.sent, b"12\n12\n");
    assert!(size_of::<Conversation>() <= 64, "each idle connection has one");
}

#[test]
fn an_open_message_is_given_a_pause_which_completes_it() {
    let mut talk = Talk::new(Config::default());
    talk.receive(b"1 2\n5 7");
    assert_eq!((talk.next(), &talk.sent[..]), (talk.after(talk.config.pause), &b"3\n"[..]));
    talk.time_out();
    assert_eq!((talk.next(), &talk.sent[..]), (Next::Read(None), &b"3\n12\n"[..]));
    talk.receive(b"\n8 1\n");
    assert_eq!(
        talk.sent, b"3\n12\n9\n",
        "the late ending belongs to the message that the pause ended"
    );
}

#[test]
fn an_idle_timeout_counts_as_the_client_s_end() {
    let idle = Duration::from_secs(3);
    let mut talk = Talk::new(config(|config| config.idle_timeout = Some(idle)));
    assert_eq!(talk.next(), talk.after(idle));
    talk.receive(b"5 7");
    assert_eq!(talk.next(), talk.after(talk.config.pause), "the pause is shorter");
    talk.time_out();
    assert_eq!((talk.next(), &talk.sent[..]), (talk.after(idle), &b"12\n"[..]));
    talk.time_out();
    assert_eq!(talk.next(), Next::ShutDown, "CONVERSATION-3");
}

#[test]
fn an_idle_timeout_shorter_than_the_pause_completes_the_message_and_ends_the_conversation() {
    let idle = Duration::from_millis(10);
    let mut talk = Talk::new(config(|config| config.idle_timeout = Some(idle)));
    talk.receive(b"5 7");
    assert_eq!(talk.next(), talk.after(idle));
    talk.time_out();
    assert_eq!((talk.next(), &talk.sent[..]), (Next::ShutDown, &b"12\n"[..]));
}

#[test]
fn close_shuts_the_sending_side_down_unless_the_client_has_closed_too() {
    let mut talk = Talk::new(Config::default());
    talk.receive(b"1 2\nclose\n9 9\n");
    assert_eq!((talk.next(), &talk.sent[..]), (Next::ShutDown, &b"3\n"[..]), "CONVERSATION-3");

    let mut talk = Talk::new(Config::default());
    talk.receive(b"1 2\n5 7");
    talk.receive(b"");
    assert_eq!((talk.next(), &talk.sent[..]), (Next::Close, &b"3\n12\n"[..]));
}

#[test]
fn a_connection_lingers_until_the_client_closes_or_is_silent() {
    for ends in [true, false] {
        let mut talk = Talk::new(Config::default());
        talk.receive(b"close\n");
        assert_eq!(talk.next(), Next::ShutDown, "CONVERSATION-3");
        talk.conversation.linger(&talk.config, talk.now);
        for _ in 0..3 {
            assert_eq!(talk.next(), talk.after(LINGER), "CONVERSATION-3: from the last input");
            talk.now += LINGER / 2;
            talk.receive(b"9 9\n");
        }
        if ends {
            talk.receive(b"");
        } else {
            talk.time_out();
        }
        assert_eq!((talk.next(), &talk.sent[..]), (Next::Close, &b""[..]), "CONVERSATION-3");
    }
}

#[test]
fn a_client_that_sends_without_end_is_lingered_for_no_longer_than_the_grace() {
    for (grace, least) in [(LINGER * 3, LINGER * 3), (Duration::ZERO, LINGER)] {
        let mut talk = Talk::new(config(|config| config.grace = grace));
        talk.receive(b"close\n");
        talk.conversation.linger(&talk.config, talk.now);
        let end = talk.now + least;
        while talk.now < end {
            assert!(matches!(talk.next(), Next::Read(Some(until)) if until <= end), "{grace:?}");
            talk.now += LINGER / 4;
            talk.receive(b"9 9\n");
        }
        assert_eq!(talk.next(), Next::Close, "CONVERSATION-3: after {grace:?}");
    }
}

#[test]
fn nothing_is_read_while_a_reply_is_unsent_or_a_byte_unanswered() {
    const MESSAGES: usize = 20;
    let mut talk = Talk::new(Config::default());
    talk.room = 5;
    talk.receive(&LONG_REPLY.repeat(MESSAGES));
    assert_eq!(talk.next(), Next::Write(None), "CONVERSATION-1");
    // Room for one reply after another: it never asks for input before all of it is answered and sent.
    while !matches!(talk.work(), Next::Read(_)) {
        assert!(
            talk.sent.len() < MESSAGES * LONG_REPLY_BYTES,
            "all is sent, but it waits to write"
        );
        talk.room = LONG_REPLY_BYTES;
    }
    assert_eq!(talk.sent.len(), MESSAGES * LONG_REPLY_BYTES);
    assert_eq!(talk.next(), Next::Read(None));
}

#[test]
fn a_half_closed_client_gets_all_its_replies_and_then_the_end() {
    let mut talk = Talk::new(Config::default());
    talk.room = OUT_HIGH_WATER;
    talk.receive(&LONG_REPLY.repeat(20));
    talk.room = usize::MAX;
    assert_eq!(talk.work(), Next::Read(None));
    talk.room = 0;
    talk.receive(b"20 22");
    talk.receive(b"");
    assert_eq!(talk.next(), Next::Write(None), "the last reply goes first");
    talk.room = usize::MAX;
    assert_eq!(talk.work(), Next::Close);
    assert!(talk.sent.ends_with(b"1\n42\n"));
}

#[test]
fn a_client_that_does_not_read_is_given_up_after_the_idle_timeout() {
    let idle = Duration::from_secs(3);
    let mut talk = Talk::new(config(|config| config.idle_timeout = Some(idle)));
    talk.room = 0;
    talk.receive(b"5 7\n");
    assert_eq!(talk.next(), Next::Write(Some(talk.now + idle)));
    talk.time_out();
    assert_eq!(talk.next(), Next::Close);
}

#[test]
fn a_stop_ends_an_idle_conversation_when_nothing_is_left_to_read() {
    let mut talk = Talk::new(Config::default());
    talk.stop();
    assert_eq!(talk.next(), talk.after(Duration::ZERO), "CONVERSATION-2");
    talk.receive(b"5 7\n");
    assert_eq!(talk.next(), talk.after(Duration::ZERO), "and there may be more");
    talk.time_out();
    assert_eq!((talk.next(), &talk.sent[..]), (Next::ShutDown, &b"12\n"[..]));
}

#[test]
fn a_stop_gives_an_open_message_its_pause_but_no_more_than_the_linger_time() {
    for (pause, wanted) in [(LINGER / 5, LINGER / 5), (LINGER * 9, LINGER)] {
        let mut talk = Talk::new(config(|config| config.pause = pause));
        talk.receive(b"5 7");
        talk.stop();
        assert_eq!(talk.next(), talk.after(wanted), "CONVERSATION-2");
        talk.receive(b"0\n");
        assert_eq!((talk.next(), &talk.sent[..]), (talk.after(Duration::ZERO), &b"75\n"[..]));
        talk.receive(b"1 1");
        talk.time_out();
        assert_eq!((talk.next(), &talk.sent[..]), (Next::ShutDown, &b"75\n2\n"[..]));
    }
}

#[test]
fn a_conversation_is_over_when_the_grace_is_whatever_it_waits_for() {
    let mut idle = Talk::new(Config::default());
    let mut open = Talk::new(config(|config| config.pause = LINGER));
    open.receive(b"5 7");
    let mut unread = Talk::new(Config::default());
    unread.room = 0;
    unread.receive(b"5 7\n");
    for talk in [&mut idle, &mut open, &mut unread] {
        talk.config.grace = Duration::from_millis(10);
        talk.stop();
        let end = talk.grace_end;
        let latest = match talk.next() {
            Next::Read(until) | Next::Write(until) => until,
            next => panic!("expected a wait, came {next:?}"),
        };
        assert!(latest <= end, "CONVERSATION-2: a wait ends with the grace, came {latest:?}");
        talk.now += talk.config.grace;
        assert_eq!(talk.next(), Next::Close, "CONVERSATION-2");
    }
}

#[test]
fn a_span_too_long_for_the_clock_is_no_deadline() {
    let mut talk = Talk::new(config(|config| {
        config.idle_timeout = Some(Duration::MAX);
        config.pause = Duration::MAX;
    }));
    assert_eq!(talk.next(), Next::Read(None));
    talk.receive(b"5");
    assert_eq!(talk.next(), Next::Read(None));
}

#[test]
fn replies_of_a_broken_connection_are_not_left_in_the_shared_buffer() {
    let config = Config::default();
    let (mut broken, mut whole) = (Conversation::new(&config), Conversation::new(&config));
    let mut out = Vec::new();
    broken.received(b"5 7\n", &mut out);
    let reset = broken.flush(&mut out, |_| Err(ErrorKind::ConnectionReset.into()));
    assert_eq!(reset.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    whole.flush(&mut out, |bytes| panic!("another client gets {bytes:?}")).unwrap();
}

#[test]
fn a_write_that_a_signal_interrupts_has_sent_nothing() {
    let config = Config::default();
    let (mut conversation, mut out) = (Conversation::new(&config), Vec::new());
    conversation.received(b"5 7\n", &mut out);
    conversation.flush(&mut out, |_| Err(ErrorKind::Interrupted.into())).unwrap();
    assert_eq!(conversation.next(&config, None, Instant::now), Next::Write(None));
}
