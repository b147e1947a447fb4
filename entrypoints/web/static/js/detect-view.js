// The view for photos and videos: choose them, and look at what was found.

import { usageChanged } from "./account.js";
import { analyse } from "./analysis.js";
import { call, callForJson } from "./api.js";
import { save } from "./batch-export.js";
import { announce, h, oneAtATime } from "./dom.js";
import { drawPhoto } from "./drawn-photo.js";
import { countChips, countsInWords } from "./emotion-counts.js";
import { count, shorten } from "./format.js";
import { downloadDrawn, pictureOf, saveWithBoxes } from "./history-card.js";
import { photoCard } from "./overview.js";
import { problem, signInButton, tryAgain } from "./problem.js";
import { session } from "./session.js";
import { settings } from "./settings.js";
import { askToSignIn } from "./sign-in.js";
import { isVideo, pathOf, uploadAndFollow } from "./videos.js";
import { videoPlayer } from "./video-player.js";
import { videoProgress, videoViewer } from "./video-view.js";
import { videosInWork } from "./videos-in-work.js";
import { photoProgress, viewer, waiting } from "./viewer.js";
import { completeWelcome } from "./welcome.js";

const CANCELLED = { title: "Cancelled", message: "Nothing was kept.", status: 400 };
const OVERVIEW = "photos"; // Its place in the address.
const UNKNOWN_SIZE = { width: 4, height: 3 };
const NEEDS_USER = ["quota_exceeded", "signed_out"];
const OF_ALL_FILES = [...NEEDS_USER, "unreachable"];
const STORED_TRIES = 8;
const STORED_AGAIN_MS = 750;

