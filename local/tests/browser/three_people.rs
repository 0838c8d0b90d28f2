//! Three people whose number or device is not theirs alone, each from the first page to the last, with what each side
//! sees. The walks of clients without cookies are in `local/tests/system/three_people.rs`, and tell who they are.

use serde_json::json;

use crate::browser::{Browser, SETUPS};
use crate::journeys::fill_registration;
use crate::pictures::look;
use crate::second_proof::fill_code;
use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, new_mobile, registration};

const DAY: u32 = 86_400;
/// The session of the old owner outlives the half year in which the account is unused.
const LONG_SESSIONS: [(&str, &str); 2] = [("SESSION_IDLE_DAYS", "400"), ("SESSION_MAX_DAYS", "400")];

/// Signs in by the code that the form asks for. The number needs nothing more.
async fn enter_by_code(browser: &Browser, site: &Site, mobile: &str) {
    fill_code(browser, site, mobile).await;
    browser.submit("by-sms").await;
    browser.at("/users").await;
    browser.see("devices").await;
}

/// Signs in by the code that the form asks for, up to the question for a second proof.
async fn is_asked_for_more(browser: &Browser, site: &Site, mobile: &str) {
    fill_code(browser, site, mobile).await;
    browser.submit("by-sms").await;
    browser.see("second-proof").await;
}

/// Lets days pass on the server, and on a phone the countdown of the button that sends a code.
async fn days_pass(site: &Site, phone: &Browser, days: u32) {
    site.advance(days * DAY).await;
    phone
        .js("for (const key of Object.keys(localStorage)) if (key.includes('wait')) localStorage.removeItem(key)")
        .await;
}

async fn sign_out(browser: &Browser) {
    browser.click("sign-out").await;
    browser.at("/login").await;
}

