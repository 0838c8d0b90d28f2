//! Files from which other tools read the functions' variables.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use crate::StartError;
use crate::folder::{ACCESS_KEY_ID, Folder};

type Variables = BTreeMap<String, String>;

/// Writes `env` for `cargo lambda watch --env-file`, `env.json` for `sam local invoke --env-vars`, and `credentials`
/// for the AWS tools. The separate profile keeps a developer's real credentials out of the container. Its endpoint
/// keeps the local credentials off the network.
pub(crate) fn write(folder: &Folder, variables: &Variables, in_container: &Variables) -> Result<(), StartError> {
    let lines: String = variables.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
    let json = serde_json::json!({ "Parameters": in_container });
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    let credentials = format!(
        "[latchkey-local]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = {}\nendpoint_url = {}\n",
        value(ACCESS_KEY_ID),
        value("AWS_SECRET_ACCESS_KEY"),
        value("AWS_REGION"),
        value("AWS_ENDPOINT_URL"),
    );
    folder.write("env", &lines)?;
    folder.write("env.json", &serde_json::to_string_pretty(&json).unwrap_or_default())?;
    folder.write("credentials", &credentials)
}

/// Reads the variables that a running system wrote.
pub(crate) fn read(folder: &Path) -> std::io::Result<Variables> {
    Ok(parse(&std::fs::read_to_string(folder.join("env"))?))
}

fn parse(text: &str) -> Variables {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let unquoted = |value: &str| {
        let inner = ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        inner.unwrap_or(value).to_owned()
    };
    pairs.map(|(name, value)| (name.to_owned(), unquoted(value))).collect()
}

/// Quotes a value as shells and `cargo lambda` expect it.
fn quoted(value: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c);
    match value {
        _ if value.chars().all(is_plain) => value.into(),
        _ if value.contains('\'') => format!("\"{value}\"").into(),
        _ => format!("'{value}'").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_file_is_read_as_it_was_written() {
        let values = ["plain", "with spaces", "Li's shop", "https://a.example/?b=c", "", "小店"];
        let variables: Variables =
            values.iter().enumerate().map(|(index, value)| (format!("V{index}"), (*value).to_owned())).collect();
        let lines: String = variables.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
        assert_eq!(parse(&lines), variables);
    }
}
