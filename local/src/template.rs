//! What `local` reads from template.yaml: routes, CORS, each function's variables, the stream's mapping. Nothing of it
//! is written down twice.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode, YamlOwned};
use serde_json::{Map, Value};

/// The template this was built with.
const SOURCE: &str = include_str!("../../template.yaml");

#[derive(Clone, Debug)]
pub struct Template(Value);

/// One route of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method; `ANY` for `$default`.
    pub method: String,
    /// The path with its parameters in braces, or `$default`.
    pub path: String,
    /// The function's one name.
    pub function: String,
}

/// How the stream is carried to `deliver`.
#[derive(Clone, Debug)]
pub struct StreamMapping {
    /// Records a batch at most.
    pub batch_size: usize,
    /// Tries after the first.
    pub retries: u64,
    /// Older records are given up.
    pub max_age_seconds: u64,
    /// Whether a batch that failed is halved.
    pub bisect: bool,
    /// Patterns of which a record must match one.
    pub patterns: Vec<Value>,
}

/// What browsers of other origins may do.
#[derive(Clone, Debug)]
pub struct Cors {
    pub origins: Vec<String>,
    /// The methods, separated by commas.
    pub methods: String,
    /// The request headers, separated by commas.
    pub headers: String,
    /// The response headers that scripts may read, separated by commas.
    pub expose: String,
    /// How long a browser may remember this.
    pub max_age_seconds: u64,
}

/// The template does not have what it should.
#[derive(Debug, thiserror::Error)]
#[error("template.yaml: {0}")]
pub struct TemplateError(String);

fn problem(text: impl Into<String>) -> TemplateError {
    TemplateError(text.into())
}

impl Template {
    pub fn load() -> Result<Self, TemplateError> {
        let documents = YamlOwned::load_from_str(SOURCE).map_err(|error| problem(error.to_string()))?;
        documents.into_iter().next().map(|document| Self(to_json(&document))).ok_or_else(|| problem("is empty"))
    }

    /// The functions by their one name, which is that of the folder they are built into.
    #[must_use]
    pub fn functions(&self) -> BTreeMap<String, &Value> {
        let resources = self.0["Resources"].as_object().into_iter().flatten();
        let functions = resources.filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
        functions
            .map(|(_, resource)| {
                let folder = resource["Properties"]["CodeUri"].as_str().unwrap_or_default();
                (folder.strip_prefix("target/lambda/").unwrap_or_default().to_owned(), resource)
            })
            .collect()
    }

    /// The names of all resources that are functions.
    #[must_use]
    pub fn function_resources(&self) -> Vec<String> {
        let resources = self.0["Resources"].as_object().into_iter().flatten();
        let functions = resources.filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
        functions.map(|(name, _)| name.clone()).collect()
    }

    /// The names of the variables a function is given.
    #[must_use]
    pub fn variables(&self, function: &str) -> Vec<String> {
        let functions = self.functions();
        let own = functions.get(function).map(|resource| &resource["Properties"]["Environment"]["Variables"]);
        let all = &self.0["Globals"]["Function"]["Environment"]["Variables"];
        let maps = own.into_iter().flat_map(|own| [own, all]).filter_map(Value::as_object);
        maps.flat_map(|map| map.keys().cloned()).collect()
    }

    /// The names of all variables that any function is given.
    #[must_use]
    pub fn declared_variables(&self) -> BTreeSet<String> {
        self.functions().keys().flat_map(|function| self.variables(function)).collect()
    }

    pub fn routes(&self) -> Result<Vec<Route>, TemplateError> {
        let mut routes = Vec::new();
        for (function, resource) in self.functions() {
            for event in resource["Properties"]["Events"].as_object().into_iter().flatten().map(|(_, event)| event) {
                if event["Type"] != "HttpApi" {
                    continue;
                }
                let text = |name: &str| event["Properties"][name].as_str().map(str::to_owned);
                let path = text("Path").unwrap_or_else(|| "$default".to_owned());
                if path.len() > 1 && path.ends_with('/') {
                    return Err(problem(format!("{path} ends in a slash: SAM would drop it")));
                }
                let method = text("Method").unwrap_or_else(|| "ANY".to_owned());
                routes.push(Route { method, path, function: function.clone() });
            }
        }
        Ok(routes)
    }

