//! A server on loopback that does what a test tells it, right or wrong, and three ways to fetch from it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use handloom::os::socket::{listen_with_backlog, set_linger_zero};
use handloom::rt::EventLoop;
use handloom::threads::ThreadPool;
use handloom::web::client::{Failure, Options, Page, Request, asynchronous, blocking};

/// A test that takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// Ends the process when it is not dropped in time.
pub(crate) struct Watchdog {
    /// Hung up by the drop.
    _alive: Sender<()>,
}

impl Watchdog {
    /// Starts to wait.
    pub(crate) fn new() -> Self {
        let (alive, dropped) = channel::<()>();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            if dropped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // Not `eprintln!`, which the harness would keep for later.
                drop(io::stderr().write_all(format!("watchdog: {test} hangs\n").as_bytes()));
                std::process::abort();
            }
        });
        Self { _alive: alive }
    }
}

/// What the server does; after the last act it waits for another request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends them one by one, each in a segment of its own.
    Bytewise(Vec<u8>),
    /// Sends them again and again, until the client goes.
    Forever(Vec<u8>),
    /// The same, with a pause of some milliseconds after each.
    Drip(Vec<u8>),
    /// Does nothing until the client goes.
    Stall,
    /// Never reads again; the thread is left behind.
    Ignore,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// Sends a text.
pub(crate) fn send(text: &str) -> Act {
    Act::Send(text.into())
}

/// A request as the server got it.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    /// On which connection it came, counted from 0.
    pub(crate) connection: usize,
    /// Its place on that connection, counted from 0.
    pub(crate) place: usize,
    /// Its first line.
    pub(crate) line: String,
    /// The lines of its head after the first.
    pub(crate) fields: String,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Got {
    /// What it asked for.
    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).expect("a target")
    }
}

/// What the server does about a request.
type Handler = dyn Fn(&Got) -> Vec<Act> + Send + Sync;

/// The server.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it was asked.
    got: Arc<Mutex<Vec<Got>>>,
    /// Connections so far.
    connections: Arc<AtomicUsize>,
    /// Tells the number of each connection when that has ended.
    pub(crate) ended: Receiver<usize>,
    /// Set to end it.
    stops: Arc<AtomicBool>,
}

impl Server {
    /// Starts it.
    pub(crate) fn start(handler: impl Fn(&Got) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        Self::on(listener, handler)
    }

    /// Starts it with a listener.
    pub(crate) fn on(
        listener: TcpListener,
        handler: impl Fn(&Got) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("address");
        let (tell, ended) = channel();
        let (got, stops) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let connections = Arc::new(AtomicUsize::new(0));
        let handler: Arc<Handler> = Arc::new(handler);
        let server = Self {
            address,
            got: got.clone(),
            connections: connections.clone(),
            ended,
            stops: stops.clone(),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stops.load(Ordering::SeqCst) {
                    break;
                }
                let number = connections.fetch_add(1, Ordering::SeqCst);
                let (got, handler, tell) = (got.clone(), handler.clone(), tell.clone());
                let stream = stream.expect("accept");
                thread::spawn(move || {
                    // A client that goes is what many tests are about.
                    drop(serve(&stream, number, &got, &*handler));
                    drop(stream);
                    // The test may be over.
                    let _ = tell.send(number);
                });
            }
        });
        server
    }

    /// The address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it was asked so far.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().expect("lock").clone()
    }

    /// How many connections it has had.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// Serves one connection to its end.
