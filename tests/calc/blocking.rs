use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use handloom::calc::{Config, Model, serve};
use handloom::os::EventFd;
use handloom::os::socket::set_linger_zero;

/// The watchdog of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);
const MODELS: [Model; 3] = [Model::Sequential, Model::Threads, Model::Pool];

/// A server in a thread; stopped, and its result checked, on drop.
struct Server {
    addr: SocketAddr,
    stop: Arc<EventFd>,
    done: Receiver<std::io::Result<()>>,
}

impl Server {
    fn start(model: Model, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let addr = listener.local_addr().expect("address");
        let stop = Arc::new(EventFd::new().expect("eventfd"));
        let (sender, done) = mpsc::channel();
        let its_stop = Arc::clone(&stop);
        thread::spawn(move || {
            // Nobody receives when the test has failed already.
            drop(sender.send(serve(model, listener, &config, its_stop.as_fd(), &mut || Ok(()))));
        });
        Self { addr, stop, done }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        stream
    }

    /// Stops it, and returns how long that took.
    fn stop(&self) -> Duration {
        let begun = Instant::now();
        self.stop.signal().expect("signal");
        let ended = self.done.recv_timeout(PATIENCE);
        ended.expect("the server does not stop").expect("expected Ok from serve");
        begun.elapsed()
    }
}

fn say(mut stream: &TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("write");
}

/// Reads exactly as many bytes as are wanted, and compares.
fn hear(mut stream: &TcpStream, wanted: &str, model: Model) {
    let mut bytes = vec![0; wanted.len()];
    stream.read_exact(&mut bytes).unwrap_or_else(|error| panic!("{model}: {wanted:?}: {error}"));
    assert_eq!(String::from_utf8_lossy(&bytes), wanted, "{model}");
}

/// Reads to the end of the stream, which must not be a reset.
fn hear_all(mut stream: &TcpStream, model: Model) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap_or_else(|error| panic!("{model}: {text:?}: {error}"));
    text
}

#[test]
fn messages_are_answered_in_order_whole_cut_and_pipelined() {
    for model in MODELS {
        let server = Server::start(model, Config::default());
        let client = server.connect();
        say(&client, "5 7\n");
        hear(&client, "12\n", model);
        say(&client, "0.1 ");
        say(&client, "0.2\n1 1\n2");
        hear(&client, "0.3\n2\n", model);
        say(&client, " 3\nclose\n");
        assert_eq!(hear_all(&client, model), "5\n", "{model}: then the end");
        server.stop();
    }
}

#[test]
fn a_pause_completes_a_message() {
    for model in MODELS {
        let pause = Duration::from_millis(30);
        let server = Server::start(model, Config { pause, ..Config::default() });
        let client = server.connect();
        let begun = Instant::now();
        say(&client, "5 7");
        hear(&client, "12\n", model);
        assert!(begun.elapsed() >= pause, "{model}: answered before the pause was over");
        say(&client, "\n8 1");
        hear(&client, "9\n", model);
        drop(client);
        server.stop();
    }
}

#[test]
fn a_half_closed_client_gets_all_its_replies() {
    for model in MODELS {
        let server = Server::start(model, Config::default());
        let client = server.connect();
        say(&client, &"1 2\n".repeat(5_000));
        say(&client, "20 22");
        client.shutdown(Shutdown::Write).expect("shutdown");
        assert_eq!(hear_all(&client, model), "3\n".repeat(5_000) + "42\n", "{model}");
        server.stop();
    }
}

#[test]
fn bytes_after_close_neither_count_nor_reset_the_connection() {
    for model in MODELS {
        let server = Server::start(model, Config::default());
        let client = server.connect();
        say(&client, "1 2\nclose\n");
        say(&client, &"3 4\n".repeat(20_000));
        assert_eq!(hear_all(&client, model), "3\n", "{model}: CONVERSATION-3");
        server.stop();
    }
}

