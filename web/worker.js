// Python in a worker: loads Pyodide and the packages, then runs the command for each message, one after another.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const HERE = new URL(".", import.meta.url).href;
const FILES = "/files"; // where files that a reader chose are mounted; they are read where Python reads them
const TEXT = "/text"; // where the text of the editor is

let python, bridge;
let mounted = false;
let read = 0; // bytes of the chosen files

start().catch((problem) => postMessage({ failed: reasonOf(problem) }));

async function start() {
  countFetched(await sizes());
  python = await loadPyodide({ indexURL: `${HERE}pyodide/`, packageBaseUrl: `${HERE}pyodide/` });
  const packages = await fetch(`${HERE}packages.zip`);
  if (!packages.ok) throw new Error(`packages.zip: ${packages.status}`);
  python.unpackArchive(await packages.arrayBuffer(), "zip", { extractDir: "/packages" });
  python.runPython("import sys; sys.path.insert(0, '/packages')");
  for (const folder of [FILES, TEXT]) python.FS.mkdir(folder);
  countRead();
  bridge = python.pyimport("bridge");
  onmessage = ({ data }) => answer(data);
  postMessage({ ready: true });
}

/** The sizes of what is fetched before Python runs, by their names. */
async function sizes() {
  const { files } = await (await fetch(`${HERE}site.json`)).json();
  return new Map(Object.entries(files).filter(([name]) => /\.wasm$|^packages\.zip$|_stdlib\.zip$/.test(name)));
}

/** Have every fetch of these files tell the page how much has come; of those that are kept here nothing is told. */
function countFetched(expected) {
  const original = self.fetch;
  const total = [...expected.values()].reduce((sum, size) => sum + size, 0);
  let done = 0;
  self.fetch = async (request, options) => {
    const address = String(request.url ?? request);
    const kept = await self.caches?.match(address);
    const response = await original(request, options);
    if (kept || !response.ok || !response.body || !expected.has(address.slice(HERE.length))) return response;
    const count = new TransformStream({
      transform(chunk, out) {
        done += chunk.byteLength;
        postMessage({ loading: { done, total } });
        out.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(count), { headers: response.headers });
  };
}

/** Count what is read of files: the file system of Python hands each read on to the browser as a slice. */
function countRead() {
  const original = FileReaderSync.prototype.readAsArrayBuffer;
  FileReaderSync.prototype.readAsArrayBuffer = function (slice) {
    read += slice.size;
    return original.call(this, slice);
  };
}

function answer({ ask, files, text, ...job }) {
  try {
    const folder = place(files, text);
    const begin = performance.now();
    read = 0;
    const [code, out, err] = bridge[ask](folder, JSON.stringify(job)).toJs();
    const milliseconds = performance.now() - begin;
    const memory = python._module.HEAP8.length;
    postMessage({ done: { code, out, err, milliseconds, read, memory } });
  } catch (problem) {
    postMessage({ failed: reasonOf(problem) });
  }
}

/** Put files or a text where Python finds them; returns the folder. */
function place(files, text) {
  if (text) {
    python.FS.writeFile(`${TEXT}/${text.name}`, text.content);
    return TEXT;
  }
  python.FS.chdir("/");
  if (mounted) python.FS.unmount(FILES);
  python.FS.mount(python.FS.filesystems.WORKERFS, { files }, FILES);
  mounted = true;
  return FILES;
}

/** What went wrong, in a line; errors of the file system are numbers only. */
function reasonOf(problem) {
  return problem?.message || (problem?.errno ? `error ${problem.errno} of the file system` : String(problem));
}
