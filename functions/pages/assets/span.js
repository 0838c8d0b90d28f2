// Spans of time within a page. A phone's clock may be set right at any moment, and the page's own count stands still on
// some phones while they sleep. So a span is over as soon as either says so, and never lasts longer than it was meant to.

/** A span that begins now: gives what is left of it, in milliseconds. */
export function span(milliseconds) {
  const began = performance.now();
  const end = Date.now() + milliseconds;
  return () => Math.max(0, Math.min(milliseconds - (performance.now() - began), end - Date.now()));
}

export const over = () => 0;
