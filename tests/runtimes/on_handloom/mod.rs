//! The suite on handloom's event loop, and the claims that only it makes.

mod own;
mod words;

pub(crate) use words::Handloom;

handloom_conformance::conformance!(Handloom);
