//! The pages of the embedded site: of different size and delay, and framed in every way that HTTP knows.
//!
//! **Invariants**
//! - `PAGES-1` The same page has the same bytes each time, so that what two modes fetched can be compared.
//! - `PAGES-2` No answer begins, or with a dripping page ends, before the page's delay is over.

use std::time::Duration;

use crate::aio::sleep;
use crate::http::Framing;
use crate::web::server::Response;

/// Bytes of a piece of a page that is sent in pieces.
const PIECE_BYTES: usize = 1_000;

/// A page of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where it is.
    pub path: &'static str,
    /// How large it is.
    pub bytes: usize,
    /// How long it takes until the answer begins; of a page that drips, until it ends.
    pub delay: Duration,
    /// How its end is told.
    pub framing: PageFraming,
}

/// How the end of a page is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFraming {
    /// By its length.
    Length,
    /// In chunks.
    Chunked,
    /// In chunks, between which time passes.
    Dripping,
    /// By the end of the connection.
    Close,
}

/// The pages.
pub const PAGES: [Page; 12] = [
    page("/empty", 0, 0, PageFraming::Length),
    page("/tiny", 1, 50, PageFraming::Length),
    page("/short", 100, 300, PageFraming::Length),
    page("/page", 10_000, 100, PageFraming::Length),
    page("/long", 100_000, 200, PageFraming::Length),
    page("/huge", 1_000_000, 400, PageFraming::Length),
    page("/late", 500, 500, PageFraming::Length),
    page("/chunks", 5_000, 150, PageFraming::Chunked),
    page("/many-chunks", 200_000, 250, PageFraming::Chunked),
    page("/drip", 10_000, 450, PageFraming::Dripping),
    page("/until-close", 2_000, 100, PageFraming::Close),
    page("/long-until-close", 300_000, 350, PageFraming::Close),
];

/// Writes a line of the table.
const fn page(path: &'static str, bytes: usize, delay_ms: u64, framing: PageFraming) -> Page {
    Page { path, bytes, delay: Duration::from_millis(delay_ms), framing }
}

impl Page {
    /// Returns the page's text (`PAGES-1`).
    pub fn text(&self) -> String {
        let line = format!("This is {} of handloom's embedded site.\n", self.path);
        let mut text = line.repeat(self.bytes / line.len() + 1);
        text.truncate(self.bytes);
        text
    }

    /// Answers with the page.
    pub(super) async fn answer(self) -> Response {
        let framing = match self.framing {
            PageFraming::Dripping => return self.drip(),
            PageFraming::Length => None,
            PageFraming::Chunked => Some(Framing::Chunked),
            PageFraming::Close => Some(Framing::Close),
        };
        sleep(self.delay).await;
        match framing {
            None => Response::text(self.text()),
            Some(framing) => in_pieces(self, framing, Duration::ZERO),
        }
    }

    /// Answers at once, and takes its time over the body.
    fn drip(self) -> Response {
        let pieces = u32::try_from(self.bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX);
        in_pieces(self, Framing::Chunked, self.delay / pieces.max(1))
    }
}

/// Sends a page in pieces, with a pause before each.
fn in_pieces(page: Page, framing: Framing, pause: Duration) -> Response {
    let text = page.text().into_bytes();
    let mut sent = 0;
    Response::pieces(framing, async move || {
        if sent == text.len() {
            return None;
        }
        if !pause.is_zero() {
            sleep(pause).await;
        }
        let end = text.len().min(sent + PIECE_BYTES);
        let piece = text[sent..end].to_vec();
        sent = end;
        Some(piece)
    })
}
