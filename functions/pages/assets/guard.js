// Shows that the page does not work, as soon as one of its scripts does not load or fails unexpectedly. It runs before
// all others, also in browsers that understand none of the others.
(function () {
  var own = location.protocol + "//" + location.host + "/assets/";

  // Failures in a browser extension or in a captcha's script do not harm the page.
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
    // An error made by a function of the browser may have an empty stack. Our scripts throw nothing but errors.
    if (stack.indexOf(own) !== -1 || (isFailure && stack === "")) tell();
  });
})();
