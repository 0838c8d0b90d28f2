//! The texts of messages, in both languages. Each text of a code names its action and warns not to pass the code on.

use maud::{DOCTYPE, Markup, html};
use shared::domain::{CodePurpose, Language};
use shared::dynamodb::items::SecurityEvent;

use crate::issue::Payload;

/// The text of a message. An SMS has only `text`.
pub(crate) struct MessageText {
    pub sender: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Writes the text of a message. The SMS of a code is at most 70 characters long, because one SMS holds no more in
/// Chinese and longer ones cost double.
pub(crate) fn compose(brand: &str, language: Language, payload: &Payload) -> MessageText {
    match payload {
        Payload::Code { purpose, code, minutes } => compose_code(brand, language, *purpose, code.expose(), *minutes),
        Payload::ResetLink { url, minutes } => compose_link(brand, language, url, *minutes),
        Payload::SecurityNotification { event, url } => compose_notification(brand, language, *event, url.as_deref()),
    }
}

fn action(purpose: CodePurpose, language: Language) -> &'static str {
    match purpose {
        CodePurpose::Register => language.pick("注册", "sign up"),
        CodePurpose::LogIn => language.pick("登录", "sign in"),
        CodePurpose::ChangeMobile => language.pick("更换绑定手机号", "change your mobile number"),
        CodePurpose::ResetPassword => language.pick("重置密码", "reset your password"),
        CodePurpose::Reauthentication => language.pick("验证身份以修改账号信息", "confirm a change to your account"),
        CodePurpose::SecondProof => language.pick("验证身份以使用账号", "confirm that this account is yours"),
        CodePurpose::BindEmail => language.pick("绑定邮箱", "bind this email"),
    }
}

fn compose_code(brand: &str, language: Language, purpose: CodePurpose, code: &str, minutes: u64) -> MessageText {
    let action = action(purpose, language);
    let (subject, text) = match language {
        Language::Zh => (
            format!("{brand} 验证码"),
            format!("【{brand}】您正在{action}，验证码{code}，{minutes}分钟内有效，切勿告知他人。"),
        ),
        Language::En => (
            format!("{brand} code"),
            format!("[{brand}] {code} is your code to {action}. Valid {minutes} minutes. Never share it."),
        ),
    };
    let html = page(language, &html! { p { (text) } });
    MessageText { sender: brand.to_owned(), subject, text, html }
}

fn compose_link(brand: &str, language: Language, url: &str, minutes: u64) -> MessageText {
    let (subject, lead, button, tail) = match language {
        Language::Zh => (
            format!("{brand} 重置密码"),
            format!("您正在重置 {brand} 的登录密码。请在{minutes}分钟内打开下面的链接："),
            "重置密码",
            "链接只能使用一次，切勿转发给他人。如果不是您本人操作，请忽略此邮件，密码不会改变。",
        ),
        Language::En => (
            format!("Reset your {brand} password"),
            format!("You asked to reset your {brand} password. Open this link within {minutes} minutes:"),
            "Reset password",
            "The link works once. Do not forward it. If you did not ask for it, ignore this mail: nothing changes.",
        ),
    };
    let text = format!("{lead}\n\n{url}\n\n{tail}\n");
    let html = page(
        language,
        &html! {
            p { (lead) }
            p { a href=(url) { (button) } }
            p { (url) }
            p { (tail) }
        },
    );
    MessageText { sender: brand.to_owned(), subject, text, html }
}

fn compose_notification(brand: &str, language: Language, event: SecurityEvent, url: Option<&str>) -> MessageText {
    let (zh, en) = match event {
        SecurityEvent::Password => ("登录密码已修改", "The password of your account was changed"),
        SecurityEvent::FirstPassword => ("账号已设置登录密码", "A password was set for your account"),
        SecurityEvent::Mobile => ("账号已更换绑定手机号", "The mobile number of your account was changed"),
        SecurityEvent::FirstMobile => ("账号已绑定手机号", "A mobile number was bound to your account"),
        SecurityEvent::Email => ("账号绑定的邮箱已更换", "The email of your account was changed"),
        SecurityEvent::FirstEmail => ("账号已绑定邮箱", "An email was bound to your account"),
        SecurityEvent::Username => ("账号已更改用户名", "The username of your account was changed"),
        SecurityEvent::FirstUsername => ("账号已设置用户名", "A username was set for your account"),
        SecurityEvent::Device => (
            "账号有一处登录已改由另一设备或浏览器使用",
            "A sign-in to your account is now used by another device or browser",
        ),
        SecurityEvent::Reissued => (
            "账号久未使用，其手机号已由新机主注册并解绑，请登录后绑定新手机号",
            "The number of your long unused account was signed up by its new owner. Sign in and bind a new number",
        ),
        SecurityEvent::Secured => {
            ("账号已在所有设备退出，原密码已停用", "Your account was signed out everywhere and its password ended")
        }
        SecurityEvent::Guessed => (
            "账号被人连续输错密码多次，陌生设备暂不能用密码登录，修改密码后恢复",
            "Many wrong passwords were tried at your account. Until you change the password, unknown devices cannot sign \
             in with it",
        ),
        SecurityEvent::Recovery => (
            "账号正在人工找回，稍后凭手机验证码可登录",
            "Your account is being recovered by our staff, and later a code to its number alone will open it",
        ),
        SecurityEvent::Deleted => ("账号已注销，数据已删除", "Your account was deleted with all its data"),
    };
    let (subject, lead, advice) = match language {
        Language::Zh => (format!("{brand} 安全提醒"), format!("【{brand}】您的{zh}。"), advice_zh(url.is_some())),
        Language::En => (format!("{brand} security notice"), format!("[{brand}] {en}. "), advice_en(url.is_some())),
    };
    let text = format!("{lead}{advice}{}", url.unwrap_or_default());
    let html = page(language, &html! { p { (lead) (advice) @if let Some(url) = url { a href=(url) { (url) } } } });
    MessageText { sender: brand.to_owned(), subject, text, html }
}

