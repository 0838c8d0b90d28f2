//! The DynamoDB engine, called within this process. It does not listen on a port, so no page and no program can reach
//! it without passing the checks of [`crate::cloud`].

use axum::http::StatusCode;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A status, and a body in DynamoDB's JSON.
pub(crate) type Answer = (StatusCode, String);

/// Calls an operation by its name on the wire. Returns `None` if the engine lacks the operation.
pub(crate) fn call(database: &Database, operation: &str, body: &[u8]) -> Option<Answer> {
    let answer = match operation {
        "CreateTable" => run(body, |request| database.create_table(request)),
        "DeleteTable" => run(body, |request| database.delete_table(request)),
        "DescribeTable" => run(body, |request| database.describe_table(request)),
        "UpdateTable" => run(body, |request| database.update_table(request)),
        "ListTables" => run(body, |request| database.list_tables(request)),
        "DescribeTimeToLive" => run(body, |request| database.describe_time_to_live(request)),
        "UpdateTimeToLive" => run(body, |request| database.update_time_to_live(request)),
        "TagResource" => run(body, |request| database.tag_resource(request)),
        "UntagResource" => run(body, |request| database.untag_resource(request)),
        "ListTagsOfResource" => run(body, |request| database.list_tags_of_resource(request)),
        "GetItem" => run(body, |request| database.get_item(request)),
        "PutItem" => run(body, |request| database.put_item(request)),
        "UpdateItem" => run(body, |request| database.update_item(request)),
        "DeleteItem" => run(body, |request| database.delete_item(request)),
        "Query" => run(body, |request| database.query(request)),
        "Scan" => run(body, |request| database.scan(request)),
        "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => run(body, |request| database.batch_write_item(request)),
        "TransactGetItems" => run(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
        "ExecuteStatement" => run(body, |request| database.execute_statement(request)),
        "ExecuteTransaction" => run(body, |request| database.execute_transaction(request)),
        "BatchExecuteStatement" => run(body, |request| database.batch_execute_statement(request)),
        _ => return None,
    };
    Some(answer.map_or_else(refusal, |body| (StatusCode::OK, body)))
}

/// Runs one operation on a body in DynamoDB's JSON.
pub(crate) fn run<Request: DeserializeOwned, Response: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Request) -> dynoxide::Result<Response>,
) -> dynoxide::Result<String> {
    let malformed = |error: serde_json::Error| DynoxideError::SerializationException(error.to_string());
    let response = operation(serde_json::from_slice(body).map_err(malformed)?)?;
    serde_json::to_string(&response).map_err(malformed)
}

/// Converts an error of the engine to its form on the wire.
pub(crate) fn refusal(error: DynoxideError) -> Answer {
    (StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST), error.to_json())
}
