/* The bound on the report's device under other sizes, as graphcost/passes/roofline.py has it, and the cards that say it.

   Offers `graphcost.bound`, the times under the sizes of the moment, and `graphcost.typeOf` to the charts. Knows nothing of pictures. */
(() => {
"use strict";

const {graphcost} = window;
const device = graphcost?.data.device;
if (!device) return;

/** The element type that a row calculates in. */
graphcost.typeOf = (row) => device.dtype.values[device.dtype.at ? device.dtype.at[row] : row];

/** The lower bound of each row's time and what sets it, their sum, and the parts of that by what sets it; null is not known. */
function bound() {
  const sizes = new Map(Object.entries(graphcost.values()));
  const column = ({values, at}) => {
    const numbers = values.map((value) => graphcost.exact(value, sizes)).map((value) => (value ?? null) && Number(value));
    return (row) => numbers[at ? at[row] : row];
  };
  const [activationReads, weightReads, writes, tripCount, elements] =
    ["activation_reads", "weight_reads", "activation_writes", "trip_count", "elements"].map((key) => column(device[key]));
  const repeats = new Set(device.repeats);

  /** Seconds that what one run reads and writes takes past each level, the slowest of them. */
  function caches(reads, written) {
    let slowest = 0, nearer = 0;
    for (const [bytes, bandwidth] of device.levels) {
      const passing = Math.max(0, reads - nearer) + Math.max(0, written - nearer);
      slowest = Math.max(slowest, passing / bandwidth);
      nearer += bytes;
    }
    return slowest;
  }

  function load(row) {
    const macs = graphcost.cell("macs", row).value;
    if (macs === null) return {unknown: true};
    const peak = device.peaks[graphcost.typeOf(row)];
    const trips = tripCount(row);
    if (macs === undefined || trips === null || (macs > 0 && peak === null)) return {};
    const rate = device.calculates[row] ? device.ops_rates[graphcost.typeOf(row)] : null;
    const compute = macs > 0 ? Number(macs) / peak : rate ? ((elements(row) ?? 0) * trips) / rate : 0;
    const beyond = (bytes) => Math.max(0, (bytes ?? 0) - device.fast_memory);
    const weights = device.compressed ? 0 : weightReads(row) ?? 0; // what is not known cannot raise the bound
    const cache = device.calculates[row] ? caches((activationReads(row) ?? 0) + weights, writes(row) ?? 0) * trips : 0;
    const floor = Math.max(compute, cache);
    const first = repeats.has(row) || !trips ? 0 : weights;
    const later = beyond(weights) * (repeats.has(row) ? trips : Math.max(0, trips - 1));
    const moved = (beyond(activationReads(row)) + beyond(writes(row))) * trips + first + later;
    const savable = Math.max(0, Math.min(first, moved - floor * device.bandwidth));
    const parts = [activationReads(row), weightReads(row), writes(row)];
    const nbytes = parts.includes(null) ? null : parts.reduce((sum, part) => sum + part) * trips;
    return {macs: Number(macs), compute, cache, moved, savable, nbytes};
  }

  const loads = Array.from({length: graphcost.data.rows}, (_, row) => load(row));
  const excess = loads.reduce((sum, {savable = 0}) => sum + savable, 0);
  const held = excess ? Math.min(1, device.fast_memory / excess) : 0; // of the weights that need not be moved
  const rows = loads.map(({macs, compute, cache, moved, savable, nbytes}) => {
    if (compute === undefined) return {seconds: null};
    const memory = (moved - savable * held) / device.bandwidth;
    const bound = memory > Math.max(compute, cache) + (1e-9 * moved) / device.bandwidth;
    const by = bound ? "memory" : cache > compute ? "cache" : compute ? "compute" : "";
    return {seconds: by === "memory" ? memory : Math.max(compute, cache), by, macs, nbytes};
  });
  const sum = (wanted) => rows.reduce((total, {seconds, by}) => total + (by === wanted ? seconds : 0), 0);
  const known = rows.every(({seconds}, row) => seconds !== null || loads[row].unknown);
  const [compute, memory, cache] = [sum("compute"), sum("memory"), sum("cache")];
  return {rows, compute, memory, cache, seconds: known ? compute + memory + cache : null};
}

/* --- the cards -------------------------------------------------------------------------------------------------------- */

const cards = Object.fromEntries([...document.querySelectorAll("[data-device]")].map((card) => [card.dataset.device, card]));

function write(card, text, note, warn = false) {
  card.querySelector(".value > span").textContent = text;
  card.querySelector(".note").textContent = note;
  card.classList.toggle("warn", warn);
}

const why = cards.latency.querySelector(".note").textContent;

function latency() {
  const {seconds, compute, memory, cache} = graphcost.bound;
  const [part, by] = [[compute, "compute"], [memory, "memory"], [cache, "cache"]].reduce((a, b) => (b[0] > a[0] ? b : a));
  const note = seconds ? `${graphcost.show(part / seconds, "share")} ${by}-bound` : why;
  write(cards.latency, graphcost.show(seconds, "time"), note);
}

/** The bytes of what must fit, null when a part of them is not known. */
function bytesOf(totals) {
  const parts = totals.map((key) => graphcost.evaluate().totals[key]);
  return parts.includes(null) ? null : parts.reduce((sum, part) => sum + part, 0);
}

function fit() {
  const uses = device.fits.map(([item, totals, capacity]) => {
    const nbytes = bytesOf(totals);
    const share = nbytes !== null && capacity ? ` (${graphcost.show(nbytes / capacity, "share")})` : "";
    const enough = nbytes === null ? null : nbytes <= capacity;
    return {
      text: `${item}: ${graphcost.show(nbytes, "bytes")} of ${graphcost.show(capacity, "bytes")}${share}`,
      fits: graphcost.data.complete || enough === false ? enough : null,
    };
  });
  const missing = uses.filter(({fits}) => fits === false);
  const value = missing.length ? "does not fit" : uses.every(({fits}) => fits) ? "fits" : "unknown";
  const note = (missing.length ? missing : uses).map(({text}) => text).join("; ");
  write(cards.fit, value, note, missing.length > 0);
}

let [found, sizes] = [null, null]; // the last that was computed, and for which sizes
Object.defineProperty(graphcost, "bound", {
  get() {
    const now = Object.entries(graphcost.values()).join();
    if (sizes !== now) [found, sizes] = [bound(), now];
    return found;
  },
});

document.addEventListener("graphcost:dims", () => {
  latency();
  if (cards.fit) fit();
});
})();
