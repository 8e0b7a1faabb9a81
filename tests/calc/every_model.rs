//! One script of client conversations, run against every server model.
//!
//! Each server is the program itself, `handloom serve`, in a process of its own. Where the models must differ,
//! `conversations/models.rs` says so, and why.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use handloom::calc::{LINGER, Model, Op};

use crate::conversations::client::Client;
use crate::conversations::models::{Abilities, WORKERS, for_each, for_each_that};
use crate::conversations::script::{PAUSE, SMALL_LIMIT, Script, TALKS, endings, oversized, pauses};
use crate::conversations::server::{Server, is_running, send_signal};
use crate::conversations::{PATIENCE, deliveries, wait_until};

/// A pause so long that no fragment counts as one, however busy the machine is.
const NO_PAUSE: [&str; 2] = ["--pause-ms", "600000"];
/// A message with a long answer, of [`LONG_REPLY_BYTES`].
const LONG_REPLY: &[u8] = b"1e9999 1\n";
/// One digit and 9,999 more, and the line's end.
const LONG_REPLY_BYTES: usize = 10_001;
/// So many of them are more than the buffers of two sockets hold: at most 4 MiB on the server's side, and few on the client's.
const LONG_REPLIES: usize = 600;
/// Long enough to tell one who sleeps from one who is slow.
const A_WHILE: Duration = Duration::from_millis(200);
/// Digits of each factor of a long product, near the limit of what a server multiplies.
const LONG_DIGITS: usize = 16_000;

/// Plays a script on a connection of its own.
fn play(server: &Server, script: &Script) {
    let mut client = server.client(&script.name);
    for step in &script.steps {
        client.play(step);
    }
}

/// The largest number of so many digits times itself: `99 99` makes `9801`.
fn product_of_nines(digits: usize) -> (Vec<u8>, Vec<u8>) {
    let nines = "9".repeat(digits);
    let few = digits - 1;
    let product = format!("{}8{}1\n", "9".repeat(few), "0".repeat(few));
    (format!("{nines} {nines}\n").into_bytes(), product.into_bytes())
}

/// So many replies to [`LONG_REPLY`], as sums.
fn long_replies(count: usize) -> Vec<u8> {
    let reply = format!("1{}1\n", "0".repeat(LONG_REPLY_BYTES - 3));
    reply.repeat(count).into_bytes()
}

/// A question that no other test asks.
fn question(n: usize) -> Vec<u8> {
    format!("{n} {n}\n").into_bytes()
}

/// The answer to it.
fn answer(n: usize) -> Vec<u8> {
    format!("{}\n", 2 * n).into_bytes()
}

/// Whether one client can wait for another there.
fn is_concurrent(abilities: &Abilities) -> bool {
    abilities.serves_at_once(2)
}

#[test]
fn the_answers_are_the_same_however_the_bytes_travel() {
    for_each(|&Abilities { model, .. }| {
        for op in [Op::Sum, Op::Product] {
            let [name, pause] = NO_PAUSE;
            let server = Server::start(model, &[name, pause, "--op", &op.to_string()]);
            for talk in TALKS.iter().filter(|talk| talk.op == op) {
                for script in deliveries::without_pauses(talk) {
                    play(&server, &script);
                }
            }
            server.wait_until_nothing_is_left("all deliveries");
        }
    });
}

#[test]
fn silence_completes_a_message() {
    for_each(|&Abilities { model, .. }| {
        for op in [Op::Sum, Op::Product] {
            let pause = PAUSE.as_millis().to_string();
            let server = Server::start(model, &["--pause-ms", &pause, "--op", &op.to_string()]);
            for talk in TALKS.iter().filter(|talk| talk.op == op) {
                play(&server, &deliveries::with_pauses(talk));
            }
            if op == Op::Sum {
                for script in pauses() {
                    play(&server, &script);
                }
            }
            server.wait_until_nothing_is_left("all pauses");
        }
    });
}

