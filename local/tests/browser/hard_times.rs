//! The troubles of a phone: an impatient person, a lost network, a number that is taken, and a browser without scripts.

use serde_json::json;
use thirtyfour::Key;

use crate::browser::{Browser, SETUPS};
use crate::journeys::fill_registration;
use crate::site::{PASSWORD, Site, new_mobile};

async fn site() -> Site {
    Site::with_settings(&[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minute_of_waiting_is_counted_and_survives_a_reload() {
    let site = site().await;
    let mobile = new_mobile();
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    fill_registration(&browser, &site, &mobile).await;
    browser.until("/^\\d+ 秒$/.test(document.getElementById('code-send').textContent)").await;
    browser.says("code-send-live", "60秒").await;
    browser.open("/register").await;
    browser.click("consent").await;
    browser.fill("mobile", &mobile).await;
    browser.see("code-send").await;
    browser.until("document.getElementById('code-send').disabled").await;
    browser.until("/^\\d+ 秒$/.test(document.getElementById('code-send').textContent)").await;
    // Another number does not have to wait.
    browser.fill("mobile", &new_mobile()).await;
    browser.until("!document.getElementById('code-send').disabled").await;
    browser.fill("mobile", &mobile).await;
    browser.until("document.getElementById('code-send').disabled").await;
    // The end of the wait is announced too.
    browser.js("const now = Date.now; Date.now = () => now() + 60_000").await;
    browser.says("code-send-live", "现在可以重新发送").await;
    browser.until("!document.getElementById('code-send').disabled").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_taken_however_they_are_pasted() {
    let site = site().await;
    let mobile = new_mobile();
    let wide: String = mobile.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect();
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    for written in [
        format!("+86 {} {} {}", &mobile[..3], &mobile[3..7], &mobile[7..]),
        wide,
        format!("0086-{mobile}"),
        format!("86{mobile}"),
        format!("\u{2066}{mobile}\u{2069}"),
    ] {
        browser.open("/register").await;
        browser.click("consent").await;
        browser.fill("mobile", &written).await;
        browser.says("mobile-hint", "可以注册").await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_number_leads_to_sign_in_with_the_number() {
    for setup in SETUPS {
        let site = site().await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/register").await;
        browser.fill("mobile", &person.mobile).await;
        browser.click("consent").await;
        browser.says("mobile-error", if setup.english { "has an account" } else { "已经被注册" }).await;
        browser.js("document.querySelector('#mobile-error .way').click()").await;
        browser.at("/login").await;
        let carried = browser.js("return document.getElementById('username').value + location.search").await;
        assert_eq!(carried, person.mobile.as_str(), "and in no address");
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_makes_one_account_and_no_error() {
    let site = site().await;
    let mobile = new_mobile();
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    fill_registration(&browser, &site, &mobile).await;
    browser.js("const button = document.querySelector('#register button[type=submit]'); button.click(); button.click(); button.click()").await;
    browser.at("/users").await;
    browser.says("nickname-item-value", "小明").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_network_is_said_and_nothing_typed_is_lost() {
    for setup in SETUPS {
        let site = site().await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/login").await;
        browser.fill("username", &person.mobile).await;
        browser.fill("password", PASSWORD).await;
        browser.set_offline(true).await;
        browser.see("offline").await;
        browser.submit("by-password").await;
        browser
            .status_says("by-password", if setup.english { "network cannot be reached" } else { "网络连接失败" })
            .await;
        browser.set_offline(false).await;
        browser.until("document.getElementById('offline').hidden").await;
        browser.submit("by-password").await;
        browser.at("/users").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_shows_progress_and_sends_once() {
    let site = site().await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login").await;
    browser.fill("username", &person.mobile).await;
    browser.fill("password", PASSWORD).await;
    site.system.as_ref().unwrap().journal.set_latency(std::time::Duration::from_millis(2500));
    browser.submit("by-password").await;
    browser.until("document.querySelector('#by-password button[type=submit][aria-busy=true]')").await;
    browser.press("password", Key::Enter).await;
    browser.status_says("by-password", "网络较慢").await;
    site.system.as_ref().unwrap().journal.set_latency(std::time::Duration::ZERO);
    browser.at("/users").await;
    browser.until("document.querySelectorAll('#devices li').length === 2").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_sends_much_solves_a_captcha_and_goes_on() {
    let site = Site::with_settings(&[("LIMIT_SOURCE", "1/h")]).await;
    site.sms_code(&new_mobile()).await;
    let mobile = new_mobile();
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/register").await;
    browser.click("consent").await;
    browser.fill("mobile", &mobile).await;
    browser.click("code-send").await;
    browser.click("captcha-pass").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
    assert_eq!(site.messages_to(&format!("+86{mobile}")).await.len(), 1);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_link_explains_itself_and_offers_another() {
    let site = site().await;
    let (_, email) = site.register_with_email().await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let token = site.link_for(&email).await;
    site.advance(601).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open(&format!("/reset_password?access_token={token}")).await;
    browser.says("expired-text", "已过期").await;
    let again = browser.js("return document.querySelector('#expired a').getAttribute('href')").await;
    assert_eq!(again, "/find_password");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_shows_what_comes_and_copies_a_code() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[1]).await;
    browser.cdp("Browser.grantPermissions", json!({ "permissions": ["clipboardReadWrite"] })).await;
    browser.open("/_local/inbox").await;
    browser.says("state", "还没有消息").await;
    let (person, email) = site.register_with_email().await;
    // These are two codes and the security notification about the new address. Later messages come after them.
    browser.until("document.querySelectorAll('article').length === 3").await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    browser.until("document.querySelectorAll('article').length === 4").await;
    let first = browser.js("return document.querySelector('article').innerText").await;
    assert!(first.as_str().unwrap().contains(&email), "newest first: {first}");
    let link = browser.js("return document.querySelector('article a').href").await;
    assert!(link.as_str().unwrap().contains("/reset_password?access_token="), "{link}");
    let code = browser
        .js("const last = [...document.querySelectorAll('button')].at(-1); last.click(); return last.textContent")
        .await;
    browser.until("[...document.querySelectorAll('button')].at(-1).textContent.includes('已复制')").await;
    let text = site.messages_to(&format!("+86{}", person.mobile)).await.last().unwrap()["text"].to_string();
    assert!(text.contains(code.as_str().unwrap()), "{code} of {text}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_said() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login").await;
    browser.fill("username", "nobody").await;
    browser.fill("password", PASSWORD).await;
    let faults = &site.system.as_ref().unwrap().faults;
    faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 1000);
    browser.submit("by-password").await;
    browser.status_says("by-password", "服务暂时不可用").await;
    faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 0);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_are_said_in_the_unit_people_think_in() {
    let site = site().await;
    let person = site.register().await;
    for _ in 0..11 {
        let body = json!({ "username": person.mobile, "password": "wrong password" });
        site.post("/users/login/", &body).await;
        site.advance(100).await;
    }
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login").await;
    for attempt in 0..2 {
        browser.fill("username", &person.mobile).await;
        browser.fill("password", "wrong password").await;
        browser.submit("by-password").await;
        browser.status_says("by-password", if attempt == 0 { "用户名或密码错误" } else { "分钟后再试" }).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_a_page_says_so() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.open("/login").await;
    let page = browser.driver().source().await.unwrap();
    assert!(page.contains("此页面需要启用 JavaScript"), "{page}");
    browser.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await;
    browser.open("/login").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_is_enough() {
    let site = site().await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[1]).await;
    browser.open("/login").await;
    browser.press("by-password-tab", Key::Right).await;
    browser.see("by-sms").await;
    browser.press("by-sms-tab", Key::Left).await;
    browser.see("by-password").await;
    let keys = format!("{}{}{}", person.mobile, Key::Tab.value(), PASSWORD);
    browser.see("username").await.send_keys(keys).await.unwrap();
    browser.press("password", Key::Enter).await;
    browser.at("/users").await;
    browser.close().await;
}
