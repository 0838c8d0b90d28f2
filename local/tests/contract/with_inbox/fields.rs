//! Lists every field of every operation that takes a name, a number, an address or a code, with its kind. For each kind
//! it lists what people type into such a field. The last test fails if a function reads a field that is missing in the
//! table.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_mobile, read};

/// The way a field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A number, compared digit by digit.
    ExactNumber,
    /// A number, in any form that people paste.
    PastedNumber,
    /// A code, compared digit by digit.
    ExactCode,
    /// A code, in any form that people paste.
    PastedCode,
    Address,
    /// A username that its owner chooses.
    Username,
    /// A username, a number or an email to sign in with.
    AccountName,
    Nickname,
}

/// A field and the request that carries it.
struct Row {
    function: &'static str,
    method: &'static str,
    path: &'static str,
    field: &'static str,
    kind: Kind,
    /// The rest of the body. It is wrong on purpose, so that the request never takes effect.
    rest: &'static str,
}

const fn row(
    function: &'static str,
    (method, path): (&'static str, &'static str),
    field: &'static str,
    kind: Kind,
    rest: &'static str,
) -> Row {
    Row { function, method, path, field, kind, rest }
}

const REGISTER: (&str, &str) = ("POST", "/users/");
const SMS_LOG_IN: (&str, &str) = ("POST", "/users/sms_login/");
const CHANGE_MOBILE: (&str, &str) = ("PUT", "/users/me/mobile/");
const FORGET_PWD: (&str, &str) = ("POST", "/forget_pwd/");
const BIND: (&str, &str) = ("PUT", "/users/me/email/");
const PROFILE: (&str, &str) = ("PATCH", "/users/me/");

