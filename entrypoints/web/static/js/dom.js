// Making elements without markup in strings, so that no text of a user is ever read as HTML.

/**
 * Make an element.
 * @param {string} tag
 * @param {Object} properties  `class`, `dataset`, `on` (listeners by event), `aria-…` and other
 *   attributes with a dash, and plain properties such as `textContent`.
 * @param {...(Node|string|null)} children
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "on") listen(element, value);
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** An element that comes with an animation. CSS alone would repeat it whenever the view that it is in is shown again. */
export function arriving(element) {
  element.classList.add("is-arriving");
  element.addEventListener("animationend", () => element.classList.remove("is-arriving"), { once: true });
  return element;
}

function listen(element, listeners) {
  for (const [event, listener] of Object.entries(listeners)) element.addEventListener(event, listener);
}

/** A listener of a button that takes a while: it shows that it works, and takes no further click meanwhile. */
export const oneAtATime = (action) => async ({ currentTarget: button }) => {
  if (button.hasAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    await action();
  } finally {
    button.removeAttribute("aria-busy");
  }
};

let lastId = 0;

/** A label and its field, and a hint on what it does. */
export function field(text, input, hint = null) {
  input.id ||= `field-${++lastId}`;
  const label = h("label", { for: input.id }, text);
  const isBox = input.type === "checkbox";
  const about = hint && h("p", { class: "hint", id: `${input.id}-hint` }, hint);
  if (about) input.setAttribute("aria-describedby", about.id);
  return h("div", { class: isBox ? "check" : "field" }, ...(isBox ? [input, label] : [label, input]), about);
}

/** A `<select>`; options are pairs of value and text. */
export function select(options, properties = {}) {
  const choices = options.map(([value, text]) => h("option", { value, textContent: text }));
  const element = h("select", properties, ...choices);
  if (properties.value !== undefined) element.value = properties.value;
  return element;
}

const announcements = document.getElementById("announcements");

/** Show something at the top of the page; screen readers read it out. */
export function announce(...content) {
  announcements.replaceChildren(...content);
}
