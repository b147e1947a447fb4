// The connection to the service over Socket.IO: one session, frames out, results in.

import { session } from "./session.js";
import { settings } from "./settings.js";
import { ApiError, unreachable } from "./transport.js";

const NAMESPACE = "/emotion-detection";
const MAX_IN_FLIGHT = 2; // frames
const LOST_MS = 2000; // A frame that is unanswered for this long counts as lost.
const MAX_SILENCE_MS = 10_000;
const RETRY_MS = 3000;

let failures = 0;

/** The Socket.IO client. Browsers remember that a module could not be loaded, so each try has an address of its own. */
async function client() {
  try {
    return await import(settings.socketIoClient + (failures ? `?${failures}` : ""));
  } catch {
    failures += 1;
    throw unreachable();
  }
}

export class LiveConnection {
  #socket = null;
  #config = {};
  #sent = new Map();
  #frameId = 0;
  #lastEventAt = 0;
  #handlers;
  #interruption = null; // Why a session that ran does not run now: "connection", or "token".
  #hasRun = false;
  #stopped = false;
  #renewed = false;
  #retryTimer = null;

  /** @param {Object<string, Function>} handlers  called with what happens: `state`, `result`, `suggestion`, `problem`,
   *   `summary`, and `refused` when there will be no session */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Connect and start a session. It resumes by itself if the connection breaks or the token expires. */
  async open(config) {
    const { io } = await client();
    if (this.#stopped) return;
    this.#config = config;
    const socket = (this.#socket = io(NAMESPACE, {
      transports: settings.socketIoTransports,
      tryAllTransports: true,
      reconnectionDelayMax: RETRY_MS,
      auth: (give) => session.accessToken().then((token) => give({ token }), () => give({})),
    }));
    socket.on("connect", () => {
      this.#sent.clear();
      this.#lastEventAt = performance.now();
      socket.emit("initialize", { client_id: "demo page", config: this.#config });
      socket.emit("control", { action: "start" });
      this.#handlers.state("running", this.#interruption);
      this.#interruption = null;
      this.#hasRun = true;
      this.#renewed = false;
    });
    socket.onAny(() => (this.#lastEventAt = performance.now()));
    socket.on("connect_error", (error) => this.#handleConnectError(error));
    socket.on("disconnect", (reason) => this.#handleDisconnect(reason));
    socket.on("detection_result", (result) => {
      const { roundTripMs, picture } = this.#takeSent(result.frame_id);
      this.#handlers.result(result, roundTripMs, picture);
    });
    socket.on("performance_suggestion", (suggestion) => this.#handlers.suggestion(suggestion));
    socket.on("session_summary", (summary) => this.#handlers.summary(summary));
    socket.on("error_message", (error) => {
      if (error.frame_id !== undefined) this.#takeSent(error.frame_id);
      if (error.code === 401) this.#interruption = "token";
      if (!this.#interruption) this.#handlers.problem(error);
    });
  }

  /** Whether another frame may be sent now: at most two are unanswered. */
  get isReady() {
    const now = performance.now();
    for (const [id, { at }] of this.#sent) if (now - at > LOST_MS) this.#sent.delete(id);
    if (!this.#socket?.connected) return false;
    // A pulled cable is not announced; closing the connection makes the library try again.
    if (now - this.#lastEventAt > MAX_SILENCE_MS) this.#socket.io.engine.close();
    return this.#socket.connected && this.#sent.size < MAX_IN_FLIGHT;
  }

  send({ data, width, height, picture }) {
    // The library would keep the frame for the next session and send it before that one starts.
    if (!this.#socket?.connected) return;
    const frameId = ++this.#frameId;
    this.#sent.set(frameId, { at: performance.now(), picture });
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
    clearTimeout(this.#retryTimer);
    this.#socket?.disconnect();
    this.#socket = null;
  }

  /** Milliseconds from sending a frame to its answer now, and its picture. Frames that were sent before it were dropped. */
  #takeSent(frameId) {
    const sent = this.#sent.get(frameId);
    for (const id of this.#sent.keys()) if (id <= frameId) this.#sent.delete(id);
    return sent ? { roundTripMs: performance.now() - sent.at, picture: sent.picture } : { roundTripMs: null, picture: null };
  }

  #handleDisconnect(reason) {
    if (reason === "io client disconnect") return;
    if (this.#stopped) {
      this.close(); // Otherwise the library would connect again and start a new session.
    } else if (this.#interruption === "token") {
      this.#handlers.state("renewing");
      this.#renew();
    } else if (reason === "io server disconnect") {
      this.#handlers.state("ended");
    } else {
      this.#interruption = "connection";
      this.#handlers.state("reconnecting"); // The library tries again by itself.
    }
  }

  #handleConnectError(error) {
    const code = error.data?.code;
    if (code === undefined) {
      this.#handlers.state("reconnecting"); // The network's fault: the library tries again.
    } else if (code === 401 && !this.#renewed) {
      this.#renew();
    } else if (code === 503 && this.#hasRun) {
      this.#handlers.state("full");
      this.#retryLater(() => this.#socket?.connect());
    } else {
      const title = code === 503 ? "No place for another session" : "The service refused the connection";
      this.#handlers.refused(new ApiError({ title, detail: error.message, code: error.data.error }));
    }
  }

  /** Connect again with a fresh token. */
  async #renew() {
    try {
      await session.renew();
      this.#renewed = true;
      this.#socket?.connect();
    } catch (error) {
      if (error.status === 401) this.#handlers.refused(error);
      else this.#retryLater(() => this.#renew());
    }
  }

  #retryLater(action) {
    clearTimeout(this.#retryTimer);
    if (this.#socket) this.#retryTimer = setTimeout(action, RETRY_MS);
  }
}
