//! The two versions of HTTP that this house speaks.
//!
//! **Left out**: HTTP/0.9, which has no head, and HTTP/2 and later, which are not text. A message of theirs is
//! refused by its first line.
//!
//! **Source**: RFC 9112, section 2.3.

use std::fmt;

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: a connection ends after one answer unless both sides say otherwise, and nothing is chunked.
    Http10,
    /// HTTP/1.1: a connection goes on unless one side says otherwise.
    #[default]
    Http11,
}

/// What is wrong with the piece of a first line that should be a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoVersion {
    /// It has the form of a version, but not of one that is spoken here.
    Other,
    /// It does not have that form.
    Malformed,
}

impl Version {
    /// Reads a version as it stands in a first line. Letters count as they are: `http/1.1` is none.
    pub(super) fn parse(text: &[u8]) -> Result<Self, NoVersion> {
        match text {
            b"HTTP/1.1" => Ok(Self::Http11),
            b"HTTP/1.0" => Ok(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                Err(NoVersion::Other)
            }
            _ => Err(NoVersion::Malformed),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        })
    }
}
