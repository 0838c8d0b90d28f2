//! A message that appears moves nothing that a person is about to press, and no card has empty space at its end.

use serde_json::{Value, json};

use crate::browser::{Browser, SETUPS, Setup};
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_email, new_mobile};

/// Returns the position of every visible control: its name and its height on the page.
const PRESSABLE: &str = "
    const all = [...document.querySelectorAll('main a, main button:not(.way), main input, main summary, header a, header button')];
    return Object.fromEntries(all.filter((one) => one.checkVisibility()).map((one, at) => {
        const place = one.getBoundingClientRect();
        const name = one.id || [one.closest('[id]')?.id, one.tagName, at].join(' ');
        return [name, [Math.round(place.top + scrollY), Math.round(place.height)]];
    }))";

async fn places(browser: &Browser) -> Value {
    browser.js(PRESSABLE).await
}

/// Asserts that no control has moved.
#[track_caller]
fn are_where_they_were(before: &Value, after: &Value, what: &str) {
    for (name, place) in before.as_object().unwrap() {
        if let Some(now) = after.get(name) {
            assert_eq!(now, place, "{what}: {name} moved");
        }
    }
}

const WIDTHS: [u32; 3] = [320, 375, 1280];

async fn at(site: &Site, width: u32, english: bool) -> Browser {
    let browser = Browser::start(&site.base_url, Setup { english, phone: width < 600 }).await;
    browser.set_width(width).await;
    browser
}

