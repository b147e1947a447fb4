export function mountHistory(panel) { panel.textContent = "soon"; }
