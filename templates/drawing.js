/* What the charts are drawn with: a plot of a figure, marks that each stand for a layer, axes and their ticks.

   Offers `graphcost.drawing` to the charts. Knows numbers and places, and nothing of layers' costs. */
(() => {
"use strict";

const {graphcost} = window;
if (!graphcost) return;

const MIN_BAR = 2.5; // in a network so long that bars would be narrower, neighbouring layers share one
const NARROW = matchMedia("(max-width: 40rem)"); // where a wide chart is drawn half as wide, to be read
const [WIDE, HALF, HEIGHT] = [1200, 590, 250];
const LINE = 24; // of a chart of shares, with its margins
const WIDTHS = {cost: WIDE, roofline: WIDE};
const TOPS = {memory: 28, roofline: 20};

const round = (value) => String(Math.round(value * 100) / 100);

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A mark: a rectangle that stands for a row; `says` is what it says when it is pointed at. */
function rectangle(x, y, width, height, row, says, style) {
  const place = {x: round(x), y: round(y), width: round(width), height: round(height)};
  const mark = element("rect", {...(style && {class: style}), "data-row": row, ...place});
  mark.append(element("title", {}, says));
  return mark;
}

/** An element of HTML with its class and content. */
function made(name, style, ...content) {
  const each = document.createElement(name);
  if (style) each.className = style;
  each.append(...content);
  return each;
}

/** Puts a plot, a legend and a caption into a figure of which the page has only the title and the words. */
function prepare(figure) {
  const svg = element("svg", {role: "img"});
  const plot = made("div", "plot", svg);
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-label", figure.querySelector("h3").textContent);
  const words = figure.querySelector(".unscripted");
  words.replaceWith(plot, made("ul", "legend"), made("p", "caption"));
}

/** Sets the size of a figure's drawing and returns where its marks stand. */
function frame(figure, lines) {
  const svg = figure.querySelector("svg");
  const key = figure.dataset.chart;
  const shares = lines !== undefined;
  const width = shares ? 460 : NARROW.matches ? HALF : WIDTHS[key] ?? HALF;
  const height = shares ? Math.max(lines, 1) * LINE : HEIGHT + (key === "roofline" ? 100 : 0);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  if (shares) return {svg, width, height, left: 166, top: 0, right: width - 52, bottom: height};
  return {svg, width, height, left: 72, top: TOPS[key] ?? 12, right: width - 20, bottom: height - 44};
}

/** The marks of a figure, on its axes: [[place, label], ...] for each of them. */
function fill(figure, box, {up, across, titles, marks, below = [], above = []}) {
  const {svg, width, height, left, top, right, bottom} = box;
  const axes = element("g", {class: "axes"});
  const upward = element("g", {class: "up"});
  for (const [y, text] of up)
    upward.append(element("path", {d: `M${left} ${round(y)}H${right}`}), element("text", {x: left - 8, y: round(y + 4)}, text));
  const sideways = element("g", {class: "across"});
  for (const [x, text] of across)
    sideways.append(element("path", {d: `M${round(x)} ${bottom}v4`}), element("text", {x: round(x), y: bottom + 17}, text));
  axes.append(upward, sideways);
  axes.append(element("text", {class: "name", x: (left + right) / 2, y: height - 6}, titles[0]));
  axes.append(element("text", {class: "name", transform: "rotate(-90)", x: (top + bottom) / -2, y: 12}, titles[1]));
  const group = element("g", {class: "marks"});
  group.append(...marks);
  svg.replaceChildren(axes, ...below, group, ...above);
}

/** The words of a figure: what it is, for readers who do not see it, its legend of kinds, and what stands below. */
function say(figure, text, legend, caption) {
  const title = figure.querySelector("h3").textContent;
  figure.querySelector("svg").setAttribute("aria-label", `${title}. ${text}`);
  figure.querySelector(".legend").replaceChildren(...legend.map((kind) => made("li", `k${kind}`, graphcost.data.charts.kinds[kind])));
  figure.querySelector(".caption").textContent = caption;
}

/* --- axes: linear ones begin at zero and end at a tick ------------------------------------------------------------------- */

/** The distance between about so many ticks: 1, 2 or 5 times a power of ten, for bytes a power of two; 1 at least. */
function distance(top, form, about) {
  const raw = Math.max(top / about, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  return form === "bytes" ? 2 ** Math.ceil(Math.log2(raw)) : [1, 2, 5, 10].map((f) => f * power).find((each) => each >= raw);
}

const UNITS = {bytes: [1024, ["B", "KiB", "MiB", "GiB", "TiB"]], short: [1000, ["", "k", "M", "G", "T", "P", "E"]]};

/** A tick's text: 250, 1.5 M, 64 KiB. */
function label(value, form) {
  const [base, units] = UNITS[form] ?? UNITS.short;
  let power = 0;
  for (; value >= base && power < units.length - 1; power += 1) value /= base;
  return value ? `${Number(value.toPrecision(6))} ${units[power]}`.trimEnd() : "0";
}

/** An axis of amounts that the highest fits on: how high a unit is, and the ticks. */
function amounts({top, bottom}, highest, form, about) {
  const step = distance(highest, form, about);
  const count = Math.max(Math.ceil(highest / step), 1);
  const unit = (bottom - top) / (count * step);
  const ticks = Array.from({length: count + 1}, (_, at) => [bottom - at * step * unit, label(at * step, form)]);
  return {unit, ticks};
}

/** Ticks under the middle of layers, numbered from 1. */
function numbers({left, right}, count) {
  const step = distance(count, "short", Math.max(Math.floor((right - left) / 60), 1));
  const shown = step > 1 && count ? [1] : [];
  for (let number = step; number <= count; number += step) shown.push(number);
  return shown.map((number) => [left + ((right - left) / count) * (number - 0.5), String(number)]);
}

/** How many layers share a bar. */
const perBar = ({left, right}, count) => Math.max(Math.ceil((count * MIN_BAR) / (right - left)), 1);

/** A logarithmic axis that values fit on: a function from values to places, and its ticks. These are powers of ten, and
    where they span few of them some times these too, so that a narrow span fills the drawing. */
function logarithmic(values, start, end) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const decades = Math.log10(high / low);
  const steps = decades <= 0.7 ? [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8] : decades <= 3 ? [1, 2, 5] : [1];
  const all = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)) + 1; power += 1)
    all.push(...steps.map((step) => Number(`${step}e${power}`)));
  const first = Math.max(all.findLastIndex((value) => value <= low), 0);
  const last = Math.max(all.findIndex((value) => value >= high), first + 1);
  const marked = all.slice(first, last + 1);
  const [from, to] = [Math.log10(marked[0]), Math.log10(marked.at(-1))];
  const place = (value) => start + ((end - start) * (Math.log10(value) - from)) / (to - from);
  return {place, values: marked, ticks: marked.map((value) => [place(value), label(value, "short")])};
}

graphcost.drawing = {NARROW, LINE, round, element, rectangle, made, prepare, frame, fill, say, amounts, numbers, perBar, logarithmic};
})();
