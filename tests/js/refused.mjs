// What clients learn that cannot be served; prints the words that reached each.
// Usage: node refused.mjs URL
import { io } from "socket.io-client";
import older from "socket.io-client-2";

const [url] = process.argv.slice(2);
setTimeout(() => { console.error("took too long"); process.exit(1); }, 30_000).unref();

const told = (socket, event) => new Promise((resolve) => socket.once(event, resolve));

for (const transports of [["polling"], ["websocket"]]) {
  const socket = io(url, { transports });
  const { message, data } = await told(socket, "connect_error");
  console.log("default namespace:", message, data.code);
  socket.close();
}
for (const path of ["", "/emotion-detection"])
  for (const transports of [["polling"], ["websocket"]]) {
    const socket = older(`${url}${path}`, { transports, forceNew: true });
    console.log("version 2:", await told(socket, "error"));
    socket.close();
  }
