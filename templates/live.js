/* The report's numbers under the sizes a reader gives: evaluates the formulas in the page's data, exactly.

   Offers `graphcost` to the other scripts, and says "graphcost:dims" on the document when the sizes changed. A value is
   a whole number (a number, or a BigInt where a formula made it), null where it is not known, undefined while a symbol
   in it has no size, "" where there is nothing to say. Knows nothing of tables and pictures. */
(() => {
"use strict";

const holder = document.getElementById("graphcost-data");
const data = holder && JSON.parse(holder.textContent);
if (!data || !data.columns) return;

/* --- formulas ----------------------------------------------------------------------------------------------------- */

const parsed = new Map();

/** A formula in Python's syntax (integers, names, + - * // **, max, min, parentheses) as a function of the symbols. */
function formula(text) {
  if (!parsed.has(text)) parsed.set(text, parse(text));
  return parsed.get(text);
}

function parse(text) {
  const tokens = text.match(/\d+|[A-Za-z_]\w*|\*\*|\/\/|[-+*(),]/g) ?? [];
  let next = 0;

  function take(token) {
    if (tokens[next] !== token) return false;
    next += 1;
    return true;
  }

  function expect(token) {
    if (!take(token)) throw new SyntaxError(`${token} is missing in ${text}`);
  }

  function sum() {
    const terms = [term()];
    for (;;) {
      if (take("+")) terms.push(term());
      else if (take("-")) terms.push(negative(term()));
      else break;
    }
    return terms.length === 1 ? terms[0] : (sizes) => terms.reduce((total, part) => total + part(sizes), 0n);
  }

  function term() {
    let left = factor();
    for (;;) {
      const before = left;
      if (take("*")) {
        const right = factor();
        left = (sizes) => before(sizes) * right(sizes);
      } else if (take("//")) {
        const right = factor();
        left = (sizes) => floorDivide(before(sizes), right(sizes));
      } else return left;
    }
  }

  function factor() {
    if (take("-")) return negative(factor());
    const base = atom();
    if (!take("**")) return base;
    const power = factor();
    return (sizes) => base(sizes) ** power(sizes);
  }

  function atom() {
    if (take("(")) {
      const inner = sum();
      expect(")");
      return inner;
    }
    const token = tokens[next++];
    if (/^\d/.test(token)) {
      const number = BigInt(token);
      return () => number;
    }
    if (!/^\w/.test(token ?? "")) throw new SyntaxError(`${text} is not a formula`);
    return take("(") ? extreme(token) : symbol(token);
  }

  function extreme(name) {
    const parts = [sum()];
    while (take(",")) parts.push(sum());
    expect(")");
    const first = name === "max" ? (a, b) => a > b : (a, b) => a < b;
    return (sizes) => parts.map((part) => part(sizes)).reduce((best, value) => (first(value, best) ? value : best));
  }

  function symbol(name) {
    return (sizes) => {
      if (!sizes.has(name)) throw new Open(name);
      return sizes.get(name);
    };
  }

  const result = sum();
  if (next !== tokens.length) throw new SyntaxError(`${text} is not a formula`);
  return result;
}

const negative = (value) => (sizes) => -value(sizes);

/** Rounded towards minus infinity, as Python does. */
function floorDivide(a, b) {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

/** A symbol in a formula has no size yet. */
class Open extends Error {}

/** What a value of the data comes to; text is a formula. */
function exact(value, sizes) {
  if (typeof value !== "string" || value === "") return value;
  try {
    return formula(value)(sizes);
  } catch (problem) {
    if (problem instanceof Open) return undefined;
    if (problem instanceof RangeError) return null; // a division by zero
    throw problem;
  }
}

/* --- as text: what graphcost/table.py writes for the same value ----------------------------------------------------- */

const UNITS = {bytes: [1024, ["B", "KiB", "MiB", "GiB", "TiB"]], short: [1000, ["", "k", "M", "G", "T", "P"]]};

function show(value, form) {
  if (value === null) return "?";
  if (typeof value === "string") return value;
  if (form === "share") return `${tenths(100 * Number(value))}%`;
  if (form === "ratio") return grouped(tenths(Number(value)));
  if (form === "time") return duration(Number(value));
  if (form === "bytes" || (form === "short" && value >= 1000)) return scaled(Number(value), ...UNITS[form]);
  return form === "text" ? String(value) : grouped(String(value));
}

function scaled(value, base, units) {
  let power = 0;
  while (Number(tenths(value)) >= base && power < units.length - 1) {
    value /= base;
    power += 1;
  }
  const [whole, part] = tenths(value).split(".");
  return power ? `${grouped(whole)}.${part} ${units[power]}` : `${grouped(even(value))} ${units[0]}`.trimEnd();
}

/** Seconds in the unit that leaves a number of at least 1. */
function duration(seconds) {
  for (const [unit, size] of [["s", 1], ["ms", 1e-3], ["us", 1e-6]])
    if (Number(tenths(seconds / size)) >= 1) return `${grouped(tenths(seconds / size))} ${unit}`;
  return seconds ? `${grouped(tenths(seconds / 1e-9))} ns` : "0 s";
}

/** One decimal, a tie to the even digit. */
function tenths(value) {
  const tie = Math.abs((value * 4) % 2) === 1; // of all ties only quarters are binary fractions
  return tie ? (even(value * 10) / 10).toFixed(1) : value.toFixed(1);
}

function even(value) {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2 ? 1 : 0) : Math.round(value);
}

/** Digits in groups of three: 1,234. */
function grouped(digits) {
  return String(digits).replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
}

/** Several things in words: 1 row, 1,234 rows. */
function counted(number, noun) {
  return `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A formula for people: 416·N. */
function readable(text) {
  return String(text).replaceAll("**", "^").replaceAll("*", "·");
}

function shape(extents, sizes) {
  if (extents === null) return "?";
  const parts = extents.map((extent) => {
    const value = exact(extent, sizes);
    const text = value === undefined ? readable(extent) : String(value);
    return /^(\w+|[\p{L}\p{N}_]+)$/u.test(text) ? text : `(${text})`;
  });
  return parts.join(parts.every((part) => /^\d+$/.test(part)) ? "x" : " x ") || "scalar";
}

/** Several shapes under the sizes a reader gave, or as the report has them; each distinct one once. */
function shapes(all, reported = false) {
  return [...new Set(all.map((extents) => shape(extents, reported ? new Map() : chosen)))].join(", ");
}

/** A text of at most `count` characters, without its middle where it is longer. */
function shorten(text, count) {
  const letters = [...text];
  if (letters.length <= count) return text;
  const head = Math.floor((count - 1) / 3);
  return `${letters.slice(0, head).join("")}…${letters.slice(letters.length - (count - 1 - head)).join("")}`;
}

/* --- sizes ---------------------------------------------------------------------------------------------------------- */

const assumed = new Map(data.symbols.filter((s) => s.value !== null).map((s) => [s.name, BigInt(s.value)]));
let chosen = new Map();
let sizes = assumed;
let results = new Map();

const LARGEST = 2n ** 50n; // elements of the largest tensor that an analysis believes

/** Why a size cannot be taken for a symbol, "" when it can. */
function refusal(name, value) {
  const symbol = data.symbols.find((each) => each.name === name);
  if (!symbol) return `there is no dimension ${name}`;
  if (!/^\d+$/.test(String(value).trim()) || BigInt(value) < symbol.lower || BigInt(value) > LARGEST)
    return `${name} must be a whole number from ${grouped(symbol.lower)} to ${grouped(LARGEST)}`;
  return "";
}

/** Why these sizes do not fit the network: a window larger than its input, an extent that would be negative. */
function contradiction(sizes) {
  const column = columns.get("output");
  const extents = column.values.map((shapes) => shapes.map((each) => each?.map((extent) => exact(extent, sizes))));
  const sliding = new Set(data.sliding);
  for (let row = 0; row < data.rows; row += 1) {
    const lower = (axis) => (axis > 1 && sliding.has(row) ? 1 : 0);
    const short = extents[place(column, row)].find((each) => each?.some((extent, axis) => extent < lower(axis)));
    const long = extents[place(column, row)].find((each) => each && !each.includes(undefined) && elements(each) > LARGEST);
    const [which, wrong] = short ? ["small", short] : ["large", long];
    if (wrong) return `These sizes are too ${which}: the output of ${cell("name", row).text} would be ${shown(wrong)}`;
  }
  return "";
}

const elements = (extents) => extents.reduce((product, extent) => product * BigInt(extent), 1n);
const shown = (extents) => extents.map((extent) => extent ?? "?").join("x");

/** Take sizes for symbols, `{N: 8}`; one that is left out goes back to what the report assumes. Returns "" or why not. */
function set(values) {
  const given = Object.entries(values);
  for (const [name, value] of given) {
    const why = refusal(name, value);
    if (why) return why;
  }
  const wanted = new Map(given.map(([name, value]) => [name, BigInt(value)]));
  const both = new Map([...assumed, ...wanted]);
  const why = wanted.size ? contradiction(both) : "";
  if (why) return why;
  chosen = wanted;
  sizes = both;
  results = new Map();
  document.dispatchEvent(new CustomEvent("graphcost:dims", {detail: {values: Object.fromEntries(both)}}));
  return "";
}

/* --- sizes for pictures while some have none ----------------------------------------------------------------------------- */

const EXAMPLES = [128, 224, 512, 64, 32, 16, 8, 4, 2, 1]; // the first that fits the network

/** An example of a size for each symbol that has none; null where none of these fits the network. */
function example() {
  const open = data.symbols.filter(({name}) => !sizes.has(name));
  const all = EXAMPLES.map((size) => new Map(open.map(({name, lower}) => [name, BigInt(Math.max(size, lower))])));
  return open.length ? all.find((each) => !contradiction(new Map([...sizes, ...each]))) ?? null : null;
}

/** What `draw` makes of the numbers under example sizes, which it is given; null where there are none to be had. */
function withExample(draw) {
  const before = {chosen, sizes, results};
  const found = once("example", example);
  if (!found) return null;
  results = once("under the example", () => new Map());
  chosen = new Map([...chosen, ...found]);
  sizes = new Map([...sizes, ...found]);
  try {
    return draw(Object.fromEntries(found));
  } finally {
    ({chosen, sizes, results} = before);
  }
}

/** Sizes in words: `H = 128, W = 128`. */
function sizesText(sizes) {
  const parts = Object.entries(sizes).map(([name, size]) => `${name} = ${size}`);
  return parts.slice(0, 4).join(", ") + (parts.length > 4 ? ` and ${parts.length - 4} more` : "");
}

/* --- results under these sizes -------------------------------------------------------------------------------------- */

/** Computed once for these sizes. */
function once(key, compute) {
  if (!results.has(key)) results.set(key, compute());
  return results.get(key);
}

/** The columns that pictures can show. */
const MEASURES = ["macs", "ops", "learned_params", "activation"];
const columns = new Map(data.columns.map((column) => [column.key, column]));
const stale = (column) => column.fixed && chosen.size > 0;

/** The distinct values of a column, evaluated; a column of text or shapes has none. */
function evaluated(column) {
  return once(column, () => column.values.map((value) => (stale(column) ? undefined : exact(value, sizes))));
}

const place = (column, row) => (column.at ? column.at[row] : row);

/** One cell: its value, the text that stands for it, and the formula while that is open. `column` is a key of the layers' table, or a column itself. */
function cell(column, row, siblings = columns) {
  if (typeof column === "string") column = siblings.get(column);
  if (column.key === "share") {
    const of = siblings.get("macs") ?? columns.get("macs");
    const part = siblings.has("macs") ? cell("macs", row, siblings).value : undefined;
    const whole = exact(of.total, sizes);
    return part && whole && !of.bound ? written(Number(part) / Number(whole), "share") : written("", "share");
  }
  const given = column.values[place(column, row)];
  if (column.form === "shapes") {
    const text = once(given, () => given.map((extents) => shape(extents, sizes)).join(", "));
    return {value: text, text};
  }
  if (column.form === "text") return stale(column) ? {value: undefined, text: "–"} : {value: given, text: given};
  const value = evaluated(column)[place(column, row)];
  if (value === undefined) return {value, text: stale(column) ? "–" : readable(given), formula: stale(column) ? undefined : given};
  return written(value, column.form);
}

const written = (value, form) => ({value, text: show(value, form)});

/** A column's total, or a total by name: its value, and its text without the sign of a bound. */
function total(key, form) {
  const column = typeof key === "string" ? columns.get(key) : key;
  const given = column ? column.total : data.totals[key];
  if (key === "peak_activation_bytes") return written(memory().peak, form ?? "bytes");
  if (given === undefined) return {value: undefined, text: ""};
  const value = column && stale(column) ? undefined : exact(given, sizes);
  if (value === undefined) return {value, text: column && stale(column) ? "–" : readable(given)};
  return written(value, form ?? column.form);
}

/** The live bytes of each step, the largest of them and its step; null where a size that matters is open. */
function memory() {
  return once("memory", () => {
    const {bytes, birth, death, steps, fixed, known} = data.memory;
    if (chosen.size ? fixed : !known) return {curve: null, peak: null, step: null};
    const distinct = bytes.values.map((value) => exact(value, sizes));
    const change = new Array(steps.length + 1).fill(0);
    for (const [buffer, from] of birth.entries()) {
      const size = distinct[place(bytes, buffer)];
      if (size === null || size === undefined) return {curve: null, peak: null, step: null};
      change[from] += Number(size);
      change[death[buffer] + 1] -= Number(size);
    }
    let bytesLive = 0;
    const curve = steps.map((_, step) => (bytesLive += change[step]));
    const peak = curve.reduce((highest, value) => Math.max(highest, value), 0);
    if (!curve.length) return {curve: null, peak: null, step: null};
    const step = curve.indexOf(peak);
    const there = [...birth.keys()].filter((buffer) => birth[buffer] <= step && step <= death[buffer]);
    const held = there.map((buffer) => [buffer, Number(distinct[place(bytes, buffer)])]).filter(([, size]) => size);
    return {curve, peak, step, live: held.sort((a, b) => b[1] - a[1])};
  });
}

const plain = (value) => (value === undefined || value === null || value === "" ? null : Number(value));

/** Everything as plain numbers, null where it is not known or a size is open: rows by column, totals, live bytes,
    and at their peak the row and the live buffers with their bytes, largest first. */
function evaluate() {
  return once("everything", () => {
    const numeric = data.columns.filter((column) => column.values && column.form !== "text" && column.form !== "shapes");
    const rows = Array.from({length: data.rows}, () => ({}));
    for (const column of numeric) {
      const values = evaluated(column).map(plain);
      for (let row = 0; row < data.rows; row += 1) rows[row][column.key] = values[place(column, row)];
    }
    const totals = Object.fromEntries(Object.keys(data.totals).map((key) => [key, plain(total(key, "count").value)]));
    const {curve, peak, step, live} = memory();
    return {rows, totals, curve, peak, step, live, row: step === null ? null : data.memory.steps[step]};
  });
}

const constants = new Set(data.constants);
/** The rows that are layers: those that do more than make constants. */
const layers = Array.from({length: data.rows}, (_, row) => row).filter((row) => !constants.has(row));
const numbers = new Map(layers.map((row, at) => [row, at + 1]));
/** Which layer a row is, from 1; null where it is none. */
const numberOf = (row) => numbers.get(row) ?? null;

window.graphcost = {
  data, columns, MEASURES, layers, numberOf, cell, total, show, counted, shapes, shorten, exact, set, evaluate, withExample, sizesText, refusal, readable, values: () => Object.fromEntries(sizes),
};

/* --- the totals on the page, and the form that asks for sizes ------------------------------------------------------- */

document.addEventListener("graphcost:dims", () => {
  for (const element of document.querySelectorAll("[data-total]"))
    element.textContent = total(element.dataset.total, element.dataset.form).text;
  for (const element of document.querySelectorAll("[data-peak]")) {
    const {row} = evaluate();
    element.textContent = element.title = row === null ? "" : cell("name", row).text;
  }
});

const form = document.querySelector("form.whatif");
if (form) {
  const fields = [...form.querySelectorAll("input")];
  const status = form.querySelector("output");

  function read() {
    const given = fields.filter((field) => field.value.trim() || field.validity.badInput);
    const wrong = given.map((field) => [field, refusal(field.name, field.value)]).filter(([, why]) => why);
    for (const field of fields) field.removeAttribute("aria-invalid");
    for (const [field] of wrong) field.setAttribute("aria-invalid", "true");
    const why = wrong.length
      ? wrong.map(([, each]) => each).join("; ")
      : set(Object.fromEntries(given.map((field) => [field.name, field.value.trim()])));
    status.textContent = why ? `${why}. Figures unchanged.` : "";
  }

  form.addEventListener("input", read);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(read)); // the fields change after this event
  form.hidden = false;
  form.parentElement.querySelector(".unscripted").hidden = true;
}
})();
