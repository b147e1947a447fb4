// An error, shown.

import { h } from "./dom.js";
import { duration } from "./format.js";

const HINTS = {
  quota_exceeded: (details) =>
    `Sign in for more, or come back in ${duration(details.retry_after ?? 86_400)}.`,
  overloaded: () => "It is busy. Try again in a moment.",
};

/** A box that says what went wrong and what to do. */
export function problem(error, title = error.title ?? "Something went wrong on this page") {
  const hint = HINTS[error.code]?.(error.details);
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, h("strong", {}, title)),
    h("p", {}, sentence(error.message)),
    hint ? h("p", {}, hint) : null);
}

function sentence(text) {
  const trimmed = text.trim();
  const whole = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
