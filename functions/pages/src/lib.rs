//! The web pages, their styles and scripts, and the CSRF cookie that `forget_pwd` requires.
//!
//! Pages are static documents. Small modules do everything through the API, under a content security policy that allows
//! no inline script. Nothing is loaded from another site unless a captcha is configured.

mod account_page;
mod assets;
mod forgotten;
mod home;
mod layout;
mod log_in;
mod register;
mod unknown;

use shared::config::{Config, Need, origin_of};
use shared::crypto::{CsrfValue, KeyGroup};
use shared::domain::Language;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

use assets::Asset;
use layout::{Page, View};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "pages",
    error_format: ErrorFormat::Detail,
    needs: &[Need::VISITORS],
    handle: |app, request| Box::pin(pages(app, request)),
};

async fn pages(app: &App, request: &Request) -> Result<Reply, Error> {
    let path = request.path();
    if let Some(rest) = path.strip_prefix("/assets/") {
        return asset(rest.trim_end_matches('/'), request);
    }
    let view = View { config: &app.config, language: language(request) };
    let page = match path.trim_end_matches('/') {
        "" => home::page(&view, request.cookie("signed_in") == Some("1")),
        "/login" | "/user/login" => {
            log_in::page(&view, request.query("by").as_deref() == Some("sms"), request.query("reason").is_some())
        }
        "/register" | "/user/register" => register::page(&view),
        "/find_password" => forgotten::find_password(&view),
        "/forget_pwd" => return with_csrf(app, show(&view, &forgotten::forget_pwd(&view), request, VARY)),
        "/reset_password" => forgotten::reset_password(&view),
        "/secure" => forgotten::secure(&view),
        "/users" => account_page::page(&view),
        _ => return Err(Error::NotFound),
    };
    Ok(show(&view, &page, request, VARY).with_header("cache-control", "no-cache"))
}

/// The request headers that an answer depends on.
const VARY: &str = "Accept-Language, Cookie, Accept-Encoding";

/// Renders the page for unknown addresses. `not-found` uses it for clients that prefer a page to JSON.
#[must_use]
pub fn unknown_address(app: &App, request: &Request) -> Reply {
    let view = View { config: &app.config, language: language(request) };
    let vary = format!("Accept, {VARY}");
    show(&view, &unknown::page(&view), request, &vary)
}

/// Returns the language that the person chose, or otherwise the browser's.
fn language(request: &Request) -> Language {
    match request.cookie("lang") {
        Some("zh") => Language::Zh,
        Some("en") => Language::En,
        _ => request.language(),
    }
}

fn show(view: &View<'_>, page: &Page, request: &Request, vary: &str) -> Reply {
    let html = view.document(page).into_string();
    let reply = compressed("text/html; charset=utf-8", &html, || assets::gzip(&html), request);
    let reply = if view.config.answers.is_https() {
        reply.with_header("strict-transport-security", "max-age=31536000")
    } else {
        reply
    };
    reply
        .with_header("content-security-policy", &policy(view.config))
        .with_header("referrer-policy", "no-referrer")
        .with_header("permissions-policy", "camera=(), geolocation=(), microphone=()")
        .with_header("cross-origin-opener-policy", "same-origin")
        .with_header("content-language", view.language.pick("zh-CN", "en"))
        .with_header("vary", vary)
}

/// Returns the content security policy of a page (CSP Level 3). It allows our own site alone, and the captcha's sites
/// if one is configured.
fn policy(config: &Config) -> String {
    let sites = captcha_sites(config);
    let sources = format!("'self'{sites}");
    let frames = if sites.is_empty() { " 'none'" } else { &sites };
    format!(
        "default-src 'none'; script-src {sources}; style-src {sources}; img-src {sources} data:; connect-src {sources}; \
         frame-src{frames}; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// Returns the sites that the captcha widget comes from. Tencent's widget loads parts of itself from further sites of
/// Tencent's.
fn captcha_sites(config: &Config) -> String {
    if config.pages.captcha_app_id.is_none() {
        return String::new();
    }
    let widget = &config.pages.captcha_widget_url;
    if widget.contains(".captcha.qcloud.com/") {
        return " https://*.captcha.qcloud.com https://*.captcha.gtimg.com".to_owned();
    }
    format!(" {}", origin_of(widget))
}

fn with_csrf(app: &App, reply: Reply) -> Result<Reply, Error> {
    let csrf = CsrfValue::issue(app.keyring(KeyGroup::Visitors)?, app.clock.now());
    // Browsers refuse a `Secure` cookie from a plain HTTP address. Only local development has one (`CLIENT_HOST`).
    let secure = if app.config.answers.is_https() { "; Secure" } else { "" };
    Ok(reply.with_header("set-cookie", &format!("csrf_token={csrf}; Path=/; SameSite=Lax{secure}")))
}

/// Returns a file. A request with another hash comes from a page from before a deploy: it gets the present file, which
/// is not to be cached.
fn asset(rest: &str, request: &Request) -> Result<Reply, Error> {
    let (version, name) = rest.split_once('/').ok_or(Error::NotFound)?;
    let asset = Asset::find(name).ok_or(Error::NotFound)?;
    let cache = if version == *assets::VERSION { "public, max-age=31536000, immutable" } else { "no-store" };
    let reply = compressed(asset.media_type, asset.content, || asset.compressed().to_vec(), request);
    Ok(reply.with_header("cache-control", cache).with_header("vary", "Accept-Encoding"))
}

fn compressed(media_type: &'static str, text: &str, gzip: impl FnOnce() -> Vec<u8>, request: &Request) -> Reply {
    let accepted = request.header("accept-encoding").unwrap_or_default();
    let accepts = accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    });
    if accepts {
        Reply::bytes(media_type, gzip()).with_header("content-encoding", "gzip")
    } else {
        Reply::bytes(media_type, text.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_gets_the_page_and_a_cookie() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/pages.json")).await;
        assert_eq!(reply.status(), 200);
        let cookie = reply.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("csrf_token=") && cookie.ends_with("; Path=/; SameSite=Lax; Secure"), "{cookie}");
        assert_eq!(reply.headers()["cache-control"], "no-store");
        let policy = reply.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        let lambda_http::Body::Binary(html) = reply.body() else { panic!("not bytes") };
        let html = String::from_utf8(html.clone()).unwrap();
        assert!(html.contains("<base href=\"/\">") && !html.contains("<script>") && !html.contains(" onclick"));
    }
}
