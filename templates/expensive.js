/* The most expensive layers under the sizes a reader gives, in the list that graphcost/page made for the report's own. */
(() => {
"use strict";

const {graphcost} = window;
const list = document.querySelector(".expensive ol");
if (!graphcost || !list) return;

const NAMED = 5;

/** A layer of the list: its name, which leads to its row, its type, its cost and its share of all. */
function item({row, cost}, {form, bound}, whole) {
  const made = document.createElement("li");
  const name = document.createElement(graphcost.data.table.order.includes(row) ? "a" : "span");
  if (name.localName === "a") name.href = `#row-${row}`;
  name.textContent = graphcost.cell("name", row).text;
  const type = document.createElement("span");
  type.textContent = graphcost.cell("type", row).text;
  made.append(name, " ", type, ` ${graphcost.show(cost, form)}`);
  if (!bound) made.append(` \u00b7 ${graphcost.show(cost / whole, "share")}`);
  return made;
}

document.addEventListener("graphcost:dims", () => {
  const column = graphcost.columns.get(list.dataset.measure);
  const {rows} = graphcost.evaluate();
  const costs = graphcost.layers.map((row) => ({row, cost: rows[row][column.key]})).filter(({cost}) => cost > 0);
  const whole = Number(graphcost.total(column.key).value ?? 0);
  const largest = whole ? costs.sort((a, b) => b.cost - a.cost).slice(0, NAMED) : [];
  list.replaceChildren(...largest.map((each) => item(each, column, whole)));
  list.parentElement.hidden = !largest.length;
});
})();
