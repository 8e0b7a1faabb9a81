//! The deletion of the file that was seen, and of no other.
//!
//! unlink(2) takes a name, and between a look at the name and the call another process may put another file there. No
//! call says "unlink this name if it is still this file". So the name is first moved into a private directory:
//!
//! ```text
//! this process                              another process
//! notes.txt is the file that was seen
//!                                           renames new.txt to notes.txt
//! mkdir .handloom-watch-71-0 (0700)
//! rename notes.txt into it
//! is it the file that was seen? no:
//! put it back, if the name is free
//! ```
//! The file that is looked at last, and then unlinked, has a name that no other process uses. The price: a process that
//! is killed in that moment leaves the file in the directory.
//!
//! **Invariants**
//! - `DELETE-1`: only the file that was seen is unlinked: the same device and inode, and time of birth where the file
//!   system knows it.
//! - `DELETE-2`: another file that came in between has its name again afterwards. It never replaces a third one: then
//!   it stays in the directory, and the error says where.
//! - `DELETE-3`: the directory is removed when the call returns, unless `DELETE-2` needs it.
//!
//! **Source**: unlink(2), rename(2), link(2); "TOCTOU" in the literature on security.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;

use super::error::{WatchError, shown};
use super::look::{Identity, Seen};

/// How a deletion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The file that was seen has lost its name.
    Deleted,
    /// The name is free: another process has deleted or moved the file.
    Gone,
    /// Another file stands there, and was left alone.
    Replaced,
}

/// Deletes the file that was seen, if it still stands there.
///
/// # Errors
/// The directory may not be written; or `DELETE-2` could not bring a file back.
///
/// # Blocking
/// For the disk.
pub fn delete(seen: &Seen) -> Result<Deletion, WatchError> {
    let path = &*seen.path;
    match identity_at(path)? {
        None => return Ok(Deletion::Gone),
        Some(identity) if identity != seen.identity => return Ok(Deletion::Replaced),
        Some(_) => {}
    }
    let (directory, is_private) = private_directory(path);
    let held = if is_private { directory.join("held") } else { directory.clone() };
    let outcome = match fs::rename(path, &held) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Deletion::Gone),
        Err(error) => Err(WatchError::on_file("delete", path, error)),
        Ok(()) => delete_held(seen, &held),
    };
    if is_private {
        // It fails if a file is left in it (DELETE-3).
        drop(fs::remove_dir(&directory));
    }
    outcome
}

/// Deletes what now has a private name, or puts it back.
fn delete_held(seen: &Seen, held: &Path) -> Result<Deletion, WatchError> {
    // If this fails, the file stays where it is, and the error says where.
    if identity_at(held)?.as_ref() == Some(&seen.identity) {
        fs::remove_file(held).map_err(|error| WatchError::on_file("unlink", held, error))?;
        return Ok(Deletion::Deleted);
    }
    put_back(held, &seen.path).map_err(|error| {
        let doing = format!("put {} back as {}", shown(held), shown(&seen.path));
        WatchError::System(doing, error)
    })?;
    Ok(Deletion::Replaced)
}

/// Gives a file its name back, unless a third one has it by now (`DELETE-2`).
fn put_back(held: &Path, path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(held)?.is_dir() {
        // A directory has no second name, and its rename does not replace a file or a directory that is not empty.
        return fs::rename(held, path);
    }
    // A rename would replace a file of that name; a link fails.
    fs::hard_link(held, path)?;
    fs::remove_file(held)
}

/// Which file stands under a name, if any. A link is not followed: it would be another file.
fn identity_at(path: &Path) -> Result<Option<Identity>, WatchError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(Identity::of(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(WatchError::on_file("stat", path, error)),
    }
}

/// Makes a directory beside the file that only this user may write. Where none can be made, for example without a free
/// inode, its name alone has to do: no other program uses it. If this user may not write there, the rename says so.
fn private_directory(path: &Path) -> (PathBuf, bool) {
    let mut number = 0_u32;
    loop {
        let name = format!(".handloom-watch-{}-{number}", process::id());
        let directory = path.with_file_name(name);
        match DirBuilder::new().mode(0o700).create(&directory) {
            // Of another thread, or left by a killed process that had the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            made => return (directory, made.is_ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_file_keeps_the_name_and_the_second_is_not_lost() {
        let folder = std::env::temp_dir().join(format!("handloom-put-back-{}", process::id()));
        fs::create_dir(&folder).unwrap();
        let (held, path) = (folder.join("held"), folder.join("file"));
        fs::write(&held, "second").unwrap();
        fs::write(&path, "third").unwrap();
        let refused = put_back(&held, &path).map_err(|error| error.kind());
        let texts = [&held, &path].map(|file| fs::read_to_string(file).unwrap());
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(refused, Err(io::ErrorKind::AlreadyExists), "DELETE-2");
        assert_eq!(texts, ["second", "third"], "DELETE-2");
    }
}