    /// The one mapping of the table's stream to a function.
    pub fn stream_mapping(&self) -> Result<StreamMapping, TemplateError> {
        let functions = self.functions();
        let events = functions.values().flat_map(|resource| resource["Properties"]["Events"].as_object());
        let event = events.flatten().map(|(_, event)| event).find(|event| event["Type"] == "DynamoDB");
        let properties = &event.ok_or_else(|| problem("no function reads the stream"))?["Properties"];
        let number = |name: &str| properties[name].as_u64().ok_or_else(|| problem(format!("the stream has no {name}")));
        let filters = properties["FilterCriteria"]["Filters"].as_array().cloned().unwrap_or_default();
        let pattern = |filter: &Value| serde_json::from_str(filter["Pattern"].as_str().unwrap_or_default());
        let patterns: Result<Vec<Value>, _> = filters.iter().map(pattern).collect();
        if properties["FunctionResponseTypes"][0] != "ReportBatchItemFailures" {
            return Err(problem("the stream's function does not report partial failures"));
        }
        Ok(StreamMapping {
            batch_size: usize::try_from(number("BatchSize")?).unwrap_or(usize::MAX),
            retries: number("MaximumRetryAttempts")?,
            max_age_seconds: number("MaximumRecordAgeInSeconds")?,
            bisect: properties["BisectBatchOnFunctionError"] == true,
            patterns: patterns.map_err(|error| problem(format!("a stream filter is not JSON: {error}")))?,
        })
    }

    /// How often the one schedule runs its function, in seconds, and with what input.
    pub fn schedule(&self) -> Result<(i64, Value), TemplateError> {
        let functions = self.functions();
        let events = functions.values().filter_map(|resource| resource["Properties"]["Events"].as_object()).flatten();
        let event = events.map(|(_, event)| event).find(|event| event["Type"] == "ScheduleV2");
        let properties = &event.ok_or_else(|| problem("nothing is scheduled"))?["Properties"];
        let rate = properties["ScheduleExpression"].as_str().unwrap_or_default();
        let hours = rate.strip_prefix("rate(").and_then(|rest| rest.split_once(" hour")?.0.parse::<i64>().ok());
        let hours = hours.ok_or_else(|| problem(format!("{rate} is no rate in hours")))?;
        let input = serde_json::from_str(properties["Input"].as_str().unwrap_or_default());
        Ok((hours * 3600, input.map_err(|error| problem(format!("the schedule's input is not JSON: {error}")))?))
    }

    /// What browsers of other origins may do, once the deployment names such origins; it names none by itself.
    pub fn cors(&self) -> Result<Cors, TemplateError> {
        let configured = &self.0["Resources"]["Api"]["Properties"]["CorsConfiguration"];
        let cors = &configured["!If"][1];
        if !cors.is_object() {
            return Err(problem("CorsConfiguration is no !If with an object: SAM would destroy it"));
        }
        let join = |name: &str| {
            let values = cors[name].as_array().into_iter().flatten().filter_map(Value::as_str);
            values.collect::<Vec<_>>().join(",")
        };
        Ok(Cors {
            origins: Vec::new(),
            methods: join("AllowMethods"),
            headers: join("AllowHeaders"),
            expose: join("ExposeHeaders"),
            max_age_seconds: cors["MaxAge"].as_u64().unwrap_or_default(),
        })
    }
}

/// A tag such as `!Ref` becomes an object of one key, so that nothing of the template is lost.
fn to_json(node: &YamlOwned) -> Value {
    match node {
        YamlOwned::Tagged(tag, inner) => Value::Object(Map::from_iter([(format!("!{}", tag.suffix), to_json(inner))])),
        YamlOwned::Sequence(values) => values.iter().map(to_json).collect(),
        YamlOwned::Mapping(map) => {
            let entries = map.iter().map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), to_json(value)));
            Value::Object(entries.collect())
        }
        other => other
            .as_str()
            .map(Value::from)
            .or_else(|| other.as_bool().map(Value::from))
            .or_else(|| other.as_integer().map(Value::from))
            .unwrap_or(Value::Null),
    }
}
