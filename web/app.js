// The page: what is chosen and typed becomes a run of the command in the worker, and its report is shown in a frame.
import { Controls } from "./controls.js";
import { createEditor } from "./editor.js";
import { choose, isText, named, quoted, size } from "./files.js";
import { Frames } from "./frames.js";
import * as link from "./link.js";
import { Runner, Stopped } from "./runner.js";

const site = await (await fetch("site.json")).json();
const $ = (id) => document.getElementById(id);
const downloads = [...document.querySelectorAll("[data-format]")];

/** What is analysed: {name, sample} of the text in the editor, or {files}. */
let source = { name: "net.prototxt" };
let shown = ""; // the HTML of the report in the frame
let described = {}; // whose inputs have fields: the text or the files, and what they are
let since = 0; // when the oldest change that is not shown was made

const frames = new Frames($("frames"), site.frame);
const editor = createEditor($("editor"), () => {
  source = { name: source.name ?? "net.prototxt" }; // no longer the sample as it is
  $("sample").value = "";
  update();
});
const controls = new Controls($("options"), site.choices, update);
const runner = new Runner({ loading: showLoading, crashed: showCrash });

// --- runs -------------------------------------------------------------------------------------------------------------

let busy = false;
let again = false;
let noted = 0;

/** Bring the report up to date; a change while that is done is followed by one more run, however many there were. */
async function update() {
  showCommand();
  since ||= performance.now();
  again = true;
  if (busy) return;
  busy = true;
  const slow = setTimeout(() => ($("stop").hidden = false), 300);
  while (again) {
    again = false;
    await report();
  }
  clearTimeout(slow);
  $("stop").hidden = true;
  busy = false;
}

async function report() {
  const [begin, job] = [since, jobOf("run", "--format", "html")];
  since = 0;
  showStatus("Working");
  const done = await ask(job);
  if (!done) return;
  showErrors(done.err);
  frames.stale = !done.out;
  if (done.out) {
    shown = done.out;
    showStatus(`Report on ${namesOf().join(", ")}`);
    $("took").textContent = `${Math.round(done.milliseconds)} ms${readOf(done)}`;
    const title = $("status").textContent;
    frames.show(done.out, title).then(() => note(begin, done));
  } else showStatus(shown ? "The report below is of what was there before" : "No report");
  for (const button of downloads) button.disabled = !shown;
  if (!again) await describe();
}

/** Note for whoever measures how long the change took that is seen now, of how many so far, and what it took. */
function note(start, { milliseconds, read, memory }) {
  performance.clearMeasures("graphcost:report");
  performance.measure("graphcost:report", { start, detail: { number: (noted += 1), milliseconds, read, memory } });
}

/** What the worker answers; undefined, and said on the page, when it was stopped or broke down. */
async function ask(job) {
  try {
    return await runner.run(job);
  } catch (problem) {
    showStatus(problem instanceof Stopped ? "Stopped" : "No report");
    $("again").hidden = false;
    return undefined;
  }
}

function jobOf(what, ...output) {
  $("again").hidden = true;
  const text = source.files ? undefined : { name: source.name, content: editor.text };
  return { ask: what, files: source.files, text, models: namesOf(), arguments: [...commandOf(), ...output] };
}

/** The command's words for what is chosen, but for its output: two networks are compared unless a row each is wished. */
function commandOf() {
  const models = namesOf().map(named);
  if (models.length !== 2 || !$("compare").checked) return [...models, ...controls.arguments];
  return ["diff", ...models, ...controls.argumentsOf(site.diff)];
}

/** Fields for the inputs of what is analysed now, and for the names that were given to sizes. */
async function describe() {
  const of = source.files ?? editor.text;
  if (namesOf().length !== 1) return;
  if (described.of !== of) {
    const done = await ask(jobOf("inputs"));
    if (!done || done.code) return;
    described = { of, found: JSON.parse(done.out) };
  }
  controls.describe(described.found);
}

function namesOf() {
  return source.files ? source.files.map((file) => file.name) : [source.name];
}

// --- what the page says -----------------------------------------------------------------------------------------------

