//! Chapter 10: a future that is ready at its third poll.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Is pending twice, and ready at the third poll. It asks for each further poll itself.
#[derive(Debug, Default)]
pub struct Third {}

impl Future for Third {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        todo!()
    }
}

#[test]
fn third() {
    crate::judges::third(Third::default());
}
