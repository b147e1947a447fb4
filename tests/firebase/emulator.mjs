// Firebase's own Auth emulator without the command line around it, which asks the network first and
// takes a minute and a half to start where there is none.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { createApp } = require("firebase-tools/lib/emulator/auth/server");

const app = await createApp("demo-emotion");
const server = app.listen(0, "127.0.0.1", () => {
  console.log(`ready on 127.0.0.1:${server.address().port}`);
});
