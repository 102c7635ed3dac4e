/* The table of layers, taken over from the one in the page: sort, filter, choose columns, copy.

   Rows are made as they come into view, so a long network scrolls like a short one. What a cell says comes from
   live.js; formulas and pictures are not known here. */
(() => {
"use strict";

const live = window.graphcost;
const table = document.querySelector("#layers table");
const tools = document.querySelector("#layers form.tools");
if (!live || !table || !tools) return;

const FEW = 500; // rows that are all made at once
const MARGIN = 20; // rows made beyond each edge of what is in view
const CUT = 30; // characters of a formula above which it may be cut, as templates/cells.html.j2 has it

const {groups} = live.data.table;
const columns = groups ? new Map(groups.map((column) => [column.key, column])) : live.columns;
const cell = (key, row) => live.cell(columns.get(key), row, columns);
const textual = (key) => ["text", "shapes"].includes(columns.get(key).form);
const known = (row) => (groups ? live.data.complete : live.cell("status", row).text === "known");

const box = table.closest(".scroll");
const [head, body, foot] = [table.tHead, table.tBodies[0], table.tFoot ?? table.createTFoot()];
const status = tools.querySelector("output");
const {text: wanted, type: kind} = tools.elements;

let keys = [...live.data.table.keys];
let sorted = {key: null, down: false};
let order = live.data.table.order; // the rows, or groups, that there are to show
let rows = order; // those that the filter leaves, as sorted
let made = null; // the first and last of them that are in the page
let selected = null;
let active = 0; // which of them the keyboard is on
let height = 24; // of a row in pixels, measured when there is one
let printing = false;

/* --- which rows, in which order ------------------------------------------------------------------------------------- */

const filtering = () => Boolean(wanted.value.trim() || kind.value);

function choose() {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  const read = ["name", "type", "status"].filter((key) => columns.has(key));
  rows = order.filter((row) => {
    if (kind.value && cell("kind", row).text !== kind.value) return false;
    const text = words.length ? read.map((key) => cell(key, row).text).join(" ").toLowerCase() : "";
    return words.every((word) => text.includes(word));
  });
  if (sorted.key === null) return;
  const sortKeys = new Map(rows.map((row) => [row, sortKey(cell(sorted.key, row))]));
  const sign = sorted.down ? -1 : 1;
  rows.sort((a, b) => sign * compare(sortKeys.get(a), sortKeys.get(b)));
}

/** Where a value stands in an order: nothing, text, numbers, and last what is not known, for it may be the largest. */
function sortKey({value, text}) {
  if (value === "") return [0, ""];
  if (typeof value === "string") return [1, value];
  return value === null || value === undefined ? [3, text] : [2, value];
}

const alphabet = new Intl.Collator("en", {numeric: true});

function compare([a, x], [b, y]) {
  if (a !== b) return a - b;
  if (a === 2) return x < y ? -1 : x > y ? 1 : 0;
  return alphabet.compare(x, y);
}

/** The first click on a column sorts largest first, or by the alphabet; the third goes back to the report's order. */
function turn(key) {
  const first = !textual(key);
  if (sorted.key !== key) sorted = {key, down: first};
  else sorted = sorted.down === first ? {key, down: !first} : {key: null, down: false};
}

/* --- drawing -------------------------------------------------------------------------------------------------------- */

function draw({top = 0} = {}) {
  choose();
  drawHead();
  drawFoot();
  drawRows({anew: true, top});
  status.textContent = filtering() ? `${count(rows)} of ${count(order)} rows` : "";
}

const count = (rows) => live.show(rows.length, "count");

function element(name, text, classes) {
  const result = document.createElement(name);
  if (text !== undefined) result.textContent = text;
  if (classes) result.className = classes;
  return result;
}

/** A cell; the first of a line is its header, which has the number of the layer. */
function field(key, at, text) {
  const result = element(at ? "td" : "th", text, textual(key) ? "" : "number");
  if (!at) result.scope = "row";
  if (at && !textual(key) && text?.length > CUT) result.title = text;
  return result;
}

function drawHead() {
  const focused = document.activeElement?.dataset.key;
  const line = element("tr");
  for (const key of keys) {
    const {title, doc, unit} = columns.get(key);
    const header = element("th", undefined, textual(key) ? "" : "number");
    header.scope = "col";
    if (sorted.key === key) header.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
    if (printing) header.textContent = title; // a browser repeats no button at the head of the next page
    else {
      const button = element("button", title);
      button.type = "button";
      button.dataset.key = key;
      button.title = unit ? `${doc} (${unit})` : doc;
      header.append(button);
    }
    line.append(header);
  }
  head.replaceChildren(line);
  if (focused) head.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function drawFoot() {
  const line = element("tr");
  const label = filtering() ? `total of ${live.counted(rows.length, "row")}` : "total";
  line.append(...keys.map((key, at) => field(key, at, sum(key) || (at ? "" : label))));
  foot.replaceChildren(line);
}

/** A column's total over the rows that the filter leaves, as text; "" when it has none. */
function sum(key) {
  const column = columns.get(key);
  if (!filtering()) return column.total === undefined ? "" : bounded(live.total(column).text, !column.bound);
  if ((column.total === undefined && key !== "share") || column.form === "ratio") return "";
  const values = rows.map((row) => cell(key, row).value).filter((value) => value !== "" && value !== null);
  if (values.includes(undefined)) return "–";
  const [zero, number] = ["share", "time"].includes(column.form) ? [0, Number] : [0n, BigInt];
  const join = column.largest ? (all, value) => (value > all ? value : all) : (all, value) => all + value;
  return bounded(live.show(values.map(number).reduce(join, zero), column.form), rows.every(known));
}

const bounded = (text, exact) => (exact ? text : `>= ${text}`);

/** Which rows to make: all of a few, else those in view. */
function inView(top) {
  if (rows.length <= FEW || printing) return [0, rows.length];
  const first = Math.floor(top / height);
  const last = Math.ceil((top + box.clientHeight) / height);
  return [Math.max(0, Math.min(first, rows.length) - MARGIN), Math.min(rows.length, last + MARGIN)];
}

function drawRows({anew = false, top = box.scrollTop} = {}) {
  const [first, last] = inView(top);
  if (!anew && made && made[0] === first && made[1] === last) return;
  const focused = body.contains(document.activeElement);
  const lines = rows.slice(first, last).map((row, at) => drawRow(row, first + at));
  const part = last - first < rows.length;
  const [before, after] = [space(), space()];
  body.replaceChildren(...(part ? [widest(), before, ...lines, after] : lines));
  if (part) table.setAttribute("aria-rowcount", rows.length + 2);
  else table.removeAttribute("aria-rowcount");
  made = [first, last];
  if (lines.length) height = lines[0].getBoundingClientRect().height || height;
  before.cells[0].style.height = `${first * height}px`;
  after.cells[0].style.height = `${(rows.length - last) * height}px`;
  box.scrollTop = top;
  const reached = lines[active - first] ?? lines[0];
  if (reached) reached.tabIndex = 0;
  if (focused) (lines[active - first] ?? box).focus({preventScroll: true});
}

function drawRow(row, at) {
  const line = element("tr", undefined, groups || known(row) ? "" : "unknown");
  line.tabIndex = -1;
  line.dataset.at = at;
  line.setAttribute("aria-rowindex", at + 2);
  if (!groups) {
    line.dataset.row = row;
    line.id = `row-${row}`;
    if (row === selected) line.setAttribute("aria-current", "true");
  }
  for (const [place, key] of keys.entries()) {
    const {value, text} = cell(key, row);
    const written = field(key, place, text);
    if (!groups && !place && live.numberOf(row)) written.dataset.number = live.numberOf(row);
    if (!place || text.length > 30) written.title = text; // a narrow window, or column, cuts it
    const part = share(key, value);
    if (part) {
      written.classList.add("bar");
      written.style.setProperty("--part", `${(100 * part).toFixed(1)}%`);
    }
    line.append(written);
  }
  return line;
}

/** A value's share of its column's total, 0 when it has none. */
function share(key, value) {
  if (!value || typeof value === "string") return 0;
  if (key === "share") return value;
  const column = columns.get(key);
  const whole = column.total === undefined || column.form === "ratio" ? 0 : live.total(column).value;
  return whole ? Number(value) / Number(whole) : 0;
}

/** What stands for rows out of view. */
function space() {
  const [line, filling] = [element("tr", undefined, "space"), element("td")];
  line.setAttribute("aria-hidden", "true");
  filling.colSpan = keys.length;
  line.append(filling);
  return line;
}

let longest = new Map();

/** A line without height that has every column's longest text: columns keep their width while rows come and go. */
function widest() {
  const line = element("tr", undefined, "widest");
  line.setAttribute("aria-hidden", "true");
  for (const [at, key] of keys.entries()) {
    if (!longest.has(key)) {
      const longer = (a, b) => (b.length > a.length ? b : a);
      longest.set(key, order.map((row) => cell(key, row).text).reduce(longer, ""));
    }
    line.append(field(key, at, longest.get(key)));
  }
  if (!groups) line.cells[0].dataset.number = live.layers.length;
  return line;
}

/* --- going to a row, choosing it ------------------------------------------------------------------------------------ */

/** Bring the row at a place of the table into view and make it the one that the keyboard is on. */
function goTo(at) {
  active = Math.max(0, Math.min(rows.length - 1, at));
  const above = head.offsetHeight + active * height;
  const [top, bottom] = [box.scrollTop + head.offsetHeight, box.scrollTop + box.clientHeight - foot.offsetHeight];
  if (above < top || above + height > bottom) box.scrollTop = above - box.clientHeight / 2;
  drawRows({anew: true});
  return body.querySelector(`tr[data-at="${active}"]`);
}

function select(row, from) {
  document.dispatchEvent(new CustomEvent("graphcost:select", {detail: {row, from}}));
}

document.addEventListener("graphcost:select", ({detail: {row, from}}) => {
  if (groups) return;
  if (!order.includes(row) && constants && live.numberOf(row) === null) {
    constants.checked = true;
    showConstants();
  }
  if (!order.includes(row)) return;
  selected = row;
  if (!rows.includes(row)) {
    wanted.value = kind.value = "";
    draw();
  }
  goTo(rows.indexOf(row));
  if (from !== "table") box.scrollIntoView({block: "nearest"});
});

body.addEventListener("click", ({target}) => {
  const line = target.closest("tr[data-row]");
  if (line && getSelection().isCollapsed) select(Number(line.dataset.row), "table");
});

body.addEventListener("keydown", (event) => {
  const line = event.target.closest("tr[data-at]");
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (!line || !(step || event.key === "Enter")) return;
  event.preventDefault();
  if (step) goTo(Number(line.dataset.at) + step)?.focus({preventScroll: true});
  else if (line.dataset.row) select(Number(line.dataset.row), "table");
});

/** A link to a row, `#row-7`, which may be out of view and so not in the page. */
function follow() {
  const row = /^#row-(\d+)$/.exec(location.hash)?.[1];
  if (row) select(Number(row), "link");
}

addEventListener("hashchange", follow);
box.addEventListener("scroll", () => drawRows(), {passive: true});
addEventListener("resize", () => drawRows());
for (const [event, value] of [["beforeprint", true], ["afterprint", false]]) {
  addEventListener(event, () => {
    printing = value;
    drawHead();
    drawRows();
  });
}

/* --- copying what is shown ------------------------------------------------------------------------------------------ */

/** A pipe table with its columns padded; names cannot become markup. */
function markdown() {
  const clean = (text) =>
    text.replaceAll("|", "\u00a6").replace(/[\\<`*[\]]|&(?=\w+;)|(?<!\w)_|_(?!\w)/g, "\\$&");
  const body = rows.map((row) => keys.map((key) => clean(cell(key, row).text)));
  const lines = [keys.map((key) => clean(columns.get(key).title)), ...body, [...foot.rows[0].cells].map((c) => c.textContent)];
  const widths = keys.map((_, at) => lines.reduce((width, line) => Math.max(width, line[at].length), 3));
  const pad = (text, at) => (textual(keys[at]) ? text.padEnd(widths[at]) : text.padStart(widths[at]));
  const rule = widths.map((width, at) => (textual(keys[at]) ? `:${"-".repeat(width + 1)}` : `${"-".repeat(width + 1)}:`));
  const [titles, ...rest] = lines.map((line) => `| ${line.map(pad).join(" | ")} |`);
  return [titles, `|${rule.join("|")}|`, ...rest, ""].join("\n");
}

/** Text that a spreadsheet takes for text, whatever it begins with: as graphcost/render.py has it. */
const spreadsheetText = (text) => (/^[=+\-@]/.test(text) && !/^[+\-\d.,x ]+$/.test(text) ? `'${text}` : text);

/** Exact values under the columns' keys; formulas as text, nothing where it is not known. */
function csv() {
  const quoted = (text) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const plain = ({value, formula}) => quoted(typeof value === "string" ? spreadsheetText(value) : String(value ?? formula ?? ""));
  return [keys, ...rows.map((row) => keys.map((key) => plain(cell(key, row))))].map((line) => `${line.join(",")}\n`).join("");
}

const held = tools.querySelector("textarea");

async function copy(text) {
  held.hidden = true;
  try {
    await navigator.clipboard.writeText(text);
    status.textContent = `Copied ${live.counted(rows.length, "row")}.`;
  } catch {
    held.value = text;
    held.hidden = false;
    held.select();
    status.textContent = "No access to the clipboard: the text below is selected, ready to copy.";
  }
}

/* --- the controls --------------------------------------------------------------------------------------------------- */

const checks = [...tools.querySelectorAll("input[name=column]")];
const arranged = [...keys, ...columns.keys()].filter((key, at, all) => all.indexOf(key) === at);

for (const check of checks) check.checked = keys.includes(check.value);

function chooseColumns() {
  const ticked = checks.filter((check) => check.checked).map((check) => check.value);
  keys = arranged.filter((key) => ticked.includes(key));
  for (const check of checks) check.disabled = ticked.length === 1 && check.checked; // one always stays
  draw();
}

function offerTypes() {
  const [counts, before] = [new Map(), kind.value];
  for (const row of order) counts.set(cell("kind", row).text, (counts.get(cell("kind", row).text) ?? 0) + 1);
  kind.length = 1;
  for (const name of [...counts.keys()].sort(alphabet.compare)) {
    const option = element("option", `${name} (${live.show(counts.get(name), "count")})`);
    option.value = name;
    kind.append(option);
  }
  kind.value = counts.has(before) ? before : "";
}

const constants = tools.elements.constants; // where there are any
const note = document.querySelector("#layers .constants");
const [reported, layers] = [order, order.filter((row) => live.numberOf(row) !== null)];
const everything = allOf(reported);

/** The rows of the report with all constants: between the layers where these are in their order, else below them. */
function allOf(rows) {
  const shown = new Set(rows);
  const all = [...rows, ...live.data.constants.filter((row) => !shown.has(row))];
  return layers.every((row, at) => !at || layers[at - 1] < row) ? all.sort((a, b) => a - b) : all;
}

/** Takes rows that only make constants into the table, or out of it. */
function showConstants() {
  order = constants.checked ? everything : layers;
  if (note) note.hidden = constants.checked;
  longest = new Map();
  offerTypes();
  draw();
}

if (columns.has("kind") && !groups) offerTypes();
else kind.closest("label").hidden = true;
if (note && constants) note.querySelector(".how").textContent = " (tick Constants above to see them)";

head.addEventListener("click", ({target}) => {
  const button = target.closest("button[data-key]");
  if (!button) return;
  turn(button.dataset.key);
  draw();
});
tools.addEventListener("submit", (event) => event.preventDefault());
tools.addEventListener("input", ({target}) => {
  active = 0;
  if (target.name === "column") chooseColumns();
  else if (target.name === "constants") showConstants();
  else draw();
});
tools.elements.markdown.addEventListener("click", () => copy(markdown()));
tools.elements.csv.addEventListener("click", () => copy(csv()));
document.addEventListener("graphcost:dims", () => {
  longest = new Map();
  draw({top: box.scrollTop});
});

tools.hidden = false;
draw();
body.classList.remove("long"); // its rows are few now
follow();
})();
