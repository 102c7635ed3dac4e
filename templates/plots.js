/* The charts' geometry: bars by layer, live activations, shares, and the roofline of a device, each drawn into its figure
   from the numbers of live.js and the bound of roofline.js. The only place where a chart that sizes can change is laid out.

   Offers `graphcost.plots`: a function for each chart that draws it anew. Knows nothing of pointing and choosing. */
(() => {
"use strict";

const {graphcost} = window;
const given = graphcost?.data.charts;
if (!given) return;

const {LINE, round, element, rectangle, made, frame, fill, say, amounts, numbers, perBar, logarithmic} = graphcost.drawing;
const {shorten, layers} = graphcost;
const NAME_CHARS = 20; // of a name in a chart; a longer one loses its middle
const MAX_GROUPS = 12; // operator types or modules in a chart; the rest is summed
const MAX_NAMED = 6; // tensors named beside the peak of the memory
const CHAR_WIDTH = 7.5; // of what is written at the peak, at most on average

const nameOf = (row) => graphcost.cell("name", row).text;
const typeOf = (row) => graphcost.cell("type", row).text;

/** A measure's amounts by row as plain numbers, and their total: both null while a size that matters is open. */
function measured(key) {
  const column = graphcost.columns.get(key);
  const total = graphcost.total(key).value;
  if (total === undefined || total === null) return {column, values: null, total: null};
  return {column, values: graphcost.evaluate().rows.map((row) => row[key]), total: Number(total)};
}

/* --- bars: a measure by layer in the order of execution, each bar stacked by kind of operation ----------------------------- */

/** What a bar of layers is stacked of, from below: kinds with their sum and largest row; and the first row not known. */
function stack(rows, values) {
  const parts = new Map();
  let unknown = null;
  for (const row of rows) {
    const amount = values[row];
    if (amount === null) unknown ??= row;
    if (!(amount > 0)) continue;
    const part = parts.get(given.kind[row]) ?? {kind: given.kind[row], amount: 0, row};
    part.amount += amount;
    if (amount > values[part.row]) part.row = row;
    parts.set(part.kind, part);
  }
  const sorted = [...parts.values()].sort((a, b) => a.kind - b.kind);
  return {parts: sorted, unknown, height: sorted.reduce((sum, {amount}) => sum + amount, 0)};
}

function bars(figure) {
  const box = frame(figure);
  const {left, top, right, bottom} = box;
  const {column, values, total} = measured(figure.dataset.measure);
  const per = perBar(box, layers.length);
  const stacks = [];
  for (let start = 0; values && start < layers.length; start += per) stacks.push(stack(layers.slice(start, start + per), values));
  const {unit, ticks} = amounts(box, Math.max(0, ...stacks.map(({height}) => height)), column.form, 5);
  const slot = (right - left) / Math.max(stacks.length, 1);
  const thick = slot >= 3 ? Math.min(slot * 0.8, 48) : slot;
  const marks = [];
  for (const [at, {parts, unknown}] of stacks.entries()) {
    const x = left + slot * (at + 0.5) - thick / 2;
    let y = bottom;
    for (const {kind, amount, row} of parts) {
      const figures = `${graphcost.show(amount, column.form)} ${column.title}${total ? `, ${graphcost.show(amount / total, "share")}` : ""}`;
      const [first, last] = [at * per + 1, Math.min(at * per + per, layers.length)];
      const says =
        first === last
          ? `${nameOf(row)} (${typeOf(row)}): ${figures}`
          : `layers ${first} to ${last}, ${given.kinds[kind]}: ${figures}; largest: ${nameOf(row)}`;
      y -= amount * unit;
      marks.push(rectangle(x, y, thick, amount * unit, row, says, `k${kind}`));
    }
    if (unknown !== null) marks.push(rectangle(x, top, thick, bottom - top, unknown, `${nameOf(unknown)}: ${column.title} unknown`, "unknown"));
  }
  fill(figure, box, {up: ticks, across: numbers(box, layers.length), titles: ["layer", column.title], marks});
  const present = [...new Set(stacks.flatMap(({parts}) => parts.map(({kind}) => kind)))].sort();
  const sum = total === null ? "unknown" : `total ${graphcost.show(total, column.form)}`;
  const words = `${column.title} of ${graphcost.counted(layers.length, "layer")} in execution order: ${sum}.`;
  say(figure, words, present, values === null ? given.open : per > 1 ? `${per} layers per bar.` : "");
}

/* --- live activations over the steps of execution ---------------------------------------------------------------------------- */

/** The steps that a reader counts, as the layers: those that only make constants are none, unless the peak is there. */
function steps() {
  const {curve, step: peak} = graphcost.evaluate();
  const all = graphcost.data.memory.steps.map((row, step) => ({row, step, bytes: curve?.[step]}));
  return all.filter(({row, step}) => graphcost.numberOf(row) !== null || step === peak);
}

function memory(figure) {
  const box = frame(figure);
  const {left, right, bottom} = box;
  const {peak, row, step} = graphcost.evaluate();
  const known = peak !== null && row !== null;
  const shown = steps();
  const {unit, ticks} = amounts(box, peak ?? 0, "bytes", 4);
  const per = perBar(box, shown.length);
  const slot = (right - left) / Math.max(Math.ceil(shown.length / per), 1);
  const marks = [];
  let path = "";
  for (let start = 0, x = left; known && start < shown.length; start += per, x += slot) {
    const highest = shown.slice(start, start + per).reduce((a, b) => (b.bytes > a.bytes ? b : a));
    const height = highest.bytes * unit;
    path += `${path ? "V" : `M${left} ${bottom}V`}${round(bottom - height)}H${round(x + slot)}`;
    marks.push(rectangle(x, bottom - height, slot, height, highest.row, `${nameOf(highest.row)}: ${graphcost.show(highest.bytes, "bytes")} live`));
  }
  const text = known ? `peak ${graphcost.show(peak, "bytes")} at ${shorten(nameOf(row), NAME_CHARS)}` : "unknown";
  const sign = element("g", {class: "peak"});
  if (known) {
    const x = left + (slot / per) * (shown.findIndex((each) => each.step === step) + 0.5);
    const y = bottom - peak * unit;
    const length = text.length * CHAR_WIDTH;
    const anchor = x + length <= right ? "start" : x - length >= left ? "end" : "middle";
    sign.append(element("circle", {"data-row": row, cx: round(x), cy: round(y), r: 4}));
    sign.append(element("text", {x: round(x), y: round(y - 9), "text-anchor": anchor}, text));
  }
  const area = element("path", {class: "area", d: path && `${path}V${bottom}Z`});
  fill(figure, box, {up: ticks, across: numbers(box, shown.length), titles: ["execution step", "bytes"], marks, below: [area], above: [sign]});
  figure.querySelector(".marks").classList.add("hidden");
  if (given.tensors.length) figure.querySelector(".live-tensors ol").replaceChildren(...liveTensors()); // else nothing can change
  const words = `Live activation bytes over ${graphcost.counted(shown.length, "execution step")}: ${text}.`;
  say(figure, words, [], known ? (per > 1 ? `Maximum of ${per} steps.` : "") : given.open);
}

/** What is live at the peak, largest first. */
function liveTensors() {
  const {live: buffers = [], step} = graphcost.evaluate();
  const items = buffers.slice(0, MAX_NAMED).map(([buffer, bytes]) => {
    const name = made("span", "", held(given.tensors[buffer], step));
    return made("li", "", name, ` ${graphcost.show(bytes, "bytes")}`);
  });
  const rest = buffers.slice(MAX_NAMED);
  const sum = rest.reduce((total, [, bytes]) => total + bytes, 0);
  if (rest.length) items.push(made("li", "", `${graphcost.counted(rest.length, "more tensor")}, ${graphcost.show(sum, "bytes")}`));
  return items;
}

/** The names of a buffer's tensors that live at a step. */
function held(tensors, step) {
  const live = tensors.filter(([, first, last]) => first <= step && step <= last);
  return (live.length ? live : tensors.slice(0, 1)).map(([name]) => name).join(" = ");
}

/* --- shares: who has how much of a total -------------------------------------------------------------------------------------- */

/** A function from a row to its group in a chart of shares; none for other charts. */
function groupsOf(chart) {
  if (chart === "types" || chart === "weights") return (row) => graphcost.cell("kind", row).text;
  if (chart === "scopes") return (row) => given.scopes.values[given.scopes.at[row]];
  return null;
}

/** The groups that have something of the total, largest first, and what a chart cannot name as one at the end. */
function ranked(values, group) {
  const groups = new Map();
  for (const [row, amount] of values.entries()) {
    const each = groups.get(group(row)) ?? {name: group(row), amount: 0, row};
    each.amount += amount ?? 0;
    if ((amount ?? 0) > (values[each.row] ?? 0)) each.row = row;
    groups.set(each.name, each);
  }
  const sorted = [...groups.values()].filter(({amount}) => amount > 0).sort((a, b) => b.amount - a.amount);
  const [named, rest] = [sorted.slice(0, MAX_GROUPS), sorted.slice(MAX_GROUPS)];
  const amount = rest.reduce((sum, each) => sum + each.amount, 0);
  return rest.length ? [...named, {name: `${rest.length} others`, amount, row: rest[0].row, others: true}] : named;
}

function shares(figure) {
  const {column, values, total} = measured(figure.dataset.measure);
  const shown = ranked(values ?? [], groupsOf(figure.dataset.chart));
  const {svg, left, right} = frame(figure, shown.length);
  const longest = Math.max(1, ...shown.map(({amount}) => amount));
  const marks = element("g", {class: "marks"});
  const words = [];
  for (const [at, {name, amount, row, others}] of shown.entries()) {
    const share = graphcost.show(amount / (total || 1), "share");
    const width = ((right - left) * amount) / longest;
    const coloured = figure.dataset.chart !== "scopes" && !others;
    const y = at * LINE + LINE / 2 + 4;
    words.push(`${name}: ${graphcost.show(amount, column.form)} ${column.title}, ${share}`);
    marks.append(
      element("text", {class: "who", x: left - 8, y}, shorten(name, NAME_CHARS)),
      rectangle(left, at * LINE + 4, width, LINE - 8, row, words.at(-1), coloured ? `k${given.kind[row]}` : "accent"),
      element("text", {x: round(left + width + 6), y}, share),
    );
  }
  svg.replaceChildren(marks);
  say(figure, `${words.slice(0, 3).join(", ") || `${column.title}: none, or unknown`}.`, [], values === null ? given.open : "");
}

/* --- the roofline: each layer by its arithmetic intensity and its attainable speed --------------------------------------------- */

const [RADIUS, SMALL] = [4.5, 3]; // of a layer, and of what was measured

function dot({place: x}, {place: y}, radius, row, across, up, says, style) {
  const mark = rectangle(x(across) - radius, y(up) - radius, 2 * radius, 2 * radius, row, says, style);
  mark.setAttribute("rx", radius);
  return mark;
}

/** The layers that multiply, of which it is known what they move and take. */
function underRoofs({rows}) {
  return layers.flatMap((row) => {
    const {seconds, macs, nbytes, by} = rows[row];
    return macs && nbytes && seconds ? [{row, by, seconds, across: macs / nbytes, up: macs / seconds}] : [];
  });
}

/** The peaks of the device that matter to points, each with the element types that it holds for. */
function peaksOf(points) {
  const types = new Map();
  for (const {row} of points) {
    const dtype = graphcost.typeOf(row);
    const peak = graphcost.data.device.peaks[dtype];
    types.set(peak, [...new Set([...(types.get(peak) ?? []), dtype])]);
  }
  return types;
}

/** The lines of what the bandwidth and the arithmetic allow, and what is written at them. */
function roofs(types, x, y, {left, right}) {
  const {bandwidth} = graphcost.data.device;
  const [peaks, found] = [[...types.keys()], []];
  const line = (path, style) => found.push(element("path", {class: style, d: path}));
  const note = (x, y, text) => found.push(element("text", {x: round(x), y: round(y), "text-anchor": "end"}, text));
  const start = Math.max(x.values[0], y.values[0] / bandwidth);
  const ridge = Math.max(...peaks) / bandwidth;
  line(`M${round(x.place(start))} ${round(y.place(start * bandwidth))}L${round(x.place(ridge))} ${round(y.place(Math.max(...peaks)))}`, "roof");
  const middle = Math.sqrt(start * ridge);
  note(Math.max(x.place(middle) - 10, left + 80), y.place(middle * bandwidth) - 6, `${graphcost.show(bandwidth, "short")}B/s`);
  for (const [peak, dtypes] of types) {
    const [at, height] = [round(x.place(peak / bandwidth)), round(y.place(peak))];
    line(`M${at} ${height}H${right}`, "roof");
    line(`M${left} ${height}H${at}`, "roof beyond");
    note(right, y.place(peak) - 6, `${graphcost.show(peak, "short")}MAC/s in ${dtypes.join(", ")}`);
  }
  return found;
}

function roofline(figure) {
  const box = frame(figure);
  const points = underRoofs(graphcost.bound);
  const reached = points.length ? given.reached : [];
  const titles = ["arithmetic intensity: MACs per byte read or written, operators fused", "attainable MAC/s"];
  const present = [...new Set(points.map(({row}) => given.kind[row]))].sort();
  if (!points.length) {
    fill(figure, box, {up: [], across: [], titles, marks: []});
    say(figure, "Unknown until the symbolic dimensions have values.", [], given.open);
    return;
  }
  const types = peaksOf(points);
  const peaks = [...types.keys()];
  const ridges = peaks.map((peak) => peak / graphcost.data.device.bandwidth);
  const x = logarithmic([...ridges, ...points.map(({across}) => across), ...reached.map(([, across]) => across)], box.left, box.right);
  const y = logarithmic([...peaks, ...points.map(({up}) => up), ...reached.map(([, , up]) => up)], box.bottom, box.top);
  const marks = points.map(({row, by, seconds, across, up}) => {
    const says = `${nameOf(row)} (${typeOf(row)}): ${graphcost.show(across, "ratio")} MACs per byte, at least ${graphcost.show(seconds, "time")}, ${by}-bound`;
    return dot(x, y, RADIUS, row, across, up, says, `k${given.kind[row]}`);
  });
  const limits = element("g", {class: "roofs"});
  limits.append(...roofs(types, x, y, box));
  const rings = element("g", {class: "rings measured"});
  for (const [row, across, up] of reached)
    rings.append(dot(x, y, SMALL, row, across, up, `${nameOf(row)} (${typeOf(row)}): measured ${graphcost.show(up, "short")}MAC/s`));
  fill(figure, box, {up: y.ticks, across: x.ticks, titles, marks, below: [limits], above: reached.length ? [rings] : []});
  figure.querySelector(".marks").classList.add("dots");
  const without = layers.length - points.length;
  const missing = without ? ` Not shown: ${graphcost.counted(without, "layer")} without MACs or of unknown cost.` : "";
  const rung = reached.length ? " Rings: what was measured." : "";
  const bound = points.filter(({by}) => by === "memory").length;
  const words = `${graphcost.counted(points.length, "layer")} by arithmetic intensity and attainable MAC/s, ${bound} of ${points.length} memory-bound.`;
  say(figure, words, present, `Layers above the bandwidth line reuse data in fast memory.${missing}${rung}`);
}

graphcost.plots = {
  draw: {roofline, cost: bars, params: bars, memory, types: shares, weights: shares, scopes: shares},
  groupsOf, steps,
};
})();
