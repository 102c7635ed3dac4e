/* The drawn network: zoom and drag it, find boxes, lead from a box to its layer and back, colour by another measure.

   Boxes and lines are in the page as graphcost/page/drawing.py laid them out; numbers are asked of live.js. */
(() => {
"use strict";

const section = document.getElementById("graph");
const tools = section?.querySelector("form");
if (!tools) return;

const {graphcost} = window;
const [hottest, letters] = [section.dataset.hottest, section.dataset.letters].map(Number);
const [SMALLEST, LARGEST, STEP] = [0.02, 4, 1.25]; // of the zoom
const LEGIBLE = 0.75;

const {text: wanted, measure} = tools.elements;
const status = tools.querySelector("output");

/* --- what is drawn --------------------------------------------------------------------------------------------------- */

const views = [...section.querySelectorAll(".canvas")].map((canvas) => {
  const svg = canvas.querySelector("svg");
  const all = [...canvas.querySelector(".boxes").children];
  const boxes = all.map((element) => {
    if (!element.querySelector("title")) element.prepend(titled(element)); // for boxes too small to be read
    const {e: x, f: y} = element.transform.baseVal.getItem(0).matrix;
    const {width, height} = element.querySelector("rect");
    return {element, x: x + width.baseVal.value / 2, y: y + height.baseVal.value / 2, rows: rowsOf(element.dataset)};
  });
  const {width, height} = svg.viewBox.baseVal;
  return {
    key: canvas.dataset.view, canvas, svg, width, height, boxes, scale: 0,
    nodes: boxes.filter((box) => box.rows.length),
    edges: [...canvas.querySelectorAll(".edges path")],
    byRow: new Map(boxes.flatMap((box) => box.rows.map((row) => [row, box]))),
    byElement: new Map(boxes.map((box) => [box.element, box])),
  };
});
let view = views[0];
let chosen = []; // rows
let found = []; // boxes
let at = 0; // which of them

/** What is written in a box as a title, for the mouse to show. */
function titled(element) {
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = [...element.querySelectorAll("tspan")].map((line) => line.textContent).join("\n");
  return title;
}

/** The rows of a box: `3-17 20`. */
function rowsOf({row, rows = row}) {
  return (rows ?? "").split(" ").filter(Boolean).flatMap((run) => {
    const [first, last = first] = run.split("-").map(Number);
    return Array.from({length: last - first + 1}, (_, step) => first + step);
  });
}

/* --- where the reader looks -------------------------------------------------------------------------------------------- */

/** Zoom; the place at (x, y) of the canvas, by default its middle, stays where it is. */
function zoom(scale, x = view.canvas.clientWidth / 2, y = view.canvas.clientHeight / 2) {
  const {canvas, svg, width, height} = view;
  const before = svg.getBoundingClientRect();
  const box = canvas.getBoundingClientRect();
  const left = (box.left + canvas.clientLeft + x - before.left) / (view.scale || 1);
  const top = (box.top + canvas.clientTop + y - before.top) / (view.scale || 1);
  view.scale = Math.min(Math.max(scale, SMALLEST), LARGEST);
  svg.setAttribute("width", width * view.scale);
  svg.setAttribute("height", height * view.scale);
  canvas.scrollTo(left * view.scale - x, top * view.scale - y);
}

function fit() {
  zoom(Math.min(view.canvas.clientWidth / view.width, view.canvas.clientHeight / view.height, 1));
}

function centre({x, y}, down = 0.5) {
  const {canvas, scale} = view;
  canvas.scrollTo(x * scale - canvas.clientWidth / 2, y * scale - canvas.clientHeight * down);
}

function visible({x, y}) {
  const {canvas, scale} = view;
  const [left, top] = [x * scale - canvas.scrollLeft, y * scale - canvas.scrollTop];
  return left > 0 && left < canvas.clientWidth && top > 0 && top < canvas.clientHeight;
}

/** Show one of the drawings; the first time as large as it can be read, from its beginning. */
function show(next) {
  view = next;
  for (const each of views) each.canvas.hidden = each !== view;
  if (!view.scale) {
    view.canvas.classList.add("live");
    view.canvas.style.height = `${Math.min(view.height + 2, innerHeight * 0.8)}px`;
    zoom(Math.min(Math.max(view.canvas.clientWidth / view.width, LEGIBLE), 1));
    const first = view.boxes.reduce((best, box) => (box.y < best.y ? box : best), view.boxes[0]);
    if (first) centre(first, 0.1);
    stop(view.nodes[0]);
  }
  const box = view.byRow.get(chosen[0]);
  if (box) centre(box);
  if (wanted.value) find();
}

for (const each of views) {
  const {canvas} = each;
  let grip = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button !== 0) return; // a finger scrolls by itself
    grip = {x: event.clientX, y: event.clientY, left: canvas.scrollLeft, top: canvas.scrollTop, moved: false};
  });
  addEventListener("pointermove", (event) => {
    if (!grip) return;
    const [x, y] = [event.clientX - grip.x, event.clientY - grip.y];
    grip.moved ||= Math.hypot(x, y) > 4;
    if (grip.moved) canvas.scrollTo(grip.left - x, grip.top - y);
  });
  addEventListener("pointerup", () => setTimeout(() => (grip = null))); // a click comes after it
  canvas.addEventListener("dragstart", (event) => event.preventDefault());
  canvas.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    if (grip?.moved) return;
    const {rows} = each.byElement.get(link);
    const detail = {row: Number(link.dataset.row), rows, from: "graph"};
    document.dispatchEvent(new CustomEvent("graphcost:select", {detail}));
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // a touchpad's pinch is one with it
    event.preventDefault();
    const {left, top} = canvas.getBoundingClientRect();
    zoom(view.scale * Math.exp(-event.deltaY / 300), event.clientX - left, event.clientY - top);
  }, {passive: false});
  canvas.addEventListener("keydown", key);
  canvas.addEventListener("focusin", ({target}) => {
    const box = each.byElement.get(target);
    if (box) stop(box);
  });
}

