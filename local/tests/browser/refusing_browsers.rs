//! Browsers that keep no cookies, or that store nothing at all.

use serde_json::json;

use crate::browser::{Browser, SETUPS};
use crate::journeys::fill_registration;
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile};

/// Every access to storage fails, as in the frame of an app or under a strict setting.
const NO_STORAGE: &str = r"
    for (const name of ['sessionStorage', 'localStorage']) {
        Object.defineProperty(window, name, { get() { throw new DOMException('refused', 'SecurityError'); } });
    }
";
const NO_COOKIES: &str = r"
    Object.defineProperty(Document.prototype, 'cookie', {
        get() { throw new DOMException('refused', 'SecurityError'); },
        set() { throw new DOMException('refused', 'SecurityError'); },
    });
";

#[tokio::test(flavor = "multi_thread")]
async fn without_cookies_a_page_says_what_is_needed_and_sends_no_password() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let (person, email) = site.register_with_email().await;
        let blocked = json!({ "profile.default_content_setting_values.cookies": 2 });
        let browser = Browser::start_with(&site.base_url, setup, blocked).await;
        let needed = if setup.english { "cookies" } else { "Cookie" };
        browser.open("/login").await;
        browser.see("cookies").await;
        browser.says("cookies", needed).await;
        browser.fill("username", &person.mobile).await;
        browser.fill("password", PASSWORD).await;
        browser.submit("by-password").await;
        browser.status_says("by-password", needed).await;
        let sessions = site.send_as(&person.token, reqwest::Method::GET, "/users/me/sessions/", &json!({})).await;
        assert_eq!(sessions.json().as_array().unwrap().len(), 1, "no session is opened that would be lost at once");
        // The account page leads to the same words, and not to an alarm about a stolen session.
        browser.open("/users").await;
        browser.at("/login").await;
        browser.says("reason", needed).await;
        // Setting a password by mail works, because it needs no cookie.
        browser.open("/find_password").await;
        browser.fill("email", &email).await;
        browser.submit("find").await;
        browser.says("sent-to", &email).await;
        browser.open(&format!("/reset_password?access_token={}", site.link_for(&email).await)).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.fill("password2", NEW_PASSWORD).await;
        browser.submit("reset").await;
        browser.see("done").await;
        browser.open("/forget_pwd/").await;
        browser.see("cookies").await;
        browser.driver().clone().quit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_stores_nothing_signs_up_and_in_all_the_same() {
    let site = Site::with_settings(&[]).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    let planted = browser.before_scripts(NO_STORAGE).await;
    let mobile = new_mobile();
    fill_registration(&browser, &site, &mobile).await;
    browser.until("document.getElementById('cookies').hidden").await;
    browser.until("/^\\d+ 秒$/.test(document.getElementById('code-send').textContent)").await;
    browser.submit("register").await;
    browser.at("/users").await;
    browser.says("nickname-item-value", "小明").await;
    browser.click("sign-out").await;
    browser.at("/login").await;
    site.advance(61).await;
    browser.click("by-sms-tab").await;
    browser.fill("mobile", &mobile).await;
    browser.click("consent").await;
    browser.click("code-send").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
    browser.fill("code", &site.code_for(&mobile).await).await;
    browser.submit("by-sms").await;
    browser.at("/users").await;
    browser.see("devices").await;
    browser.click("language").await;
    browser.until("document.documentElement.lang === 'en'").await;
    browser.without(planted).await;
    browser.open("/").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_cookies_cannot_even_be_asked_for_every_page_says_so() {
    let site = Site::with_settings(&[]).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    let planted = [browser.before_scripts(NO_STORAGE).await, browser.before_scripts(NO_COOKIES).await];
    for page in ["/", "/login", "/register", "/find_password", "/forget_pwd/", "/secure"] {
        browser.open(page).await;
        browser.see("cookies").await;
        browser.until("document.documentElement.hasAttribute('data-ready')").await;
    }
    browser.open("/login").await;
    browser.fill("username", "lilei").await;
    browser.fill("password", PASSWORD).await;
    browser.submit("by-password").await;
    browser.status_says("by-password", "Cookie").await;
    for one in planted {
        browser.without(one).await;
    }
    browser.open("/login").await;
    browser.until("document.getElementById('cookies').hidden").await;
    browser.close().await;
}
