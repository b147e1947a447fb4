// The corner that says who one is, what is left to use, and lets one sign in and out.

import { callForJson } from "./api.js";
import { showDialog } from "./dialogs.js";
import { announce, field, h } from "./dom.js";
import { problem } from "./problem.js";
import { session } from "./session.js";
import { settings } from "./settings.js";
import { isDark, toggleTheme } from "./theme.js";

let refreshUsage = () => {};

/** Ask again how much a guest has left; called after every detection. */
export function usageChanged() {
  refreshUsage();
}

export function mountAccount(corner) {
  const who = h("span", { class: "who small", id: "usage" });
  const signIn = h("button", { class: "primary", on: { click: askForToken } }, "Sign in");
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
    who.classList.toggle("email", Boolean(user));
    who.textContent = user ? user.display_name ?? user.email ?? user.user_id : "";
    if (!user) refreshUsage();
  }

  refreshUsage = async () => {
    if (session.user) return;
    try {
      const usage = await callForJson("/auth/usage");
      if (!session.user) who.textContent = `${usage.remaining} of ${usage.max_usage} free photographs left`;
    } catch {
      who.textContent = ""; // Whatever is asked for next will say what is wrong.
    }
  };

  session.addEventListener("change", show);
  showTheme();
  show();
}

/** The dialog that takes a token. */
export async function askForToken() {
  const token = h("textarea", { rows: 4, required: true, spellcheck: false, autocomplete: "off" });
  const trouble = h("div", {});
  const submit = h("button", { class: "primary" }, "Sign in");
  const dialog = h("dialog", { "aria-labelledby": "sign-in-title" },
    h("form", { on: { submit: (event) => exchange(event) } },
      h("h2", { id: "sign-in-title" }, "Sign in"),
      ...howToGetOne(),
      field("ID token", token),
      trouble,
      h("div", { class: "row" },
        h("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"),
        submit)));

  async function exchange(event) {
    event.preventDefault();
    submit.disabled = true;
    try {
      await session.signIn(token.value.trim());
      announce();
      dialog.close();
    } catch (error) {
      trouble.replaceChildren(problem(error));
      submit.disabled = false;
    }
  }
  await showDialog(dialog);
}

function howToGetOne() {
  if (settings.auth !== "local") {
    return [h("p", {}, "Paste an ID token of Firebase Authentication, as your application gets it from getIdToken().")];
  }
  return [
    h("p", {}, "Open the link that the service printed when it started, or paste an ID token here. ",
      "Whoever runs the service makes one with:"),
    h("p", {}, h("code", {}, "emotion-api token --user you@example.com")),
  ];
}
