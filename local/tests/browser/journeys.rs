//! From the first page to being signed in, in both languages, on a phone and on a desktop.

use crate::browser::{Browser, SETUPS};
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile, other_code};

async fn site() -> Site {
    Site::with_settings(&[]).await
}

/// Fills in the fields of a sign-up, without pressing its button.
pub async fn fill_registration(browser: &Browser, site: &Site, mobile: &str) {
    browser.open("/register").await;
    browser.click("consent").await;
    browser.fill("mobile", mobile).await;
    browser.click("code-send").await;
    browser
        .until("document.getElementById('code-send').disabled && document.getElementById('code-send-live').textContent")
        .await;
    let digits: String = mobile.chars().filter(char::is_ascii_digit).collect();
    let code = site.code_for(&digits[digits.len() - 11..]).await;
    browser.fill("code", &code).await;
    browser.fill("nickname", "小明").await;
    browser.fill("password", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_up_and_is_signed_in() {
    for setup in SETUPS {
        let site = site().await;
        let browser = Browser::start(&site.base_url, setup).await;
        let mobile = new_mobile();
        browser.open("/").await;
        let links =
            browser.js("return [...document.querySelectorAll('.choices a')].map((a) => a.getAttribute('href'))").await;
        assert!(links.to_string().contains("/register"), "{links}");
        fill_registration(&browser, &site, &mobile).await;
        let strength = browser.js("return document.getElementById('password-strength').textContent").await;
        assert!(strength.as_str().unwrap().contains(if setup.english { "strong" } else { "强" }), "{strength}");
        browser.submit("register").await;
        browser.at("/users").await;
        browser.says("nickname-item-value", "小明").await;
        browser.says("mobile-item-value", &format!("{}****{}", &mobile[..3], &mobile[7..])).await;
        browser.open("/").await;
        browser.says("welcome", "小明").await;
        // A script can reach no long-lived token in any storage. A reauthentication lives five minutes.
        let left = browser.js("return JSON.parse(sessionStorage.reauthentication).until - Date.now()").await;
        assert!((1..300_000).contains(&left.as_i64().unwrap()), "{left}");
        let reach = browser
            .js("const { reauthentication, ...others } = sessionStorage;
                return document.cookie + JSON.stringify(localStorage) + JSON.stringify(others)")
            .await;
        assert!(!reach.as_str().unwrap().contains("eyJ"), "{reach}");
        browser.click("sign-out").await;
        browser.see("signed-out").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_by_password_and_is_led_on() {
    for setup in SETUPS {
        let site = site().await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/login?next=/?from=login").await;
        browser.submit("by-password").await;
        browser.says("username-error", if setup.english { "Please fill this in" } else { "请填写这一项" }).await;
        browser.fill("username", &format!("+86 {} {}", &person.mobile[..3], &person.mobile[3..])).await;
        browser.fill("password", "wrong password").await;
        browser.submit("by-password").await;
        let wrong = if setup.english { "Wrong account or password." } else { "用户名或密码错误" };
        browser.status_says("by-password", wrong).await;
        browser.fill("password", PASSWORD).await;
        browser.submit("by-password").await;
        browser.until("location.pathname + location.search === '/?from=login'").await;
        browser.says("welcome", "小明").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn next_leads_nowhere_else() {
    let site = site().await;
    let person = site.register().await;
    let dots = ["/.//evil.example/", "/x/..//evil.example", "/./\\evil.example"];
    let plain = ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"];
    for next in plain.into_iter().chain(dots) {
        let browser = Browser::start(&site.base_url, SETUPS[0]).await;
        browser.open(&format!("/login?next={next}")).await;
        browser.fill("username", &person.mobile).await;
        browser.fill("password", PASSWORD).await;
        browser.submit("by-password").await;
        browser.at("/users").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_number_signs_up_by_sms_in_the_same_step() {
    for setup in SETUPS {
        let site = site().await;
        let mobile = new_mobile();
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/login").await;
        browser.click("by-sms-tab").await;
        browser.fill("mobile", &mobile).await;
        browser.click("code-send").await;
        browser.says("consent-error", if setup.english { "agree" } else { "同意" }).await;
        assert!(site.messages_to(&format!("+86{mobile}")).await.is_empty(), "nothing is sent before consent");
        browser.click("consent").await;
        browser.click("code-send").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        let code = site.code_for(&mobile).await;
        browser.fill("code", &other_code(&code)).await;
        browser.submit("by-sms").await;
        browser.says("code-error", if setup.english { "Wrong code" } else { "验证码错误" }).await;
        let focus = browser.js("return document.activeElement.id").await;
        assert_eq!(focus, "code", "the first error has the focus");
        browser.fill("code", &code).await;
        browser.submit("by-sms").await;
        browser.at("/users").await;
        browser.says("nickname-item-value", &mobile[7..]).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_recovered_by_mail() {
    for setup in SETUPS {
        let site = site().await;
        let (_, email) = site.register_with_email().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/find_password").await;
        browser.fill("email", "nobody@example.com").await;
        browser.submit("find").await;
        browser.says("email-error", if setup.english { "No account" } else { "没有账号" }).await;
        browser.fill("email", &email).await;
        browser.submit("find").await;
        browser.says("sent-to", &email).await;
        let link = format!("/reset_password?access_token={}", site.link_for(&email).await);
        browser.open(&link).await;
        browser.says("whose", &email).await;
        assert_eq!(browser.path().await, "/reset_password", "the token leaves the address bar");
        // A reload or a change of language does not require another mail.
        browser.click("language").await;
        browser
            .until(&format!("document.documentElement.lang === '{}'", if setup.english { "zh-CN" } else { "en" }))
            .await;
        browser.says("whose", &email).await;
        browser.click("language").await;
        browser
            .until(&format!("document.documentElement.lang === '{}'", if setup.english { "en" } else { "zh-CN" }))
            .await;
        browser.says("whose", &email).await;
        browser.js("document.querySelector('.skip').click()").await;
        browser.until("document.activeElement.id === 'main'").await;
        browser.driver().refresh().await.unwrap();
        browser.says("whose", &email).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.fill("password2", "something else").await;
        browser.says("password2-error", if setup.english { "differ" } else { "不一致" }).await;
        browser.fill("password2", NEW_PASSWORD).await;
        browser.submit("reset").await;
        browser.see("done").await;
        // The link has been used. Its page explains that and offers another mail.
        browser.open(&link).await;
        browser.says("expired-text", if setup.english { "expired" } else { "过期" }).await;
        browser.open("/login").await;
        browser.fill("username", &email).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.submit("by-password").await;
        browser.at("/users").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_recovered_by_sms() {
    for setup in SETUPS {
        let site = site().await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/forget_pwd/").await;
        browser.fill("mobile", &person.mobile).await;
        browser.click("code-send").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        let code = site.code_for(&person.mobile).await;
        browser.fill("code", &code).await;
        browser.fill("password", "password123").await;
        browser.submit("forgotten").await;
        browser.says("password-error", if setup.english { "too common" } else { "太常见" }).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.submit("forgotten").await;
        browser.see("done").await;
        browser.open("/login").await;
        browser.until(&format!("document.getElementById('username').value === '{}'", person.mobile)).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.submit("by-password").await;
        browser.at("/users").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captcha_is_solved_where_it_is_enforced() {
    for setup in SETUPS {
        let site = Site::with_settings(&[("CAPTCHA_MODE", "enforce")]).await;
        let mobile = new_mobile();
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/register").await;
        browser.click("consent").await;
        browser.fill("mobile", &mobile).await;
        let loaded = browser.js("return document.querySelectorAll('script[src*=captcha]').length").await;
        assert_eq!(loaded, 0, "it is not loaded before it is needed");
        browser.click("code-send").await;
        browser.click("captcha-pass").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        browser.fill("code", &site.code_for(&mobile).await).await;
        browser.fill("nickname", "小红").await;
        browser.fill("password", PASSWORD).await;
        browser.submit("register").await;
        browser.click("captcha-pass").await;
        browser.at("/users").await;
        browser.says("nickname-item-value", "小红").await;
        browser.js("document.querySelectorAll('details').forEach((row) => (row.open = true))").await;
        let other = new_mobile();
        browser.fill("mobile", &other).await;
        browser.click("mobile-code-send").await;
        browser.click("captcha-pass").await;
        browser.until("document.getElementById('mobile-code-send-live').textContent").await;
        assert_eq!(site.code_for(&other).await.len(), 6);
        browser.click("sign-out").await;
        browser.at("/login").await;
        browser.fill("username", &mobile).await;
        browser.fill("password", PASSWORD).await;
        browser.submit("by-password").await;
        browser.click("captcha-pass").await;
        browser.at("/users").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_is_switched_and_remembered() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login").await;
    browser.until("document.title.startsWith('登录')").await;
    browser.fill("username", "xiaoming").await;
    browser.fill("password", PASSWORD).await;
    browser.click("remember").await;
    browser.click("language").await;
    browser.until("document.title.startsWith('Sign in') && document.documentElement.lang === 'en'").await;
    browser.until("document.getElementById('username').value === 'xiaoming'").await;
    browser.until("!document.getElementById('remember').checked").await;
    assert_eq!(browser.js("return document.getElementById('password').value").await, "", "it is kept nowhere");
    browser.open("/register").await;
    browser.until("document.title.startsWith('Create an account')").await;
    browser.close().await;
}
