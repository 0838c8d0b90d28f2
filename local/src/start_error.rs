//! The reasons why the system does not start, worded for the person who started it.

use std::net::IpAddr;

use shared::config::ConfigError;

use crate::template::TemplateError;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on the port.
    #[error("port {port} is taken. Stop what listens there, or choose another with --port.")]
    PortTaken { port: u16 },
    #[error("port {port} cannot be used: {source}. Choose another with --port.")]
    Port { port: u16, source: std::io::Error },
    /// The address does not belong to this machine.
    #[error("--host {address} cannot be used: {source}. It must be an address of this machine.")]
    Host { address: IpAddr, source: std::io::Error },
    #[error("another Latchkey is running on the data folder {folder}. Stop it, or choose another folder with --data.")]
    InUse { folder: String },
    /// A stored file cannot be read.
    #[error("{file} is damaged: {reason}. {advice}")]
    Damaged {
        file: String,
        /// What is wrong with the file.
        reason: String,
        advice: String,
    },
    /// A value contains a line break, or it contains a space although it is stored in a list separated by spaces.
    #[error("{name} may not contain {what}")]
    Characters { name: String, what: &'static str },
    #[error("the data folder {folder} cannot be used: {reason}. Choose another with --data, or none with --memory.")]
    Data { folder: String, reason: String },
    #[error(
        "the data in {folder} was made by another version of Latchkey ({found}; this one is {expected}). \
         Move it away or delete it: rm -r {folder}"
    )]
    OtherVersion { folder: String, found: String, expected: &'static str },
    /// A setting is malformed, or the template does not give a function a variable that it needs.
    #[error("{function}: {source}")]
    Setting {
        /// The function that does not start.
        function: String,
        source: ConfigError,
    },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("the DynamoDB engine does not start: {0}")]
    Engine(String),
}
