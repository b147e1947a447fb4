// Sends a large body with fetch or axios, prints the status of the answer, and has to end by itself.
import axios from "axios";
import FormData from "form-data";

const [, , client, url, size, token] = process.argv;
const bytes = Buffer.alloc(Number(size));
const headers = token ? { Authorization: `Bearer ${token}` } : {};

if (client === "fetch") {
  const form = new globalThis.FormData();
  form.append("file", new Blob([bytes]), "a.jpg");
  const answer = await fetch(url, { method: "POST", body: form, headers });
  console.log(answer.status, (await answer.json()).code);
} else {
  const form = new FormData();
  form.append("file", bytes, "a.jpg");
  const answer = await axios.post(url, form, {
    headers: { ...form.getHeaders(), ...headers },
    maxBodyLength: Infinity,
    proxy: false,
    validateStatus: () => true,
  });
  console.log(answer.status, answer.data.code);
}
