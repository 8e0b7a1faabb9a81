//! Readers of what stands behind an option: numbers, spans of time, paths, addresses.
//!
//! A reader returns what it *expected*; `command_line` adds the option's name and what was given:
//! `--pause-ms: expected a whole number of milliseconds from 1 to …, got "x"`. A number has both bounds, and its unit
//! stands in the message. What cannot work is refused here, before anything is started, such as port 0 in a connect.

use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::command_line::Reader;
use crate::os::socket::listen_on_loopback;
use crate::rt::EventLoop;
use crate::web::client::dial::{self, STAGGER, alternate};

/// Reads a whole number of `what` ("milliseconds") within `range`.
pub(crate) fn whole(what: &str, range: RangeInclusive<usize>) -> impl Reader<usize> {
    move |text: &OsStr| {
        let number = text.to_str().and_then(|text| text.parse().ok());
        let number = number.filter(|number| range.contains(number));
        let (low, high) = (range.start(), range.end());
        number.ok_or_else(|| format!("expected a whole number of {what} from {low} to {high}"))
    }
}

/// Reads a span in seconds from `least` to `most`; decimals are allowed.
pub(crate) fn seconds(least: Duration, most: Duration) -> impl Reader<Duration> {
    move |text: &OsStr| {
        let count = text.to_str().and_then(|text| text.parse().ok());
        // The standard library refuses negative and infinite counts.
        let span = count.and_then(|count| Duration::try_from_secs_f64(count).ok());
        let (low, high) = (least.as_secs_f64(), most.as_secs_f64());
        span.filter(|span| (least..=most).contains(span))
            .ok_or_else(|| format!("expected seconds from {low} to {high}, such as 2 or 0.5"))
    }
}

/// Reads a time limit in seconds. Nothing can be done in 0 seconds, and more than a day is a mistake in the unit.
pub(crate) fn time_limit() -> impl Reader<Duration> {
    seconds(Duration::from_millis(1), Duration::from_hours(24))
}

/// Reads how long the stop of a server may take; 0 means to stop at once.
pub(crate) fn grace() -> impl Reader<Duration> {
    seconds(Duration::ZERO, Duration::from_hours(24))
}

/// Reads one of some words; returns its place among them.
pub(crate) fn one_of<const N: usize>(words: [&str; N]) -> impl Fn(&str) -> Result<usize, String> {
    move |word| {
        let place = words.iter().position(|known| *known == word);
        place.ok_or_else(|| format!("expected one of {}", words.join(", ")))
    }
}

/// Makes a reader of words out of a reader of text.
pub(crate) fn text<T>(read: impl Fn(&str) -> Result<T, String>) -> impl Reader<T> {
    move |word: &OsStr| word.to_str().ok_or("expected text in UTF-8".to_owned()).and_then(&read)
}

/// Reads a value by its `FromStr`, whose error says what was expected.
pub(crate) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|expected: T::Err| expected.to_string())
}

/// Reads the name of `what` ("a directory"), which need not exist. An empty name would mean the current directory,
/// which a user of `--out "$UNSET"` does not mean.
pub(crate) fn path(what: &str) -> impl Reader<PathBuf> {
    move |text: &OsStr| {
        let named = Some(text).filter(|text| !text.is_empty()).map(PathBuf::from);
        named.ok_or_else(|| format!("expected the name of {what}"))
    }
}

/// A host and a port as they were given; the name of the host is not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// Reads an address with a port from `least_port` on: 0 where it listens, which asks the kernel for a free port, or
    /// 1 where it connects. It splits the text at its last colon, and checks the two parts.
    pub(crate) fn reader(least_port: u16) -> impl Reader<Self> {
        move |text: &OsStr| {
            let text = text.to_str().ok_or("expected text in UTF-8")?;
            let parts = text.rsplit_once(':').filter(|(host, _)| !host.contains('/'));
            let (host, port) = parts.ok_or("expected HOST:PORT, such as 127.0.0.1:8888")?;
            if host.is_empty() || host.chars().any(char::is_whitespace) {
                return Err("expected a host before the port, such as 127.0.0.1:8888".to_owned());
            }
            // Without brackets the end of the host is unknown: `::1:8888` is an address without a port too.
            if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
                return Err("expected an IPv6 address in brackets, such as [::1]:8888".to_owned());
            }
            match port.parse::<u16>() {
                Ok(port) if port >= least_port => Ok(Self(text.to_owned())),
                _ => Err(format!("expected a port from {least_port} to {}", u16::MAX)),
            }
        }
    }

    /// Tells whether the name means this machine alone (RFC 6761, section 6.3).
    pub(crate) fn is_localhost(&self) -> bool {
        let (host, _) = self.0.rsplit_once(':').unwrap_or_default();
        host == "localhost" || host.ends_with(".localhost")
    }

    /// Listens on the first address of this name that can be bound; on `localhost`, on both of its addresses. Without
    /// IPv6 that is the address of IPv4 alone.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        if !self.is_localhost() {
            return TcpListener::bind(&*self.resolve()?);
        }
        let (_, port) = self.0.rsplit_once(':').unwrap_or_default();
        let port = port.parse().expect("holds because the address was read");
        listen_on_loopback(port).or_else(|error| match error.kind() {
            ErrorKind::AddrInUse => Err(error),
            _ => TcpListener::bind((Ipv4Addr::LOCALHOST, port)),
        })
    }

    /// Connects to the first address of this name that accepts, as `get` does. `localhost` is often `::1` first and
    /// `127.0.0.1` second, and a server listens on one of them. The error is that of the first address.
    pub(crate) fn connect(&self) -> io::Result<TcpStream> {
        let addresses = alternate(&self.resolve()?);
        let event_loop = EventLoop::builder().slow_poll(None).build()?;
        let (connected, _) = event_loop.block_on(dial::connect(&addresses, STAGGER))?;
        let stream = TcpStream::from(connected.as_fd().try_clone_to_owned()?);
        stream.set_nonblocking(false)?;
        Ok(stream)
    }

    /// Asks the system for the addresses of this name, which blocks while the name service works.
    pub(crate) fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let found = match self.0.to_socket_addrs().map(Vec::from_iter) {
            Ok(found) if found.is_empty() => Err(io::Error::other("the name has no address")),
            found => found,
        };
        found.map_err(|error| io::Error::new(error.kind(), format!("look up {self}: {error}")))
    }
}

impl Display for Address {
    /// Writes it as it was given.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}
