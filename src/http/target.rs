//! What a request is about: the target in its first line, and the host that it is meant for.
//!
//! | form | looks like | allowed |
//! | --- | --- | --- |
//! | origin | `/a?b` | always |
//! | absolute | `http://host/a?b` | always; the host in it counts, not the one in `Host` |
//! | asterisk | `*` | with `OPTIONS` |
//! | authority | `host:80` | never: it goes with `CONNECT`, which is not known here |
//!
//! **Invariants**
//! - `TARGET-1` Only visible ASCII, and no `#`: a fragment never leaves the client, and one that comes all the same
//!   is cut off by some programs and kept by others.
//! - `TARGET-2` `Host` is there exactly once in HTTP/1.1, and at most once in HTTP/1.0; it is a host and perhaps a
//!   port (`AUTHORITY-1`), or empty, when the client's address has none.
//!
//! **Source**: RFC 9112, sections 3.2 and 3.3; RFC 9110, section 7.2.

use std::ops::Range;
use std::str;

use super::authority;
use super::fields::Fields;
use super::method::Method;
use super::request_error::RequestError;
use super::version::Version;

/// A target taken apart; all pieces lie within the head.
pub(super) struct Target<'a> {
    /// Host and port, in the absolute form.
    pub(super) authority: Option<&'a [u8]>,
    /// The path, at least `/`; or `*`.
    pub(super) path: &'a [u8],
    /// What stands behind the `?`, if there is one.
    pub(super) query: Option<&'a [u8]>,
}

/// Takes a target apart; `None` when it has no form that goes with the method.
pub(super) fn parse(target: &[u8], method: Method) -> Option<Target<'_>> {
    // TARGET-1
    if !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
        return None;
    }
    let (authority, rest) = match target {
        [b'/', ..] => (None, target),
        b"*" if method == Method::Options => (None, target),
        _ => split_absolute(target)?,
    };
    let (path, query) = match rest.iter().position(|&byte| byte == b'?') {
        Some(mark) => (&rest[..mark], Some(&rest[mark + 1..])),
        None => (rest, None),
    };
    Some(Target { authority, path, query })
}

/// Splits `http://host/path` before the path, which must be there: without one it would have no place in the head.
fn split_absolute(target: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (scheme, rest) = target.split_at_checked(7)?;
    if !scheme.eq_ignore_ascii_case(b"http://") {
        return None;
    }
    let slash = rest.iter().position(|&byte| byte == b'/' || byte == b'?')?;
    let (authority, path) = rest.split_at(slash);
    let is_fair = is_authority(authority) && !authority.is_empty() && path.starts_with(b"/");
    is_fair.then_some((Some(authority), path))
}

/// Tells whether this is a host and perhaps a port, or nothing at all.
fn is_authority(text: &[u8]) -> bool {
    let host = str::from_utf8(text).ok().and_then(|text| authority::parse(text).ok());
    // A port without a host is no address of anything.
    host.is_some_and(|(host, _)| !host.is_empty() || text.is_empty())
}

/// Judges the field `Host` (`TARGET-2`), and returns where in the head its value stands; nowhere when it is missing.
pub(super) fn check_host(version: Version, fields: &Fields) -> Result<Range<usize>, RequestError> {
    let mut hosts = fields.get_all("host");
    let Some(host) = hosts.next() else {
        return if version == Version::Http10 { Ok(0..0) } else { Err(RequestError::NoHost) };
    };
    if hosts.next().is_some() {
        return Err(RequestError::TwoHosts);
    }
    if is_authority(host) { Ok(fields.place_of(host)) } else { Err(RequestError::Host) }
}
