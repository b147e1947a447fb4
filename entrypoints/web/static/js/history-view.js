// The view of what is kept for a signed-in user.

import { call, callForJson } from "./api.js";
import { askToConfirm } from "./dialogs.js";
import { announce, field, h, oneAtATime, select } from "./dom.js";
import { download } from "./download.js";
import { historyCard } from "./history-card.js";
import { showDetection } from "./history-detail.js";
import { historyVideos } from "./history-videos.js";
import { count } from "./format.js";
import { problem, tryAgain } from "./problem.js";
import { session } from "./session.js";
import { EMOTIONS, settings } from "./settings.js";
import { askToSignIn } from "./sign-in.js";

const PAGE = 24;
const MAX_PAGE = 100; // The service gives no more at once.
const FILTER_KEY = "emotion-api.history-filter"; // Kept for as long as the tab, like the sign-in.
const TYPING_MS = 250; // After a pause this long in typing, show what matches.

export function mountHistory(panel) {
  const path = `${settings.apiPrefix}/history`;
  let shown = [];
  let total = 0;
  let latestRequest = 0;
  let shownFilter = ""; // For which the cards are.
  let opened = null; // The record that is shown: its id, and how to close it.
  let last = null; // The id of the record that was closed last.

  const filters = filterForm(() => {
    keepFilter();
    reload();
  });
  const heading = h("p", { class: "muted", role: "status" });
  const exports = h("div", { class: "row" },
    h("button", { type: "button", on: { click: oneAtATime(() => exportAs("csv")) } }, "Export CSV"),
    h("button", { type: "button", on: { click: oneAtATime(() => exportAs("json")) } }, "Export JSON"),
    h("button", { type: "button", class: "danger", on: { click: eraseAll } }, "Delete all"));
  const trouble = h("div", {});
  const cards = h("ul", { class: "cards" });
  const empty = h("div", { class: "notice is-large", hidden: true },
    h("p", { class: "lead" }, "Your history is empty."),
    h("p", {}, "What you analyse while you are signed in is listed here until you delete it."),
    h("a", { class: "button primary", href: "#detect" }, "Analyse a photo"));
  const none = h("div", { class: "notice is-large", hidden: true },
    h("p", { class: "lead" }, "No matches."),
    h("p", {}, "Nothing in your history fits these filters."));
  const more = h("button", { type: "button", on: { click: oneAtATime(showMore) } }, "Show more");
  const howMany = h("p", { class: "muted small" });
  const rest = h("div", { class: "rest" }, more, howMany);
  const unfilter = h("button", { type: "button", on: { click: showAll } }, "Show all");
  const videos = historyVideos(() => reload());
  const head = h("div", { class: "history-head" }, heading, unfilter, exports);
  const view = h("div", { class: "history-view" },
    videos.element, filters, head, trouble, empty, none, cards, rest);
  const guest = h("div", { class: "notice is-large" },
    h("p", { class: "lead" }, "Sign in to keep a history."),
    h("p", {}, "Photos of guests are never kept. Yours are kept until you delete them, and only you can see them."),
    h("button", { type: "button", class: "primary", on: { click: askToSignIn } }, "Sign in"));
  panel.append(h("h2", { class: "unseen" }, "History"), guest, view);

  function reload() {
    view.hidden = !session.user;
    guest.hidden = Boolean(session.user);
    if (!session.user) {
      opened?.close();
      return null;
    }
    videos.reload();
    return load(0);
  }

  /** Show nothing until there is an answer. */
  function clear(text = "Loading …") {
    latestRequest += 1;
    replace([]);
    heading.textContent = text;
    empty.hidden = none.hidden = exports.hidden = unfilter.hidden = rest.hidden = true;
    head.hidden = filters.hidden = false;
  }

  /** Show these records. Cards that are complete stay, with the focus, so that nothing flashes and no photo is loaded twice. */
  function replace(records) {
    const known = new Map(shown.map((card) => [card.record.detection_id, card]));
    shown = records.map((record) => {
      const card = known.get(record.detection_id);
      if (!card?.isComplete()) return newCard(record);
      known.delete(record.detection_id);
      return { ...card, record };
    });
    for (const { forget } of known.values()) forget();
    const elements = new Set(shown.map(({ element }) => element));
    for (const element of [...cards.children]) if (!elements.has(element)) element.remove();
    [...elements].forEach((element, place) => {
      if (cards.children[place] !== element) cards.insertBefore(element, cards.children[place] ?? null);
    });
  }

  function newCard(record) {
    const { detection_id: id } = record;
    return {
      record,
      ...historyCard(record, () => {
        history.pushState(null, "", `#history/${id}`);
        goTo(id, { isStep: true });
      }),
    };
  }

  /** Show the records from the first, or those after the `skip` that are shown. What is shown already stays, so that nobody loses their place. */
  async function load(skip, { atLeast = PAGE } = {}) {
    const number = ++latestRequest;
    trouble.replaceChildren();
    const filter = `${new URLSearchParams([...filterParameters(filters)])}`;
    // The last one that is shown is asked for again: if it is elsewhere now, so are those that follow.
    const from = skip && skip - 1;
    const wanted = skip ? PAGE + 1 : filter === shownFilter ? Math.max(atLeast, shown.length) : PAGE;
    const records = [];
    let found = 0;
    try {
      do {
        const limit = Math.min(MAX_PAGE, wanted - records.length);
        const query = new URLSearchParams([...filterParameters(filters), ["skip", from + records.length], ["limit", limit]]);
        const answer = await call(`${path}?${query}`);
        const part = await answer.json();
        if (number !== latestRequest) return; // There was a newer request meanwhile.
        found = Number(answer.headers.get("X-Total-Count"));
        records.push(...part);
        if (part.length < limit) break;
      } while (records.length < wanted);
      if (skip && records.shift()?.detection_id !== shown.at(-1)?.record.detection_id) return await load(0, { atLeast: skip + PAGE });
      shownFilter = filter;
      total = found;
      replace(skip ? [...shown.map(({ record }) => record), ...records] : records);
      showCount();
    } catch (error) {
      if (number !== latestRequest && session.user) return;
      if (filter !== shownFilter) clear(""); // What is shown does not answer what was asked.
      explain(error, [tryAgain(() => load(skip, { atLeast }))]);
    }
  }

  async function showMore() {
    const first = shown.length;
    const lastShown = shown.at(-1)?.record.detection_id;
    await load(first);
    const { activeElement } = document; // Somebody may have gone on meanwhile.
    if (activeElement === more || activeElement === document.body) {
      const place = placeOf(lastShown); // It may have been deleted elsewhere.
      focusCard(shown[place < 0 ? Math.min(first, shown.length - 1) : place + 1]); // Else the focus would be lost with the button.
    }
  }

  /** Without a signed-in user this view is not shown: then the page says at its top why that is. */
  function explain(error, actions) {
    if (error.code === "signed_out") announce(problem(error));
    else trouble.replaceChildren(problem(error, error.title, actions));
  }

  function showCount() {
    const filtered = [...filterParameters(filters)].length > 0;
    heading.textContent = count(total, "record");
    none.hidden = total > 0 || !filtered;
    exports.hidden = !total;
    empty.hidden = total > 0 || filtered;
    head.hidden = filters.hidden = !empty.hidden;
    unfilter.hidden = !filtered;
    rest.hidden = shown.length >= total;
    howMany.textContent = `${shown.length} of ${total} shown`;
  }

  function keepFilter() {
    sessionStorage.setItem(FILTER_KEY, `${new URLSearchParams(new FormData(filters))}`);
  }

  function unfilterAll() {
    filters.reset();
    keepFilter();
  }

  function showAll() {
    unfilterAll();
    reload();
    panel.querySelector("input").focus();
  }

  /** Show a record, or none (""). `isStep`: the Back button leads from it to the list; `way`: to which side it is of the last one. */
  async function goTo(id, { isStep = false, way = null } = {}) {
    if (id === opened?.id) return;
    opened?.close();
    if (!id || !session.user) return;
    try {
      await show(id, isStep, way);
    } catch (error) {
      history.replaceState(null, "", "#history");
      explain(error);
    }
  }

  async function show(id, isStep, way) {
    const record = shown[placeOf(id)]?.record ?? (await callForJson(`${path}/${id}`));
    const place = placeOf(id);
    const neighbours = { newer: shown[place - 1]?.record, older: place < 0 ? undefined : shown[place + 1]?.record };
    const { close, outcome } = showDetection(record, neighbours, { way, onGone: () => drop(id) });
    opened = { id, close };
    const next = await outcome;
    if (opened?.id === id) opened = null;
    if (next === "deleted") drop(id);
    else if (!neighbours[next]) last = id;
    if (location.hash !== `#history/${id}`) return focusLast(); // It was left by the Back button.
    const { detection_id: following } = neighbours[next] ?? {};
    if (following) {
      history.replaceState(null, "", `#history/${following}`);
      return goTo(following, { isStep, way: next });
    }
    if (isStep) return history.back();
    history.replaceState(null, "", "#history");
    return focusLast();
  }

  /** Leave the focus on the card of the record that was closed. */
  function focusLast() {
    focusCard(shown[placeOf(last)]);
    last = null;
  }

  /** Scroll no farther than it takes to see the card. */
  function focusCard(card) {
    card?.element.querySelector("button").focus({ preventScroll: true });
    card?.element.scrollIntoView({ block: "nearest" });
  }

  const placeOf = (id) => shown.findIndex(({ record }) => record.detection_id === id);

  function drop(id) {
    const at = placeOf(id);
    if (at < 0) return reload(); // It was opened by its address, and is on a later page.
    const [card] = shown.splice(at, 1);
    card.forget();
    card.element.remove();
    total -= 1;
    showCount();
    if (shown.length) focusCard(shown[at] ?? shown.at(-1));
    else panel.querySelector(total ? "input" : "a.button").focus();
    return null;
  }

  async function exportAs(format) {
    try {
      const query = new URLSearchParams([...filterParameters(filters), ["format", format]]);
      const answer = await call(`${path}/export?${query}`);
      download(await answer.blob(), `emotions.${format}`);
    } catch (error) {
      explain(error);
    }
  }

  async function eraseAll() {
    const sure = await askToConfirm({
      title: "Delete everything?",
      text: "All your records and photos will be deleted, including those that the filters hide. This cannot be undone.",
      yes: "Delete everything",
    });
    if (!sure) return;
    try {
      await call(path, { method: "DELETE" });
      reload();
    } catch (error) {
      explain(error);
    }
  }

  addEventListener("hashchange", focusLast); // Going back takes the focus away, and no earlier event comes after that.

  let visible = false;
  session.addEventListener("change", () => {
    clear(); // Another user must not see it.
    unfilterAll();
    if (visible) reload();
  });
  document.addEventListener("session-saved", () => visible && reload()); // It may come after this view was opened.
  clear();
  return {
    show: () => { visible = true; reload(); },
    hide: () => { visible = false; opened?.close(); videos.stop(); },
    goTo,
  };
}

