//! The watcher as a whole, once on threads and once on the event loop: the same claims for both.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::folder::Folder;
use crate::watching::{MODES, Mode, Watch, stop_descriptor, wow};
use handloom::aio::sleep;
use handloom::rt::{block_on, spawn};
use handloom::watch::{Deletion, News, Order, Outcome, asynchronous, threads};

/// An interval that makes no test slow.
const SHORT: Duration = Duration::from_millis(5);
/// One that no test outlives.
const LONG: Duration = Duration::from_hours(24);

#[test]
fn it_waits_for_the_file_then_for_the_string_then_deletes_it() {
    for mode in MODES {
        let folder = Folder::new();
        let path = folder.file("notes");
        let watch = Watch::start(mode, &path, SHORT);
        assert!(watch.line().starts_with("looks for "), "NEWS-1: {mode:?}");
        watch.expect("is not there; looks again in 0.005 s");
        folder.with("notes", "Wow");
        watch.expect("has 3 bytes without \"Wow!\"; looks again");
        folder.with("notes", "one more: Wow!");
        watch.expect("has \"Wow!\" at byte 10");
        assert_eq!(watch.end().unwrap(), Outcome::Found(Deletion::Deleted), "{mode:?}");
        let name = path.display();
        let rest = [
            format!("closed {name}; sets the event"),
            format!("the event has come; deletes {name}"),
            format!("deleted {name}"),
        ];
        assert_eq!(watch.rest(), rest, "NEWS-2: {mode:?}");
        assert!(folder.names().is_empty());
    }
}

#[test]
fn both_models_tell_the_same() {
    let told = MODES.map(|mode| {
        let folder = Folder::new();
        let path = folder.with("notes", "Wow!");
        let watch = Watch::start(mode, &path, LONG);
        watch.end().unwrap();
        watch.rest().iter().map(|line| line.replace(path.to_str().unwrap(), "F")).collect()
    });
    let [threads, tasks]: [Vec<String>; 2] = told;
    assert_eq!(threads, tasks, "NEWS-2");
    assert_eq!(threads.len(), 5);
}

#[test]
fn it_sleeps_as_long_as_it_was_told() {
    for mode in MODES {
        let folder = Folder::new();
        let interval = Duration::from_millis(60);
        let begun = Instant::now();
        let watch = Watch::start(mode, &folder.file("none"), interval);
        for _ in 0..3 {
            watch.expect("is not there");
        }
        let took = begun.elapsed();
        assert!(took >= interval * 2, "{mode:?}: two sleeps of {interval:?} took {took:?}");
        watch.stop();
        watch.end().unwrap();
    }
}

#[test]
fn a_stop_ends_the_sleep_at_once_and_deletes_nothing() {
    for mode in MODES {
        let folder = Folder::new();
        let path = folder.with("notes", "not yet");
        let watch = Watch::start(mode, &path, LONG);
        watch.expect("looks again in 86400 s");
        watch.stop();
        // The watchdog is far shorter than the sleep.
        assert_eq!(
            watch.end().unwrap(),
            Outcome::Stopped,
            "{mode:?}: WATCH-THREADS-3, WATCH-ASYNC-2"
        );
        assert_eq!(folder.names(), ["notes"]);
    }
}

#[test]
fn a_stop_ends_the_reading_of_a_file_without_end() {
    for mode in MODES {
        let folder = Folder::new();
        let path = folder.file("holes");
        // A hole of 1 TiB: to read it takes many minutes.
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let watch = Watch::start(mode, &path, SHORT);
        watch.expect("looks for ");
        watch.stop();
        assert_eq!(watch.end().unwrap(), Outcome::Stopped, "{mode:?}: LOOK-4, WATCH-ASYNC-2");
        assert_eq!(folder.names(), ["holes"]);
    }
}

#[test]
fn an_error_of_the_first_function_releases_the_second() {
    for mode in MODES {
        let folder = Folder::new();
        let watch = Watch::start(mode, &folder.file("."), LONG);
        let error = watch.end().unwrap_err().to_string();
        assert!(error.ends_with("is a directory, not a regular file"), "{mode:?}: {error}");
    }
}

#[test]
fn a_file_that_becomes_a_folder_is_an_error() {
    for mode in MODES {
        let folder = Folder::new();
        let path = folder.file("notes");
        let watch = Watch::start(mode, &path, SHORT);
        watch.expect("is not there");
        fs::create_dir(&path).unwrap();
        let error = watch.end().unwrap_err().to_string();
        assert!(error.ends_with("is a directory, not a regular file"), "{mode:?}: {error}");
    }
}

