// The settings of a session, under the names the service knows them by.

import { field, h, select } from "./dom.js";

const SIZES = [[320, 240], [480, 360], [640, 480], [960, 720], [1280, 960]];
const FORM = "live-settings";

const number = (name, value, min, max, step = 1) =>
  h("input", { type: "number", name, value, min, max, step, required: true });
const check = (name, checked) => h("input", { type: "checkbox", name, checked });

/**
 * A form, and the switch that keeps the session, which stands elsewhere. A field that is emptied
 * changes nothing, and gets its value back.
 * @param {(config: Object) => void} changed  called with the changed settings
 */
export function liveSettings(changed) {
  const sizes = SIZES.map((size) => [size.join("x"), size.join(" × ")]);
  const keep = h("input", { type: "checkbox", name: "save_session" });
  keep.setAttribute("form", FORM);
  const form = h("form", { class: "grid", id: FORM, noValidate: true },
    field("Frames a second, at most", number("max_frame_rate", 15, 1, 60), "Fewer take less of the machine."),
    field("Look for faces every … frames", number("detection_interval", 2, 1, 30), "Between them faces are followed: faster, but new ones appear later."),
    field("Size of frames for the detector", select(sizes, { name: "processing_resolution", value: "640x480" }), "Smaller is faster and misses small faces."),
    field("Smallest face, in pixels", number("min_face_size", 64, 16, 2000), "Faces that are less wide are left out."),
    field("Detector confidence, at least", number("detection_confidence", 0, 0, 1, 0.05), "From 0 to 1. Raise it where things are taken for faces."),
    field("Frames averaged", number("smooth_window_size", 5, 1, 60), "More are calmer and slower to change."),
    field("Average scores over frames", check("smooth_emotions", true)),
    field("Adjust settings when it cannot keep up", check("auto_adjust", true)),
    field("To keep up, look for faces less often first", check("prioritize_realtime", false)),
    field("Draw boxes", check("return_bounding_boxes", true)),
    field("Draw eyes, nose and mouth", check("return_face_landmarks", false)),
    nameField());
  const held = new Map([...form.elements].map((input) => [input.name, valueOf(input)]));
  held.set(keep.name, false);

  function take({ target }) {
    if (target.validity.valueMissing || target.validity.badInput) show(target, held.get(target.name));
    else if (target.reportValidity()) {
      held.set(target.name, valueOf(target));
      changed({ [target.name]: valueOf(target) });
    }
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", take);
  keep.addEventListener("change", take);
  return {
    element: h("details", { class: "panel live-settings" }, h("summary", {}, "Settings"), form),
    keep: field("Keep a summary in my history", keep),
    get config() {
      return Object.fromEntries(held);
    },
    /** Take over what the service suggests. */
    apply(config) {
      for (const [name, value] of Object.entries(config)) {
        const input = form.elements[name];
        if (!input) continue;
        held.set(name, value);
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
