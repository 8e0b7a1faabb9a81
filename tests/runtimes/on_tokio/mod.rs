//! The suite on tokio's local runtime, and the claims that only it makes.

mod own;
mod words;

pub(crate) use words::Tokio;

/// The claims that it does not meet.
const UNMET: &[(&str, &str)] =
    &[("a_listener_without_descriptors_waits_and_goes_on", "accept gives the error to its caller")];

handloom_conformance::conformance!(Tokio, except: UNMET);
