//! YAML as JSON.

use saphyr::{LoadableYamlNode, ScanError, YamlOwned};
use serde_json::{Map, Value};

/// Converts the first document of a YAML text; `null` if it has none.
pub(crate) fn to_json(text: &str) -> Result<Value, ScanError> {
    let documents = YamlOwned::load_from_str(text)?;
    Ok(documents.first().map_or(Value::Null, node_to_json))
}

/// Converts YAML to JSON. A tag such as `!Ref` becomes an object with one key, so that nothing is lost.
fn node_to_json(node: &YamlOwned) -> Value {
    match node {
        YamlOwned::Tagged(tag, inner) => {
            Value::Object(Map::from_iter([(format!("!{}", tag.suffix), node_to_json(inner))]))
        }
        YamlOwned::Sequence(values) => values.iter().map(node_to_json).collect(),
        YamlOwned::Mapping(map) => {
            let entries =
                map.iter().map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), node_to_json(value)));
            Value::Object(entries.collect())
        }
        other => other
            .as_str()
            .map(Value::from)
            .or_else(|| other.as_bool().map(Value::from))
            .or_else(|| other.as_integer().map(Value::from))
            .or_else(|| other.as_floating_point().map(Value::from))
            .unwrap_or(Value::Null),
    }
}
