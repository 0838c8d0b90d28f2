//! The frame of every page, and the elements that pages share.

use maud::{DOCTYPE, Markup, html};
use shared::config::Config;
use shared::domain::Language;

use crate::assets::address;

/// The settings and the language that a page is rendered with.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub config: &'a Config,
    pub language: Language,
}

/// A page: its title, its script and its content.
pub(crate) struct Page {
    pub path: &'static str,
    pub title: &'static str,
    /// The script of the page. Empty for a page that is only read.
    pub script: &'static str,
    /// Gives the page more width, for several forms.
    pub wide: bool,
    /// Whether relative addresses start at the root, as the old script of the `/forget_pwd/` page expects.
    pub has_base: bool,
    pub body: Markup,
}

impl Page {
    /// Returns whether the page is useless without scripts.
    const fn needs_scripts(&self) -> bool {
        !self.script.is_empty()
    }
}

impl View<'_> {
    /// Returns the text in the page's language.
    pub(crate) fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        self.language.pick(zh, en)
    }

    pub(crate) fn document(&self, page: &Page) -> Markup {
        let brand = &self.config.messages.brand;
        html! {
            (DOCTYPE)
            html lang=(self.t("zh-CN", "en")) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    @if page.has_base { base href="/"; }
                    title { (page.title) " · " (brand) }
                    meta name="theme-color" content="#0b6e6e";
                    (self.captcha())
                    link rel="icon" href=(address("icon.svg")) type="image/svg+xml";
                    link rel="stylesheet" href=(address("style.css"));
                    // Loaded before all others, and a classic script for browsers without modules, because it reports
                    // that the others failed.
                    @if page.needs_scripts() { script src=(address("guard.js")) {} }
                    script type="module" src=(address("site.js")) {}
                    @if page.needs_scripts() { script type="module" src=(address(page.script)) {} }
                }
                body {
                    // Without a path the link stays in this document, whatever its query. A base would make it point to
                    // another one.
                    a.skip href={ @if page.has_base { (page.path) } "#main" } { (self.t("跳到正文", "Skip to content")) }
                    // Visible without the style sheet too. The style sheet hides it while scripts are still expected,
                    // and once they run.
                    @if page.needs_scripts() {
                        p .banner.trouble role="alert" { (self.t(
                            "页面没有完整加载或出了错，现在无法正常使用。请刷新页面；如果仍然这样，请更新浏览器或换一个浏览器。",
                            "The page did not load as a whole, or something in it failed, so it does not work now. Please reload it. If that does not help, update your browser or use another.",
                        )) }
                    }
                    p #cookies .banner role="status" hidden { (self.t(
                        "此浏览器没有开启 Cookie：登录和找回密码需要它。请在浏览器设置中允许本站使用 Cookie。",
                        "This browser refuses cookies. Signing in and recovering a password need them: please allow them for this site in its settings.",
                    )) }
                    p #offline .banner role="status" hidden { (self.t("网络已断开，恢复后可继续操作。", "You are offline. Go on once the network is back.")) }
                    header.site {
                        a.brand href="/" { (mark()) (brand) }
                        button #language .link type="button" lang=(self.t("en", "zh-CN")) { (self.t("English", "中文")) }
                    }
                    main #main tabindex="-1" .wide[page.wide] {
                        @if !page.script.is_empty() { noscript { p.notice { (self.t("此页面需要启用 JavaScript。请在浏览器设置中开启后刷新。", "This page needs JavaScript. Please allow it in your browser's settings and reload.")) } } }
                        (page.body)
                    }
                    footer.site {
                        @if let Some(url) = &self.config.pages.terms_url { a href=(url) { (self.t("用户协议", "Terms")) } }
                        @if let Some(url) = &self.config.pages.privacy_url { a href=(url) { (self.t("隐私政策", "Privacy policy")) } }
                    }
                }
            }
        }
    }

    fn captcha(&self) -> Markup {
        let pages = &self.config.pages;
        html! {
            @if let Some(app_id) = &pages.captcha_app_id {
                meta name="captcha" content=(app_id) data-widget=(pages.captcha_widget_url) data-enforced=(self.config.captcha.enforce);
            }
        }
    }
}

