//! Every page at two widths, in both themes: written to `target/pictures`, to be looked at, and held to what a machine
//! can tell: no sideways scrolling, no serious violation of accessibility (axe-core, where `AXE` names its file).

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::browser::{Browser, Setup};
use crate::site::{PASSWORD, Site};

const PAGES: [(&str, &str); 9] = [
    ("home", "/"),
    ("log-in", "/login"),
    ("log-in-sms", "/login?by=sms"),
    ("register", "/register"),
    ("find-password", "/find_password"),
    ("forget-pwd", "/forget_pwd/"),
    ("reset-password-expired", "/reset_password?access_token=x"),
    ("secure", "/secure"),
    ("inbox", "/_local/inbox"),
];

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a picture, to be looked at.
pub fn keep(name: &str, picture: &[u8]) {
    std::fs::write(folder().join(format!("{name}.png")), picture).unwrap();
}

/// What a machine can tell of a page as it is.
pub async fn look(browser: &Browser, name: &str) {
    for width in [320, 1280] {
        browser.set_width(width).await;
        let sideways =
            browser.js("return document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(sideways, 0, "{name} scrolls sideways at {width}");
        for dark in [false, true] {
            browser.set_dark(dark).await;
            let theme = if dark { "dark" } else { "light" };
            keep(&format!("{name}-{width}-{theme}"), &browser.picture().await);
            accessible(browser, &format!("{name} at {width}, {theme}")).await;
        }
    }
}

async fn accessible(browser: &Browser, place: &str) {
    let Ok(axe) = std::env::var("AXE") else {
        return;
    };
    let source = std::fs::read_to_string(axe).unwrap();
    // By the debugger's hand: the page's own policy would not let it in.
    browser.cdp("Runtime.evaluate", json!({ "expression": source })).await;
    let run = json!({
        "expression": "axe.run({ resultTypes: ['violations'] }).then((result) => JSON.stringify(result.violations))",
        "awaitPromise": true,
    });
    let answer = browser.cdp("Runtime.evaluate", run).await;
    let violations: Vec<Value> = serde_json::from_str(answer["result"]["value"].as_str().unwrap()).unwrap();
    let serious: Vec<_> = violations
        .iter()
        .filter(|violation| ["serious", "critical"].contains(&violation["impact"].as_str().unwrap_or_default()))
        .map(|violation| format!("{}: {}", violation["id"], violation["nodes"][0]["html"]))
        .collect();
    assert!(serious.is_empty(), "{place}: {serious:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_fit_to_be_seen() {
    for english in [false, true] {
        let site = Site::with_settings(&[]).await.unwrap();
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, Setup { english, phone: true }).await;
        let suffix = if english { "-en" } else { "" };
        for (name, path) in PAGES {
            browser.open(path).await;
            if path.starts_with("/reset") {
                browser.see("expired").await;
            }
            look(&browser, &format!("{name}{suffix}")).await;
        }
        browser.open("/register").await;
        browser.click("consent").await;
        browser.fill("mobile", "19900000000").await;
        browser.fill("password", "abc").await;
        browser.submit("register").await;
        look(&browser, &format!("register-errors{suffix}")).await;
        browser.open("/login").await;
        browser.fill("username", &person.mobile).await;
        browser.fill("password", PASSWORD).await;
        browser.submit("by-password").await;
        browser.at("/users").await;
        browser.until("document.querySelectorAll('#devices li').length > 0").await;
        look(&browser, &format!("centre{suffix}")).await;
        browser.js("document.querySelectorAll('details').forEach((row) => (row.open = true))").await;
        look(&browser, &format!("centre-open{suffix}")).await;
        browser.open("/").await;
        browser.see("signed-in").await;
        look(&browser, &format!("home-signed-in{suffix}")).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_page_weighs_little() {
    let site = Site::with_settings(&[]).await.unwrap();
    let browser = Browser::start(&site.base_url, Setup { english: false, phone: true }).await;
    for (name, path) in PAGES.iter().filter(|(_, path)| !path.starts_with("/_local")) {
        browser.open(path).await;
        browser.until("document.readyState === 'complete'").await;
        let sent = browser
            .js("return performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize || 0), 0)")
            .await;
        let others = browser
            .js("return performance.getEntriesByType('resource').filter((entry) => !entry.name.startsWith(location.origin)).length")
            .await;
        let shifted = browser
            .js("return new Promise((done) => { let sum = 0; \
                 new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum += entry.value))) \
                   .observe({ type: 'layout-shift', buffered: true }); setTimeout(() => done(sum), 400); })")
            .await;
        assert!(shifted.as_f64().unwrap() < 0.01, "{name} shifts by {shifted}");
        assert!(sent.as_u64().unwrap() <= 40_000, "{name}: {sent} bytes");
        assert_eq!(others, 0, "{name} asks nobody else");
    }
    browser.close().await;
}
