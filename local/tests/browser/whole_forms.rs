//! Forms that are complete from the start, and stay so after going back, after a reload, and with a browser that fills
//! them in.

use serde_json::{Value, json};

use crate::browser::{Browser, SETUPS};
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile, registration};

async fn site() -> Site {
    Site::with_settings(&[]).await
}

const REGISTER: [&str; 5] = ["mobile", "consent", "code", "nickname", "password"];

/// Waits until the sign-up is complete: all its fields, and a button that can be pressed.
async fn is_whole(browser: &Browser) {
    for field in REGISTER {
        browser.see(field).await;
    }
    browser.until("document.querySelector('#register button[type=submit]').disabled === false").await;
}

/// Returns the paths that were requested from the server.
const ASKED: &str = "return performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/users/')).map((entry) => new URL(entry.name).pathname)";

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_up_is_whole_from_the_start_and_its_button_says_what_is_missing() {
    for setup in SETUPS {
        let site = site().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/register").await;
        is_whole(&browser).await;
        browser.submit("register").await;
        let missing = if setup.english { "Please fill this in" } else { "请填写这一项" };
        for field in ["mobile", "code", "nickname", "password"] {
            browser.says(&format!("{field}-error"), missing).await;
        }
        browser.says("consent-error", if setup.english { "agree" } else { "同意" }).await;
        assert_eq!(browser.js("return document.activeElement.id").await, "mobile", "the first one has the focus");
        assert_eq!(browser.js(ASKED).await, json!([]), "nothing was sent");
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_number_is_told_when_it_is_left_and_by_the_button() {
    for setup in SETUPS {
        let site = site().await;
        let browser = Browser::start(&site.base_url, setup).await;
        let words = if setup.english { "11 digits" } else { "11位" };
        for (page, form) in [("/register", "register"), ("/login?by=sms", "by-sms"), ("/forget_pwd/", "forgotten")] {
            browser.open(page).await;
            browser.submit(form).await;
            browser.fill("mobile", "1380000123").await;
            assert_eq!(browser.js("return document.getElementById('mobile-error').textContent").await, "", "{page}");
            browser.js("document.getElementById('code').focus()").await;
            browser.says("mobile-error", words).await;
            browser.fill("mobile", "23800001234").await;
            browser.click("code-send").await;
            browser.says("mobile-error", words).await;
            assert_eq!(browser.js("return document.activeElement.id").await, "mobile", "{page}");
        }
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_and_no_captcha_is_loaded_before_the_box_is_ticked() {
    let site = Site::with_settings(&[("CAPTCHA_MODE", "enforce")]).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/register").await;
    let mobile = new_mobile();
    browser.fill("mobile", &mobile).await;
    browser.click("code-send").await;
    browser.says("consent-error", "同意").await;
    assert_eq!(browser.js("return document.activeElement.id").await, "consent");
    browser.fill("code", "123456").await;
    browser.fill("nickname", "小明").await;
    browser.fill("password", PASSWORD).await;
    browser.submit("register").await;
    browser.says("consent-error", "同意").await;
    assert_eq!(browser.js(ASKED).await, json!([]));
    assert_eq!(browser.js("return document.querySelectorAll('script[src*=captcha_widget]').length").await, 0);
    browser.click("consent").await;
    browser.says("mobile-hint", "可以注册").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_goes_on_after_back_a_reload_and_what_a_browser_filled_in() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    let mobile = new_mobile();
    browser.open("/register").await;
    browser.fill("mobile", &mobile).await;
    browser.click("consent").await;
    browser.says("mobile-hint", "可以注册").await;
    browser.fill("nickname", "小明").await;
    // The person goes to another page and back.
    browser.open("/").await;
    browser.see("signed-out").await;
    browser.driver().back().await.unwrap();
    browser.at("/register").await;
    is_whole(&browser).await;
    browser.driver().refresh().await.unwrap();
    browser.at("/register").await;
    is_whole(&browser).await;
    // The browser restores the page from its cache.
    browser.js("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
    is_whole(&browser).await;
    // A browser that fills in a form sets the value, and fires at most a change event.
    browser
        .js(&format!(
            "const [mobile, box] = ['mobile', 'consent'].map((id) => document.getElementById(id));
             box.checked = true; mobile.value = '{mobile}'; mobile.dispatchEvent(new Event('change', {{ bubbles: true }}))"
        ))
        .await;
    browser.says("mobile-hint", "可以注册").await;
    browser.click("code-send").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
    browser.fill("code", &site.code_for(&mobile).await).await;
    browser.fill("nickname", "小明").await;
    browser.fill("password", PASSWORD).await;
    browser.submit("register").await;
    browser.at("/users").await;
    browser.see("devices").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_was_taken_meanwhile_offers_to_sign_in() {
    let site = site().await;
    let mobile = new_mobile();
    let browser = Browser::start(&site.base_url, SETUPS[1]).await;
    browser.open("/register").await;
    browser.click("consent").await;
    browser.fill("mobile", &mobile).await;
    browser.says("mobile-hint", "free").await;
    let code = site.sms_code(&mobile).await;
    assert_eq!(site.post("/users/", &registration(&mobile, &code)).await.status, 201);
    site.advance(61).await;
    browser.fill("code", &code).await;
    browser.fill("nickname", "Li Lei").await;
    browser.fill("password", PASSWORD).await;
    // The server checks the code before it says that the number is taken, so the page must send a valid code.
    browser.click("code-send").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
    browser.fill("code", &site.code_for(&mobile).await).await;
    browser.submit("register").await;
    browser.until("document.querySelector('#mobile-error .way')").await;
    browser.js("document.querySelector('#mobile-error .way').click()").await;
    browser.at("/login").await;
    browser.until(&format!("document.getElementById('username').value === '{mobile}'")).await;
    browser.close().await;
}

/// Returns the fields of every form that contains a password, in order, with their `autocomplete` and their names.
const PASSWORD_FORMS: &str = "
    return [...document.querySelectorAll('form')].filter((form) => form.querySelector('[type=password]')).map((form) => ({
        id: form.id,
        fields: [...form.querySelectorAll('input')].filter((input) => input.autocomplete).map((input) => input.autocomplete),
        names: [...form.querySelectorAll('[autocomplete=username]')].map((input) => input.value),
        nameless: [...form.querySelectorAll('input:not([type=checkbox])')].filter((input) => !input.name || !input.autocomplete).length,
    }))";

/// Checks that every form with a password has one username, placed before the passwords, and the current password
/// before the new one.
async fn passwords_are_kept_under(browser: &Browser, name: &str) -> Vec<String> {
    let forms = browser.js(PASSWORD_FORMS).await;
    let mut ids = Vec::new();
    for form in forms.as_array().unwrap() {
        let fields: Vec<_> = form["fields"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
        let at = |kind: &str| fields.iter().position(|field| *field == kind);
        assert_eq!(fields.iter().filter(|field| **field == "username").count(), 1, "{form}");
        let first = fields.iter().position(|field| field.ends_with("-password")).unwrap();
        assert!(at("username").unwrap() < first, "{form}");
        if let (Some(present), Some(new)) = (at("current-password"), at("new-password")) {
            assert!(present < new, "{form}");
        }
        assert_eq!((&form["names"][0], &form["nameless"]), (&json!(name), &json!(0)), "{form}");
        ids.push(form["id"].as_str().unwrap().to_owned());
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_with_a_password_tells_a_password_manager_whose_it_is() {
    let site = site().await;
    let (person, email) = site.register_with_email().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    let of_page = async |page: &str| {
        browser.open(page).await;
        browser.until("document.querySelector('button[type=submit]').disabled === false").await;
        if page != "/login" {
            browser.fill("mobile", &person.mobile).await;
        } else {
            browser.fill("username", &person.mobile).await;
            browser.click("by-sms-tab").await;
            browser.fill("mobile", &person.mobile).await;
        }
        passwords_are_kept_under(&browser, &person.mobile).await
    };
    assert_eq!(of_page("/register").await, ["register"]);
    assert_eq!(browser.js("return document.getElementById('nickname').autocomplete").await, "nickname");
    assert_eq!(of_page("/forget_pwd/").await, ["forgotten"]);
    assert_eq!(of_page("/login").await, ["by-password", "by-sms"]);

    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    browser.open(&format!("/reset_password?access_token={}", site.link_for(&email).await)).await;
    browser.says("whose", &email).await;
    assert_eq!(passwords_are_kept_under(&browser, &email).await, ["reset"]);

    // The account page knows only a part of the number. The username is therefore the name that was used to sign in.
    let rows = [
        "username-form",
        "mobile-form",
        "email-form",
        "email-code-form",
        "password-form",
        "export-form",
        "delete-form",
    ];
    for name in [&person.mobile, &email] {
        browser.open("/login").await;
        browser.fill("username", name).await;
        browser.fill("password", PASSWORD).await;
        browser.submit("by-password").await;
        browser.at("/users").await;
        browser.see("devices").await;
        assert_eq!(passwords_are_kept_under(&browser, name).await, rows);
    }
    // A new tab takes the name from the account. A name stored for another account is not used.
    browser.js("sessionStorage.setItem('account-name', '13800001234')").await;
    browser.open("/users").await;
    browser.see("devices").await;
    assert_eq!(passwords_are_kept_under(&browser, &email).await, rows);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_number_is_the_name_from_then_on() {
    let site = site().await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login").await;
    browser.fill("username", &person.mobile).await;
    browser.fill("password", PASSWORD).await;
    browser.submit("by-password").await;
    browser.at("/users").await;
    browser.see("mobile-item").await;
    browser.js("document.querySelector('#mobile-item summary').click()").await;
    let mobile = new_mobile();
    if browser.js("return document.getElementById('mobile-proof-password')?.checkVisibility() || false").await == true {
        browser.fill("mobile-proof-password", PASSWORD).await;
    }
    browser.fill("mobile", &mobile).await;
    browser.click("mobile-code-send").await;
    browser.until("document.getElementById('mobile-code-send-live').textContent").await;
    browser.fill("mobile-code", &site.code_for(&mobile).await).await;
    browser.submit("mobile-form").await;
    browser.until("document.getElementById('mobile-item-saved').textContent").await;
    let name = browser.js("return document.querySelector('#password-form [autocomplete=username]').value").await;
    assert_eq!(name, Value::from(mobile));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_offer_a_code_and_a_code_that_fails_offers_the_password() {
    for setup in SETUPS {
        let site = site().await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/login").await;
        browser.fill("username", &format!("+86 {}", person.mobile)).await;
        browser.fill("password", "wrong password").await;
        browser.submit("by-password").await;
        let way = "document.querySelector('#by-password .status .way')";
        browser
            .until(&format!(
                "{way}?.textContent === '{}'",
                if setup.english { "Sign in by SMS" } else { "改用短信登录" }
            ))
            .await;
        browser.js(&format!("{way}.click()")).await;
        browser.see("by-sms").await;
        assert_eq!(browser.js("return document.getElementById('mobile').value").await, person.mobile.as_str());
        assert_eq!(browser.js("return document.activeElement.id").await, "consent", "what is missing has the focus");
        browser.click("consent").await;
        browser.fill("code", "000000").await;
        browser.submit("by-sms").await;
        let way = "document.querySelector('#code-error .way')";
        browser
            .until(&format!(
                "{way}?.textContent === '{}'",
                if setup.english { "Use your password" } else { "改用密码登录" }
            ))
            .await;
        // The link disappears with the message.
        browser.fill("code", "1").await;
        browser.until(&format!("!{way}")).await;
        browser.fill("code", "000000").await;
        browser.submit("by-sms").await;
        browser.until(way).await;
        browser.fill("mobile", &new_mobile()).await;
        let other = browser.js("return document.getElementById('mobile').value").await;
        browser.js(&format!("{way}.click()")).await;
        browser.see("by-password").await;
        assert_eq!(browser.js("return document.getElementById('username').value").await, other);
        assert_eq!(browser.js("return document.activeElement.id").await, "password");
        browser.fill("username", &person.mobile).await;
        browser.fill("password", PASSWORD).await;
        browser.submit("by-password").await;
        browser.at("/users").await;
        browser.see("devices").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_cannot_be_sent_offers_the_password() {
    let site = Site::with_settings(&[("LIMIT_RECIPIENT", "1/h"), ("LIMIT_RECIPIENT_SOURCE", "1/h")]).await;
    let mobile = new_mobile();
    let path = format!("/users/sms/{mobile}/?purpose=login&register=true");
    assert_eq!(site.post(&path, &json!({})).await.status, 200);
    site.advance(61).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login?by=sms").await;
    browser.fill("mobile", &mobile).await;
    browser.click("consent").await;
    browser.click("code-send").await;
    browser.until("document.querySelector('#code-error .way')").await;
    browser.until("document.activeElement.id === 'code'").await;
    browser.js("document.querySelector('#code-error .way').click()").await;
    browser.see("by-password").await;
    assert_eq!(browser.js("return document.getElementById('username').value").await, mobile.as_str());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_fails_for_a_forgotten_password_offers_the_mail() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/forget_pwd/").await;
    browser.fill("mobile", &new_mobile()).await;
    browser.fill("code", "000000").await;
    browser.fill("password", NEW_PASSWORD).await;
    browser.submit("forgotten").await;
    browser.until("document.querySelector('#code-error .way')?.textContent === '改用邮箱找回'").await;
    browser.js("document.querySelector('#code-error .way').click()").await;
    browser.at("/find_password").await;
    browser.close().await;
}
