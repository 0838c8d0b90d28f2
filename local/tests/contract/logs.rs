//! Keeps the logs of everything a test does. `.ci/scan_logs` searches them for what must never be logged.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};

/// Writes everything logged in this process to a file in `target/logs`, in the functions' own format.
pub fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::fs::create_dir_all(path().parent().unwrap()).unwrap();
        let file = File::create(path()).unwrap();
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_target(true);
        let _ = lines.with_max_level(tracing::Level::INFO).with_writer(Mutex::new(file)).try_init();
    });
}

/// Returns the lines logged so far that contain this id, such as that of an account or a session.
pub fn lines_about(id: &str) -> Vec<String> {
    let log = std::fs::read_to_string(path()).unwrap();
    log.lines().filter(|line| line.contains(id)).map(str::to_owned).collect()
}

fn path() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/logs");
    folder.join(format!("{}.log", std::process::id()))
}
