//! Every field of every page, and how the page's script reads its value.

use serde_json::{Value, json};

use crate::browser::{Browser, SETUPS};
use crate::site::{PASSWORD, Site, new_mobile};

/// The fields of each page, each with the kind it is read as. `-` is read unchanged.
const TABLE: &[(&str, &[&str])] = &[
    (
        "/login",
        &[
            "username account",
            "password -",
            "remember -",
            "account-name -",
            "mobile mobile",
            "consent -",
            "code code",
            "second-password -",
            "second-code code",
            "remember-sms -",
        ],
    ),
    ("/register", &["mobile mobile", "consent -", "code code", "nickname -", "password -"]),
    ("/forget_pwd/", &["mobile mobile", "code code", "second-password -", "second-code code", "password -"]),
    ("/find_password", &["email name"]),
    ("/reset_password", &["account-name -", "password -", "password2 -"]),
    (
        "/users",
        &[
            "number-code code",
            "nickname -",
            "username-proof-account-name -",
            "username name",
            "mobile-proof-account-name -",
            "mobile mobile",
            "mobile-code code",
            "email name",
            "email-proof-account-name -",
            "email-code code",
            "email-again-proof-account-name -",
            "password-proof-account-name -",
            "new-password -",
            "export-proof-account-name -",
            "delete-proof-account-name -",
            "delete-sure -",
            "ID-password -",
            "ID-code code",
        ],
    ),
];

/// Typed values, and how each kind reads them.
const READINGS: &[(&str, &str, &str)] = &[
    ("mobile", "\u{2066}13800001234\u{2069}", "13800001234"),
    ("mobile", "\u{202D}+86 138 0000 1234\u{202C}", "13800001234"),
    ("mobile", "8613800001234", "13800001234"),
    ("mobile", "0086 138\u{2011}0000\u{2013}1234", "13800001234"),
    ("mobile", "+86 0138 0000 1234", "13800001234"),
    ("mobile", "138\u{A0}0000\u{3000}1234\t", "13800001234"),
    ("mobile", "１３８００００１２３４", "13800001234"),
    ("mobile", "＋８６（１３８）００００－１２３４", "13800001234"),
    ("mobile", "+13800001234", "+13800001234"),
    ("mobile", "86138000012345", "86138000012345"),
    ("code", "507 096", "507096"),
    ("code", "123-456", "123456"),
    ("code", "\u{2066}５０７\u{3000}０９６\u{2069}", "507096"),
    ("code", "507\u{2212}096\u{FEFF}", "507096"),
    ("name", " lilei\u{A0}", "lilei"),
    ("name", "\u{3000}lilei@例子.cn\t", "lilei@例子.cn"),
    ("name", "li lei", "li lei"),
    ("account", "+86 138 0000 1234", "13800001234"),
    ("account", "lilei\u{3000}", "lilei"),
    ("account", "li-lei", "li-lei"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_every_page_is_read_as_its_kind() {
    let site = Site::with_settings(&[]).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    for (page, expected) in TABLE {
        // The page is checked as it is served, before any script changes it.
        let script = format!(
            "return fetch('{page}').then((answer) => answer.text()).then((text) => {{
                const page = new DOMParser().parseFromString(text, 'text/html');
                const all = [page, ...[...page.querySelectorAll('template')].map((one) => one.content)];
                const inputs = all.flatMap((part) => [...part.querySelectorAll('input')]);
                return inputs.map((input) => `${{input.id}} ${{input.dataset.kind || '-'}}`);
            }})"
        );
        browser.open("/find_password").await;
        assert_eq!(browser.js(&script).await, json!(expected), "{page}");
    }
    let script = "return import(document.querySelector('script[src*=site]').src.replace('site.js', 'form.js'))
        .then((form) => READINGS.map(([kind, value]) => form.value({ dataset: { kind }, value })))";
    let typed: Vec<_> = READINGS.iter().map(|(kind, text, _)| json!([kind, text])).collect();
    let read = browser.js(&script.replace("READINGS", &Value::from(typed).to_string())).await;
    let expected: Vec<_> = READINGS.iter().map(|(_, _, expected)| json!(expected)).collect();
    assert_eq!(read, Value::from(expected));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pasted_code_and_an_address_in_either_spelling_sign_in() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login").await;
    browser.fill("username", &format!("{} ", person.mobile)).await;
    browser.fill("password", PASSWORD).await;
    browser.submit("by-password").await;
    browser.at("/users").await;
    // An email field sends the domain in ASCII, however it is typed. The field of the log-in sends it as typed.
    let host = format!("例子{}.cn", &new_mobile()[2..]);
    browser.see("email-item").await;
    browser.js("document.querySelector('#email-item summary').click()").await;
    browser.fill("email", &format!("lilei@{host}")).await;
    browser.submit("email-form").await;
    browser.see("email-code").await;
    let inbox = site.get("/_local/inbox.json").await.json();
    let mail = inbox.as_array().unwrap().iter().find(|message| message["to"].as_str().unwrap().contains('@')).unwrap();
    let code = site.code_for(mail["to"].as_str().unwrap()).await;
    browser.fill("email-code", &format!("\u{2066}{}-{}\u{2069}", &code[..3], &code[3..])).await;
    browser.submit("email-code-form").await;
    browser.says("email-item-value", "lilei@xn--").await;
    browser.click("sign-out").await;
    browser.at("/login").await;
    browser.fill("username", &format!("lilei@{host}\u{3000}")).await;
    browser.fill("password", PASSWORD).await;
    browser.submit("by-password").await;
    browser.at("/users").await;
    browser.close().await;
}
