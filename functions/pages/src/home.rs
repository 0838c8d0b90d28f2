//! `/`: shows who is signed in, and links to the other pages.

use maud::html;

use crate::layout::{Page, View};

/// Renders the page. With `is_hinted` somebody was signed in here. Only the server's answer then tells which part to
/// show, and until it arrives the page shows nothing that could change a moment later.
pub(crate) fn page(view: &View<'_>, is_hinted: bool) -> Page {
    let body = html! {
        div.card {
            div #waiting hidden[!is_hinted] {
                h1 { (view.t("您好", "Hello")) }
                p #loading .lead role="status" tabindex="-1" { (view.t("正在加载…", "Loading…")) }
                (view.retry("retry"))
            }
            div #signed-out hidden[is_hinted] {
                h1 { (view.t("您好", "Hello")) }
                p.lead { (view.t("用手机号注册，一个账号就够了。", "Sign up with your mobile number. One account is all you need.")) }
                div.choices {
                    a.main href="/login" { (view.t("登录", "Sign in")) }
                    a.plain href="/register" { (view.t("注册新账号", "Create an account")) }
                }
            }
            div #signed-in hidden {
                h1 #welcome {}
                p.lead { (view.t("您已登录。", "You are signed in.")) }
                div.choices {
                    a.main href="/users" { (view.t("个人中心", "Your account")) }
                    button #sign-out .plain type="button" { (view.t("退出登录", "Sign out")) }
                }
            }
            p.status role="status" aria-live="polite" {}
        }
    };
    Page { path: "/", title: view.t("首页", "Home"), script: "home.js", wide: false, has_base: false, body }
}