#[test]
fn bytes_between_close_and_the_clients_end_do_not_reset_the_connection() {
    for model in MODELS {
        // The second client waits, so all it has to say is there, with its end, before any of it is read.
        let server =
            Server::start(model, Config { max_connections: 1, workers: 1, ..Config::default() });
        let first = server.connect();
        say(&first, "5 7\n");
        hear(&first, "12\n", model);
        let second = server.connect();
        // More than one read takes in.
        say(&second, &("1 2\nclose\n".to_owned() + &"3 4\n".repeat(8_000)));
        second.shutdown(Shutdown::Write).expect("shutdown");
        drop(first);
        assert_eq!(hear_all(&second, model), "3\n", "{model}: CONVERSATION-3");
        server.stop();
    }
}

#[test]
fn an_oversized_message_is_told_and_ends_the_connection() {
    for model in MODELS {
        let server = Server::start(model, Config { max_message_bytes: 100, ..Config::default() });
        let client = server.connect();
        say(&client, &"1".repeat(60_000));
        let reply = hear_all(&client, model);
        assert!(reply.starts_with("error: ") && reply.ends_with('\n'), "{model}: {reply:?}");
        server.stop();
    }
}

#[test]
fn a_reset_ends_that_connection_only() {
    for model in MODELS {
        let server = Server::start(model, Config { workers: 1, ..Config::default() });
        let rude = server.connect();
        say(&rude, "1 2");
        set_linger_zero(&rude).expect("linger");
        drop(rude);
        let client = server.connect();
        say(&client, "5 7\nclose\n");
        assert_eq!(hear_all(&client, model), "12\n", "{model}");
        server.stop();
    }
}

#[test]
fn a_silent_client_is_closed_after_the_idle_timeout() {
    for model in MODELS {
        let idle = Duration::from_millis(150);
        let server = Server::start(model, Config { idle_timeout: Some(idle), ..Config::default() });
        let client = server.connect();
        let begun = Instant::now();
        say(&client, "5 7\n");
        hear(&client, "12\n", model);
        assert_eq!(hear_all(&client, model), "", "{model}: expected the end of the stream");
        assert!(begun.elapsed() >= idle, "{model}: closed after {:?}", begun.elapsed());
        server.stop();
    }
}

#[test]
fn a_client_that_does_not_read_is_ended_by_the_idle_timeout() {
    for model in MODELS {
        let idle = Some(Duration::from_millis(150));
        let server = Server::start(model, Config { idle_timeout: idle, ..Config::default() });
        flood(&server.connect());
        server.stop();
    }
}

/// Writes without reading until the connection is broken.
fn flood(mut client: &TcpStream) {
    client.set_write_timeout(Some(PATIENCE)).expect("timeout");
    let messages = "1 2\n".repeat(10_000);
    loop {
        match client.write_all(messages.as_bytes()) {
            Ok(()) => {}
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock, "the server still holds it");
                return;
            }
        }
    }
}

#[test]
fn a_stop_closes_an_idle_connection_at_once() {
    for model in MODELS {
        let server = Server::start(model, Config { grace: PATIENCE * 2, ..Config::default() });
        let client = server.connect();
        say(&client, "5 7\n");
        hear(&client, "12\n", model);
        server.stop();
        assert_eq!(hear_all(&client, model), "", "{model}: expected the end of the stream");
    }
}

#[test]
fn a_stop_answers_what_has_been_received() {
    for model in MODELS {
        let server = Server::start(model, Config { pause: PATIENCE * 2, ..Config::default() });
        let client = server.connect();
        say(&client, "5 7\n");
        hear(&client, "12\n", model);
        say(&client, "1 2\n20 22");
        server.stop();
        assert_eq!(hear_all(&client, model), "3\n42\n", "{model}: CONVERSATION-2");
    }
}