/* --- the keyboard: + - 0 zoom, arrows lead from box to box, or move the drawing -------------------------------------------- */

const AHEAD = {ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0]};

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "+" || event.key === "=") zoom(view.scale * STEP);
  else if (event.key === "-") zoom(view.scale / STEP);
  else if (event.key === "0") fit();
  else if (event.key in AHEAD && view.byElement.has(event.target)) step(view.byElement.get(event.target), AHEAD[event.key]);
  else return;
  event.preventDefault();
}

/** Focus the nearest box in a direction. */
function step(from, [x, y]) {
  const far = (box) => Math.abs((box.x - from.x) * (x ? 1 : 2)) + Math.abs((box.y - from.y) * (y ? 1 : 2));
  const ahead = view.nodes.filter((box) => (box.x - from.x) * x + (box.y - from.y) * y > 0);
  if (!ahead.length) return;
  const next = ahead.reduce((best, box) => (far(box) < far(best) ? box : best));
  stop(next);
  next.element.focus({preventScroll: true});
  if (!visible(next)) centre(next);
}

/** Of all boxes one is a stop of the Tab key: where the keyboard was last. */
function stop(box) {
  for (const {element} of view.nodes) if (element.tabIndex === 0) element.tabIndex = -1;
  if (box) box.element.tabIndex = 0;
}

/* --- the chosen layer ---------------------------------------------------------------------------------------------------- */

document.addEventListener("graphcost:select", ({detail}) => {
  chosen = detail.rows ?? [detail.row];
  for (const each of views) {
    const boxes = new Set(chosen.map((row) => each.byRow.get(row)));
    const numbers = new Set(each.boxes.map((box, number) => (boxes.has(box) ? String(number) : null)));
    for (const box of each.nodes) box.element.classList.toggle("chosen", boxes.has(box));
    for (const edge of each.edges)
      edge.classList.toggle("chosen", edge.dataset.edge.split(" ").some((number) => numbers.has(number)));
  }
  const box = view.byRow.get(detail.row);
  if (!box || !view.scale) return;
  stop(box);
  if (detail.from !== "graph" || !visible(box)) centre(box);
});

