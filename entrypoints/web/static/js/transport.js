// fetch, with problems (RFC 9457) turned into errors that can be shown.

export class ApiError extends Error {
  constructor({ title, detail, code, type, status = 0, details = {} }) {
    super(detail);
    this.type = type;
    this.title = title;
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

/** What to say where no answer comes. */
export const unreachable = () => new ApiError({
  title: "The service cannot be reached",
  detail: "Check that it is still running and that you are online, then try again.",
  code: "unreachable",
});

/** Like `fetch`; the option `onProgress` is called with the share of the body that was sent. */
export async function send(path, options) {
  let response;
  try {
    response = await (options?.onProgress ? upload(path, options) : fetch(path, options));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new ApiError({
    title: "The service answered with an error",
    detail: `The status was ${response.status}.`,
    code: "unknown",
    ...problem,
    status: response.status,
  });
}

/** `fetch` cannot report how much of a body was sent. The answer is text, and its body a stream as that of `fetch`. */
function upload(path, { method, headers = {}, body, signal, onProgress }) {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(loaded / total));
    const answer = new ReadableStream({ start: (controller) => pipe(request, controller), cancel: () => request.abort() });
    request.addEventListener("readystatechange", () => {
      if (request.readyState === XMLHttpRequest.HEADERS_RECEIVED) resolve(new Response(answer, { status: request.status }));
    });
    request.addEventListener("error", () => reject(new TypeError("the connection broke")));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

/** Pass on what a request receives as it comes. */
function pipe(request, controller) {
  const encoder = new TextEncoder();
  let passed = 0;
  const passOn = () => {
    controller.enqueue(encoder.encode(request.responseText.slice(passed)));
    passed = request.responseText.length;
  };
  request.addEventListener("progress", passOn);
  request.addEventListener("load", () => {
    passOn();
    controller.close();
  });
  request.addEventListener("error", () => controller.error(unreachable()));
  request.addEventListener("abort", () => controller.error(new DOMException("cancelled", "AbortError")));
}

export function sendJson(path, body) {
  const headers = { "Content-Type": "application/json" };
  return send(path, { method: "POST", headers, body: JSON.stringify(body) });
}
