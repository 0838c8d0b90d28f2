//! Checks that the parts of the project agree: folders, events, template, registry, settings, generated files and
//! README.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use local::generate::{FILES, contents};
use local::openapi;
use local::registry::ENDPOINTS;
use local::template::Template;
use regex::Regex;
use serde_json::Value;
use shared::config::settings::{self, Form, Place};
use shared::config::{Config, Environment};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn names_in(folder: &str, ending: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
    entries.filter_map(|name| name.to_str()?.strip_suffix(ending).map(str::to_owned)).collect()
}

/// Returns the name of a function's resource in the template: `LogInFunction` for `log-in`.
fn resource_name(function: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    function.split('-').map(capital).collect::<String>() + "Function"
}

type Routes = BTreeSet<(String, String, String)>;

fn template_routes() -> Routes {
    let routes = Template::load().unwrap().routes().unwrap();
    routes.into_iter().map(|route| (route.method, route.path, route.function)).collect()
}

#[test]
fn functions_events_template_and_registry_name_the_same() {
    let template = Template::load().unwrap();
    let folders = names_in("functions", "");
    assert_eq!(names_in("events", ".json"), folders);
    assert_eq!(template.functions().into_keys().collect::<BTreeSet<_>>(), folders);
    let resources: BTreeSet<_> = template.function_resources().into_iter().collect();
    assert_eq!(resources, folders.iter().map(|name| resource_name(name)).collect());
    let mut registered: BTreeSet<_> = ENDPOINTS.iter().map(|endpoint| endpoint.name.to_owned()).collect();
    registered.extend([deliver::NAME, rotate_keys::NAME].map(str::to_owned));
    assert_eq!(registered, folders);
}

#[test]
fn each_event_is_one_of_its_functions_routes() {
    for (method, path, function) in template_routes() {
        let event: Value = serde_json::from_str(&text(&format!("events/{function}.json"))).unwrap();
        let key = event["routeKey"].as_str().unwrap();
        let routes: Vec<_> = template_routes().into_iter().filter(|route| route.2 == function).collect();
        let keys: Vec<_> = routes.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
        assert!(keys.iter().any(|one| one == key) || path == "$default" && key == "$default", "{method} {path}: {key}");
        assert_eq!(event["version"], "2.0");
        let sent = event["rawPath"].as_str().unwrap();
        assert!(sent.ends_with('/') || path == "$default", "clients send a slash: {sent}");
    }
}

#[test]
fn the_template_gives_a_function_the_secrets_it_needs_and_no_other() {
    let template = Template::load().unwrap();
    let functions = ENDPOINTS.iter().map(|endpoint| (endpoint.name, endpoint.needs));
    for (function, needs) in functions.chain([(deliver::NAME, deliver::NEEDS), (rotate_keys::NAME, rotate_keys::NEEDS)])
    {
        let given = template.variables(function);
        let needed: BTreeSet<_> = needs.iter().filter_map(|need| need.variable()).collect();
        for variable in ["CODE_SECRET", "LINK_SECRET", "SESSION_SECRET", "VISITOR_SECRET", "KEY_SECRET", "MAIL_FROM"] {
            assert_eq!(given.iter().any(|name| name == variable), needed.contains(variable), "{function}: {variable}");
        }
    }
}

