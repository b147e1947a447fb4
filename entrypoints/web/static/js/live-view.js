export function mountLive(panel) { panel.textContent = "soon"; }
