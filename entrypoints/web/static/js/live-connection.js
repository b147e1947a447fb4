// The connection to the service over Socket.IO: one session, frames out, results in.

import { session } from "./session.js";
import { settings } from "./settings.js";
import { ApiError } from "./transport.js";

const NAMESPACE = "/emotion-detection";
const IN_FLIGHT = 2;
const LOST_MS = 2000;
const SILENT_MS = 10_000;
const TRY_AGAIN_MS = 3000;

export class LiveConnection {
  #socket = null;
  #config = {};
  #sent = new Map();
  #frameId = 0;
  #heardAt = 0;
  #tell;
  #cut = null; // Why a session that ran does not run now: "connection", or "token".
  #ran = false;
  #stopped = false;
  #renewed = false;
  #again = null;

  /** @param {Object<string, Function>} tell  `state`, `result`, `suggestion`, `problem`,
   *   `summary`, and `refused` when there will be no session */
  constructor(tell) {
    this.#tell = tell;
  }

  /** Connect and start a session. It resumes by itself if the connection breaks or the token expires. */
  async open(config) {
    const { io } = await import(settings.socketIoClient);
    if (this.#stopped) return;
    this.#config = config;
    const socket = (this.#socket = io(NAMESPACE, {
      transports: settings.socketIoTransports,
      tryAllTransports: true,
      reconnectionDelayMax: TRY_AGAIN_MS,
      auth: (give) => session.accessToken().then((token) => give({ token }), () => give({})),
    }));
    socket.on("connect", () => {
      this.#sent.clear();
      this.#heardAt = performance.now();
      socket.emit("initialize", { client_id: "demo page", config: this.#config });
      socket.emit("control", { action: "start" });
      this.#tell.state("running", this.#cut);
      this.#cut = null;
      this.#ran = true;
      this.#renewed = false;
    });
    socket.onAny(() => (this.#heardAt = performance.now()));
    socket.on("connect_error", (error) => this.#refused(error));
    socket.on("disconnect", (reason) => this.#wasCut(reason));
    socket.on("detection_result", (result) => this.#tell.result(result, this.#answered(result.frame_id)));
    socket.on("performance_suggestion", (suggestion) => this.#tell.suggestion(suggestion));
    socket.on("session_summary", (summary) => this.#tell.summary(summary));
    socket.on("error_message", (said) => {
      if (said.frame_id !== undefined) this.#answered(said.frame_id);
      if (said.code === 401) this.#cut = "token";
      if (!this.#cut) this.#tell.problem(said);
    });
  }

  /** Whether another frame may be sent now: at most two are unanswered. */
  get isReady() {
    const now = performance.now();
    for (const [id, at] of this.#sent) if (now - at > LOST_MS) this.#sent.delete(id);
    if (!this.#socket?.connected) return false;
    // A pulled cable is not announced; closing the connection makes the library try again.
    if (now - this.#heardAt > SILENT_MS) this.#socket.io.engine.close();
    return this.#socket.connected && this.#sent.size < IN_FLIGHT;
  }

  send({ data, width, height }) {
    // The library would keep the frame for the next session and send it before that one starts.
    if (!this.#socket?.connected) return;
    const frameId = ++this.#frameId;
    this.#sent.set(frameId, performance.now());
    this.#socket.emit("video_frame", {
      frame_id: frameId, timestamp: Date.now() / 1000, data, width, height,
    });
  }

  configure(config) {
    this.#config = { ...this.#config, ...config };
    if (this.#socket?.connected) this.#socket.emit("control", { action: "configure", config });
  }

  /** End the session for good; its summary still arrives unless the connection breaks. */
  stop() {
    this.#stopped = true;
    if (this.#socket?.connected) this.#socket.emit("control", { action: "stop" });
    else this.close();
  }

  close() {
    this.#stopped = true;
    clearTimeout(this.#again);
    this.#socket?.disconnect();
    this.#socket = null;
  }

  /** Milliseconds from sending a frame to now; frames sent before it were dropped. */
  #answered(frameId) {
    const at = this.#sent.get(frameId);
    for (const id of this.#sent.keys()) if (id <= frameId) this.#sent.delete(id);
    return at === undefined ? null : performance.now() - at;
  }

  #wasCut(reason) {
    if (reason === "io client disconnect") return;
    if (this.#stopped) {
      this.close(); // Otherwise the library would connect again and start a new session.
    } else if (this.#cut === "token") {
      this.#tell.state("renewing");
      this.#renew();
    } else if (reason === "io server disconnect") {
      this.#tell.state("ended");
    } else {
      this.#cut = "connection";
      this.#tell.state("reconnecting"); // The library tries again by itself.
    }
  }

  #refused(error) {
    const code = error.data?.code;
    if (code === undefined) {
      this.#tell.state("reconnecting"); // The network's fault: the library tries again.
    } else if (code === 401 && !this.#renewed) {
      this.#renew();
    } else if (code === 503 && this.#ran) {
      this.#tell.state("full");
      this.#tryLater(() => this.#socket?.connect());
    } else {
      const title = code === 503 ? "No place for another session" : "The service refused the connection";
      this.#tell.refused(new ApiError({ title, detail: error.message, code: error.data.error }));
    }
  }

  /** Connect again with a fresh token. */
  async #renew() {
    try {
      await session.renew();
      this.#renewed = true;
      this.#socket?.connect();
    } catch (error) {
      if (error.status === 401) this.#tell.refused(error);
      else this.#tryLater(() => this.#renew());
    }
  }

  #tryLater(action) {
    clearTimeout(this.#again);
    if (this.#socket) this.#again = setTimeout(action, TRY_AGAIN_MS);
  }
}
