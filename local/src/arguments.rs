//! The command line.

use std::ffi::OsStr;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use local::Options;
use local::operator::{OperatorAction, Target};
use local::settings::check_name;
use local::smoke::Address;
use shared::config::is_origin;
use shared::crypto::Rotation;

pub(crate) const USAGE: &str = "\
Runs Latchkey on this machine, and does what operators do by hand.

  cargo run -- [options]              the whole system
    --port N           the port of the API (3000); the next one is that of AWS
    --host ADDRESS     where the API listens (127.0.0.1); another address, such as that of this machine in its
                       network, lets a phone open the pages
    --data FOLDER      where data is kept (.local)
    --memory           keep nothing
    --captcha MODE     off or enforce: whether protected calls need a captcha pass (off)
    --cors ORIGIN      an origin whose pages may call the API, beside http://localhost:* and http://127.0.0.1:*;
                       as often as needed
    --set NAME=VALUE   any setting of the functions, such as LIMIT_SOURCE=1000/h; as often as needed
    --containers       the AWS port also listens where containers (and your network) reach it, for sam local invoke
    --strict-slashes   a gateway that takes /login/ and /login for different paths

  cargo run -- smoke URL              asks a deployed stack for every route, with and without the slash
                                      at the end; the requests only count as questions

  cargo run -- generate               writes what follows from the template, the settings, the prices and
                                      docs/openapi.yaml: lists of routes, tables of the documents, openapi.json

  cargo run -- admin find NAME        shows an account, masked; NAME is a number, an email or a username
  cargo run -- admin disable NAME     locks an account and signs it out everywhere
  cargo run -- admin enable NAME      unlocks it
  cargo run -- admin end-sessions NAME
  cargo run -- admin recover NAME     tells the owner by mail and in every session; later (RECOVERY_WAIT_HOURS) a code
                                      to the number alone opens the account
  cargo run -- rotate-keys [--compromised KID|all]
                       the next key's turn; or drops a key, or all of them, at once
    --data FOLDER      of the local system that is running (.local)
    --table NAME       a deployed table instead, by the environment's AWS credentials and region

  cargo run -- --help | -h | --version | -V
";

/// The command to run.
pub(crate) enum Command {
    Run(Options),
    Operate { act: OperatorAction, target: Target },
    Help,
    Version,
    Smoke(Address),
    Generate,
}

