//! What may stand behind an option: numbers, spans of time, names, addresses.
//!
//! Each reader returns what it *expected*; the parser adds where it stood and what was given. So a message always
//! has the three parts that a user needs: `--pause-ms: expected a whole number of milliseconds from 1 to …, got "x"`.
//!
//! **Invariants**
//! - `VALUES-1`: a number has both bounds, and its unit stands in the message.
//! - `VALUES-2`: what cannot work is refused here, before anything is started: port 0 for a connect, an idle
//!   time-out of 0.
//!
//! **Left out**: units in the value (`5s`, `1MiB`). The option's name or its usage text has the unit.

use std::fmt::Display;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Reads a whole number of `what` ("milliseconds") within `range`.
pub(crate) fn whole(
    what: &str,
    range: RangeInclusive<usize>,
) -> impl FnOnce(&str) -> Result<usize, String> {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (low, high) = range.into_inner();
        number.ok_or_else(|| format!("expected a whole number of {what} from {low} to {high}"))
    }
}

/// Reads a span in whole milliseconds.
pub(crate) fn milliseconds(
    range: RangeInclusive<usize>,
) -> impl FnOnce(&str) -> Result<Duration, String> {
    move |text| whole("milliseconds", range)(text).map(|count| Duration::from_millis(count as u64))
}

/// Reads a span in seconds, with decimals if need be, of `least` to `most`.
pub(crate) fn seconds(
    least: Duration,
    most: Duration,
) -> impl FnOnce(&str) -> Result<Duration, String> {
    move |text| {
        // The standard library refuses what is negative, infinite or no number at all.
        let span = text.parse().ok().and_then(|count| Duration::try_from_secs_f64(count).ok());
        let (low, high) = (least.as_secs_f64(), most.as_secs_f64());
        span.filter(|span| (least..=most).contains(span))
            .ok_or_else(|| format!("expected seconds from {low} to {high}, such as 2 or 0.5"))
    }
}

/// Reads whatever has a reading of its own whose error says what was expected.
pub(crate) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|expected: T::Err| expected.to_string())
}

/// Reads the name of a directory, which need not exist yet. An empty one would be the one we stand in, which
/// nobody means who writes `--out "$UNSET"`.
pub(crate) fn directory(text: &str) -> Result<PathBuf, String> {
    let named = Some(text).filter(|text| !text.is_empty()).map(PathBuf::from);
    named.ok_or_else(|| "expected the name of a directory".to_owned())
}

/// A host and a port as they were given; the host's name is not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The text.
    text: String,
}

impl Address {
    /// Reads an address to listen on. Port 0 is a request for one that is free.
    pub(crate) fn to_listen(text: &str) -> Result<Self, String> {
        Self::read(text, 0, "127.0.0.1:8888")
    }

    /// Reads an address to connect to.
    pub(crate) fn to_connect(text: &str) -> Result<Self, String> {
        Self::read(text, 1, "127.0.0.1:8888")
    }

    /// Parts the text at its last colon, and looks at the two parts.
    fn read(text: &str, least_port: u16, example: &str) -> Result<Self, String> {
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(format!("expected HOST:PORT, such as {example}"));
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() || host.chars().any(char::is_whitespace) {
            return Err(format!("expected a host before the port, such as {example}"));
        }
        // Without brackets nobody can tell where the host ends: `::1:8888` is an address without a port too.
        if host.contains(':') && bare == host {
            return Err("expected an IPv6 address in brackets, such as [::1]:8888".to_owned());
        }
        match port.parse::<u16>() {
            Ok(port) if port >= least_port => Ok(Self { text: text.to_owned() }),
            _ => Err(format!("expected a port from {least_port} to {}", u16::MAX)),
        }
    }

    /// Asks the system for the addresses of this name; of numbers, there is just the one.
    ///
    /// # Errors
    /// The name is unknown, or nobody could be asked.
    ///
    /// # Blocking
    /// As long as the name service takes.
    pub(crate) fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        Ok(self.text.to_socket_addrs()?.collect())
    }
}

impl Display for Address {
    /// Writes it as it was given.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(&self.text)
    }
}
