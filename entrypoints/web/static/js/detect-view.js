// The view for photographs: drop, paste or choose them, and look at what was found.

import { usageChanged } from "./account.js";
import { analyse } from "./analysis.js";
import { announce, h } from "./dom.js";
import { chips } from "./face-card.js";
import { EMOTIONS, bytes, count } from "./format.js";
import { problem } from "./problem.js";
import { session } from "./session.js";
import { settings } from "./settings.js";
import { askToSignIn } from "./sign-in.js";
import { viewer, waiting } from "./viewer.js";

export function mountDetect(panel) {
  const photos = [];
  let current = null;
  let visible = true;

  const input = h("input", { type: "file", multiple: true, accept: "image/*", id: "photographs" });
  const drop = h("div", { class: "drop is-large" },
    h("p", { class: "lead" }, "What do these faces show?"),
    h("div", { class: "row" },
      h("label", {}, input, h("span", { class: "button primary" }, "Choose photographs")),
      h("button", { type: "button", class: "example", on: { click: takeExample } }, "Try an example")),
    h("p", { class: "by-mouse" }, "or drop them here, or paste one"),
    h("p", { class: "muted small" },
      `JPEG, PNG, GIF, WebP, BMP, AVIF, HEIC or TIFF, at most ${bytes(settings.maxUploadBytes)} each`),
    h("p", { class: "words" }, "Every face gets a score for each of", chips(EMOTIONS)));
  const strip = h("ul", { class: "strip", "aria-label": "Photographs", hidden: true });
  const result = h("div", { class: "detect-result" });
  panel.append(h("h2", { class: "unseen" }, "Detect"), h("div", { class: "detect-view" }, drop, strip, result));

  async function take(files) {
    const taken = [...files].map((file) => ({ file, url: URL.createObjectURL(file), state: "working" }));
    if (!taken.length) return;
    announce();
    drop.classList.remove("is-large");
    for (const photo of taken) {
      photos.push(photo);
      addToStrip(photo);
    }
    show(taken[0]);
    await read(taken);
  }

  async function takeExample() {
    const picture = await (await fetch("/web/example.jpg")).blob();
    take([new File([picture], "example.jpg", { type: picture.type })]);
  }

  async function read(some) {
    await analyse(some, (photo, outcome) => {
      Object.assign(photo, outcome, { state: outcome.error ? "failed" : "done" });
      updateStrip(photo);
      if (photo === current) show(photo);
    });
    usageChanged();
  }

  async function readAgain(photo) {
    photo.state = "working";
    updateStrip(photo);
    show(photo);
    await read([photo]);
  }

  /** What may help a photograph that failed: another try, and a guest without a try left to sign in. */
  function remedies(photo) {
    const { code, status } = photo.error;
    if (code === "quota_exceeded" && !session.user) {
      const signIn = async () => {
        await askToSignIn();
        if (session.user) readAgain(photo);
      };
      return [h("button", { type: "button", class: "primary", on: { click: signIn } }, "Sign in")];
    }
    if (code !== "unreachable" && status < 429) return [];
    return [h("button", { type: "button", on: { click: () => readAgain(photo) } }, "Try again")];
  }

  function addToStrip(photo) {
    photo.badge = h("span", { class: "state" });
    photo.button = h("button", { type: "button", on: { click: () => show(photo) } },
      thumbnail(photo), photo.badge);
    updateStrip(photo);
    strip.append(h("li", {}, photo.button));
    strip.hidden = photos.length < 2;
  }

  function updateStrip(photo) {
    const faces = photo.detection?.detection_results.faces.length;
    const said = { working: "working", failed: "failed", done: count(faces, "face") }[photo.state];
    photo.badge.textContent = { working: "…", failed: "!", done: faces }[photo.state];
    photo.badge.classList.toggle("is-bad", photo.state === "failed");
    photo.button.setAttribute("aria-label", `${photo.file.name}: ${said}`);
  }

  function show(photo) {
    current = photo;
    for (const { button } of photos) button.removeAttribute("aria-current");
    photo.button.setAttribute("aria-current", "true");
    if (photo.state === "done") {
      const picture = h("img", { src: photo.url, alt: photo.file.name });
      result.replaceChildren(viewer({ ...photo, picture, title: photo.file.name }));
      return;
    }
    const picture = h("img", { src: photo.url, alt: "", on: { error: () => picture.remove() } });
    if (photo.state === "working") {
      result.replaceChildren(waiting({ picture, title: photo.file.name }));
      return;
    }
    const title = photo.error.title && `${photo.file.name}: ${photo.error.title}`;
    const figure = h("figure", { class: "picture" }, h("div", { class: "stage" }, picture));
    result.replaceChildren(problem(photo.error, title, remedies(photo)), figure);
  }

  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  listenForDrops(drop, take);
  addEventListener("paste", (event) => {
    if (visible && event.clipboardData?.files.length) take(event.clipboardData.files);
  });
  return { show: () => (visible = true), hide: () => (visible = false) };
}

function thumbnail({ file, url }) {
  const picture = h("img", { src: url, alt: "", on: { error: () => {
    picture.replaceWith(h("span", { class: "name" }, file.name));
  } } });
  return picture;
}

/** Files may be dropped anywhere on the page: a near miss would open the photograph instead. */
function listenForDrops(drop, take) {
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    drop.classList.add("is-over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("is-over");
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    drop.classList.remove("is-over");
    if (drop.checkVisibility()) take(event.dataTransfer.files);
  });
}
