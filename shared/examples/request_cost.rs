//! Measures the processor time of a request on a release binary, next to a bare Argon2id hash of the same cost:
//!
//! ```sh
//! cargo run -- --memory --port 4400     # the table, and the account that the event names
//! cargo build --release -p log-in && cargo build --release -p hash -p shared --examples
//! target/release/examples/request_cost ENV EVENT target/release/examples/bare_hash target/release/log-in
//! ```
//!
//! ENV is a file with the function's variables (`.local/env`), and EVENT is the event that is sent. The two processes
//! take turns, so that other work of the machine affects both. The output is the median of the rounds and the ratio.
//! The time is the time that the kernel says the process ran, not the elapsed time.

use std::io::{BufRead, BufReader, Error, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

const ROUNDS: usize = 15;
const REQUESTS_PER_ROUND: u32 = 10;
/// The number of requests before the measurement, which read keys and open connections.
const REQUESTS_BEFORE: u32 = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [environment, event, bare, function] = arguments.as_slice() else {
        eprintln!("request_cost ENV EVENT BARE_HASH FUNCTION");
        return ExitCode::from(2);
    };
    match measure(environment, event, bare, function) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(environment: &str, event: &str, bare: &str, function: &str) -> std::io::Result<()> {
    let event = std::fs::read_to_string(event)?;
    let mut bare = Bare::start(bare)?;
    let mut function = Function::start(function, &std::fs::read_to_string(environment)?)?;
    bare.hash(REQUESTS_BEFORE)?;
    function.answer(REQUESTS_BEFORE, &event)?;
    let (mut hashes, mut requests) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = processor_ns(&bare.process)?;
        bare.hash(REQUESTS_PER_ROUND)?;
        hashes.push(milliseconds(processor_ns(&bare.process)? - before));
        let before = processor_ns(&function.process)?;
        function.answer(REQUESTS_PER_ROUND, &event)?;
        requests.push(milliseconds(processor_ns(&function.process)? - before));
    }
    let (hash, request) = (median(&mut hashes), median(&mut requests));
    eprintln!("{hash:.2} ms a bare hash, {request:.2} ms a request: {:.3} x", request / hash);
    Ok(())
}

/// Returns the time that the kernel says the process ran, in nanoseconds. It is that of the main thread, which is the
/// only one.
fn processor_ns(process: &Child) -> std::io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/schedstat", process.id()))?;
    text.split(' ').next().and_then(|first| first.parse().ok()).ok_or_else(|| Error::other("no schedstat"))
}

#[expect(clippy::cast_precision_loss, reason = "a few seconds in nanoseconds are exact in a double")]
fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6 / f64::from(REQUESTS_PER_ROUND)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

struct Bare {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Bare {
    fn start(binary: &str) -> std::io::Result<Self> {
        let mut process = Command::new(binary).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let missing = || Error::other("no pipe");
        let input = process.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(process.stdout.take().ok_or_else(missing)?);
        Ok(Self { process, input, output })
    }

    fn hash(&mut self, times: u32) -> std::io::Result<()> {
        writeln!(self.input, "{times}")?;
        self.output.read_line(&mut String::new()).map(drop)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// A function binary, and the Runtime API that it polls.
struct Function {
    process: Child,
    listener: TcpListener,
    connection: Option<BufReader<TcpStream>>,
}

impl Function {
    fn start(binary: &str, environment: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let variables = environment.lines().filter_map(|line| line.split_once('='));
        // A value with spaces is in quotes.
        let variables = variables.map(|(name, value)| (name, value.trim_matches(['\'', '"'])));
        let process = Command::new(binary)
            .env_clear()
            .envs(variables)
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { process, listener, connection: None })
    }

    /// Gives out the event this many times, and checks that each is answered with 200.
    fn answer(&mut self, times: u32, event: &str) -> std::io::Result<()> {
        for _ in 0..times {
            let (line, _) = self.request()?;
            if !line.starts_with("GET ") {
                return Err(Error::other(format!("not a poll: {line}")));
            }
            self.respond(
                "200 OK",
                "lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
                 lambda-runtime-deadline-ms: 33333333333333\r\nlambda-runtime-invoked-function-arn: measured\r\n\
                 content-type: application/json\r\n",
                event,
            )?;
            let (_, answer) = self.request()?;
            if !answer.contains("\"statusCode\":200") {
                return Err(Error::other(format!("the function did not answer 200: {answer}")));
            }
            self.respond("202 Accepted", "", "")?;
        }
        Ok(())
    }

    /// Returns the next request: its first line and its body.
    fn request(&mut self) -> std::io::Result<(String, String)> {
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => BufReader::new(self.listener.accept()?.0),
            };
            let (mut line, mut length) = (String::new(), 0);
            if connection.read_line(&mut line)? == 0 {
                continue;
            }
            loop {
                let mut header = String::new();
                connection.read_line(&mut header)?;
                match header.trim_end().split_once(':') {
                    Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                        length = value.trim().parse().map_err(Error::other)?;
                    }
                    Some((name, _)) if name.eq_ignore_ascii_case("transfer-encoding") => {
                        return Err(Error::other("a body of unknown length"));
                    }
                    Some(_) => {}
                    None => break,
                }
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body)?;
            self.connection = Some(connection);
            return Ok((line, String::from_utf8_lossy(&body).into_owned()));
        }
    }

    fn respond(&mut self, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
        let connection = self.connection.as_mut().ok_or_else(|| Error::other("no connection"))?;
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        connection.get_mut().write_all(text.as_bytes())
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}
