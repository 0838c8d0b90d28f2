// What scripts say by themselves. What the server says is shown in the server's words.

export const english = document.documentElement.lang === "en";

const texts = {
  offline: ["网络连接失败，请检查网络后重试。", "The network cannot be reached. Please check it and try again."],
  slow: ["网络较慢，请稍候…", "The network is slow. One moment…"],
  broken: ["出了点问题，请稍后再试。", "Something went wrong. Please try again later."],
  required: ["请填写这一项。", "Please fill this in."],
  mobile: ["请输入11位手机号码。", "Enter a mobile number of 11 digits."],
  code: ["验证码是6位数字。", "A code is six digits."],
  consent: ["请先阅读并同意用户协议和隐私政策。", "Please read and agree to the terms and the privacy policy first."],
  send: ["发送验证码", "Send code"],
  sent: ["验证码已发送，60秒后可以重新发送。", "The code was sent. You can send another in 60 seconds."],
  sendAgain: ["现在可以重新发送验证码。", "You can send another code now."],
  seconds: ["{n} 秒", "{n} s"],
  minutes: ["{n} 分钟", "{n} min"],
  hours: ["{n} 小时", "{n} h"],
  waitSeconds: ["请{n}秒后再试。", "Please try again in {n} seconds."],
  waitMinutes: ["请{n}分钟后再试。", "Please try again in {n} minutes."],
  waitHours: ["请{n}小时后再试。", "Please try again in {n} hours."],
  checking: ["正在检查号码…", "Checking the number…"],
  free: ["该号码可以注册。", "This number is free."],
  toLogin: ["用这个号码登录", "Sign in with this number"],
  shorter: ["还差{n}个字符。", "{n} more characters."],
  weak: ["强度：弱。再长一些更安全。", "Strength: weak. Longer is safer."],
  fair: ["强度：中。", "Strength: fair."],
  strong: ["强度：强。", "Strength: strong."],
  personal: ["密码里不要包含手机号或昵称。", "Leave your number and name out of it."],
  password_too_short: ["密码太短。", "The password is too short."],
  password_too_long: ["密码太长。", "The password is too long."],
  password_too_common: ["这个密码太常见，请换一个。", "This password is too common. Please choose another."],
  password_breached: ["这个密码曾在别处泄露，请换一个。", "This password was leaked elsewhere. Please choose another."],
  password_personal: ["密码不能是您的手机号、昵称、用户名或邮箱。", "The password cannot be your number, name or email."],
  differ: ["两次输入的密码不一致。", "The two passwords differ."],
  same: ["两次输入一致。", "The two passwords match."],
  show: ["显示", "Show"],
  hide: ["隐藏", "Hide"],
  captchaFailed: ["人机验证没有完成，请重试。", "The captcha was not completed. Please try again."],
  captchaDown: ["人机验证加载失败，请稍后再试。", "The captcha could not be loaded. Please try again later."],
  welcome: ["欢迎回来，{name}", "Welcome back, {name}"],
  saved: ["已保存。", "Saved."],
  none: ["未设置", "Not set"],
  set: ["已设置", "Set"],
  thisDevice: ["本设备", "This device"],
  signOutDevice: ["退出", "Sign out"],
  lastUsed: ["最近使用 {at} · {address}", "Last used {at} · {address}"],
  signedOutThere: ["该设备已退出登录。", "That device is signed out."],
  downloaded: ["数据已下载。", "Your data was downloaded."],
  byCode: ["改用短信验证码", "Use a code by SMS instead"],
  byPassword: ["改用密码", "Use the password instead"],
  mailed: ["邮件已发送到 {email}，请在10分钟内打开其中的链接。", "A mail was sent to {email}. Open its link within ten minutes."],
  mailAgain: ["没有收到？重新发送", "Nothing arrived? Send again"],
  resetDone: ["密码已重置，请用新密码登录。", "Your password was reset. Sign in with the new one."],
  linkFor: ["正在为 {email} 设置新密码。", "Setting a new password for {email}."],
  reauthentication_refused: [
    "请输入密码或短信验证码，再次确认是您本人。",
    "Please enter your password or a code by SMS to show that it is you.",
  ],
  session_ended: ["登录已结束，请重新登录。", "You have been signed out. Please sign in again."],
  refresh_token_spent: [
    "您的登录凭证在别处被使用，为了安全已退出登录。",
    "Your sign-in was used elsewhere and was ended for your safety.",
  ],
  password_changed: ["密码已修改，请用新密码登录。", "The password was changed. Sign in with the new one."],
  account_deleted: ["账号已注销，数据已删除。", "The account was deleted with all its data."],
};

/** The text of this name, with what stands in braces filled in. */
export function say(name, values = {}) {
  const text = (texts[name] || texts.broken)[english ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** Whether there is a text of this name: a reason that stands in an address may be anything. */
export const has = (name) => Object.hasOwn(texts, name);

/** How long to wait, in the unit people think in. */
export function wait(seconds) {
  if (seconds < 90) return say("waitSeconds", { n: seconds });
  if (seconds < 5400) return say("waitMinutes", { n: Math.ceil(seconds / 60) });
  return say("waitHours", { n: Math.ceil(seconds / 3600) });
}
