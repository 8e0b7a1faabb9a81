//! The two servers that run on readiness without futures: a first conversation with each.
//!
//! The long script of conversations runs against every model elsewhere. Here are the cases where readiness itself
//! can go wrong: bytes in pieces, ends of streams behind bytes, sockets that are full, turns, stopping.
#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use handloom::calc::{self, Config, Model};
use handloom::os::EventFd;

const MODELS: [Model; 2] = [Model::Callbacks, Model::Generators];

/// Longer than anything here takes, shorter than patience.
const LIMIT: Duration = Duration::from_secs(20);

struct Server {
    model: Model,
    address: SocketAddr,
    stop: Arc<EventFd>,
    thread: JoinHandle<io::Result<()>>,
    ended: mpsc::Receiver<()>,
}

impl Server {
    fn start(model: Model, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(EventFd::new().unwrap());
        let (end, ended) = mpsc::channel();
        let rung = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let outcome = calc::serve(model, listener, &config, rung.as_fd(), &mut || Ok(()));
            // Nobody listens any more if the test has failed meanwhile.
            let _ = end.send(());
            outcome
        });
        Self { model, address, stop, thread, ended }
    }

    fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { model: self.model, stream }
    }

    /// Rings the bell and waits for the server's end.
    fn stop(self) {
        self.stop.signal().unwrap();
        let ended = self.ended.recv_timeout(LIMIT);
        assert_ne!(
            ended,
            Err(mpsc::RecvTimeoutError::Timeout),
            "{}: the server does not stop",
            self.model
        );
        self.thread.join().unwrap().unwrap();
    }
}

struct Client {
    model: Model,
    stream: TcpStream,
}

impl Client {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    fn expect(&mut self, replies: &str) {
        let mut came = vec![0; replies.len()];
        let outcome = self.stream.read_exact(&mut came);
        assert!(
            outcome.is_ok(),
            "{}: expected {}, came {outcome:?}",
            self.model,
            excerpt(replies.as_bytes())
        );
        assert!(
            came == replies.as_bytes(),
            "{}: expected {}, came {}",
            self.model,
            excerpt(replies.as_bytes()),
            excerpt(&came)
        );
    }

    /// Everything up to the end of the stream; a reset instead of the end fails the test.
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        let outcome = self.stream.read_to_string(&mut rest);
        assert!(
            outcome.is_ok(),
            "{}: expected an orderly end, came {outcome:?} after {}",
            self.model,
            excerpt(rest.as_bytes())
        );
        rest
    }
}

/// The beginning of a text that may be a megabyte.
fn excerpt(bytes: &[u8]) -> String {
    format!("{:?}, {} bytes", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]), bytes.len())
}

/// Runs a test against both servers, which must stop in good order afterwards.
fn each(config: &Config, test: impl Fn(&Server)) {
    for model in MODELS {
        let server = Server::start(model, config.clone());
        test(&server);
        server.stop();
    }
}

fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// A pause long enough that no test takes it by accident.
fn patient() -> Config {
    config(|config| config.pause = Duration::from_hours(1))
}

#[test]
fn replies_come_in_order_and_a_bad_message_ends_nothing() {
    each(&patient(), |server| {
        let mut client = server.client();
        client.send("1 2\n0.1,0.2\r\nnonsense\n");
        client.expect("3\n0.3\nerror: ");
        client.send("4 5\n");
        client.stream.shutdown(Shutdown::Write).unwrap();
        let rest = client.rest();
        assert!(
            rest.ends_with("\n9\n"),
            "{}: the connection goes on after an error, came {rest:?}",
            server.model
        );
    });
}

#[test]
fn a_message_in_single_bytes_is_one_message() {
    each(&patient(), |server| {
        let mut client = server.client();
        for round in 0..3 {
            for byte in format!("10{round} 20{round}\n").bytes() {
                client.send([byte]);
            }
        }
        client.expect("300\n302\n304\n");
    });
}

#[test]
fn a_client_that_pauses_gets_its_answer_and_no_sooner() {
    each(&Config::default(), |server| {
        let mut client = server.client();
        for (message, reply) in [("5 7", "12\n"), ("6 7", "13\n")] {
            let start = Instant::now();
            client.send(message);
            client.expect(reply);
            let took = start.elapsed();
            let pause = Duration::from_millis(100);
            assert!(
                took >= pause,
                "{}: expected a pause of {pause:?}, came {took:?}",
                server.model
            );
        }
        // The line ending of the second message, late; and a message that is whole.
        client.send("\n1 1\n");
        client.expect("2\n");
    });
}

#[test]
fn a_client_that_half_closes_gets_all_its_replies() {
    each(&patient(), |server| {
        let mut client = server.client();
        client.send("1 1\n".repeat(10_000));
        client.send("5 7");
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(
            client.rest(),
            "2\n".repeat(10_000) + "12\n",
            "{}: READINESS-1: the end is found",
            server.model
        );
    });
}

