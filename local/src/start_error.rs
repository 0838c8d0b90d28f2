//! Why the system does not start, in words for whoever started it.

use std::net::IpAddr;

use shared::config::ConfigError;

use crate::template::TemplateError;

/// Why the system does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error("port {port} is taken. Stop what listens there, or choose another with --port.")]
    PortTaken { port: u16 },
    /// The port may not be used.
    #[error("port {port} cannot be used: {source}. Choose another with --port.")]
    Port { port: u16, source: std::io::Error },
    /// The address is not this machine's.
    #[error("--host {address} cannot be used: {source}. It must be an address of this machine.")]
    Host { address: IpAddr, source: std::io::Error },
    /// Another instance uses the folder.
    #[error("another Latchkey is running on the data folder {folder}. Stop it, or choose another folder with --data.")]
    InUse { folder: String },
    /// What is kept cannot be read.
    #[error("{file} is damaged: {reason}. {advice}")]
    Damaged {
        file: String,
        /// What is wrong with it.
        reason: String,
        advice: String,
    },
    /// A setting that stands beside others has spaces, or one has a line break.
    #[error("{name} may not contain {what}")]
    Characters { name: String, what: &'static str },
    /// The folder cannot be used.
    #[error("the data folder {folder} cannot be used: {reason}. Choose another with --data, or none with --memory.")]
    Data { folder: String, reason: String },
    /// The data was made by another version.
    #[error(
        "the data in {folder} was made by another version of Latchkey ({found}; this one is {expected}). \
         Move it away or delete it: rm -r {folder}"
    )]
    OtherVersion { folder: String, found: String, expected: &'static str },
    /// A setting is malformed, or the template does not give a function what it needs.
    #[error("{function}: {source}")]
    Setting {
        /// The function that would not start.
        function: String,
        source: ConfigError,
    },
    /// The template is not understood.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The engine does not work.
    #[error("the DynamoDB engine does not start: {0}")]
    Engine(String),
}