/// Strangers try wrong passwords at a name until no unknown device may try more.
async fn block(site: &Site, name: &str) {
    for _ in 0..33 {
        site.advance(901).await;
        let wrong = json!({ "username": name, "password": "wrong password" });
        assert_eq!(site.post("/users/login/", &wrong).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_phone_with_the_same_number() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    let [old, new, newer] = [
        Browser::start(&site.base_url, SETUPS[0]).await,
        Browser::start(&site.base_url, SETUPS[0]).await,
        Browser::start(&site.base_url, SETUPS[0]).await,
    ];
    old.sign_in(&person.mobile, PASSWORD).await;
    site.advance(91 * DAY).await;
    // The new phone is asked for the password beside the code, and is told why.
    is_asked_for_more(&new, &site, &person.mobile).await;
    new.says("second-proof", "很久没有确认").await;
    new.fill("second-password", "wrong password").await;
    new.submit("by-sms").await;
    new.says("second-password-error", "密码错误").await;
    new.fill("second-password", PASSWORD).await;
    new.submit("by-sms").await;
    new.at("/users").await;
    new.says("nickname-item-value", "小明").await;

    // Another phone, another quarter of a year later, shows the code that was mailed instead.
    site.advance(91 * DAY).await;
    is_asked_for_more(&newer, &site, &person.mobile).await;
    newer.fill("second-code", &site.code_for(&email).await).await;
    newer.submit("by-sms").await;
    newer.at("/users").await;
    newer.says("nickname-item-value", "小明").await;

    // On the old phone the session is over. A code is enough there, and on the new phone too.
    for phone in [&old, &new] {
        days_pass(&site, phone, 91).await;
        phone.open("/users").await;
        phone.at("/login").await;
        phone.says("reason", "请重新登录").await;
        enter_by_code(phone, &site, &person.mobile).await;
        phone.says("nickname-item-value", "小明").await;
    }
    for browser in [old, new, newer] {
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reissued_number_of_an_unused_account() {
    for setup in SETUPS {
        let site = Site::with_settings(&LONG_SESSIONS).await;
        let (person, email) = site.register_with_email().await;
        let (old, next) = (Browser::start(&site.base_url, setup).await, Browser::start(&site.base_url, setup).await);
        old.sign_in(&email, PASSWORD).await;
        site.advance(181 * DAY).await;
        // The next owner is told that the number is free, signs up, and sees nothing of the old account.
        fill_registration(&next, &site, &person.mobile).await;
        next.fill("nickname", "小红").await;
        next.fill("password", NEW_PASSWORD).await;
        next.says("mobile-hint", if setup.english { "free" } else { "可以注册" }).await;
        next.submit("register").await;
        next.at("/users").await;
        next.says("nickname-item-value", "小红").await;
        next.says("mobile-item-value", &person.mobile[7..]).await;
        next.says("email-item-value", if setup.english { "Not set" } else { "未设置" }).await;
        // The old owner is told by mail, in the language of the sign-up. The session lives on, without the number.
        site.was_told(&email, "已由新机主注册并解绑，请登录后绑定新手机号").await;
        old.come_back_later().await;
        old.see("no-mobile-banner").await;
        old.says("nickname-item-value", "小明").await;
        old.says("mobile-item-value", if setup.english { "Not set" } else { "未设置" }).await;
        look(&old, if setup.english { "number-lost-en" } else { "number-lost" }).await;
        binds_another_number(&old, &site, setup.english).await;
        // The number is another account's name now, and the email is still the old owner's.
        sign_out(&old).await;
        old.fill("username", &person.mobile).await;
        old.fill("password", PASSWORD).await;
        old.submit("by-password").await;
        old.status_says("by-password", if setup.english { "Wrong account" } else { "用户名或密码错误" }).await;
        old.sign_in(&email, PASSWORD).await;
        old.says("nickname-item-value", "小明").await;
        sign_out(&next).await;
        next.sign_in(&person.mobile, NEW_PASSWORD).await;
        next.says("nickname-item-value", "小红").await;
        for browser in [old, next] {
            browser.close().await;
        }
    }
}

/// Binds a number by the banner that says that there is none.
async fn binds_another_number(browser: &Browser, site: &Site, is_english: bool) {
    let mobile = new_mobile();
    browser.js("document.querySelector('#no-mobile-banner [data-opens=mobile]').click()").await;
    browser.until("document.getElementById('mobile-item').open").await;
    browser.fill("mobile-proof-password", PASSWORD).await;
    browser.fill("mobile", &mobile).await;
    browser.click("mobile-code-send").await;
    browser.until("document.getElementById('mobile-code-send-live').textContent").await;
    browser.fill("mobile-code", &site.code_for(&mobile).await).await;
    browser.submit("mobile-form").await;
    browser.says("mobile-item-saved", if is_english { "Saved" } else { "已保存" }).await;
    browser.says("mobile-item-value", &format!("{}****{}", &mobile[..3], &mobile[7..])).await;
    browser.until("!document.getElementById('no-mobile-banner').checkVisibility()").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reissued_number_of_an_account_in_use() {
    for setup in SETUPS {
        let site = Site::with_settings(&LONG_SESSIONS).await;
        let (person, email) = site.register_with_email().await;
        let (owner, next) = (Browser::start(&site.base_url, setup).await, Browser::start(&site.base_url, setup).await);
        owner.sign_in(&person.mobile, PASSWORD).await;
        for _ in 0..4 {
            site.advance(50 * DAY).await;
            owner.open("/users").await;
            owner.see("devices").await;
        }
        let messages = site.messages_to(&email).await.len();
        // The next owner is told at once that the number has an account.
        next.open("/register").await;
        next.click("consent").await;
        next.fill("mobile", &person.mobile).await;
        next.says("mobile-error", if setup.english { "has an account" } else { "已经被注册" }).await;
        // Signing in asks for more than the next owner has, and the way for a new number leads nowhere.
        is_asked_for_more(&next, &site, &person.mobile).await;
        next.click("new-number-sign-up").await;
        next.status_says("new-number", if setup.english { "another number" } else { "换一个号码" }).await;
        // So does a forgotten password.
        site.advance(61).await;
        next.open("/forget_pwd/").await;
        next.fill("mobile", &person.mobile).await;
        next.click("code-send").await;
        next.until("document.getElementById('code-send-live').textContent").await;
        next.fill("code", &site.code_for(&person.mobile).await).await;
        next.fill("password", NEW_PASSWORD).await;
        next.submit("forgotten").await;
        next.see("second-proof").await;
        // The owner is sent codes that nobody here asked for, and nothing else changes.
        let sent = site.messages_to(&email).await;
        let codes = sent.iter().filter(|one| one["text"].as_str().unwrap().contains("验证码")).count();
        assert!(sent.len() > messages && codes >= sent.len() - messages, "{sent:?}");
        owner.open("/users").await;
        owner.says("mobile-item-value", &person.mobile[7..]).await;
        assert_eq!(owner.js("return document.getElementById('no-mobile-banner').checkVisibility()").await, false);
        sign_out(&owner).await;
        enter_by_code_after_a_minute(&owner, &site, &person).await;
        for browser in [owner, next] {
            browser.close().await;
        }
    }
}

/// Signs in by a code on a known device, once the number may be sent another.
async fn enter_by_code_after_a_minute(browser: &Browser, site: &Site, person: &Person) {
    site.advance(61).await;
    enter_by_code(browser, site, &person.mobile).await;
    browser.says("nickname-item-value", "小明").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_phone() {
    let site = Site::with_settings(&[]).await;
    let [one, other, guest] =
        [registered(&site, "小明").await, registered(&site, "小红").await, registered(&site, "小刚").await];
    let (shared, another) =
        (Browser::start(&site.base_url, SETUPS[0]).await, Browser::start(&site.base_url, SETUPS[0]).await);
    for person in [&one, &other] {
        shared.sign_in(person, PASSWORD).await;
        sign_out(&shared).await;
    }
    for person in [&one, &other] {
        block(&site, person).await;
    }
    // Both get in on the shared phone, which is told what happened. On another phone the right password is wrong.
    for (person, nickname) in [(&one, "小明"), (&other, "小红")] {
        another.open("/login").await;
        another.fill("username", person).await;
        another.fill("password", PASSWORD).await;
        another.submit("by-password").await;
        another.status_says("by-password", "用户名或密码错误").await;
        shared.sign_in(person, PASSWORD).await;
        shared.says("nickname-item-value", nickname).await;
        shared.see("guessed-banner").await;
        sign_out(&shared).await;
    }
    // A guest signs in, and out everywhere.
    shared.sign_in(&guest, PASSWORD).await;
    shared.click("sign-out-all").await;
    shared.at("/login").await;
    // One of the two sets a new password by a code.
    shared.open("/forget_pwd/").await;
    shared.fill("mobile", &one).await;
    shared.click("code-send").await;
    shared.until("document.getElementById('code-send-live').textContent").await;
    shared.fill("code", &site.code_for(&one).await).await;
    shared.fill("password", NEW_PASSWORD).await;
    shared.submit("forgotten").await;
    shared.see("done").await;
    // It gets in with that, and the banner has gone. The other's password and device are as they were.
    shared.sign_in(&one, NEW_PASSWORD).await;
    assert_eq!(shared.js("return document.getElementById('guessed-banner').checkVisibility()").await, false);
    sign_out(&shared).await;
    shared.sign_in(&other, PASSWORD).await;
    shared.says("nickname-item-value", "小红").await;
    for browser in [shared, another] {
        browser.close().await;
    }
}

/// Signs somebody up with this nickname. Returns the number.
async fn registered(site: &Site, nickname: &str) -> String {
    let mobile = new_mobile();
    let mut body = registration(&mobile, &site.sms_code(&mobile).await);
    body["nickname"] = nickname.into();
    assert_eq!(site.post("/users/", &body).await.status, 201);
    mobile
}
