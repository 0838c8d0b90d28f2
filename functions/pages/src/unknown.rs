//! The page for unknown addresses.

use maud::html;

use crate::layout::{Page, View};

pub(crate) fn page(view: &View<'_>) -> Page {
    let title = view.t("找不到页面", "Page not found");
    let body = html! {
        div.card {
            h1 { (title) }
            p.lead { (view.t("这个网址没有页面，可能输入有误，或者页面已经移走。", "There is no page at this address. It may be misspelt, or the page has moved.")) }
            div.choices {
                a.main href="/" { (view.t("回到首页", "Go to the home page")) }
            }
        }
    };
    Page { path: "/", title, script: "", wide: false, has_base: false, body }
}