export function mountDetect(panel) {
  let photos = [];
  let current = null; // The photo that is shown; null for the overview.

  // Browsers know not all of them by their types.
  const accept = ["image/*", "video/*", ...settings.imageSuffixes, ...settings.videoSuffixes].join();
  const input = h("input", { type: "file", multiple: true, accept, id: "photos" });
  const chooser = h("label", { class: "chooser" }, input, h("span", { class: "button primary" }, "Choose files"));
  const unfinished = videosInWork();
  const welcomeView = panel.querySelector(".welcome");
  completeWelcome(welcomeView, chooser, take, unfinished.element);
  const overview = h("button", { type: "button", on: { click: () => visit(null) } }, "Overview");
  const clear = h("button", { type: "button", on: { click: clearAll } }, "Clear");
  const exports = ["csv", "json"].map((format) =>
    h("button", { type: "button", on: { click: () => save(photos, format) } }, format.toUpperCase()));
  const progress = h("progress", { max: 1, "aria-label": "Photos analysed" });
  const percentage = h("span", { class: "small", "aria-hidden": "true" }); // The bar says it too.
  const going = h("div", { class: "going" }, progress, percentage,
    h("button", { type: "button", on: { click: () => photos.filter(isInWork).forEach(cancel) } }, "Cancel"));
  const progressText = h("p", { class: "small", role: "status" });
  const mending = h("div", { class: "row mending" });
  const totals = h("div", {});
  const exporting = h("div", { class: "row small exporting" }, "Export", ...exports);
  const list = h("ul", { class: "photos", "aria-label": "Photos" });
  const tools = h("div", { class: "tools row" }, overview, clear);
  const batch = h("section", { class: "batch", "aria-label": "All photos" },
    totals, progressText, going, exporting, mending);
  const spoken = h("p", { class: "unseen", role: "status" }); // For screen readers.
  const stage = h("div", { class: "main", tabIndex: -1 }); // It takes the focus of what goes away.
  const details = h("div", { class: "result" });
  const side = h("aside", { class: "side", "aria-label": "Result" }, batch, list, details);
  const workspace = h("div", { class: "workspace", hidden: true }, tools, stage, side);
  panel.append(h("h2", { class: "unseen" }, "Detect"), spoken, h("div", { class: "detect-view" }, welcomeView, workspace));

  async function take(files, { sample = null } = {}) {
    const taken = [...files].map((file) => ({
      file, url: URL.createObjectURL(file), state: "working", isVideo: isVideo(file), sample,
    }));
    if (!taken.length) return;
    announce();
    if (workspace.hidden) forget(); // What the Back button left is over.
    for (const photo of taken) {
      photo.card = photoCard(photo, () => visit(photo));
      photos.push(photo);
      list.append(photo.card.element);
    }
    visit(taken.length > 1 ? null : taken[0]);
    await analyseThese(taken);
  }

  /** Show a photo or the overview (null), as a step that the Back button takes back. */
  function visit(photo) {
    const place = photo ? photos.indexOf(photo) + 1 : OVERVIEW;
    const isElsewhere = workspace.hidden || !current; // Another picture beside the same list is no other place.
    history.pushState(null, "", `#detect/${place}`);
    goTo(place);
    if (isElsewhere) scrollTo(0, 0);
  }

  function goTo(place) {
    if (photos[place - 1]) enter(photos[place - 1]);
    else if (place === OVERVIEW && photos.length) enter(photos.length > 1 ? null : photos[0]);
    else {
      if (place) history.replaceState(null, "", "#detect"); // What was there is not kept.
      leave();
    }
  }

  const place = () => (workspace.hidden ? "" : current ? photos.indexOf(current) + 1 : OVERVIEW);

  function enter(photo) {
    if (workspace.hidden) {
      const focused = document.activeElement;
      const isLost = welcomeView.contains(focused);
      workspace.hidden = false;
      welcomeView.remove();
      tools.prepend(chooser);
      if (isLost) (focused === input ? input : stage).focus({ preventScroll: true });
    }
    show(photo);
  }

  /** Show the welcome. The photos stay, so that the Forward button leads to them again. */
  function leave() {
    if (workspace.hidden) return;
    pause();
    workspace.hidden = true;
    welcomeView.querySelector(".by-mouse").before(chooser);
    panel.querySelector(".detect-view").prepend(welcomeView);
    unfinished.reload();
  }

  /** A video that nobody sees would still be heard. */
  function pause() {
    for (const { player } of photos) player?.video.pause();
  }

  async function analyseThese(some) {
    for (const photo of some) {
      photo.sending = new AbortController();
      photo.sent = 0;
      photo.showSent = (share, { isAlone = true } = {}) => {
        photo.sent = share;
        if (isAlone) photo.progress.showSent(share);
        showProgress();
      };
      if (!photo.isVideo) photo.progress = photoProgress({ title: shorten(photo.file.name), cancel: () => cancel(photo) });
    }
    showProgress();
    await Promise.all([
      analyse(some.filter((photo) => !photo.isVideo), report),
      ...some.filter((photo) => photo.isVideo).map(analyseVideo),
    ]);
    usageChanged();
  }

  function report(photo, outcome) {
    if (!photos.includes(photo)) return; // Cleared meanwhile.
    if (outcome.error && photo.isCancelled) outcome.error = CANCELLED;
    Object.assign(photo, outcome, { state: outcome.error ? "failed" : "done" });
    photo.card.update();
    showProgress();
    if (photo !== current) return;
    show(photo);
    if (photo.detection) spoken.textContent = `${shorten(photo.file.name)}: ${countsInWords(photo.detection.detection_results.faces)}`;
  }

  /** Send a video and show how far it is; it goes on also when the page is left. */
  async function analyseVideo(photo) {
    photo.view = null;
    photo.progress = videoProgress({ title: shorten(photo.file.name), cancel: () => cancel(photo) });
    try {
      const sending = { signal: photo.sending.signal, onProgress: photo.showSent };
      for await (const video of uploadAndFollow(photo.file, sending)) {
        photo.video = video;
        photo.progress.update(video);
        showProgress();
        if (photo.isCancelled) await call(pathOf(video), { method: "DELETE" });
      }
      if (photo.video.status === "done") {
        const path = `${settings.apiPrefix}/history/${photo.video.detection_id}`;
        report(photo, { detection: await callForJson(path) });
      } else {
        report(photo, { error: photo.video.error ?? CANCELLED });
      }
    } catch (error) {
      report(photo, { error });
    }
  }

  async function cancel(photo) {
    photo.isCancelled = true;
    photo.sending.abort();
    if (photo.video) await call(pathOf(photo.video), { method: "DELETE" }).catch(() => {});
  }

  async function analyseAgain(some) {
    for (const photo of some) {
      Object.assign(photo, { state: "working", error: null, video: null, isCancelled: false });
      photo.card.update();
    }
    if (some.includes(current)) show(current);
    await analyseThese(some);
  }

  function clearAll() {
    history.pushState(null, "", "#detect");
    leave();
    forget();
    input.focus();
  }

  /** What is still in work ends; only a video that the service has already goes on. */
  function forget() {
    for (const photo of photos) {
      if (isInWork(photo) && !photo.video) cancel(photo);
      URL.revokeObjectURL(photo.url);
    }
    photos = [];
    current = null;
    list.replaceChildren();
  }

  /** The button for photos that failed: try again, or sign in when a guest has no uses left. */
  function remedies(failed) {
    const some = failed.filter(canBeMended);
    if (!some.length) return [];
    if (session.user || !some.some(needsUser)) {
      return [tryAgain(() => analyseAgain(some), some.length > 1 ? `Try ${some.length} again` : undefined)];
    }
    return [signInButton(async () => {
      await askToSignIn();
      if (session.user) analyseAgain(some);
    }, some.length > 1 ? `Sign in to analyse ${some.length} more` : undefined)];
  }

  /** What can be done with a result. */
  function actionsFor(photo) {
    // The page draws what it shows: of guests the service keeps nothing that it could draw.
    const canSave = session.user || photo.picture;
    if (!canSave || !photo.detection.detection_results.face_detected) return [];
    const trouble = h("div", {});
    return [h("button", { type: "button", on: { click: oneAtATime(async () => {
      try {
        trouble.replaceChildren();
        if (photo.picture) downloadDrawn(await drawPhoto(photo.picture, photo.detection), photo.file.name);
        else await onceStored(() => saveWithBoxes(photo.detection));
      } catch (error) {
        trouble.replaceChildren(problem(error));
      }
    }) } }, "Save with boxes"), trouble];
  }

  function showProgress() {
    if (!photos.length) return; // Cleared meanwhile.
    const done = photos.filter(({ state }) => state === "done");
    const failed = photos.filter(({ state }) => state === "failed");
    const cancelled = failed.filter(isCancelled).length;
    const isOver = !photos.some(isInWork);
    progress.value = photos.reduce((sum, photo) => sum + shareOf(photo), 0) / photos.length;
    percentage.textContent = `${Math.floor(100 * progress.value)}\u00a0%`;
    if (isOver && going.contains(document.activeElement)) stage.focus({ preventScroll: true });
    going.hidden = isOver;
    const kind = photos.some(({ isVideo }) => isVideo) ? "file" : "photo";
    exporting.hidden = !isOver || !done.length; // It takes the place of the bar.
    const parts = [`${done.length} of ${count(photos.length, kind)} analysed`];
    if (failed.length > cancelled) parts.push(`${failed.length - cancelled} failed`);
    if (cancelled) parts.push(`${cancelled} cancelled`);
    tell(progressText, `${parts.join(", ")}${isOver ? "" : " …"}`);
    const faces = done.flatMap(({ detection }) => detection.detection_results.faces);
    totals.replaceChildren(h("h2", {}, done.length ? count(faces.length, "face") : "Analysing …"), countChips(faces));
    totals.hidden = isOver && !done.length;
    mending.replaceChildren(...remedies(failed));
  }

  async function show(photo) {
    current = photo;
    if (photo) {
      await load(photo);
      if (current !== photo) return; // Another photo was opened meanwhile.
    }
    const focused = document.activeElement;
    const isBatch = photos.length > 1;
    const isOverview = isBatch && photo === null;
    workspace.classList.toggle("is-overview", isOverview);
    overview.hidden = !isBatch || isOverview;
    batch.hidden = !isOverview;
    list.hidden = !isBatch;
    if (isOverview) {
      stage.replaceChildren(list);
      details.replaceChildren();
    } else {
      if (list.parentElement !== side) side.insertBefore(list, details);
      const shown = shownOf(photo);
      if (stage.firstChild !== shown.stage) stage.replaceChildren(shown.stage); // A video that moves stops.
      details.replaceChildren(shown.details);
      showAsJpeg(photo);
    }
    for (const { card } of photos) card.button.removeAttribute("aria-current");
    photo?.card.button.setAttribute("aria-current", "true");
    if (photo) scrollList(photo.card.element);
    if (focused === document.body) return;
    // An element that moves loses the focus, and one that is gone or hidden leaves it to the stage.
    (focused.getClientRects().length ? focused : stage).focus({ preventScroll: true });
  }

  /** Scroll the list, and not the page, so that a card is in view. */
  function scrollList({ offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height }) {
    list.scrollLeft = Math.max(left + width - list.clientWidth, Math.min(left, list.scrollLeft));
    list.scrollTop = Math.max(top + height - list.clientHeight, Math.min(top, list.scrollTop));
  }

  /** A photo that the browser cannot show, such as HEIC, comes back from the service as a JPEG. */
  async function showAsJpeg(photo) {
    if (photo.isVideo || photo.picture || !photo.detection || !session.user || photo.isAsked) return;
    photo.isAsked = true;
    const url = await onceStored(async () => URL.createObjectURL(await pictureOf(photo.detection))).catch(() => null);
    if (!url || !photos.includes(photo)) return;
    URL.revokeObjectURL(photo.url);
    photo.url = url;
    photo.picture = h("img", { src: url, alt: photo.file.name });
    await photo.picture.decode();
    photo.card.showThumbnail();
    if (photo === current) show(photo);
  }

  function shownOf(photo) {
    if (photo.isVideo) return shownOfVideo(photo);
    const title = photo.file.name;
    const size = photo.detection?.image ?? photo.size;
    const picture = photo.picture ?? standIn(photo);
    if (photo.state === "done") {
      return viewer({ detection: photo.detection, picture, title, note: photo.note, sent: title, actions: actionsFor(photo) });
    }
    const before = waiting({ picture, size, title, progress: photo.progress.element });
    if (photo.state === "working") return before;
    before.stage.classList.remove("is-working");
    before.stage.classList.toggle("has-no-preview", !photo.picture);
    return { stage: before.stage, details: problem(photo.error, headingOf(photo), remedies([photo])) };
  }

  /** The player stays from the beginning, so that it goes on playing when the result comes. */
  function shownOfVideo(photo) {
    photo.player ??= videoPlayer({ source: photo.url, title: photo.file.name });
    if (photo.state === "done") {
      photo.view ??= videoViewer({ video: photo.video, record: photo.detection, player: photo.player });
      return photo.view;
    }
    const { element: stage } = photo.player;
    if (photo.state === "working") return { stage, details: photo.progress.element };
    return { stage, details: problem(photo.error, headingOf(photo), remedies([photo])) };
  }

  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  addEventListener("beforeunload", (event) => {
    if (photos.some(isBeingSent)) event.preventDefault(); // The browser asks whether to leave.
  });
  return { take, goTo, place, hide: pause };
}

