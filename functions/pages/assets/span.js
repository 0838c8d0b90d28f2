// Time spans within a page. A phone's clock may be corrected at any moment, and on some phones the page's own clock
// stands still during sleep. A span is therefore over as soon as one of the two says so, and never lasts longer than
// intended.

/** Starts a span and returns a function that returns the rest of it, in milliseconds. */
export function span(milliseconds) {
  const began = performance.now();
  const end = Date.now() + milliseconds;
  return () => Math.max(0, Math.min(milliseconds - (performance.now() - began), end - Date.now()));
}

export const over = () => 0;