/* --- finding ------------------------------------------------------------------------------------------------------------- */

const said = new Map();

/** What a box can be found by: what it says in full, and the names of all its operators. */
function words(box) {
  if (!said.has(box)) {
    const names = box.rows.length > 1 && graphcost ? box.rows.map((row) => graphcost.cell("name", row).text) : [];
    said.set(box, [box.element.querySelector("title").textContent, ...names].join("\n").toLowerCase());
  }
  return said.get(box);
}

function find() {
  for (const box of found) box.element.classList.remove("found");
  const parts = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  found = parts.length ? view.boxes.filter((box) => parts.every((part) => words(box).includes(part))) : [];
  for (const box of found) box.element.classList.add("found");
  at = 0;
  look();
  if (!parts.length) status.textContent = "";
}

function look() {
  status.textContent = found.length ? `${at + 1} of ${found.length}` : "none found";
  if (!found.length) return;
  centre(found[at]);
  stop(found[at].rows.length ? found[at] : null);
}

wanted.addEventListener("input", find);
tools.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!found.length) return;
  at = (at + 1) % found.length;
  look();
});

/* --- numbers ------------------------------------------------------------------------------------------------------------- */

function colour() {
  const {rows} = graphcost.evaluate();
  for (const {nodes} of views) {
    const costs = nodes.map((box) => box.rows.reduce((sum, row) => sum + Math.max(rows[row][measure.value] ?? 0, 0), 0));
    const most = costs.reduce((best, cost) => Math.max(best, cost), 0) || 1;
    for (const [number, {element}] of nodes.entries()) {
      for (let heat = 0; heat <= hottest; heat += 1) element.classList.remove(`h${heat}`);
      element.classList.add(`h${Math.ceil(hottest * Math.sqrt(costs[number] / most))}`);
    }
  }
  section.querySelector(".caption .of").textContent = graphcost.columns.get(measure.value).title;
}

/** Shapes under other sizes. */
function reshape() {
  const ops = views.find((each) => each.key === "ops")?.nodes ?? [];
  for (const {element} of ops) {
    const text = graphcost.cell("output", Number(element.dataset.row)).text;
    const title = element.querySelector("title");
    const lines = title.textContent.split("\n");
    if (lines[1] === text || !text) continue;
    lines[1] = text;
    title.textContent = lines.join("\n");
    element.querySelectorAll("tspan")[1].textContent = graphcost.shorten(text, letters);
  }
}

if (graphcost) {
  for (const name of graphcost.MEASURES) {
    const {title} = graphcost.columns.get(name);
    const shown = title === section.querySelector(".caption .of").textContent;
    measure.add(new Option(title, name, shown, shown));
  }
  measure.addEventListener("change", colour);
  document.addEventListener("graphcost:dims", () => {
    reshape();
    colour();
  });
} else measure.closest("label").hidden = true;

/* --- the controls -------------------------------------------------------------------------------------------------------- */

tools.addEventListener("click", ({target}) => {
  if (target.name === "in") zoom(view.scale * STEP);
  if (target.name === "out") zoom(view.scale / STEP);
  if (target.name === "fit") fit();
});
tools.addEventListener("change", ({target}) => {
  if (target.name === "view") show(views.find((each) => each.key === target.value));
});

tools.hidden = false;
const near = new IntersectionObserver(([entry]) => {
  if (!entry.isIntersecting) return;
  near.disconnect();
  show(view);
}, {rootMargin: "100px"}); // to lay out a large drawing takes a second, so not before somebody is about to see it
near.observe(section);
})();
