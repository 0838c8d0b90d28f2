//! A browser with our pages open, as the API sees it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, PASSWORD, Person, Site, read};

pub fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// A browser with our pages open. It sends requests in cookie mode from our own origin, and stores the cookies it gets.
pub struct Page<'a> {
    site: &'a Site,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Page<'a> {
    pub fn new(site: &'a Site) -> Self {
        Self { site, cookies: RefCell::default() }
    }

    /// Builds a request with everything that a page adds to it, except the origin.
    pub fn request(&self, method: Method, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let cookies: Vec<_> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.site.request(method, path).header("x-session", "cookie").header("cookie", cookies.join("; ")).json(body)
    }

    pub async fn send(&self, method: Method, path: &str, token: &str, body: &Value) -> Answer {
        let request = self.request(method, path, body).header("origin", &self.site.base_url);
        let answer = read(if token.is_empty() { request } else { request.bearer_auth(token) }).await;
        for line in set_cookies(&answer) {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if line.contains("; Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Signs in by password and returns the access token.
    pub async fn sign_in(&self, person: &Person) -> String {
        let body = json!({ "username": person.mobile, "password": PASSWORD });
        let answer = self.send(Method::POST, "/users/login/", "", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&answer.json(), "token").to_owned()
    }

    pub async fn refresh(&self) -> Answer {
        self.send(Method::POST, "/users/token/refresh/", "", &json!({})).await
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    /// Returns the names and values of the device cookies.
    pub fn devices(&self) -> Vec<(String, String)> {
        let cookies = self.cookies.borrow();
        let devices = cookies.iter().filter(|(name, _)| name.starts_with("device_"));
        devices.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub fn has_no_cookie(&self) -> bool {
        self.cookies.borrow().is_empty()
    }

    pub fn set(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    pub fn is_signed_in(&self) -> bool {
        self.cookie("refresh_token").is_some()
    }
}

pub fn set_cookies(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// Returns the `Set-Cookie` lines except those of known devices, which have tests of their own.
fn session_cookies(answer: &Answer) -> Vec<String> {
    set_cookies(answer).into_iter().filter(|line| !line.starts_with("device_")).collect()
}

#[track_caller]
pub fn takes_the_cookie_away(answer: &Answer) {
    let gone = [
        "refresh_token=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
        "signed_in=; Path=/; SameSite=Strict; Max-Age=0",
    ];
    assert_eq!(session_cookies(answer), gone, "{answer:?}");
}

#[track_caller]
pub fn leaves_the_cookies_alone(answer: &Answer) {
    assert_eq!(session_cookies(answer), [""; 0], "{answer:?}");
}
