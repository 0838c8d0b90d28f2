//! `/login`: by password, or by a code to the number.

use maud::html;

use crate::layout::{Field, Kind, Page, View};

/// With `by_sms` the second tab is the open one. `has_reason` keeps the place of the line that says why somebody is here.
pub(crate) fn page(view: &View<'_>, by_sms: bool, has_reason: bool) -> Page {
    let name = view.t("手机号 / 邮箱 / 用户名", "Mobile number, email or username");
    let body = html! {
        div.card {
            h1 { (view.t("登录", "Sign in")) }
            p.aside { (view.t("还没有账号？", "No account yet? ")) a href="/register" { (view.t("立即注册", "Create one")) } }
            p #reason .notice role="status" hidden[!has_reason] {}
            div.tabs role="tablist" aria-label=(view.t("登录方式", "Ways to sign in")) {
                button #by-password-tab role="tab" type="button" aria-selected=(!by_sms) aria-controls="by-password" tabindex=[by_sms.then_some("-1")] { (view.t("密码登录", "Password")) }
                button #by-sms-tab role="tab" type="button" aria-selected=(by_sms) aria-controls="by-sms" tabindex=[(!by_sms).then_some("-1")] { (view.t("短信登录", "Code by SMS")) }
            }
            form #by-password role="tabpanel" aria-labelledby="by-password-tab" method="post" novalidate hidden[by_sms] {
                (view.field(&Field { id: "username", label: name, kind: Kind::Account, hint: "" }))
                (view.field(&Field { id: "password", label: view.t("密码", "Password"), kind: Kind::CurrentPassword, hint: "" }))
                div.split {
                    (remember(view, "remember"))
                    a href="/find_password" { (view.t("忘记密码？", "Forgot your password?")) }
                }
                (view.submit(view.t("登录", "Sign in")))
            }
            form #by-sms role="tabpanel" aria-labelledby="by-sms-tab" method="post" novalidate hidden[!by_sms] {
                (view.account_name("account-name"))
                (view.field(&Field { id: "mobile", label: view.t("手机号码", "Mobile number"), kind: Kind::Mobile, hint: view.t("未注册的号码将自动创建账号。", "A new number gets an account in the same step.") }))
                (view.consent("consent"))
                (view.field(&Field { id: "code", label: view.t("短信验证码", "Code by SMS"), kind: Kind::Code, hint: view.code_hint() }))
                (view.second_proof())
                (remember(view, "remember-sms"))
                (view.submit(view.t("登录 / 注册", "Sign in or sign up")))
            }
        }
    };
    Page { path: "/login", title: view.t("登录", "Sign in"), script: "log_in.js", wide: false, has_base: false, body }
}

fn remember(view: &View<'_>, id: &str) -> maud::Markup {
    html! {
        div.check {
            input id=(id) type="checkbox" checked;
            label for=(id) { (view.t("在此设备上保持登录", "Keep me signed in on this device")) }
        }
    }
}
