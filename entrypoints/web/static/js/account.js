// The corner of the page that shows the account and what a guest has left, and signs in and out.

import { callForJson } from "./api.js";
import { h } from "./dom.js";
import { session } from "./session.js";
import { askToSignIn } from "./sign-in.js";
import { isDark, toggleTheme, whenSystemThemeChanges } from "./theme.js";

let refreshUsage = () => {};
let usage = null; // What a guest has left, as the service says it; null where it is unknown, and for users.
const watchers = [];

/** Call a function with what a guest has left, now and at each change. */
export function watchUsage(watcher) {
  watchers.push(watcher);
  watcher(usage);
}

/** Ask again how much a guest has left; called after every detection. */
export function usageChanged() {
  refreshUsage();
}

export function mountAccount(corner) {
  const who = h("span", { class: "who small", id: "usage" });
  const signIn = h("button", { class: "primary", on: { click: () => askToSignIn() } }, "Sign in");
  const signOut = h("button", { on: { click: () => session.signOut() } }, "Sign out");
  const theme = h("button", { class: "plain theme", on: { click: switchTheme } });
  corner.replaceChildren(who, signIn, signOut, theme);

  function switchTheme() {
    toggleTheme();
    showTheme();
  }

  function showTheme() {
    const other = isDark() ? "light" : "dark";
    theme.textContent = isDark() ? "☀" : "☾";
    theme.title = `Use ${other} colours`;
    theme.setAttribute("aria-label", theme.title);
  }

  function show() {
    const { user } = session;
    signIn.hidden = Boolean(user);
    signOut.hidden = !user;
    who.title = who.textContent = user ? user.display_name ?? user.email ?? user.user_id : "";
    tell(null);
    if (!user) refreshUsage();
  }

  function tell(known) {
    usage = known;
    for (const watcher of watchers) watcher(usage);
  }

  refreshUsage = async () => {
    if (session.user) return;
    const known = await callForJson("/auth/usage").catch(() => null); // The next request will say what is wrong.
    if (session.user) return;
    who.textContent = known?.max_usage ? `${known.remaining} of ${known.max_usage} photos left` : "";
    tell(known);
  };

  session.addEventListener("change", show);
  whenSystemThemeChanges(showTheme);
  document.addEventListener("sign-in-wanted", () => askToSignIn());
  showTheme();
  show();
}
