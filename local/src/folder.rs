//! The data folder. It ensures that the folder is ours and that only one instance uses it, and it reads and writes the
//! small files in it. Only the folder's owner may read any of them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use shared::crypto::random_hex;

use crate::StartError;

/// The version of the stored format. It is raised when an older format can no longer be read.
const VERSION: &str = "4";

/// The access key id of the local AWS. Its value contains a secret, which [`crate::caller`] checks.
pub(crate) const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRETS: [&str; 6] =
    ["CODE_SECRET", "LINK_SECRET", "SESSION_SECRET", "VISITOR_SECRET", "KEY_SECRET", ACCESS_KEY_ID];

pub(crate) const DATABASE: &str = "dynamodb.sqlite";
const SECRETS_FILE: &str = "secrets.json";
const CLOCK_FILE: &str = "clock_seconds";
/// Written last. A folder without this file has never seen a complete start.
const VERSION_FILE: &str = "version";
const LOCK_FILE: &str = "lock";
/// Every file that belongs to this program.
const FILES: [&str; 10] = [
    VERSION_FILE,
    LOCK_FILE,
    SECRETS_FILE,
    CLOCK_FILE,
    DATABASE,
    "dynamodb.sqlite-wal",
    "dynamodb.sqlite-shm",
    "env",
    "env.json",
    "credentials",
];

/// The folder, locked for as long as this value lives.
pub(crate) struct Folder {
    pub path: PathBuf,
    /// Whether a system has started on it before.
    pub is_used: bool,
    _lock: File,
}

impl Folder {
    /// Locks a folder that is ours, empty or missing. A missing folder is created.
    pub(crate) fn take(path: &Path) -> Result<Self, StartError> {
        let unusable = |reason: String| StartError::Data { folder: path.display().to_string(), reason };
        let io = |error: std::io::Error| unusable(error.to_string());
        fs::create_dir_all(path).map_err(io)?;
        if let Some(other) = other_file(path).map_err(io)? {
            return Err(unusable(format!("it holds another file, {other}")));
        }
        let is_used = check_version(path)?;
        make_private(path).map_err(io)?;
        let lock = private_file().open(path.join(LOCK_FILE)).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), is_used, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StartError::InUse { folder: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    /// Records that a start was completed.
    pub(crate) fn mark_used(&self) -> Result<(), StartError> {
        self.write(VERSION_FILE, &format!("{VERSION}\n"))
    }

    /// Returns the secrets. Creates new ones in a folder that has not been used.
    pub(crate) fn secrets(&self) -> Result<BTreeMap<String, String>, StartError> {
        let broken = |reason: &str| self.damaged(SECRETS_FILE, reason);
        let kept: BTreeMap<String, String> = match fs::read_to_string(self.path.join(SECRETS_FILE)) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| broken(&error.to_string()))?,
            Err(error) if error.kind() == ErrorKind::NotFound && self.is_used => return Err(broken("it is missing")),
            Err(error) if error.kind() == ErrorKind::NotFound => new_secrets(),
            Err(error) => return Err(broken(&error.to_string())),
        };
        let mut secrets = kept.clone();
        // Earlier versions did not store this one.
        secrets.entry(ACCESS_KEY_ID.to_owned()).or_insert_with(random_hex::<32>);
        for name in SECRETS {
            let is_good = |secret: &String| {
                secret.len() >= 32 && (name != ACCESS_KEY_ID || secret.bytes().all(|b| b.is_ascii_alphanumeric()))
            };
            if !secrets.get(name).is_some_and(is_good) {
                return Err(broken(&format!("{name} is missing, too short or malformed")));
            }
        }
        if secrets != kept || !self.path.join(SECRETS_FILE).exists() {
            self.write(SECRETS_FILE, &serde_json::to_string_pretty(&secrets).unwrap_or_default())?;
        }
        Ok(secrets)
    }

    /// Returns how far the clock has been moved, in seconds.
    pub(crate) fn clock_seconds(&self) -> Result<u32, StartError> {
        match fs::read_to_string(self.path.join(CLOCK_FILE)) {
            Ok(text) => text.trim().parse().map_err(|_| self.damaged(CLOCK_FILE, "it is no number of seconds")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(self.damaged(CLOCK_FILE, &error.to_string())),
        }
    }

    /// Stores how far the clock has been moved, so that time does not run backwards across a restart.
    pub(crate) fn keep_clock_seconds(path: &Path, seconds: u64) -> std::io::Result<()> {
        write_private(&path.join(CLOCK_FILE), &seconds.to_string())
    }

    /// Creates the database file if it does not exist. SQLite gives its other files the same permissions.
    pub(crate) fn database(&self) -> Result<PathBuf, StartError> {
        let file = self.path.join(DATABASE);
        if self.is_used && !file.exists() {
            return Err(self.damaged(DATABASE, "it is missing"));
        }
        private_file().open(&file).map_err(|error| self.damaged(DATABASE, &error.to_string()))?;
        Ok(file)
    }

    /// Writes one of the files atomically.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), StartError> {
        let written = write_private(&self.path.join(name), text);
        written.map_err(|error| StartError::Data { folder: self.path.display().to_string(), reason: error.to_string() })
    }

    /// Returns the error for a file that cannot be used.
    pub(crate) fn damaged(&self, name: &str, reason: &str) -> StartError {
        let file = self.path.join(name).display().to_string();
        let advice = if name == CLOCK_FILE {
            "Delete that file: the clock is then that of this machine.".to_owned()
        } else {
            let folder = self.path.display();
            format!("Restore it, or start anew without the accounts and secrets that are kept: rm -r {folder}")
        };
        StartError::Damaged { file, reason: reason.to_owned(), advice }
    }
}

/// Returns how far the clock of the local system on this folder has been moved, in seconds.
pub(crate) fn moved_clock(folder: &Path) -> u32 {
    let text = fs::read_to_string(folder.join(CLOCK_FILE)).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// Returns whether an instance is running on this folder.
pub(crate) fn is_in_use(folder: &Path) -> bool {
    File::open(folder.join(LOCK_FILE)).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

pub(crate) fn new_secrets() -> BTreeMap<String, String> {
    SECRETS.into_iter().map(|name| (name.to_owned(), random_hex::<32>())).collect()
}

/// Returns the name of a file that does not belong to this program, if there is one. Names that start with a dot are
/// ignored, because desktops create such files.
fn other_file(folder: &Path) -> std::io::Result<Option<String>> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !FILES.contains(&name.as_str()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Returns whether the folder has been used. Fails if another version used it.
fn check_version(folder: &Path) -> Result<bool, StartError> {
    let shown = folder.display().to_string();
    match fs::read_to_string(folder.join(VERSION_FILE)) {
        Ok(found) if found.trim() == VERSION => Ok(true),
        Ok(found) => Err(StartError::OtherVersion { folder: shown, found: found.trim().to_owned(), expected: VERSION }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StartError::Data { folder: shown, reason: error.to_string() }),
    }
}

/// Denies everybody else access to the folder and to our files in it. An earlier version left the files readable.
fn make_private(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        for file in FILES.map(|name| folder.join(name)) {
            // Symbolic links are skipped, because their targets are not ours.
            if fs::symlink_metadata(&file).is_ok_and(|found| found.is_file()) {
                fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
            }
        }
    }
    Ok(())
}

/// Returns the options to open a file that only its owner can read.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes to a second file first and renames it, so that the file never exists in part.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = file.with_file_name(format!(".{name}.new"));
    let mut opened = private_file().open(&unfinished)?;
    opened.set_len(0)?;
    opened.write_all(text.as_bytes())?;
    fs::rename(unfinished, file)
}
