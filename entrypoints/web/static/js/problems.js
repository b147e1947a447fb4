// The pages that explain problems have the colours that were chosen on the page at `/`.

import { applyTheme } from "./theme.js";

applyTheme();
