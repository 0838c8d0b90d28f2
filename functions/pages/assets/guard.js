// Says in words that the page does not work, as soon as one of its scripts does not load, or fails where nobody expects
// it to. It runs before all others, and in browsers that understand none of them.
(function () {
  var own = location.protocol + "//" + location.host + "/assets/";

  // A browser's extension and a captcha's script fail without harm to the page.
  function isOwn(address) {
    return String(address).indexOf(own) === 0;
  }

  function tell() {
    document.documentElement.setAttribute("data-broken", "");
  }

  window.addEventListener("error", function (event) {
    var name = event.target && event.target.tagName;
    var isFile = name === "SCRIPT" || name === "LINK";
    if (isOwn(isFile ? event.target.src || event.target.href : event.filename)) tell();
  }, true);

  window.addEventListener("unhandledrejection", function (event) {
    var reason = event.reason;
    var isFailure = reason instanceof Error || reason instanceof DOMException;
    var stack = String((isFailure && reason.stack) || "");
    // One that a browser's own function made may have an empty stack. What is no error, our scripts do not throw.
    if (stack.indexOf(own) !== -1 || (isFailure && stack === "")) tell();
  });
})();
