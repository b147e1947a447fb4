// Numbers and moments in words. A number and its unit stay on one line (\u00a0).

export const EMOTIONS = ["happy", "sad", "angry", "disgust", "fear", "surprise", "neutral"];

export const percent = (share) => `${(100 * share).toFixed(share > 0.0995 || share === 0 ? 0 : 1)}\u00a0%`;

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
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

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const moment = (iso) => moments.format(new Date(iso));
