//! The logs of everything a test does, kept to be scanned: `.ci/scan_logs` looks for what must never stand in one.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, Once};

/// Writes all that is logged in this process to a file in `target/logs`, as the functions write it.
pub fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/logs");
        std::fs::create_dir_all(&folder).unwrap();
        let file = File::create(folder.join(format!("{}.log", std::process::id()))).unwrap();
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_target(true);
        let _ = lines.with_max_level(tracing::Level::INFO).with_writer(Mutex::new(file)).try_init();
    });
}
