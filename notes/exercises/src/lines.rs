//! Chapter 5: messages out of a stream.

/// What has arrived of a message that has no end yet.
#[derive(Debug, Default)]
pub struct Lines {}

impl Lines {
    /// Takes the bytes of one read, and returns the messages that are complete now, without their line feeds.
    pub fn feed(&mut self, piece: &[u8]) -> Vec<String> {
        todo!("{piece:?}")
    }
}

#[test]
fn lines() {
    crate::judges::lines(Lines::default, Lines::feed);
}
