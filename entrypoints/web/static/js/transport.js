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

export async function send(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({
      title: "The service cannot be reached",
      detail: "Check that it is still running and that you are online, then try again.",
      code: "unreachable",
    });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new ApiError({
    title: "The service answered with an error",
    detail: `It said ${response.status}.`,
    code: "unknown",
    ...problem,
    status: response.status,
  });
}

export function sendJson(path, body) {
  const headers = { "Content-Type": "application/json" };
  return send(path, { method: "POST", headers, body: JSON.stringify(body) });
}
