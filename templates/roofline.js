/* The least time on the report's device under other sizes, as graphcost/passes/roofline.py has it, and the cards that say it.

   Offers `graphcost.bound`, the times after a change, and `graphcost.typeOf` to the charts. Knows nothing of pictures. */
(() => {
"use strict";

const {graphcost} = window;
const device = graphcost?.data.device;
if (!device) return;

/** The element type that a row calculates in. */
graphcost.typeOf = (row) => device.dtype.values[device.dtype.at ? device.dtype.at[row] : row];

/** The least time of each row and what sets it, their sum, and how much of it compute and memory bind; null is not known. */
function bound() {
  const sizes = new Map(Object.entries(graphcost.values()));
  const column = ({values, at}) => {
    const numbers = values.map((value) => graphcost.exact(value, sizes)).map((value) => (value ?? null) && Number(value));
    return (row) => numbers[at ? at[row] : row];
  };
  const [operands, constants, results, times] = ["operands", "constants", "results", "times"].map((key) => column(device[key]));
  const again = new Set(device.again);

  function load(row) {
    const macs = graphcost.cell("macs", row).value;
    if (macs === null) return {unknown: true};
    const peak = device.peaks[graphcost.typeOf(row)];
    if (macs === undefined || times(row) === null || (macs > 0 && peak === null)) return {};
    const compute = macs > 0 ? Number(macs) / peak : 0;
    const over = (bytes) => Math.max(0, (bytes ?? 0) - device.room);
    const kept = constants(row) ?? 0; // what is not known cannot raise the bound
    const first = again.has(row) || !times(row) ? 0 : kept;
    const later = over(kept) * (again.has(row) ? times(row) : Math.max(0, times(row) - 1));
    const moved = (over(operands(row)) + over(results(row))) * times(row) + first + later;
    const spare = Math.max(0, Math.min(first, moved - compute * device.bandwidth));
    const nbytes = [operands(row), constants(row), results(row)].includes(null)
      ? null : (operands(row) + constants(row) + results(row)) * times(row);
    return {macs: Number(macs), compute, moved, spare, nbytes};
  }

  const loads = Array.from({length: graphcost.data.rows}, (_, row) => load(row));
  const excess = loads.reduce((sum, {spare = 0}) => sum + spare, 0);
  const part = excess ? Math.min(1, device.room / excess) : 0; // of the weights that fast memory can hold
  const rows = loads.map(({macs, compute, moved, spare, nbytes}) => {
    if (compute === undefined) return {seconds: null};
    const memory = (moved - spare * part) / device.bandwidth;
    const by = memory > compute + (1e-9 * moved) / device.bandwidth ? "memory" : compute ? "compute" : "";
    return {seconds: by === "memory" ? memory : compute, by, macs, nbytes};
  });
  const sum = (wanted) => rows.reduce((total, {seconds, by}) => total + (by === wanted ? seconds : 0), 0);
  const known = rows.every(({seconds}, row) => seconds !== null || loads[row].unknown);
  const [compute, memory] = [sum("compute"), sum("memory")];
  return {rows, compute, memory, seconds: known ? compute + memory : null};
}

/* --- the cards -------------------------------------------------------------------------------------------------------- */

const cards = Object.fromEntries([...document.querySelectorAll("[data-device]")].map((card) => [card.dataset.device, card]));

function write(card, text, note, warn = false) {
  card.querySelector(".value > span").textContent = text;
  card.querySelector(".note").textContent = note;
  card.classList.toggle("warn", warn);
}

const why = cards.time.querySelector(".note").textContent;

function time() {
  const {seconds, compute, memory} = graphcost.bound;
  const [most, by] = memory > compute ? [memory, "memory"] : [compute, "compute"];
  write(cards.time, graphcost.show(seconds, "time"), seconds ? `${graphcost.show(most / seconds, "share")} bound by ${by}` : why);
}

function room() {
  const weights = graphcost.total("param_bytes").value ?? null;
  const {peak} = graphcost.evaluate();
  const all = weights === null || peak === null ? null : Number(weights) + peak;
  const bytes = {
    "weights": weights === null ? null : Number(weights),
    "peak activations": peak,
    "weights and peak activations": all,
  };
  const fits = device.rooms.map(([what, room, place]) => {
    const enough = bytes[what] === null ? null : bytes[what] <= room;
    return {what, place: `${graphcost.show(room, "bytes")} of ${place}`, fits: graphcost.data.complete || enough === false ? enough : null};
  });
  const short = fits.filter((each) => each.fits === false).map(({what, place}) => `${what} in ${place}`);
  const verdict = short.length ? "does not fit" : fits.every((each) => each.fits) ? "fits" : "not known";
  write(cards.room, verdict, short.join("; ") || fits.map(({place}) => place).join(", "), short.length > 0);
}

document.addEventListener("graphcost:dims", () => {
  graphcost.bound = bound();
  time();
  if (cards.room) room();
});
})();