/// In a path, `{field}` stands for the value.
const TABLE: &[Row] = &[
    row("log-in", ("POST", "/users/login/"), "username", Kind::AccountName, r#"{"password":"wrong horse battery"}"#),
    row(
        "register",
        REGISTER,
        "nickname",
        Kind::Nickname,
        r#"{"mobile":"13800000000","sms_code":"000000","password":"correct horse battery"}"#,
    ),
    row(
        "register",
        REGISTER,
        "mobile",
        Kind::ExactNumber,
        r#"{"nickname":"小明","sms_code":"000000","password":"correct horse battery"}"#,
    ),
    row(
        "register",
        REGISTER,
        "sms_code",
        Kind::ExactCode,
        r#"{"nickname":"小明","mobile":"13800000000","password":"correct horse battery"}"#,
    ),
    row("send-sms-code", ("POST", "/users/sms/{field}/?purpose=login"), "mobile", Kind::ExactNumber, "{}"),
    row("check-mobile", ("GET", "/users/mobile/{field}/"), "mobile", Kind::ExactNumber, "{}"),
    row("forget-pwd-mobile", ("GET", "/forget_pwd/mobiles/{field}/"), "mobile", Kind::ExactNumber, "{}"),
    row("forget-pwd-sms-code", ("POST", "/forget_pwd/sms_code/"), "mobile", Kind::ExactNumber, "{}"),
    row(
        "forget-pwd",
        FORGET_PWD,
        "mobile",
        Kind::ExactNumber,
        r#"{"sms_code":"000000","new_password":"staple tractor violin"}"#,
    ),
    row(
        "forget-pwd",
        FORGET_PWD,
        "sms_code",
        Kind::ExactCode,
        r#"{"mobile":"13800000000","new_password":"staple tractor violin"}"#,
    ),
    row(
        "forget-pwd",
        FORGET_PWD,
        "email_code",
        Kind::ExactCode,
        r#"{"mobile":"13800000000","sms_code":"000000","new_password":"staple tractor violin"}"#,
    ),
    row("send-reset-email", ("POST", "/users/find/password/email/"), "email", Kind::Address, "{}"),
    row("send-reset-email", ("GET", "/users/find/password/?email={field}"), "email", Kind::Address, "{}"),
    row(
        "send-email-code",
        ("POST", "/users/me/email/"),
        "email",
        Kind::Address,
        r#"{"password":"wrong horse battery"}"#,
    ),
    row("send-email-code", ("POST", "/users/me/email/"), "sms_code", Kind::ExactCode, r#"{"email":"li@example.com"}"#),
    row("bind-email", BIND, "email", Kind::Address, r#"{"email_code":"000000"}"#),
    row("bind-email", BIND, "email_code", Kind::ExactCode, r#"{"email":"li@example.com"}"#),
    row("change-profile", PROFILE, "nickname", Kind::Nickname, "{}"),
    row("change-profile", PROFILE, "username", Kind::Username, r#"{"password":"wrong horse battery"}"#),
    row("change-profile", PROFILE, "sms_code", Kind::PastedCode, r#"{"username":"zhang.wei"}"#),
    row(
        "change-password",
        ("PUT", "/users/me/password/"),
        "sms_code",
        Kind::PastedCode,
        r#"{"new_password":"staple tractor violin"}"#,
    ),
    row(
        "change-mobile",
        CHANGE_MOBILE,
        "mobile",
        Kind::PastedNumber,
        r#"{"sms_code":"000000","password":"wrong horse battery"}"#,
    ),
    row(
        "change-mobile",
        CHANGE_MOBILE,
        "sms_code",
        Kind::PastedCode,
        r#"{"mobile":"13800000000","password":"wrong horse battery"}"#,
    ),
    row(
        "change-mobile",
        CHANGE_MOBILE,
        "confirm_code",
        Kind::PastedCode,
        r#"{"mobile":"13800000000","sms_code":"000000"}"#,
    ),
    row("reauthenticate", ("POST", "/users/me/reauthenticate/"), "sms_code", Kind::PastedCode, "{}"),
    row("delete-account", ("DELETE", "/users/me/"), "sms_code", Kind::PastedCode, "{}"),
    row("export", ("POST", "/users/me/export/"), "sms_code", Kind::PastedCode, "{}"),
    row("sms-log-in", SMS_LOG_IN, "mobile", Kind::PastedNumber, r#"{"sms_code":"000000"}"#),
    row("sms-log-in", SMS_LOG_IN, "sms_code", Kind::PastedCode, r#"{"mobile":"13800000000"}"#),
    row("sms-log-in", SMS_LOG_IN, "email_code", Kind::PastedCode, r#"{"mobile":"13800000000","sms_code":"000000"}"#),
    row("sms-log-in", SMS_LOG_IN, "nickname", Kind::Nickname, r#"{"mobile":"13800000000","sms_code":"000000"}"#),
];

const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value accepted everywhere, values accepted only where people may paste, and values accepted nowhere.
const NUMBERS: (&str, &[&str], &[&str]) = (
    "13800001234",
    &[
        "\u{2066}13800001234\u{2069}",
        "8613800001234",
        "+86 138-0000-1234",
        "0086\u{A0}013800001234",
        "138\u{3000}00001234 ",
    ],
    &["", "1380000123", "１３８００００１２３４", "13800001234\n", "+8513800001234", "138.0000.1234", "13800001234x"],
);
const CODES: (&str, &[&str], &[&str]) = (
    "507096",
    &["507 096", "507-096", "\u{2066}507096\u{2069}", "507\u{2013}096", "\u{3000}507096\t"],
    &["", "50709", "5070961", "５０７０９６", "507096\n", "507.096", "five"],
);
const ADDRESSES: (&[&str], &[&str]) = (
    &[
        "li@example.com",
        "li@例子.cn",
        "li@xn--fsqu00a.cn",
        "li＠例子。ｃｎ",
        " li@example.com\u{A0}",
        "\u{3000}li@example.com\t",
    ],
    &["li@example", "li@例子.cn\n", "李@例子.cn", "li@-例子.cn", "li\u{200B}@example.com", "li@a@b.cn", "li@例 子.cn"],
);
const NICKNAMES: (&[&str], &[&str]) = (
    &[
        "小红👩🏻\u{200D}💻",
        "हिन्दी",
        "می\u{200C}خواهم",
        " 小明 ",
        "❤\u{FE0F}",
        "admin",
        "аdmin",
        "明明明明明明明明明明明明明明明明明明明明",
    ],
    &[
        "\u{2800}",
        "\u{3164}",
        "小明\u{3164}",
        "\u{301}",
        "\u{3000}",
        "a\u{202E}b",
        "\u{E0041}",
        "小\u{200D}明",
        "明明明明明明明明明明明明明明明明明明明明明",
    ],
);
/// The accepted usernames, then the refused ones with the error code of each.
const USERNAMES: (&[&str], &[(&str, &str)]) = (
    &["हिन्दी", "สมชายดี", "مُحَمَّد", "Nguye\u{302}\u{303}n", "தமிழ்நாடு", "می\u{200C}خواهم", "李Lei_1"],
    &[
        ("zhao\u{3164}", "username_malformed"),
        ("zhao\u{34F}", "username_malformed"),
        ("zhao\u{2800}", "username_malformed"),
        ("zh\u{200D}ao", "username_malformed"),
        ("\u{301}zhao", "username_malformed"),
        ("zhao1\u{301}", "username_malformed"),
        ("zhao\n", "username_malformed"),
        ("小红👩🏻\u{200D}💻", "username_malformed"),
        ("admin", "username_reserved"),
        ("Root", "username_reserved"),
        ("官方客服", "username_reserved"),
        ("latch_key", "username_reserved"),
        ("аdmin", "username_reserved"),
        ("138 0000 1234", "username_reserved"),
        (" 13800001234", "username_reserved"),
    ],
);

impl Row {
    async fn send(&self, site: &Site, person: &Person, csrf: &str, value: &str) -> Answer {
        // Everything except unreserved characters (RFC 3986 §2.3) is encoded, as some redirects do.
        let encoded = percent_encoding::utf8_percent_encode(value, UNRESERVED).to_string();
        let path = self.path.replace("{field}", &encoded);
        let mut request = site.request(self.method.parse::<Method>().unwrap(), &path);
        if path.starts_with("/users/me/") {
            request = request.bearer_auth(&person.token);
        }
        if self.path == "/forget_pwd/" {
            request = request.header("cookie", format!("csrf_token={csrf}")).header("x-csrftoken", csrf);
        }
        let mut body: Value = serde_json::from_str(self.rest).unwrap();
        if !self.path.contains("{field}") {
            body[self.field] = value.into();
        }
        if self.method != "GET" {
            request = request.json(&body);
        }
        read(request).await
    }

    /// Sends a value and returns whether the field accepted it.
    async fn takes(&self, site: &Site, person: &Person, csrf: &str, value: &str) -> bool {
        let answer = self.send(site, person, csrf, value).await;
        let shown = format!("{} {}: {value:?}: {answer:?}", self.function, self.field);
        assert!(answer.status < 500, "{shown}");
        assert!(!matches!(answer.status, 401 | 413 | 415 | 429), "{shown}");
        let refusals: &[&str] = match self.kind {
            Kind::ExactNumber if self.path.contains("{field}") => &["not_found"],
            Kind::ExactNumber | Kind::PastedNumber => &["mobile_malformed", "field_required"],
            Kind::ExactCode | Kind::PastedCode => &["code_malformed", "field_required"],
            Kind::Address => &["email_malformed"],
            Kind::Nickname => &["nickname_refused"],
            Kind::Username => &["username_malformed", "username_reserved"],
            Kind::AccountName => &[],
        };
        let expected = USERNAMES.1.iter().find(|(name, _)| *name == value && self.kind == Kind::Username);
        if let Some((_, code)) = expected {
            assert_eq!(answer.header("x-error-code"), Some(*code), "{shown}");
        }
        !answer.header("x-error-code").is_some_and(|code| refusals.contains(&code))
    }
}

fn values(kind: Kind) -> (Vec<&'static str>, Vec<&'static str>) {
    let digits = |(right, pasted, wrong): (&'static str, &[&'static str], &[&'static str]), takes_pasted: bool| {
        let (mut good, mut bad) = (vec![right], wrong.to_vec());
        if takes_pasted { &mut good } else { &mut bad }.extend(pasted);
        (good, bad)
    };
    match kind {
        Kind::ExactNumber => digits(NUMBERS, false),
        Kind::PastedNumber => digits(NUMBERS, true),
        Kind::ExactCode => digits(CODES, false),
        Kind::PastedCode => digits(CODES, true),
        Kind::Address => (ADDRESSES.0.to_vec(), ADDRESSES.1.to_vec()),
        Kind::Nickname => (NICKNAMES.0.to_vec(), NICKNAMES.1.to_vec()),
        Kind::Username => (USERNAMES.0.to_vec(), USERNAMES.1.iter().map(|(name, _)| *name).collect()),
        // No form is refused here. `whoever_has_a_name_signs_in_by_each_spelling_of_it` tests this kind.
        Kind::AccountName => (Vec::new(), Vec::new()),
    }
}

async fn hold(kinds: &[Kind]) {
    let site = Site::with_inbox().await;
    for row in TABLE.iter().filter(|row| kinds.contains(&row.kind)) {
        let mut person = site.register().await;
        let (good, bad) = values(row.kind);
        for (value, expected) in good.iter().map(|good| (good, true)).chain(bad.iter().map(|bad| (bad, false))) {
            // The hour ends the resend cooldown and the waits after failed attempts. The access token expires too, so
            // the person signs in again.
            site.advance(3600).await;
            person.token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
            let csrf = site.csrf().await;
            let taken = row.takes(&site, &person, &csrf, value).await;
            assert_eq!(taken, expected, "{} {} {}: {value:?}", row.method, row.path, row.field);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_exact_where_old_clients_ask_and_pasted_elsewhere() {
    hold(&[Kind::ExactNumber, Kind::PastedNumber]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_exact_where_old_clients_ask_and_pasted_elsewhere() {
    hold(&[Kind::ExactCode, Kind::PastedCode]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_taken_in_both_spellings_everywhere() {
    hold(&[Kind::Address]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_what_people_are_called_and_nothing_invisible() {
    hold(&[Kind::Nickname, Kind::Username]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_name_signs_in_by_each_spelling_of_it() {
    let site = Site::with_inbox().await;
    let mut person = site.register().await;
    let host = format!("例子{}.cn", &person.mobile[2..]);
    let bind = json!({ "email": format!("lilei@{host}"), "password": PASSWORD });
    let asked = site.send_as(&person.token, Method::POST, "/users/me/email/", &bind).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let inbox = site.get("/_local/inbox.json").await.json();
    let sent_to = |message: &&Value| message["to"].as_str().is_some_and(|to| to.starts_with("lilei@xn--"));
    let address = inbox.as_array().unwrap().iter().find(sent_to).unwrap()["to"].as_str().unwrap().to_owned();
    let bind =
        json!({ "email": format!("LiLei@{}", host.replace('.', "。")), "email_code": site.code_for(&address).await });
    let bound = site.send_as(&person.token, Method::PUT, "/users/me/email/", &bind).await;
    assert_eq!((bound.status, &bound.json()["email"]), (200, &json!(address)), "{bound:?}");
    person.token = bound.json()["token"].as_str().unwrap().to_owned();
    let name = format!("नमस्ते\u{200D}ते{}", &person.mobile[6..]).replace("ते\u{200D}", "क्\u{200D}");
    let named = site
        .send_as(
            &person.token,
            Method::PATCH,
            "/users/me/",
            &json!({ "username": format!("{name}\u{3000}"), "password": PASSWORD }),
        )
        .await;
    assert_eq!((named.status, &named.json()["username"]), (200, &json!(name)), "{named:?}");
    for spelling in [
        format!("lilei@{host}"),
        address.clone(),
        format!("\u{A0}lilei＠{} ", host.replace('.', "．")),
        format!("{address}\u{3000}"),
        name.clone(),
        format!("\t{name} "),
        name.replace('\u{200D}', ""),
        person.mobile.clone(),
    ] {
        assert_eq!(site.log_in(&spelling).await["id"], person.id.as_str(), "{spelling:?}");
    }
    for inexact in [
        format!("{} ", person.mobile),
        format!("\u{A0}{}", person.mobile),
        format!("\u{2066}{}\u{2069}", person.mobile),
        format!("+86{}", person.mobile),
        format!("{address}\n"),
        format!("{name}\n"),
    ] {
        let body = json!({ "username": inexact, "password": PASSWORD });
        site.post("/users/login/", &body).await.refuses(
            400,
            "bad_credentials",
            &json!({ "non_field_errors": ["用户名或密码错误"], "code": "bad_credentials" }),
        );
    }
    let padded = json!({ "username": name, "password": format!("{PASSWORD} ") });
    assert_eq!(site.post("/users/login/", &padded).await.status, 400, "nothing is cut off a password");
    // Two names that differ only in a joiner are the same name.
    let other = site.register().await;
    let same = json!({ "username": name.replace('\u{200D}', ""), "password": PASSWORD });
    site.send_as(&other.token, Method::PATCH, "/users/me/", &same).await.is_refused(400, "username_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn pasted_numbers_and_codes_sign_in_and_prove() {
    let site = Site::with_inbox().await;
    let (person, mobile) = (site.register().await, new_mobile());
    let spread = |code: &str| format!("\u{2066}{} {}\u{2069}", &code[..3], &code[3..]);
    let asked = site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let code = site.code_for(&person.mobile).await;
    let body = json!({ "mobile": format!("\u{202D}+86 {}\u{202C}", person.mobile), "sms_code": spread(&code) });
    let signed_in = site.post("/users/sms_login/", &body).await;
    assert_eq!((signed_in.status, &signed_in.json()["id"]), (200, &json!(person.id)), "{signed_in:?}");
    let confirm = site.proof_code(&person).await;
    let path = format!("/users/sms/{mobile}/?purpose=mobile");
    assert_eq!(site.send_as(&person.token, Method::POST, &path, &json!({})).await.status, 200);
    let code = site.code_for(&mobile).await;
    let body = json!({ "mobile": format!("86{mobile}"), "sms_code": spread(&code), "confirm_code": spread(&confirm) });
    let moved = site.send_as(&person.token, Method::PUT, "/users/me/mobile/", &body).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    let person = Person { mobile, token: moved.json()["token"].as_str().unwrap().to_owned(), ..person };
    let proof = spread(&site.proof_code(&person).await);
    let body = json!({ "sms_code": proof, "new_password": NEW_PASSWORD });
    assert_eq!(site.send_as(&person.token, Method::PUT, "/users/me/password/", &body).await.status, 200);
}

#[test]
fn no_field_is_forgotten() {
    // Fields that are read byte for byte: passwords and tokens.
    let others = ["password", "new_password", "password2", "access_token", "refresh_token", "token"];
    let functions = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../functions")).unwrap();
    let mut read = BTreeSet::new();
    for function in functions.map(|entry| entry.unwrap().path()) {
        let source = std::fs::read_to_string(function.join("src/lib.rs")).unwrap();
        let name = function.file_name().unwrap().to_str().unwrap().to_owned();
        let mut fields: Vec<&str> = Vec::new();
        for call in source.split(".texts([").skip(1) {
            fields.extend(call.split(']').next().unwrap().split('"').skip(1).step_by(2));
        }
        for call in [".optional_text(\"", ".proof_by(\"", ".query(\"email"] {
            let names = source.split(call).skip(1).map(|rest| rest.split('"').next().unwrap());
            fields.extend(names.map(|name| if name.is_empty() { "email" } else { name }));
        }
        for (call, field) in [
            (".proof(", "sms_code"),
            (".credential(", "sms_code"),
            (".second_proof(", "email_code"),
            (".mobile_in_path(", "mobile"),
        ] {
            fields.extend(source.contains(call).then_some(field));
        }
        let fields = fields.into_iter().filter(|field| !others.contains(field));
        read.extend(fields.map(|field| (name.clone(), field.to_owned())));
    }
    let listed: BTreeSet<_> = TABLE.iter().map(|row| (row.function.to_owned(), row.field.to_owned())).collect();
    assert_eq!(listed, read);
}