const isInWork = ({ state }) => state === "working";

const isCancelled = ({ error }) => error === CANCELLED;

/** How far the work on it is: half of it is sending. */
const shareOf = ({ state, sent, video }) => (state === "working" ? (sent + (video?.progress ?? 0)) / 2 : 1);

/** Say something that is read out, unless it was said already. */
function tell(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

const needsUser = ({ error: { code } }) => NEEDS_USER.includes(code);

/** Whether it may go better next time: other faults are those of the file. */
const canBeMended = (photo) => isCancelled(photo) || needsUser(photo) || photo.error.code === "unreachable" || !(photo.error.status < 429);

/** Whether it would be lost with the page: a video that was sent goes on. */
const isBeingSent = ({ state, video, sample }) => state === "working" && !video && !sample;

/** What went wrong, with the name of the file where it is the file's fault. */
function headingOf({ file, error: { code, title } }) {
  return title && !OF_ALL_FILES.includes(code) ? `${shorten(file.name)}: ${title}` : title;
}

/** Load the picture of a photo, as far as the browser can show it. */
async function load(photo) {
  if (photo.size || photo.isVideo) return;
  const picture = h("img", { src: photo.url, alt: photo.file.name });
  const isShown = await picture.decode().then(() => true, () => false);
  photo.size = isShown ? { width: picture.naturalWidth, height: picture.naturalHeight } : UNKNOWN_SIZE;
  photo.picture = isShown ? picture : null;
}

/** Do something with a stored photo, once it is there: storing goes on after the answer. */
async function onceStored(action) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await action();
    } catch (error) {
      if (error.status !== 404 || tries === STORED_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, STORED_AGAIN_MS));
    }
  }
}

/** For formats such as HEIC, which the service reads and most browsers do not show. */
function standIn({ state, file }) {
  const kind = file.name.includes(".") ? file.name.split(".").pop().toUpperCase() : "this file";
  const text = state === "failed" ? "No preview" : `This browser cannot show ${kind}.`;
  const remedy = state === "done" && !session.user ? " Signed in, you see it as JPEG." : "";
  return h("p", { class: "stand-in" }, text, remedy);
}
