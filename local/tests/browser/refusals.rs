//! The messages that people read when a request is refused: the page's own words, in the page's language, and the way
//! on.

use serde_json::json;

use crate::browser::{Browser, SETUPS};
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile, other_code};

async fn site() -> Site {
    Site::with_settings(&[]).await
}

/// Makes every call to this path get a refusal, as a server would send it.
async fn refuse(browser: &Browser, path: &str, status: u16, code: &str, body: &serde_json::Value) {
    let source = format!(
        "{{ const send = window.fetch;
            window.fetch = (path, init) => String(path).includes('{path}')
                ? Promise.resolve(new Response(JSON.stringify({body}), {{
                    status: {status},
                    headers: {{ 'Content-Type': 'application/json', 'X-Error-Code': '{code}', 'Retry-After': '125' }},
                  }}))
                : send(path, init); }}"
    );
    browser.before_scripts(&source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_the_old_systems_reaches_a_page() {
    for setup in SETUPS {
        let site = site().await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/forget_pwd/").await;
        browser.fill("mobile", &person.mobile).await;
        browser.click("code-send").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        let code = site.code_for(&person.mobile).await;
        browser.fill("code", &other_code(&code)).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.submit("forgotten").await;
        let wrong = if setup.english { "Wrong code. Please check it." } else { "验证码错误，请重新输入。" };
        browser.until(&format!("document.getElementById('code-error').textContent === '{wrong}'")).await;
        site.advance(601).await;
        browser.fill("code", &code).await;
        browser.submit("forgotten").await;
        browser.says("code-error", if setup.english { "Please send another" } else { "请重新发送" }).await;
        // A second request within the minute shows the wait.
        site.advance(600).await;
        let asked = json!({ "mobile": person.mobile });
        assert_eq!(site.post("/forget_pwd/sms_code/", &asked).await.json()["errno"], "0");
        browser.js("const now = Date.now; Date.now = () => now() + 60_000").await;
        browser.click("code-send").await;
        browser.says("code-error", if setup.english { "Please try again in" } else { "秒后再试" }).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_offers_to_sign_in_by_sms_with_the_number() {
    for setup in SETUPS {
        let site = site().await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/login").await;
        browser.fill("username", &person.mobile).await;
        browser.fill("password", "wrong password").await;
        browser.submit("by-password").await;
        browser.status_says("by-password", if setup.english { "by SMS" } else { "短信登录" }).await;
        browser.js("document.querySelector('#by-password .way').click()").await;
        browser.see("by-sms").await;
        assert_eq!(browser.js("return document.getElementById('mobile').value").await, person.mobile.as_str());
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_codes_are_blocked_the_password_is_offered() {
    for setup in SETUPS {
        let site = site().await;
        let mobile = new_mobile();
        let browser = Browser::start(&site.base_url, setup).await;
        let body = json!({ "detail": "-", "code": "codes_blocked" });
        refuse(&browser, "/users/sms_login/", 403, "codes_blocked", &body).await;
        browser.open("/login?by=sms").await;
        browser.click("consent").await;
        browser.fill("mobile", &mobile).await;
        browser.fill("code", "123456").await;
        browser.submit("by-sms").await;
        browser.status_says("by-sms", if setup.english { "use your password" } else { "用密码登录" }).await;
        browser.js("document.querySelector('#by-sms .way').click()").await;
        browser.see("by-password").await;
        assert_eq!(browser.js("return document.getElementById('username').value").await, mobile.as_str());
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_code_is_worded_by_the_page_and_an_unknown_one_by_the_server() {
    for (code, zh, en) in [
        ("bad_credentials", "用户名或密码错误。", "Wrong account or password."),
        ("too_many_requests", "请3分钟后再试", "Please try again in 3 minutes"),
        ("captcha_not_configured", "人机验证暂时不可用", "captcha is unavailable"),
        ("a_code_of_tomorrow", "原文!!!!", "原文!!!!"),
        ("constructor", "原文!!!!", "原文!!!!"),
    ] {
        for setup in SETUPS {
            let site = site().await;
            let browser = Browser::start(&site.base_url, setup).await;
            refuse(&browser, "/users/login/", 400, code, &json!({ "non_field_errors": ["原文!!!!"], "code": code }))
                .await;
            browser.open("/login").await;
            browser.fill("username", "lilei").await;
            browser.fill("password", PASSWORD).await;
            browser.submit("by-password").await;
            browser.status_says("by-password", if setup.english { en } else { zh }).await;
            browser.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_changed_too_often_says_how_many_days_to_wait() {
    for setup in SETUPS {
        let site = site().await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.sign_in(&person.mobile, PASSWORD).await;
        let refused = "{ const send = window.fetch;
            window.fetch = (path, init) => init && init.method === 'PATCH'
                ? Promise.resolve(new Response('{}', { status: 429, headers: { 'X-Error-Code': 'too_many_requests', 'Retry-After': '2000000' } }))
                : send(path, init); }";
        browser.before_scripts(refused).await;
        browser.open("/users").await;
        browser.open_row("username-item").await;
        browser.fill("username", "leilei.1").await;
        browser.submit("username-form").await;
        browser.status_says("username-form", if setup.english { "in 24 days" } else { "请24天后再试" }).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_in_an_address_says_only_what_leads_there() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login?reason=session_ended").await;
    browser.says("reason", "登录已结束").await;
    for other in ["codes_blocked", "mailed", "toString"] {
        browser.open(&format!("/login?reason={other}")).await;
        browser.until("document.documentElement.hasAttribute('data-ready')").await;
        assert_eq!(browser.js("return document.getElementById('reason').hidden").await, true, "{other}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captcha_that_does_not_load_does_not_start_or_never_comes_is_said() {
    let site = Site::with_settings(&[("CAPTCHA_MODE", "enforce")]).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    let send = async || {
        browser.open("/login?by=sms").await;
        browser.click("consent").await;
        browser.fill("mobile", &new_mobile()).await;
        browser.click("code-send").await;
        browser.says("code-error", "人机验证加载失败").await;
        // The script of another site fails. The page itself works.
        let broken = browser.js("return document.documentElement.hasAttribute('data-broken')").await;
        assert_eq!(broken, false);
        browser.until("!document.getElementById('code-send').disabled").await;
    };
    browser.block(&["*/_local/captcha.js"]).await;
    send().await;
    browser.block(&[]).await;
    let planted = "window.TencentCaptcha = class { constructor() { throw new Error('theirs'); } };";
    let planted = browser.before_scripts(planted).await;
    send().await;
    browser.without(planted).await;
    // Makes a timer of fifteen seconds, and no other, end at once.
    let never = "const wait = setTimeout; window.setTimeout = (act, time, ...rest) => wait(act, time === 15_000 ? 0 : time, ...rest);
        Element.prototype.append = new Proxy(Element.prototype.append, {
            apply: (append, owner, nodes) => nodes[0].src ? undefined : Reflect.apply(append, owner, nodes),
        });";
    browser.before_scripts(never).await;
    send().await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_of_hours_leaves_a_button_dead_for_ten_minutes_at_most() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    let hours = "{ const send = window.fetch;
        window.fetch = (path, init) => String(path).includes('/users/sms/')
            ? Promise.resolve(new Response('{}', { status: 429, headers: { 'X-Error-Code': 'too_many_requests', 'Retry-After': '7200' } }))
            : send(path, init); }";
    browser.before_scripts(hours).await;
    browser.open("/login?by=sms").await;
    browser.click("consent").await;
    browser.fill("mobile", &new_mobile()).await;
    browser.click("code-send").await;
    browser.says("code-error", "2小时后再试").await;
    let kept = browser.js("return JSON.parse(localStorage['for-a-while:wait-login']).milliseconds").await;
    assert_eq!(kept, 600_000);
    browser.close().await;
}
