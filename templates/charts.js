/* The charts: has them drawn when the page opens, for another measure and under other sizes, says what is pointed at, and
   leads from a mark to its layer. Sets long figures of the cards small. How they are drawn is in plots.js. */
(() => {
"use strict";

const {graphcost} = window;
const given = graphcost?.data.charts;
if (!given) return;

const {MEASURES} = graphcost;
const {NARROW, perBar, prepare} = graphcost.drawing;
const figures = [...document.querySelectorAll("figure[data-chart]")];
for (const figure of figures) if (figure.querySelector(".unscripted")) prepare(figure);

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
  const chart = figure.dataset.chart;
  const group = graphcost.plots.groupsOf(chart);
  if (group) return (own) => group(own) === group(row);
  if (chart === "roofline" || chart === "times") return (own) => own === row;
  const counted = chart === "memory" ? graphcost.plots.steps().map((step) => step.row) : graphcost.layers;
  const place = new Map(counted.map((each, at) => [each, at]));
  const per = perBar(graphcost.drawing.frame(figure), counted.length);
  const bar = (each) => Math.floor(place.get(each) / per);
  return (own) => bar(own) === bar(row) && (chart === "memory" || given.kind[own] === given.kind[row]);
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

/* --- drawing: first, under other sizes, by another measure ------------------------------------------------------------------ */

/** Tells whether a chart shows something of which sizes are open. */
function waits({dataset: {chart, measure}}) {
  if (chart === "memory") return graphcost.evaluate().peak === null;
  return graphcost.total(measure ?? "macs").value === undefined;
}

/** Draws a chart under example sizes and says so; false where that leaves it empty too. */
function drawExample(figure, draw, example) {
  draw(figure);
  if (!figure.querySelector(".marks > *")) return false;
  const caption = figure.querySelector(".caption");
  caption.textContent = `Drawn for ${graphcost.sizesText(example)}, an example: Input sizes above changes it. ${caption.textContent}`.trim();
  return true;
}

function redraw(figure) {
  const draw = graphcost.plots.draw[figure.dataset.chart];
  if (!draw) return; // one of measured times, which no size changes
  point(null);
  if (!waits(figure) || !graphcost.withExample((example) => drawExample(figure, draw, example))) draw(figure);
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

NARROW.addEventListener("change", () => figures.forEach(redraw));
figures.forEach(redraw);
})();
