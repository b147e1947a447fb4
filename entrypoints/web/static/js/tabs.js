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
    open(names.includes(name) ? name : current ?? names[0]);
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

  function go(name) {
    history.replaceState(null, "", `#${name}`);
    open(name);
  }

  addEventListener("hashchange", fromAddress);
  fromAddress();
}
