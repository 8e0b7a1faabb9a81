//! A folder of its own for a test of the watcher.

use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of one test; it goes with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("handloom-test-watch-{}-{number}", process::id()));
        fs::create_dir(&folder).expect("a fresh folder");
        // A watcher follows links; so the tests compare real names.
        Self(folder.canonicalize().expect("it is there"))
    }

    /// The path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file in it with this text.
    pub(crate) fn with(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, text).expect("write a file");
        path
    }

    /// The names in it, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0).expect("read the folder") {
            let name = entry.expect("read the folder").file_name();
            names.push(name.into_string().expect("a name that is text"));
        }
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
