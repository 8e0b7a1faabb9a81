//! The watcher on tokio: two tasks, and a `Notify` between them.
//!
//! The counterpart is `handloom::watch::asynchronous`, function for function. The look at the file and the deletion are
//! the same functions, on `spawn_blocking`: tokio's own `fs` does no more than that, a call at a time.
//!
//! What is different: by the `notify` crate (inotify) the kernel reports changes in the file's folder, so the sleep between
//! two looks ends early. The interval is still needed: some file systems report nothing, and a folder that does not exist
//! cannot be watched.

use std::cell::RefCell;
use std::error::Error;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use handloom::watch::{Deletion, Look, Order, Outcome, Seen, WatchError, delete, look};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{Notify, mpsc};
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::timeout;

/// What can go wrong: in the watch itself, or in telling of it.
type Failure = Box<dyn Error>;

/// What the three functions share.
struct Shared<L> {
    /// What was asked for.
    order: Order,
    /// Receives lines of news.
    listener: L,
    /// The string was found, or the search has ended. One task waits, so a `Notify` is enough: it keeps
    /// one notice for a task that waits later.
    event: Notify,
    /// Notified when the watch is to end. Kept like the event.
    stop: Notify,
    /// The file that holds the string; `None` when it was not found.
    seen: RefCell<Option<Seen>>,
}

impl<L: Fn(&str) -> std::io::Result<()>> Shared<L> {
    /// Tells a step.
    fn tell(&self, line: &str) -> Result<(), Failure> {
        (self.listener)(line).map_err(Failure::from)
    }
}

/// Starts the two tasks, and joins them. It ends early when `stop` is ready.
///
/// Must be called inside a [`LocalRuntime`](tokio::runtime::LocalRuntime) or a `LocalSet`.
///
/// # Errors
/// What handloom's watcher fails with; the listener's.
///
/// # Panics
/// When `listener` panics.
pub async fn watch<L>(
    order: &Order,
    stop: impl Future<Output = ()> + 'static,
    listener: L,
) -> Result<Outcome, Failure>
where
    L: Fn(&str) -> std::io::Result<()> + 'static,
{
    let shared = Rc::new(Shared {
        order: order.clone(),
        listener,
        event: Notify::new(),
        stop: Notify::new(),
        seen: RefCell::default(),
    });
    let stopping = spawn_local({
        let shared = Rc::clone(&shared);
        async move {
            stop.await;
            shared.stop.notify_one();
        }
    });
    let deleting = spawn_local(delete_found(Rc::clone(&shared)));
    let finding = spawn_local(find(shared));
    let found = finding.await?;
    stopping.abort();
    found?;
    let deletion = deleting.await??;
    Ok(deletion.map_or(Outcome::Stopped, Outcome::Found))
}

/// Looks for the file and for the string in it, until it is found; sleeps between two looks. Then sets the event.
async fn find<L>(shared: Rc<Shared<L>>) -> Result<(), Failure>
where
    L: Fn(&str) -> std::io::Result<()>,
{
    let Shared { order, event, stop, seen, .. } = &*shared;
    // Set by its drop, on every way out.
    let _event = SetOnDrop(event);
    let path = order.path.display();
    let needle = String::from_utf8_lossy(order.needle.bytes());
    let pause = order.interval.as_secs_f64();
    shared.tell(&format!("looks for {path} with {needle:?} in it, every {pause} s"))?;
    // Before the first look: a change that comes after it is told.
    let mut changes = changes(&order.path);
    loop {
        let found = tokio::select! {
            biased;
            found = look_on_a_thread(order) => found?,
            () = stop.notified() => Look::Stopped,
        };
        match found {
            Look::Holds(file) => {
                shared.tell(&format!("{path} has {needle:?} at byte {}", file.at))?;
                shared.tell(&format!("closed {path}; sets the event"))?;
                seen.replace(Some(file));
                return Ok(());
            }
            Look::Stopped => return shared.tell(&format!("stopped while it read {path}")),
            Look::Missing => {
                shared.tell(&format!("{path} is not there; looks again in {pause} s"))?;
            }
            Look::Without { bytes } => shared.tell(&format!(
                "{path} has {bytes} bytes without {needle:?}; looks again in {pause} s"
            ))?,
        }
        tokio::select! {
            biased;
            () = stop.notified() => return Ok(()),
            _ = timeout(order.interval, changed(&mut changes)) => {}
        }
    }
}

/// Waits for the event, and deletes the file; `None` when there is none to delete.
async fn delete_found<L>(shared: Rc<Shared<L>>) -> Result<Option<Deletion>, Failure>
where
    L: Fn(&str) -> std::io::Result<()>,
{
    let path = shared.order.path.display();
    shared.event.notified().await;
    let Some(seen) = shared.seen.take() else { return Ok(None) };
    shared.tell(&format!("the event has come; deletes {path}"))?;
    let deletion = spawn_blocking(move || delete(&seen)).await??;
    shared.tell(&match deletion {
        Deletion::Deleted => format!("deleted {path}"),
        Deletion::Gone => format!("{path} is gone: another process was first"),
        Deletion::Replaced => format!("{path} is another file now, and stays"),
    })?;
    Ok(Some(deletion))
}

/// One look, on a thread. When it is dropped, the thread stops reading after the piece at which it is.
async fn look_on_a_thread(order: &Order) -> Result<Look, Failure> {
    let is_wanted = Arc::new(AtomicBool::new(true));
    let _unwanted = UnwantedOnDrop(Arc::clone(&is_wanted));
    let (path, needle) = (order.path.clone(), order.needle.clone());
    let looking =
        spawn_blocking(move || look(&path, &needle, &|| is_wanted.load(Ordering::Relaxed)));
    looking.await?.map_err(|error: WatchError| error.into())
}

/// The kernel's news of a folder, and what keeps them coming.
type Changes = (RecommendedWatcher, mpsc::Receiver<()>);

/// Asks for news of the folder in which the file stands, or will stand. `None` when the system gives none.
fn changes(path: &Path) -> Option<Changes> {
    // One place is enough: however much has changed, the next look sees all of it.
    let (sender, receiver) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own looks are told too, as accesses; they would keep each other going for ever.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full channel says what there is to say.
            let _ = sender.try_send(());
        }
    })
    .ok()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    watcher.watch(folder.unwrap_or(Path::new(".")), RecursiveMode::NonRecursive).ok()?;
    Some((watcher, receiver))
}

/// Waits for the next change; forever, when no change is reported.
async fn changed(changes: &mut Option<Changes>) {
    if let Some((_watcher, told)) = changes
        && told.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Sets an event when it is dropped.
struct SetOnDrop<'a>(&'a Notify);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Tells a thread, when it is dropped, that its result is not wanted.
struct UnwantedOnDrop(Arc<AtomicBool>);

impl Drop for UnwantedOnDrop {
    fn drop(&mut self) {
        // Relaxed: it carries nothing but itself; pairs with the load between two pieces.
        self.0.store(false, Ordering::Relaxed);
    }
}
