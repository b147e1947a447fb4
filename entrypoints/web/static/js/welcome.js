// What a visitor sees first: where to drop photos, which the page has from the start, and samples to try.

import { watchUsage } from "./account.js";
import { announce, h } from "./dom.js";
import { fillExample } from "./example.js";
import { problem } from "./problem.js";
import { settings } from "./settings.js";
import { send } from "./transport.js";

// Public domain: NASA, the U.S. Navy, two pictures put together from those; CC0: the cat.
const EXAMPLE = "pair.jpg"; // Two faces, two emotions.
const SAMPLES = [
  ["astronaut.jpg", "An astronaut"],
  ["admiral.jpg", "An admiral"],
  ["pair.jpg", "Two faces"],
  ["crowd.jpg", "A crowd"],
  ["cat.jpg", "A cat"],
];

/**
 * @param {HTMLElement} view  the part that the page has before its scripts
 * @param {Node} chooser  opens the file dialog
 * @param {(files: File[], of?: {sample: string}) => void} take
 * @param {Node} unfinished  what is still in work
 */
export function completeWelcome(view, chooser, take, unfinished) {
  const samples = SAMPLES.map(([name, title]) =>
    h("li", {}, h("button", { type: "button", on: { click: () => takeSample(name) } },
      h("img", { src: `/web/samples/${name}`, alt: "", width: 192, height: 144 }), title)));

  let isTaking = false; // A double click takes a sample once.

  async function takeSample(name) {
    if (isTaking) return;
    isTaking = true;
    try {
      // The picture that is shown: it needs no way to the service and back.
      const picture = await (await send(`/web/samples/${name}`, { cache: "force-cache" })).blob();
      take([new File([picture], name, { type: picture.type })], { sample: name });
    } catch (error) {
      announce(problem(error));
    }
    isTaking = false;
  }

  const limit = h("p", { class: "small", role: "status" });
  watchUsage((usage) => (limit.textContent = whatIsLeft(usage)));

  view.querySelector(".chooser").replaceWith(chooser);
  view.querySelector(".invitation").append(limit);
  const example = view.querySelector(".example");
  example.disabled = false;
  example.addEventListener("click", () => takeSample(EXAMPLE));
  fillExample(example, EXAMPLE).catch(() => {}); // The picture alone does no harm.
  view.append(
    unfinished,
    h("h3", {}, "Or try one of these"),
    h("ul", { class: "samples" }, ...samples),
    h("dl", { class: "formats muted small" },
      h("div", {}, h("dt", {}, "Photos"), h("dd", {}, `${settings.imageFormats}. Large ones are reduced in the browser before they are sent.`)),
      h("div", {}, h("dt", {}, "Videos"), h("dd", {}, `${settings.videoFormats}, with an account.`))));
}

/** Said only where the next photo would be refused. */
function whatIsLeft(usage) {
  if (!usage || usage.remaining) return "";
  // The limit may be that of the address, which others have used up.
  const reason = usage.max_usage ? "No photos are left without an account for now." : "Photos need an account here.";
  return `${reason} Sign in to analyse more; the samples work without.`;
}
