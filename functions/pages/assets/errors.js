// The text for each error code: what is wrong, and what to do. Chinese, then English.

export const errors = {
  // Errors that the page itself detects.
  offline: ["网络连接失败，请检查网络后重试。", "The network cannot be reached. Please check it and try again."],
  cookies_needed: [
    "登录需要 Cookie。请在浏览器设置中允许本站使用，或更换浏览器，然后重试。",
    "Signing in needs cookies. Please allow them, or use another browser.",
  ],

  // Errors in the input.
  field_required: ["请填写这一项。", "Please fill this in."],
  field_type: ["这一项的格式不正确，请检查。", "This is malformed. Please check it."],
  mobile_malformed: ["请输入11位手机号码。", "Enter a mobile number of 11 digits."],
  email_malformed: ["邮箱地址格式不正确，请检查。", "This is not a valid email address."],
  code_malformed: ["验证码是6位数字。", "A code is six digits."],
  nickname_refused: ["昵称为1–20个可见的字符。", "A nickname has 1 to 20 visible characters."],
  username_malformed: ["请用3–30个文字、数字或 . - _。", "A username has 3 to 30 letters, digits, underscores, hyphens or dots."],
  username_reserved: [
    "不能使用：像手机号或邮箱、混用形近文字，或是保留名称。",
    "It is like a number or an email, mixes alphabets, or is reserved.",
  ],
  username_taken: ["该用户名已被使用，请换一个。", "This username is taken. Please choose another."],
  consent_required: ["请先同意用户协议和隐私政策。", "Please agree to the terms first."],
  consent_outdated: ["协议已更新，请刷新页面。", "These changed. Please reload."],
  password_too_short: ["密码太短，请再长一些。", "Too short. Please make it longer."],
  password_too_long: ["密码最多128个字符。", "A password has 128 characters at most."],
  password_too_common: ["这个密码太常见，请换一个。", "This is too common. Please choose another."],
  password_breached: ["这个密码曾在别处泄露，请换一个。", "This was leaked elsewhere. Choose another."],
  password_personal: ["密码不能是您的号码、名字或邮箱。", "It cannot be your number, name or email."],
  passwords_differ: ["两次输入的密码不一致。", "The two passwords differ."],

  // Errors of sign-in and reauthentication.
  bad_credentials: ["用户名或密码错误。", "Wrong account or password."],
  proof_wrong: ["密码错误，可改用短信验证码。", "Wrong password. You can use a code by SMS."],
  reauthentication_refused: [
    "需要重新确认身份：请输入密码，或使用短信验证码。",
    "Please confirm again who you are, by your password or a code by SMS.",
  ],
  code_wrong: ["验证码错误，请重新输入。", "Wrong code. Please check it."],
  code_expired: ["验证码已过期或已失效，请重新发送。", "The code has expired or was used. Please send another."],
  confirm_code_wrong: ["验证码错误，请重新输入。", "This code is wrong. Please check it."],
  confirm_code_expired: ["验证码已过期，请重新获取。", "This code has expired. Please ask for a new one."],
  codes_blocked: [
    "验证码输错太多次，暂时不能使用。请用密码登录，或通过邮件找回。",
    "Too many wrong codes. Please use your password, or recover it by email.",
  ],
  second_proof_required: [
    "这个号码很久没有确认过。请再输入账号的密码，或刚发送到绑定邮箱的验证码。",
    "This number has not been confirmed for a long time. Enter the account's password too, or the code that was just mailed to it.",
  ],
  unauthorized: ["登录已结束，请重新登录。", "You have been signed out. Please sign in again."],
  refresh_token_invalid: ["登录已结束，请重新登录。", "You have been signed out. Please sign in again."],
  session_ended: ["登录已结束，请重新登录。", "You have been signed out. Please sign in again."],
  refresh_token_spent: [
    "您的登录凭证在别处被使用，为了安全已退出登录。",
    "Your sign-in was used elsewhere and was ended for your safety.",
  ],
  credentials_changed: [
    "密码可能已修改，请用新密码登录。",
    "Your password may have changed. Please sign in with the new one.",
  ],

  // Errors about accounts and other stored things.
  mobile_taken: ["该号码已经被注册。", "This number has an account."],
  no_mobile: ["账号没有绑定手机号，请改用密码。", "The account has no mobile number. Use the password instead."],
  email_taken: ["该邮箱已被其他账号使用，请换一个。", "This email belongs to another account."],
  email_unknown: ["没有账号绑定这个邮箱，请检查。", "No account has this email. Please check it."],
  link_invalid: ["链接已失效、已过期或已使用，请重新获取。", "The link has expired or was used. Please ask for a new one."],
  link_account_gone: [
    "密码没有重置：账号已不再绑定这个邮箱。请改用短信找回。",
    "The password was not reset: the account has no email any more. Please recover it by SMS.",
  ],
  no_such_user: ["这个号码没有账号，请检查或注册。", "This number has no account."],
  account_changed: [
    "账号刚刚在别处有变动，请重试。",
    "The account was changed elsewhere at the same moment. Please try again.",
  ],
  not_found: ["没有找到，可能已被删除。请刷新页面。", "This was not found. It may be gone: please reload the page."],

  // Errors about limits, the request's origin and the service.
  too_many_requests: ["操作过于频繁，请稍后再试。", "Too many requests. Please try again later."],
  captcha_required: [
    "请先完成人机验证。如果没有出现验证窗口，请刷新页面后再试。",
    "Please solve the captcha first. If none appears, reload the page and try again.",
  ],
  captcha_refused: ["人机验证没有完成，请重试。", "The captcha was not completed. Please try again."],
  captcha_not_configured: ["人机验证暂时不可用，请稍后再试。", "The captcha is unavailable for a moment. Please try again later."],
  csrf_refused: ["页面已过期，请刷新后重试。", "The page is out of date. Please reload it and try again."],
  origin_refused: ["请从本站的网址打开页面，然后重试。", "Please open this page by the site's own address and try again."],
  blind_request: ["浏览器的请求被拒绝。请刷新页面后重试，或更换浏览器。", "The browser's request was refused. Please reload the page, or use another browser."],
  past_cloudfront: ["请通过公开的网址访问。", "Please use the site's public address."],
  body_too_large: ["内容太长，请缩短后重试。", "This is too long. Please shorten it and try again."],
  unavailable: ["服务暂时不可用，请稍后再试。", "The service is unavailable for a moment. Please try again."],
  internal: ["出了点问题，请稍后再试。", "Something went wrong. Please try again later."],
};