const fn advice_zh(has_link: bool) -> &'static str {
    if has_link {
        "如非本人操作，请打开 "
    } else {
        "如非本人操作，请立即找回密码或联系我们。"
    }
}

const fn advice_en(has_link: bool) -> &'static str {
    if has_link { "If this was not you, open " } else { "If this was not you, reset your password or contact us now." }
}

/// Returns the HTML document of a mail. `maud` escapes all text in it.
fn page(language: Language, body: &Markup) -> String {
    let document = html! {
        (DOCTYPE)
        html lang=(language.pick("zh-CN", "en")) {
            head { meta charset="utf-8"; }
            body { (body) }
        }
    };
    document.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::Code;

    const PURPOSES: [CodePurpose; 7] = [
        CodePurpose::Register,
        CodePurpose::LogIn,
        CodePurpose::ChangeMobile,
        CodePurpose::ResetPassword,
        CodePurpose::Reauthentication,
        CodePurpose::BindEmail,
        CodePurpose::SecondProof,
    ];

    const STOPPABLE: [SecurityEvent; 10] = [
        SecurityEvent::Password,
        SecurityEvent::FirstPassword,
        SecurityEvent::Mobile,
        SecurityEvent::FirstMobile,
        SecurityEvent::Email,
        SecurityEvent::FirstEmail,
        SecurityEvent::Username,
        SecurityEvent::FirstUsername,
        SecurityEvent::Device,
        SecurityEvent::Recovery,
    ];

    #[test]
    fn every_code_message_names_its_action_warns_and_fits_one_sms() {
        for purpose in PURPOSES {
            let payload = Payload::Code { purpose, code: Code::parse("012345").unwrap(), minutes: 10 };
            let zh = compose("Latchkey", Language::Zh, &payload).text;
            assert!(zh.contains(&format!("您正在{}", action(purpose, Language::Zh))), "{zh}");
            assert!(zh.contains("012345") && zh.contains("切勿告知他人") && zh.chars().count() <= 70, "{zh}");
            let en = compose("Latchkey", Language::En, &payload).text;
            assert!(en.contains("012345") && en.contains("Never share it") && en.len() <= 140, "{en}");
        }
    }

    #[test]
    fn every_notice_says_what_to_do_and_fits_two_sms() {
        let url = format!("https://accounts.example.com/secure#{}", "x".repeat(54));
        let linked = STOPPABLE.map(|event| (event, Some(url.clone())));
        let plain = [SecurityEvent::Reissued, SecurityEvent::Secured, SecurityEvent::Guessed, SecurityEvent::Deleted]
            .map(|event| (event, None));
        for (event, url) in linked.into_iter().chain(plain) {
            assert_eq!(event.can_be_stopped(), url.is_some(), "{event:?}");
            // One SMS holds 70 characters in Chinese and 160 in ASCII. In a text of several, each holds 67 and 153.
            let (most_zh, most_en) = if url.is_some() { (134, 306) } else { (70, 306) };
            let payload = Payload::SecurityNotification { event, url: url.clone() };
            let zh = compose("Latchkey", Language::Zh, &payload);
            assert!(zh.text.contains("如非本人操作") && zh.text.chars().count() <= most_zh, "{}", zh.text);
            let en = compose("Latchkey", Language::En, &payload).text;
            assert!(en.contains("If this was not you") && en.len() <= most_en, "{en}");
            if let Some(url) = url {
                assert!(zh.text.ends_with(&url) && zh.html.contains(&format!("href=\"{url}\"")), "{}", zh.html);
            }
        }
    }

    #[test]
    fn a_brand_is_text_in_html_too() {
        let payload = Payload::ResetLink { url: "https://a.example/?x=1&y=2".into(), minutes: 10 };
        let composed = compose("<i>&", Language::En, &payload);
        assert!(composed.html.contains("&lt;i&gt;&amp;") && !composed.html.contains("<i>"), "{}", composed.html);
        assert!(composed.html.contains("x=1&amp;y=2") && composed.text.contains("x=1&y=2"));
    }

    /// Compares every whole message in both languages: `snapshots/` shows them.
    #[test]
    fn messages_are_as_they_were() {
        let code = |purpose| Payload::Code { purpose, code: Code::parse("012345").unwrap(), minutes: 10 };
        let url = "https://accounts.example.com/secure#TOKEN";
        let event = |event, url: Option<&str>| Payload::SecurityNotification { event, url: url.map(str::to_owned) };
        let reset_link = Payload::ResetLink {
            url: "https://accounts.example.com/reset_password?access_token=T&x=1".into(),
            minutes: 10,
        };
        let stoppable = STOPPABLE.into_iter().map(|one| event(one, Some(url)));
        let all = PURPOSES.into_iter().map(code).chain([reset_link]).chain(stoppable).chain([
            event(SecurityEvent::Password, None),
            event(SecurityEvent::Reissued, None),
            event(SecurityEvent::Secured, None),
            event(SecurityEvent::Deleted, None),
        ]);
        let mut told = String::new();
        for payload in all {
            for language in [Language::Zh, Language::En] {
                let MessageText { sender, subject, text, html } = compose("O'Neil & 小店", language, &payload);
                told += &format!("{sender} · {subject}\n{text}\n{html}\n\n");
            }
        }
        insta::assert_snapshot!(told);
    }
}
