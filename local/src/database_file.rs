//! The file in which the engine keeps its data. This module does two things that the engine does not: it checks the
//! file at the start, and it leaves no trace of deleted data in it.
//!
//! SQLite is compiled to overwrite deleted data (`.cargo/config.toml`). Older pages still remain in the write-ahead log
//! until a checkpoint. The engine also keeps every stream record, with the items as they were.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::stream::Pump;

/// The longest that the engine may keep the file locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// A second connection to the file, beside the engine's own.
#[derive(Debug)]
pub(crate) struct DatabaseFile(Mutex<Connection>);

/// The stream records to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forget {
    /// All records except messages that may still have to be sent.
    AllButMessages,
    All,
}

impl DatabaseFile {
    /// Opens the file and checks its integrity.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let sqlite = |error: rusqlite::Error| error.to_string();
        let connection = Connection::open(path).map_err(sqlite)?;
        connection.busy_timeout(PATIENCE).map_err(sqlite)?;
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
        if found == "ok" { Ok(Self(Mutex::new(connection))) } else { Err(found) }
    }

    /// Returns whether the engine has a table of this name.
    pub(crate) fn has_table(&self, name: &str) -> bool {
        let query = "SELECT COUNT(*) FROM _tables WHERE table_name = ?1";
        self.connection().query_row(query, [name], |row| row.get::<_, i64>(0)).is_ok_and(|count| count == 1)
    }

    /// Deletes the stream records that contain a key of a deleted account.
    fn forget(&self, keys: &[String], which: Forget) -> rusqlite::Result<()> {
        let connection = self.connection();
        for pattern in keys.iter().flat_map(|key| patterns(key)) {
            // The newest record stays, because the engine derives the next record's number from it.
            connection.execute(
                "DELETE FROM _stream_records WHERE id < (SELECT MAX(id) FROM _stream_records)
                 AND instr(keys_json || coalesce(new_image, '') || coalesce(old_image, ''), ?1) > 0
                 AND (?2 OR instr(coalesce(new_image, ''), '{\"S\":\"message\"}') = 0)",
                params![pattern, which == Forget::All],
            )?;
        }
        Ok(())
    }

    /// Deletes every stream record except the newest.
    fn forget_stream(&self) -> rusqlite::Result<()> {
        let all = "DELETE FROM _stream_records WHERE id < (SELECT MAX(id) FROM _stream_records)";
        self.connection().execute(all, []).map(drop)
    }

    /// Writes the write-ahead log back to the database and truncates it.
    fn empty_log(&self) -> rusqlite::Result<()> {
        let is_busy: bool = self.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_busy { Err(rusqlite::Error::QueryReturnedNoRows) } else { Ok(()) }
    }

    fn connection(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the forms in which a key and the name in it occur in a record. A username may be any word, such as `sms`, so
/// a username is matched only as a whole key.
fn patterns(key: &str) -> Vec<String> {
    let mut all = vec![format!("\"{key}\"")];
    if let Some((kind, name)) = key.split_once('#').filter(|(kind, _)| *kind != "USERNAME") {
        debug_assert!(NAMED.contains(&kind));
        all.extend([format!("\"{name}\""), format!("#{name}\""), format!("#{name}#")]);
    }
    all
}

/// Removes the traces of deleted accounts from the database file.
#[derive(Clone, Default)]
pub(crate) struct Traces {
    /// `None` if the database is in memory.
    pub file: Option<Arc<DatabaseFile>>,
    /// The keys of recently deleted accounts. The messages of these accounts are deleted once they are sent.
    deleted: Arc<Mutex<Vec<String>>>,
}

impl Traces {
    pub(crate) fn new(file: Option<Arc<DatabaseFile>>) -> Self {
        Self { file, deleted: Arc::default() }
    }

    /// Inspects a call that has just succeeded. If it deleted an account, this deletes the account's traces at once,
    /// and marks its messages for deletion.
    pub(crate) fn note(&self, operation: &str, body: &[u8]) {
        let Some(file) = &self.file else { return };
        let keys = deleted_account(operation, body);
        if keys.is_empty() {
            return;
        }
        let forgotten = file.forget(&keys, Forget::AllButMessages).and_then(|()| file.empty_log());
        if let Err(error) = forgotten {
            tracing::debug!(%error, "tried again in a second");
        }
        self.waiting().extend(keys);
    }

    /// Calls [`Self::forget`] every second, for ever.
    pub(crate) async fn run(self, pump: Arc<Pump>) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.forget(&pump).await;
        }
    }

    /// Sends the messages still waiting, then deletes the traces of the accounts that were marked.
    pub(crate) async fn forget(&self, pump: &Pump) {
        let Some(file) = self.file.clone() else { return };
        let keys = std::mem::take(&mut *self.waiting());
        let is_sent = keys.is_empty() || pump.settle().await.is_ok();
        let work = {
            let keys = keys.clone();
            tokio::task::spawn_blocking(move || file.forget(&keys, Forget::All).and_then(|()| file.empty_log()))
        };
        if !is_sent || !matches!(work.await, Ok(Ok(()))) {
            self.waiting().extend(keys);
        }
    }

    /// Sends the messages still waiting, then deletes the whole stream and empties the log. Called at the start and at
    /// the end.
    pub(crate) async fn forget_all(&self, pump: &Pump) {
        let Some(file) = self.file.clone() else { return };
        if pump.settle().await.is_err() {
            return;
        }
        let work = tokio::task::spawn_blocking(move || file.forget_stream().and_then(|()| file.empty_log()));
        if let Ok(Err(error)) = work.await {
            tracing::warn!(%error, "traces of what was deleted are left in the database file");
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kinds of keys that belong to an account.
const NAMED: [&str; 4] = ["USER", "MOBILE", "EMAIL", "USERNAME"];

/// Returns the keys of the account that a call deletes. Returns nothing if the call deletes no account.
fn deleted_account(operation: &str, body: &[u8]) -> Vec<String> {
    if !matches!(operation, "TransactWriteItems" | "DeleteItem") {
        return Vec::new();
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let in_transaction = body["TransactItems"].as_array().into_iter().flatten().map(|item| &item["Delete"]["Key"]);
    let keys: Vec<_> = in_transaction.chain([&body["Key"]]).filter_map(|key| key["pk"]["S"].as_str()).collect();
    if !keys.iter().any(|key| key.starts_with("USER#")) {
        return Vec::new();
    }
    let is_named = |key: &&str| key.split_once('#').is_some_and(|(kind, _)| NAMED.contains(&kind));
    keys.into_iter().filter(is_named).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without this option, deleted data would remain in the file.
    #[test]
    fn sqlite_overwrites_what_is_deleted() {
        let connection = Connection::open_in_memory().unwrap();
        let mut statement = connection.prepare("PRAGMA compile_options").unwrap();
        let options: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(options.iter().any(|option| option == "SECURE_DELETE"), "{options:?}");
    }

    #[test]
    fn a_username_that_is_a_word_of_ours_forgets_nothing_else() {
        assert_eq!(patterns("USERNAME#sms"), ["\"USERNAME#sms\""]);
        assert!(patterns("MOBILE#13800000000").contains(&"#13800000000\"".to_owned()));
    }
}
