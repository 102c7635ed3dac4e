// The report in a frame of its own, which can run its scripts and do nothing to the page around it.

export class Frames {
  scrolled = 0; // where the reader is in the report
  #host;
  #script;

  /** `script` is put before each report: see frame.js. */
  constructor(host, script) {
    this.#host = host;
    this.#script = script;
    addEventListener("message", ({ source, data }) => {
      if (source === this.#current?.contentWindow && Number.isFinite(data?.scrolled)) this.scrolled = data.scrolled;
    });
  }

  get #current() {
    return this.#host.querySelector("iframe:not(.next)");
  }

  /** Whether the report that is seen is not of what is chosen now. */
  set stale(value) {
    this.#host.classList.toggle("stale", value);
  }

  /** Show a report where the reader is in the one before. Both are there until the new one is drawn. */
  async show(html, title) {
    for (const waiting of this.#host.querySelectorAll(".next")) waiting.remove();
    const frame = document.createElement("iframe");
    frame.className = "next";
    frame.title = title;
    frame.setAttribute("sandbox", "allow-scripts");
    frame.allow = "clipboard-write";
    frame.name = String(this.scrolled);
    frame.srcdoc = html.replace("<head>", () => `<head><script>${this.#script}</script>`);
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
    this.#host.append(frame);
    await loaded;
    for (const other of this.#host.querySelectorAll("iframe")) if (other !== frame) other.remove();
    frame.className = "";
  }
}
