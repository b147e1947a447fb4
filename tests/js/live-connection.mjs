// The page's LiveConnection, on a stand-in for the Socket.IO client; exits with 1 on any fault.
import assert from "node:assert/strict";

class Socket {
  connected = false;
  isClosed = false;
  actions = [];
  #heard = {};

  on(event, hear) {
    this.#heard[event] = hear;
  }

  onAny() {}

  emit(event, { action }) {
    if (event === "control") this.actions.push(action);
  }

  disconnect() {
    this.isClosed = true;
  }

  connects() {
    this.connected = true;
    this.#heard.connect();
  }

  breaks(reason) {
    this.connected = false;
    this.#heard.disconnect(reason);
  }

  hears(event, message) {
    this.#heard[event](message);
  }
}

const sockets = [];
globalThis.io = () => {
  sockets.push(new Socket());
  return sockets.at(-1);
};
const socketIoClient = "data:text/javascript,export const io = globalThis.io";
globalThis.document = {
  documentElement: { dataset: { settings: JSON.stringify({ socketIoClient, emotions: [] }) } },
};
const { LiveConnection } = await import("../../entrypoints/web/static/js/live-connection.js");

async function opened() {
  const states = [];
  const connection = new LiveConnection({ state: (name) => states.push(name), problem() {} });
  await connection.open({});
  const socket = sockets.at(-1);
  socket.connects();
  assert.deepEqual(socket.actions, ["start"]);
  return { connection, socket, states };
}

const tests = {
  async "a session goes on when the connection was broken"() {
    const { socket, states } = await opened();
    socket.breaks("transport close");
    assert.equal(socket.isClosed, false);
    socket.connects();
    assert.deepEqual(socket.actions, ["start", "start"]);
    assert.deepEqual(states, ["running", "reconnecting", "running"]);
  },

  async "stopped, it stays connected for its summary"() {
    const { connection, socket } = await opened();
    connection.stop();
    assert.deepEqual(socket.actions, ["start", "stop"]);
    assert.equal(socket.isClosed, false);
  },

  async "stopped, it does not come back when the connection breaks"() {
    const { connection, socket } = await opened();
    connection.stop();
    socket.breaks("transport close");
    assert.equal(socket.isClosed, true);
  },

  async "stopped, it does not come back when the token ends"() {
    const { connection, socket, states } = await opened();
    connection.stop();
    socket.hears("error_message", { code: 401 });
    socket.breaks("io server disconnect");
    assert.equal(socket.isClosed, true);
    assert.deepEqual(states, ["running"]);
  },

  async "stopped or closed while the client is fetched, it never connects"() {
    for (const end of ["stop", "close"]) {
      const before = sockets.length;
      const connection = new LiveConnection({});
      const opening = connection.open({});
      connection[end]();
      await opening;
      assert.equal(sockets.length, before);
    }
  },
};

for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
  } catch (error) {
    console.error(`${name}: ${error.stack}`);
    process.exitCode = 1;
  }
}
console.log("done");
process.exit();