#[test]
fn close_and_the_end_of_the_stream_end_a_conversation_from_both_sides() {
    for_each(|&Abilities { model, .. }| {
        let server = Server::start(model, &NO_PAUSE);
        for script in endings() {
            play(&server, &script);
            server.wait_until_nothing_is_left(&script.name);
        }
    });
}

#[test]
fn an_oversized_message_is_told_and_ends_that_connection_only() {
    for_each(|abilities| {
        let limit = SMALL_LIMIT.to_string();
        let [name, pause] = NO_PAUSE;
        let server = Server::start(abilities.model, &["--max-message", &limit, name, pause]);
        let mut bystander = is_concurrent(abilities).then(|| server.served_client("bystander"));
        for script in oversized() {
            play(&server, &script);
            if let Some(client) = &mut bystander {
                client.ask(b"1 2\n", b"3\n");
            }
        }
        drop(bystander);
        server.wait_until_nothing_is_left("oversized messages");
    });
}

#[test]
fn a_message_of_the_default_size_is_answered_and_a_longer_one_is_not() {
    for_each(|&Abilities { model, .. }| {
        let server = Server::start(model, &NO_PAUSE);
        let zeros = "0".repeat(1024 * 1024 - 2);
        let mut client = server.client("1 MiB");
        client.ask(format!("{zeros} 7\n").as_bytes(), b"7\n");
        client.ask(format!("{zeros} 7\r\n").as_bytes(), b"7\n");
        client.ask(format!("0{zeros} 7\n").as_bytes(), b"error: *\n");
        client.expect_end();
    });
}

/// How far a client comes before it resets the connection: its name, what it sends, what it does then.
type Phase = (&'static str, Vec<u8>, Box<dyn Fn(&mut Client)>);

/// The phases, for a server of products.
fn phases_of_a_reset() -> Vec<Phase> {
    let nothing = |_: &mut Client| {};
    let long_product = product_of_nines(LONG_DIGITS).0;
    let half_closed = |client: &mut Client| client.half_close();
    let a_while = |_: &mut Client| thread::sleep(Duration::from_millis(30));
    vec![
        ("reset at once", Vec::new(), Box::new(nothing)),
        ("reset within a message", b"1 ".to_vec(), Box::new(a_while)),
        ("reset after a message", b"6 7\n".to_vec(), Box::new(nothing)),
        ("reset after a reply", b"6 7\n".to_vec(), Box::new(|client| client.expect(b"42\n"))),
        ("reset with much to be read", LONG_REPLY.repeat(LONG_REPLIES), Box::new(a_while)),
        ("reset after a long product", long_product.clone(), Box::new(a_while)),
        ("reset after the half-close", b"6 7\n8".to_vec(), Box::new(half_closed)),
        ("reset after a long product and the half-close", long_product, Box::new(half_closed)),
        ("reset after close", b"6 7\nclose\n".to_vec(), Box::new(nothing)),
        ("reset after the end", b"close\n".to_vec(), Box::new(Client::expect_end)),
    ]
}

#[test]
fn a_reset_in_any_phase_ends_that_connection_only() {
    for_each(|abilities| {
        let [name, pause] = NO_PAUSE;
        let server = Server::start(abilities.model, &["--op", "product", name, pause]);
        let workers = server.workers();
        let mut bystander = is_concurrent(abilities).then(|| server.served_client("bystander"));
        for (name, bytes, then) in phases_of_a_reset() {
            let mut client = server.client(name);
            client.send(&bytes);
            then(&mut client);
            client.reset();
            server.client(&format!("the one after a {name}")).ask(b"6 7\n", b"42\n");
            if let Some(client) = &mut bystander {
                client.ask(b"2 3\n", b"6\n");
            }
        }
        drop(bystander);
        server.wait_until_nothing_is_left("resets");
        assert_eq!(server.workers(), workers, "{}: a reset ends no worker", abilities.model);
    });
}

#[test]
fn ten_thousand_pipelined_requests_are_answered_in_order() {
    const REQUESTS: usize = 10_000;
    for_each(|&Abilities { model, .. }| {
        let server = Server::start(model, &NO_PAUSE);
        let requests: Vec<u8> = (0..REQUESTS).flat_map(question).collect();
        let replies: Vec<u8> = (0..REQUESTS).flat_map(answer).collect();
        let mut client = server.client("pipelined");
        client.ask(&requests, &replies);
        // And once more, now half-closed: none may be lost.
        client.send(&requests);
        client.half_close();
        client.expect(&replies);
        client.expect_end();
    });
}

#[test]
fn a_half_closed_client_gets_all_its_replies() {
    for_each(|&Abilities { model, .. }| {
        let server = Server::start(model, &NO_PAUSE);
        let mut client = server.client("half-closed, many long replies");
        client.send(&[&LONG_REPLY.repeat(LONG_REPLIES), &b"20 22"[..]].concat());
        client.half_close();
        // Then it is stuck in its writing.
        server.wait_until_quiet(A_WHILE);
        client.expect(&long_replies(LONG_REPLIES));
        client.expect(b"42\n");
        client.expect_end();
    });
}

/// Sets a flag, whether its owner succeeds or panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_client_that_sends_without_end_does_not_hold_up_the_others() {
    const ANSWERS: usize = 20;
    for_each_that(is_concurrent, |&Abilities { model, .. }| {
        let server = Server::start(model, &NO_PAUSE);
        let mut other = server.served_client("the other");
        let flood = server.served_client("the flood");
        let (done, replied) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            // Set also when an answer does not come, or the flood would not end.
            let _done = SetOnDrop(&done);
            scope.spawn(|| flood.flood(b"1 2\n", &done, &replied));
            wait_until(&|| format!("{model}: a flood"), || replied.load(Ordering::Relaxed) > 0);
            for _ in 0..ANSWERS {
                other.ask(b"5 7\n", b"12\n");
            }
        });
    });
}

