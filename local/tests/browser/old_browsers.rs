//! Browsers that lack features of today's, and pages whose scripts do not load or fail.

use crate::browser::{Browser, SETUPS};
use crate::journeys::fill_registration;
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile};

/// Removes the features that the oldest supported browsers lack (Safari 14, Chrome 80, Firefox 78).
const OLD: &str = r"
    // The driver needs it in the page: the page's own scripts alone do not find it.
    const { hasOwn } = Object;
    Object.hasOwn = (...all) => {
        if (new Error().stack.includes('/assets/')) throw new TypeError('Object.hasOwn is not a function');
        return hasOwn(...all);
    };
    const late = [
        [window, ['BroadcastChannel', 'structuredClone', 'queueMicrotask', 'CompressionStream', 'scheduler']],
        [AbortSignal, ['timeout', 'any', 'abort']], [AbortSignal.prototype, ['throwIfAborted', 'reason']],
        [Object, ['groupBy']], [Promise, ['any', 'withResolvers', 'try']], [Response, ['json']],
        [URL, ['canParse', 'parse']], [Array, ['fromAsync']],
        [Array.prototype, ['at', 'findLast', 'findLastIndex', 'toSorted', 'toReversed', 'toSpliced', 'with']],
        [String.prototype, ['replaceAll', 'at', 'isWellFormed', 'toWellFormed']],
        [Element.prototype, ['replaceChildren', 'setHTMLUnsafe']], [Document.prototype, ['replaceChildren']],
        [DocumentFragment.prototype, ['replaceChildren']], [HTMLFormElement.prototype, ['requestSubmit']],
        [HTMLElement.prototype, ['inert', 'showPopover', 'hidePopover', 'togglePopover']],
        [Crypto.prototype, ['randomUUID']], [Navigator.prototype, ['locks', 'userAgentData']],
        [SubmitEvent.prototype, ['submitter']], [Iterator.prototype, ['map', 'filter', 'some', 'toArray']],
    ];
    for (const [owner, names] of late) for (const name of names) delete owner[name];
    window.isOld = typeof BroadcastChannel === 'undefined' && !navigator.locks && !''.replaceAll && !AbortSignal.timeout;
";

/// An address without a page. The page that answers it needs no script.
const UNKNOWN: &str = "/logn";

const PAGES: [&str; 8] = [
    "/",
    "/login",
    "/register",
    "/find_password",
    "/forget_pwd/",
    "/reset_password?access_token=x",
    "/secure",
    "/users",
];

const SEEN: &str = "getComputedStyle(document.querySelector('.trouble')).visibility === 'visible'";

/// Waits until the page says, in visible words, that it does not work.
async fn says_so(browser: &Browser, english: bool) {
    browser.until(&format!("document.querySelector('.trouble') && {SEEN}")).await;
    let said = browser
        .js("const seen = document.querySelector('.trouble'); return seen.offsetHeight > 20 && seen.innerText")
        .await;
    assert!(said.as_str().is_some_and(|text| text.contains(if english { "reload" } else { "刷新" })), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_journey_works_in_the_oldest_browsers_that_are_served() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.before_scripts(OLD).await;
        let mobile = new_mobile();
        fill_registration(&browser, &site, &mobile).await;
        assert_eq!(browser.js("return window.isOld").await, true);
        browser.submit("register").await;
        browser.at("/users").await;
        browser.says("nickname-item-value", "小明").await;
        browser.come_back_later().await;
        browser.js("document.querySelectorAll('details').forEach((row) => (row.open = true))").await;
        browser.fill("password-proof-password", PASSWORD).await;
        browser.fill("new-password", NEW_PASSWORD).await;
        browser.submit("password-form").await;
        browser.says("password-item-saved", if setup.english { "Saved" } else { "已保存" }).await;
        browser.until("document.querySelectorAll('#devices li').length === 1").await;
        browser.click("sign-out").await;
        browser.at("/login").await;
        browser.fill("username", &mobile).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.submit("by-password").await;
        browser.at("/users").await;
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
        browser.open("/").await;
        browser.says("welcome", "小明").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_does_not_load_is_said_on_every_page() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let browser = Browser::start(&site.base_url, setup).await;
        for page in PAGES {
            browser.block(&[]).await;
            browser.open(page).await;
            browser.until("document.documentElement.hasAttribute('data-ready')").await;
            assert_eq!(browser.js(&format!("return {SEEN}")).await, false, "{page}: all is well");
            browser.block(&["*/form.js"]).await;
            browser.open(page).await;
            says_so(&browser, setup.english).await;
        }
        browser.block(&[]).await;
        browser.open("/login").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_script_loads_at_all_the_style_sheet_says_so_after_a_while() {
    let site = Site::with_settings(&[]).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.block(&["*.js"]).await;
    for page in PAGES {
        browser.open(page).await;
        assert_eq!(browser.js(&format!("return {SEEN}")).await, false, "{page}: it may still be loading");
        browser.js("document.getAnimations().forEach((animation) => animation.finish())").await;
        says_so(&browser, false).await;
    }
    browser.open(UNKNOWN).await;
    browser.js("document.getAnimations().forEach((animation) => animation.finish())").await;
    assert_eq!(browser.js("return document.querySelector('.trouble')").await, serde_json::Value::Null);
    browser.block(&["*.js", "*.css"]).await;
    browser.open("/login").await;
    says_so(&browser, false).await;
    browser.block(&[]).await;
    browser.open("/login").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_throws_is_said_at_once() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let browser = Browser::start(&site.base_url, setup).await;
        // The script fails during an action, inside a promise.
        browser.open("/login").await;
        browser.fill("username", "lilei").await;
        browser.fill("password", PASSWORD).await;
        browser.js("window.AbortController = 'none'").await;
        browser.submit("by-password").await;
        says_so(&browser, setup.english).await;
        browser.complained("rejection: TypeError").await;
        // A rejection that is no error of ours shows no message. A captcha's script may cause one.
        browser.open("/login").await;
        browser.js("Promise.reject(null); Promise.reject('no'); Promise.reject({ code: 1 })").await;
        browser.js("return new Promise((done) => setTimeout(done, 100))").await;
        assert_eq!(browser.js(&format!("return {SEEN}")).await, false);
        // The script fails while the page starts.
        let planted = browser.before_scripts("Element.prototype.closest = () => { throw new Error('planted'); }").await;
        browser.open("/register").await;
        says_so(&browser, setup.english).await;
        browser.complained("planted").await;
        browser.without(planted).await;
        // An error in a script of another site is not the page's.
        browser.open("/login").await;
        browser.until("document.documentElement.hasAttribute('data-ready')").await;
        browser.js("dispatchEvent(new ErrorEvent('error', { message: 'theirs', filename: 'https://elsewhere.example/a.js' }))").await;
        assert_eq!(browser.js(&format!("return {SEEN}")).await, false);
        browser.complained("theirs").await;
        browser.close().await;
    }
}
