//! The parts of template.yaml that `local` reads: routes, CORS, the variables of each function, and the mapping of the
//! stream. They are written down only there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::yaml;

/// The template at the time of compilation.
const SOURCE: &str = include_str!("../../template.yaml");

#[derive(Clone, Debug)]
pub struct Template(Value);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `ANY` for `$default`.
    pub method: String,
    /// With parameters in braces, or `$default`.
    pub path: String,
    /// The function's name, such as `log-in`.
    pub function: String,
}

/// The settings by which the stream is carried to `deliver`.
#[derive(Clone, Debug)]
pub struct StreamMapping {
    /// The largest number of records in a batch.
    pub batch_size: usize,
    /// The number of tries after the first.
    pub retries: u64,
    /// Records older than this are given up.
    pub max_age_seconds: u64,
    /// Whether a failed batch is halved.
    pub bisect: bool,
    /// A record is carried if it matches one of these patterns, or if there are none.
    pub patterns: Vec<Value>,
}

/// The cross-origin rules for browsers.
#[derive(Clone, Debug)]
pub struct Cors {
    pub origins: Vec<String>,
    /// Separated by commas.
    pub methods: String,
    /// The request headers, separated by commas.
    pub headers: String,
    /// The response headers that scripts may read, separated by commas.
    pub expose: String,
    /// How long a browser may cache the answer to a preflight request.
    pub max_age_seconds: u64,
}

/// The template lacks something that it should contain.
#[derive(Debug, thiserror::Error)]
#[error("template.yaml: {0}")]
pub struct TemplateError(String);

fn problem(text: impl Into<String>) -> TemplateError {
    TemplateError(text.into())
}

impl Template {
    pub fn load() -> Result<Self, TemplateError> {
        yaml::to_json(SOURCE).map(Self).map_err(|error| problem(error.to_string()))
    }

    /// Returns the functions by name. The name is that of the folder the function is built into.
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

    /// Returns the names of all resources that are functions.
    #[must_use]
    pub fn function_resources(&self) -> Vec<String> {
        let resources = self.0["Resources"].as_object().into_iter().flatten();
        let functions = resources.filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
        functions.map(|(name, _)| name.clone()).collect()
    }

    /// Returns the names of the variables that a function gets.
    #[must_use]
    pub fn variables(&self, function: &str) -> Vec<String> {
        let functions = self.functions();
        let own = functions.get(function).map(|resource| &resource["Properties"]["Environment"]["Variables"]);
        let all = &self.0["Globals"]["Function"]["Environment"]["Variables"];
        let maps = own.into_iter().flat_map(|own| [own, all]).filter_map(Value::as_object);
        maps.flat_map(|map| map.keys().cloned()).collect()
    }

    /// Returns the names of all variables that any function gets.
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

    /// Returns the mapping of the table's stream to its function. There is only one.
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

    /// Returns how often a function's schedule runs it, in seconds, and its input.
    pub fn schedule(&self, function: &str) -> Result<(u32, Value), TemplateError> {
        let functions = self.functions();
        let events = functions.get(function).and_then(|resource| resource["Properties"]["Events"].as_object());
        let event = events.into_iter().flatten().map(|(_, event)| event).find(|event| event["Type"] == "ScheduleV2");
        let properties = &event.ok_or_else(|| problem(format!("nothing schedules {function}")))?["Properties"];
        let rate = properties["ScheduleExpression"].as_str().unwrap_or_default();
        let seconds = rate.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).and_then(rate_seconds);
        let seconds = seconds.ok_or_else(|| problem(format!("{rate} is no rate in minutes or hours")))?;
        let input = serde_json::from_str(properties["Input"].as_str().unwrap_or_default());
        Ok((seconds, input.map_err(|error| problem(format!("the schedule's input is not JSON: {error}")))?))
    }

    /// Returns the cross-origin rules. Its list of origins is empty, because the deployment names them.
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

/// Returns the seconds of a rate such as `5 minutes`.
fn rate_seconds(rate: &str) -> Option<u32> {
    let (number, unit) = rate.split_once(' ')?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(seconds)
}
