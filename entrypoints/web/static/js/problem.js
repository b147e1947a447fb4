// An error, shown.

import { h } from "./dom.js";
import { count, wait } from "./format.js";

// Problems for which the page has more helpful words than the service.
const IN_OTHER_WORDS = {
  quota_exceeded: ({ limit, retry_after: seconds = 86_400 }) => (limit
    ? `Without an account you can analyse ${count(limit, "photo")}, and you have used them all. `
      + `Sign in to continue, or come back in ${wait(seconds)}.`
    : "Only signed-in users can analyse photos here."),
};

/** A box that says what went wrong and what to do; buttons in `actions` do it. */
export function problem(error, title = error.title ?? "Something went wrong on this page", actions = defaultActions(error)) {
  const text = IN_OTHER_WORDS[error.code]?.(error.details) ?? sentence(error.message);
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, h("strong", {}, title)),
    h("p", {}, text, " ", explanation(error)),
    actions.length ? h("div", { class: "row" }, ...actions) : null);
}

/** A button that asks to sign in; a listener on the document opens the dialog. */
export function signInButton(click = () => document.dispatchEvent(new Event("sign-in-wanted")), text = "Sign in") {
  return h("button", { type: "button", class: "primary", on: { click } }, text);
}

export function tryAgain(click, text = "Try again") {
  return h("button", { type: "button", on: { click } }, text);
}

function defaultActions({ code }) {
  return code === "signed_out" ? [signInButton()] : [];
}

/** The service has a page for each kind of problem. */
function explanation({ type }) {
  if (!type?.startsWith("/problems/")) return "";
  return h("a", { class: "more", href: type, target: "_blank", rel: "noopener" }, "What does this mean?");
}

/** The service's words as a sentence. */
export function sentence(text) {
  const trimmed = text.trim();
  const whole = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