/// Checks that a contract test is in the module for the kind of site that it needs.
///
/// A test that returned early on a site that lacks something would pass without having tested anything. Therefore no
/// test does that. A filter by module name skips the tests that cannot run on a site.
#[test]
fn a_test_of_the_contract_stands_in_the_module_that_says_what_it_needs() {
    let starts = Regex::new(r"Site::(any|with_\w+)\(").unwrap();
    let leaves = Regex::new(r"else\s*\{\s*return\b|Some\(site\)").unwrap();
    let mut tests = BTreeMap::new();
    for (module, allowed) in [
        ("anywhere", &["any"][..]),
        ("with_inbox", &["with_inbox"]),
        ("with_settings", &["with_settings", "with_cors"]),
    ] {
        let folder = format!("local/tests/contract/{module}");
        for name in names_in(&folder, ".rs") {
            let source = text(&format!("{folder}/{name}.rs"));
            for start in starts.captures_iter(&source) {
                assert!(allowed.contains(&&start[1]), "{module}::{name} has {}", &start[0]);
            }
            assert!(!leaves.is_match(&source), "a test of {module}::{name} may leave early");
            *tests.entry(module).or_insert(0) +=
                source.matches("#[tokio::test").count() + source.matches("#[test]").count();
        }
    }
    let elsewhere = format!(" contract {} anywhere:: with_inbox:: ", tests["with_settings"]);
    assert!(text(".ci/run").contains(&elsewhere), "{tests:?}: .ci/run counts how many are left out");
}

/// The only sources of the generated files are the template for routes, and the list in `shared` for settings.
#[test]
fn what_is_generated_is_as_it_would_be_written() {
    for file in FILES {
        let present = text(file);
        assert!(present == contents(&root(), file, &present).unwrap(), "{file}: run `cargo run -- generate`");
    }
}

/// Returns the words in backquotes that start the rows of a section's table.
fn words_of_table(document: &str, section: &str) -> BTreeSet<String> {
    let document = text(document);
    let table =
        document.split(&format!("\n## {section}\n")).nth(1).expect("the section").split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `").and_then(|rest| rest.split('`').next()));
    rows.map(str::to_owned).collect()
}

/// A header that a function reads and the description does not name would be part of the contract that nobody knows.
#[test]
fn the_description_names_every_header_that_is_read() {
    let document = openapi::document().unwrap();
    let components = &document["components"];
    let parameters = components["parameters"].as_object().unwrap().values().filter(|one| one["in"] == "header");
    let schemes = components["securitySchemes"].as_object().unwrap().values().filter(|one| one["in"] == "header");
    let named: BTreeSet<_> =
        parameters.chain(schemes).map(|one| one["name"].as_str().unwrap().to_lowercase()).collect();
    // HTTP's own, and what CloudFront sends.
    let others = ["accept", "authorization", "content-type", "user-agent", "x-forwarded-for", "x-origin-secret"];
    let read = Regex::new(r#"\.header\("([a-z-]+)"\)"#).unwrap();
    let folders = names_in("functions", "").into_iter().map(|name| format!("functions/{name}/src"));
    for folder in folders.chain(["shared/src/http".to_owned()]) {
        for file in names_in(&folder, ".rs") {
            for (_, [header]) in read.captures_iter(&text(&format!("{folder}/{file}.rs"))).map(|found| found.extract())
            {
                let is_named = named.contains(header) || others.contains(&header) || header.starts_with("sec-fetch-");
                assert!(is_named, "{folder}/{file}.rs reads {header}");
            }
        }
    }
}

#[test]
fn every_test_that_the_documents_name_exists() {
    let named = Regex::new(r"`(?:\w+::)?([a-z0-9]+(?:_[a-z0-9]+){3,})`").unwrap();
    let mut folders = vec!["shared/tests".to_owned(), "functions/pages/tests".to_owned()];
    let tests = ["browser", "system", "contract/anywhere", "contract/with_inbox", "contract/with_settings"];
    folders.extend(tests.map(|folder| format!("local/tests/{folder}")));
    let floors = ["domain", "crypto", "config", "dynamodb", "throttling", "http"];
    folders.extend(floors.map(|folder| format!("shared/src/{folder}")));
    folders.extend(names_in("functions", "").iter().map(|name| format!("functions/{name}/src")));
    folders.push("local/src".to_owned());
    let files = folders
        .iter()
        .flat_map(|folder| names_in(folder, ".rs").into_iter().map(move |name| format!("{folder}/{name}.rs")));
    let code: String = files.map(|file| text(&file)).collect();
    let security = text("docs/security.md");
    let names: BTreeSet<_> = named.captures_iter(&security).map(|found| found[1].to_owned()).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(code.contains(&format!("fn {name}(")), "docs/security.md names {name}");
    }
}

