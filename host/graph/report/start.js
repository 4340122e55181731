/* The view and the controls that change it. */

/* size null: the circuit as it was found. */
const view = { size: null, shown: new Set(asFound.map((row) => row.name)), chosen: null };

const foundSize = sizeAsFound();

/* Stops of the slider: every size up to 100, then about 1.5 % apart. */
const sizes = [0];
while (sizes[sizes.length - 1] < rows.length)
  sizes.push(Math.min(rows.length, Math.max(sizes[sizes.length - 1] + 1, Math.round(sizes[sizes.length - 1] * (sizes.length > 100 ? 1.015 : 1)))));

function faithfulnessWords(size, n) {
  if (size === null) {
    const value = data.evaluation.faithfulness;
    const { low, high } = data.evaluation, interval = low === undefined ? "" : `; 95 % ${ratio(low)} to ${ratio(high)}`;
    return value === undefined ? "its faithfulness is not known" : `faithfulness ${ratio(value)}, measured${interval}`;
  }
  const { at, below, above } = measuredAt(size);
  if (at && at.kept === n) return `faithfulness ${ratio(at.value)}, measured; 95 % ${ratio(at.low)} to ${ratio(at.high)}`;
  if (data.prefixes.length === 0) return "faithfulness by size was not measured";
  const near = [below, above].filter(Boolean).map((point) => `${ratio(point.value)} at ${grouped(point.n)}`);
  return `faithfulness not measured at this size; ${near.join(", ")}`;
}

function updateWords() {
  const size = view.size, n = view.shown.size;
  const weakest = size ? rows[size - 1].effect : null;
  $("size-out").textContent = size === null ? "as found" : grouped(size);
  $("size-number").value = size === null ? "" : String(size);
  const start = size === null ? `The circuit as found: ${grouped(data.n_in)} of ${grouped(data.n)} ${unit}`
    : `The ${grouped(size)} strongest of ${grouped(data.n)} ${unit}` + (weakest === null ? "" : `, |effect| \u2265 ${fixed(Math.abs(weakest))}`) +
      (n < size ? `, ${grouped(n)} after pruning` : "");
  $("kept").textContent = `${start}; ${faithfulnessWords(size, n)}.`;
  $("as-found").disabled = size === null;
}

function updateView() {
  updateDrawing(view.shown, matching);
  updateCaption(view.shown);
  updateWords();
  updateRowsInView();
  markCurve(view.size === null ? foundSize : view.size);
}

function setSize(size) {
  view.size = size === null ? null : Math.max(0, Math.min(rows.length, Math.round(size)));
  const kept = view.size === null ? asFound : pruned(rows.slice(0, view.size));
  view.shown = new Set(kept.map((row) => row.name));
  const at = view.size === null ? foundSize || asFound.length : view.size;
  let stop = 0;
  while (stop + 1 < sizes.length && sizes[stop + 1] <= at) stop++;
  $("size").value = String(stop);
  $("size").setAttribute("aria-valuetext", view.size === null ? "the circuit as found" : `${view.size} strongest`);
  updateView();
}

function choose(name) {
  if (!name) return;
  const old = view.chosen;
  if (old) markChosen(old, false);
  view.chosen = showDetail(name, choose) ? name : old;
  markChosen(view.chosen, true);
  markChosenRow(view.chosen);
  for (const cell of document.querySelectorAll("#map-chart .cell")) cell.classList.toggle("chosen", cell.getAttribute("data-name") === view.chosen);
}

function updateAfterFilters() {
  $("filter-count").textContent = hasFilters() ? "(on)" : "";
  updateTable();
  updateView();
}

function fillHeader() {
  const task = data.task, options = data.options, value = data.evaluation.faithfulness;
  const add = (number, words_) => $("numbers").append(make("li", {}, make("b", {}, number), make("span", {}, words_)));
  const said = [`${data.model.name} (${data.model.architecture}, ${data.model.n_layers} layers of ${data.model.n_heads} heads) on ${task.name}` +
    (task.n ? `, ${grouped(task.n)} prompt pairs` : "")];
  for (const key of ["metric", "source", "direction", "method"]) if (options[key] !== undefined) said.push(`${key} ${options[key]}`);
  if (effectName === "estimate") said.push("effects are estimates by gradients, faithfulness is measured");
  $("summary").textContent = `${said.join("; ")}.`;
  const { low, high } = data.evaluation;
  if (value !== undefined) add(ratio(value), "faithfulness" + (low === undefined ? "" : `, 95 % ${ratio(low)} to ${ratio(high)}`));
  for (const split of ["train", "test", "ood"]) { /* of other prompts than the circuit's own */
    const other = data.evaluation[`${split}_faithfulness`];
    if (other !== undefined) add(ratio(other), split === "ood" ? "out of distribution" : `on the ${split} split`);
  }
  add(`${grouped(data.n_in)} of ${grouped(data.n)}`, `${unit} in the circuit`);
  if (data.baseline.clean !== undefined) add(signed(data.baseline.clean), `${options.metric || "metric"}, clean`);
  if (data.baseline.corrupted !== undefined) add(signed(data.baseline.corrupted), "corrupted");
  if (data.evaluation.circuit !== undefined) add(signed(data.evaluation.circuit), "the circuit alone");
}

function startControls() {
  $("size").max = String(sizes.length - 1);
  $("size-number").max = String(rows.length);
  $("size-word").textContent = `strongest ${unit}:`;
  let asked = 0;
  $("size").addEventListener("input", () => { /* once a frame, however fast it is dragged */
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => setSize(sizes[+$("size").value]));
  });
  $("size-number").addEventListener("change", () => {
    if ($("size-number").value !== "") setSize(+$("size-number").value);
  });
  $("as-found").addEventListener("click", () => setSize(null));
  addEventListener("beforeprint", () => { for (const detail of document.querySelectorAll("details")) detail.open = false; });
}

document.documentElement.classList.add("has-script");
fillHeader();
prepareDrawing();
fillLegend();
fillFilters();
startControls();
watchDrawing(choose);
fillHead(updateTable);
watchTable(choose);
watchFilters(updateAfterFilters);
emptyDetail();
drawCurve(setSize);
startMap(choose);
drawPositions(choose);
fillExample();
fillProvenance();
updateTable();
setSize(null);
performance.mark("ready");
document.documentElement.classList.add("is-ready");
