//! `/users`: the account page.

use maud::{Markup, html};

use crate::layout::{Field, Kind, Page, View};

pub(crate) fn page(view: &View<'_>) -> Page {
    let title = view.t("个人中心", "Your account");
    let body = html! {
        div.split {
            h1 { (title) }
            button #sign-out .plain type="button" { (view.t("退出登录", "Sign out")) }
        }
        p #account-status .status role="status" {}
        (banners(view))
        section #waiting .card {
            p #loading .lead role="status" tabindex="-1" { (view.t("正在加载…", "Loading…")) }
            (view.retry("retry"))
        }
        div #account hidden {
            section.card aria-labelledby="profile-title" {
                h2 #profile-title { (view.t("资料", "Profile")) }
                (item("nickname-item", view.t("昵称", "Nickname"), &form(view, "nickname-form", &html! {
                    (view.field(&Field { id: "nickname", label: view.t("新昵称", "New nickname"), kind: Kind::Text("nickname", 200), hint: "" }))
                }, view.t("保存", "Save"))))
                (item("username-item", view.t("用户名", "Username"), &form(view, "username-form", &html! {
                    (proof(view, "username-proof"))
                    (view.field(&Field { id: "username", label: view.t("新用户名", "New username"), kind: Kind::NewUsername, hint: view.t("3–30个字符：文字、数字、_ - .", "3 to 30 letters, digits, _ - .") }))
                }, view.t("保存", "Save"))))
            }
            section.card aria-labelledby="security-title" {
                h2 #security-title { (view.t("登录与安全", "Sign-in and security")) }
                (mobile(view))
                (email(view))
                (item("password-item", view.t("密码", "Password"), &form(view, "password-form", &html! {
                    p.lead { (view.t("修改后，其他设备将退出登录。", "Your other devices will be signed out.")) }
                    (proof(view, "password-proof"))
                    (view.field(&Field { id: "new-password", label: view.t("新密码", "New password"), kind: Kind::NewPassword(view.config.passwords.rules.min_characters), hint: "" }))
                }, view.t("修改密码", "Change password"))))
            }
            section.card aria-labelledby="devices-title" {
                h2 #devices-title tabindex="-1" { (view.t("已登录的设备", "Signed-in devices")) }
                ul #devices .rows {}
                (view.retry("devices-retry"))
                button #sign-out-all .plain type="button" { (view.t("退出所有设备", "Sign out everywhere")) }
                p #devices-status .status role="status" tabindex="-1" {}
            }
            section.card aria-labelledby="data-title" {
                h2 #data-title { (view.t("数据与注销", "Your data")) }
                (item("export-item", view.t("导出我的数据", "Export my data"), &form(view, "export-form", &proof(view, "export-proof"), view.t("下载", "Download"))))
                (item("delete-item", view.t("注销账号", "Delete the account"), &deletion(view)))
            }
        }
        (proof_template(view))
    };
    Page { path: "/users", title, script: "account_page.js", wide: true, has_base: false, body }
}

/// Renders the banners above the account. A script shows those that apply, together with the account itself. It fills in
/// the texts that name a time or the number.
fn banners(view: &View<'_>) -> Markup {
    html! {
        // A change of one banner does not make a screen reader repeat the others.
        div #banners role="status" aria-atomic="false" {
            (banner("guessed", "", true, &opens("password", view.t("修改密码", "Change the password"))))
            (banner("recovery", "", true, &html! {
                (opens("password", view.t("修改密码", "Change the password")))
                button #recovery-sign-out-all .plain type="button" { (view.t("退出所有设备", "Sign out everywhere")) }
            }))
            (banner("no-mobile", view.t(
                "您的号码已归新的机主，不再属于这个账号。请绑定您现在的号码。",
                "Your number has gone to its next owner and no longer belongs to this account. Please add the one you have now.",
            ), true, &opens("mobile", view.t("绑定新号码", "Add a number"))))
            (banner("no-way-back", view.t(
                "账号没有密码，也没有邮箱：丢了号码，就丢了账号。请至少设置一项。",
                "The account has neither a password nor an email: without the number it would be lost. Please add one.",
            ), false, &html! {
                (opens("password", view.t("设置密码", "Set a password")))
                (opens("email", view.t("绑定邮箱", "Add an email")))
            }))
            div #number-banner .notice hidden {
                p #number-text tabindex="-1" {}
                div #number-ways .ways {
                    button #number-yes .plain type="button" { (view.t("是，发验证码确认", "Yes, send me a code")) }
                    button #number-no .plain type="button" { (view.t("不是，更换号码", "No, change it")) }
                    button #number-later .plain type="button" { (view.t("以后再说", "Not now")) }
                }
                form #number-form method="post" novalidate hidden aria-labelledby="number-text" {
                    (view.field(&Field { id: "number-code", label: view.t("短信验证码", "Code by SMS"), kind: Kind::Code, hint: view.code_hint() }))
                    (view.submit(view.t("确认号码", "Confirm the number")))
                }
            }
        }
    }
}