function showStatus(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

function showErrors(text) {
  const lines = text.trim().replaceAll(/^graphcost: error: /gm, "");
  $("error").textContent = lines;
  const at = /^(.*?):(\d+): (.*)$/.exec(lines);
  if (!source.files) editor.problem(at && at[1] === named(source.name) ? Number(at[2]) : 0, at?.[3]);
}

function showLoading({ done, total }) {
  $("loading").hidden = done >= total;
  $("progress").value = done / total;
  $("loading-text").textContent = `Loading Python: ${size(done)} of ${size(total)}, kept for the next visit`;
}

function showCrash(text, restarted) {
  $("loading").hidden = true;
  $("error").textContent = `${text}; ${restarted ? "it has been started again" : "is there a network?"}`;
}

function readOf({ read }) {
  const whole = (source.files ?? []).reduce((sum, file) => sum + file.size, 0);
  return whole ? `, ${size(read)} of ${size(whole)} read` : "";
}

function showCommand() {
  $("command").textContent = ["graphcost", ...commandOf(), "-o", `${stem()}.html`].map(quoted).join(" ");
  $("link-hint").textContent = "";
}

function stem() {
  return namesOf().length === 1 ? namesOf()[0].replace(/\.[^.]*$/, "") : "networks";
}

function showSource() {
  const files = source.files ?? [];
  $("text").hidden = files.length > 0;
  $("text-name").textContent = source.name ?? "";
  $("sample").value = source.sample ?? "";
  $("back").hidden = files.length === 0;
  $("comparing").hidden = files.length !== 2;
  $("chosen").replaceChildren(...files.map(fileItem));
}

function fileItem(file) {
  const item = document.createElement("li");
  const remove = document.createElement("button");
  remove.type = "button";
  remove.textContent = "Remove";
  remove.setAttribute("aria-label", `Remove ${file.name}`);
  remove.onclick = () => {
    const rest = source.files.filter((each) => each !== file);
    take(rest.length ? { files: rest } : { name: "net.prototxt" });
  };
  item.append(`${file.name} (${size(file.size)})`, remove);
  return item;
}

// --- what a reader does -----------------------------------------------------------------------------------------------

function take(next, text) {
  source = next;
  frames.scrolled = 0;
  if (text !== undefined && text !== editor.text) editor.text = text;
  showSource();
  return update();
}

async function takeFiles(list) {
  const files = choose([...list]);
  if (files.length === 0) return;
  if (files.length === 1 && (await isText(files[0]))) return take({ name: files[0].name }, await files[0].text());
  return take({ files });
}

async function takeSample(name) {
  const response = await fetch(`samples/${name}`);
  if (!response.ok) return showErrors(`${name}: ${response.status}`);
  if (name.endsWith(".onnx")) return take({ files: [new File([await response.blob()], name)], sample: name });
  return take({ name, sample: name }, await response.text());
}

async function takeLink() {
  const { state, sample, name, content } = await link.read(location.hash);
  controls.state = state;
  described = {};
  if (content !== undefined) return take({ name: name.replaceAll(/[/\0]/g, "_") }, content);
  return takeSample(site.samples.includes(sample) ? sample : site.samples[0]);
}

async function copyLink() {
  const { name, sample, files } = source;
  const fragment = await link.write(controls.state, files ? { sample } : { sample, name, content: editor.text });
  const tooLong = fragment.length > link.LONGEST;
  const short = tooLong ? await link.write(controls.state, {}) : fragment;
  await navigator.clipboard.writeText(new URL(short, location.href).href);
  const lacks = files && !sample ? "; the file is not in it" : tooLong ? "; the text is too long for it" : "";
  $("link-hint").textContent = `Copied: the link has the options${lacks || " and the network"}.`;
}

async function download(format) {
  const html = format === "html";
  const done = html ? { out: shown } : await ask(jobOf("run", "--format", format));
  if (!done?.out) return showErrors(done?.err ?? "");
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(new Blob([done.out], { type: html ? "text/html" : "text/plain" }));
  anchor.download = `${stem()}.${format}`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}

function listen() {
  $("sample").append(...site.samples.map((name) => new Option(name, name)));
  $("sample").onchange = () => $("sample").value && takeSample($("sample").value);
  $("files").onchange = () => takeFiles($("files").files).then(() => ($("files").value = ""));
  $("compare").onchange = update;
  $("back").onclick = () => take({ name: "net.prototxt" });
  $("stop").onclick = () => runner.stop();
  $("again").onclick = () => update();
  $("copy-command").onclick = () => navigator.clipboard.writeText($("command").textContent);
  $("copy-link").onclick = copyLink;
  for (const button of downloads) button.onclick = () => download(button.dataset.format);
  addEventListener("hashchange", takeLink);
  addEventListener("dragover", (event) => dragged(event, true));
  addEventListener("dragleave", (event) => event.relatedTarget === null && dragged(event, false));
  addEventListener("drop", (event) => dragged(event, false) && takeFiles(event.dataTransfer.files), true);
}

/** Whether files are dragged: text may be dragged within the editor. */
function dragged(event, over) {
  if (!event.dataTransfer?.types.includes("Files")) return false;
  event.preventDefault();
  event.stopPropagation();
  document.body.classList.toggle("dropping", over);
  return true;
}

/** Have a service worker keep what is loaded. On the first visit it must be there before Python is fetched. */
async function keep() {
  try {
    const registration = await navigator.serviceWorker.register("sw.js");
    if (registration.active) return;
    const there = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    await Promise.race([there, new Promise((resolve) => setTimeout(resolve, 3000))]);
  } catch {
    // without one, as in a private window, all is fetched at every visit
  }
}

/** What nobody foresaw is said too, in one line. */
function showFault(problem) {
  $("error").textContent = `a fault of this page: ${problem?.message ?? problem}`;
}

addEventListener("error", ({ error, message }) => showFault(error ?? message));
addEventListener("unhandledrejection", ({ reason }) => showFault(reason));
listen();
await keep();
await takeLink();
