//! IAM on this machine. A function may do what its policy in the template allows. A person or a test may do anything.
//!
//! Every end-to-end test thus also shows that a policy allows the actions and keys that it uses.
//!
//! AWS does not document whether it checks `dynamodb:LeadingKeys` in a transaction for each item or for the request as
//! a whole. This module requires both, so the deployment works either way.

use std::collections::HashMap;

use serde_json::Value;

use crate::caller::Caller;
use crate::template::Template;

/// One `Allow` statement.
#[derive(Clone, Debug)]
struct Statement {
    actions: Vec<String>,
    /// Patterns of partition keys. Empty if the statement is not about the table.
    leading_keys: Vec<String>,
}

/// The policies of all functions.
#[derive(Clone, Debug, Default)]
pub struct Policies(HashMap<String, Vec<Statement>>);

impl Policies {
    /// Reads the policies from the template.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        let of_function = |resource: &Value| {
            let policies = resource["Properties"]["Policies"].as_array().into_iter().flatten();
            let statements = policies.flat_map(|policy| policy["Statement"].as_array().into_iter().flatten());
            statements.filter(|statement| statement["Effect"] == "Allow").map(statement).collect()
        };
        Self(template.functions().into_iter().map(|(name, resource)| (name, of_function(resource))).collect())
    }

    /// Returns whether the caller may perform this action on some resource.
    #[must_use]
    pub fn allow(&self, caller: &Caller, action: &str) -> bool {
        self.statements(caller).is_none_or(|all| all.iter().any(|one| one.actions.iter().any(|name| name == action)))
    }

    /// Returns whether the caller may make this call to DynamoDB. Each read and write is checked with its own partition
    /// key, and then again with all partition keys of the call.
    #[must_use]
    pub fn allow_dynamodb(&self, caller: &Caller, operation: &str, body: &[u8]) -> bool {
        let Some(statements) = self.statements(caller) else { return true };
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let accesses = accesses(operation, &body);
        let all_keys: Vec<_> = accesses.iter().map(|(_, key)| key.as_str()).collect();
        accesses.iter().all(|(action, key)| {
            let action = format!("dynamodb:{action}");
            let allowed = |keys: &[&str]| {
                statements.iter().any(|statement| statement.actions.contains(&action) && statement.admits(keys))
            };
            allowed(&[key]) && allowed(&all_keys)
        })
    }

    /// Returns the statements that apply to a caller, or `None` for a caller who may do anything. A function that is
    /// not in the template has no statements.
    fn statements(&self, caller: &Caller) -> Option<&[Statement]> {
        match caller {
            Caller::Person => None,
            Caller::Function(name) => Some(self.0.get(name).map_or(&[], Vec::as_slice)),
        }
    }
}

impl Statement {
    /// Evaluates `ForAllValues:StringLike`: each key must match one of the patterns.
    fn admits(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.leading_keys.iter().any(|pattern| is_like(pattern, key)))
    }
}

fn statement(statement: &Value) -> Statement {
    let texts = |value: &Value| match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let condition = &statement["Condition"];
    // `ForAllValues` also holds for a call without any key, such as a scan. A statement without the `Null` condition
    // would therefore allow scans, so it counts for nothing here.
    let is_about_keys = condition["Null"]["dynamodb:LeadingKeys"] == "false";
    let patterns = texts(&condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
    Statement { actions: texts(&statement["Action"]), leading_keys: if is_about_keys { patterns } else { Vec::new() } }
}

/// Returns the actions of a call, each with its partition key.
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

/// Implements as much of `StringLike` as the template uses: an asterisk at the end.
fn is_like(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |prefix| text.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_function_may_do_what_its_policy_says_and_no_more() {
        let policies = Policies::of(&Template::load().unwrap());
        let get = |key: &str| json!({ "Key": { "pk": { "S": key } } }).to_string();
        let by = |name: &str| Caller::Function(name.to_owned());
        let may =
            |name: &str, operation: &str, body: &str| policies.allow_dynamodb(&by(name), operation, body.as_bytes());
        assert!(may("check-mobile", "GetItem", &get("MOBILE#13800000000")));
        assert!(!may("check-mobile", "GetItem", &get("SESSION#1")));
        assert!(!may("check-mobile", "UpdateItem", &get("MOBILE#13800000000")));
        assert!(!may("not-found", "GetItem", &get("MOBILE#13800000000")));
        assert!(!may("a stranger", "GetItem", &get("MOBILE#13800000000")));
        assert!(policies.allow_dynamodb(&Caller::Person, "Scan", b"{}"));
        let writes = json!({ "TransactItems": [
            { "Delete": { "Key": { "pk": { "S": "CODE#register#13800000000" } } } },
            { "Put": { "Item": { "pk": { "S": "USER#1" } } } },
        ] });
        assert!(may("register", "TransactWriteItems", &writes.to_string()));
        assert!(!may("forget-pwd", "TransactWriteItems", &writes.to_string()));
        assert!(policies.allow(&by("deliver"), "sns:Publish"));
        assert!(!policies.allow(&by("register"), "sns:Publish"));
    }
}
