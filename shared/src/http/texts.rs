//! The texts that people read when a request is refused: one for each error, in both languages. An error format
//! replaces such a text where the contract of its operation has one of its own.

use crate::domain::{Language, NicknameError, PasswordError, UsernameError};
use crate::error::{Error, FieldError, FieldFault};

/// Returns the text for an error.
pub(super) fn of(error: &Error, language: Language) -> String {
    let (zh, en) = match error {
        Error::BodyTooLarge => ("请求内容过大。", "The request body is too large."),
        Error::UnsupportedMediaType => ("请使用 UTF-8 编码的 application/json。", "Send application/json in UTF-8."),
        Error::BodyEmpty => ("请求内容为空。", "The request body is empty."),
        Error::BodyNotJson => ("请求内容不是有效的 JSON。", "The request body is not valid JSON."),
        Error::DuplicateKey => ("JSON 中有重复的字段。", "The JSON has a field twice."),
        Error::BodyNotAnObject => ("请求内容必须是 JSON 对象。", "The request body must be a JSON object."),
        Error::Fields(problems) => return all_fields(problems, language),
        Error::NotFound => ("未找到。", "Not found."),
        Error::MethodNotAllowed { .. } => ("不支持该请求方法。", "This method is not allowed here."),
        Error::PastCloudFront => ("请通过公开的网址访问。", "Please use the public address."),
        Error::CrossSiteRequest => ("拒绝跨站请求。", "Requests from other sites are refused."),
        Error::CsrfRefused => {
            ("CSRF 验证失败，请刷新页面后重试。", "The CSRF check failed. Reload the page and try again.")
        }
        Error::CaptchaRequired => ("请先完成人机验证。", "Please solve the captcha first."),
        Error::MobileMalformed => ("手机号码格式不正确！", "This is not a valid mobile number."),
        Error::EmailMalformed => ("邮箱地址格式不正确！", "This is not a valid email address."),
        Error::CodeMalformed => ("验证码为6位数字，请检查。", "A code is six digits. Please check it."),
        Error::NicknameRefused(problem) => return nickname(*problem, language).to_owned(),
        Error::PasswordRefused(problem) => return password(*problem, language),
        Error::UsernameRefused(UsernameError::Malformed) => (
            "用户名为3–30个字符，可用文字、数字、下划线、连字符和点。",
            "A username has 3 to 30 letters, digits, underscores, hyphens or dots.",
        ),
        Error::UsernameRefused(UsernameError::Reserved) => {
            ("用户名不能是手机号或邮箱的样子。", "A username may not look like a mobile number or an email.")
        }
        Error::UsernameRefused(UsernameError::MixedScripts) => (
            "用户名不能混用容易混淆的文字，例如拉丁字母与西里尔字母。",
            "A username may not mix scripts that look alike, such as Latin and Cyrillic.",
        ),
        Error::UsernameRefused(UsernameError::Staff) => {
            ("该用户名为系统保留，请换一个。", "This username is reserved. Please choose another.")
        }
        Error::ConsentRequired => {
            ("请先阅读并同意用户协议和隐私政策。", "Please agree to the terms and the privacy policy first.")
        }
        Error::ConsentOutdated { .. } => (
            "用户协议或隐私政策已更新，请阅读后重新同意。",
            "The terms or the privacy policy have changed. Please read them and agree again.",
        ),
        Error::PasswordsDiffer => ("密码和确认密码不一致！", "The two passwords differ."),
        Error::PurposeUnknown => ("未知的验证码用途。", "Unknown purpose."),
        Error::ActionUnknown => ("未知的操作。", "Unknown action."),
        Error::BadCredentials => ("用户名或密码错误", "Wrong account or password."),
        Error::Unauthorized => ("请先登录。", "Please sign in."),
        Error::RefreshTokenInvalid => {
            ("登录状态无效，请重新登录。", "This sign-in is not valid. Please sign in again.")
        }
        Error::RefreshTokenReused => (
            "登录凭证被重复使用，为了您的安全已退出登录。",
            "This sign-in was used twice and was ended for your safety. Please sign in again.",
        ),
        Error::SessionEnded => ("登录已结束，请重新登录。", "You have been signed out. Please sign in again."),
        Error::CredentialsChanged => {
            ("密码可能已修改，请用新密码登录。", "The password may have been changed. Please sign in with the new one.")
        }
        Error::OriginRefused => ("拒绝来自其他网站的请求。", "Requests from other sites are refused."),
        Error::ConfirmCodeWrong => {
            ("确认身份的验证码错误，请重新确认。", "The code that confirms who you are is wrong. Please check it.")
        }
        Error::ConfirmCodeExpired => (
            "确认身份的验证码已过期，请重新获取。",
            "The code that confirms who you are has expired. Please ask for a new one.",
        ),
        Error::ReauthenticationRefused => (
            "验证已过期，请输入密码或短信验证码，再次确认是您本人。",
            "Your confirmation has expired. Please enter your password or a code by SMS to show that it is you.",
        ),
        Error::ProofWrong => ("密码错误。", "Wrong password."),
        Error::CodeExpired => ("验证码已过期，请重新获取。", "The code has expired. Please ask for a new one."),
        Error::CodesBlocked => (
            "验证码连续输错次数过多，暂时不能使用验证码。已有账号的，请用密码登录或邮件链接找回。",
            "Too many codes in a row were wrong, so none is taken for now. If you have an account, use your password or a mailed link.",
        ),
        Error::CodeWrong => ("验证码错误，请重新确认。", "Wrong code. Please check it."),
        Error::MobileTaken => ("当前手机号码已经被注册", "This number has an account."),
        Error::NoMobile => ("账号没有绑定手机号。", "The account has no mobile number."),
        Error::SecondProofRequired => (
            "该手机号已很久没有验证，请再输入密码，或发送到绑定邮箱的验证码。如果这是您新办的号码，请注册新账号。",
            "This number was not confirmed for long. Enter the account's password too, or the code that was mailed to it. \
             If the number is new to you, sign up instead.",
        ),
        Error::UsernameTaken => ("该用户名已被使用。", "This username is taken."),
        Error::EmailTaken => ("该邮箱已被其他账号使用。", "This email belongs to another account."),
        Error::EmailUnknown => ("当前邮箱对应的用户不存在！", "No account has this email."),
        Error::LinkInvalid => (
            "重置密码的邮件已过期或者邮件地址有误！",
            "The link has expired or is not valid. Please ask for a new one.",
        ),
        Error::LinkAccountGone => {
            ("重置密码失败！邮箱地址有误！", "The password was not reset: the account has no email.")
        }
        Error::AccountChanged => (
            "账号刚刚在别处有变动，请重试。",
            "The account was changed elsewhere at the same moment. Please try again.",
        ),
        Error::NoSuchUser => ("不存在当前用户", "No such user."),
        Error::CaptchaRefused => ("人机验证未通过。", "The captcha was not passed."),
        Error::CaptchaNotConfigured => ("未配置人机验证。", "No captcha is configured."),
        Error::TooMany { .. } => ("操作过于频繁，请稍后再试!", "Too many requests. Please try again later."),
        Error::Internal { .. } => ("出了点问题，请稍后再试。", "Something went wrong. Please try again later."),
        Error::Unavailable { .. } | Error::BudgetSpent { .. } => {
            ("服务暂时不可用，请稍后再试。", "The service is unavailable for a moment. Please try again.")
        }
    };
    language.pick(zh, en).to_owned()
}

