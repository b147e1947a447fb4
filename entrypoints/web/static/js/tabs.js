// The three views, by mouse, arrow keys and address.

import { announce } from "./dom.js";

const SITE = document.title;

/**
 * An address such as #history/12 leads to the view "history", and there to the place "12".
 * @param {Object<string, (panel: HTMLElement) => {show?: Function, hide?: Function, goTo?: (place: string) => void, place?: () => string}>} mounts
 *   by the id of the panel; a view is mounted when it is first shown.
 * @returns {{go: (name: string) => Object}}  `go` opens a view, and returns what was mounted
 */
export function mountTabs(mounts) {
  const names = Object.keys(mounts);
  const views = {};
  let current = null;

  function open(name) {
    if (name === current) return;
    if (current) {
      views[current].hide?.();
      announce(); // What was said belongs to the view that is left.
    }
    for (const each of names) {
      const selected = each === name;
      const tab = document.getElementById(`tab-${each}`);
      tab.setAttribute("aria-selected", selected);
      tab.tabIndex = selected ? 0 : -1;
      document.getElementById(each).hidden = !selected;
      if (selected) document.title = `${tab.textContent} · ${SITE}`;
    }
    current = name;
    views[name] ??= mounts[name](document.getElementById(name)) ?? {};
    views[name].show?.();
  }

  function openAddress() {
    const [name, place = ""] = location.hash.slice(1).split("/");
    if (name && current && !names.includes(name)) return; // "#content" is a place in the page, and no view.
    open(names.includes(name) ? name : names[0]);
    views[current].goTo?.(place);
  }

  for (const name of names) {
    const tab = document.getElementById(`tab-${name}`);
    tab.addEventListener("click", () => go(name));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const target = { Home: names[0], End: names.at(-1) }[event.key]
        ?? (step && names[(names.indexOf(name) + step + names.length) % names.length]);
      if (!target) return;
      event.preventDefault();
      go(target);
      document.getElementById(`tab-${target}`).focus();
    });
  }

  /** Each change of the view is a step that the Back button takes back. */
  function go(name) {
    const place = views[name]?.place?.();
    if (name !== current) history.pushState(null, "", place ? `#${name}/${place}` : `#${name}`);
    open(name);
    return views[name];
  }

  addEventListener("popstate", openAddress); // Back and Forward, and links to #…
  openAddress();
  return { go };
}
