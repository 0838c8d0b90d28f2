//! `GET /forget_pwd/` (A1): the page of a forgotten password, and the CSRF cookie that A4 asks back.

use shared::config::Need;
use shared::domain::{CsrfValue, random_hex};
use shared::http::{Dialect, Endpoint, Reply, Request};
use shared::{App, Error};

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "pages",
    dialect: Dialect::Detail,
    needs: &[Need::CodeSecret],
    handle: |app, request| Box::pin(pages(app, request)),
};

/// The page. `{nonce}` and `{brand}` are filled in.
const FORGET_PWD: &str = include_str!("forget_pwd.html");

async fn pages(app: &App, _: &Request) -> Result<Reply, Error> {
    let csrf = CsrfValue::issue(app.keyring()?, app.clock.now());
    // A browser keeps no `Secure` cookie of a plain-HTTP address; only this machine has one (`CLIENT_HOST`).
    let secure = if app.config.answers.client_host.starts_with("http://") { "" } else { "; Secure" };
    let nonce = random_hex::<16>();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    );
    let brand = escape(&app.config.messages.brand);
    Ok(Reply::page(&FORGET_PWD.replace("{nonce}", &nonce).replace("{brand}", &brand))
        .with_header("set-cookie", &format!("csrf_token={csrf}; Path=/; SameSite=Lax{secure}"))
        .with_header("content-security-policy", &policy)
        .with_header("referrer-policy", "no-referrer"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_gets_the_page_and_a_cookie() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/pages.json")).await;
        assert_eq!(reply.status(), 200);
        let cookie = reply.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("csrf_token=") && cookie.ends_with("; Path=/; SameSite=Lax; Secure"), "{cookie}");
        let lambda_http::Body::Text(page) = reply.body() else { panic!("the page is no text") };
        assert!(page.contains(r#"<base href="/">"#) && !page.contains("{nonce}") && !page.contains("{brand}"));
    }

    #[test]
    fn a_brand_is_text_and_not_markup() {
        assert_eq!(super::escape("<b>&\"</b>"), "&lt;b&gt;&amp;&quot;&lt;/b&gt;");
    }
}
