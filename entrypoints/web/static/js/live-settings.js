// The settings of a session, under the names the service knows them by.

import { field, h, select } from "./dom.js";

const SIZES = [[320, 240], [480, 360], [640, 480], [960, 720], [1280, 960]];

const number = (name, value, min, max, step = 1) =>
  h("input", { type: "number", name, value, min, max, step, required: true });
const check = (name, checked) => h("input", { type: "checkbox", name, checked });

/** A form; `changed` is told the settings that differ when one does. */
export function liveSettings(changed) {
  const sizes = SIZES.map((size) => [size.join("x"), size.join(" × ")]);
  const form = h("form", { class: "grid" },
    field("Detect every N frames", number("detection_interval", 1, 1, 30)),
    field("Most frames a second", number("max_frame_rate", 15, 1, 60)),
    field("Smallest face (px)", number("min_face_size", 64, 16, 2000)),
    field("Least confidence", number("detection_confidence", 0, 0, 1, 0.05)),
    field("Detector sees", select(sizes, { name: "processing_resolution", value: "640x480" })),
    field("Frames averaged", number("smooth_window_size", 5, 1, 60)),
    field("Average scores over frames", check("smooth_emotions", true)),
    field("Adjust when it cannot keep up", check("auto_adjust", true)),
    field("Detect less often to keep up", check("prioritize_realtime", false)),
    field("Send boxes", check("return_bounding_boxes", true)),
    field("Send eyes, nose and mouth", check("return_face_landmarks", false)),
    field("Keep a summary in the history", check("save_session", false)),
    nameField());
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    if (target.reportValidity()) changed({ [target.name]: valueOf(target) });
  });
  const element = h("details", { class: "panel live-settings" }, h("summary", {}, "Settings"), form);
  return {
    element,
    get config() {
      return Object.fromEntries([...form.elements].map((input) => [input.name, valueOf(input)]));
    },
    /** Take over what the service suggests. */
    apply(config) {
      for (const [name, value] of Object.entries(config)) {
        const input = form.elements[name];
        if (!input) continue;
        if (input.type === "checkbox") input.checked = value;
        else if (input.tagName === "SELECT") choose(input, value);
        else input.value = value;
      }
    },
  };
}

function nameField() {
  const name = field("Name of the stream in the history",
    h("input", { name: "video_source", maxLength: 200, placeholder: "none" }));
  name.classList.add("is-wide");
  return name;
}

function valueOf(input) {
  if (input.type === "checkbox") return input.checked;
  if (input.tagName === "SELECT") return input.value.split("x").map(Number);
  if (input.type === "text") return input.value.trim() || null;
  return Number(input.value);
}

function choose(input, [width, height]) {
  const value = `${width}x${height}`;
  if (![...input.options].some((option) => option.value === value)) {
    input.append(h("option", { value, textContent: `${width} × ${height}` }));
  }
  input.value = value;
}
