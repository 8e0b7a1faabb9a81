//! What makes the loop fit for use, and is not needed to understand a turn. The spine calls each in one line.

pub(crate) mod builder;
pub(crate) mod clock;
pub(crate) mod observer;
pub(crate) mod pace;
pub(crate) mod remote;
pub(crate) mod stuck;
