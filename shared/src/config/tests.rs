//! One test for each kind of setting, at its edges.

use std::collections::BTreeSet;

use super::settings::Form;
use super::*;
use crate::crypto::KeyGroup;
use crate::domain::Limit;

fn read(variables: &[(&str, &str)], needs: &[Need]) -> Result<Config, ConfigError> {
    let look_up = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::read(&Environment::new(&look_up), needs)
}

#[test]
fn nothing_is_needed_but_what_a_function_needs() {
    let config = read(&[], &[]).unwrap();
    // The second configuration that OWASP recommends for Argon2id with one lane.
    assert_eq!(config.passwords.hash_cost, HashCost { memory_kib: 19_456, passes: 2 });
    let needs = [Need::Table, Need::TokenKeys, Need::CODES, Need::SEALED_KEYS, Need::MailSender, Need::ClientHost];
    for need in needs {
        let variable = need.variable().unwrap();
        assert_eq!(read(&[(variable, "")], &[need]).unwrap_err().variable, variable);
    }
}

#[test]
fn a_function_holds_the_keys_it_needs_and_no_other() {
    let secret = "s".repeat(32);
    let config = read(&[("LINK_SECRET", &secret), ("KEY_SECRET", &secret)], &[Need::LINKS]).unwrap();
    assert!(config.keys.of(KeyGroup::Links).is_some());
    for other in [KeyGroup::Codes, KeyGroup::Sessions, KeyGroup::Visitors, KeyGroup::SealedKeys] {
        assert!(config.keys.of(other).is_none(), "{other:?}");
    }
}

