//! A front end under development on its own port, and our own pages under both names of this machine.

use axum::Router;
use axum::response::Html;
use axum::routing::get;

use crate::browser::{Browser, SETUPS};
use crate::journeys::fill_registration;
use crate::site::{PASSWORD, Site, new_mobile};

/// A separate front end. It signs up, refreshes and reads the account with `fetch` alone.
const FRONT_END: &str = r#"<!doctype html><meta charset="utf-8"><title>A front end</title>
<h1>A front end on another port</h1><pre id="log"></pre>
<script type="module">
  const log = (text) => { document.getElementById('log').textContent += text + '\n'; };
  const call = async (method, path, body, token) => {
    const headers = { 'Content-Type': 'application/json', 'Accept-Language': 'en' };
    if (token) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch(window.api + path, { method, headers, body: body && JSON.stringify(body) });
    log(`${method} ${path} ${answer.status} ${answer.headers.get('X-Error-Code') ?? ''}`);
    return answer.json();
  };
  window.sendCode = (mobile) => call('POST', `/users/sms/${mobile}/`);
  window.signUp = async (mobile, code, password) => {
    const refused = await call('GET', '/users/me/');
    log(refused.code);
    const person = await call('POST', '/users/', { nickname: 'Li Lei', mobile, sms_code: code, password });
    const fresh = await call('POST', '/users/token/refresh/', { refresh_token: person.refresh_token });
    const me = await call('GET', '/users/me/', undefined, fresh.token);
    log(`signed up as ${me.nickname} ${me.mobile}`);
  };
</script>"#;

/// Serves the front end and returns its address.
async fn front_end() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", get(async || Html(FRONT_END)))).await });
    format!("http://localhost:{port}/")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_on_another_port_signs_up_refreshes_and_reads_the_account() {
    let site = Site::with_settings(&[]).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    let mobile = new_mobile();
    browser.open(&front_end().await).await;
    browser.js(&format!("window.api = '{}'; window.sendCode('{mobile}')", site.base_url)).await;
    browser.says("log", "200").await;
    let code = site.code_for(&mobile).await;
    browser.js(&format!("window.signUp('{mobile}', '{code}', '{PASSWORD}')")).await;
    let masked = format!("signed up as Li Lei {}****{}", &mobile[..3], &mobile[7..]);
    browser.says("log", &masked).await;
    // A script of another origin can read the error code too.
    browser.says("log", "GET /users/me/ 401 unauthorized").await;
    crate::pictures::keep("another-port", &browser.picture().await);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_page_works_as_localhost_and_as_127_0_0_1() {
    let site = Site::with_settings(&[]).await;
    let port = site.base_url.rsplit(':').next().unwrap();
    for (setup, name) in SETUPS.into_iter().zip(["localhost", "127.0.0.1"]) {
        let browser = Browser::start(&format!("http://{name}:{port}"), setup).await;
        fill_registration(&browser, &site, &new_mobile()).await;
        browser.submit("register").await;
        browser.at("/users").await;
        browser.says("nickname-item-value", "小明").await;
        // Only the cookie carries the session here.
        browser.open("/users").await;
        browser.says("nickname-item-value", "小明").await;
        browser.click("sign-out").await;
        browser.at("/login").await;
        browser.close().await;
    }
}
