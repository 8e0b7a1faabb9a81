//! The deletion: the file that was seen, and no other.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::thread;

use crate::folder::Folder;
use handloom::watch::{Deletion, Look, Needle, Seen, delete, look};

/// What the task looks for.
fn wow() -> Needle {
    Needle::new("Wow!").expect("it is not empty")
}

/// Looks at a file that holds "Wow!".
fn seen(path: &Path) -> Seen {
    match look(path, &wow(), &|| true) {
        Ok(Look::Holds(seen)) => seen,
        other => panic!("expected it found, came {other:?}"),
    }
}

#[test]
fn the_file_that_was_seen_is_deleted() {
    let folder = Folder::new();
    let file = seen(&folder.with("file", "Wow!"));
    assert_eq!(delete(&file).unwrap(), Deletion::Deleted);
    assert!(folder.names().is_empty(), "DELETE-3: left {:?}", folder.names());
    assert_eq!(delete(&file).unwrap(), Deletion::Gone);
}

#[test]
fn a_file_that_took_its_place_stays() {
    let folder = Folder::new();
    let path = folder.with("file", "Wow!");
    let file = seen(&path);
    // With the string in it too: it is not the text that counts.
    fs::rename(folder.with("other", "Wow!"), &path).unwrap();
    assert_eq!(delete(&file).unwrap(), Deletion::Replaced, "DELETE-1");
    assert_eq!(folder.names(), ["file"], "DELETE-1");
}

#[test]
fn a_file_that_got_the_same_number_is_told_by_its_birth() {
    let folder = Folder::new();
    for _ in 0..50 {
        let path = folder.with("file", "Wow!");
        let (file, inode) = (seen(&path), fs::metadata(&path).unwrap().ino());
        let born = fs::metadata(&path).unwrap().created().ok();
        // Whether the number is used again at once is for the file system to decide.
        while born.is_some() && born == fs::metadata(&path).unwrap().created().ok() {
            fs::remove_file(&path).unwrap();
            folder.with("file", "mine");
        }
        if born.is_some() && fs::metadata(&path).unwrap().ino() == inode {
            assert_eq!(delete(&file).unwrap(), Deletion::Replaced, "DELETE-1");
            return;
        }
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_folder_or_a_link_in_its_place_stays() {
    let folder = Folder::new();
    let path = folder.with("file", "Wow!");
    let file = seen(&path);
    fs::rename(&path, folder.file("moved")).unwrap();
    symlink("moved", &path).unwrap();
    assert_eq!(delete(&file).unwrap(), Deletion::Replaced, "DELETE-1: the link is another file");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(delete(&file).unwrap(), Deletion::Replaced, "DELETE-1");
    assert_eq!(folder.names(), ["file", "moved"]);
}

#[test]
fn through_a_link_the_file_goes_and_the_link_stays() {
    let folder = Folder::new();
    folder.with("target", "Wow!");
    symlink("target", folder.file("link")).unwrap();
    assert_eq!(delete(&seen(&folder.file("link"))).unwrap(), Deletion::Deleted);
    assert_eq!(folder.names(), ["link"]);
}

#[test]
fn a_file_that_was_written_to_since_is_still_that_file() {
    let folder = Folder::new();
    let path = folder.with("file", "Wow!");
    let file = seen(&path);
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    assert_eq!(delete(&file).unwrap(), Deletion::Deleted);
}

#[test]
fn its_other_names_stay() {
    let folder = Folder::new();
    let path = folder.with("file", "Wow!");
    fs::hard_link(&path, folder.file("other name")).unwrap();
    assert_eq!(delete(&seen(&path)).unwrap(), Deletion::Deleted);
    assert_eq!(folder.names(), ["other name"]);
}

#[test]
fn a_folder_that_may_not_be_written_is_an_error() {
    let folder = Folder::new();
    let file = seen(&folder.with("file", "Wow!"));
    fs::set_permissions(folder.file("."), fs::Permissions::from_mode(0o500)).unwrap();
    // Root may write everywhere.
    let is_root = File::create(folder.file("probe")).is_ok();
    let deleted = delete(&file);
    fs::set_permissions(folder.file("."), fs::Permissions::from_mode(0o700)).unwrap();
    if is_root {
        assert_eq!(deleted.unwrap(), Deletion::Deleted);
    } else {
        let error = deleted.unwrap_err().to_string();
        assert!(error.starts_with("mkdir "), "{error}");
        assert_eq!(folder.names(), ["file"]);
    }
}

#[test]
fn whoever_replaces_it_at_the_same_moment_keeps_his_file() {
    let folder = Folder::new();
    let (mut deleted, mut replaced) = (0, 0);
    for round in 0..2_000_u32 {
        let path = folder.with("file", "Wow!");
        let file = seen(&path);
        let other = folder.with("other", "mine");
        let replacing = {
            let path = path.clone();
            thread::spawn(move || {
                for _ in 0..round % 64 {
                    std::hint::spin_loop();
                }
                fs::rename(other, path).unwrap();
            })
        };
        match delete(&file).unwrap() {
            Deletion::Deleted => deleted += 1,
            Deletion::Replaced => replaced += 1,
            Deletion::Gone => panic!("nobody else deletes"),
        }
        replacing.join().unwrap();
        assert_eq!(folder.names(), ["file"], "DELETE-2, DELETE-3");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine", "DELETE-1: round {round}");
    }
    assert!(deleted > 0 && replaced > 0, "expected both orders, came {deleted} and {replaced}");
}