/// Renders the site's mark, a latch shaped as the bow of a key, until a brand has its own.
fn mark() -> Markup {
    html! {
        svg viewBox="0 0 32 32" aria-hidden="true" {
            rect width="32" height="32" rx="9" fill="#0b6e6e" {}
            circle cx="12.5" cy="16" r="5" fill="none" stroke="#fff" stroke-width="2.6" {}
            path d="M17.5 16H26m-3.4 0v4" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" {}
        }
    }
}

/// A form field with its label, hint and error line.
pub(crate) struct Field<'a> {
    pub id: &'a str,
    pub label: &'a str,
    pub kind: Kind<'a>,
    pub hint: &'a str,
}

/// The input that a field takes.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    Mobile,
    /// A mobile number under which a password manager is to keep the password.
    MobileAsName,
    Email,
    /// Six digits, with the button that sends the code.
    Code,
    /// A mobile number, an email or a username.
    Account,
    NewUsername,
    /// The present password.
    CurrentPassword,
    /// A new password, with its least length in characters.
    NewPassword(usize),
    Repeat(&'a str),
    /// Any other text, with its `autocomplete` and greatest length.
    Text(&'a str, usize),
}

impl View<'_> {
    /// Renders a field. Numbers can be longer than eleven characters: people paste `+86` and spaces, and the script
    /// removes them.
    pub(crate) fn field(&self, field: &Field<'_>) -> Markup {
        let Field { id, label, kind, hint } = *field;
        let described = if hint.is_empty() { format!("{id}-error") } else { format!("{id}-error {id}-hint") };
        let text = |name: &str, autocomplete: &str, length: usize, read_as: Option<&str>| {
            html! {
                input id=(id) name=(name) type="text" autocomplete=(autocomplete) maxlength=(length) required data-kind=[read_as] aria-describedby=(described) autocapitalize="none" spellcheck="false";
            }
        };
        let number = |autocomplete: &str| {
            html! {
                input id=(id) name=(autocomplete) type="tel" inputmode="tel" autocomplete=(autocomplete) maxlength="48" required data-kind="mobile" aria-describedby=(described);
            }
        };
        let is_code = matches!(kind, Kind::Code);
        // The messages of these fields are longer.
        let is_roomy = is_code || matches!(kind, Kind::NewUsername);
        html! {
            div.field id={ (id) "-field" } {
                label id={ (id) "-label" } for=(id) { (label) }
                @match kind {
                    Kind::Mobile => (number("tel-national")),
                    Kind::MobileAsName => (number("username")),
                    Kind::Email => input id=(id) name="email" type="email" inputmode="email" autocomplete="email" maxlength="254" required data-kind="name" aria-describedby=(described) autocapitalize="none" spellcheck="false";,
                    Kind::Code => div.with-button {
                        input id=(id) name="one-time-code" type="text" inputmode="numeric" autocomplete="one-time-code" maxlength="24" required data-kind="code" aria-describedby=(described);
                        button.plain id={ (id) "-send" } type="button" aria-labelledby={ (id) "-send " (id) "-label" } { (self.t("发送验证码", "Send code")) }
                    },
                    Kind::Account => (text("username", "username", 254, Some("account"))),
                    // A password manager must not keep the present password under a name that may be refused.
                    Kind::NewUsername => (text("new-username", "off", 150, Some("name"))),
                    Kind::CurrentPassword => (self.password(id, "current-password", &described, None, None)),
                    Kind::NewPassword(least) => {
                        (self.password(id, "new-password", &described, Some(least), None))
                        div.meter id={ (id) "-meter" } aria-hidden="true" { i {} }
                    },
                    Kind::Repeat(other) => (self.password(id, "new-password", &described, None, Some(other))),
                    Kind::Text(autocomplete, length) => (text(autocomplete, autocomplete, length, None)),
                }
                // One line is always reserved for the message, so that it does not move a button that somebody is about
                // to press.
                div.foot.roomy[is_roomy] {
                    p.error id={ (id) "-error" } aria-live="polite" {}
                    @if is_code { p.hint id={ (id) "-send-live" } role="status" {} }
                    @if matches!(kind, Kind::NewPassword(_)) { p.hint id={ (id) "-strength" } aria-live="polite" {} }
                    @if !hint.is_empty() { p.hint id={ (id) "-hint" } { (hint) } }
                }
            }
        }
    }

    fn password(
        &self,
        id: &str,
        autocomplete: &str,
        described: &str,
        least: Option<usize>,
        repeats: Option<&str>,
    ) -> Markup {
        html! {
            div.with-button {
                input id=(id) name=(autocomplete) type="password" autocomplete=(autocomplete) maxlength="256" required data-least=[least] data-repeats=[repeats] aria-describedby=(described);
                (self.shows(id))
            }
        }
    }

    pub(crate) fn code_hint(&self) -> &'static str {
        self.t("6位数字，10分钟内有效。", "Six digits, good for ten minutes.")
    }

    /// Renders the button that shows a password. Its accessible name says which one.
    fn shows(&self, id: &str) -> Markup {
        html! {
            button.plain id={ (id) "-shows" } type="button" data-shows=(id) aria-controls=(id) aria-labelledby={ (id) "-shows " (id) "-label" } { (self.t("显示", "Show")) }
        }
    }

    /// Renders the hidden field that tells a password manager the account name, in a form that does not show one. A
    /// script fills it in.
    pub(crate) fn account_name(&self, id: &str) -> Markup {
        html! { input id=(id) name="username" type="text" autocomplete="username" data-account-name aria-label=(self.t("账号", "Account")) hidden; }
    }

    /// Renders the consent box. It must be ticked before anything about a person is sent.
    pub(crate) fn consent(&self, id: &str) -> Markup {
        let (pages, consent) = (&self.config.pages, &self.config.consent);
        let link = |url: &Option<String>, text: &'static str| {
            html! { @if let Some(url) = url { a href=(url) target="_blank" rel="noopener" { (text) } } @else { (text) } }
        };
        html! {
            div.check {
                input id=(id) type="checkbox" required data-missing="consent" data-terms=(consent.shown_terms()) data-privacy=(consent.shown_privacy()) aria-labelledby={ (id) "-text" } aria-describedby={ (id) "-error" };
                div {
                    span id={ (id) "-text" } {
                        label for=(id) { (self.t("我已阅读并同意", "I have read and agree to the ")) }
                        (link(&pages.terms_url, self.t("《用户协议》", "terms")))
                        (self.t("和", " and the "))
                        (link(&pages.privacy_url, self.t("《隐私政策》", "privacy policy")))
                    }
                    div.foot { p.error id={ (id) "-error" } aria-live="polite" {} }
                }
            }
        }
    }

    /// Renders the fields of the second proof, which the account of a number that was not confirmed for long requires
    /// beside a code by SMS. A script shows them on demand.
    pub(crate) fn second_proof(&self) -> Markup {
        html! {
            div #second-proof data-second-proof hidden {
                div.notice {
                    p #second-proof-text tabindex="-1" { (self.t("这个号码很久没有确认过了，只凭短信验证码还不够。请再提供其中一项：", "This number has not been confirmed for a long time, so a code by SMS is not enough. Please give one of these too:")) }
                    p.hint { (self.t("账号没有密码，也没有收到邮件？请联系本站的运营方。", "No password, and no mail came? Please contact the operators of this site.")) }
                }
                div.field {
                    label #second-password-label for="second-password" { (self.t("账号的密码", "The account's password")) }
                    div.with-button {
                        input #second-password name="current-password" type="password" autocomplete="current-password" maxlength="256" aria-describedby="second-password-error";
                        (self.shows("second-password"))
                    }
                    div.foot { p #second-password-error .error aria-live="polite" {} }
                }
                div.field {
                    label for="second-code" { (self.t("或：绑定邮箱收到的验证码", "Or: the code that was mailed to its address")) }
                    input #second-code name="one-time-code" type="text" inputmode="numeric" autocomplete="one-time-code" maxlength="24" data-kind="code" aria-describedby="second-code-error";
                    div.foot.roomy { p #second-code-error .error aria-live="polite" {} }
                }
            }
        }
    }

    /// Renders the button that repeats a failed loading.
    pub(crate) fn retry(&self, id: &str) -> Markup {
        html! { button.plain id=(id) type="button" hidden { (self.t("重试", "Try again")) } }
    }

    /// Renders the button that sends a form, and the line for its result.
    pub(crate) fn submit(&self, text: &str) -> Markup {
        self.submit_as("main", text)
    }

    /// Renders the same for an action that cannot be undone.
    pub(crate) fn submit_danger(&self, text: &str) -> Markup {
        self.submit_as("main danger", text)
    }

    fn submit_as(&self, class: &str, text: &str) -> Markup {
        html! {
            button class=(class) type="submit" disabled { (text) }
            p.status role="status" aria-live="polite" {}
        }
    }
}
