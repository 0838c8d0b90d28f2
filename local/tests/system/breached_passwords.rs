//! New passwords that were breached elsewhere. They are looked up over the network by the first digits of a hash, and
//! accepted if nobody answers. ASVS 6.2.12.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::get;
use reqwest::Method;
use serde_json::json;

use crate::site::{NEW_PASSWORD, PASSWORD, Site, registration};

/// The first digits of the SHA-1 of [`PASSWORD`].
const PREFIX: &str = "98DEC";
/// An answer of the list: [`PASSWORD`] was seen seventeen times, and the line of [`NEW_PASSWORD`] is padding.
const BREACHED: &str = "00000000000000000000000000000000000:3\r\nC62ECE399A22ED30D490EF333BE7FDE7385:17\r\nE7B6A89D65F70D0B656E5C8CF032845F80E:0";

type Asked = Arc<Mutex<Vec<String>>>;

/// Starts a list that gives this answer to every request after a delay. Returns its URL and the prefixes that were
/// requested.
async fn list(answer: &'static str, after: Duration) -> (String, Asked) {
    let asked = Asked::default();
    let answering = get(async move |State(asked): State<Asked>, Path(prefix): Path<String>| {
        asked.lock().unwrap().push(prefix);
        tokio::time::sleep(after).await;
        answer
    });
    let router = axum::Router::new().route("/range/{prefix}", answering).with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/range", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, asked)
}

async fn site(url: &str) -> Site {
    Site::with_settings(&[("BREACHED_PASSWORDS_URL", url)]).await
}

async fn sign_up(site: &Site) -> crate::site::Answer {
    let mobile = crate::site::new_mobile();
    let code = site.sms_code(&mobile).await;
    site.post("/users/", &registration(&mobile, &code)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breached_password_is_refused_wherever_one_is_set() {
    // The list contains the hashes of both test passwords. A padding line does not count.
    let (url, asked) = list(BREACHED, Duration::ZERO).await;
    let site = site(&url).await;
    let refused = sign_up(&site).await;
    refused.refuses(400, "password_breached", &json!({ "password": ["这个密码已在别处泄露，请换一个。"] }));
    assert_eq!(*asked.lock().unwrap(), [PREFIX], "five digits leave, and no more");
    // A signed-in user and both kinds of reset are checked too.
    let mobile = crate::site::new_mobile();
    let code = site.sms_code(&mobile).await;
    let mut body = registration(&mobile, &code);
    body["password"] = "a password nobody else has".into();
    let person = site.post("/users/", &body).await;
    let token = person.json()["token"].as_str().unwrap().to_owned();
    let change = json!({ "password": body["password"], "new_password": PASSWORD });
    site.send_as(&token, Method::PUT, "/users/me/password/", &change).await.is_refused(400, "password_breached");
    let (email, csrf) = (crate::site::new_email(), site.csrf().await);
    let proof = json!({ "email": email, "password": body["password"] });
    assert_eq!(site.send_as(&token, Method::POST, "/users/me/email/", &proof).await.status, 200);
    let bound = json!({ "email": email, "email_code": site.code_for(&email).await });
    let bound = site.send_as(&token, Method::PUT, "/users/me/email/", &bound).await;
    let token = bound.json()["token"].as_str().unwrap().to_owned();
    site.advance(60).await;
    assert_eq!(site.post("/forget_pwd/sms_code/", &json!({ "mobile": mobile })).await.status, 200);
    let code = site.code_for(&mobile).await;
    let by_code = async |code: &str| {
        let body = json!({ "mobile": mobile, "sms_code": code, "new_password": PASSWORD });
        let refused = site.forget_pwd(&csrf, &body).await;
        (refused.status, refused.header("x-error-code").unwrap().to_owned())
    };
    let by_link = async |token: &str| {
        let body = json!({ "access_token": token, "password": PASSWORD, "password2": PASSWORD });
        let refused = site.put("/users/find/password/", &body).await;
        (refused.status, refused.header("x-error-code").unwrap().to_owned())
    };
    // A third party is asked only once code or link are found good.
    let asked_before = asked.lock().unwrap().len();
    assert_eq!(by_code(&crate::site::other_code(&code)).await, (403, "code_wrong".to_owned()));
    assert_eq!(by_link("x").await, (400, "link_invalid".to_owned()));
    assert_eq!(asked.lock().unwrap().len(), asked_before);
    assert_eq!(by_code(&code).await, (403, "password_breached".to_owned()));
    site.advance(60).await;
    assert_eq!(site.post("/users/find/password/email/", &json!({ "email": email })).await.status, 200);
    assert_eq!(by_link(&site.link_for(&email).await).await, (400, "password_breached".to_owned()));
    assert_eq!(asked.lock().unwrap().len(), asked_before + 2);
    // A password whose line is only padding is accepted.
    let change = json!({ "password": body["password"], "new_password": NEW_PASSWORD });
    assert_eq!(site.send_as(&token, Method::PUT, "/users/me/password/", &change).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_answers_the_password_is_taken() {
    let slow = list(BREACHED, Duration::from_secs(60)).await.0;
    let garbage = list("<html>", Duration::ZERO).await.0;
    let elsewhere = list(BREACHED, Duration::ZERO).await.0.replace("/range", "/nothing");
    for url in [slow, garbage, elsewhere, "http://127.0.0.1:9/range".to_owned()] {
        assert_eq!(sign_up(&site(&url).await).await.status, 201, "{url}");
    }
}
