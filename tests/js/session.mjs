// One session by the official client, over the transports that are named; exits with 1 on any fault.
// Usage: node session.mjs URL TOKEN websocket|polling|websocket,polling PICTURE_IN_BASE64
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [url, token, transports, picture] = process.argv.slice(2);
const bytes = Buffer.from(picture, "base64");
setTimeout(() => { console.error("took too long"); process.exit(1); }, 30_000).unref();

const next = (socket, event) => new Promise((resolve) => socket.once(event, resolve));
const connect = (auth) =>
  io(`${url}/emotion-detection`, { auth, transports: transports.split(","), reconnectionDelay: 50 });

// A bad token is refused, with a number the client can branch on.
const refused = connect({ token: "nonsense" });
const error = await next(refused, "connect_error");
assert.equal(error.data.code, 401);
assert.ok(error.message.length > 0);
refused.close();

const socket = connect({ token });
await next(socket, "connect");

async function analyse(frameId, data) {
  const result = next(socket, "detection_result");
  socket.emit("video_frame", {
    frame_id: frameId, timestamp: Date.now() / 1000, data, width: 640, height: 480,
  });
  const { frame_id, faces } = await result;
  assert.equal(frame_id, frameId);
  assert.equal(faces[0].tracking_id, "face_1");
  assert.equal(faces[0].dominant_emotion, "happy");
  assert.equal(faces[0].emotions.length, 7);
}

async function start() {
  const initialized = next(socket, "initialized");
  socket.emit("initialize", { client_id: "js", config: { max_frame_rate: 20 } });
  const { session_id, config } = await initialized;
  assert.equal(config.max_frame_rate, 20);
  const status = next(socket, "status");
  socket.emit("control", { action: "start" });
  assert.equal((await status).code, 200);
  return session_id;
}

const first = await start();
await analyse(1, bytes);
await analyse(2, picture);
await analyse(3, `data:image/jpeg;base64,${picture}`);

const pong = next(socket, "pong");
socket.emit("ping", {});
await pong;

const fault = next(socket, "error_message");
socket.emit("control", { action: "configure", config: { max_frame_rate: "fast" } });
assert.equal((await fault).code, 400);

// The connection breaks; the client comes back by itself, to a new session that says start again.
const back = next(socket, "connect");
socket.io.engine.close();
await back;
const early = next(socket, "error_message");
socket.emit("video_frame", { frame_id: 4, timestamp: 1, data: bytes });
assert.deepEqual((({ code, frame_id }) => [code, frame_id])(await early), [400, 4]);
assert.notEqual(await start(), first);
await analyse(5, bytes);

const summary = next(socket, "session_summary");
socket.emit("control", { action: "stop" });
assert.equal((await summary).frames.processed, 1);
socket.close();
console.log("ok");
