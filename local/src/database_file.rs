//! The file that the engine keeps its data in, and what the engine does not do for it: check it at the start, and leave
//! nothing of a deleted account behind.
//!
//! SQLite keeps what was deleted in free pages and in the write-ahead log until something else is written there. And the
//! engine keeps every record of the stream, with the items as they were.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::stream::Pump;

/// How long the engine may hold the file at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// A second connection to the file, beside the engine's own.
#[derive(Debug)]
pub(crate) struct DatabaseFile(Mutex<Connection>);

/// Which records of the stream are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forget {
    /// All but the messages that may still have to be sent.
    AllButMessages,
    /// All.
    All,
}

impl DatabaseFile {
    /// Opens the file and checks that it is sound.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let sqlite = |error: rusqlite::Error| error.to_string();
        let connection = Connection::open(path).map_err(sqlite)?;
        connection.busy_timeout(PATIENCE).map_err(sqlite)?;
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
        if found != "ok" {
            return Err(found);
        }
        // What VACUUM works on would otherwise lie in a file of its own for a moment.
        connection.execute_batch("PRAGMA temp_store = MEMORY").map_err(sqlite)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Leaves no trace of deleted items in the file: nothing in the stream's records that names them, nothing in free
    /// pages, nothing in the write-ahead log.
    pub(crate) fn forget(&self, names: &[String], which: Forget) -> rusqlite::Result<()> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            // The newest record stays: the engine numbers the next one after it.
            connection.execute(
                "DELETE FROM _stream_records WHERE id < (SELECT MAX(id) FROM _stream_records)
                 AND instr(keys_json || coalesce(new_image, '') || coalesce(old_image, ''), ?1) > 0
                 AND (?2 OR instr(coalesce(new_image, ''), '{\"S\":\"message\"}') = 0)",
                params![name, which == Forget::All],
            )?;
        }
        connection.execute_batch("VACUUM")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}

/// The accounts that were just deleted, whose messages are forgotten once they are sent.
#[derive(Clone)]
pub(crate) struct Traces {
    pub file: Option<Arc<DatabaseFile>>,
    pub deleted: Arc<Mutex<Vec<String>>>,
    pub pump: Arc<Pump>,
}

impl Traces {
    /// Looks after it for ever.
    pub(crate) async fn run(self) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.forget().await;
        }
    }

    /// Sends what is still to be sent, and forgets it.
    pub(crate) async fn forget(&self) {
        let Some(file) = &self.file else { return };
        let names = std::mem::take(&mut *self.deleted.lock().unwrap_or_else(PoisonError::into_inner));
        if names.is_empty() {
            return;
        }
        let forgotten = match self.pump.settle().await {
            Ok(()) => file.forget(&names, Forget::All).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = forgotten {
            tracing::warn!(error, "traces of a deleted account are left in the database file");
        }
    }
}

/// The names of an account that a call deletes: its id, number, address and username, as they stand in the keys.
/// Empty where no account is deleted.
pub(crate) fn deleted_account(operation: &str, body: &[u8]) -> Vec<String> {
    if !matches!(operation, "TransactWriteItems" | "DeleteItem") {
        return Vec::new();
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let in_transaction = body["TransactItems"].as_array().into_iter().flatten().map(|item| &item["Delete"]["Key"]);
    let keys = in_transaction.chain([&body["Key"]]).filter_map(|key| key["pk"]["S"].as_str());
    let named: Vec<_> = keys.filter_map(|key| key.split_once('#')).collect();
    if !named.iter().any(|(kind, _)| *kind == "USER") {
        return Vec::new();
    }
    let names = named.iter().filter(|(kind, _)| ["USER", "MOBILE", "EMAIL", "USERNAME"].contains(kind));
    names.map(|(_, name)| (*name).to_owned()).collect()
}
