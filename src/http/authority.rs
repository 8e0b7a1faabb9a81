//! A host and a port, as they stand in a URL and in the field `Host`.
//!
//! **Invariants**
//! - `AUTHORITY-1` A host is a name of letters, digits and `-._~!$&'()*+,;=`, or an IPv6 address in brackets. So
//!   it has no byte that could end a line, begin a path or hide a second host.
//! - `AUTHORITY-2` A port is digits alone, from 1 to 65535; one that is empty counts as not there.
//!
//! **Left out**: escapes in a host and names beyond ASCII, which a resolver would not know; the zone of an IPv6
//! address, which means something on one machine only.
//!
//! **Source**: RFC 3986, section 3.2.

// An address, not a socket: this room takes it from `core`, where there are none.
use core::net::Ipv6Addr;

/// The port of `http` when none is named.
pub(super) const DEFAULT_PORT: u16 = 80;

/// What is wrong with an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthorityError {
    /// There is a user's name, and maybe a password, before an `@`.
    Userinfo,
    /// The host (`AUTHORITY-1`).
    Host,
    /// The port (`AUTHORITY-2`).
    Port,
}

/// Takes an authority apart: the host, with the brackets of an IPv6 address, and the port if there is one.
///
/// The host may come out empty; whether that is right, the caller knows.
pub(super) fn parse(text: &str) -> Result<(&str, Option<u16>), AuthorityError> {
    if let Some(plain) = parse_plain(text) {
        return Ok(plain);
    }
    if text.contains('@') {
        return Err(AuthorityError::Userinfo);
    }
    // The colons within brackets part no port.
    let (host, port) = match text.rfind(']') {
        Some(bracket) => text.split_at(bracket + 1),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if !is_host(host) {
        return Err(AuthorityError::Host);
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some("") => None,
        Some(digits) => Some(parse_port(digits).ok_or(AuthorityError::Port)?),
        // Something between the bracket and the port.
        None => return Err(AuthorityError::Host),
    };
    Ok((host, port))
}

/// Takes apart what nearly every authority is: a name or number without anything special, and maybe a port. A
/// server does it for each request, and so in one pass.
fn parse_plain(text: &str) -> Option<(&str, Option<u16>)> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let (host, port) = text.split_at(text.bytes().take_while(is_plain).count());
    match port.strip_prefix(':') {
        None if port.is_empty() => Some((host, None)),
        Some(digits) => parse_port(digits).map(|port| (host, Some(port))),
        None => None,
    }
}

/// Tells whether this may be a host (`AUTHORITY-1`).
fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&b)),
    }
}

/// Reads a port (`AUTHORITY-2`); `u16::from_str` would take a plus sign too.
fn parse_port(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&port| is_number && port > 0)
}
