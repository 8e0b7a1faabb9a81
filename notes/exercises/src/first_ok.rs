//! Chapter 13: the first of two futures that succeeds.

/// Returns the first value. A future that fails is forgotten while the other one runs; if both fail, the later error is
/// returned. When this returns a value, the other future has been dropped.
///
/// `std::pin::pin!` and `std::future::poll_fn` are what it takes. A future that has returned `Ready` must not be polled
/// again.
pub async fn first_ok<T, E>(
    left: impl Future<Output = Result<T, E>>,
    right: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    drop((left, right));
    todo!()
}

#[test]
fn first_ok_of_two() {
    crate::judges::first_ok(|left, right| Box::pin(first_ok(left, right)));
}