function filterForm(onChange) {
  const emotions = [["", "any"], ...EMOTIONS.map((emotion) => [emotion, emotion])];
  let typing = null;
  const asTyped = () => {
    clearTimeout(typing);
    typing = setTimeout(onChange, TYPING_MS);
  };
  const keyword = h("input", { type: "search", name: "keyword", maxLength: 200, placeholder: "cat.jpg, happy …", on: { input: asTyped } });
  const form = h("form", { class: "filters panel", role: "search", on: { change: ({ target }) => target !== keyword && onChange() } },
    field("Name or emotion", keyword),
    field("Emotion", select(emotions, { name: "emotion" })),
    field("From", h("input", { type: "date", name: "from_date" })),
    field("To", h("input", { type: "date", name: "to_date" })));
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const [name, value] of new URLSearchParams(sessionStorage.getItem(FILTER_KEY) ?? "")) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  return form;
}

/** The filters that are set; dates are days where the visitor is. */
function* filterParameters(form) {
  for (const [name, value] of new FormData(form)) {
    if (!value) continue;
    if (name === "from_date") yield [name, new Date(`${value}T00:00:00`).toISOString()];
    else if (name === "to_date") yield [name, new Date(`${value}T23:59:59.999`).toISOString()];
    else yield [name, value];
  }
}