/// Watches with a listener that acts when it hears a piece of news.
fn watch_and(mode: Mode, path: &Path, heard: &'static str, act: fn(&Path)) -> Vec<String> {
    let order = Order { path: path.to_owned(), needle: wow(), interval: SHORT };
    let stop = stop_descriptor();
    let (tell, news) = mpsc::channel();
    let acted = path.to_owned();
    let listener = move |news: &News<'_>| {
        if news.to_string().contains(heard) {
            act(&acted);
        }
        tell.send(news.to_string()).map_err(io::Error::other)
    };
    let fd = stop.as_fd();
    let outcome = match mode {
        Mode::Threads => threads::watch(&order, fd, listener),
        Mode::Async => block_on(asynchronous::watch(&order, fd, listener)),
    };
    let mut lines: Vec<_> = news.iter().collect();
    lines.push(format!("{:?}", outcome.map_err(|error| error.to_string())));
    lines
}

#[test]
fn a_file_that_is_gone_between_the_look_and_the_deletion_is_no_failure() {
    for mode in MODES {
        let folder = Folder::new();
        let path = folder.with("notes", "Wow!");
        let lines = watch_and(mode, &path, "deletes", |path| fs::remove_file(path).unwrap());
        assert!(
            lines.iter().any(|line| line.ends_with("is gone: another process was first")),
            "{lines:?}"
        );
        assert_eq!(lines.last().unwrap(), "Ok(Found(Gone))", "{mode:?}");
    }
}

#[test]
fn a_file_that_is_replaced_between_the_look_and_the_deletion_stays() {
    for mode in MODES {
        let folder = Folder::new();
        let path = folder.with("notes", "Wow!");
        let lines = watch_and(mode, &path, "sets the event", |path| {
            let fresh = path.with_extension("fresh");
            fs::write(&fresh, "mine").unwrap();
            fs::rename(fresh, path).unwrap();
        });
        assert_eq!(lines.last().unwrap(), "Ok(Found(Replaced))", "{mode:?}: DELETE-1");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine", "{mode:?}: DELETE-1");
    }
}

#[test]
fn a_stop_while_the_find_is_told_keeps_the_file() {
    for mode in MODES {
        let folder = Folder::new();
        let order = Order { path: folder.with("notes", "Wow!"), needle: wow(), interval: SHORT };
        let stop = stop_descriptor();
        let listener = move |news: &News<'_>| {
            if news.to_string().contains("at byte") { stop.signal() } else { Ok(()) }
        };
        let outcome = match mode {
            Mode::Threads => threads::watch(&order, stop.as_fd(), listener),
            Mode::Async => block_on(asynchronous::watch(&order, stop.as_fd(), listener)),
        };
        assert_eq!(outcome.unwrap(), Outcome::Stopped, "{mode:?}");
        assert_eq!(folder.names(), ["notes"], "{mode:?}: whoever stopped it keeps the file");
    }
}

#[test]
fn a_listener_that_fails_ends_the_watch() {
    for mode in MODES {
        for heard in ["looks for", "sets the event", "deletes"] {
            let folder = Folder::new();
            let order =
                Order { path: folder.with("notes", "Wow!"), needle: wow(), interval: SHORT };
            let stop = stop_descriptor();
            let fd = stop.as_fd();
            let listener = move |news: &News<'_>| {
                let is_it = news.to_string().contains(heard);
                if is_it { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
            };
            let ended = match mode {
                Mode::Threads => threads::watch(&order, fd, listener),
                Mode::Async => block_on(asynchronous::watch(&order, fd, listener)),
            };
            let error = ended.unwrap_err().to_string();
            assert!(error.starts_with("tell the news: "), "{mode:?}, {heard}: {error}");
            assert_eq!(folder.names(), ["notes"], "nothing was deleted unheard");
        }
    }
}

#[test]
fn a_panic_of_the_first_function_releases_the_second_and_reaches_the_caller() {
    for mode in MODES {
        let folder = Folder::new();
        let path = folder.with("notes", "nothing");
        let caught =
            catch_unwind(|| watch_and(mode, &path, "looks for", |_| panic!("meant to happen")));
        let payload = caught.expect_err("WATCH-THREADS-1, WATCH-ASYNC-1: expected the panic here");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"meant to happen"), "{mode:?}");
    }
}

#[test]
fn while_a_file_is_read_the_loop_serves_others() {
    let folder = Folder::new();
    let path = folder.file("holes");
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let order = Order { path, needle: wow(), interval: SHORT };
    let stop = stop_descriptor();
    let outcome = block_on(async {
        let watching =
            spawn(async move { asynchronous::watch(&order, stop.as_fd(), |_| Ok(())).await });
        for _ in 0..20 {
            sleep(Duration::from_millis(1)).await;
        }
        stop.signal().unwrap();
        watching.await.unwrap()
    });
    // That this point is reached at all shows it: the file takes many minutes.
    assert_eq!(outcome.unwrap(), Outcome::Stopped, "BLOCK-1");
}
