// The settings of a session, under the names the service knows them by.

import { field, h, select } from "./dom.js";
import { settings } from "./settings.js";

const SIZES = [[320, 240], [480, 360], [640, 480], [960, 720], [1280, 960]];
const FORM = "live-settings";

const number = (name, value, min, max, step = 1) =>
  h("input", { type: "number", name, value, min, max, step, required: true });
const check = (name, checked) => h("input", { type: "checkbox", name, checked });

/**
 * A form, and the checkbox that saves the session, which is shown elsewhere. A field that is emptied
 * changes nothing, and gets its value back.
 * @param {(config: Object) => void} onChange  called with the changed settings
 */
export function liveSettings(onChange) {
  const sizes = SIZES.map((size) => [size.join("x"), size.join(" × ")]);
  const keep = h("input", { type: "checkbox", name: "save_session" });
  keep.setAttribute("form", FORM);
  const form = h("form", { class: "grid", id: FORM, noValidate: true },
    field("Maximum frames per second", number("max_frame_rate", 15, 1, 60), "Fewer frames put less load on the service."),
    field("Detect faces every … frames", number("detection_interval", 3, 1, 30), "In between, known faces are followed: faster, but new faces appear later."),
    field("Frame size for detection", select(sizes, { name: "processing_resolution", value: "640x480" }), "Smaller frames are faster, but small faces are missed."),
    field("Smallest face in pixels", number("min_face_size", settings.minFaceSize, 16, 2000), "Smaller faces are ignored."),
    field("Minimum detector confidence", number("detection_confidence", 0, 0, 1, 0.05), "From 0 to 1. Raise it if objects are mistaken for faces."),
    field("Smoothing window in frames", number("smooth_window_size", 5, 1, 60), "A longer window gives steadier scores that change more slowly."),
    field("Smooth scores over frames", check("smooth_emotions", true)),
    field("Reduce the frame size when falling behind", check("auto_adjust", true)),
    field("When falling behind, also detect faces less often", check("prioritize_realtime", false)),
    field("Draw boxes", check("return_bounding_boxes", true)),
    field("Draw eyes, nose and mouth", check("return_face_landmarks", false)),
    nameField());
  const values = new Map([...form.elements].map((input) => [input.name, valueOf(input)]));
  values.set(keep.name, false);

  function take({ target }) {
    if (target.validity.valueMissing || target.validity.badInput) show(target, values.get(target.name));
    else if (target.reportValidity()) {
      values.set(target.name, valueOf(target));
      onChange({ [target.name]: valueOf(target) });
    }
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", take);
  keep.addEventListener("change", take);
  return {
    element: h("details", { class: "panel live-settings" }, h("summary", {}, "Settings"), form),
    keep: field("Save a summary in my history", keep),
    get config() {
      return Object.fromEntries(values);
    },
    /** Settings as the form names them; others are left out. */
    inWords(config) {
      return Object.entries(config).flatMap(([name, value]) => {
        const [label] = form.elements[name]?.labels ?? [];
        return label ? [setting(label.textContent, value)] : [];
      });
    },
    /** Take over what the service suggests. */
    apply(config) {
      for (const [name, value] of Object.entries(config)) {
        const input = form.elements[name];
        if (!input) continue;
        values.set(name, value);
        show(input, value);
      }
    },
  };
}

function nameField() {
  const name = field("Name in the history", h("input", { name: "video_source", maxLength: 200, placeholder: "Live session" }));
  name.classList.add("is-wide");
  return name;
}

function setting(label, value) {
  const text = typeof value === "boolean" ? { true: "on", false: "off" }[value] : [value].flat().join(" × ");
  return label.includes("…") ? label.replace("…", text) : `${label}: ${text}`;
}

function valueOf(input) {
  if (input.type === "checkbox") return input.checked;
  if (input.tagName === "SELECT") return input.value.split("x").map(Number);
  if (input.type === "text") return input.value.trim() || null;
  return Number(input.value);
}

function show(input, value) {
  if (input.type === "checkbox") input.checked = value;
  else if (input.tagName === "SELECT") choose(input, value);
  else input.value = value;
}

function choose(input, [width, height]) {
  const value = `${width}x${height}`;
  if (![...input.options].some((option) => option.value === value)) {
    input.append(h("option", { value, textContent: `${width} × ${height}` }));
  }
  input.value = value;
}