/// Sends without reading until nothing more goes, looks at the server's memory, and at how it goes on.
fn is_not_read_from(abilities: &Abilities, message: &[u8]) {
    const MOST_SENT: usize = 256 << 20;
    const MOST_KIB: usize = 2 * 1024;
    let model = abilities.model;
    let server = Server::start(model, &NO_PAUSE);
    let before = server.resident_kib();
    let mut deaf = server.served_client("never reads");
    let mut sent = 0;
    loop {
        let more = deaf.send_until_stuck(message, A_WHILE, MOST_SENT - sent);
        sent += more;
        assert!(sent < MOST_SENT, "{model}: it is read from without end");
        if more == 0 {
            break;
        }
        // Perhaps it is only slow.
        server.wait_until_quiet(A_WHILE);
    }
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < MOST_KIB, "{model}: expected < {MOST_KIB} KiB more, came {grown}");
    if is_concurrent(abilities) {
        server.client("another").ask(b"5 7\n", b"12\n");
    }
    deaf.reset();
    server.wait_until_nothing_is_left("never reads");
    server.client("the next").ask(b"5 7\n", b"12\n");
}

#[test]
fn a_client_that_never_reads_is_not_read_from_and_costs_bounded_memory() {
    for_each(|abilities| is_not_read_from(abilities, b"1 2\n"));
}

#[test]
fn a_client_that_never_reads_its_long_replies_costs_bounded_memory() {
    for_each(|abilities| is_not_read_from(abilities, LONG_REPLY));
}

#[test]
fn a_thousand_clients_at_once_are_all_answered() {
    const CLIENTS: usize = 1_000;
    for_each(|abilities| {
        let server = Server::start(abilities.model, &NO_PAUSE);
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client("one of 1,000")).collect();
        if abilities.serves_at_once(CLIENTS) {
            // Twice, so that all of them are there at the same time.
            for (n, client) in clients.iter_mut().enumerate() {
                client.ask(&question(n), &answer(n));
            }
        }
        for (n, client) in clients.iter_mut().enumerate() {
            client.send(&question(n));
        }
        // Those who wait for their turn get it as soon as one before them goes.
        for (n, mut client) in clients.into_iter().enumerate() {
            client.expect(&answer(n));
            client.ask(b"close\n", b"");
            client.expect_end();
        }
        server.wait_until_nothing_is_left("a thousand clients");
    });
}