fn banner(name: &str, text: &str, is_urgent: bool, ways: &Markup) -> Markup {
    html! {
        div.notice.urgent[is_urgent] id={ (name) "-banner" } hidden {
            p id={ (name) "-text" } tabindex="-1" { (text) }
            div.ways { (ways) }
        }
    }
}

/// Renders a button that opens a row.
fn opens(row: &str, text: &str) -> Markup {
    html! { button.plain type="button" data-opens=(row) { (text) } }
}

fn deletion(view: &View<'_>) -> Markup {
    html! {
        form #delete-form method="post" novalidate aria-labelledby="delete-item-summary" {
            p { (view.t("账号、资料和登录记录将被立即删除，无法恢复；手机号、用户名和邮箱可以重新注册。", "The account, its data and its sessions are deleted at once and cannot be restored. Number, username and email are free again.")) }
            (proof(view, "delete-proof"))
            div.check {
                input #delete-sure type="checkbox" required data-missing="deleteSure" aria-describedby="delete-sure-error";
                div {
                    label for="delete-sure" { (view.t("我确认注销账号", "Yes, delete my account")) }
                    div.foot { p #delete-sure-error .error aria-live="polite" {} }
                }
            }
            (view.submit_danger(view.t("注销账号", "Delete the account")))
        }
    }
}

fn mobile(view: &View<'_>) -> Markup {
    item(
        "mobile-item",
        view.t("手机号码", "Mobile number"),
        &form(
            view,
            "mobile-form",
            &html! {
                (proof(view, "mobile-proof"))
                (view.field(&Field { id: "mobile", label: view.t("新手机号码", "New mobile number"), kind: Kind::Mobile, hint: "" }))
                (view.field(&Field { id: "mobile-code", label: view.t("新号码收到的验证码", "The code sent to the new number"), kind: Kind::Code, hint: view.code_hint() }))
            },
            view.t("更换手机号", "Change number"),
        ),
    )
}

/// Renders the two steps of binding an address. The second step survives a reload until its code has expired.
fn email(view: &View<'_>) -> Markup {
    item(
        "email-item",
        view.t("邮箱", "Email"),
        &html! {
            (form(view, "email-form", &html! {
                (view.field(&Field { id: "email", label: view.t("新邮箱", "New email"), kind: Kind::Email, hint: "" }))
                (proof(view, "email-proof"))
            }, view.t("发送验证邮件", "Send a code by email")))
            form #email-code-form method="post" novalidate hidden aria-labelledby="email-item-summary" {
                p #email-sent-to .notice {}
                (view.field(&Field { id: "email-code", label: view.t("邮件中的验证码", "The code in the email"), kind: Kind::Code, hint: view.code_hint() }))
                div #email-again data-unchecked hidden { (proof(view, "email-again-proof")) }
                (view.submit(view.t("绑定邮箱", "Bind this email")))
                button #email-other .link type="button" { (view.t("换一个邮箱", "Use another address")) }
            }
        },
    )
}

/// Renders a row that opens to a form.
fn item(id: &str, label: &str, form: &Markup) -> Markup {
    html! {
        details id=(id) {
            // The row is closed after saving, so the message stands in its summary. It is read out when the focus
            // returns there.
            summary id={ (id) "-summary" } { span { (label) } span.value id={ (id) "-value" } {} span.badge.good id={ (id) "-saved" } {} }
            (form)
        }
    }
}

fn form(view: &View<'_>, id: &str, fields: &Markup, submit: &str) -> Markup {
    html! { form id=(id) method="post" novalidate aria-labelledby=(format!("{}-item-summary", id.trim_end_matches("-form"))) { (fields) (view.submit(submit)) } }
}

/// Renders the place where a script puts the reauthentication fields.
fn proof(view: &View<'_>, id: &str) -> Markup {
    html! {
        (view.account_name(&format!("{id}-account-name")))
        div id=(id) data-proof {}
    }
}

/// Renders the reauthentication fields: the password, or a code to the account's own number. The script fills in the
/// ids.
fn proof_template(view: &View<'_>) -> Markup {
    html! {
        template #proof {
            div data-by="password" {
                (view.field(&Field { id: "ID-password", label: view.t("当前密码", "Your password"), kind: Kind::CurrentPassword, hint: "" }))
                button.link type="button" data-other="code" { (view.t("改用短信验证码", "Use a code by SMS instead")) }
            }
            div data-by="code" hidden {
                (view.field(&Field { id: "ID-code", label: view.t("当前手机收到的验证码", "The code sent to your present number"), kind: Kind::Code, hint: view.code_hint() }))
                button.link type="button" data-other="password" { (view.t("改用密码", "Use the password instead")) }
            }
        }
    }
}
