// Dialogs: questions and forms over the page.

import { h } from "./dom.js";

/** Show a dialog until it is closed, also by the Back button, then forget it. Resolves to its return value. */
export function showDialog(dialog) {
  const close = () => dialog.close();
  document.body.append(dialog);
  dialog.showModal();
  addEventListener("popstate", close);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      removeEventListener("popstate", close);
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

/** Ask before something that cannot be undone. Resolves to whether to go on. */
export async function askToConfirm({ title, text, yes }) {
  const dialog = h("dialog", { "aria-labelledby": "question" },
    h("form", { method: "dialog" },
      h("h2", { id: "question" }, title),
      h("p", {}, text),
      h("div", { class: "row" },
        h("button", { value: "no", autofocus: true }, "Keep"),
        h("button", { value: "yes", class: "danger is-sure" }, yes))));
  return (await showDialog(dialog)) === "yes";
}