#[test]
fn the_template_gives_the_variables_that_are_read() {
    let template = Template::load().unwrap();
    let read: BTreeSet<_> = settings::ALL.iter().map(|setting| setting.variable.to_owned()).collect();
    let given = template.declared_variables();
    assert!(given.iter().all(|name| read.contains(name) || name == "SETTINGS"), "nobody reads one of {given:?}");
    for setting in settings::ALL {
        let by_template = match setting.place {
            Place::Parameter => true,
            Place::Deployment => !setting.variable.starts_with("AWS_ENDPOINT_URL_"),
            Place::Settings | Place::Lambda => false,
        };
        assert_eq!(given.contains(setting.variable), by_template, "{}", setting.variable);
    }
}

#[test]
fn the_documents_list_every_error_code_and_every_route() {
    let codes: BTreeSet<_> = shared::Error::codes().map(str::to_owned).collect();
    assert_eq!(words_of_table("docs/api.md", "Error codes"), codes);
    let document = openapi::document().unwrap();
    let listed = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    assert_eq!(listed.iter().map(|code| code.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), codes);
    assert_eq!(listed.len(), codes.len(), "no code stands twice");
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = Some(path.trim_end_matches('/')).filter(|path| !path.is_empty()).unwrap_or("/");
        for method in item.as_object().unwrap().keys().filter(|key| !["parameters", "summary"].contains(&key.as_str()))
        {
            described.insert((method.to_uppercase(), path.to_owned()));
        }
    }
    let routes = template_routes().into_iter().filter(|(_, path, _)| path != "$default");
    assert_eq!(described, routes.map(|(method, path, _)| (method, path)).collect());
}

#[test]
fn a_parameter_has_the_default_and_the_bounds_of_its_setting() {
    let template = text("template.yaml");
    for setting in settings::ALL.iter().filter(|setting| setting.place == Place::Parameter) {
        let capital = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
        let parameter = setting.variable.split('_').map(capital).collect::<String>();
        let declared = template.split(&format!("\n  {parameter}:\n")).nth(1).unwrap_or_else(|| panic!("{parameter}"));
        let declared = declared.lines().take_while(|line| line.starts_with("    "));
        let declared: BTreeMap<_, _> = declared.filter_map(|line| line.trim().split_once(": ")).collect();
        let value = |name: &str| declared.get(name).map(|value| value.trim_matches('"'));
        // No default works for the sender of mail. The template's default is only an example.
        if setting.variable != "MAIL_FROM" {
            assert_eq!(value("Default"), Some(setting.default), "{parameter}");
        }
        match setting.form {
            Form::Number { least, most } => {
                let bounds = (value("MinValue"), value("MaxValue"));
                assert_eq!(bounds, (Some(&*least.to_string()), Some(&*most.to_string())), "{parameter}");
            }
            Form::Words(words) => {
                let allowed = value("AllowedValues").unwrap().trim_matches(['[', ']']).split(", ");
                let allowed: BTreeSet<_> = allowed.map(|word| word.trim_matches('"')).collect();
                assert_eq!(allowed, words.iter().copied().collect(), "{parameter}");
            }
            Form::Limit | Form::Limits | Form::Text => {}
        }
    }
}

#[test]
fn the_template_makes_the_table_that_the_code_expects() {
    use shared::dynamodb::keys;
    let template = text("template.yaml");
    for expected in [
        format!("{{AttributeName: {}, KeyType: HASH}}", keys::PARTITION),
        format!("{{AttributeName: {}, KeyType: RANGE}}", keys::SORT),
        format!("{{AttributeName: {}, Enabled: true}}", keys::EXPIRES_AT),
        format!("\"{}\":{{\"S\":[\"{}\"]}}", keys::KIND, keys::MESSAGE_KIND),
        "StreamViewType: NEW_IMAGE".to_owned(),
    ] {
        assert!(template.contains(&expected), "{expected}");
    }
}

