//! The command line.

use std::path::PathBuf;

use lexopt::prelude::{Long, Value, ValueExt};
use local::Options;
use local::operator::{Act, Target};
use local::smoke::Address;
use shared::domain::Rotation;

pub(crate) const USAGE: &str = "\
Runs Latchkey on this machine, and does what operators do by hand.

  cargo run -- [options]              the whole system
    --port N           the port of the API (3000); the next one is that of AWS
    --data FOLDER      where data is kept (.local)
    --memory           keep nothing
    --captcha MODE     off or enforce: whether protected calls need a captcha pass (off)
    --set NAME=VALUE   any variable of the functions, such as LIMIT_SOURCE=1000/h; as often as needed
    --strict-slashes   a gateway that takes /login/ and /login for different paths

  cargo run -- smoke URL              asks a deployed stack for every route, with and without the slash
                                      at the end; the requests change nothing

  cargo run -- admin find NAME        shows an account, masked; NAME is a number, an email or a username
  cargo run -- admin disable NAME     locks an account and signs it out everywhere
  cargo run -- admin enable NAME      unlocks it
  cargo run -- admin end-sessions NAME
  cargo run -- rotate-keys [--compromised KID|all]
                       the next key's turn; or drops a key, or all of them, at once
    --data FOLDER      of the local system that is running (.local)
    --table NAME       a deployed table instead, by the environment's AWS credentials and region
";

/// What is to be done.
pub(crate) enum Command {
    Run(Options),
    Operate { act: Act, target: Target },
    Smoke(Address),
}

/// `None` when help is asked for.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Command>, lexopt::Error> {
    let mut options = Options { port: 3000, data: Some(PathBuf::from(".local")), ..Options::default() };
    let (mut words, mut table, mut compromised) = (Vec::new(), None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => {
                options.port = parser.value()?.parse()?;
                if options.port == u16::MAX {
                    return Err("--port must leave room for the next one".into());
                }
            }
            Long("data") => options.data = Some(parser.value()?.into()),
            Long("memory") => options.data = None,
            Long("captcha") => {
                let mode = parser.value()?.string()?;
                if mode != "off" && mode != "enforce" {
                    return Err("--captcha takes off or enforce".into());
                }
                options.variables.insert("CAPTCHA_MODE".to_owned(), mode);
            }
            Long("set") => {
                let pair = parser.value()?.string()?;
                let (name, value) = pair.split_once('=').ok_or("--set takes NAME=VALUE")?;
                options.variables.insert(name.to_owned(), value.to_owned());
            }
            Long("strict-slashes") => options.strict_slashes = true,
            Long("table") => table = Some(parser.value()?.string()?),
            Long("compromised") => compromised = Some(parser.value()?.string()?),
            Long("help") => return Ok(None),
            Value(word) => words.push(word.string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    if words.is_empty() && table.is_none() && compromised.is_none() {
        return Ok(Some(Command::Run(options)));
    }
    if words.first().is_some_and(|word| word == "smoke") {
        let address = Address::parse(&words[1..].join(" ")).map_err(|problem| problem.to_string())?;
        return Ok(Some(Command::Smoke(address)));
    }
    let act = act(&words, compromised)?;
    let target = match (table, options.data) {
        (Some(table), _) => Target::Table(table),
        (None, Some(folder)) => Target::Local(folder),
        (None, None) => return Err("what keeps nothing has no data: leave out --memory".into()),
    };
    Ok(Some(Command::Operate { act, target }))
}

fn act(words: &[String], compromised: Option<String>) -> Result<Act, lexopt::Error> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let name = |name: &&str| (*name).to_owned();
    match (words.as_slice(), compromised) {
        (["rotate-keys"], None) => Ok(Act::RotateKeys(Rotation::Now)),
        (["rotate-keys"], Some(all)) if all == "all" => Ok(Act::RotateKeys(Rotation::DropAll)),
        (["rotate-keys"], Some(kid)) => Ok(Act::RotateKeys(Rotation::Drop(kid))),
        (["admin", "find", who], None) => Ok(Act::Find(name(who))),
        (["admin", "disable", who], None) => Ok(Act::Disable(name(who))),
        (["admin", "enable", who], None) => Ok(Act::Enable(name(who))),
        (["admin", "end-sessions", who], None) => Ok(Act::EndSessions(name(who))),
        _ => Err(format!("not understood: {}", words.join(" ")).into()),
    }
}