#[test]
fn clients_that_said_close_and_keep_their_side_open_delay_no_other() {
    const CLIENTS: u32 = 100;
    for_each(|&Abilities { model, .. }| {
        let server = Server::start(model, &NO_PAUSE);
        let begun = Instant::now();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut client = server.client("said close");
                client.ask(b"5 7\nclose\n", b"12\n");
                client.expect_end();
                client
            })
            .collect();
        // Half of what it takes if each of the workers waits for the linger time.
        let most = LINGER * CLIENTS / u32::try_from(WORKERS).expect("small") / 2;
        let took = begun.elapsed();
        assert!(took < most, "{model}: CONVERSATION-3: expected < {most:?}, came {took:?}");
        server.wait_until_nothing_is_left("a hundred clients that keep their side open");
        drop(clients);
    });
}

#[test]
fn as_many_are_served_at_once_as_the_table_says() {
    for_each_that(
        |abilities| abilities.at_once.is_some(),
        |abilities| {
            let Abilities { model, because, .. } = abilities;
            let server = Server::start(*model, &NO_PAUSE);
            let bound = abilities.at_once.expect("filtered");
            let mut clients: Vec<_> = (0..bound).map(|_| server.served_client("served")).collect();
            let mut waiting = server.client(&format!("one too many ({because})"));
            waiting.send(b"5 7\n");
            waiting.expect_silence(Duration::from_millis(100));
            for client in &mut clients {
                client.ask(b"1 2\n", b"3\n");
            }
            drop(clients.pop());
            waiting.expect(b"12\n");
        },
    );
}

#[test]
fn out_of_descriptors_the_old_clients_are_served_and_the_new_ones_wait() {
    const DESCRIPTORS: usize = 64;
    const CLIENTS: usize = 200;
    /// A tenth of a second in a whole one. A busy loop takes all it can get.
    const MOST_TICKS: u64 = 10;
    for_each(|abilities| {
        let model = abilities.model;
        let server = Server::start_with_descriptors(model, DESCRIPTORS, &NO_PAUSE);
        let mut old = server.served_client("the old one");
        let mut flood: Vec<_> = (0..CLIENTS).map(|_| server.client("the flood")).collect();
        for (n, client) in flood.iter_mut().enumerate() {
            client.send(&question(n));
        }
        old.ask(b"5 7\n", b"12\n");
        // All are served who can be. From now on it has nothing to do.
        server.wait_until_quiet(Duration::from_secs(1));
        let before = server.cpu_ticks();
        thread::sleep(Duration::from_secs(1));
        let ticks = server.cpu_ticks() - before;
        assert!(ticks <= MOST_TICKS, "{model}: expected <= {MOST_TICKS} ticks, came {ticks}");
        old.ask(b"5 7\n", b"12\n");
        if !is_concurrent(abilities) {
            drop(old);
        }
        for (n, mut client) in flood.into_iter().enumerate() {
            client.expect(&answer(n));
        }
    });
}

#[test]
fn a_stop_lets_a_slow_reader_have_all_its_replies() {
    for_each(|&Abilities { model, .. }| {
        let [name, pause] = NO_PAUSE;
        let mut server = Server::start(model, &["--grace", "60", name, pause]);
        let mut client = server.served_client("the slow reader");
        client.send(&[&LONG_REPLY.repeat(LONG_REPLIES), &b"20 22"[..]].concat());
        server.wait_until_quiet(A_WHILE);
        server.terminate();
        thread::sleep(A_WHILE);
        assert!(server.is_running(), "{model}: replies are in flight");
        client.expect(&long_replies(LONG_REPLIES));
        client.expect(b"42\n");
        client.expect_end();
        server.wait_for_success("a slow reader");
    });
}

