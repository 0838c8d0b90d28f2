//! Holds every request and every answer that a test sees against `docs/openapi.yaml`: an operation, status, header or
//! field that the document does not name fails the test.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use local::openapi;
use regex::Regex;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value};

/// Headers that HTTP, the gateway or its rules on other origins add.
const OF_THE_GATEWAY: &[&str] =
    &["access-control-allow-origin", "access-control-expose-headers", "content-length", "content-type", "date"];
/// Headers that a test may send with any request. Our pages send `X-Session` with each; few operations read it.
const ANY_REQUEST: &[&str] = &[
    "accept",
    "accept-language",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "user-agent",
    "x-session",
];

/// An operation of the document.
struct Operation {
    method: String,
    path: Regex,
    /// The number of parameters in the path. A literal segment goes before a parameter.
    parameters: usize,
    /// The JSON pointer to it.
    pointer: String,
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document().expect("docs/openapi.yaml is well-formed"));

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let mut operations = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        let pattern = path
            .trim_end_matches('/')
            .split('/')
            .map(|part| if part.starts_with('{') { "[^/]+".into() } else { regex::escape(part) });
        let pattern = format!("^{}/?$", pattern.collect::<Vec<String>>().join("/"));
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| ["get", "head", "post", "put", "patch", "delete"].contains(&key.as_str()))
        {
            operations.push(Operation {
                method: method.to_uppercase(),
                path: Regex::new(&pattern).unwrap(),
                parameters: path.matches('{').count(),
                pointer: format!("/paths/{}/{method}", path.replace('~', "~0").replace('/', "~1")),
            });
        }
    }
    operations
});

/// The request headers that the document names at any operation, in lower case.
static REQUEST_HEADERS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let named = DOCUMENT["components"]["parameters"].as_object().into_iter().flatten().map(|(_, parameter)| parameter);
    named.filter(|one| one["in"] == "header").map(|one| one["name"].as_str().unwrap().to_lowercase()).collect()
});

static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Checks an exchange. `sent` is the body of the request.
pub fn check(method: &str, path_and_query: &str, sent: (&HeaderMap, &[u8]), answer: (u16, &HeaderMap, &str)) {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let (status, headers, body) = answer;
    if path.starts_with("/_local/") || method == "OPTIONS" {
        return;
    }
    let matching = OPERATIONS.iter().filter(|one| one.method == method && one.path.is_match(path));
    let Some(operation) = matching.min_by_key(|one| one.parameters) else {
        // `$default` answers what no operation does, and the gateway some by itself. Other servers of the local system
        // send no such header.
        let is_of_a_function = headers.contains_key("x-content-type-options");
        let is_default = [308, 404, 405].contains(&status);
        assert!(is_default || !is_of_a_function, "{method} {path} is not documented, and is answered with {status}");
        return;
    };
    let what = format!("{method} {path} {status}");
    let told = resolve(&format!("{}/responses/{status}", operation.pointer));
    let Some((told, pointer)) = told else { panic!("{what}: the status is not documented") };
    check_headers(&what, told, headers);
    check_body(&what, told, &pointer, headers, body);
    if status < 300 && !headers.contains_key("x-error-code") {
        check_request(&what, &operation.pointer, query, sent);
    }
}

/// The value at a pointer, and the pointer to it once references are followed.
fn resolve(pointer: &str) -> Option<(&'static Value, String)> {
    let value = DOCUMENT.pointer(pointer)?;
    match value["$ref"].as_str() {
        Some(reference) => resolve(reference.strip_prefix('#')?),
        None => Some((value, pointer.to_owned())),
    }
}

fn check_headers(what: &str, told: &Value, headers: &HeaderMap) {
    let documented: Vec<_> =
        told["headers"].as_object().into_iter().flatten().map(|(name, _)| name.to_lowercase()).collect();
    for name in headers.keys().map(reqwest::header::HeaderName::as_str) {
        let is_known = OF_THE_GATEWAY.contains(&name) || documented.iter().any(|one| one == name);
        assert!(is_known, "{what}: the header {name} is not documented");
    }
    if let Some(code) = headers.get("x-error-code") {
        let codes = DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
        assert!(
            codes.iter().any(|one| one.as_str() == code.to_str().ok()),
            "{what}: the code {code:?} is not documented"
        );
    }
}

fn check_body(what: &str, told: &Value, pointer: &str, headers: &HeaderMap, body: &str) {
    let media_type = headers.get("content-type").map(|value| value.to_str().unwrap());
    let media_type = media_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_lowercase());
    let content = told["content"].as_object();
    let Some(media_type) = media_type else {
        assert!(body.is_empty(), "{what}: a body without a type");
        return;
    };
    let Some((documented, _)) = content.into_iter().flatten().find(|(one, _)| **one == media_type) else {
        panic!("{what}: the media type {media_type} is not documented");
    };
    if media_type != "application/json" || body.is_empty() {
        return;
    }
    let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{what}: {error}"));
    validate(what, &format!("{pointer}/content/{}/schema", documented.replace('/', "~1")), &body);
}

fn check_request(what: &str, operation: &str, query: &str, (headers, body): (&HeaderMap, &[u8])) {
    let path_item = operation.rsplit_once('/').unwrap().0;
    let mut parameters = Vec::new();
    for at in [path_item, operation] {
        let count = DOCUMENT.pointer(&format!("{at}/parameters")).and_then(Value::as_array).map_or(0, Vec::len);
        parameters.extend((0..count).map(|index| resolve(&format!("{at}/parameters/{index}")).unwrap().0));
    }
    let named = |place: &str, name: &str| {
        parameters.iter().any(|one| one["in"] == place && one["name"].as_str().unwrap().eq_ignore_ascii_case(name))
    };
    for (name, _) in query_pairs(query) {
        assert!(named("query", &name), "{what}: the query parameter {name} is not documented");
    }
    // A header that the document names nowhere is one that no function reads; `structure` holds that.
    for name in headers.keys().map(reqwest::header::HeaderName::as_str).filter(|name| REQUEST_HEADERS.contains(*name)) {
        let is_known = ANY_REQUEST.contains(&name) || named("header", name) || is_security(name);
        assert!(is_known, "{what}: the request header {name} is not documented");
    }
    let Some((told, pointer)) = resolve(&format!("{operation}/requestBody")) else { return };
    if body.is_empty() {
        assert!(told["required"] != true, "{what}: the body is said to be required");
        return;
    }
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        validate(&format!("{what} (the request)"), &format!("{pointer}/content/application~1json/schema"), &body);
    }
}

fn is_security(header: &str) -> bool {
    let schemes = DOCUMENT["components"]["securitySchemes"].as_object();
    schemes
        .into_iter()
        .flatten()
        .any(|(_, one)| one["in"] == "header" && one["name"].as_str().unwrap_or_default().eq_ignore_ascii_case(header))
}

fn query_pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn validate(what: &str, pointer: &str, value: &Value) {
    let validator = validator(pointer);
    let errors: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {value} is not as documented: {errors:?}");
}

fn validator(pointer: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = validators.entry(pointer.to_owned()).or_insert_with(|| {
        // The document, taken as a schema: its parts are found by the references in it, and its own keywords say
        // nothing.
        let mut schema: Map<String, Value> = DOCUMENT.as_object().unwrap().clone();
        schema.insert("$ref".to_owned(), format!("#{pointer}").replace('{', "%7B").replace('}', "%7D").into());
        let built = jsonschema::draft202012::options().should_validate_formats(false).build(&Value::Object(schema));
        Arc::new(built.unwrap_or_else(|error| panic!("{pointer}: {error}")))
    });
    Arc::clone(validator)
}
