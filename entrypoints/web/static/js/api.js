// Calls to the service, and what can go wrong with them.

import { session } from "./session.js";
import { ApiError, send } from "./transport.js";

export { ApiError };

/** Call the service as the signed-in user. Returns the response; raises ApiError. */
export async function call(path, options = {}) {
  const token = await session.accessToken();
  try {
    return await send(path, withToken(options, token));
  } catch (error) {
    if (!token || error.status !== 401) throw error;
    // The service may have restarted with other secrets, or the token was revoked.
    return send(path, withToken(options, await session.renew()));
  }
}

export async function callForJson(path, options) {
  return (await call(path, options)).json();
}

function withToken(options, token) {
  if (!token) return options;
  return { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } };
}
