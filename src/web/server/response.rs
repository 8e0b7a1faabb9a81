//! A response as a handler makes it.
//!
//! A handler says what is answered, and not how it is framed: length, chunks, `Connection` and `Date` belong to the
//! server (`ENCODE-2`). So no handler can break the stream of responses.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;

use crate::http::{FieldError, Fields, Framing, Status};
use crate::report::Page;

/// A response.
///
/// # Examples
/// ```
/// use handloom::{http::Status, web::server::Response};
/// let response = Response::text("gone\n").with_status(Status::NOT_FOUND);
/// assert_eq!(response.status(), Status::NOT_FOUND);
/// ```
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub(super) status: Status,
    /// The value of `Content-Type`. It is not in `fields`, which needs no memory then in most responses.
    pub(super) content_type: Option<&'static str>,
    /// The other fields.
    pub(super) fields: Fields,
    /// The body.
    pub(super) body: Content,
}

/// The body of a response.
pub(super) enum Content {
    /// The whole body, sent with its length.
    Whole(Cow<'static, [u8]>),
    /// Made while it is sent.
    Pieces {
        /// How the client finds its end.
        framing: Framing,
        /// Where the pieces come from.
        source: Box<dyn Pieces>,
    },
}

/// A future of a handler.
pub(super) type BoxedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The source of the pieces of a body.
pub(super) trait Pieces {
    /// Makes the next piece; `None` at the end.
    fn next(&mut self) -> BoxedFuture<'_, Option<Vec<u8>>>;
}

impl<F: AsyncFnMut() -> Option<Vec<u8>>> Pieces for F {
    fn next(&mut self) -> BoxedFuture<'_, Option<Vec<u8>>> {
        Box::pin(self())
    }
}

impl Response {
    /// Makes a response without a body.
    pub fn empty(status: Status) -> Self {
        Self::whole(status, None, Cow::Borrowed(&[]))
    }

    /// Makes a text, with 200. A constant text is not copied.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self::whole(Status::OK, Some("text/plain; charset=utf-8"), bytes_of(text.into()))
    }

    /// Makes a page with a title, a sentence, and links, each with what it leads to; with 200.
    pub fn index(title: &str, about: &str, links: &[(String, String)]) -> Self {
        let mut page = Page::new(title);
        page.paragraph(about);
        let told = |(to, what): &(String, String)| (to.clone(), format!("{to}: {what}"));
        page.links(&links.iter().map(told).collect::<Vec<_>>());
        Self::whole(Status::OK, Some("text/html; charset=utf-8"), bytes_of(page.finish().into()))
    }

    /// Makes a JSON text, with 200.
    pub fn json(text: impl Into<Cow<'static, str>>) -> Self {
        Self::whole(Status::OK, Some("application/json"), bytes_of(text.into()))
    }

    /// Makes a response of any bytes, with 200.
    pub fn bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::whole(Status::OK, Some("application/octet-stream"), bytes.into())
    }

    /// Makes a response whose body is the status's reason phrase.
    pub fn error(status: Status) -> Self {
        Self::text(format!("{}\n", status.reason())).with_status(status)
    }

    /// Makes a redirect with one of the statuses 301, 302, 303, 307 and 308.
    ///
    /// # Errors
    /// The location has a control character, such as a line break.
    pub fn redirect(status: Status, location: &str) -> Result<Self, FieldError> {
        Self::error(status).with_field("Location", location)
    }

    /// Makes a response whose body is made while it is sent, with 200.
    ///
    /// `framing` says how the client finds the end: chunks, the connection's end, or a known length. The source makes
    /// the next piece when the last one was sent, and none for `HEAD`. A source that stops before the declared
    /// length, or panics, ends the connection, so the client sees that the body is not complete; bytes beyond the
    /// length are not sent.
    pub fn pieces(
        framing: Framing,
        source: impl AsyncFnMut() -> Option<Vec<u8>> + 'static,
    ) -> Self {
        let mut response = Self::bytes(&[][..]);
        response.body = Content::Pieces { framing, source: Box::new(source) };
        response
    }

    /// Makes a response with a whole body.
    fn whole(status: Status, content_type: Option<&'static str>, body: Cow<'static, [u8]>) -> Self {
        Self { status, content_type, fields: Fields::new(), body: Content::Whole(body) }
    }

    /// Changes the status.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Adds a field. `Content-Type` replaces the present one.
    ///
    /// # Errors
    /// Name or value cannot be written as one field.
    pub fn with_field(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, FieldError> {
        self.fields.push(name, value)?;
        if name.eq_ignore_ascii_case("content-type") {
            self.content_type = None;
        }
        Ok(self)
    }

    /// Returns the status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns how the client finds the end of the body.
    pub(super) fn framing(&self) -> Framing {
        match &self.body {
            // No length where a body is not allowed: with 304 it would say that the page is empty.
            Content::Whole(bytes) if bytes.is_empty() && self.status.forbids_body() => {
                Framing::None
            }
            Content::Whole(bytes) => Framing::Length(bytes.len() as u64),
            Content::Pieces { framing, .. } => *framing,
        }
    }
}

/// Turns a text into its bytes.
fn bytes_of(text: Cow<'static, str>) -> Cow<'static, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Pieces { framing, .. } => write!(f, "pieces, {framing:?}"),
        }
    }
}
