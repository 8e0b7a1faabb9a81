//! One look at a file: what may stand there, and what comes of it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::folder::Folder;
use handloom::watch::{Look, Needle, look};

/// The watchdog of every look.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the task looks for.
fn wow() -> Needle {
    Needle::new("Wow!").expect("it is not empty")
}

/// Looks for "Wow!" on a thread, so that what hangs is found out.
fn look_at(path: &Path) -> Result<Look, String> {
    let (sender, looked) = mpsc::channel();
    let path = path.to_owned();
    thread::spawn(move || drop(sender.send(look(&path, &wow(), &|| true))));
    let looked = looked.recv_timeout(PATIENCE).expect("LOOK-1: expected an end, it hangs");
    looked.map_err(|error| error.to_string())
}

/// Where the string is, if it is there.
fn found_at(path: &Path) -> Option<u64> {
    match look_at(path) {
        Ok(Look::Holds(seen)) => Some(seen.at),
        _ => None,
    }
}

#[test]
fn a_file_that_is_not_there_is_missing() {
    let folder = Folder::new();
    assert_eq!(look_at(&folder.file("none")), Ok(Look::Missing));
    assert_eq!(look_at(&folder.file("no/folder/either")), Ok(Look::Missing));
}

#[test]
fn a_file_without_the_string_says_how_long_it_is() {
    let folder = Folder::new();
    assert_eq!(look_at(&folder.with("empty", "")), Ok(Look::Without { bytes: 0 }));
    assert_eq!(look_at(&folder.with("near", "Wow Wo")), Ok(Look::Without { bytes: 6 }));
}

#[test]
fn the_string_is_found_across_the_borders_of_the_buffer() {
    let folder = Folder::new();
    for start in 65_530..65_540 {
        let mut text = vec![b'W'; start];
        text.extend_from_slice(b"Wow!\xff");
        let path = folder.with("file", text);
        assert_eq!(found_at(&path), Some(start as u64), "NEEDLE-1");
    }
}

#[test]
fn a_long_file_takes_no_more_memory() {
    // A hole takes no space on the disk, and is read like zeros.
    const LENGTH: u64 = 256 << 20;
    let folder = Folder::new();
    let path = folder.file("holes");
    let file = File::create(&path).unwrap();
    file.write_all_at(b"Wow!", LENGTH).unwrap();
    let before = peak_kib();
    assert_eq!(found_at(&path), Some(LENGTH));
    let grown = peak_kib() - before;
    assert!(grown < 64 * 1024, "LOOK-2: the peak of memory grew by {grown} KiB");
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("proc(5)");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.expect("a number of kB")
}

#[test]
fn what_is_no_file_is_named_and_not_opened() {
    let folder = Folder::new();
    let fifo = folder.file("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let socket = folder.file("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    for (path, kind) in [
        (folder.file("."), "a directory"),
        (fifo, "a FIFO"),
        (socket, "a socket"),
        ("/dev/null".into(), "a device"),
    ] {
        let expected = format!("{} is {kind}, not a regular file", path.display());
        assert_eq!(look_at(&path), Err(expected), "LOOK-1");
    }
}

#[test]
fn a_link_is_followed() {
    let folder = Folder::new();
    let target = folder.with("target", "so: Wow!");
    symlink("target", folder.file("link")).unwrap();
    let Ok(Look::Holds(seen)) = look_at(&folder.file("link")) else { panic!("expected it found") };
    assert_eq!((&*seen.path, seen.at), (&*target, 4), "LOOK-3: the file, not the link");
}

#[test]
fn a_link_to_nothing_is_missing_and_one_to_itself_an_error() {
    let folder = Folder::new();
    symlink("nothing", folder.file("dangling")).unwrap();
    assert_eq!(look_at(&folder.file("dangling")), Ok(Look::Missing));
    symlink("loop", folder.file("loop")).unwrap();
    let error = look_at(&folder.file("loop")).unwrap_err();
    assert!(error.starts_with(&format!("look for {}: ", folder.file("loop").display())), "{error}");
}

#[test]
fn a_file_in_place_of_a_folder_is_an_error() {
    let folder = Folder::new();
    let path = folder.with("file", "Wow!").join("below");
    let error = look_at(&path).unwrap_err();
    assert!(error.starts_with("look for "), "{error}");
}

#[test]
fn a_file_that_may_not_be_read_is_an_error() {
    let folder = Folder::new();
    let path = folder.with("secret", "Wow!");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&path).is_ok() {
        // Root may read everything.
        assert_eq!(found_at(&path), Some(0));
        return;
    }
    let error = look_at(&path).unwrap_err();
    assert!(error.starts_with(&format!("open {}: ", path.display())), "{error}");
}

#[test]
fn a_read_that_fails_is_an_error() {
    // A regular file by its kind; nothing is mapped at address 0, so the read fails, also for root.
    let error = look_at(Path::new("/proc/self/mem")).unwrap_err();
    assert!(error.starts_with("read /proc/") && error.ends_with("(os error 5)"), "{error}");
}

#[test]
fn between_two_pieces_it_asks_whether_to_go_on() {
    let folder = Folder::new();
    let path = folder.with("long", vec![0; 1 << 20]);
    let asked = std::cell::Cell::new(0);
    let goes_on = || {
        asked.update(|asked| asked + 1);
        asked.get() < 3
    };
    assert_eq!(look(&path, &wow(), &goes_on).unwrap(), Look::Stopped, "LOOK-4");
    assert_eq!(asked.get(), 3, "LOOK-4");
}

#[test]
fn what_is_appended_while_it_is_read_is_read_too() {
    let folder = Folder::new();
    let path = folder.with("growing", vec![0; 100_000]);
    let asked = std::cell::Cell::new(0);
    let appends_after_the_first = || {
        asked.update(|asked| asked + 1);
        if asked.get() == 2 {
            File::options().append(true).open(&path).unwrap().write_all(b"Wow!").unwrap();
        }
        true
    };
    let looked = look(&path, &wow(), &appends_after_the_first).unwrap();
    assert!(matches!(looked, Look::Holds(seen) if seen.at == 100_000));
}

#[test]
fn a_file_that_is_cut_short_while_it_is_read_ends_there() {
    let folder = Folder::new();
    let path = folder.with("shrinking", vec![0; 1 << 20]);
    let cuts = || {
        File::options().write(true).open(&path).unwrap().set_len(10).unwrap();
        true
    };
    assert_eq!(look(&path, &wow(), &cuts).unwrap(), Look::Without { bytes: 10 });
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_read_to_its_end() {
    let folder = Folder::new();
    let mut text = vec![0; 100_000];
    text.extend_from_slice(b"Wow!");
    let path = folder.with("file", text);
    let replaces = || {
        if folder.names().len() == 1 {
            fs::rename(&path, folder.file("old")).unwrap();
            folder.with("file", "another");
        }
        true
    };
    let looked = look(&path, &wow(), &replaces).unwrap();
    assert!(matches!(looked, Look::Holds(seen) if seen.at == 100_000), "LOOK-3");
}
