// The texts of the scripts, in the page's language.

import { errors } from "./errors.js";

export const english = document.documentElement.lang === "en";

const texts = {
  slow: ["网络较慢，请稍候…", "The network is slow. One moment…"],
  broken: ["出了点问题，请稍后再试。", "Something went wrong. Please try again later."],
  required: ["请填写这一项。", "Please fill this in."],
  mobile: ["请输入11位手机号码。", "Enter a mobile number of 11 digits."],
  code: ["验证码是6位数字。", "A code is six digits."],
  consent: ["请先勾选同意。", "Please agree first."],
  deleteSure: ["请先勾选，确认注销账号。", "Tick this to delete the account."],
  send: ["发送验证码", "Send code"],
  sent: ["已发送，60秒后可以重新发送。", "Sent. You can send another in 60 seconds."],
  sendAgain: ["现在可以重新发送验证码。", "You can send another code now."],
  seconds: ["{n} 秒", "{n} s"],
  minutes: ["{n} 分钟", "{n} min"],
  hours: ["{n} 小时", "{n} h"],
  waitSeconds: ["请{n}秒后再试。", "Please try again in {n} seconds."],
  waitMinutes: ["请{n}分钟后再试。", "Please try again in {n} minutes."],
  waitHours: ["请{n}小时后再试。", "Please try again in {n} hours."],
  waitDays: ["请{n}天后再试。", "Please try again in {n} days."],
  tooMany: ["操作过于频繁。", "Too many requests."],
  checking: ["正在检查号码…", "Checking the number…"],
  unchecked: ["暂时无法检查号码，可以先继续填写。", "It cannot be checked now. Just go on."],
  free: ["该号码可以注册。", "This number is free."],
  toLogin: ["直接登录", "Sign in"],
  shorter: ["还差{n}个字符。", "{n} more characters."],
  weak: ["强度：弱。再长一些更安全。", "Strength: weak. Longer is safer."],
  fair: ["强度：中。", "Strength: fair."],
  strong: ["强度：强。", "Strength: strong."],
  personal: ["密码里不要包含手机号或昵称。", "Leave your number and name out of it."],
  differ: ["两次输入的密码不一致。", "The two passwords differ."],
  same: ["两次输入一致。", "The two passwords match."],
  show: ["显示", "Show"],
  hide: ["隐藏", "Hide"],
  captchaDown: ["人机验证加载失败，请稍后再试。", "The captcha could not be loaded. Please try again later."],
  welcome: ["欢迎回来，{name}", "Welcome back, {name}"],
  saved: ["已保存", "Saved"],
  none: ["未设置", "Not set"],
  set: ["已设置", "Set"],
  thisDevice: ["本设备", "This device"],
  signOutDevice: ["退出", "Sign out"],
  lastUsed: ["最近使用 {at} · {address}", "Last used {at} · {address}"],
  signedOutThere: ["该设备已退出登录。", "That device is signed out."],
  downloaded: ["已下载", "Downloaded"],
  bySms: ["改用短信登录", "Sign in by SMS"],
  byPassword: ["改用密码登录", "Use your password"],
  numberInUse: [
    "这个号码仍属于一个账号，现在不能注册新账号。账号是您的，请填写上面的密码或邮件验证码；不是您的，请联系本站的运营方，或换一个号码。",
    "This number still belongs to an account, so it gets no new one now. If the account is yours, fill in its password or the mailed code above. If not, contact the operators of this site, or use another number.",
  ],
  byMail: ["改用邮箱找回", "Recover by email"],
  codeMailedTo: ["验证码已发送到 {email}。", "A code was sent to {email}."],
  mailed: ["邮件已发送到 {email}，请在10分钟内打开其中的链接。", "An email was sent to {email}. Open its link within ten minutes."],
  mailAgain: ["没有收到？重新发送", "Nothing arrived? Send again"],
  resetDone: ["密码已重置，请用新密码登录。", "Your password was reset. Sign in with the new one."],
  linkFor: ["正在为 {email} 设置新密码。", "Setting a new password for {email}."],
  guessed: [
    "{at}，有人连续多次输错您账号的密码。为了安全，陌生设备暂时不能用密码登录；修改密码后恢复正常。",
    "On {at} somebody had entered many wrong passwords for your account. Unknown devices cannot sign in by password until you change it.",
  ],
  recovery: [
    "{at}，有人申请找回您的账号{from}。从{until}起，只凭您号码收到的验证码就能进入账号。不是您申请的？修改密码或退出所有设备，就能取消。",
    "Recovery of your account was asked for on {at}{from}. From {until} on, a code to your number alone opens it. If this was not you, change the password or sign out everywhere to stop it.",
  ],
  recoveryFrom: ["（{where}）", " ({where})"],
  isItYours: ["{mobile} 还是您的号码吗？上次确认是在{at}。", "Is {mobile} still your number? It was last confirmed on {at}."],
  confirmed: ["谢谢，号码已确认。", "Thank you. Your number is confirmed."],
  account_deleted: ["账号已注销，数据已删除。", "The account was deleted with all its data."],
};

/** The reasons for which a person is led to the sign-in page. Anybody can write any reason into its address. */
const REASONS = ["session_ended", "refresh_token_spent", "credentials_changed", "cookies_needed", "account_deleted"];

/** Returns the text with this name, or the one for this error code, with the placeholders in braces filled in. */
export function say(name, values = {}) {
  const text = (texts[name] || errors[name] || texts.broken)[english ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** Returns whether there is a text for this error code. */
export const hasError = (code) => Object.keys(errors).includes(code);

export const hasReason = (reason) => REASONS.includes(reason);

/** Returns a wait as a text in a suitable unit. */
export function wait(seconds) {
  if (seconds < 90) return say("waitSeconds", { n: seconds });
  if (seconds < 5400) return say("waitMinutes", { n: Math.ceil(seconds / 60) });
  if (seconds < 172_800) return say("waitHours", { n: Math.ceil(seconds / 3600) });
  return say("waitDays", { n: Math.ceil(seconds / 86_400) });
}
