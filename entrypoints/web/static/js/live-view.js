// The view for the webcam: what it takes to start, and the parts put together.

import { h } from "./dom.js";
import { liveStudio } from "./live-studio.js";
import { session } from "./session.js";
import { settings } from "./settings.js";
import { askToSignIn } from "./sign-in.js";

export function mountLive(panel) {
  const room = h("div", {});
  panel.append(h("h2", { class: "unseen" }, "Live"), room);
  let studio = null;
  let visible = false;

  function fill() {
    if (settings.socketIoClient && session.user) {
      studio ??= liveStudio();
      room.replaceChildren(studio.element);
      if (visible) studio.show(); // Else a camera that is allowed only now would be switched on behind another view.
      return;
    }
    studio?.hide();
    room.replaceChildren(settings.socketIoClient ? needsUser() : needsClient());
  }

  session.addEventListener("change", fill);
  return {
    show: () => { visible = true; fill(); },
    hide: () => { visible = false; studio?.hide(); },
  };
}

function needsUser() {
  return h("div", { class: "notice is-large" },
    h("p", { class: "lead" }, "Sign in to use live video."),
    h("p", {}, "Frames from your camera are sent to this service only, and none is kept."),
    h("button", { type: "button", class: "primary", on: { click: askToSignIn } }, "Sign in"));
}

function needsClient() {
  return h("div", { class: "notice is-large" },
    h("p", { class: "lead" }, "Live needs the Socket.IO client, which is not installed."),
    h("p", {}, "The operator of this service can install it with Node.js and restart the service:"),
    h("p", {}, h("code", {}, "npm ci --prefix entrypoints/web")),
    h("p", { class: "muted" }, "Everything else on this page works without it."));
}
