//! Takes pictures of every page at two widths and in both themes, for people to look at, in `target/pictures`. Also
//! checks what a machine can check: no horizontal scrolling, no accessibility violations (axe-core, if `AXE` names its
//! file), a name for every control, and visible borders. All checks are repeated with the text twice as large.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::browser::{Browser, Setup};
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile};

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

pub fn keep(name: &str, picture: &[u8]) {
    std::fs::write(folder().join(format!("{name}.png")), picture).unwrap();
}

/// Returns the elements that extend beyond the right edge of a page that scrolls horizontally.
const SIDEWAYS: &str = "
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const over = [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > clientWidth);
    return over.map((one) => one.outerHTML.slice(0, 80)).concat(scrollWidth - clientWidth)";

/// Runs every check on the page as it is, on a phone and on a desktop, and with the text twice as large on both.
pub async fn look(browser: &Browser, name: &str) {
    for (width, percent) in [(320, 100), (1280, 100), (375, 200), (1280, 200)] {
        browser.set_width(width).await;
        browser.js(&format!("document.documentElement.style.fontSize = '{percent}%'")).await;
        let large = if percent == 100 { "" } else { "-large" };
        let sideways = browser.js(SIDEWAYS).await;
        assert_eq!(sideways, json!([]), "{name} scrolls sideways at {width}{large}");
        for dark in [false, true] {
            browser.set_dark(dark).await;
            let theme = if dark { "dark" } else { "light" };
            keep(&format!("{name}-{width}{large}-{theme}"), &browser.picture().await);
            accessible(browser, &format!("{name} at {width}{large}, {theme}")).await;
        }
    }
    browser.js("document.documentElement.style.fontSize = ''").await;
    browser.set_dark(false).await;
    browser.set_width(if browser.is_phone { 375 } else { 1280 }).await;
    every_control_has_a_name(browser, name).await;
    borders_can_be_seen(browser, name).await;
}

async fn accessible(browser: &Browser, place: &str) {
    let Ok(axe) = std::env::var("AXE") else {
        return;
    };
    let source = std::fs::read_to_string(axe).unwrap();
    // The debugger runs the script, because the page's own policy would forbid it.
    browser.cdp("Runtime.evaluate", json!({ "expression": source })).await;
    let run = json!({
        "expression": "axe.run({ resultTypes: ['violations'] }).then((result) => JSON.stringify(result.violations))",
        "awaitPromise": true,
    });
    let answer = browser.cdp("Runtime.evaluate", run).await;
    let violations: Vec<Value> = serde_json::from_str(answer["result"]["value"].as_str().unwrap()).unwrap();
    let told: Vec<_> = violations
        .iter()
        .map(|violation| format!("{} {}: {}", violation["impact"], violation["id"], violation["nodes"][0]["html"]))
        .collect();
    assert!(told.is_empty(), "{place}: {told:#?}");
}

/// Reads the names that the browser gives to a screen reader.
async fn every_control_has_a_name(browser: &Browser, place: &str) {
    const ROLES: [&str; 9] =
        ["button", "link", "textbox", "checkbox", "tab", "tablist", "navigation", "dialog", "form"];
    browser.cdp("Accessibility.enable", json!({})).await;
    let tree = browser.cdp("Accessibility.getFullAXTree", json!({})).await;
    browser.cdp("Accessibility.disable", json!({})).await;
    let mut shows = Vec::new();
    for node in tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] == false) {
        let (role, name) = (node["role"]["value"].as_str().unwrap_or(""), node["name"]["value"].as_str().unwrap_or(""));
        assert!(!ROLES.contains(&role) || !name.trim().is_empty(), "{place}: a {role} without a name: {node}");
        if role == "button" && ["显示", "Show", "发送验证码", "Send code"].iter().any(|word| name.starts_with(word))
        {
            shows.push(name.to_owned());
        }
    }
    // A switch that shows a password and a button that sends a code each name their field.
    assert!(shows.iter().all(|name| name.contains(' ')), "{place}: {shows:?}");
}

