/** 128 random bits as text. `crypto.randomUUID` is missing without https. */
export function random() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
