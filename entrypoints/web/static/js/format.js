// Numbers and moments in words. A number and its unit stay on one line (\u00a0).

const CLOSE_SCORES = 0.1; // Two best scores that lie nearer are both named; `domain/wording.py` says the same.

/** A score as text: never 0 or 100 %, because no network is that certain. */
export function percent(score) {
  if (score < 0.01) return "<1\u00a0%";
  if (score > 0.99) return ">99\u00a0%";
  return `${Math.round(100 * score)}\u00a0%`;
}

/** A share of a whole that was counted, such as time: here 0 and 100 % are true. */
export const share = (part) => `${Math.round(100 * part)}\u00a0%`;

/** What a face shows: one emotion, or the two best where their scores are close. */
export function words({ emotions: [first, second] }) {
  const isClose = second && first.score - second.score < CLOSE_SCORES;
  return isClose ? `${first.emotion} or ${second.emotion}` : first.emotion;
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

/** A name without its middle where it is too long: the beginning and the kind tell most. */
export function shorten(name, max = 60) {
  const letters = [...name];
  return letters.length > max ? [...letters.slice(0, max / 2), "…", ...letters.slice(1 - max / 2)].join("") : name;
}

export function bytes(number) {
  return `${(number / 2 ** 20).toFixed(number % 2 ** 20 ? 1 : 0)}\u00a0MiB`;
}

export function duration(seconds) {
  if (seconds < 1) return `${Math.round(1000 * seconds)}\u00a0ms`;
  if (seconds < 90) return `${Math.round(seconds)}\u00a0s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)}\u00a0min`;
  return `${Math.round(seconds / 3600)}\u00a0h`;
}

/** How long something lasted that people watched: never in milliseconds. */
export const timeSpan = (seconds) => (seconds < 9.95 ? `${seconds.toFixed(1)}\u00a0s` : duration(seconds));

/** The same in the words people use when they wait: "24 hours". */
export function wait(seconds) {
  if (seconds < 90) return count(Math.max(1, Math.ceil(seconds)), "second");
  if (seconds < 5400) return count(Math.round(seconds / 60), "minute");
  return count(Math.round(seconds / 3600), "hour");
}

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const moment = (iso) => moments.format(new Date(iso));

/** Seconds as on a clock: 1:05. */
export function clock(seconds) {
  const [hours, minutes, rest] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
