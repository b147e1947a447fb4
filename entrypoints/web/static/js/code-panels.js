// The request and the response behind what is shown, folded: for people who will call the API themselves.

import { h } from "./dom.js";
import { session } from "./session.js";
import { settings } from "./settings.js";

const COPIED_MS = 2000;

/** The response itself. */
export function jsonPanel(detection) {
  const text = compact(JSON.stringify(detection, null, 2));
  return codePanel("json", "JSON response", "JSON of the detection", text);
}

/** The curl command for what the page did: sent a file, where `name` is given, or read a record. */
export function requestPanel(path, { name = null } = {}) {
  const user = session.user ? ['-H "Authorization: Bearer $TOKEN"'] : [];
  const file = name === null ? [] : [`-F ${quoteForShell(`file=@"${name.replace(/["\\]/g, "\\$&")}"`)}`];
  const text = ["curl", ...user, ...file, `${location.origin}${settings.apiPrefix}${path}`].join(" \\\n  ");
  const token = user.length ? "TOKEN is an access token; the documentation says how to get one. " : "";
  return codePanel("request", "Request", "The request as a curl command", text,
    h("p", { class: "hint" }, token, h("a", { href: "/docs" }, "API documentation")));
}

function codePanel(kind, title, label, text, ...more) {
  const copy = h("button", { type: "button", on: { click: async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), COPIED_MS);
  } } }, "Copy");
  return h("details", { class: `code-panel ${kind}` },
    h("summary", {}, title),
    h("div", { class: "code-body" },
      navigator.clipboard ? copy : null,
      h("pre", { tabIndex: 0, "aria-label": label }, text),
      ...more));
}

/** Text that a shell takes as it is. */
const quoteForShell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Boxes on one line. */
function compact(json) {
  return json.replace(/\[\s+([-\d.,\s]+?)\s+\]/g, (_, numbers) => `[${numbers.split(/,\s+/).join(", ")}]`);
}
