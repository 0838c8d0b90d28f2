//! What a month costs, from `docs/prices.json`: prices with their date, the cost of each operation, and how often a
//! user causes it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::units::Units;

/// The file at the time of compilation.
const SOURCE: &str = include_str!("../../docs/prices.json");

#[derive(Debug, Deserialize)]
pub struct Prices {
    /// The month in which the prices were read.
    pub gathered: String,
    pub region: String,
    pub source: String,
    pub dollars: Dollars,
    pub operations: Vec<Operation>,
    /// How often a user causes each operation in a month.
    pub month_of_a_user: BTreeMap<String, f64>,
}

#[derive(Debug, Deserialize)]
pub struct Dollars {
    pub lambda_million_requests: f64,
    pub lambda_gigabyte_second_arm64: f64,
    pub http_api_million_requests: f64,
    pub dynamodb_million_write_units: f64,
    pub dynamodb_million_read_units: f64,
    pub sms_china: f64,
    /// For a month.
    pub idle_secrets_alarms_and_metrics: f64,
}

#[derive(Debug, Deserialize)]
pub struct Operation {
    pub name: String,
    /// Counted by a test, with what `deliver` does for it.
    pub write_units: usize,
    pub read_units: f64,
    /// The template's default.
    pub memory_megabytes: u32,
    /// How long the function runs, with its waits for DynamoDB: an assumption, on the high side.
    pub milliseconds: u32,
}

impl Operation {
    #[must_use]
    pub const fn units(&self) -> Units {
        Units { read: self.read_units, write: self.write_units }
    }
}

/// The costs of a month, in dollars.
#[derive(Clone, Copy, Debug, Default)]
pub struct Month {
    pub idle: f64,
    pub requests: f64,
    pub table: f64,
    pub sms: f64,
}

impl Month {
    #[must_use]
    pub fn total(&self) -> f64 {
        self.idle + self.requests + self.table + self.sms
    }
}

impl Prices {
    pub fn load() -> Result<Self, serde_json::Error> {
        serde_json::from_str(SOURCE)
    }

    /// Returns the costs of a month with so many users.
    #[must_use]
    pub fn month(&self, users: u32) -> Month {
        let dollars = &self.dollars;
        let mut month = Month { idle: dollars.idle_secrets_alarms_and_metrics, ..Month::default() };
        for operation in &self.operations {
            let times = f64::from(users) * self.month_of_a_user.get(&operation.name).copied().unwrap_or_default();
            let millions = times / 1e6;
            let gigabyte_seconds =
                f64::from(operation.memory_megabytes) / 1024.0 * f64::from(operation.milliseconds) / 1000.0;
            month.requests += millions * (dollars.lambda_million_requests + dollars.http_api_million_requests);
            month.requests += times * gigabyte_seconds * dollars.lambda_gigabyte_second_arm64;
            let written = f64::from(u32::try_from(operation.write_units).unwrap_or(u32::MAX));
            month.table += millions * written * dollars.dynamodb_million_write_units;
            month.table += millions * operation.read_units * dollars.dynamodb_million_read_units;
            if operation.name == "send_sms_code" {
                month.sms += times * dollars.sms_china;
            }
        }
        month
    }
}