#[test]
fn close_ends_the_connection_after_all_earlier_replies() {
    each(&patient(), |server| {
        let mut client = server.client();
        client.send("1 1\nclose\n9 9\n");
        assert_eq!(client.rest(), "2\n", "{}: bytes after close are ignored", server.model);
    });
}

#[test]
fn a_message_that_is_too_long_gets_its_error_while_the_client_still_sends() {
    each(&config(|config| config.max_message_bytes = 1000), |server| {
        let mut client = server.client();
        client.send(vec![b'1'; 1 << 20]);
        client.stream.shutdown(Shutdown::Write).unwrap();
        let rest = client.rest();
        let refused = rest.starts_with("error: ") && rest.lines().count() == 1;
        assert!(refused, "{}: CONVERSATION-3: expected one error, came {rest:?}", server.model);
    });
}

#[test]
fn a_client_that_never_reads_keeps_nobody_else_from_being_served() {
    each(&patient(), |server| {
        let mut deaf = server.client();
        deaf.stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let chunk = "1 1\n".repeat(4096);
        let mut sent = 0;
        let blocked = loop {
            match deaf.stream.write(&chunk.as_bytes()[sent % 4..]) {
                Ok(length) => sent += length,
                Err(error) => break error,
            }
            assert!(
                sent < 1 << 30,
                "{}: CONVERSATION-1: the server reads on without bound",
                server.model
            );
        };
        assert_eq!(blocked.kind(), ErrorKind::WouldBlock, "{}: {blocked}", server.model);

        let mut other = server.client();
        for _ in 0..100 {
            other.send("20 22\n");
            other.expect("42\n");
        }

        // When it listens at last, nothing has been lost.
        let mut ears = Client { model: server.model, stream: deaf.stream.try_clone().unwrap() };
        let listening = thread::spawn(move || ears.rest());
        deaf.stream.set_write_timeout(None).unwrap();
        let last = &"1 1\n"[sent % 4..];
        deaf.send(last);
        deaf.stream.shutdown(Shutdown::Write).unwrap();
        let replies = listening.join().unwrap();
        let messages = (sent + last.len()) / 4;
        let right = replies.len() == 2 * messages && replies.lines().all(|reply| reply == "2");
        let came = replies.lines().count();
        assert!(right, "{}: expected {messages} times 2, came {came} lines", server.model);
    });
}

#[test]
fn a_client_beyond_the_limit_waits_until_another_leaves() {
    each(&config(|config| config.max_connections = 2), |server| {
        let (mut first, mut second, mut third) =
            (server.client(), server.client(), server.client());
        for client in [&mut first, &mut second] {
            client.send("1 2\n");
            client.expect("3\n");
        }
        third.send("3 4\n");
        third.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let early = third.stream.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(early, Err(ErrorKind::WouldBlock), "{}: two is the limit", server.model);
        third.stream.set_read_timeout(Some(LIMIT)).unwrap();
        drop(first);
        third.expect("7\n");
        second.send("1 2\n");
        second.expect("3\n");
    });
}

#[test]
fn a_client_that_says_nothing_for_the_idle_time_is_closed() {
    let idle = Duration::from_millis(150);
    each(&config(|config| config.idle_timeout = Some(idle)), |server| {
        let mut client = server.client();
        client.send("1 2\n");
        let start = Instant::now();
        client.expect("3\n");
        assert_eq!(client.rest(), "", "{}: nothing comes but the end", server.model);
        // The bytes arrived a little before the clock was read here.
        let least = idle.saturating_sub(Duration::from_millis(20));
        assert!(start.elapsed() >= least, "{}: closed after {:?}", server.model, start.elapsed());
        drop(server.client());
    });
}

#[test]
fn stopping_answers_what_has_arrived_and_closes_the_idle() {
    for model in MODELS {
        let server = Server::start(model, patient());
        let (mut idle, mut open, mut many) = (server.client(), server.client(), server.client());
        for client in [&mut idle, &mut open, &mut many] {
            client.send("1 2\n");
            client.expect("3\n");
        }
        open.send("5 7");
        many.send("1 1\n".repeat(10_000));
        let address = server.address;
        server.stop();
        assert_eq!(idle.rest(), "", "{model}: an idle client sees the end");
        assert_eq!(open.rest(), "12\n", "{model}: an open message counts as complete");
        assert_eq!(many.rest(), "2\n".repeat(10_000), "{model}: what was sent before is answered");
        let refused = TcpStream::connect(address).map_err(|error| error.kind());
        assert!(refused.is_err(), "{model}: nobody is accepted any more");
    }
}

#[test]
fn stopping_waits_for_a_client_that_does_not_read_no_longer_than_the_grace() {
    let grace = Duration::from_millis(200);
    for model in MODELS {
        let server = Server::start(model, config(|config| config.grace = grace));
        let mut deaf = server.client();
        deaf.stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        while deaf.stream.write(&[b'\n'; 4096]).is_ok() {}
        let start = Instant::now();
        server.stop();
        let took = start.elapsed();
        assert!(
            took >= grace,
            "{model}: replies were in flight, expected {grace:?}, came {took:?}"
        );
    }
}
