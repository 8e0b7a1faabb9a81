//! The programs of handloom once more, on tokio.