#[test]
fn no_policy_grants_every_action() {
    let template = text("template.yaml");
    assert!(
        !template.contains("Action: \"*\"") && !template.contains(":*\n              Resource"),
        "a wildcard action"
    );
    let actions = template.lines().filter_map(|line| line.trim().strip_prefix("Action:"));
    for action in actions {
        assert!(!action.contains('*'), "{action}");
    }
}

/// Parameters, their variables, and values to test. The template must accept a value exactly if a function starts with
/// it.
const PARAMETERS: &[(&str, &str, &[&str])] = &[
    ("Issuer", "ISSUER", ADDRESSES),
    ("ClientHost", "CLIENT_HOST", ADDRESSES),
    ("CorsOrigins", "CORS_ORIGINS", ORIGINS),
    ("TermsUrl", "TERMS_URL", ADDRESSES),
    ("PrivacyUrl", "PRIVACY_URL", ADDRESSES),
    ("BreachedPasswordsUrl", "BREACHED_PASSWORDS_URL", ADDRESSES),
    ("Brand", "BRAND", &["L", "My Shop", "例子商城", " ", " L", "L ", "a\nb", TOO_LONG]),
    ("TermsVersion", "TERMS_VERSION", &["", "1", "2026-11", " 1", "1 ", "1\n", TOO_LONG]),
    ("PrivacyVersion", "PRIVACY_VERSION", &["", "1", "v 2", " ", TOO_LONG]),
    (
        "MailFrom",
        "MAIL_FROM",
        &["no-reply@example.com", "a", "a@", "@a.example", "a b@a.example", "a@b", "A <a@a.example>"],
    ),
    ("SmsSenderId", "SMS_SENDER_ID", &["", "Latchkey", "1-a", "12345678901", "a b", "商城"]),
];

const TOO_LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

const ORIGINS: &[&str] = &[
    "",
    "https://shop.example",
    "https://shop.example:8443",
    "http://localhost:5173,https://a-b.example",
    "https://Shop.example",
    "https://shop.example/",
    "https://shop.example:",
    "https://shop.example:123456",
    "https://shop.example, https://app.example",
    "https://shop.example,",
    ",https://shop.example",
    "https://",
    "https://shop.example\n",
    "shop.example",
    "null",
    "*",
];

const ADDRESSES: &[&str] = &[
    "",
    "https://id.example",
    "https://ID.example:443",
    "https://id.example/accounts",
    "https://id.example/",
    "https://id.example/accounts/",
    "https://id.example?a=b",
    "https://id.example#a",
    "https://user@id.example",
    "https://localhost:x@evil.example/",
    "https://id example",
    " https://id.example",
    "https://id.example\n",
    "https://",
    "https:///id.example",
    "https://id.example/\"",
    "https://例子.cn",
    "http://id.example",
    "id.example",
];

#[test]
fn the_template_takes_what_a_function_starts_with_and_nothing_else() {
    let template = text("template.yaml");
    for (parameter, variable, values) in PARAMETERS {
        let declared = template.split(&format!("\n  {parameter}:\n")).nth(1).unwrap();
        let pattern = declared.lines().find_map(|line| line.trim().strip_prefix("AllowedPattern: ")).unwrap();
        let unquoted = pattern.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let pattern = unquoted.map_or_else(|| pattern.to_owned(), |quoted| quoted.replace("''", "'"));
        let pattern = Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap();
        for value in *values {
            let look_up = |name: &str| (name == *variable).then(|| (*value).to_owned());
            let starts = Config::read(&Environment::new(&look_up), &[]);
            assert_eq!(pattern.is_match(value), starts.is_ok(), "{parameter}={value:?}: {:?}", starts.err());
        }
    }
}
