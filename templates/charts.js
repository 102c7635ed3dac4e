/* The charts: says what is pointed at, leads from a mark to its layer, and draws the charts again for another measure or
   other sizes, as graphcost/page/charts.py drew them first. Sets long figures of the cards small. */
(() => {
"use strict";

const {graphcost} = window;
const given = graphcost?.data.charts;
if (!given) return;

const {MEASURES, shorten} = graphcost;
const figures = [...document.querySelectorAll("figure[data-chart]")];

/* --- pointing: by mouse, by touch, by the arrow keys of a plot that has the focus ---------------------------------------- */

const tip = document.createElement("div");
tip.className = "tip";
tip.setAttribute("role", "status");
document.body.append(tip);
let pointed = null;

const marksOf = (figure) => [...figure.querySelectorAll(".marks rect, .marks circle")];

/** What a mark says. Its title would show a second time, so it is taken out once it has been read. */
function words(mark) {
  const title = mark.querySelector("title");
  if (title) {
    mark.dataset.says = title.textContent;
    title.remove();
  }
  return mark.dataset.says;
}

function point(mark) {
  if (mark === pointed) return;
  pointed?.classList.remove("pointed");
  pointed = mark;
  tip.textContent = mark ? words(mark) : "";
  if (!mark) return;
  mark.classList.add("pointed");
  follow();
}

/** Puts the tip above what is pointed at, or below where there is no room. */
function follow() {
  if (!pointed) return;
  const at = pointed.getBoundingClientRect();
  const left = Math.min(at.left + at.width / 2 - tip.offsetWidth / 2, innerWidth - tip.offsetWidth - 4);
  const above = at.top - tip.offsetHeight - 8;
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${above >= 4 ? above : at.bottom + 8}px`;
}

/** The mark at a place: the one under it, else the one of the same layers, for a short bar is hard to meet. */
function markAt(figure, event) {
  const under = event.target.closest("[data-row]");
  if (under || figure.dataset.chart === "roofline") return under;
  const sideways = figure.querySelector(".axes") === null; // bars that lie
  const place = sideways ? event.clientY : event.clientX;
  return marksOf(figure).find((mark) => {
    const box = mark.getBoundingClientRect();
    return sideways ? box.top <= place && place <= box.bottom : box.left <= place && place <= box.right;
  });
}

function choose(mark) {
  const detail = {row: Number(mark.dataset.row), from: "chart"};
  document.dispatchEvent(new CustomEvent("graphcost:select", {detail}));
}

const STEPS = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity};

function step(figure, event) {
  if (event.key === "Escape") point(null);
  if ((event.key === "Enter" || event.key === " ") && pointed && figure.contains(pointed)) {
    event.preventDefault();
    choose(pointed);
  }
  if (!(event.key in STEPS)) return;
  const marks = marksOf(figure);
  if (!marks.length) return;
  event.preventDefault();
  const next = Math.max(0, Math.min(marks.indexOf(pointed) + STEPS[event.key], marks.length - 1));
  marks[next].scrollIntoView({block: "nearest", inline: "nearest"});
  point(marks[next]);
}

for (const figure of figures) {
  const plot = figure.querySelector(".plot");
  plot.addEventListener("pointermove", (event) => point(markAt(figure, event) ?? null));
  plot.addEventListener("pointerleave", () => point(null));
  plot.addEventListener("blur", () => point(null));
  plot.addEventListener("keydown", (event) => step(figure, event));
  plot.addEventListener("click", (event) => {
    const mark = markAt(figure, event);
    if (mark) choose(mark);
  });
}
addEventListener("scroll", follow, {capture: true, passive: true});

/* --- the chosen layer ----------------------------------------------------------------------------------------------------- */

let chosen = null;

/** Tells of a mark's row whether the mark stands for another row too. */
function standsFor(figure, row) {
  const group = groupsOf(figure.dataset.chart);
  if (group) return (own) => group(own) === group(row);
  if (figure.dataset.chart === "roofline") return (own) => own === row;
  const places = figure.dataset.chart === "memory" ? stepOf : null;
  const place = (each) => (places ? places.get(each) : each);
  const per = perBar(figure, places ? places.size : given.kind.length);
  const bar = (each) => Math.floor(place(each) / per);
  return (own) => bar(own) === bar(row) && (places !== null || given.kind[own] === given.kind[row]);
}

function marking() {
  for (const figure of figures) {
    const stands = chosen === null ? () => false : standsFor(figure, chosen);
    for (const mark of marksOf(figure)) mark.classList.toggle("chosen", stands(Number(mark.dataset.row)));
  }
}

document.addEventListener("graphcost:select", ({detail}) => {
  chosen = detail.row;
  marking();
});

/* --- drawing again ---------------------------------------------------------------------------------------------------------- */

const stepOf = new Map(graphcost.data.memory.steps.map((row, step) => [row, step]));
const round = (value) => String(Math.round(value * 100) / 100);
const nameOf = (row) => graphcost.cell("name", row).text;

/** A function from a row to its group in a chart of shares; none for other charts. */
function groupsOf(chart) {
  if (chart === "types" || chart === "weights") return (row) => graphcost.cell("kind", row).text;
  if (chart === "scopes") return (row) => given.scopes.values[given.scopes.at[row]];
  return null;
}

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function rectangle(x, y, width, height, row, says, style) {
  const place = {x: round(x), y: round(y), width: round(width), height: round(height)};
  const mark = element("rect", {...(style && {class: style}), "data-row": row, ...place});
  mark.append(element("title", {}, says));
  return mark;
}

function item(text, style) {
  const made = document.createElement("li");
  if (style) made.className = style;
  made.append(text);
  return made;
}

/** The place of the marks, and the size of the drawing. */
function frame(figure) {
  const svg = figure.querySelector("svg");
  const [left, top, right, bottom] = svg.dataset.box.split(" ").map(Number);
  return {svg, left, top, right, bottom};
}

/** How many layers share a bar. */
function perBar(figure, count) {
  const {left, right} = frame(figure);
  return Math.max(Math.ceil((count * given.min_bar_width) / (right - left)), 1);
}

function describe(figure, text) {
  const title = figure.querySelector("h3").textContent;
  figure.querySelector("svg").setAttribute("aria-label", `${title}. ${text}`);
}

/** Values of ticks from zero to the first that is not below `top`: see graphcost/page/scales.py. */
function ticks(top, form, about) {
  const raw = Math.max(top / about, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const distance =
    form === "bytes" ? 2 ** Math.ceil(Math.log2(raw)) : [1, 2, 5, 10].map((f) => f * power).find((each) => each >= raw);
  return Array.from({length: Math.max(Math.ceil(top / distance), 1) + 1}, (_, at) => at * distance);
}

const UNITS = {bytes: [1024, ["B", "KiB", "MiB", "GiB", "TiB"]], short: [1000, ["", "k", "M", "G", "T", "P", "E"]]};

function label(value, form) {
  const [base, units] = UNITS[form] ?? UNITS.short;
  let power = 0;
  for (; value >= base && power < units.length - 1; power += 1) value /= base;
  return value ? `${Number(value.toPrecision(6))} ${units[power]}`.trimEnd() : "0";
}

/** Draws the vertical axis anew and returns the height of a unit. */
function rise(figure, highest, form, about) {
  const {left, top, right, bottom} = frame(figure);
  const values = ticks(highest, form, about);
  const unit = (bottom - top) / values.at(-1);
  const lines = values.flatMap((value) => {
    const y = bottom - value * unit;
    const line = element("path", {d: `M${left} ${round(y)}H${right}`});
    return [line, element("text", {x: left - 8, y: round(y + 4)}, label(value, form))];
  });
  figure.querySelector(".axes .up").replaceChildren(...lines);
  return unit;
}

/** A measure's amounts by row as plain numbers, and their total: both null while a size that matters is open. */
function measured(key) {
  const column = graphcost.columns.get(key);
  const total = graphcost.total(key).value;
  if (total === undefined || total === null) return {column, amounts: null, total: null};
  return {column, amounts: graphcost.evaluate().rows.map((row) => row[key]), total: Number(total)};
}

function bars(figure) {
  const {left, top, right, bottom} = frame(figure);
  const {column, amounts, total} = measured(figure.dataset.measure);
  const count = given.kind.length;
  const per = perBar(figure, count);
  const stacks = Array.from({length: Math.ceil(count / per)}, () => new Map());
  const largest = stacks.map(() => new Map());
  const unknown = stacks.map(() => null);
  for (const [row, amount] of (amounts ?? []).entries()) {
    const bin = Math.floor(row / per);
    const kind = given.kind[row];
    if (amount === null) unknown[bin] ??= row;
    if (!(amount > 0)) continue;
    stacks[bin].set(kind, (stacks[bin].get(kind) ?? 0) + amount);
    const best = largest[bin].get(kind);
    if (best === undefined || amount > amounts[best]) largest[bin].set(kind, row);
  }
  const heights = stacks.map((stack) => [...stack.values()].reduce((sum, part) => sum + part, 0));
  const unit = rise(figure, Math.max(0, ...heights), column.form, 5);
  const slot = (right - left) / Math.max(stacks.length, 1);
  const thick = slot >= 3 ? Math.min(slot * 0.8, 48) : slot;
  const marks = [];
  for (const [bin, stack] of stacks.entries()) {
    const x = left + slot * (bin + 0.5) - thick / 2;
    let y = bottom;
    for (const kind of [...stack.keys()].sort()) {
      const amount = stack.get(kind);
      const row = largest[bin].get(kind);
      const share = total ? `, ${graphcost.show(amount / total, "share")}` : "";
      const figures = `${graphcost.show(amount, column.form)} ${column.title}${share}`;
      const [first, last] = [bin * per + 1, Math.min(bin * per + per, count)];
      const says =
        first === last
          ? `${nameOf(row)} (${graphcost.cell("type", row).text}): ${figures}`
          : `layers ${first} to ${last}, ${given.kinds[kind]}: ${figures}; largest: ${nameOf(row)}`;
      y -= amount * unit;
      marks.push(rectangle(x, y, thick, amount * unit, row, says, `k${kind}`));
    }
    if (unknown[bin] !== null) {
      const says = `${nameOf(unknown[bin])}: ${column.title} unknown`;
      marks.push(rectangle(x, top, thick, bottom - top, unknown[bin], says, "unknown"));
    }
  }
  figure.querySelector(".marks").replaceChildren(...marks);
  figure.querySelector(".axes > text:last-child").textContent = column.title;
  const present = given.kinds.map((name, kind) => [name, kind]).filter(([, kind]) => stacks.some((s) => s.has(kind)));
  figure.querySelector(".legend").replaceChildren(...present.map(([name, kind]) => item(name, `k${kind}`)));
  const grouped = per > 1 ? `${per} layers per bar.` : "";
  figure.querySelector(".caption").textContent = amounts === null ? given.open : grouped;
  const sum = total === null ? "unknown" : `total ${graphcost.show(total, column.form)}`;
  describe(figure, `${column.title} of ${graphcost.counted(count, "layer")} in execution order: ${sum}.`);
}

function area(figure) {
  const {left, right, bottom} = frame(figure);
  const {curve, peak, row} = graphcost.evaluate();
  const {steps} = graphcost.data.memory;
  const unit = rise(figure, peak ?? 0, "bytes", 4);
  const per = perBar(figure, steps.length);
  const slot = (right - left) / Math.max(Math.ceil(steps.length / per), 1);
  const marks = [];
  let path = "";
  for (let start = 0, bin = 0; curve && start < curve.length; start += per, bin += 1) {
    const part = curve.slice(start, start + per);
    const at = start + part.indexOf(Math.max(...part));
    const x = left + slot * bin;
    const height = curve[at] * unit;
    path += `${path ? "V" : `M${left} ${bottom}V`}${round(bottom - height)}H${round(x + slot)}`;
    const says = `${nameOf(steps[at])}: ${graphcost.show(curve[at], "bytes")} live`;
    marks.push(rectangle(x, bottom - height, slot, height, steps[at], says, ""));
  }
  figure.querySelector(".area").setAttribute("d", path && `${path}V${bottom}Z`);
  figure.querySelector(".marks").replaceChildren(...marks);
  figure.querySelector(".caption").textContent = curve ? (per > 1 ? `Maximum of ${per} steps.` : "") : given.open;
  const known = curve !== null && row !== null;
  const text = known ? `peak ${graphcost.show(peak, "bytes")} at ${shorten(nameOf(row), given.max.name_chars)}` : "";
  const sign = [];
  if (known) {
    const x = left + (slot / per) * (curve.indexOf(peak) + 0.5);
    const y = Number(round(bottom - peak * unit));
    const length = text.length * given.char_width;
    const anchor = x + length <= right ? "start" : x - length >= left ? "end" : "middle";
    sign.push(element("circle", {"data-row": row, cx: round(x), cy: y, r: 4}));
    sign.push(element("text", {x: round(x), y: round(y - 9), "text-anchor": anchor}, text));
  }
  figure.querySelector(".peak").replaceChildren(...sign);
  if (given.tensors.length) figure.querySelector(".live-tensors ol").replaceChildren(...liveTensors()); // else nothing can change
  describe(figure, `Live activation bytes over ${graphcost.counted(steps.length, "execution step")}: ${known ? text : "unknown"}.`);
}

/** What is live at the peak, largest first. */
function liveTensors() {
  const {live: buffers = [], step} = graphcost.evaluate();
  const items = buffers.slice(0, given.max.named).map(([buffer, bytes]) => {
    const name = document.createElement("span");
    name.textContent = held(given.tensors[buffer], step);
    const made = item(name);
    made.append(` ${graphcost.show(bytes, "bytes")}`);
    return made;
  });
  const rest = buffers.slice(given.max.named);
  const sum = rest.reduce((total, [, bytes]) => total + bytes, 0);
  if (rest.length) items.push(item(`${graphcost.counted(rest.length, "more tensor")}, ${graphcost.show(sum, "bytes")}`));
  return items;
}

/** The names of a buffer's tensors that live at a step. */
function held(tensors, step) {
  const live = tensors.filter(([, first, last]) => first <= step && step <= last);
  return (live.length ? live : tensors.slice(0, 1)).map(([name]) => name).join(" = ");
}

function shares(figure) {
  const {svg, left, right} = frame(figure);
  const {column, amounts, total} = measured(figure.dataset.measure);
  const group = groupsOf(figure.dataset.chart);
  const sums = new Map();
  const largest = new Map();
  for (const [row, amount] of (amounts ?? []).entries()) {
    const name = group(row);
    sums.set(name, (sums.get(name) ?? 0) + (amount ?? 0));
    if (!largest.has(name) || (amount ?? 0) > (amounts[largest.get(name)] ?? 0)) largest.set(name, row);
  }
  const ranked = [...sums.keys()].filter((name) => sums.get(name) > 0).sort((a, b) => sums.get(b) - sums.get(a));
  const shown = ranked.slice(0, given.max.groups).map((name) => [name, sums.get(name), largest.get(name)]);
  const rest = ranked.slice(given.max.groups);
  if (rest.length) shown.push([`${rest.length} others`, rest.reduce((sum, name) => sum + sums.get(name), 0), largest.get(rest[0])]);
  const longest = Math.max(1, ...shown.map(([, amount]) => amount));
  const marks = shown.flatMap(([name, amount, row], at) => {
    const share = graphcost.show(amount / (total || 1), "share");
    const says = `${name}: ${graphcost.show(amount, column.form)} ${column.title}, ${share}`;
    const width = ((right - left) * amount) / longest;
    const coloured = figure.dataset.chart !== "scopes" && at < given.max.groups;
    const y = at * given.line;
    return [
      element("text", {class: "who", x: left - 8, y: y + given.line / 2 + 4}, shorten(name, given.max.name_chars)),
      rectangle(left, y + 4, width, given.line - 8, row, says, coloured ? `k${given.kind[row]}` : "accent"),
      element("text", {x: round(left + width + 6), y: y + given.line / 2 + 4}, share),
    ];
  });
  const height = Math.max(shown.length, 1) * given.line;
  svg.setAttribute("viewBox", `0 0 ${svg.viewBox.baseVal.width} ${height}`);
  svg.setAttribute("height", height);
  figure.querySelector(".marks").replaceChildren(...marks);
  figure.querySelector(".caption").textContent = amounts === null ? given.open : "";
  const first = marks.filter((mark) => mark.localName === "rect").slice(0, 3);
  describe(figure, `${first.map((mark) => mark.textContent).join(", ") || `${column.title}: none, or unknown`}.`);
}

/* --- the roofline: graphcost/page/scatter.py -------------------------------------------------------------------------------- */

const RADIUS = 4.5;

/** Powers of ten from the one not above `low` to the one not below `high`, two at least. */
function powers(low, high) {
  const first = Math.floor(Math.log10(low));
  const last = Math.max(Math.ceil(Math.log10(high)), first + 1);
  return Array.from({length: last - first + 1}, (_, at) => 10 ** (first + at));
}

/** From values between these to places, logarithmically. */
function logarithmic(ticks, start, end) {
  const [low, high] = [Math.log10(ticks[0]), Math.log10(ticks.at(-1))];
  return (value) => start + ((end - start) * (Math.log10(value) - low)) / (high - low);
}

function roofline(figure) {
  const {bound: limits, data: {device}} = graphcost;
  if (!limits) return; // no size can change
  const {left, top, right, bottom} = frame(figure);
  const points = limits.rows.flatMap(({seconds, macs, nbytes, by}, row) =>
    macs && nbytes && seconds ? [{row, by, seconds, across: macs / nbytes, up: macs / seconds}] : []);
  const types = new Map(); // by peak
  for (const {row} of points) {
    const dtype = graphcost.typeOf(row);
    const peak = device.peaks[dtype];
    types.set(peak, [...new Set([...(types.get(peak) ?? []), dtype])]);
  }
  const parts = {up: [], across: [], roofs: [], marks: []};
  if (points.length) {
    const peaks = [...types.keys()];
    const [intensities, speeds] = [points.map((point) => point.across), points.map((point) => point.up)];
    const ridges = peaks.map((peak) => peak / device.bandwidth);
    const xs = powers(Math.min(...intensities, ...ridges), Math.max(...intensities, ...ridges));
    const ys = powers(Math.min(...speeds, ...peaks), Math.max(...speeds, ...peaks));
    const [x, y] = [logarithmic(xs, left, right), logarithmic(ys, bottom, top)];
    const line = (path, style) => parts.roofs.push(element("path", {class: style, d: path}));
    const note = (x, y, text) => parts.roofs.push(element("text", {x: round(x), y: round(y), "text-anchor": "end"}, text));
    for (const value of ys) {
      parts.up.push(element("path", {d: `M${left} ${round(y(value))}H${right}`}));
      parts.up.push(element("text", {x: left - 8, y: round(y(value) + 4)}, label(value, "short")));
    }
    for (const value of xs) {
      parts.across.push(element("path", {d: `M${round(x(value))} ${bottom}v4`}));
      parts.across.push(element("text", {x: round(x(value)), y: bottom + 17}, label(value, "short")));
    }
    const start = Math.max(xs[0], ys[0] / device.bandwidth);
    const ridge = Math.max(...peaks) / device.bandwidth;
    line(`M${round(x(start))} ${round(y(start * device.bandwidth))}L${round(x(ridge))} ${round(y(Math.max(...peaks)))}`, "roof");
    const middle = Math.sqrt(start * ridge);
    note(x(middle) - 10, y(middle * device.bandwidth) - 6, `${graphcost.show(device.bandwidth, "short")}B/s`);
    for (const [peak, dtypes] of types) {
      const [at, height] = [round(x(peak / device.bandwidth)), round(y(peak))];
      line(`M${at} ${height}H${right}`, "roof");
      line(`M${left} ${height}H${at}`, "roof beyond");
      note(right, y(peak) - 6, `${graphcost.show(peak, "short")}MAC/s in ${dtypes.join(", ")}`);
    }
    for (const {row, by, seconds, across, up} of points) {
      const says = `${nameOf(row)} (${graphcost.cell("type", row).text}): ${graphcost.show(across, "ratio")} MACs per byte,` +
        ` at least ${graphcost.show(seconds, "time")}, ${by}-bound`;
      const dot = rectangle(x(across) - RADIUS, y(up) - RADIUS, 2 * RADIUS, 2 * RADIUS, row, says, `k${given.kind[row]}`);
      dot.setAttribute("rx", RADIUS);
      parts.marks.push(dot);
    }
  }
  for (const [name, elements] of Object.entries(parts)) figure.querySelector(`.${name}`).replaceChildren(...elements);
  const present = [...new Set(points.map(({row}) => given.kind[row]))].sort();
  figure.querySelector(".legend").replaceChildren(...present.map((kind) => item(given.kinds[kind], `k${kind}`)));
  const without = limits.rows.length - points.length;
  const missing = without ? ` Not shown: ${graphcost.counted(without, "layer")} without MACs or of unknown cost.` : "";
  const caption = `Layers above the bandwidth line reuse data in fast memory.${missing}`;
  figure.querySelector(".caption").textContent = points.length ? caption : given.open;
  const bound = points.filter(({by}) => by === "memory").length;
  const layers = graphcost.counted(points.length, "layer");
  describe(figure, points.length
    ? `${layers} by arithmetic intensity and attainable MAC/s, ${bound} of ${points.length} memory-bound.`
    : "Unknown until the symbolic dimensions have values.");
}

const DRAW = {roofline, cost: bars, params: bars, memory: area, types: shares, weights: shares, scopes: shares};

function redraw(figure) {
  point(null);
  DRAW[figure.dataset.chart]?.(figure);
  if (chosen !== null) marking();
}

const sizes = () => Object.entries(graphcost.values()).join();
const reported = sizes();

document.addEventListener("graphcost:dims", () => {
  for (const figure of document.querySelectorAll(".card [data-total]")) {
    const long = figure.textContent.length > graphcost.data.figure_chars;
    figure.classList.toggle("formula", long);
    figure.title = long ? figure.textContent : "";
  }
  document.body.classList.toggle("resized", sizes() !== reported);
  figures.forEach(redraw);
});

/* --- another measure ---------------------------------------------------------------------------------------------------------- */

for (const figure of figures) {
  const shown = figure.dataset.measure;
  const text = figure.querySelector(".of"); // none where the measure is the chart's subject
  if (!text) continue;
  const choice = document.createElement("select");
  choice.setAttribute("aria-label", `Measure of the chart: ${figure.querySelector("h3").textContent}`);
  for (const key of MEASURES) {
    const {title, unit} = graphcost.columns.get(key);
    choice.add(new Option(unit && unit !== title ? `${title} (${unit})` : title, key, key === shown, key === shown));
  }
  choice.addEventListener("change", () => {
    figure.dataset.measure = choice.value;
    redraw(figure);
  });
  text.replaceWith(choice);
}
})();
