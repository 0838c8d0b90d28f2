//! The pages that owners see when something is wrong with their account: a change they did not make, or a number long
//! unused.

use reqwest::Method;
use serde_json::json;

use crate::browser::{Browser, SETUPS};
use crate::pictures::look;
use crate::site::{NEW_PASSWORD, PASSWORD, Site, other_code};

const DAY: u32 = 86_400;

async fn site() -> Site {
    Site::with_settings(&[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_not_the_owner_s_is_stopped_by_the_link_in_its_notice() {
    for setup in SETUPS {
        let site = site().await;
        let (person, email) = site.register_with_email().await;
        site.advance(6 * DAY).await;
        let thief = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
        let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
        let changed = site.send_as(&thief, Method::PUT, "/users/me/password/", &body).await;
        let thief = changed.json()["token"].as_str().unwrap().to_owned();
        let notice = site.messages_to(&email).await[0]["text"].as_str().unwrap().to_owned();
        let link = notice.split_whitespace().find(|word| word.contains("/secure#")).expect("a notice has a link");
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open(link).await;
        browser.see("secure").await;
        assert_eq!(browser.js("return location.href").await, format!("{}/secure", site.base_url), "the token is gone");
        assert_eq!(site.me(&thief).await.status, 200, "opening it does nothing");
        browser.submit("secure").await;
        browser.says("secured-text", if setup.english { "signed out" } else { "所有设备已退出登录" }).await;
        assert_eq!(site.me(&thief).await.status, 401);
        look(&browser, if setup.english { "secured-en" } else { "secured" }).await;
        // The mail to set another password has already arrived.
        browser.open(&format!("/reset_password?access_token={}", site.link_for(&email).await)).await;
        browser.says("whose", &email).await;
        browser.fill("password", PASSWORD).await;
        browser.fill("password2", PASSWORD).await;
        browser.submit("reset").await;
        browser.see("done").await;
        browser.open("/login").await;
        browser.fill("username", &email).await;
        browser.fill("password", PASSWORD).await;
        browser.submit("by-password").await;
        browser.at("/users").await;
        // The link works only once.
        browser.open(link).await;
        browser.submit("secure").await;
        browser.status_says("secure", if setup.english { "expired" } else { "失效" }).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_long_unused_asks_for_more_than_a_code_by_sms() {
    for setup in SETUPS {
        let site = site().await;
        let (person, email) = site.register_with_email().await;
        site.advance(180 * DAY).await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/login?by=sms").await;
        browser.click("consent").await;
        browser.fill("mobile", &person.mobile).await;
        browser.click("code-send").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        browser.fill("code", &site.code_for(&person.mobile).await).await;
        browser.submit("by-sms").await;
        browser.see("second-proof").await;
        let mailed = site.code_for(&email).await;
        browser.fill("second-code", &other_code(&mailed)).await;
        browser.submit("by-sms").await;
        browser.says("second-code-error", if setup.english { "is wrong" } else { "验证码错误" }).await;
        let focus = browser.js("return document.activeElement.id").await;
        assert_eq!(focus, "second-code", "the field that is wrong has the focus");
        look(&browser, if setup.english { "second-proof-en" } else { "second-proof" }).await;
        browser.fill("second-code", &mailed).await;
        browser.submit("by-sms").await;
        browser.at("/users").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_long_unused_is_recovered_by_sms_and_mail() {
    for setup in SETUPS {
        let site = site().await;
        let (person, email) = site.register_with_email().await;
        site.advance(180 * DAY).await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/forget_pwd/").await;
        browser.fill("mobile", &person.mobile).await;
        browser.click("code-send").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        browser.fill("code", &site.code_for(&person.mobile).await).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.submit("forgotten").await;
        browser.see("second-proof").await;
        browser.fill("second-password", "wrong password").await;
        browser.submit("forgotten").await;
        browser.says("second-password-error", if setup.english { "Wrong password" } else { "密码错误" }).await;
        browser.fill("second-password", "").await;
        browser.fill("second-code", &site.code_for(&email).await).await;
        browser.submit("forgotten").await;
        browser.see("done").await;
        assert_eq!(
            site.post("/users/login/", &json!({ "username": person.mobile, "password": NEW_PASSWORD })).await.status,
            200
        );
        browser.close().await;
    }
}
