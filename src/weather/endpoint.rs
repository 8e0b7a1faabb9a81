//! Where an upstream is, and the key that it wants.
//!
//! **Invariants**
//! - `ENDPOINT-1` A city's name is escaped whole: blanks, dots, Cyrillic, and what would begin another pair.
//! - `APPID-1` A key is shown by nothing but the address that is sent: it has no `Display`, and its `Debug` hides it.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::http::percent::encode;
use crate::http::{Url, UrlError};

/// Where `OpenWeatherMap` has it, and so everybody who answers in its form.
pub(super) const PATH: &str = "/data/2.5/weather";

/// The address of an upstream, without a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    url: Url,
}

/// Why a text is no address of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// It is no address that is spoken here.
    Url(UrlError),
    /// It has a query, which is ours to write. Keys stand there; so the text is not repeated.
    Query,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// Reads an address; one that does not end with the usual path gets it added.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(EndpointError::Url)?;
        if url.query().is_some() {
            return Err(EndpointError::Query);
        }
        if url.path().ends_with(PATH) {
            return Ok(Self { url });
        }
        let whole = format!("{}{PATH}", url.as_str().trim_end_matches('/'));
        Url::parse(&whole).map(|url| Self { url }).map_err(EndpointError::Url)
    }
}

impl Endpoint {
    /// Writes the address of a city's weather (`ENDPOINT-1`). The key stands in it.
    pub fn address_of(&self, city: &str, key: &AppId) -> String {
        format!("{}?q={}&APPID={}", self.url, encode(city), encode(&key.0))
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Query => {
                f.write_str("expected an address without a query; a key belongs to --appid")
            }
        }
    }
}

impl Error for EndpointError {}

/// The key that an upstream wants (`APPID-1`).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AppId(String);

impl AppId {
    /// Takes a key; it may be empty, where none is wanted.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppId(…)")
    }
}
