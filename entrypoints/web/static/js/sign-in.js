// The dialog that signs somebody in: by e-mail or Google where Firebase is set up, else by token.

import { showDialog } from "./dialogs.js";
import { announce, field, h } from "./dom.js";
import { idTokenByEmail } from "./firebase.js";
import { goToGoogle } from "./google.js";
import { problem } from "./problem.js";
import { session } from "./session.js";
import { settings } from "./settings.js";

export async function askToSignIn() {
  const ways = settings.firebase ? byEmail() : byToken();
  const trouble = h("div", {});
  const submit = h("button", { class: "primary" }, "Sign in");
  const dialog = h("dialog", { "aria-labelledby": "sign-in-title" },
    h("form", { on: { submit: (event) => signIn(event) } },
      h("h2", { id: "sign-in-title" }, "Sign in"),
      ...ways.content,
      trouble,
      h("div", { class: "row" },
        h("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"),
        submit)));

  async function signIn(event) {
    event.preventDefault();
    submit.disabled = true;
    try {
      await session.signIn(await ways.idToken());
      announce();
      dialog.close();
    } catch (error) {
      trouble.replaceChildren(problem(error));
      submit.disabled = false;
    }
  }
  await showDialog(dialog);
}

function byEmail() {
  const email = h("input", { type: "email", required: true, autocomplete: "username" });
  const password = h("input", { type: "password", required: true, autocomplete: "current-password" });
  return {
    content: [...byGoogle(), field("E-mail", email), field("Password", password)],
    idToken: () => idTokenByEmail(email.value, password.value),
  };
}

function byGoogle() {
  if (!settings.firebase.googleClientId) return [];
  const leave = h("button", { type: "button", class: "google", on: { click: goToGoogle } }, "Continue with Google");
  return [leave, h("p", { class: "or muted small" }, "or by e-mail")];
}

function byToken() {
  const token = h("textarea", { rows: 4, required: true, spellcheck: false, autocomplete: "off" });
  return {
    content: [...howToGetOne(), field("ID token", token)],
    idToken: async () => token.value.trim(),
  };
}

function howToGetOne() {
  if (settings.auth !== "local") {
    return [h("p", {}, "Paste an ID token from Firebase Authentication, as your application gets it from getIdToken().")];
  }
  return [
    h("p", {}, "Open the link that the service printed when it started, or paste an ID token here. ",
      "The operator of this service can create one with:"),
    h("p", {}, h("code", {}, "emotion-api token --user you@example.com")),
  ];
}
