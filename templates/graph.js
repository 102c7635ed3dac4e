/* The drawn network: zoom and drag it, expand modules, find boxes, lead from a box to its layer and back, colour by another
   measure, and say what each box costs by it.

   Boxes and lines are in the page as graphcost/page/drawing.py laid them out; numbers come from live.js. */
(() => {
"use strict";

const section = document.getElementById("graph");
const tools = section?.querySelector("form");
if (!tools) return;

const {graphcost} = window;
const [hottest, lineChars, labelChars] = ["hottest", "lineChars", "labelChars"].map((name) => Number(section.dataset[name]));
const [SMALLEST, LARGEST, STEP] = [0.02, 4, 1.25]; // of the zoom
const LEGIBLE = 0.75;
const LINE = 14; // from one line of text in a box to the next
const HEADING = 26; // above the drawing of an expanded module

const {text: wanted, measure} = tools.elements;
const status = tools.querySelector("output");
const legend = section.querySelector(".scale");

/* --- what is drawn --------------------------------------------------------------------------------------------------- */

/** A drawing as it was laid out: of the network, or of a module that is not expanded yet. Its modules' are beside it. */
function read(svg) {
  const inside = new Map([...svg.parentNode.children].filter((each) => each.dataset.box).map((each) => [each.dataset.box, each]));
  const boxes = [...svg.querySelector(".boxes").children].map((element, number) => {
    if (!element.querySelector("title")) element.prepend(titled(element)); // for boxes too small to be read
    const {e: left, f: top} = element.transform.baseVal.getItem(0).matrix;
    const {width, height} = element.querySelector("rect");
    const template = inside.get(String(number));
    if (template) element.append(sign(width.baseVal.value));
    if (template) element.setAttribute("aria-expanded", "false");
    return {
      element, template, rows: rowsOf(element.dataset), lines: element.querySelector("title").textContent.split("\n"), left, top, wide: width.baseVal.value, high: height.baseVal.value,
      part: null, expanded: false, // its drawing once it was expanded
    };
  });
  const edges = [...svg.querySelectorAll(".edges path")].map((element) => {
    const [source, target] = element.dataset.edge.split(" ").map((number) => boxes[number]);
    const stub = element.classList.contains("stub");
    return {element, source, target, stub, points: pointsOf(element.getAttribute("d")), label: null};
  });
  for (const label of svg.querySelectorAll(".labels text")) edges[label.dataset.edge].label = label;
  const {width, height} = svg.viewBox.baseVal;
  return {layers: [...svg.children], width, height, boxes, edges};
}

/** The ends and turns of a line, as graphcost/page/drawing.py writes it: straight down, or a curve to another column. */
function pointsOf(path) {
  const points = [];
  for (const [, command, text] of path.matchAll(/([MVC])([^MVC]*)/g)) {
    const numbers = text.split(" ").map(Number);
    points.push(command === "V" ? [points.at(-1)[0], numbers[0]] : numbers.slice(-2));
  }
  return points;
}

/** What a click expands a module with, and collapses it again. */
function sign(x) {
  const made = drawn("g", {class: "sign", transform: `translate(${x} 0)`, "aria-hidden": "true"});
  made.append(drawn("circle", {r: 9}), drawn("path", {d: "M-4 0H4M0 -4V4"}));
  return made;
}

function drawn(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const views = [...section.querySelectorAll(".canvas")].map((canvas) => {
  const svg = canvas.querySelector("svg");
  const made = {key: canvas.dataset.view, canvas, svg, part: read(svg), scale: 0};
  settle(made);
  return made;
});
let view = views[0];
let chosen = []; // rows
let found = []; // boxes
let at = 0; // which of them

/* --- expanding: a module becomes as large as its drawing, and what stands beside and below it moves aside ------------------ */

/** Takes up which boxes there are, and where: those of expanded modules after their own. */
function settle(view) {
  const [boxes, edges] = [[], []];
  function walk(part, left, top) {
    edges.push(...part.edges);
    for (const box of part.boxes) {
      boxes.push(box);
      box.x = left + box.at[0] + box.width / 2;
      box.y = top + box.at[1] + (box.expanded ? HEADING : box.height) / 2;
      if (box.expanded) walk(box.part, left + box.at[0] + box.aside, top + box.at[1] + HEADING);
    }
  }
  [view.width, view.height] = arrange(view.part);
  walk(view.part, 0, 0);
  view.boxes = boxes;
  view.nodes = boxes.filter((box) => box.rows.length);
  view.edges = edges;
  view.byRow = new Map(boxes.flatMap((box) => box.rows.map((row) => [row, box])));
  view.byElement = new Map(boxes.map((box) => [box.element, box]));
}

/** Gives every box of a drawing its place and size, every line its way, and returns the size of the drawing.

    Each expanded box stretches its columns and its rank, so what did not overlap before cannot now. */
function arrange(part) {
  const open = part.boxes.filter((box) => box.expanded);
  for (const box of part.boxes) [box.width, box.height] = [box.wide, box.high];
  for (const box of open) {
    const [width, height] = arrange(box.part);
    box.width = Math.max(width, box.wide);
    box.height = HEADING + height;
    box.aside = (box.width - width) / 2;
  }
  const ranks = new Map(); // by where they begin: where they end, and how much higher they must become
  for (const {top, high, height} of open) ranks.set(top, [top + high, Math.max(height - high, ranks.get(top)?.[1] ?? 0)]);
  const across = stretch(open.map((box) => [box.left, box.left + box.wide, box.width - box.wide]));
  const down = stretch([...ranks].map(([top, [bottom, more]]) => [top, bottom, more]));
  for (const box of part.boxes) {
    const [rank, end] = [...ranks].map(([top, [bottom]]) => [top, bottom]).find(([top, bottom]) => top <= box.top && box.top < bottom) ?? [box.top];
    box.at = [(across(box.left) + across(box.left + box.wide) - box.width) / 2, down(rank) + box.top - rank];
    box.below = end === undefined ? null : down(end); // lines leave a rank before they turn
  }
  for (const edge of part.edges) route(edge, across, down);
  for (const box of part.boxes) put(box);
  return [across(part.width), down(part.height)];
}

/** A function that leads from places to places where some stretches are longer: [from, to, how much more]. */
function stretch(longer) {
  return (at) => longer.reduce((sum, [from, to, more]) => sum + more * Math.min(Math.max((at - from) / (to - from), 0), 1), at);
}

function route({element, source, target, stub, points, label}, across, down) {
  const [[x, y], last] = [points[0], points.at(-1)];
  const end = [target.at[0] + ((last[0] - target.left) / target.wide) * target.width, target.at[1]];
  const way = stub ? [[end[0], end[1] + y - last[1]]] : [[source.at[0] + source.width / 2, source.at[1] + source.height]];
  if (!stub && source.below !== null) way.push([way[0][0], source.below]);
  way.push(...points.slice(1, -1).map((point) => [across(point[0]), down(point[1])]), end);
  element.setAttribute("d", pathOf(way));
  label?.setAttribute("x", end[0] + (label.classList.contains("right") ? -3 : 3));
  label?.setAttribute("y", end[1] - 4);
}

/** Points as a path: curves between columns start and end vertically. */
function pathOf([[startX, startY], ...points]) {
  let [path, fromX, fromY] = [`M${startX} ${startY}`, startX, startY];
  for (const [x, y] of points) {
    const middle = Math.floor((fromY + y) / 2);
    path += x === fromX ? `V${y}` : `C${fromX} ${middle} ${x} ${middle} ${x} ${y}`;
    [fromX, fromY] = [x, y];
  }
  return path;
}

/** Puts a box where it stands, as large as it is. */
function put(box) {
  const {element, width, height, part, expanded, aside} = box;
  element.setAttribute("transform", `translate(${box.at.join(" ")})`);
  if (!box.template) return;
  element.classList.toggle("expanded", expanded);
  element.setAttribute("aria-expanded", expanded);
  element.querySelector("rect").setAttribute("width", width);
  element.querySelector("rect").setAttribute("height", height);
  const name = element.querySelector("tspan");
  name.dataset.y ??= name.getAttribute("y");
  name.setAttribute("x", width / 2);
  name.setAttribute("y", expanded ? HEADING / 2 + 6 : name.dataset.y);
  const own = element.querySelector(".sign");
  own.setAttribute("transform", `translate(${width} 0)`);
  own.querySelector("path").setAttribute("d", expanded ? "M-4 0H4" : "M-4 0H4M0 -4V4");
  part?.group.setAttribute("transform", `translate(${box.at[0] + aside} ${box.at[1] + HEADING})`);
}

/** Expand a module where it stands, or collapse it again. */
function toggle(box) {
  const before = [box.x, box.y];
  box.expanded = !box.expanded;
  if (box.expanded && !box.part) {
    box.part = read(document.importNode(box.template.content, true).querySelector("svg"));
    box.part.group = drawn("g", {class: "inside"});
    box.part.group.append(...box.part.layers);
  }
  if (box.expanded) box.element.after(box.part.group);
  else box.part.group.remove();
  settle(view);
  print(view);
  const {canvas, svg, scale, width, height} = view;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  zoom(scale);
  canvas.scrollBy((box.x - before[0]) * scale, (box.y - before[1]) * scale);
  mark();
  search();
  if (!graphcost) return;
  reshape();
  colour();
}

/** Sheets on which a drawing is printed that is too long for one, as many as it needs with what is expanded in it. */
function print({canvas, width, height}) {
  const sheets = [...section.querySelectorAll(`[data-view="${canvas.dataset.view}"] + .sheets .sheet`)];
  if (!sheets.length) return;
  const [, top, , high] = sheets[0].getAttribute("viewBox").split(" ").map(Number);
  const scale = sheets[0].height.baseVal.value / high;
  const made = Array.from({length: Math.ceil((height - top) / high)}, (_, at) => {
    const sheet = sheets[0].cloneNode(true);
    sheet.setAttribute("viewBox", `0 ${top + at * high} ${width} ${high}`);
    sheet.setAttribute("width", Math.round(width * scale));
    return sheet;
  });
  sheets[0].parentElement.replaceChildren(...made);
}

/** What is written in a box as a title, for the mouse to show. */
function titled(element) {
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = [...element.querySelectorAll("tspan:not(.cost)")].map((line) => line.textContent).join("\n");
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
  const other = view !== next;
  view = next;
  if (other && graphcost) byNumbers(scale);
  for (const each of views) each.canvas.hidden = each !== view;
  if (!view.scale) {
    view.canvas.classList.add("live");
    view.canvas.style.height = `${view.height + 2}px`; // or as much of it as graph.css allows
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
    const box = each.byElement.get(link);
    if (event.target.closest(".sign")) {
      toggle(box);
      return;
    }
    const {rows} = box;
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
  else if (event.key === " " && view.byElement.get(event.target)?.template) toggle(view.byElement.get(event.target));
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

function mark() {
  for (const each of views) {
    const boxes = new Set(chosen.map((row) => each.byRow.get(row)));
    for (const box of each.nodes) box.element.classList.toggle("chosen", boxes.has(box));
    for (const {element, source, target} of each.edges)
      element.classList.toggle("chosen", boxes.has(source) || boxes.has(target));
  }
}

document.addEventListener("graphcost:select", ({detail}) => {
  chosen = detail.rows ?? [detail.row];
  mark();
  const box = view.byRow.get(detail.row);
  if (!box || !view.scale) return;
  stop(box);
  if (detail.from !== "graph" || !visible(box)) centre(box);
});

/* --- finding ------------------------------------------------------------------------------------------------------------- */

const texts = new Map();

/** What a box can be found by: what it says in full, and the names of all its operators. */
function words(box) {
  if (!texts.has(box)) {
    const names = box.rows.length > 1 && graphcost ? box.rows.map((row) => graphcost.cell("name", row).text) : [];
    texts.set(box, [box.element.querySelector("title").textContent, ...names].join("\n").toLowerCase());
  }
  return texts.get(box);
}

function search() {
  for (const box of found) box.element.classList.remove("found");
  const parts = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  found = parts.length ? view.boxes.filter((box) => !box.expanded && parts.every((part) => words(box).includes(part))) : [];
  for (const box of found) box.element.classList.add("found");
  at = 0;
  status.textContent = !parts.length ? "" : found.length ? `1 of ${found.length}` : "no match";
}

function find() {
  search();
  look();
}

function look() {
  if (!found.length) return;
  status.textContent = `${at + 1} of ${found.length}`;
  if (view.scale < 1) zoom(1); // to what was found, from a drawing too small to be read
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

/** What a box costs by the chosen measure. */
function costOf(box) {
  const {rows} = graphcost.evaluate();
  return box.rows.reduce((sum, row) => sum + Math.max(rows[row][measure.value] ?? 0, 0), 0);
}

/** The cost of the hottest box of a drawing; what expands in it has the same scale. */
const hottestCost = ({part}) => part.boxes.reduce((highest, box) => Math.max(highest, costOf(box)), 0);

/** Draws by numbers, which are of an example where the report's sizes are open and one fits the network. */
function byNumbers(draw) {
  const open = graphcost.total(measure.value).value === undefined;
  if (!open || !graphcost.withExample((example) => draw(example) ?? true)) draw({});
}

const colour = () => byNumbers(paint);

function paint(example) {
  const column = graphcost.columns.get(measure.value);
  const whole = Number(graphcost.total(measure.value).value ?? 0);
  for (const each of views) {
    const highest = hottestCost(each) || 1;
    for (const box of each.nodes) {
      const cost = costOf(box);
      for (let heat = 0; heat <= hottest; heat += 1) box.element.classList.remove(`h${heat}`);
      box.element.classList.add(`h${Math.ceil(hottest * Math.sqrt(cost / highest))}`);
      price(box, whole && cost ? priceText(box, cost, column, whole) : "");
    }
  }
  scale(example);
}

/** The cost of a box with its share of the whole, as graphcost/page/heat.py has it. */
function priceText({element}, cost, {form, bound}, whole) {
  const least = element.classList.contains("unknown") ? ">= " : "";
  return `${least}${graphcost.show(cost, form)}${bound ? "" : ` \u00b7 ${graphcost.show(cost / whole, "share")}`}`;
}

/** Writes what a box costs as its last line, and puts its lines in the middle again. */
function price({element, wide, high, expanded}, text) {
  const holder = element.querySelector("text");
  let line = holder.querySelector(".cost");
  if (!text === !line) {
    if (line) line.textContent = text;
    return;
  }
  if (line) line.remove();
  else {
    line = drawn("tspan", {class: "cost", x: wide / 2});
    line.textContent = text;
    holder.append(line);
  }
  const first = Math.floor((high - LINE * (holder.children.length - 1)) / 2) + 4;
  for (const [at, each] of [...holder.children].entries()) {
    const y = first + LINE * at;
    if (each.dataset.y) each.dataset.y = y;
    if (!expanded || at) each.setAttribute("y", y);
  }
}

/** What the colours stand for: nothing at one end, the hottest box of the drawing at the other. */
function scale(example) {
  const {title, form} = graphcost.columns.get(measure.value);
  const highest = hottestCost(view);
  legend.hidden = !highest;
  legend.querySelector(".of").textContent = title;
  legend.querySelector(".highest").textContent = graphcost.show(highest, form);
  const sizes = graphcost.sizesText(example);
  legend.querySelector(".example").textContent = sizes && ` for ${sizes}, an example`;
}

/** Shapes under other sizes. */
function reshape() {
  for (const {boxes, edges} of views) {
    for (const box of boxes) if (box.element.dataset.shapes) rewrite(box);
    for (const {label} of edges) {
      if (!label?.dataset.shapes) continue;
      const text = graphcost.shapes(JSON.parse(label.dataset.shapes));
      label.textContent = text.length > labelChars ? "" : text;
    }
  }
  const operators = views.flatMap(({nodes}) => nodes).filter(({element}) => !element.classList.contains("module"));
  for (const {element} of operators) {
    const text = graphcost.cell("output", Number(element.dataset.row)).text;
    const title = element.querySelector("title");
    const lines = title.textContent.split("\n");
    if (lines[1] === text || !text) continue;
    lines[1] = text;
    title.textContent = lines.join("\n");
    element.querySelectorAll("tspan")[1].textContent = graphcost.shorten(text, lineChars);
  }
}

/** The lines of an end or a module, which say shapes among other things. */
function rewrite({element, lines}) {
  const shapes = JSON.parse(element.dataset.shapes);
  const [reported, now] = [graphcost.shapes(shapes, true), graphcost.shapes(shapes)];
  const changed = lines.map((line) => line.replace(reported, () => now));
  element.querySelector("title").textContent = changed.join("\n");
  for (const [at, span] of element.querySelectorAll("tspan:not(.cost)").entries())
    if (lines[at].includes(reported)) span.textContent = graphcost.shorten(changed[at], lineChars);
}

if (graphcost) {
  for (const name of graphcost.MEASURES) {
    const {title} = graphcost.columns.get(name);
    const shown = title === legend.querySelector(".of").textContent;
    measure.add(new Option(title, name, shown, shown));
  }
  measure.addEventListener("change", colour);
  if (graphcost.total(measure.value).value === undefined) colour();
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
for (const text of section.querySelectorAll(".expanding")) text.hidden = false;
// In a frame that is not laid out yet nothing has a size: the drawing waits for one.
if (view.canvas.clientWidth) show(view);
else {
  new ResizeObserver((_, observer) => {
    if (!view.canvas.clientWidth) return;
    observer.disconnect();
    show(view);
  }).observe(view.canvas);
}
})();