#[test]
fn a_stop_resets_no_client_that_has_sent_without_reading() {
    /// Far more than the buffers of two sockets hold.
    const MOST_SENT: usize = 256 << 20;
    for_each(|&Abilities { model, .. }| {
        let [name, pause] = NO_PAUSE;
        let mut server = Server::start(model, &["--grace", "60", name, pause]);
        let mut client = server.served_client("the flood");
        let sent = client.send_until_stuck(b"5 7\n", A_WHILE, MOST_SENT);
        server.terminate();
        // What the server has no room for is sent by the client's kernel now, during the answers and after them.
        let (answered, rest) = client.expect_many_and_end(b"12\n");
        let (whole, cut) = (sent / 4, sent % 4);
        // The flood may have ended within a message; if it was taken in to its end, that is answered too.
        let is_last = answered >= whole && cut > 0 && rest.starts_with("error: ");
        assert!(
            rest.is_empty() || is_last,
            "{model}: expected no reply to half a message, came {rest:?} after {answered} of {whole}, {cut} bytes \
             (CONVERSATION-2)"
        );
        assert!((1..=whole + 1).contains(&answered), "{model}: {answered} replies to {whole}");
        server.wait_for_success("a flood");
    });
}

#[test]
fn a_stop_lets_a_long_product_be_finished() {
    let (question, product) = product_of_nines(LONG_DIGITS);
    for_each(|&Abilities { model, .. }| {
        let [name, pause] = NO_PAUSE;
        let options = ["--op", "product", "--grace", "60", name, pause];
        let mut server = Server::start(model, &options);
        let mut client = server.served_client("the long product");
        client.send(&[b"2 3\n", &question[..], b"6 7"].concat());
        client.expect(b"6\n");
        server.terminate();
        client.expect(&product);
        client.expect(b"42\n");
        client.expect_end();
        server.wait_for_success("a long product");
    });
}

#[test]
fn a_stop_cuts_off_a_client_that_never_reads_when_the_grace_is_over() {
    const GRACE: Duration = Duration::from_secs(1);
    for_each(|&Abilities { model, .. }| {
        let mut server = Server::start(model, &["--grace", "1"]);
        let mut deaf = server.served_client("never reads");
        deaf.send(&LONG_REPLY.repeat(3 * LONG_REPLIES));
        server.wait_until_quiet(A_WHILE);
        let begun = Instant::now();
        server.terminate();
        server.wait_for_success("the grace");
        let took = begun.elapsed();
        assert!(took >= GRACE, "{model}: expected the grace to be granted, it took {took:?}");
        assert!(took < GRACE + PATIENCE / 3, "{model}: the stop took {took:?}");
    });
}

#[test]
fn a_stop_closes_idle_clients_at_once_and_answers_what_was_received() {
    for_each(|abilities| {
        let [name, pause] = NO_PAUSE;
        // Longer than the watchdog: a server that waited for it would be found out.
        let mut server = Server::start(abilities.model, &["--grace", "600", name, pause]);
        let mut idle = is_concurrent(abilities).then(|| server.served_client("idle"));
        let mut client = server.served_client("open message");
        client.send(b"1 2\n20 22");
        server.terminate();
        client.expect(b"3\n42\n");
        client.expect_end();
        if let Some(client) = &mut idle {
            client.expect_end();
        }
        server.wait_for_success("idle clients");
    });
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    for_each(|&Abilities { model, .. }| {
        let mut server = Server::start(model, &["--grace", "600"]);
        let workers = server.workers();
        let mut deaf = server.served_client("never reads");
        deaf.send(&LONG_REPLY.repeat(3 * LONG_REPLIES));
        server.terminate();
        assert!(server.is_running(), "{model}: replies are in flight, and the grace is long");
        server.terminate();
        assert_eq!(server.wait().code(), Some(130), "{model}");
        wait_until_gone(&workers);
    });
}

