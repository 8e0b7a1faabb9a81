//! Pairs of connected sockets, and a way to reset one.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use socket2::SockRef;

use crate::runtime::{Reader, Runtime};

/// Has a socket be closed by a reset.
fn close_by_reset(socket: &TcpStream) {
    SockRef::from(socket).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Sets the backlog of a socket that listens already.
pub fn set_backlog(listener: &TcpListener, backlog: i32) {
    SockRef::from(listener).listen(backlog).unwrap();
}

/// Connects two sockets over loopback.
pub fn std_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    (near, far)
}

/// Connects a socket of the runtime to one of the standard library, which blocks.
pub fn pair<R: Runtime>() -> (R::Stream, TcpStream) {
    let (near, far) = std_pair();
    (R::adopt(near).unwrap(), far)
}

/// Connects two sockets of the runtime, without a network.
pub fn pair_on_loop<R: Runtime>() -> (R::Stream, R::Stream) {
    let (near, far) = quick_pair();
    (R::adopt(near).unwrap(), R::adopt(far).unwrap())
}

/// Connects a client which is closed by a reset: a port that is closed otherwise stays taken for a minute,
/// and a suite that is run again and again would find none.
pub fn client(to: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(to).unwrap();
    close_by_reset(&client);
    client
}

/// Connects two sockets without a network: quick to make, and no port is used up. They are not TCP, but
/// read and write alike.
pub fn quick_pair() -> (TcpStream, TcpStream) {
    let (near, far) = UnixStream::pair().unwrap();
    (OwnedFd::from(near).into(), OwnedFd::from(far).into())
}

/// Closes a socket with a reset.
pub fn reset(stream: TcpStream) {
    close_by_reset(&stream);
    drop(stream);
}

/// Reads until the buffer is full.
pub async fn read_exact(from: &mut impl Reader, buf: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buf.len() {
        match from.read(&mut buf[filled..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(())
}

/// Reads to the end.
pub async fn read_to_end(from: &mut impl Reader) -> io::Result<Vec<u8>> {
    let (mut all, mut buf) = (Vec::new(), [0; 16 * 1024]);
    loop {
        match from.read(&mut buf).await? {
            0 => return Ok(all),
            read => all.extend_from_slice(&buf[..read]),
        }
    }
}
