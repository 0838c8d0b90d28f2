// Dates and times, in the page's language and the browser's time zone.

import { english } from "./texts.js";

const locale = english ? "en" : "zh-CN";
// Listed one by one, because Safari 14.0 and Firefox 78 do not support `timeStyle`.
const DAY = { year: "numeric", month: "short", day: "numeric" };
const MOMENT = { ...DAY, hour: "numeric", minute: "2-digit" };

const formatter = (parts) => {
  const format = new Intl.DateTimeFormat(locale, parts);
  return (at) => format.format(new Date(at));
};

/** Return a time of the API as a text: the day, or also the time of day. */
export const day = formatter(DAY);
export const moment = formatter(MOMENT);
