// Numbers and moments in words.

export const EMOTIONS = ["happy", "sad", "angry", "disgust", "fear", "surprise", "neutral"];

export const percent = (share) => `${(100 * share).toFixed(share > 0.0995 || share === 0 ? 0 : 1)} %`;

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

export function bytes(number) {
  return `${(number / 2 ** 20).toFixed(number % 2 ** 20 ? 1 : 0)} MiB`;
}

export function duration(seconds) {
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const moment = (iso) => moments.format(new Date(iso));
