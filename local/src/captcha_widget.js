// Stands in for Tencent's widget on this machine: the same constructor and callback, no puzzle. A ticket that starts
// with `pass-` passes the gateway's stand-in once.
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
    // `randomUUID` is not there on a phone that opens this machine's pages by plain HTTP.
    const random = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
    pass.addEventListener("click", () => end({ ret: 0, ticket: `pass-${random()}`, randstr: `@${random().slice(0, 3)}` }));
    close.addEventListener("click", () => end({ ret: 2, ticket: null }));
    dialog.addEventListener("cancel", () => end({ ret: 2, ticket: null }));
    dialog.showModal();
  }
};