#[test]
fn a_malformed_setting_is_named_and_its_value_is_not_shown() {
    for (variable, value) in [
        ("SESSION_IDLE_DAYS", "0"),
        ("REQUIRE_CONSENT", "yes"),
        ("LIMIT_SOURCE", "hunter2"),
        ("LIMIT_RECIPIENT", "5/h,31/d"),
        ("PASSWORD_MIN_LENGTH", "5"),
        ("ARGON2_PASSES", "0"),
        ("ACCESS_TOKEN_SECONDS", "an hour"),
        ("CAPTCHA_MODE", "hunter2"),
        ("DISCLOSE_REGISTRATION", "yes"),
        ("WARM_UP", "1"),
        ("MAIL_FROM", "hunter2"),
        ("SMS_MAX_PRICE_USD", "free"),
        ("CAPTCHA_PROVIDER", "hunter2"),
        ("ISSUER", "hunter2"),
        ("AWS_ATTEMPT_TIMEOUT_MS", "-1"),
        ("CLIENT_HOST", "example.com"),
        ("CLIENT_HOST", "https://example.com/"),
        ("CLIENT_HOST", "http://example.com"),
        ("CLIENT_HOST", "http://localhost.example.com"),
    ] {
        let error = read(&[(variable, value)], &[]).unwrap_err();
        assert_eq!(error.variable, variable, "{value}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    for (need, secret) in [(Need::CODES, "hunter2"), (Need::SEALED_KEYS, "hunter2,")] {
        let error = read(&[(need.variable().unwrap(), secret)], &[need]).unwrap_err();
        assert_eq!(Some(error.variable), need.variable());
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let captcha = |more: &[(&'static str, &'static str)]| {
        let base =
            [("CAPTCHA_PROVIDER", "tencent_cloud"), ("CAPTCHA_APP_SECRET", "s"), ("TENCENT_CLOUD_SECRET_ID", "i")];
        read(&[&base[..], &[("TENCENT_CLOUD_SECRET_KEY", "k")], more].concat(), &[])
    };
    assert!(captcha(&[("CAPTCHA_APP_ID", "200")]).is_ok());
    assert_eq!(captcha(&[]).unwrap_err().variable, "CAPTCHA_APP_ID");
    assert_eq!(captcha(&[("CAPTCHA_APP_ID", "x")]).unwrap_err().variable, "CAPTCHA_APP_ID");
    let in_clear = captcha(&[("CAPTCHA_APP_ID", "200"), ("CAPTCHA_URL", "http://captcha.example/")]);
    assert_eq!(in_clear.unwrap_err().variable, "CAPTCHA_URL");
    for (host, origin) in
        [("http://127.0.0.1:3000", "http://127.0.0.1:3000"), ("https://a.example/accounts", "https://a.example")]
    {
        let answers = read(&[("CLIENT_HOST", host)], &[]).unwrap().answers;
        assert!(answers.is_own_origin(origin, "api.example"), "{host}");
    }
}
#[test]
fn our_own_origin_is_the_configured_one_else_the_apis() {
    let is_own = |host: &str, origin: &str| {
        read(&[("CLIENT_HOST", host)], &[]).unwrap().answers.is_own_origin(origin, "api.example")
    };
    assert!(is_own("", "https://api.example"));
    assert!(is_own("https://a.example/accounts", "https://a.example"));
    for name in ["localhost", "127.0.0.1", "[::1]"] {
        assert!(is_own("http://localhost:3000", &format!("http://{name}:3000")), "{name}");
    }
    for (host, origin) in [
        ("", "http://api.example"),
        ("", "https://api.example.evil.example"),
        ("", "https://"),
        ("https://a.example", "https://api.example"),
        ("https://a.example", "http://a.example"),
        ("https://localhost", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3001"),
        ("http://localhost:3000", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3000.evil.example"),
        ("http://localhost:3000", "http://localhost.evil.example:3000"),
        ("http://localhost:3000", "https://localhost:3000"),
        ("http://localhost:3000", "null"),
    ] {
        assert!(!is_own(host, origin), "{host}: {origin}");
    }
}

#[test]
fn settings_without_a_variable_of_their_own_stand_in_one() {
    let config = read(&[("SETTINGS", "LIMIT_SOURCE=7/h  ARGON2_PASSES=3\nAUDIENCE=shop")], &[]).unwrap();
    assert_eq!((config.limits.of(RateLimit::Source)[0].most, config.passwords.hash_cost.passes), (7, 3));
    assert_eq!(config.tokens.audience, "shop");
    let malformed = read(&[("SETTINGS", "ARGON2_PASSES=0")], &[]).unwrap_err();
    assert_eq!(malformed.variable, "ARGON2_PASSES");
    for (settings, said) in [
        ("LIMIT_SORCE=7/h", "LIMIT_SORCE may not stand there"),
        ("LIMIT_SOURCE", "LIMIT_SOURCE has no value"),
        ("LIMIT_SOURCE=1/h LIMIT_SOURCE=2/h", "LIMIT_SOURCE stands there twice"),
        ("CODE_SECRET=hunter2", "CODE_SECRET may not stand there"),
        ("TABLE_NAME=t", "TABLE_NAME may not stand there"),
        // These have a variable of their own. They are refused even by a function that does not have it.
        ("PASSWORD_MIN_LENGTH=6", "PASSWORD_MIN_LENGTH may not stand there"),
        ("CLIENT_HOST=https://a.example", "CLIENT_HOST may not stand there"),
        ("AWS_ENDPOINT_URL=http://a.example", "AWS_ENDPOINT_URL may not stand there"),
        ("AUDIENCE=shop", "AUDIENCE has a variable of its own too"),
        ("hunter2", "one of its names may not stand there"),
        ("AKIAIOSFODNN7EXAMPLE", "one of its names may not stand there"),
        ("LIMIT_hunter2=1", "one of its names may not stand there"),
    ] {
        let error = read(&[("SETTINGS", settings), ("AUDIENCE", "x")], &[]).unwrap_err();
        assert_eq!(error.to_string(), format!("SETTINGS is malformed: {said}"));
    }
}

#[test]
fn every_variable_that_is_read_is_a_setting_and_every_setting_is_read() {
    let environment = Environment::new(&|_| None);
    let every_need = [Need::CODES, Need::LINKS, Need::SESSIONS, Need::VISITORS, Need::SEALED_KEYS];
    let _ = Config::read(&environment, &[]);
    every_need.iter().for_each(|need| drop(Keys::read(&environment, &[*need])));
    let read: BTreeSet<_> = environment.asked().into_iter().collect();
    let listed: BTreeSet<_> = settings::ALL.iter().map(|setting| setting.variable.to_owned()).collect();
    assert_eq!(read, listed);
    assert_eq!(listed.len(), settings::ALL.len(), "no variable stands twice");
}

#[test]
fn a_number_is_taken_at_both_bounds_and_not_beyond() {
    for setting in settings::ALL {
        let Form::Number { least, most } = setting.form else { continue };
        let is_taken = |value: i64| read(&[(setting.variable, &value.to_string())], &[]).is_ok();
        let (least, most) = (i64::from(least), i64::from(most));
        let taken = [least - 1, least, most, most + 1].map(is_taken);
        assert_eq!(taken, [false, true, true, false], "{}", setting.variable);
    }
}

/// Settings, each with its accepted values at the edges and with values that are refused.
const EDGES: &[(&str, &[&str], &[&str])] = &[
    ("ACCESS_TOKEN_SECONDS", &["60", "86400"], &["59", "86401", "-1", "+60", "60.0", "6e1", " 60", "sixty", "４０"]),
    ("SESSION_IDLE_DAYS", &["1", "3650"], &["0", "3651", "99999999999"]),
    ("SESSION_MAX_DAYS", &["1", "3650"], &["0", "3651"]),
    ("SESSION_UNREMEMBERED_HOURS", &["1", "720"], &["0", "721"]),
    ("REFRESH_REPEAT_SECONDS", &["1", "300"], &["0", "301", "-1", "30s"]),
    ("KEY_ROTATION_DAYS", &["1", "3650"], &["0", "3651"]),
    ("DORMANT_DAYS", &["90", "36500"], &["89", "36501"]),
    ("PASSWORD_MIN_LENGTH", &["6", "64"], &["5", "65"]),
    ("ARGON2_MEMORY_KIB", &["8", "1048576"], &["7", "1048577"]),
    ("ARGON2_PASSES", &["1", "100"], &["0", "101"]),
    ("SMS_DAILY_BUDGET", &["0", "1000000000"], &["1000000001", "-1"]),
    ("MAIL_DAILY_BUDGET", &["0", "1000000000"], &["1000000001", "+1"]),
    ("NOTICE_DAILY_BUDGET", &["0", "1000000000"], &["1000000001", " "]),
    ("AWS_ATTEMPT_TIMEOUT_MS", &["10", "60000"], &["9", "60001"]),
    ("AWS_CONNECT_TIMEOUT_MS", &["10", "60000"], &["9", "60001"]),
    ("SMS_MAX_PRICE_USD", &["0.01", "10", "10.0", ".5"], &["0", "10.01", "-1", "1e0", "+1", "inf", "NaN", "1,0", " 1"]),
    ("DISCLOSE_REGISTRATION", &["true", "false"], &["True", "1", " true", "no"]),
    ("REQUIRE_CONSENT", &["true", "false"], &["TRUE", "0"]),
    ("WARM_UP", &["on", "off"], &["On", "true"]),
    ("CAPTCHA_MODE", &["off", "enforce"], &["on", "Off"]),
    ("BRAND", &["L", "例子商城例子商城例子商城例子商城", "My Shop"], &[" ", " L", "L ", "a\nb", "a\u{0}b"]),
    ("AUDIENCE", &["a", "https://api.example/"], &["a b", "商城", "\n"]),
    ("CLIENT_ID", &["a", "https://app.example/"], &["a b", "\t"]),
    ("TERMS_VERSION", &["1", "2026-11", "第二版"], &[" 1", "1 ", "1\n"]),
    ("PRIVACY_VERSION", &["1", "v 2"], &[" ", "a\u{7f}"]),
    (
        "CORS_ORIGINS",
        &["https://shop.example", "http://localhost:5173,https://a-b.example:8443"],
        &[
            "https://Shop.example",
            "https://a.example/",
            "*",
            "null",
            "a.example",
            "https://a.example,",
            ",",
            "https://:1",
        ],
    ),
    ("MAIL_FROM", &["a@example.com"], &["a", "a@", "@example.com", "a b@example.com", "A <a@example.com>"]),
    ("SMS_SENDER_ID", &["Latchkey", "A1-3456789a"], &["123", "abcdefghijkl", "a b", "商城", "-"]),
    (
        "LIMIT_SOURCE",
        &["1/s", "4294967295/366d", "100/5m"],
        &["0/h", "1/", "/h", "1/367d", "1/0h", "1/w", "5", "1/-1h"],
    ),
    ("LIMIT_RECIPIENT", &["1/h,30/d"], &["31/h", "1/h,", ","]),
];

#[test]
fn each_setting_is_taken_at_its_edges_and_refused_beyond() {
    for (variable, good, bad) in EDGES {
        for value in *good {
            assert!(read(&[(variable, value)], &[]).is_ok(), "{variable}={value:?}");
        }
        assert!(read(&[(variable, "")], &[]).is_ok(), "{variable}: an empty one is none");
        for value in *bad {
            assert_eq!(
                read(&[(variable, value)], &[]).map_err(|error| error.variable).err(),
                Some(*variable),
                "{value:?}"
            );
        }
    }
    let lengths =
        [("BRAND", 40), ("AUDIENCE", 255), ("CLIENT_ID", 255), ("TERMS_VERSION", 64), ("PRIVACY_VERSION", 64)];
    for (variable, most) in lengths {
        assert!(read(&[(variable, &"a".repeat(most))], &[]).is_ok(), "{variable}");
        assert!(read(&[(variable, &"a".repeat(most + 1))], &[]).is_err(), "{variable}");
    }
    let secrets = [("CODE_SECRET", &[Need::CODES][..]), ("KEY_SECRET", &[Need::SEALED_KEYS]), ("ORIGIN_SECRET", &[])];
    for (variable, needs) in secrets {
        let value = |length: usize| "s".repeat(length);
        assert!(read(&[(variable, &value(32))], needs).is_ok(), "{variable}");
        assert!(read(&[(variable, &format!("{},{}", value(32), value(32)))], needs).is_ok(), "{variable}");
        for bad in [value(31), format!("{},{}", value(32), value(31))] {
            assert_eq!(read(&[(variable, &bad)], needs).unwrap_err().variable, variable);
        }
    }
}

#[test]
fn every_address_is_of_https_or_of_this_machine_and_has_no_user() {
    let bases = ["ISSUER", "CLIENT_HOST"];
    let links = ["TERMS_URL", "PRIVACY_URL", "CAPTCHA_URL", "CAPTCHA_WIDGET_URL", "BREACHED_PASSWORDS_URL"];
    for variable in bases.into_iter().chain(links) {
        for good in [
            "https://a.example",
            "https://a.example:8443/b",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://host.docker.internal:3000",
            "https://xn--fsqu00a.cn",
            "https://[2001:db8::1]:8443",
        ] {
            assert!(read(&[(variable, good)], &[]).is_ok(), "{variable}={good}");
        }
        for bad in [
            "a.example",
            "//a.example",
            "https://",
            "https:///a.example",
            "https:a.example",
            "https:\\\\a.example",
            "http://a.example",
            "http://localhost.a.example",
            "http://localhost:x@evil.example/",
            "http://localhost:x",
            "http://localhost@evil.example",
            "http://127.0.0.1:80@evil.example",
            "https://user:secret@a.example",
            "https://@a.example",
            "https://a.example:99999",
            "https://a b.example",
            " https://a.example",
            "https://例子.cn",
            "ftp://localhost",
            "file:///etc/passwd",
            "javascript://localhost/%0aalert(1)",
            "https://a.example/\"",
        ] {
            assert_eq!(read(&[(variable, bad)], &[]).err().map(|error| error.variable), Some(variable), "{bad}");
        }
    }
    for variable in bases {
        for bad in [
            "https://a.example/",
            "https://a.example/b/",
            "https://a.example?c",
            "https://a.example#d",
            "https://a.example/b?",
        ] {
            assert_eq!(read(&[(variable, bad)], &[]).err().map(|error| error.variable), Some(variable), "{bad}");
        }
    }
    for variable in links {
        assert!(read(&[(variable, "https://a.example/b/?c=d#e")], &[]).is_ok(), "{variable}");
    }
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL_SESV2"]
    {
        assert!(read(&[(variable, "http://moto:5000")], &[]).is_ok(), "{variable}");
        for bad in ["moto:5000", "moto", "http://", "http://a:b@moto:5000", "http://mo to"] {
            assert_eq!(read(&[(variable, bad)], &[]).err().map(|error| error.variable), Some(variable), "{bad}");
        }
    }
}

#[test]
fn an_origin_is_written_as_browsers_write_it() {
    for (written, base) in [
        ("https://ID.Example", "https://id.example"),
        ("HTTPS://id.example:443", "https://id.example"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("https://id.example:0443/Accounts", "https://id.example/Accounts"),
        ("https://id.example:8443", "https://id.example:8443"),
    ] {
        let config = read(&[("CLIENT_HOST", written), ("ISSUER", written)], &[]).unwrap();
        assert_eq!(config.answers.client_host.as_deref(), Some(base));
        assert_eq!(config.tokens.issuer.as_deref(), Some(base));
        assert!(config.answers.is_own_origin(origin_of(base), "api.example"), "{written}");
    }
}

#[test]
fn no_source_may_spend_more_than_a_fifth_of_the_strangers_share() {
    let limit =
        |settings: &[(&str, &str)]| read(settings, &[]).map(|config| config.limits.of(RateLimit::StrangersSms)[0]);
    let a_day = |most| Limit { most, window_seconds: 86_400 };
    assert_eq!(limit(&[]).unwrap(), a_day(100));
    assert_eq!(limit(&[("SMS_DAILY_BUDGET", "1000")]).unwrap(), a_day(50));
    let source = "LIMIT_STRANGERS_SOURCE";
    assert_eq!(limit(&[(source, "120/d")]).unwrap(), a_day(120));
    for too_much in ["121/d", "6/h", "1/m"] {
        let refused = limit(&[(source, too_much)]).unwrap_err();
        assert!(refused.to_string().contains("LIMIT_STRANGERS_SOURCE lets one source use over a fifth"), "{refused}");
    }
    assert!(limit(&[(source, "5/h")]).is_ok());
    assert!(limit(&[(source, "120/d"), ("STRANGERS_PERCENT", "50")]).is_err());
}
