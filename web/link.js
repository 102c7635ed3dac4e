// A link to what is on the page, in its fragment, which browsers send to nobody.

export const LONGEST = 16_000; // characters; mail programs and chats cut longer links

/** The fragment for options [[flag, value]], and either a sample's name or a text and its name. */
export async function write(state, { sample, name, content }) {
  const said = new URLSearchParams(state);
  if (sample) said.set("sample", sample);
  else if (content !== undefined) {
    said.set("name", name);
    said.set("text", await packed(content));
  }
  return `#${said}`;
}

/** What a fragment says: {state, sample, name, content}. A text that is damaged is left out. */
export async function read(fragment) {
  const said = new URLSearchParams(fragment.replace(/^#/, ""));
  const found = { state: [...said].filter(([key]) => !["sample", "name", "text"].includes(key)), sample: said.get("sample") };
  if (said.has("text")) {
    found.name = said.get("name") || "net.prototxt";
    found.content = await unpacked(said.get("text")).catch(() => undefined);
  }
  return found;
}

async function packed(text) {
  const bytes = await through(new CompressionStream("deflate-raw"), new TextEncoder().encode(text));
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function unpacked(text) {
  const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  return new TextDecoder().decode(await through(new DecompressionStream("deflate-raw"), bytes, 2 ** 24));
}

/** All bytes that come out of a stream. Throws when they are more than `most`. */
async function through(stream, bytes, most = Infinity) {
  const chunks = [];
  let size = 0;
  for await (const chunk of new Blob([bytes]).stream().pipeThrough(stream)) {
    size += chunk.length;
    if (size > most) throw new Error("too large");
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
