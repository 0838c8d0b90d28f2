// Stands in for Tencent's widget on this machine. It has the same constructor and callback, but no puzzle. The stand-in
// of the gateway accepts a ticket that starts with `pass-` once.
window.TencentCaptcha = class {
  constructor(appId, callback) {
    this.callback = callback;
  }

  show() {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", "Captcha");
    const english = document.documentElement.lang === "en";
    const say = document.createElement("p");
    say.textContent = english ? "A captcha stands here in production." : "正式环境中这里是人机验证。";
    const pass = document.createElement("button");
    pass.id = "captcha-pass";
    pass.className = "main";
    pass.textContent = english ? "I am human" : "我是真人";
    const close = document.createElement("button");
    close.className = "link";
    close.textContent = english ? "Close" : "关闭";
    dialog.append(say, pass, close);
    document.body.append(dialog);
    const end = (result) => {
      dialog.remove();
      this.callback(result);
    };
    // A phone opens the pages of this machine by plain HTTP, where browsers have no `randomUUID`.
    const random = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
    pass.addEventListener("click", () => end({ ret: 0, ticket: `pass-${random()}`, randstr: `@${random().slice(0, 3)}` }));
    close.addEventListener("click", () => end({ ret: 2, ticket: null }));
    dialog.addEventListener("cancel", () => end({ ret: 2, ticket: null }));
    dialog.showModal();
  }
};
