//! The pages of the embedded site, with different sizes, delays and HTTP framings.
//!
//! **Invariants**
//! - `PAGES-1` A page has the same bytes each time, so the results of two modes can be compared.
//! - `PAGES-2` No response begins before the page's delay is over; a dripping page does not end before that.

use std::time::Duration;

use crate::aio::sleep;
use crate::http::Framing;
use crate::web::server::Response;

/// The bytes of a piece, for pages that are sent in pieces.
const PIECE_BYTES: usize = 1_000;

/// A page of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its path.
    pub path: &'static str,
    /// Its size.
    pub bytes: usize,
    /// The time until the response begins; for a dripping page, until it ends.
    pub delay: Duration,
    /// How its end is marked.
    pub framing: PageFraming,
}

/// How the end of a page is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFraming {
    /// By its length.
    Length,
    /// In chunks.
    Chunked,
    /// In chunks with pauses between them.
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

/// Makes a row of the table.
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

    /// Returns the response, after the delay. A dripping page begins at once, and pauses between the pieces.
    pub(super) async fn answer(self) -> Response {
        if self.framing == PageFraming::Dripping {
            let pieces = u32::try_from(self.bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX);
            return in_pieces(self, Framing::Chunked, self.delay / pieces.max(1));
        }
        sleep(self.delay).await;
        match self.framing {
            PageFraming::Length => Response::text(self.text()),
            PageFraming::Close => in_pieces(self, Framing::Close, Duration::ZERO),
            PageFraming::Chunked | PageFraming::Dripping => {
                in_pieces(self, Framing::Chunked, Duration::ZERO)
            }
        }
    }
}

/// Returns a response that sends a page in pieces, with a pause before each.
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
