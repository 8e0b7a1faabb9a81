//! What a request asks to be done: `GET`, `POST` and their kin.
//!
//! A closed list, so that a method is one byte to copy and to compare. A server answers a method that is not on
//! it with 501, which is what that status is for.
//!
//! **Left out**: `CONNECT`, which turns a server into a tunnel, and `TRACE`, which sends a request's fields back
//! to whoever asked, cookies and all. Nobody here wants either.
//!
//! **Source**: RFC 9110, section 9; for `PATCH`, RFC 5789.

use std::fmt;

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// Asks for a resource.
    #[default]
    Get,
    /// Asks for the head that `Get` would have.
    Head,
    /// Hands over something to be worked on.
    Post,
    /// Puts a resource in its place.
    Put,
    /// Changes a part of a resource.
    Patch,
    /// Removes a resource.
    Delete,
    /// Asks what may be done with a resource, or with `*`, the server.
    Options,
}

impl Method {
    /// Every method that is known.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// Returns the method's name as it stands on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// Finds the method of a name. Letters count as they are: `get` is none.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name().as_bytes() == name)
    }

    /// Tells whether asking twice does no more than asking once, so that a request whose connection died
    /// without an answer may be sent again.
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
