//! An HTTP client that blocks and reads replies strictly.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use handloom::http::{Body, Fields, Framing, Method, Piece, ResponseParser};

/// How long anything may take before it counts as hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A reply.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Its fields.
    pub(crate) fields: Fields,
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// Whether the connection goes on.
    pub(crate) keep_alive: bool,
}

impl Answer {
    /// A field as text; empty when it is not there.
    pub(crate) fn field(&self, name: &str) -> String {
        self.fields.get(name).map(|value| String::from_utf8_lossy(value).into()).unwrap_or_default()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into()
    }
}

/// A client that blocks, but not for ever.
pub(crate) struct Client {
    /// The connection.
    pub(crate) stream: TcpStream,
    /// Received, and not used.
    bytes: Vec<u8>,
}

impl Client {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("timeout");
        stream.set_nodelay(true).expect("nodelay");
        Self { stream, bytes: Vec::new() }
    }

    /// Sends.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("send");
        self
    }

    /// Reads more; tells whether there was any.
    fn more(&mut self) -> bool {
        let mut some = [0; 16 * 1024];
        let read = self.stream.read(&mut some).expect("expected bytes or the end");
        self.bytes.extend_from_slice(&some[..read]);
        read > 0
    }

    /// The next reply to a request that was no `HEAD`.
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to(Method::Get)
    }

    /// The next reply.
    pub(crate) fn answer_to(&mut self, method: Method) -> Answer {
        let mut parser = ResponseParser::new(method, handloom::http::HeadLimits::default());
        let head = loop {
            match parser.parse(&self.bytes).expect("expected a reply, came something else") {
                Some((head, taken)) => {
                    self.bytes.drain(..taken);
                    break head;
                }
                None => assert!(self.more(), "expected a reply, came the end"),
            }
        };
        let mut body = Body::new(head.framing, u64::MAX).expect("a body");
        let mut data = Vec::new();
        loop {
            let mut input = &self.bytes[..];
            let end = loop {
                match body.next(&mut input).expect("expected a body, came something else") {
                    Piece::Data(piece) => data.extend_from_slice(piece),
                    Piece::More => break false,
                    Piece::End => break true,
                }
            };
            let left = input.len();
            self.bytes.drain(..self.bytes.len() - left);
            if end {
                break;
            }
            if !self.more() {
                body.end().expect("expected all of the body, came the end");
            }
        }
        let keep_alive = head.keep_alive && head.framing != Framing::Close;
        Answer { status: head.status.code(), fields: head.fields, body: data, keep_alive }
    }

    /// Sends a `GET` and reads the reply.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).answer()
    }

    /// Waits for the end; returns what came before it. A reset counts as the end.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.bytes);
        let mut some = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut some) {
                Ok(0) => return rest,
                Ok(read) => rest.extend_from_slice(&some[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return rest,
                Err(error) => panic!("expected the end of the connection, came {error}"),
            }
        }
    }
}
