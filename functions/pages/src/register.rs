//! `/register`: makes an account with a mobile number.

use maud::html;

use crate::layout::{Field, Kind, Page, View};

pub(crate) fn page(view: &View<'_>) -> Page {
    let least = view.config.passwords.rules.min_characters;
    let title = view.t("注册", "Create an account");
    let body = html! {
        div.card {
            h1 #page-title { (title) }
            p.aside { (view.t("已有账号？", "Have an account? ")) a #to-login href="/login" { (view.t("直接登录", "Sign in")) } }
            form #register method="post" novalidate aria-labelledby="page-title" {
                (view.field(&Field { id: "mobile", label: view.t("手机号码", "Mobile number"), kind: Kind::MobileAsName, hint: view.t("用来登录的号码。", "You sign in with it.") }))
                (view.consent("consent"))
                (view.field(&Field { id: "code", label: view.t("短信验证码", "Code by SMS"), kind: Kind::Code, hint: view.code_hint() }))
                (view.field(&Field { id: "nickname", label: view.t("昵称", "Nickname"), kind: Kind::Text("nickname", 200), hint: view.t("1–20个字符。", "1 to 20 characters.") }))
                (view.field(&Field { id: "password", label: view.t("密码", "Password"), kind: Kind::NewPassword(least), hint: "" }))
                (view.submit(view.t("注册", "Create account")))
            }
        }
    };
    Page { path: "/register", title, script: "register.js", wide: false, has_base: false, body }
}
