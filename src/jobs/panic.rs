//! A panic kept as a value, and the boundary at which a panic stops.
//!
//! Problem: jobs, tasks, wakers and the destructors of their values are foreign code, and any of them may panic. The
//! thread that serves others as well must survive that. If a result can still be delivered, the panic becomes its
//! error ([`Panic`]). If not, it stops at [`contain`], after the panic hook has reported it.
//!
//! A panic's payload is foreign too: its destructor may panic. So a [`Panic`] drops its payload inside `contain`.
//!
//! **Source**: the worker loop of `rayon-core`, which ends the program instead.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

/// What `panic!` was given.
type Payload = Box<dyn Any + Send>;

/// The panic of a job or a task.
pub struct Panic {
    /// What panicked, in words that begin a sentence.
    who: Cow<'static, str>,
    /// The text that `panic!` was given.
    text: String,
    /// Where it happened, if that is known.
    location: Option<String>,
    /// What `panic!` was given; `None` in a clone, and if the panic happened in another process. Never locked: the
    /// mutex makes this type `Sync`, which an `io::Error` demands of what it holds.
    payload: Mutex<Option<Payload>>,
}

impl Panic {
    /// Keeps what `catch_unwind` has caught.
    pub(crate) fn new(who: impl Into<Cow<'static, str>>, payload: Payload) -> Self {
        let text = match payload.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => payload.downcast_ref().copied().unwrap_or("a payload without text").to_owned(),
        };
        Self { who: who.into(), text, location: None, payload: Mutex::new(Some(payload)) }
    }

    /// Keeps what another process says about a panic; a payload cannot leave its process.
    pub(crate) fn remote(text: String, location: String) -> Self {
        Self { who: "the job".into(), text, location: Some(location), payload: Mutex::default() }
    }

    /// Returns the text that `panic!` was given, or says that there was none.
    pub fn message(&self) -> &str {
        &self.text
    }

    /// Returns where it happened, as `file:line:column`. This is known of a panic in another process; one in this
    /// process has been printed by the panic hook.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Returns what `panic!` was given; the text, if that is all that there is.
    pub fn into_payload(mut self) -> Payload {
        self.take_payload().unwrap_or_else(|| Box::new(mem::take(&mut self.text)))
    }

    /// Takes the payload out.
    fn take_payload(&mut self) -> Option<Payload> {
        self.payload.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Continues the panic on this thread.
    ///
    /// # Panics
    /// Always.
    pub fn resume(mut self) -> ! {
        match self.take_payload() {
            Some(payload) => resume_unwind(payload),
            None => panic!("{self}"),
        }
    }
}

impl Clone for Panic {
    /// Copies everything but the payload, of which there is one.
    fn clone(&self) -> Self {
        let (who, text, location) = (self.who.clone(), self.text.clone(), self.location.clone());
        Self { who, text, location, payload: Mutex::default() }
    }
}

impl Drop for Panic {
    fn drop(&mut self) {
        let payload = self.take_payload();
        contain(move || drop(payload));
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} panicked: {}", self.who, self.text)?;
        self.location.as_ref().map_or(Ok(()), |location| write!(out, " (at {location})"))
    }
}

impl fmt::Debug for Panic {
    /// Shows what can be printed; the payload need not be.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Panic")
            .field("who", &self.who)
            .field("text", &self.text)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// Calls foreign code and stops its panic, which no caller could be told of.
pub(crate) fn contain(foreign: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(foreign)) else { return };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Its destructor may panic again, without end. One leaked box ends that.
        #[expect(clippy::mem_forget, reason = "the payload of a payload is not dropped")]
        mem::forget(second);
    }
}
