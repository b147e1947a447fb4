// The conversation with the service over Socket.IO: one session, frames in, results out.

import { session } from "./session.js";
import { settings } from "./settings.js";
import { ApiError } from "./transport.js";

const NAMESPACE = "/emotion-detection";
const IN_FLIGHT = 2;
const LOST_MS = 2000;

export class LiveConnection {
  #socket = null;
  #config = {};
  #sent = new Map();
  #frameId = 0;
  #tell;
  #renewed = false;

  /** @param {Object<string, Function>} tell  `state`, `result`, `suggestion`, `problem`,
   *   `summary`, and `refused` when there will be no session */
  constructor(tell) {
    this.#tell = tell;
  }

  /** Connect and start a session. Goes on by itself when the connection breaks. */
  async open(config) {
    const { io } = await import(settings.socketIoClient);
    this.#config = config;
    const socket = (this.#socket = io(NAMESPACE, {
      transports: ["websocket", "polling"],
      auth: (give) => session.accessToken().then((token) => give({ token }), () => give({})),
    }));
    socket.on("connect", () => {
      this.#renewed = false;
      this.#sent.clear();
      socket.emit("initialize", { client_id: "demo page", config: this.#config });
      socket.emit("control", { action: "start" });
      this.#tell.state("running");
    });
    socket.on("connect_error", (error) => this.#refused(error));
    socket.on("disconnect", (reason) => {
      if (reason === "io server disconnect") this.#tell.state("ended");
      else if (reason !== "io client disconnect") this.#tell.state("reconnecting");
    });
    socket.on("detection_result", (result) => this.#tell.result(result, this.#answered(result.frame_id)));
    socket.on("performance_suggestion", (suggestion) => this.#tell.suggestion(suggestion));
    socket.on("session_summary", (summary) => this.#tell.summary(summary));
    socket.on("error_message", (said) => {
      if (said.frame_id !== undefined) this.#answered(said.frame_id);
      this.#tell.problem(said);
    });
  }

  /** Whether one more frame may go out now: never more than two are under way. */
  get isReady() {
    const now = performance.now();
    for (const [id, at] of this.#sent) if (now - at > LOST_MS) this.#sent.delete(id);
    return Boolean(this.#socket?.connected) && this.#sent.size < IN_FLIGHT;
  }

  send({ data, width, height }) {
    const frameId = ++this.#frameId;
    this.#sent.set(frameId, performance.now());
    this.#socket?.emit("video_frame", {
      frame_id: frameId, timestamp: Date.now() / 1000, data, width, height,
    });
  }

  configure(config) {
    this.#config = { ...this.#config, ...config };
    this.#socket?.emit("control", { action: "configure", config });
  }

  /** End the session; its summary still arrives. */
  stop() {
    this.#socket?.emit("control", { action: "stop" });
  }

  close() {
    this.#socket?.disconnect();
    this.#socket = null;
  }

  /** Milliseconds from sending a frame to now; frames sent before it were dropped. */
  #answered(frameId) {
    const at = this.#sent.get(frameId);
    for (const id of this.#sent.keys()) if (id <= frameId) this.#sent.delete(id);
    return at === undefined ? null : performance.now() - at;
  }

  async #refused(error) {
    if (error.data === undefined) {
      this.#tell.state("reconnecting"); // The network's fault: the library tries again.
      return;
    }
    if (error.data.code === 401 && !this.#renewed) {
      this.#renewed = true;
      if (await session.renew().then(() => true, () => false)) {
        this.#socket?.connect();
        return;
      }
    }
    const title = error.data.code === 503 ? "No room for another session" : "The service let nobody in";
    this.#tell.refused(new ApiError({ title, detail: error.message, code: error.data.error }));
  }
}
