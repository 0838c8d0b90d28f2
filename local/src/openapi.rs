//! `docs/openapi.yaml`, and the page `/docs` that shows it.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use crate::yaml;

/// The document at the time of compilation.
const SOURCE: &str = include_str!("../../docs/openapi.yaml");

const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

/// The document is no YAML.
#[derive(Debug, thiserror::Error)]
#[error("docs/openapi.yaml: {0}")]
pub struct OpenApiError(String);

/// Returns the document.
pub fn document() -> Result<Value, OpenApiError> {
    yaml::to_json(SOURCE).map_err(|error| OpenApiError(error.to_string()))
}

/// Returns the page. It loads nothing from elsewhere.
pub(crate) fn page() -> Result<String, OpenApiError> {
    let document = document()?;
    let mut by_tag: BTreeMap<&str, Vec<Markup>> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS.iter().filter(|method| item[**method].is_object()) {
            let operation = &item[*method];
            let tag = operation["tags"][0].as_str().unwrap_or("other");
            by_tag.entry(tag).or_default().push(operation_of(&document, path, method, operation));
        }
    }
    // The order of the document's own list of tags.
    let order = document["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str());
    let mut sections: Vec<_> = order.filter_map(|tag| Some((tag, by_tag.remove(tag)?))).collect();
    sections.extend(by_tag);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Latchkey: API" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (text(&document["info"]["title"])) " API" }
                (prose(&document["info"]["description"]))
                p { "The document itself: " a href="/openapi.json" { "/openapi.json" } " (OpenAPI 3.1)." }
                nav { @for (tag, _) in &sections { a href={ "#" (slug(tag)) } { (tag) } " " } }
                @for (tag, operations) in &sections {
                    h2 id=(slug(tag)) { (tag) }
                    @for operation in operations { (operation) }
                }
            }
        }
    };
    Ok(page.into_string())
}

const STYLE: &str = "
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color-scheme: light dark }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: .5rem }
details { border: 1px solid #8886; border-radius: .5rem; margin: .5rem 0; padding: .5rem .75rem }
summary { cursor: pointer }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border: 1px solid #8886; padding: .25rem .5rem; text-align: left; vertical-align: top }
.method { font-weight: bold; text-transform: uppercase }
";

fn operation_of(document: &Value, path: &str, method: &str, operation: &Value) -> Markup {
    let parameters: Vec<_> = list(&operation["parameters"]).map(|one| followed(document, one)).collect();
    let body = followed(document, &operation["requestBody"]);
    html! {
        details {
            summary { span.method { (method) } " " code { (path) } " " (text(&operation["summary"])) }
            (prose(&operation["description"]))
            @if !parameters.is_empty() {
                h3 { "Parameters" }
                table {
                    @for one in &parameters {
                        tr {
                            td { code { (text(&one["name"])) } }
                            td { (text(&one["in"])) @if one["required"] == true { ", required" } }
                            td { (prose(&one["description"])) }
                        }
                    }
                }
            }
            @if !body.is_null() { h3 { "Request" } (content_of(document, body)) }
            h3 { "Answers" }
            @for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                @let answer = followed(document, answer);
                h4 { (status) }
                (prose(&answer["description"]))
                (content_of(document, answer))
            }
        }
    }
}

/// The media types of a body, each with its schema and an example.
fn content_of(document: &Value, body: &Value) -> Markup {
    html! {
        @for (media_type, content) in body["content"].as_object().into_iter().flatten() {
            p { code { (media_type) } }
            @if let Some(example) = example_of(document, content) { pre { (pretty(example)) } }
            @let schema = followed(document, &content["schema"]);
            @if schema.is_object() { details { summary { "Schema" } pre { (pretty(schema)) } } }
        }
    }
}

fn example_of<'a>(document: &'a Value, content: &'a Value) -> Option<&'a Value> {
    let first = content["examples"].as_object().and_then(|examples| examples.values().next());
    let named = first.map(|example| &followed(document, example)["value"]);
    content.get("example").or(named)
}

/// The value that a reference leads to, or the value itself.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?));
    target.map_or(value, |target| followed(document, target))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A description, which is CommonMark. It is ours, so what HTML stands in it is meant.
fn prose(value: &Value) -> Markup {
    let mut shown = String::new();
    pulldown_cmark::html::push_html(&mut shown, pulldown_cmark::Parser::new(text(value)));
    PreEscaped(shown)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn slug(tag: &str) -> String {
    tag.to_lowercase().replace(' ', "-")
}