#[test]
fn a_stop_waits_for_a_client_that_does_not_read_no_longer_than_the_grace() {
    for model in MODELS {
        let grace = Duration::from_millis(300);
        let server = Server::start(model, Config { grace, ..Config::default() });
        let client = server.connect();
        client.set_nonblocking(true).expect("nonblocking");
        // A reply of ten thousand digits each: what waits to be read asks for more than any buffer holds.
        let messages = "1e9999 1\n".repeat(4_000);
        let mut quiet = 0;
        // When nothing can be written for a while, the server is stuck in its write.
        while quiet < 20 {
            let written = (&client).write(messages.as_bytes());
            quiet = if written.is_ok() { 0 } else { quiet + 1 };
            if let Err(error) = written {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{model}: {error}");
                thread::sleep(Duration::from_millis(10));
            }
        }
        let took = server.stop();
        assert!(took >= grace, "{model}: expected the grace to be granted, it took {took:?}");
        assert!(took < PATIENCE / 2, "{model}: the stop took {took:?}");
    }
}

#[test]
fn a_stop_of_the_pool_waits_for_queued_clients_no_longer_than_the_grace() {
    // One thread, and each client keeps it for the half second that its last replies may take.
    let grace = Duration::from_millis(300);
    let server = Server::start(Model::Pool, Config { grace, workers: 1, ..Config::default() });
    let first = server.connect();
    say(&first, "5 7\n");
    hear(&first, "12\n", Model::Pool);
    let queued: Vec<_> = (0..20).map(|_| server.connect()).collect();
    let took = server.stop();
    drop(queued);
    assert!(took < Duration::from_secs(5), "CALC-POOL-3: a grace of {grace:?}, but {took:?}");
}

#[test]
fn a_stop_is_heard_in_the_midst_of_a_stream_without_end() {
    for model in MODELS {
        let grace = Duration::from_millis(300);
        let server = Server::start(model, Config { grace, ..Config::default() });
        let client = server.connect();
        let reader = client.try_clone().expect("clone");
        let writer = thread::spawn(move || flood(&client));
        let drain = thread::spawn(move || std::io::copy(&mut &reader, &mut std::io::sink()));
        thread::sleep(Duration::from_millis(50));
        server.stop();
        writer.join().expect("writer");
        // A reset is an end as well here: the client sends on after the server's end.
        drop(drain.join().expect("reader"));
    }
}

#[test]
fn further_clients_wait_while_the_maximum_is_connected() {
    for model in [Model::Threads, Model::Pool] {
        let server = Server::start(model, Config { max_connections: 1, ..Config::default() });
        let first = server.connect();
        say(&first, "5 7\n");
        hear(&first, "12\n", model);
        let second = server.connect();
        say(&second, "1 1\n");
        second.set_read_timeout(Some(Duration::from_millis(50))).expect("timeout");
        let kind = (&second).read(&mut [0]).expect_err("expected no answer yet").kind();
        assert_eq!(kind, ErrorKind::WouldBlock, "{model}");
        drop(first);
        second.set_read_timeout(Some(PATIENCE)).expect("timeout");
        hear(&second, "2\n", model);
        server.stop();
    }
}

/// The threads of this process whose names begin so.
fn threads_named(prefix: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("proc");
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).count()
}

#[test]
fn the_thread_of_a_client_that_said_close_ends() {
    // Other tests serve in this process too; so many clients at once only this one has.
    const CLIENTS: usize = 200;
    let server = Server::start(Model::Threads, Config::default());
    let clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &clients {
        say(client, "5 7\n");
        hear(client, "12\n", Model::Threads);
    }
    assert!(threads_named("client ") >= CLIENTS, "expected a thread for each client");
    for client in &clients {
        say(client, "close\n");
    }
    let begun = Instant::now();
    // The clients still hold their ends: the server has closed by itself.
    while threads_named("client ") >= CLIENTS / 2 {
        assert!(begun.elapsed() < PATIENCE, "THREADS-1: {} are left", threads_named("client "));
        thread::sleep(Duration::from_millis(5));
    }
    server.stop();
    drop(clients);
}
