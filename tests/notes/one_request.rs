//! The program of the chapter "One request": one client, one task, and an observer that prints what it is told.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use handloom::aio::{AsyncRead, AsyncWrite, TcpListener};
use handloom::rt::{EventLoop, Moment, Observer, spawn_named};

/// Keeps and prints every step of the loop, with the time since it was made.
struct Trace {
    /// When it was made.
    began: Instant,
    /// The steps, without their times.
    steps: Rc<RefCell<Vec<String>>>,
}

impl Observer for Trace {
    fn observe(&self, moment: Moment<'_>) {
        let step = match moment {
            Moment::Spawned { task, name, .. } => {
                format!("{task} spawned, {}", name.unwrap_or("?"))
            }
            Moment::Woken { task } => format!("{task} woken"),
            Moment::Polled { task, .. } => format!("{task} polled"),
            Moment::Finished { task } => format!("{task} finished"),
            Moment::Waits { timeout } => format!("loop: asks the selector, limit {timeout:?}"),
            Moment::Woke { sockets, .. } => format!("loop: is back, {sockets} ready"),
            _ => return,
        };
        println!("{:3} ms  {step}", self.began.elapsed().as_millis());
        self.steps.borrow_mut().push(step);
    }
}

/// Serves one request; `wants_more` is told each time before it waits.
async fn serve(mut listener: TcpListener, wants_more: Sender<()>) -> io::Result<()> {
    let (mut stream, _) = listener.accept().await?;
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        wants_more.send(()).map_err(io::Error::other)?;
        let mut piece = [0; 100];
        let length = stream.read(&mut piece).await?;
        println!("        read {:?}", String::from_utf8_lossy(&piece[..length]));
        line.extend_from_slice(&piece[..length]);
    }
    let words = String::from_utf8_lossy(&line);
    let sum: i64 = words.split_whitespace().filter_map(|word| word.parse::<i64>().ok()).sum();
    stream.write_all(format!("{sum}\n").as_bytes()).await
}

/// The client, on a thread of its own: two pieces, each when the server waits for it.
fn ask(address: SocketAddr, server_waits: &Receiver<()>) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    for piece in ["5 ", "7\n"] {
        server_waits.recv().map_err(io::Error::other)?;
        // It waits as soon as its poll is over; this is for the eye, and nothing breaks if it is too short.
        thread::sleep(Duration::from_millis(20));
        stream.write_all(piece.as_bytes())?;
    }
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply)
}

#[test]
fn one_request_wake_by_wake() {
    let steps = Rc::default();
    let trace = Trace { began: Instant::now(), steps: Rc::clone(&steps) };
    let event_loop = EventLoop::builder().observer(trace).build().unwrap();
    let reply = event_loop.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let (address, (wants_more, server_waits)) = (listener.local_addr()?, channel());
        let client = thread::spawn(move || ask(address, &server_waits));
        let server = spawn_named("server", serve(listener, wants_more));
        server.await.expect("it neither panics nor is cancelled")?;
        client.join().expect("it does not panic")
    });
    assert_eq!(reply.unwrap(), "12\n");
    let steps = steps.take();
    let count = |wanted: &str| steps.iter().filter(|step| *step == wanted).count();
    // Spawned or woken, it stands in the queue once, and is polled once for it (QUEUE-1).
    assert_eq!(count("task 1 polled"), count("task 1 woken"), "polls and wakes in {steps:?}");
    assert_eq!(count("task 1 finished"), 1, "ends of the task in {steps:?}");
}
