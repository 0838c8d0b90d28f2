//! The pages of a forgotten password: `/find_password` by mail, `/forget_pwd/` by SMS, `/reset_password` for the mailed
//! link, and `/secure` for the "this wasn't me" link of a security notification.

use maud::{Markup, html};

use crate::layout::{Field, Kind, Page, View};

pub(crate) fn find_password(view: &View<'_>) -> Page {
    let body = html! {
        div.card {
            h1 #page-title { (title(view)) }
            (back(view))
            (tabs(view, true))
            form #find method="post" novalidate aria-labelledby="page-title" {
                (view.field(&Field { id: "email", label: view.t("邮箱", "Email"), kind: Kind::Email, hint: view.t("账号绑定的邮箱。", "The one bound to your account.") }))
                (view.submit(view.t("发送重置邮件", "Send the email")))
            }
            div #sent hidden {
                p #sent-to .notice role="status" tabindex="-1" {}
                button #again .plain type="button" {}
                p.status role="status" {}
            }
        }
    };
    Page { path: "/find_password", title: title(view), script: "find_password.js", wide: false, has_base: false, body }
}

pub(crate) fn forget_pwd(view: &View<'_>) -> Page {
    let least = view.config.passwords.rules.min_characters;
    let body = html! {
        div.card {
            h1 #page-title { (title(view)) }
            (back(view))
            (tabs(view, false))
            form #forgotten method="post" novalidate aria-labelledby="page-title" {
                (view.field(&Field { id: "mobile", label: view.t("手机号码", "Mobile number"), kind: Kind::MobileAsName, hint: "" }))
                (view.field(&Field { id: "code", label: view.t("短信验证码", "Code by SMS"), kind: Kind::Code, hint: view.code_hint() }))
                (view.second_proof())
                (view.field(&Field { id: "password", label: view.t("新密码", "New password"), kind: Kind::NewPassword(least), hint: "" }))
                (view.submit(view.t("修改密码", "Change password")))
            }
            p #new-number .apart data-second-proof hidden {
                (view.t("号码是您新办的，原来的账号不是您的？", "Is the number new to you, and the account not yours? "))
                a #to-sms-log-in href="/login?by=sms" { (view.t("用短信注册新账号", "Make a new account by SMS")) }
            }
            (done(view))
        }
    };
    Page { path: "/forget_pwd/", title: title(view), script: "forget_pwd.js", wide: false, has_base: true, body }
}

pub(crate) fn reset_password(view: &View<'_>) -> Page {
    let least = view.config.passwords.rules.min_characters;
    let title = view.t("设置新密码", "Set a new password");
    let body = html! {
        div.card {
            h1 #page-title { (title) }
            p #checking .lead role="status" tabindex="-1" { (view.t("正在检查链接…", "Checking the link…")) }
            (view.retry("retry"))
            form #reset method="post" novalidate aria-labelledby="page-title" hidden {
                p #whose .notice {}
                (view.account_name("account-name"))
                (view.field(&Field { id: "password", label: view.t("新密码", "New password"), kind: Kind::NewPassword(least), hint: "" }))
                (view.field(&Field { id: "password2", label: view.t("再输入一次", "Once more"), kind: Kind::Repeat("password"), hint: view.t("与上面相同。", "The same as above.") }))
                (view.submit(view.t("保存新密码", "Save")))
            }
            div #expired hidden {
                p #expired-text .notice role="status" tabindex="-1" {}
                p { (view.t("链接只在10分钟内有效，只能使用一次；修改过密码、手机号或邮箱后也会失效。", "A link works once, within ten minutes, and not after a change of password, number or email.")) }
                a.main href="/find_password" { (view.t("重新发送邮件", "Ask for a new one")) }
            }
            (done(view))
        }
    };
    Page { path: "/reset_password", title, script: "reset_password.js", wide: false, has_base: false, body }
}

/// Renders `/secure`. Opening the page changes nothing; only pressing the button does.
pub(crate) fn secure(view: &View<'_>) -> Page {
    let title = view.t("保护我的账号", "Secure my account");
    let body = html! {
        div.card {
            h1 #page-title { (title) }
            form #secure method="post" novalidate aria-labelledby="page-title" {
                p { (view.t("如果账号的变动不是您本人操作，请立即点击下面的按钮：所有设备将退出登录，原密码停用，然后由您设置新密码。", "If it was not you who changed the account, press the button: every device is signed out, the password ends, and you set a new one.")) }
                (view.submit(view.t("退出所有设备并停用密码", "Sign out everywhere and end the password")))
            }
            div #secured hidden {
                p #secured-text .notice role="status" tabindex="-1" {}
                p { (view.t("绑定了邮箱的账号，重置链接已发送到邮箱。", "If the account has an email, a link to set a password was mailed to it.")) }
                a.main href="/forget_pwd/" { (view.t("用短信设置新密码", "Set a new password by SMS")) }
            }
        }
    };
    Page { path: "/secure", title, script: "secure.js", wide: false, has_base: false, body }
}

fn title(view: &View<'_>) -> &'static str {
    view.t("找回密码", "Recover your password")
}

/// Renders the tabs that make two pages look like one.
fn tabs(view: &View<'_>, by_mail: bool) -> Markup {
    html! {
        nav.tabs aria-label=(view.t("找回方式", "Ways to recover")) {
            a href="/forget_pwd/" aria-current=[(!by_mail).then_some("page")] { (view.t("短信找回", "By SMS")) }
            a href="/find_password" aria-current=[by_mail.then_some("page")] { (view.t("邮箱找回", "By email")) }
        }
    }
}

fn done(view: &View<'_>) -> Markup {
    html! {
        div #done hidden {
            p #done-text .notice role="status" tabindex="-1" {}
            a.main href="/login" { (view.t("去登录", "Sign in")) }
        }
    }
}

fn back(view: &View<'_>) -> Markup {
    html! { p.aside { (view.t("想起来了？", "Remembered it? ")) a href="/login" { (view.t("返回登录", "Sign in")) } } }
}
