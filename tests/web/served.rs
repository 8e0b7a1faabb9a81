//! A server on a thread of its own, and what only its tests ask of a client.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::thread::JoinHandle;

use handloom::aio::{self, Descriptor};
use handloom::os::EventFd;
use handloom::rt::EventLoop;
use handloom::web::server::{Config, Router, Server};

use crate::http_client::Client;

/// A server on a thread of its own; the drop stops it, and waits.
pub(crate) struct Served {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Stops it.
    stop: EventFd,
    /// Its thread.
    thread: Option<JoinHandle<()>>,
}

/// Serves what `table` makes; the state is made on the server's thread.
pub(crate) fn serve<S: 'static>(
    config: Config,
    table: impl FnOnce() -> (Router<S>, S) + Send + 'static,
) -> Served {
    serve_with(move || {
        let (router, state) = table();
        Server::with_config(router, state, config)
    })
}

/// Serves with a server that is made on its thread.
pub(crate) fn serve_with<S: 'static>(make: impl FnOnce() -> Server<S> + Send + 'static) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let stop = EventFd::new().expect("eventfd");
    let stopped = stop.as_fd().try_clone_to_owned().expect("dup");
    let thread = std::thread::spawn(move || {
        let server = make();
        EventLoop::new().expect("a loop").block_on(async {
            let mut stopped = Descriptor::new(stopped).expect("descriptor");
            let listener = aio::TcpListener::from_std(listener).expect("listener");
            let stop = async { stopped.readable().await.expect("readable") };
            server.serve(listener, stop).await.expect("served");
        });
    });
    Served { address, stop, thread: Some(thread) }
}

impl Served {
    /// Connects.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Tells it to stop, and does not wait.
    pub(crate) fn stop(&self) {
        self.stop.signal().expect("signal");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || ended.is_ok(), "the server's thread panicked");
        }
    }
}

impl Client {
    /// Sends byte by byte; stops when the server has hung up.
    pub(crate) fn send_slowly(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes {
            if self.stream.write_all(&[*byte]).is_err() {
                break;
            }
            std::thread::yield_now();
        }
        self
    }

    /// Closes the sending side.
    pub(crate) fn close_sending(&mut self) -> &mut Self {
        // It fails when the server has reset the connection, which the next read tells.
        drop(self.stream.shutdown(Shutdown::Write));
        self
    }
}
