// What every page has: the switch of language, and word of a lost network.

import { english } from "./texts.js";

document.getElementById("language").addEventListener("click", () => {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `lang=${english ? "zh" : "en"}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  location.reload();
});

const banner = document.getElementById("offline");
const show = () => (banner.hidden = navigator.onLine);
addEventListener("online", show);
addEventListener("offline", show);
show();