/// Returns the text for one field, in the words of the old clients' framework.
pub(super) fn field(fault: FieldFault, language: Language) -> &'static str {
    match fault {
        FieldFault::Missing => language.pick("该字段是必填项。", "This field is required."),
        FieldFault::Null => language.pick("该字段不能为 null。", "This field may not be null."),
        FieldFault::Blank => language.pick("该字段不能为空。", "This field may not be blank."),
        FieldFault::NotText => language.pick("请输入合法的字符串。", "This must be a text."),
        FieldFault::NotBoolean => language.pick("请输入 true 或 false。", "This must be true or false."),
        FieldFault::Malformed => language.pick("格式不正确。", "This is malformed."),
    }
}

fn all_fields(problems: &[FieldError], language: Language) -> String {
    let lines: Vec<_> =
        problems.iter().map(|problem| format!("{}: {}", problem.field, field(problem.fault, language))).collect();
    lines.join(" ")
}

fn nickname(problem: NicknameError, language: Language) -> &'static str {
    match problem {
        NicknameError::Blank => language.pick("昵称不能为空。", "The nickname may not be blank."),
        NicknameError::TooLong => language.pick("昵称最多20个字符。", "A nickname has 20 characters at most."),
        NicknameError::Hidden => {
            language.pick("昵称中有不可见的字符。", "The nickname has a character that cannot be seen.")
        }
    }
}

fn password(problem: PasswordError, language: Language) -> String {
    match (problem, language) {
        (PasswordError::TooShort { min_characters }, Language::Zh) => {
            format!("密码至少{min_characters}个字符。")
        }
        (PasswordError::TooShort { min_characters }, Language::En) => {
            format!("A password has {min_characters} characters at least.")
        }
        (PasswordError::TooLong, Language::Zh) => "密码最多128个字符。".to_owned(),
        (PasswordError::TooLong, Language::En) => "A password has 128 characters at most.".to_owned(),
        (PasswordError::Breached, Language::Zh) => "这个密码已在别处泄露，请换一个。".to_owned(),
        (PasswordError::Breached, Language::En) => {
            "This password was leaked elsewhere. Please choose another.".to_owned()
        }
        (PasswordError::TooCommon, Language::Zh) => "这个密码太常见，容易被猜到。".to_owned(),
        (PasswordError::TooCommon, Language::En) => "This password is too common to be safe.".to_owned(),
        (PasswordError::Personal, Language::Zh) => "密码不能是您的手机号、名字或邮箱。".to_owned(),
        (PasswordError::Personal, Language::En) => "A password may not be your number, name or email.".to_owned(),
    }
}
