// The three views, by mouse, arrow keys and address.

/**
 * @param {Object<string, (panel: HTMLElement) => {show?: Function, hide?: Function}>} mounts
 *   by the id of the panel; a view is mounted when it is first shown.
 */
export function mountTabs(mounts) {
  const names = Object.keys(mounts);
  const views = {};
  let current = null;

  function open(name) {
    if (name === current) return;
    if (current) views[current].hide?.();
    for (const each of names) {
      const selected = each === name;
      const tab = document.getElementById(`tab-${each}`);
      tab.setAttribute("aria-selected", selected);
      tab.tabIndex = selected ? 0 : -1;
      document.getElementById(each).hidden = !selected;
    }
    current = name;
    views[name] ??= mounts[name](document.getElementById(name)) ?? {};
    views[name].show?.();
  }

  function fromAddress() {
    const name = location.hash.slice(1);
    if (names.includes(name)) open(name);
    else open(name && current ? current : names[0]); // "#content" is a place in a view, and no view.
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
    if (name !== current) history.pushState(null, "", `#${name}`);
    open(name);
  }

  addEventListener("popstate", fromAddress); // Back and Forward, and links to #…
  fromAddress();
}