fn serve(
    stream: &TcpStream,
    connection: usize,
    all: &Mutex<Vec<Got>>,
    handler: &Handler,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    for place in 0.. {
        let Some(got) = read_request(&mut reader, connection, place)? else { return Ok(()) };
        all.lock().expect("lock").push(got.clone());
        for act in handler(&got) {
            if !play(act, stream)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads a request; none if the client has gone.
fn read_request(
    reader: &mut impl BufRead,
    connection: usize,
    place: usize,
) -> io::Result<Option<Got>> {
    let (mut line, mut fields, mut body) = (String::new(), String::new(), Vec::new());
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    while !fields.ends_with("\r\n\r\n") && fields != "\r\n" {
        reader.read_line(&mut fields)?;
    }
    let length = fields.lines().find_map(|field| field.strip_prefix("Content-Length: "));
    // A test of a client that cannot send asks for a stall instead.
    if let Some(length) = length.filter(|_| !line.contains("/unread")) {
        body.resize(length.parse().expect("a length"), 0);
        reader.read_exact(&mut body)?;
    }
    let line = line.trim_end().to_owned();
    Ok(Some(Got { connection, place, line, fields, body }))
}

/// Does one thing; false if that was the connection's end.
fn play(act: Act, mut stream: &TcpStream) -> io::Result<bool> {
    match act {
        Act::Send(bytes) => stream.write_all(&bytes)?,
        Act::Bytewise(bytes) => {
            for byte in bytes {
                stream.write_all(&[byte])?;
            }
        }
        Act::Forever(bytes) => loop {
            stream.write_all(&bytes)?;
        },
        Act::Drip(bytes) => loop {
            stream.write_all(&bytes)?;
            thread::sleep(Duration::from_millis(5));
        },
        Act::Stall => {
            while stream.read(&mut [0; 4096])? > 0 {}
            return Ok(false);
        }
        Act::Ignore => loop {
            thread::park();
        },
        Act::Close => {
            stream.shutdown(Shutdown::Both)?;
            return Ok(false);
        }
        Act::Reset => {
            set_linger_zero(stream)?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// The three ways to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The blocking client.
    Blocking,
    /// The blocking client on a worker of a pool.
    Threads,
    /// The client on the loop.
    Async,
}

/// All of them.
pub(crate) const MODES: [Mode; 3] = [Mode::Blocking, Mode::Threads, Mode::Async];

/// Fetches a page in one of the modes.
pub(crate) fn fetch(
    mode: Mode,
    options: &Options,
    request: Result<Request, Failure>,
) -> Result<Page, Failure> {
    let (request, options) = (request?, options.clone());
    let on_thread = |request: Request, options| {
        let mut body = Vec::new();
        let response = blocking::Client::new(options).fetch(&request, &mut body)?;
        Ok(Page { response, body })
    };
    match mode {
        Mode::Blocking => on_thread(request, options),
        Mode::Threads => {
            let pool = ThreadPool::fixed("fetch", 1).expect("a pool");
            let job = pool.submit(move || on_thread(request, options)).expect("a worker");
            job.join().expect("a job that does not panic")
        }
        Mode::Async => EventLoop::new().expect("a loop").block_on(async {
            let mut body = Vec::new();
            let client = asynchronous::Client::new(options);
            let response = client.fetch(&request, &mut body).await?;
            Ok(Page { response, body })
        }),
    }
}

/// What came of a fetch, in one line: the status and the body, or the fault.
pub(crate) fn outcome(fetched: &Result<Page, Failure>) -> String {
    match fetched {
        Ok(page) => {
            assert_eq!(
                page.body.len() as u64,
                page.response.body_bytes,
                "the count is that of the body"
            );
            let shown = String::from_utf8_lossy(&page.body);
            format!("{} {}", page.status(), if shown.len() > 100 { "…" } else { &shown })
        }
        Err(failure) => failure.fault.to_string(),
    }
}

/// An address that neither accepts nor refuses: its queue is full, and who knocks is not heard.
pub(crate) struct Deaf {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Accepts no client.
    _listener: TcpListener,
    /// Fill the queue.
    _clients: Vec<TcpStream>,
}

impl Deaf {
    /// Fills a queue.
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        listen_with_backlog(&listener, 0).expect("listen");
        let address = listener.local_addr().expect("address");
        let knock = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let clients = std::iter::from_fn(knock).collect();
        Self { address, _listener: listener, _clients: clients }
    }
}

/// An address without a listener.
pub(crate) fn closed_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    listener.local_addr().expect("address")
}
