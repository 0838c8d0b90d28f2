//! IAM on this machine: a function may do what its policy in the template says. It is known by its access key id, which
//! is its name; a person or a test with another one may do anything.
//!
//! So every end-to-end test also shows that a policy is wide enough, for the actions and keys it uses.

use std::collections::HashMap;

use axum::http::HeaderMap;
use serde_json::Value;

use crate::template::Template;

/// One statement that allows something.
#[derive(Clone, Debug)]
struct Statement {
    actions: Vec<String>,
    /// Patterns of partition keys, where the statement is about the table.
    leading_keys: Vec<String>,
}

/// The policies of all functions.
#[derive(Clone, Debug, Default)]
pub struct Policies(HashMap<String, Vec<Statement>>);

impl Policies {
    /// Those of the template.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        let of_function = |resource: &Value| {
            let policies = resource["Properties"]["Policies"].as_array().into_iter().flatten();
            let statements = policies.flat_map(|policy| policy["Statement"].as_array().into_iter().flatten());
            statements.filter(|statement| statement["Effect"] == "Allow").map(statement).collect()
        };
        Self(template.functions().into_iter().map(|(name, resource)| (name, of_function(resource))).collect())
    }

    /// Whether whoever signed a call may do this, whatever it is done to.
    #[must_use]
    pub fn allow(&self, headers: &HeaderMap, action: &str) -> bool {
        self.statements(headers).is_none_or(|all| all.iter().any(|one| one.actions.iter().any(|name| name == action)))
    }

    /// Whether whoever signed a call to DynamoDB may make it: each of its writes or reads, by its partition key.
    #[must_use]
    pub fn allow_dynamodb(&self, headers: &HeaderMap, operation: &str, body: &[u8]) -> bool {
        let Some(statements) = self.statements(headers) else { return true };
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        accesses(operation, &body).into_iter().all(|(action, key)| {
            let action = format!("dynamodb:{action}");
            statements.iter().any(|statement| {
                statement.actions.contains(&action)
                    && statement.leading_keys.iter().any(|pattern| is_like(pattern, &key))
            })
        })
    }

    fn statements(&self, headers: &HeaderMap) -> Option<&[Statement]> {
        let authorization = headers.get("authorization")?.to_str().ok()?;
        let credential = authorization.split_once("Credential=")?.1;
        self.0.get(credential.split('/').next()?).map(Vec::as_slice)
    }
}

fn statement(statement: &Value) -> Statement {
    let texts = |value: &Value| match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Statement {
        actions: texts(&statement["Action"]),
        leading_keys: texts(&statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]),
    }
}

/// What a call does, each with the partition key it does it to.
fn accesses(operation: &str, body: &Value) -> Vec<(String, String)> {
    let key = |part: &Value| {
        let key = part["Key"]["pk"]["S"].as_str().or_else(|| part["Item"]["pk"]["S"].as_str());
        key.unwrap_or_default().to_owned()
    };
    match operation {
        "TransactWriteItems" => {}
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let keys = tables.flat_map(|(_, table)| table["Keys"].as_array().into_iter().flatten());
            let key = |key: &Value| key["pk"]["S"].as_str().unwrap_or_default().to_owned();
            return keys.map(|one| (operation.to_owned(), key(one))).collect();
        }
        "Query" => {
            let partition = body["ExpressionAttributeValues"][":pk"]["S"].as_str();
            return vec![(operation.to_owned(), partition.unwrap_or_default().to_owned())];
        }
        _ => return vec![(operation.to_owned(), key(body))],
    }
    let items = body["TransactItems"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
    items
        .map(|(kind, part)| {
            let action = if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") };
            (action, key(part))
        })
        .collect()
}

/// `StringLike`, as far as the template uses it: a star at the end.
fn is_like(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |prefix| text.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn signed_by(name: &str) -> HeaderMap {
        let value = format!("AWS4-HMAC-SHA256 Credential={name}/20260101/us-east-1/dynamodb/aws4_request, Signature=x");
        HeaderMap::from_iter([("authorization".parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_function_may_do_what_its_policy_says_and_no_more() {
        let policies = Policies::of(&Template::load().unwrap());
        let get = |key: &str| json!({ "Key": { "pk": { "S": key } } }).to_string();
        let may = |name: &str, operation: &str, body: &str| {
            policies.allow_dynamodb(&signed_by(name), operation, body.as_bytes())
        };
        assert!(may("check-mobile", "GetItem", &get("MOBILE#13800000000")));
        assert!(!may("check-mobile", "GetItem", &get("SESSION#1")));
        assert!(!may("check-mobile", "UpdateItem", &get("MOBILE#13800000000")));
        assert!(!may("not-found", "GetItem", &get("MOBILE#13800000000")));
        assert!(may("a person", "Scan", "{}"));
        let writes = json!({ "TransactItems": [
            { "Delete": { "Key": { "pk": { "S": "CODE#register#13800000000" } } } },
            { "Put": { "Item": { "pk": { "S": "USER#1" } } } },
        ] });
        assert!(may("register", "TransactWriteItems", &writes.to_string()));
        assert!(!may("forget-pwd", "TransactWriteItems", &writes.to_string()));
        assert!(policies.allow(&signed_by("deliver"), "sns:Publish"));
        assert!(!policies.allow(&signed_by("register"), "sns:Publish"));
    }
}
