// Compile a folder of Python modules for the Python that will run them, which is Pyodide's: node compile.mjs FOLDER
// The modules are then imported in a third of the time. Documentation of all but graphcost is left out.
import { loadPyodide } from "pyodide";

const python = await loadPyodide();
python.mountNodeFS("/tree", process.argv[2]);
const done = python.runPython(`
import compileall, pathlib
common = {"quiet": 1, "legacy": True, "stripdir": "/tree", "prependdir": "/packages"}
all(
    compileall.compile_dir(folder, optimize=0 if folder.name == "graphcost" else 2, **common)
    for folder in pathlib.Path("/tree").iterdir() if folder.is_dir()
) and compileall.compile_file("/tree/bridge.py", **common)
`);
process.exit(done ? 0 : 1);
