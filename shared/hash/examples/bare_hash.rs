//! Argon2id alone, with the default cost. A log-in is measured in comparison with it.
//!
//! Each line on standard input is a number of hashes to make. When they are made, one line is written to standard
//! output.

use std::io::{BufRead, Write};

use hash::argon2::Params;

fn main() -> std::io::Result<()> {
    let Ok(params) = Params::new(19_456, 2, 1, Some(32)) else { return Err(std::io::Error::other("impossible cost")) };
    let (mut arena, mut output) = (Vec::new(), [0; 32]);
    for line in std::io::stdin().lock().lines() {
        for _ in 0..line?.trim().parse().unwrap_or(0) {
            let hashed =
                hash::argon2id(&params, b"correct horse battery", b"sixteen bytes ok", &mut arena, &mut output);
            hashed.map_err(std::io::Error::other)?;
        }
        writeln!(std::io::stdout(), "{}", output[0])?;
    }
    Ok(())
}