#[test]
fn a_silent_client_is_closed_after_the_idle_timeout() {
    const IDLE: Duration = Duration::from_secs(1);
    for_each(|abilities| {
        let [name, pause] = NO_PAUSE;
        let server = Server::start(abilities.model, &["--idle-timeout", "1", name, pause]);
        let mut client = server.served_client("silent");
        client.expect_end();
        client.assert_waited(IDLE);
        drop(client);
        let mut client = server.client("silent in the middle of a message");
        client.ask(b"1 2\n20 22", b"3\n");
        client.expect_rest_and_end(b"42\n");
        client.assert_waited(IDLE);
        drop(client);
        let mut client = server.client("never silent for long");
        for _ in 0..15 {
            thread::sleep(IDLE / 10);
            client.ask(b"1 2\n", b"3\n");
        }
        drop(client);
        let mut deaf = server.served_client("never reads");
        deaf.send(&LONG_REPLY.repeat(3 * LONG_REPLIES));
        server.wait_until_nothing_is_left("the idle timeout of one who never reads");
    });
}

#[test]
fn beyond_max_connections_clients_wait_until_one_leaves() {
    for_each_that(
        |abilities| abilities.counts_connections,
        |&Abilities { model, .. }| {
            let [name, pause] = NO_PAUSE;
            let server = Server::start(model, &["--max-connections", "2", name, pause]);
            let mut first = server.served_client("the first");
            let mut second = server.served_client("the second");
            let mut third = server.client("the third");
            let mut fourth = server.client("the fourth");
            third.send(b"3 3\n");
            fourth.send(b"4 4\n");
            third.expect_silence(Duration::from_millis(100));
            first.ask(b"1 1\n", b"2\n");
            second.ask(b"2 2\n", b"4\n");
            drop(first);
            third.expect(b"6\n");
            fourth.expect_silence(Duration::from_millis(50));
            second.reset();
            fourth.expect(b"8\n");
        },
    );
}

#[test]
fn the_thread_of_a_client_that_said_close_ends() {
    const CLIENTS: usize = 20;
    let server = Server::start(Model::Threads, &NO_PAUSE);
    let of_clients = || server.threads().iter().filter(|name| name.starts_with("client")).count();
    wait_until(&|| "no thread at first".to_owned(), || of_clients() == 0);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.served_client("close")).collect();
    assert_eq!(of_clients(), CLIENTS, "THREADS-1: one thread for each client");
    for client in &mut clients {
        client.ask(b"close\n", b"");
        client.expect_end();
    }
    // The clients keep their side open: the threads end by themselves.
    let what = || format!("THREADS-1: no thread is left, came {:?}", server.threads());
    wait_until(&what, || of_clients() == 0);
}

/// Waits until none of these processes is left.
fn wait_until_gone(pids: &[u32]) {
    let what = || format!("PREFORK-2: the workers {pids:?} end");
    wait_until(&what, || !pids.iter().any(|&pid| is_running(pid)));
}

#[test]
fn a_dead_worker_is_replaced_and_costs_its_own_client_only() {
    let server = Server::start(Model::Prefork, &NO_PAUSE);
    let mut clients: Vec<_> = (0..WORKERS).map(|_| server.served_client("served")).collect();
    let mut waiting = server.client("waiting");
    waiting.send(b"5 7\n");
    let dead = server.workers()[0];
    send_signal("KILL", dead);
    // No client has gone by itself: only a new worker can serve this one.
    waiting.expect(b"12\n");
    server.wait_for_workers();
    assert!(!server.workers().contains(&dead), "SUPERVISOR-4: {dead} is replaced");
    clients.retain_mut(|client| !client.has_heard());
    assert_eq!(clients.len(), WORKERS - 1, "one client has heard the end of its worker");
    for client in &mut clients {
        client.ask(b"1 2\n", b"3\n");
    }
}

#[test]
fn no_worker_outlives_its_server() {
    let mut server = Server::start(Model::Prefork, &NO_PAUSE);
    let client = server.served_client("of a server that is told to stop");
    let workers = server.workers();
    server.terminate();
    server.wait_for_success("SIGTERM");
    wait_until_gone(&workers);
    drop(client);

    let mut server = Server::start(Model::Prefork, &NO_PAUSE);
    let client = server.served_client("of a server that is killed");
    let workers = server.workers();
    assert_eq!(workers.len(), WORKERS, "PREFORK-2");
    server.kill();
    wait_until_gone(&workers);
    drop(client);
}