/// Checks that fields and buttons have a contrast of 3:1 to their surroundings (WCAG 1.4.11), by their border or their
/// background.
async fn borders_can_be_seen(browser: &Browser, place: &str) {
    const FAINT: &str = "
        const parse = (color) => color.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
            .map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
        const contrast = (one, other) => {
            const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
            return (bright + .05) / (dark + .05);
        };
        const ground = (element) => {
            for (; element; element = element.parentElement) {
                const color = parse(getComputedStyle(element).backgroundColor);
                if (color.length === 3 || color[3] === 1) return color;
            }
            return [255, 255, 255];
        };
        const all = document.querySelectorAll('main input:not([type=checkbox]), main button:not(.link):not([role=tab]), main a.main, main a.plain');
        return [...all].filter((one) => one.checkVisibility()).flatMap((one) => {
            const style = getComputedStyle(one);
            const around = ground(one.parentElement);
            const border = parse(style.borderTopColor);
            const seen = Math.max(border[3] === 0 ? 0 : contrast(border, around), contrast(ground(one), around));
            return seen < 3 ? [`${one.id || one.outerHTML}: ${seen}`] : [];
        })";
    for dark in [false, true] {
        browser.set_dark(dark).await;
        let faint = browser.js(FAINT).await;
        assert_eq!(faint, json!([]), "{place}, dark: {dark}");
    }
    browser.set_dark(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_fit_to_be_seen() {
    for english in [false, true] {
        let site = Site::with_settings(&[]).await;
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
        browser.sign_in(&person.mobile, PASSWORD).await;
        look(&browser, &format!("account-page{suffix}")).await;
        browser.js("document.querySelectorAll('details').forEach((row) => (row.open = true))").await;
        look(&browser, &format!("account-page-open{suffix}")).await;
        browser.come_back_later().await;
        browser.js("document.querySelectorAll('details').forEach((row) => (row.open = true))").await;
        look(&browser, &format!("account-page-proofs{suffix}")).await;
        browser.open("/").await;
        browser.see("signed-in").await;
        look(&browser, &format!("home-signed-in{suffix}")).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_before_a_sign_in_is_fit_to_be_seen() {
    for english in [false, true] {
        let site = Site::with_settings(&[]).await;
        let (person, email) = site.register_with_email().await;
        let browser = Browser::start(&site.base_url, Setup { english, phone: true }).await;
        let suffix = if english { "-en" } else { "" };
        browser.open("/register").await;
        browser.click("consent").await;
        browser.fill("mobile", "19900000000").await;
        browser.fill("password", "abc").await;
        browser.submit("register").await;
        look(&browser, &format!("register-errors{suffix}")).await;
        browser.fill("mobile", &person.mobile).await;
        browser.until("document.querySelector('#mobile-error .way')").await;
        look(&browser, &format!("register-taken{suffix}")).await;
        browser.open("/login?reason=refresh_token_spent").await;
        browser.fill("username", &person.mobile).await;
        browser.fill("password", "wrong password").await;
        browser.submit("by-password").await;
        browser.until("document.querySelector('#by-password .way')").await;
        look(&browser, &format!("log-in-wrong{suffix}")).await;
        browser.open("/login?by=sms").await;
        browser.fill("mobile", &new_mobile()).await;
        browser.click("consent").await;
        browser.click("code-send").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        look(&browser, &format!("log-in-sms-sent{suffix}")).await;
        browser.fill("code", "000000").await;
        browser.submit("by-sms").await;
        browser.until("document.querySelector('#code-error .way')").await;
        look(&browser, &format!("log-in-sms-wrong{suffix}")).await;
        browser.set_offline(true).await;
        browser.see("offline").await;
        look(&browser, &format!("offline{suffix}")).await;
        browser.set_offline(false).await;
        browser.open("/find_password").await;
        browser.fill("email", &email).await;
        browser.submit("find").await;
        browser.see("sent").await;
        look(&browser, &format!("find-password-sent{suffix}")).await;
        browser.open(&format!("/reset_password?access_token={}", site.link_for(&email).await)).await;
        browser.see("reset").await;
        look(&browser, &format!("reset-password{suffix}")).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.fill("password2", "other").await;
        browser.submit("reset").await;
        look(&browser, &format!("reset-password-errors{suffix}")).await;
        browser.fill("password2", NEW_PASSWORD).await;
        browser.submit("reset").await;
        browser.see("done").await;
        look(&browser, &format!("reset-password-done{suffix}")).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_of_the_account_is_fit_to_be_seen() {
    for english in [false, true] {
        let site = Site::with_settings(&[("CAPTCHA_MODE", "enforce")]).await;
        let open = Site::with_settings(&[]).await;
        let person = open.register().await;
        let suffix = if english { "-en" } else { "" };
        let browser = Browser::start(&open.base_url, Setup { english, phone: true }).await;
        browser.sign_in(&person.mobile, PASSWORD).await;
        browser.come_back_later().await;
        browser.js("document.querySelectorAll('details').forEach((row) => (row.open = true))").await;
        browser.js("for (const form of document.querySelectorAll('main form')) if (form.checkVisibility()) form.requestSubmit()").await;
        look(&browser, &format!("account-page-errors{suffix}")).await;
        browser.js("for (const button of document.querySelectorAll('[data-other=code]')) button.click()").await;
        look(&browser, &format!("account-page-codes{suffix}")).await;
        browser.close().await;
        let browser = Browser::start(&site.base_url, Setup { english, phone: true }).await;
        browser.open("/login").await;
        browser.fill("username", &person.mobile).await;
        browser.fill("password", PASSWORD).await;
        browser.submit("by-password").await;
        browser.see("captcha-pass").await;
        look(&browser, &format!("captcha{suffix}")).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_page_weighs_little() {
    let site = Site::with_settings(&[]).await;
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
