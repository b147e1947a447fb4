// Light and dark: the system's choice until somebody chooses here. first-paint.js applies what was chosen.

const KEY = "emotion-api.theme";

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function whenSystemThemeChanges(action) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", action);
}

export function toggleTheme() {
  const theme = isDark() ? "light" : "dark";
  localStorage.setItem(KEY, theme);
  document.documentElement.dataset.theme = theme;
}
