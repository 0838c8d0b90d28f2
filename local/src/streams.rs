//! DynamoDB Streams at the address of the local AWS, so that people can read the table's stream with the AWS tools.
//!
//! Two details of the engine's answers are changed, because those tools refuse them. A shard id must have at least 28
//! characters. The identity behind a record must be spelled as in the API and not as in Lambda's events.

use axum::http::StatusCode;
use dynoxide::{Database, DynoxideError};
use serde_json::{Value, json};

use crate::engine::{Answer, refusal, run};

/// The start of the `x-amz-target` header.
pub(crate) const TARGET: &str = "DynamoDBStreams_20120810.";

/// The id of the only shard that the engine keeps for a stream. It need not name the table, because the stream's ARN
/// does.
const SHARD_ID: &str = "shardId-00000000000000000001-00000001";

/// Calls an operation by its name on the wire. Returns `None` if there is no such operation.
pub(crate) fn call(database: &Database, operation: &str, body: &[u8]) -> Option<Answer> {
    let answer = match operation {
        "ListStreams" => run(body, |request| database.list_streams(request)),
        "DescribeStream" => describe_stream(database, body),
        "GetShardIterator" => shard_iterator(database, body),
        "GetRecords" => run(body, |request| database.get_records(request)).map(with_api_identities),
        _ => return None,
    };
    Some(answer.map_or_else(refusal, |body| (StatusCode::OK, body)))
}

fn describe_stream(database: &Database, body: &[u8]) -> dynoxide::Result<String> {
    let mut answer = parse(&run(body, |request| database.describe_stream(request))?);
    let is_after_the_shard = parse_bytes(body)?["ExclusiveStartShardId"] == SHARD_ID;
    let shards = &mut answer["StreamDescription"]["Shards"];
    if is_after_the_shard {
        *shards = json!([]);
    }
    for shard in shards.as_array_mut().into_iter().flatten() {
        shard["ShardId"] = SHARD_ID.into();
    }
    Ok(answer.to_string())
}

fn shard_iterator(database: &Database, body: &[u8]) -> dynoxide::Result<String> {
    let mut request = parse_bytes(body)?;
    if request["ShardId"] != SHARD_ID {
        let message = format!("Requested resource not found: Shard: {}", request["ShardId"]);
        return Err(DynoxideError::ResourceNotFoundException(message));
    }
    let stream = json!({ "StreamArn": request["StreamArn"] }).to_string();
    let description = parse(&run(stream.as_bytes(), |request| database.describe_stream(request))?);
    request["ShardId"] = description["StreamDescription"]["Shards"][0]["ShardId"].clone();
    run(request.to_string().as_bytes(), |request| database.get_shard_iterator(request))
}

/// Respells the identity in the records of expired items. It names the service that deleted them.
fn with_api_identities(answer: String) -> String {
    if !answer.contains("userIdentity") {
        return answer;
    }
    let mut answer = parse(&answer);
    for record in answer["Records"].as_array_mut().into_iter().flatten() {
        if let Some(identity) = record.get_mut("userIdentity") {
            *identity = json!({ "PrincipalId": identity["principalId"], "Type": identity["type"] });
        }
    }
    answer.to_string()
}

fn parse(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap_or_default()
}

fn parse_bytes(body: &[u8]) -> dynoxide::Result<Value> {
    serde_json::from_slice(body).map_err(|error| DynoxideError::SerializationException(error.to_string()))
}
