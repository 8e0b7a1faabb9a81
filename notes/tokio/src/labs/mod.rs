//! The labs that have a counterpart on tokio, line for line.
//!
//! Each file is handloom's of the same name with the runtime exchanged; `diff src/labs/NAME.rs notes/tokio/src/labs/NAME.rs`
//! shows what that takes. They write into handloom's [`Journal`], whose clock is the real one outside of its loop.

use std::io;

use handloom::labs::Journal;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

pub mod blocking_call;
pub mod cancel;
pub mod context_manager;
pub mod cooperative;
pub mod echo;
pub mod gather;
pub mod lost_wake;
pub mod tasks;
pub mod timeouts;

/// What runs a lab.
pub type Run = fn(&Journal) -> io::Result<()>;

/// Every lab here, by the name that it has in `handloom lab`.
pub const LABS: &[(&str, Run)] = &[
    ("timeouts", timeouts::run),
    ("blocking-call", blocking_call::run),
    ("lost-wake", lost_wake::run),
    ("cooperative", cooperative::run),
    ("tasks", tasks::run),
    ("gather", gather::run),
    ("context-manager", context_manager::run),
    ("cancel", cancel::run),
];

/// Makes a runtime of one thread, whose tasks need not be `Send`: the counterpart of handloom's event loop.
///
/// # Errors
/// Those of the selector.
pub fn local_runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}
