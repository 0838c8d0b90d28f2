//! `/login`: signs in by password, or by a code to the mobile number.

use maud::{Markup, html};

use crate::layout::{Field, Kind, Page, View};

/// Renders the page. With `is_by_sms` the second tab is open. `has_reason` reserves the line that explains why the
/// person was led here.
pub(crate) fn page(view: &View<'_>, is_by_sms: bool, has_reason: bool) -> Page {
    let title = view.t("登录", "Sign in");
    let body = html! {
        div.card {
            h1 { (title) }
            p.aside { (view.t("还没有账号？", "No account yet? ")) a href="/register" { (view.t("立即注册", "Create one")) } }
            p #reason .notice role="status" hidden[!has_reason] {}
            div.tabs role="tablist" aria-label=(view.t("登录方式", "Ways to sign in")) {
                button #by-password-tab role="tab" type="button" aria-selected=(!is_by_sms) aria-controls="by-password-panel" tabindex=[is_by_sms.then_some("-1")] { (view.t("密码登录", "Password")) }
                button #by-sms-tab role="tab" type="button" aria-selected=(is_by_sms) aria-controls="by-sms-panel" tabindex=[(!is_by_sms).then_some("-1")] { (view.t("短信登录", "Code by SMS")) }
            }
            div #by-password-panel role="tabpanel" aria-labelledby="by-password-tab" hidden[is_by_sms] { (by_password(view)) }
            div #by-sms-panel role="tabpanel" aria-labelledby="by-sms-tab" hidden[!is_by_sms] { (by_sms(view)) (new_number(view)) }
        }
    };
    Page { path: "/login", title, script: "log_in.js", wide: false, has_base: false, body }
}

fn by_password(view: &View<'_>) -> Markup {
    let name = view.t("手机号 / 邮箱 / 用户名", "Mobile number, email or username");
    html! {
        form #by-password method="post" novalidate aria-labelledby="by-password-tab" {
            (view.field(&Field { id: "username", label: name, kind: Kind::Account, hint: "" }))
            (view.field(&Field { id: "password", label: view.t("密码", "Password"), kind: Kind::CurrentPassword, hint: "" }))
            div.split {
                (remember(view, "remember"))
                a href="/find_password" { (view.t("忘记密码？", "Forgot your password?")) }
            }
            (view.submit(view.t("登录", "Sign in")))
        }
    }
}

fn by_sms(view: &View<'_>) -> Markup {
    html! {
        form #by-sms method="post" novalidate aria-labelledby="by-sms-tab" {
            (view.account_name("account-name"))
            (view.field(&Field { id: "mobile", label: view.t("手机号码", "Mobile number"), kind: Kind::Mobile, hint: view.t("未注册的号码将自动创建账号。", "A new number gets an account.") }))
            (view.consent("consent"))
            (view.field(&Field { id: "code", label: view.t("短信验证码", "Code by SMS"), kind: Kind::Code, hint: view.code_hint() }))
            (view.second_proof())
            (remember(view, "remember-sms"))
            (view.submit(view.t("登录 / 注册", "Sign in or sign up")))
        }
    }
}

/// Renders the way for a person to whom the number is new. It is apart from the form: pressed by the owner of the old
/// account, it would take the number away from that account.
fn new_number(view: &View<'_>) -> Markup {
    html! {
        div #new-number .apart data-second-proof hidden {
            p { (view.t(
                "号码是您新办的，原来的账号不是您的？可以注册新账号。如果账号是您的，请不要点：它会失去这个号码。",
                "Is the number new to you, and the account not yours? Then make a new one. If it is yours, do not: it would lose the number.",
            )) }
            button #new-number-sign-up .plain type="button" { (view.t("号码是我新办的，注册新账号", "It is new to me: make a new account")) }
            p.status role="status" {}
        }
    }
}

fn remember(view: &View<'_>, id: &str) -> Markup {
    html! {
        div.check {
            input id=(id) type="checkbox" checked;
            label for=(id) { (view.t("在此设备上保持登录", "Keep me signed in on this device")) }
        }
    }
}
