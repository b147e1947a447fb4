// An error, shown.

import { h } from "./dom.js";
import { duration } from "./format.js";

// Where the page knows better than the service's own words what helps here.
const IN_OTHER_WORDS = {
  quota_exceeded: ({ limit, retry_after: seconds = 86_400 }) =>
    `All ${limit} free photographs are used. Sign in for more, or come back in ${duration(seconds)}.`,
};

/** A box that says what went wrong and what to do; buttons in `actions` do it. */
export function problem(error, title = error.title ?? "Something went wrong on this page", actions = []) {
  const text = IN_OTHER_WORDS[error.code]?.(error.details) ?? sentence(error.message);
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, h("strong", {}, title)),
    h("p", {}, text, " ", explanation(error)),
    actions.length ? h("div", { class: "row" }, ...actions) : null);
}

/** The service has a page for each kind of problem. */
function explanation({ type }) {
  if (!type?.startsWith("/problems/")) return "";
  return h("a", { class: "more", href: type, target: "_blank", rel: "noopener" }, "Why is that?");
}

/** The service's words as a sentence. */
export function sentence(text) {
  const trimmed = text.trim();
  const whole = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
