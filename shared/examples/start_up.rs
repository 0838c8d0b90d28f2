//! Measures the time from the start of a process to its first poll of the Runtime API, side by side with a bare
//! function:
//!
//! ```sh
//! cargo build --release -p shared --examples -p log-in -p register -p send-sms-code
//! target/release/examples/start_up target/release/examples/bare target/release/log-in target/release/register
//! ```
//!
//! The binaries take turns, so that other work of the machine affects them all alike. The output is the median of each
//! one and its ratio to the first.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 60;

fn main() -> ExitCode {
    let binaries: Vec<String> = std::env::args().skip(1).collect();
    let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { return ExitCode::FAILURE };
    let mut taken = vec![Vec::with_capacity(ROUNDS); binaries.len()];
    for _ in 0..ROUNDS {
        for (binary, times) in binaries.iter().zip(&mut taken) {
            match start(binary, &listener) {
                Ok(time) => times.push(time),
                Err(error) => {
                    eprintln!("{binary}: {error}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    let medians: Vec<_> = taken.iter_mut().map(|times| median(times)).collect();
    for (binary, time) in binaries.iter().zip(&medians) {
        let ratio = time.as_secs_f64() / medians[0].as_secs_f64();
        let size = std::fs::metadata(binary).map_or(0, |metadata| metadata.len());
        eprintln!("{:>6.2} ms  {ratio:.2} x  {size:>9} bytes  {binary}", time.as_secs_f64() * 1000.0);
    }
    ExitCode::SUCCESS
}

/// Returns the time from just before the process is created to its first request.
fn start(binary: &str, listener: &TcpListener) -> std::io::Result<Duration> {
    let address = listener.local_addr()?.to_string();
    let secret = "s".repeat(32);
    let began = Instant::now();
    let mut process = Command::new(binary)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "measured"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_REGION", "us-east-1"),
            ("TABLE_NAME", "measured"),
            ("CODE_SECRET", &secret),
            ("LINK_SECRET", &secret),
            ("SESSION_SECRET", &secret),
            ("VISITOR_SECRET", &secret),
            ("KEY_SECRET", &secret),
            ("MAIL_FROM", "no-reply@example.com"),
            ("WARM_UP", std::env::var("WARM_UP").as_deref().unwrap_or("off")),
        ])
        .stdout(Stdio::null())
        .spawn()?;
    let mut connection = accept(listener, &mut process)?;
    let mut first = [0; 16];
    let read = connection.read(&mut first)?;
    let time = began.elapsed();
    process.kill()?;
    process.wait()?;
    if first[..read].starts_with(b"GET /2018-06-01/") { Ok(time) } else { Err(std::io::Error::other("no poll")) }
}

/// Returns the process's connection, or an error when the process ended without one.
fn accept(listener: &TcpListener, process: &mut Child) -> std::io::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((connection, _)) => {
                connection.set_nonblocking(false)?;
                return Ok(connection);
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) => {}
        }
        if let Some(status) = process.try_wait()? {
            return Err(std::io::Error::other(format!("it ended with {status}")));
        }
        // The pause is short compared with the times that are measured.
        std::thread::sleep(Duration::from_micros(20));
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
