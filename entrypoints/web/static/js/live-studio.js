// Camera, connection, boxes, figures and timeline of a live session.

import { Camera, cameras } from "./camera.js";
import { announce, field, h } from "./dom.js";
import { duration } from "./format.js";
import { LiveBoxes } from "./live-boxes.js";
import { LiveConnection } from "./live-connection.js";
import { LiveFaces } from "./live-faces.js";
import { liveSettings } from "./live-settings.js";
import { liveSummary } from "./live-summary.js";
import { problem, sentence } from "./problem.js";
import { Timeline } from "./timeline.js";

const STATES = {
  ready: "Ready",
  waiting: "Waiting for the camera …",
  connecting: "Connecting …",
  running: "Running",
  reconnecting: "The connection was lost. Reconnecting …",
  renewing: "Your sign-in has expired. Renewing it …",
  full: "The service is full. Trying again …",
  ended: "The service ended the session.",
  stopped: "Stopped",
};
const AFTER = {
  connection: "Running again: reconnected.",
  token: "Running again: sign-in renewed.",
};

const UNKNOWN = "–";

export function liveStudio() {
  const video = h("video", { muted: true, playsInline: true, "aria-label": "Your camera" });
  const idle = h("div", { class: "idle" },
    h("p", { class: "lead" }, "Press Start to see which emotions your face shows."),
    h("p", { class: "muted" }, "Frames from your camera are sent to this service only, and none is kept. ",
      "A summary is kept if you save it."));
  const layer = h("div", { class: "layer" }, video);
  const stage = h("div", { class: "stage live-stage is-mirrored" }, layer, idle);
  const choice = h("select", { on: { change: () => running && restart() } }, h("option", { value: "" }, "Default camera"));
  const mirror = h("input", { type: "checkbox", checked: true, on: { change: () =>
    stage.classList.toggle("is-mirrored", mirror.checked) } });
  const toggle = h("button", { type: "button", class: "toggle primary", on: { click: () => (running ? stop() : start()) } }, "Start");
  const stopAndSave = h("button", { type: "button", hidden: true, on: { click: saveAtLast } }, "Stop and save");
  const state = h("p", { class: "state muted small", role: "status" });
  const trouble = h("div", {});
  const advice = h("div", { role: "status" });
  const figures = figureList(["Frames/s", "Latency", "Dropped", "Faces"]);
  const timeline = new Timeline();
  timeline.element.hidden = true; // Until there is something in it.
  const faceList = new LiveFaces((id) => timeline.choose(id));
  const summaryPlace = h("div", {});
  const options = liveSettings((config) => {
    if (running) connection.configure(config);
    showToggle();
  });
  const camera = new Camera(video);
  const boxes = new LiveBoxes(layer);
  let running = false;
  let isShown = false;
  let connection = null;

  showState("ready");
  const main = h("div", { class: "live-main" },
    h("div", { class: "live-controls" }, toggle, stopAndSave, options.keep, field("Mirror", mirror), field("Camera", choice)),
    state, trouble, stage);
  const element = h("div", { class: "live-view" }, main,
    // Advice comes while people watch, so it stands where it does not move the picture.
    h("div", { class: "live-side" }, summaryPlace, advice, figures.element, faceList.element, timeline.element, options.element));

  const handlers = {
    state: (name, after) => {
      if (!running) return;
      showState(name, AFTER[after]);
      if (name === "running") trouble.replaceChildren(); // The earlier problem is over.
      else if (name === "ended") stop({ because: "ended" });
      else startOver();
    },
    result: (result, roundTripMs, picture) => {
      if (!running) return;
      boxes.show(result, mirror.checked);
      timeline.add(result.faces);
      faceList.show(result, picture, mirror.checked);
      figures.show([
        result.fps.toFixed(1),
        roundTripMs === null ? UNKNOWN : duration(roundTripMs / 1000),
        result.dropped_frames,
        result.faces.length,
      ]);
    },
    suggestion: ({ message, suggested_config: config }) => advise(message, config),
    problem: (error) => {
      if (error.code === 429) advise(error.message, { max_frame_rate: Math.max(1, Math.floor(error.recommended_value)) });
      else if (running) trouble.replaceChildren(problem(new Error(error.message), "The service could not do that"));
    },
    // Without a signed-in user this view is not shown, and has stopped.
    refused: (error) => (error.code === "signed_out" ? announce(problem(error)) : stop({ error })),
    summary: (summary) => {
      if (summary.detection_id) document.dispatchEvent(new Event("session-saved"));
      if (running) return; // A new session has started.
      summaryPlace.replaceChildren(liveSummary(summary, { portraitOf: (id) => faceList.portraitOf(id) }));
      connection?.close();
    },
  };

  /** The next session counts its faces from one again: its "Face 1" may be somebody else. */
  function startOver() {
    clearFaces();
    faceList.startOver();
    timeline.clear();
  }

  function clearFaces() {
    boxes.clear();
    faceList.clear();
    figures.clear();
  }

  function showState(name, text = STATES[name]) {
    state.textContent = text;
    state.dataset.state = name;
    showToggle();
  }

  function advise(message, config) {
    advice.replaceChildren(h("div", { class: "notice" },
      h("p", {}, sentence(message)),
      h("ul", { class: "muted small" }, ...options.inWords(config).map((words) => h("li", {}, words))),
      h("div", { class: "row" },
        h("button", { type: "button", on: { click: () => {
          options.apply(config);
          connection?.configure(config);
          endAdvice();
        } } }, "Apply"),
        h("button", { type: "button", class: "plain", on: { click: endAdvice } }, "Ignore"))));
  }

  function endAdvice() {
    advice.replaceChildren();
    toggle.focus({ preventScroll: true }); // The button that had the focus is gone.
  }

  async function start() {
    for (const part of [trouble, advice, summaryPlace]) part.replaceChildren();
    toggle.disabled = true;
    connection?.close();
    showState("waiting"); // The browser may ask whether the page may use it.
    try {
      await camera.open(choice.value);
      if (isShown) await connect();
      else stop(); // The view was left meanwhile.
    } catch (error) {
      stop({ error });
    }
    toggle.disabled = false;
  }

  async function connect() {
    stage.style.setProperty("--ratio", video.videoWidth / video.videoHeight);
    idle.hidden = true;
    running = true;
    timeline.element.hidden = false;
    handlers.state("connecting");
    connection = new LiveConnection(handlers);
    await connection.open(options.config);
    await listCameras();
    pump(connection);
  }

  function showToggle() {
    toggle.textContent = running ? "Stop" : "Start";
    toggle.className = running ? "toggle stop" : "toggle primary";
    figures.element.hidden = !running;
    // Only while the service has the session; what it has lost cannot be saved.
    stopAndSave.hidden = !running || options.config.save_session || state.dataset.state !== "running";
  }

  /** Save only this session: the service keeps what is to be saved when it ends, and forgets all else. */
  function saveAtLast() {
    connection.configure({ save_session: true });
    stop();
    toggle.focus();
  }

  /** Send frames as fast as results come back, and no faster than the settings say. */
  async function pump(mine) {
    let due = performance.now();
    while (running && mine === connection) {
      if (mine.isReady) mine.send(await camera.frame());
      // The interval counts from when a frame was due, not from when the work for it was done.
      const now = performance.now();
      due = Math.max(due + 1000 / options.config.max_frame_rate, now);
      await new Promise((resolve) => setTimeout(resolve, due - now));
    }
  }

  function stop({ error = null, because = "stopped" } = {}) {
    if (running) connection?.stop();
    running = false;
    camera.close();
    clearFaces();
    idle.hidden = false;
    showState(because);
    if (error) trouble.replaceChildren(problem(error));
  }

  async function restart() {
    stop();
    await start();
  }

  async function listCameras() {
    const found = await cameras();
    choice.replaceChildren(...(found.length ? found : [["", "Default camera"]]).map(([value, text]) =>
      h("option", { value, textContent: text })));
    if (camera.deviceId) choice.value = camera.deviceId;
  }

  function show() {
    isShown = true;
    listCameras();
  }

  function hide() {
    isShown = false;
    if (running) stop();
  }

  addEventListener("pagehide", () => connection?.close());
  return { element, show, hide };
}

function figureList(names) {
  const values = names.map(() => h("dd", {}, UNKNOWN));
  const element = h("dl", { class: "figures" },
    ...names.map((name, index) => h("div", {}, h("dt", {}, name), values[index])));
  const show = (texts) => texts.forEach((text, index) => (values[index].textContent = text));
  return { element, show, clear: () => show(names.map(() => UNKNOWN)) };
}