/// Parses the command line. An error names the option it is about.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut options = Options { port: 3000, data: Some(PathBuf::from(".local")), ..Options::default() };
    let (mut words, mut table, mut compromised) = (Vec::new(), None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => options.port = port(&parser.value()?)?,
            Long("host") => options.host = Some(parsed(&parser.value()?, "--host takes an IP address")?),
            Long("data") => options.data = Some(parser.value()?.into()),
            Long("memory") => options.data = None,
            Long("captcha") => {
                let mode = parser.value()?.string()?;
                if mode != "off" && mode != "enforce" {
                    return Err("--captcha takes off or enforce".into());
                }
                options.variables.insert("CAPTCHA_MODE".to_owned(), mode);
            }
            Long("cors") => options.cors.push(origin(parser.value()?.string()?)?),
            Long("containers") => options.containers = true,
            Long("set") => {
                let (name, value) = setting(&parser.value()?.string()?)?;
                options.variables.insert(name, value);
            }
            Long("strict-slashes") => options.strict_slashes = true,
            Long("table") => table = Some(parser.value()?.string()?),
            Long("compromised") => compromised = Some(parser.value()?.string()?),
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("version") | Short('V') => return Ok(Command::Version),
            Value(word) => words.push(word.string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    if words.is_empty() && table.is_none() && compromised.is_none() {
        return Ok(Command::Run(options));
    }
    if words.first().is_some_and(|word| word == "smoke") {
        let address = Address::parse(&words[1..].join(" ")).map_err(|problem| problem.to_string())?;
        return Ok(Command::Smoke(address));
    }
    if words == ["generate"] {
        return Ok(Command::Generate);
    }
    let act = act(&words, compromised)?;
    let target = match (table, options.data) {
        (Some(table), _) => Target::Table(table),
        (None, Some(folder)) => Target::Local(folder),
        (None, None) => return Err("--memory goes with no command: a system that keeps nothing has no data".into()),
    };
    Ok(Command::Operate { act, target })
}

fn parsed<T: std::str::FromStr>(value: &OsStr, problem: &str) -> Result<T, lexopt::Error> {
    let text = value.to_string_lossy();
    text.parse().map_err(|_| format!("{problem}, not {text:?}").into())
}

fn port(value: &OsStr) -> Result<u16, lexopt::Error> {
    let port = parsed(value, "--port takes a number from 0 to 65534")?;
    if port == u16::MAX { Err("--port takes a number from 0 to 65534: AWS has the next one".into()) } else { Ok(port) }
}

/// Checks that a text is an origin as browsers send it (RFC 6454 §6.2): lower case, without the scheme's default port.
fn origin(text: String) -> Result<String, lexopt::Error> {
    let own_port = if text.starts_with("https://") { ":443" } else { ":80" };
    let well_formed = is_origin(&text) && !text.ends_with(own_port);
    if well_formed {
        return Ok(text);
    }
    let form = "an origin as browsers send it, such as https://shop.example: lower case, no path, no default port";
    Err(format!("--cors takes {form}; not {text:?}").into())
}

fn setting(pair: &str) -> Result<(String, String), lexopt::Error> {
    let (name, value) = pair.split_once('=').ok_or("--set takes NAME=VALUE")?;
    check_name(name).map_err(|problem| format!("--set: {problem}"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn act(words: &[String], compromised: Option<String>) -> Result<OperatorAction, lexopt::Error> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let name = |name: &&str| (*name).to_owned();
    match (words.as_slice(), compromised) {
        (["rotate-keys"], None) => Ok(OperatorAction::RotateKeys(Rotation::Now)),
        (["rotate-keys"], Some(all)) if all == "all" => Ok(OperatorAction::RotateKeys(Rotation::DropAll)),
        (["rotate-keys"], Some(kid)) => Ok(OperatorAction::RotateKeys(Rotation::Drop(kid))),
        (["admin", "find", who], None) => Ok(OperatorAction::Find(name(who))),
        (["admin", "disable", who], None) => Ok(OperatorAction::Disable(name(who))),
        (["admin", "enable", who], None) => Ok(OperatorAction::Enable(name(who))),
        (["admin", "end-sessions", who], None) => Ok(OperatorAction::EndSessions(name(who))),
        (["admin", "recover", who], None) => Ok(OperatorAction::Recover(name(who))),
        ([], Some(_)) => Err("--compromised goes with rotate-keys".into()),
        ([], None) => Err("--table goes with admin or rotate-keys".into()),
        _ => Err(format!("not understood: {}", words.join(" ")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Command, String> {
        parse(lexopt::Parser::from_iter(["local"].iter().chain(arguments))).map_err(|error| error.to_string())
    }

    fn options(arguments: &[&str]) -> Options {
        match read(arguments) {
            Ok(Command::Run(options)) => options,
            _ => panic!("{arguments:?} does not run the system"),
        }
    }

    #[test]
    fn each_option_is_read() {
        let all = options(&["--port", "4000", "--host", "192.168.1.7", "--cors", "https://shop.example", "--memory"]);
        assert_eq!((all.port, all.host, all.data), (4000, "192.168.1.7".parse().ok(), None));
        assert_eq!(all.cors, ["https://shop.example"]);
        assert!(options(&["--containers"]).containers);
        assert_eq!(options(&["--set", "AUDIENCE=shop"]).variables["AUDIENCE"], "shop");
        for help in ["-h", "--help"] {
            assert!(matches!(read(&[help]), Ok(Command::Help)));
        }
        for version in ["-V", "--version"] {
            assert!(matches!(read(&[version]), Ok(Command::Version)));
        }
    }

    #[test]
    fn an_error_names_its_option() {
        for (arguments, said) in [
            (&["--port", "x"][..], "--port takes a number from 0 to 65534, not \"x\""),
            (&["--port", "65535"], "--port takes a number from 0 to 65534: AWS has the next one"),
            (&["--port", "65536"], "--port takes a number from 0 to 65534, not \"65536\""),
            (&["--host", "localhost"], "--host takes an IP address, not \"localhost\""),
            (&["--captcha", "on"], "--captcha takes off or enforce"),
            (&["--set", "BRAND"], "--set takes NAME=VALUE"),
            (&["--set", "BRANT=x"], "--set: there is no setting BRANT. Did you mean BRAND?"),
        ] {
            assert_eq!(read(arguments).err().as_deref(), Some(said));
        }
        for refused in
            ["*", "https://shop.example/", "https://shop.example:443", "https://Shop.example", "https://:80", "null"]
        {
            let said = read(&["--cors", refused]).err().unwrap_or_default();
            assert!(
                said.starts_with("--cors takes an origin") && said.ends_with(&format!("not {refused:?}")),
                "{said}"
            );
        }
        assert_eq!(options(&["--cors", "https://shop.example:8443"]).cors, ["https://shop.example:8443"]);
        for (argument, named) in [("--prot", "--prot"), ("--data", "--data"), ("-x", "-x")] {
            assert!(read(&[argument]).err().is_some_and(|error| error.contains(named)), "{argument}");
        }
    }
}
