// The corner of the page that shows the account and what a guest has left, and signs in and out.

import { callForJson } from "./api.js";
import { h } from "./dom.js";
import { session } from "./session.js";
import { askToSignIn } from "./sign-in.js";
import { isDark, toggleTheme, whenSystemThemeChanges } from "./theme.js";

let refreshUsage = () => {};

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
    if (!user) refreshUsage();
  }

  refreshUsage = async () => {
    if (session.user) return;
    try {
      const usage = await callForJson("/auth/usage");
      if (!session.user) who.textContent = usage.max_usage ? `${usage.remaining} of ${usage.max_usage} photos left` : "";
    } catch {
      who.textContent = ""; // The next request will say what is wrong.
    }
  };

  session.addEventListener("change", show);
  whenSystemThemeChanges(showTheme);
  document.addEventListener("sign-in-wanted", () => askToSignIn());
  showTheme();
  show();
}