async fn site() -> Site {
    Site::with_settings(&[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_words_about_fields_move_no_button() {
    let site = site().await;
    let person = site.register().await;
    for width in WIDTHS {
        for english in [false, true] {
            let browser = at(&site, width, english).await;
            let what = |page: &str| format!("{page} at {width}, english: {english}");
            for (page, form) in [
                ("/login", "by-password"),
                ("/login?by=sms", "by-sms"),
                ("/register", "register"),
                ("/forget_pwd/", "forgotten"),
                ("/find_password", "find"),
            ] {
                browser.open(page).await;
                browser.see(form).await;
                let before = places(&browser).await;
                browser.submit(form).await;
                browser.until(&format!("document.querySelector('#{form} [aria-invalid]')")).await;
                are_where_they_were(&before, &places(&browser).await, &what(page));
            }
            browser.open("/register").await;
            browser.see("register").await;
            let before = places(&browser).await;
            browser.fill("mobile", "138000").await;
            browser.click("consent").await;
            browser.until("document.getElementById('mobile-error').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("a bad number"));
            browser.fill("mobile", &person.mobile).await;
            browser.until("document.querySelector('#mobile-error .way')").await;
            are_where_they_were(&before, &places(&browser).await, &what("a taken number"));
            let mobile = new_mobile();
            browser.fill("mobile", &mobile).await;
            browser.until("document.getElementById('mobile-hint').textContent").await;
            browser.fill("password", "correct").await;
            are_where_they_were(&before, &places(&browser).await, &what("a free number and a weak password"));
            browser.click("code-send").await;
            browser.until("document.getElementById('code-send-live').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("a code that was sent"));
            // The page is opened as in another tab, which does not know of the wait.
            browser.js("sessionStorage.clear(); localStorage.clear()").await;
            browser.open("/register").await;
            browser.fill("mobile", &mobile).await;
            browser.js("document.getElementById('consent').checked = true").await;
            let before = places(&browser).await;
            browser.click("code-send").await;
            browser.until("document.getElementById('code-error').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("a code too soon"));
            browser.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_of_a_form_moves_no_button() {
    let site = site().await;
    for width in WIDTHS {
        for english in [false, true] {
            let (person, email) = site.register_with_email().await;
            let browser = at(&site, width, english).await;
            let what = |page: &str| format!("{page} at {width}, english: {english}");
            browser.open("/login").await;
            browser.fill("username", &person.mobile).await;
            browser.fill("password", "wrong password").await;
            let before = places(&browser).await;
            browser.submit("by-password").await;
            browser.until("document.querySelector('#by-password .way')").await;
            are_where_they_were(&before, &places(&browser).await, &what("a wrong password"));

            browser.open("/login?by=sms").await;
            browser.fill("mobile", &new_mobile()).await;
            browser.click("consent").await;
            browser.fill("code", "000000").await;
            let before = places(&browser).await;
            browser.submit("by-sms").await;
            browser.until("document.querySelector('#code-error .way')").await;
            are_where_they_were(&before, &places(&browser).await, &what("a wrong code"));

            browser.open("/find_password").await;
            browser.fill("email", &new_email()).await;
            let before = places(&browser).await;
            browser.submit("find").await;
            browser.until("document.getElementById('email-error').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("an unknown address"));
            browser.fill("email", &email).await;
            browser.submit("find").await;
            browser.see("again").await;
            let before = places(&browser).await;
            browser.click("again").await;
            browser.until("document.querySelector('#sent .status').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("a mail too soon"));

            browser.open(&format!("/reset_password?access_token={}", site.link_for(&email).await)).await;
            browser.see("reset").await;
            let before = places(&browser).await;
            browser.fill("password", NEW_PASSWORD).await;
            browser.fill("password2", "x").await;
            browser.until("document.getElementById('password2-error').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("passwords that differ"));

            browser.open("/secure#x").await;
            let before = places(&browser).await;
            browser.submit("secure").await;
            browser.until("document.querySelector('#secure .status').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("a link that has expired"));
            browser.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_on_the_account_page_and_of_the_network_moves_no_button() {
    let site = site().await;
    let person = site.register().await;
    let faults = &site.system.as_ref().unwrap().faults;
    for width in WIDTHS {
        for setup in SETUPS {
            let browser = at(&site, width, setup.english).await;
            let what = |what: &str| format!("{what} at {width}, english: {}", setup.english);
            browser.sign_in(&person.mobile, PASSWORD).await;
            let before = places(&browser).await;
            browser.set_offline(true).await;
            browser.see("offline").await;
            are_where_they_were(&before, &places(&browser).await, &what("a lost network"));
            browser.click("sign-out").await;
            browser.until("document.getElementById('account-status').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("a sign-out that failed"));
            browser.set_offline(false).await;
            browser.until("document.getElementById('offline').hidden").await;

            browser.js("document.querySelectorAll('details').forEach((row) => (row.open = true))").await;
            browser.see("nickname").await;
            let before = places(&browser).await;
            browser.fill("nickname", "x".repeat(60).as_str()).await;
            browser.submit("nickname-form").await;
            browser.until("document.getElementById('nickname-error').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("a nickname that was refused"));
            browser.submit("delete-form").await;
            browser.until("document.getElementById('delete-sure-error').textContent").await;
            are_where_they_were(&before, &places(&browser).await, &what("a deletion without its tick"));
            browser.fill("nickname", "小明").await;
            faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 100_000);
            browser.submit("nickname-form").await;
            browser.until("document.querySelector('#nickname-form .status').textContent").await;
            faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 0);
            are_where_they_were(&before, &places(&browser).await, &what("an outage"));

            browser.open("/").await;
            browser.see("signed-in").await;
            let before = places(&browser).await;
            faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 100_000);
            browser.click("sign-out").await;
            browser.until("document.querySelector('.card .status').textContent").await;
            faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 0);
            are_where_they_were(&before, &places(&browser).await, &what("a sign-out from home that failed"));
            browser.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_why_somebody_is_there_without_moving_its_form() {
    let site = site().await;
    for width in WIDTHS {
        for english in [false, true] {
            let browser = at(&site, width, english).await;
            for reason in
                ["session_ended", "refresh_token_spent", "credentials_changed", "cookies_needed", "account_deleted"]
            {
                // The page is checked as it is served, before its script has added a message.
                browser.cdp("Network.enable", json!({})).await;
                browser.cdp("Network.setBlockedURLs", json!({ "urls": ["*.js"] })).await;
                browser.open(&format!("/login?reason={reason}")).await;
                let before = places(&browser).await;
                browser.cdp("Network.setBlockedURLs", json!({ "urls": [] })).await;
                browser.open(&format!("/login?reason={reason}")).await;
                browser.until("document.getElementById('reason').textContent").await;
                are_where_they_were(&before, &places(&browser).await, &format!("{reason} at {width}"));
            }
            browser.open("/login?reason=nothing").await;
            browser.until("document.getElementById('reason').hidden").await;
            browser.close().await;
        }
    }
}

/// The messages that a page may show at a field of each kind, by selector.
const SAID: &str = "
    const said = {
        '[data-kind=mobile]': ['mobile_malformed', 'mobile_taken'],
        '#forgotten [data-kind=mobile]': ['no_such_user'],
        '[type=email]': ['email_malformed', 'email_unknown', 'email_taken'],
        '[data-kind=code]': ['code_malformed', 'code_wrong', 'code_expired', 'confirm_code_wrong', 'confirm_code_expired'],
        '.field [data-kind=code]:not(#second-code)': ['codes_blocked'],
        '#username[data-kind=name]': ['username_malformed', 'username_reserved', 'username_taken'],
        '[autocomplete=nickname]': ['nickname_refused'],
        '[id$=proof-password], #second-password': ['proof_wrong'],
        '[data-least]': ['password_too_short', 'password_too_long', 'password_too_common', 'password_breached', 'password_personal'],
        '[data-repeats]': ['passwords_differ'],
        '#consent': ['consent_required', 'consent_outdated'],
        'main input:not([type=checkbox])': ['field_required', 'field_type'],
    };";

/// Shows each message at each field, and returns those that do not fit into the space kept for them.
const FITS: &str = "
    const { say } = await import(document.querySelector('script[src*=site]').src.replace('site.js', 'texts.js'));
    for (const one of document.querySelectorAll('main [hidden]')) one.hidden = false;
    for (const one of document.querySelectorAll('main details')) one.open = true;
    const wrong = [];
    for (const [selector, codes] of Object.entries(said)) for (const input of document.querySelectorAll(selector)) {
        const error = document.getElementById(`${input.id}-error`);
        if (!error) continue;
        const foot = error.closest('.foot');
        const kept = foot.getBoundingClientRect().height;
        for (const code of codes) {
            error.textContent = say(code);
            const needed = foot.getBoundingClientRect().height;
            if (kept === 0 || needed > kept) wrong.push(`${input.id}: ${code} takes ${needed}px of ${kept}px`);
        }
        error.textContent = '';
    }
    return wrong;";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_said_of_a_field_fits_into_its_place() {
    let site = site().await;
    let person = site.register().await;
    for width in WIDTHS {
        for english in [false, true] {
            let browser = at(&site, width, english).await;
            browser.sign_in(&person.mobile, PASSWORD).await;
            browser.come_back_later().await;
            let mut wrong = Vec::new();
            for page in
                ["/users", "/login", "/register", "/forget_pwd/", "/find_password", "/reset_password?access_token=x"]
            {
                browser.open(page).await;
                browser.until("document.documentElement.hasAttribute('data-ready')").await;
                if page == "/users" {
                    browser.see("devices").await;
                }
                let script = format!("return (async () => {{ {SAID} {FITS} }})()");
                let found = browser.js(&script).await;
                wrong.extend(found.as_array().unwrap().iter().map(|one| format!("{page} {one}")));
            }
            assert!(wrong.is_empty(), "at {width}, english: {english}: {wrong:#?}");
            browser.close().await;
        }
    }
}

/// Returns, for every visible card, its space above and the free space below its last element.
const SPACE: &str = "
    return [...document.querySelectorAll('.card')].filter((card) => card.checkVisibility()).map((card) => {
        const all = [...card.querySelectorAll('a, button, input, summary, p, h1, h2, li, label')];
        const seen = all.filter((one) => one.checkVisibility() && one.getBoundingClientRect().height > 0 && (one.innerText || one.matches('input')));
        const lowest = Math.max(...seen.map((one) => one.getBoundingClientRect().bottom));
        const open = card.lastElementChild.open === true;
        const space = Math.round(parseFloat(getComputedStyle(card).paddingTop));
        return { what: card.innerText.slice(0, 20), open, space, below: Math.round(card.getBoundingClientRect().bottom - lowest) };
    })";

async fn no_card_is_empty_below(browser: &Browser, what: &str) {
    let cards = browser.js(SPACE).await;
    assert!(!cards.as_array().unwrap().is_empty(), "{what} has a card");
    for card in cards.as_array().unwrap() {
        let (space, below) = (card["space"].as_i64().unwrap(), card["below"].as_i64().unwrap());
        // The line of an open row may stay empty.
        let more = if card["open"] == true { 20 } else { 2 };
        assert!((space - 2..=space + more).contains(&below), "{what}: {card}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_card_has_empty_space_below_what_is_in_it() {
    let site = site().await;
    let (person, email) = site.register_with_email().await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let link = format!("/reset_password?access_token={}", site.link_for(&email).await);
    for setup in SETUPS {
        let browser = Browser::start(&site.base_url, setup).await;
        for (page, shown) in [
            ("/", "signed-out"),
            ("/login", "by-password"),
            ("/login?by=sms", "by-sms"),
            ("/register", "register"),
            ("/find_password", "find"),
            ("/forget_pwd/", "forgotten"),
            ("/reset_password?access_token=x", "expired"),
            (&link, "reset"),
            ("/secure", "secure"),
        ] {
            browser.open(page).await;
            browser.see(shown).await;
            no_card_is_empty_below(&browser, page).await;
        }
        browser.open("/find_password").await;
        browser.fill("email", &email).await;
        site.advance(61).await;
        browser.submit("find").await;
        browser.see("sent").await;
        no_card_is_empty_below(&browser, "a mail that was sent").await;
        browser.sign_in(&person.mobile, PASSWORD).await;
        no_card_is_empty_below(&browser, "the account").await;
        browser.js("document.querySelectorAll('details').forEach((row) => (row.open = true))").await;
        no_card_is_empty_below(&browser, "the account's rows").await;
        browser.open("/").await;
        browser.see("signed-in").await;
        no_card_is_empty_below(&browser, "home, signed in").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buttons_of_home_are_there_only_when_it_is_known_which() {
    let site = site().await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    let served = "return fetch('/').then((answer) => answer.text()).then((text) => {
        const page = new DOMParser().parseFromString(text, 'text/html');
        return ['waiting', 'signed-out', 'signed-in'].filter((id) => !page.getElementById(id).hidden);
    })";
    assert_eq!(browser.js(served).await, json!(["waiting"]));
    browser.click("sign-out").await;
    browser.at("/login").await;
    assert_eq!(browser.js(served).await, json!(["signed-out"]));
    browser.close().await;
}
