/* Charts that are drawn once: faithfulness by size, heat maps, one component's prompts, attention. */

function chart(width, height, label) {
  return make("svg", { class: "chart", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
}

function words(x, y, text, attributes) {
  return make("text", { x, y, ...(attributes || {}) }, text);
}

/* Steps of 1, 2 or 5 times a power of ten that divide a range into about n. */
function ticksOf(low, high, n) {
  const rough = (high - low) / n || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) ticks.push(i * step);
  return { ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/* ---- faithfulness by size ---- */

const curve = { width: 760, height: 300, left: 52, right: 16, top: 14, bottom: 44 };

function curveScales() {
  const points = data.prefixes, most = points[points.length - 1][0];
  const values = points.flatMap(([, , value, low, high]) => [value, low, high]);
  const low = Math.max(-1, Math.min(0, ...values)), high = Math.min(3, Math.max(1, ...values));
  const pad = (high - low) * 0.05;
  const width = curve.width - curve.left - curve.right, height = curve.height - curve.top - curve.bottom;
  curve.x = (n) => curve.left + width * Math.log(Math.max(n, 1)) / Math.max(Math.log(most), 1e-9);
  curve.y = (value) => curve.top + height * (high + pad - Math.min(Math.max(value, low - pad), high + pad)) / (high - low + 2 * pad);
  return { low, high, most };
}

function drawCurveAxes(svg, { low, high, most }) {
  const { ticks, decimals } = ticksOf(low, high, 5);
  const bottom = curve.height - curve.bottom, right = curve.width - curve.right;
  for (const tick of ticks) {
    svg.append(make("line", { class: "axis", x1: curve.left, x2: right, y1: curve.y(tick), y2: curve.y(tick) }));
    svg.append(words(curve.left - 8, curve.y(tick) + 4, withMinus(tick.toFixed(decimals)), { "text-anchor": "end", class: "quiet" }));
  }
  for (let decade = 1; decade <= most; decade *= 10)
    for (const step of most > 2000 ? [1] : [1, 2, 5]) {
      if (step * decade > most) continue;
      svg.append(words(curve.x(step * decade), bottom + 17, grouped(step * decade), { "text-anchor": "middle", class: "quiet" }));
      svg.append(make("line", { class: "axis", x1: curve.x(step * decade), x2: curve.x(step * decade), y1: bottom, y2: bottom + 4 }));
    }
  svg.append(words((curve.left + right) / 2, curve.height - 6, `strongest ${unit}, before pruning (logarithmic)`, { "text-anchor": "middle" }));
}

function drawCurve(setSize) {
  const box = $("curve-chart"), faithfulness = data.evaluation.faithfulness;
  if (data.prefixes.length === 0) {
    $("curve-caption").textContent = "Not measured: this circuit.json has no faithfulness by size. patchclamp find " +
      "measures it where the full model and the model with everything cut differ enough.";
    return;
  }
  const svg = chart(curve.width, curve.height, "faithfulness of the strongest components, by their number");
  drawCurveAxes(svg, curveScales());
  const at = (point, i) => `${curve.x(point[0]).toFixed(1)} ${curve.y(point[i]).toFixed(1)}`;
  const up = data.prefixes.map((point) => at(point, 4)), down = [...data.prefixes].reverse().map((point) => at(point, 3));
  svg.append(make("path", { d: `M${[...up, ...down].join("L")}Z`, fill: "var(--positive)", "fill-opacity": 0.14 }));
  if (faithfulness !== undefined)
    svg.append(make("line", { x1: curve.left, x2: curve.width - curve.right, y1: curve.y(faithfulness), y2: curve.y(faithfulness),
      stroke: "var(--negative)", "stroke-dasharray": "5 4" }));
  svg.append(make("path", { d: `M${data.prefixes.map((point) => at(point, 2)).join("L")}`, fill: "none", stroke: "var(--positive)" }));
  for (const [n, kept, value, low, high] of data.prefixes) {
    const dot = make("circle", { cx: curve.x(n), cy: curve.y(value), r: 3.6, fill: "var(--positive)", "data-n": n, class: "dot" },
      make("title", {}, `${grouped(n)} strongest, ${grouped(kept)} after pruning: ${ratio(value)}, 95 % ${ratio(low)} to ${ratio(high)}`));
    if (n <= rows.length) {
      dot.style.cursor = "pointer";
      dot.addEventListener("click", () => setSize(n));
    }
    svg.append(dot);
  }
  curve.marker = make("line", { y1: curve.top, y2: curve.height - curve.bottom, stroke: "var(--chosen)", "stroke-width": 1.5 });
  svg.append(curve.marker);
  box.append(svg);
  $("curve-caption").textContent = `Each dot is measured: the ${unit} outside are cut all at once. Between dots nothing was measured; the line ` +
    "only joins them. The band is the 95 % interval over prompts" +
    (faithfulness === undefined ? "." : `, the dashed line the circuit as found (${ratio(faithfulness)}).`);
}

function markCurve(size) {
  if (!curve.marker) return;
  curve.marker.setAttribute("visibility", size === null || size < 1 ? "hidden" : "visible");
  curve.marker.setAttribute("x1", curve.x(size || 1));
  curve.marker.setAttribute("x2", curve.x(size || 1));
}

/* ---- heat maps ---- */

const shadeOf = (value, most) => (value === null || !most ? 0 : Math.min(1, Math.abs(value) / most));

function heatCell(x, y, width, height, value, most, title) {
  const cell = make("rect", { class: "cell", x, y, width, height, fill: value === null ? "none" : `var(--${value > 0 ? "positive" : "negative"})` });
  if (value === null) cell.setAttribute("style", "stroke:var(--line)");
  else cell.setAttribute("fill-opacity", Math.max(0.03, shadeOf(value, most)));
  cell.append(make("title", {}, title));
  return cell;
}

function heatBar(x, y, most) {
  const bar = make("g", {});
  for (let i = -5; i <= 5; i++) bar.append(heatCell(x + (i + 5) * 14, y, 14, 10, i * most / 5, most, ""));
  bar.append(words(x - 6, y + 9, signed(-most), { "text-anchor": "end", class: "quiet" }));
  bar.append(words(x + 160, y + 9, signed(most), { class: "quiet" }));
  return bar;
}

/* What the map can shade: the component's own effect, or the strongest edge that leaves or enters it. */
function mapChoices() {
  const choices = [];
  if (nodes.some((node) => node.effect !== null)) choices.push({ key: "node", label: "effect of the component" });
  if (isEdges) {
    choices.push({ key: "out", label: "strongest edge out of it" });
    for (const channel of ["q", "k", "v"]) choices.push({ key: channel, label: `strongest edge into its ${channel}` });
    choices.push({ key: "", label: "strongest edge into the MLP" });
  }
  return choices;
}

function mapValues(key) {
  const values = new Map();
  if (key === "node") {
    for (const node of nodes) if (node.effect !== null) values.set(node.name, node);
    return values;
  }
  for (const edge of rows) { /* strongest first */
    const ends = key === "out" ? [edge.from] : edge.channel === key ? writersBehind(edge.to) : [];
    for (const end of ends) if (edge.effect !== null && !values.has(end)) values.set(end, edge);
  }
  return values;
}

function drawMap(choose) {
  const model = data.model, key = $("map-of").value, values = mapValues(key);
  const size = model.n_heads > 40 ? 16 : model.n_heads > 16 ? 22 : 34, left = 66, top = 24;
  const nColumns = model.n_heads + (model.attn_only || model.d_mlp === 0 ? 0 : 1);
  const height = top + model.n_layers * size + 42;
  const svg = chart(Math.max(left + nColumns * size + 30, 330), height, "layers and heads");
  svg.setAttribute("style", "max-width:none");
  let most = 0;
  for (const item of values.values()) if (parseName(item.isEdge ? item.to : item.name).kind !== "input") most = Math.max(most, Math.abs(item.effect));
  const place = (column, layer) => [left + column * size + (column === model.n_heads ? 8 : 0), top + (model.n_layers - 1 - layer) * size];
  for (let column = 0; column < nColumns; column++)
    svg.append(words(place(column, 0)[0] + size / 2, top - 8, column === model.n_heads ? "MLP" : `h${column}`,
      { "text-anchor": "middle", class: "quiet", style: size < 20 ? "font-size:8px" : "" }));
  for (let layer = 0; layer < model.n_layers; layer++) {
    svg.append(words(left - 8, place(0, layer)[1] + size / 2 + 4, `layer ${layer}`, { "text-anchor": "end", class: "quiet" }));
    for (let column = 0; column < nColumns; column++) {
      const name = column === model.n_heads ? `m${layer}` : `a${layer}.h${column}`, item = values.get(name) || null;
      const title = name + (item ? `: ${signed(item.effect)}${item.isEdge ? `, ${arrow(item.name)}` : ""}` : ": nothing listed");
      const cell = heatCell(...place(column, layer), size, size, item ? item.effect : null, most, title);
      cell.setAttribute("data-name", name);
      cell.setAttribute("tabindex", "0");
      cell.setAttribute("role", "button");
      cell.setAttribute("aria-label", title);
      svg.append(cell);
    }
  }
  svg.append(heatBar(left + 60, height - 14, most));
  svg.addEventListener("click", (event) => choose(event.target.getAttribute("data-name")));
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(event.target.getAttribute("data-name"));
    }
  });
  $("map-chart").replaceChildren(svg);
  $("map-caption").textContent = key === "node"
    ? "Effects of replacing what a component writes, on the same scale to both sides."
    : `Of the ${grouped(rows.length)} edges listed here the strongest; empty: none is among them.`;
}

function startMap(choose) {
  const choices = isNeurons ? [] : mapChoices();
  if (choices.length === 0) {
    $("maps").hidden = true;
    return;
  }
  for (const choice of choices) $("map-of").append(make("option", { value: choice.key }, choice.label));
  $("map-of").addEventListener("change", () => drawMap(choose));
  drawMap(choose);
}

/* ---- positions ---- */

function drawPositions(choose) {
  if (!data.positions) return;
  const { columns: places, rows: all } = data.positions, MOST = 60;
  const peak = (row) => Math.max(0, ...row[1].map(Math.abs));
  const drawn = new Set([...all].sort((a, b) => peak(b) - peak(a)).slice(0, MOST));
  const list = all.filter((row) => drawn.has(row)).reverse(); /* upwards, as the figure */
  const most = Math.max(0, ...list.map(peak)), width = Math.max(34, Math.min(64, 900 / places.length));
  const left = 40 + 6.6 * Math.max(0, ...list.map((row) => row[0].length)), height = 18, top = 8;
  const bottom = top + list.length * height;
  const svg = chart(left + places.length * width + 20, bottom + 66, "effects by position");
  svg.setAttribute("style", "max-width:none");
  list.forEach(([name, effects], i) => {
    svg.append(words(left - 8, top + i * height + 13, arrow(name), { "text-anchor": "end" }));
    effects.forEach((effect, column) => {
      const place = places[column], title = `${arrow(name)} at ${place[0]}${place[1] === null ? "" : ` \u201c${place[1]}\u201d`}: ${signed(effect)}`;
      const cell = heatCell(left + column * width, top + i * height, width, height, effect === 0 ? null : effect, most, title);
      cell.setAttribute("data-name", name);
      svg.append(cell);
    });
  });
  places.forEach(([name, token, also], column) => {
    const x = left + (column + 0.5) * width;
    svg.append(words(x, bottom + 15, name, { "text-anchor": "middle" }));
    if (token !== null || also !== null)
      svg.append(words(x, bottom + 30, (token === null ? also : token.trim()).slice(0, 8), { "text-anchor": "middle", class: "quiet" }));
  });
  svg.append(heatBar(left + 60, bottom + 48, most));
  svg.addEventListener("click", (event) => choose(event.target.getAttribute("data-name")));
  $("positions-chart").append(svg);
  $("positions-caption").textContent = `The effect of each component where it is cut at one position alone` +
    (all.length > list.length ? `; the ${list.length} strongest of ${grouped(all.length)}.` : ".");
  $("positions").hidden = false;
}

/* ---- one component's prompts ---- */

function promptsOf(name) {
  const kept = data.prompts && data.prompts[name];
  return kept ? kept.slice(1).map((value) => value * kept[0]) : null;
}

/* A histogram, each prompt as a stroke below it; the mean and its interval above. */
function drawPrompts(item, values) {
  const width = 306, height = 128, left = 8, right = 8, top = 20, base = 92;
  const interval = intervalOf(item);
  const low = Math.min(0, ...values, ...(interval || [])), high = Math.max(0, ...values, ...(interval || []));
  const x = (value) => left + (width - left - right) * (high > low ? (value - low) / (high - low) : 0.5);
  const nBins = 24, bins = new Array(nBins).fill(0);
  for (const value of values) bins[Math.min(nBins - 1, Math.floor(nBins * (high > low ? (value - low) / (high - low) : 0.5)))]++;
  const most = Math.max(...bins), svg = chart(width, height, `effects on ${values.length} prompts, histogram`);
  bins.forEach((count, i) => {
    const middle = low + (i + 0.5) * (high - low) / nBins, step = (width - left - right) / nBins;
    if (count) svg.append(make("rect", { x: left + i * step + 0.5, y: base - (base - top) * count / most, width: step - 1, height: (base - top) * count / most,
      fill: `var(--${middle > 0 ? "positive" : "negative"})`, "fill-opacity": 0.55 }, make("title", {}, `${count} prompts`)));
  });
  for (const value of values) svg.append(make("line", { x1: x(value), x2: x(value), y1: base + 2, y2: base + 9, stroke: "var(--quiet)", "stroke-opacity": 0.5 }));
  svg.append(make("line", { class: "axis", x1: left, x2: width - right, y1: base, y2: base }));
  svg.append(make("line", { x1: x(0), x2: x(0), y1: top - 6, y2: base + 9, stroke: "var(--text)", "stroke-dasharray": "2 2" }));
  if (interval) svg.append(make("line", { x1: x(interval[0]), x2: x(interval[1]), y1: 8, y2: 8, stroke: "var(--text)", "stroke-width": 1.4 }));
  if (item.effect !== null) svg.append(make("circle", { cx: x(item.effect), cy: 8, r: 3.4, fill: "var(--text)" }));
  svg.append(words(left, height - 10, signed(low)), words(width - right, height - 10, signed(high), { "text-anchor": "end" }));
  if (x(0) > 60 && x(0) < width - 60) svg.append(words(x(0), height - 10, "0", { "text-anchor": "middle" }));
  return svg;
}

/* ---- attention ---- */

function attentionOf(head) {
  const example = data.example, bytes = example && example.heads[head];
  if (!bytes) return null;
  const list = [];
  for (let query = 0, i = 0; query < example.clean.length; query++) {
    list.push([]);
    for (let key = 0; key <= query; key++, i += 2) list[query].push(parseInt(bytes.slice(i, i + 2), 16) / 255);
  }
  return list;
}

function drawAttention(head, pattern) {
  const tokens = data.example.clean, n = tokens.length, longest = Math.min(9, Math.max(...tokens.map((token) => token.length)));
  const hasLabels = (306 - 10 - 6.3 * longest) / n >= 9, left = hasLabels ? 10 + 6.3 * longest : 2;
  const size = Math.max(4, (306 - left) / n), short = (token) => token.trim().slice(0, 9);
  const svg = chart(left + n * size + 2, n * size + left + 4, `attention of ${head}`);
  pattern.forEach((row, query) => {
    if (hasLabels) svg.append(words(left - 5, query * size + size / 2 + 3.5, short(tokens[query]), { "text-anchor": "end", style: `font-size:${Math.min(11, size - 1)}px` }));
    if (hasLabels) svg.append(words(left + query * size + size / 2 + 3, n * size + 6, short(tokens[query]),
      { transform: `rotate(-90 ${left + query * size + size / 2 + 3} ${n * size + 6})`, "text-anchor": "end", style: `font-size:${Math.min(11, size - 1)}px` }));
    row.forEach((weight, key) => svg.append(make("rect", { x: left + key * size, y: query * size, width: size - 0.6, height: size - 0.6,
      fill: "var(--chosen)", "fill-opacity": Math.max(0.04, weight) },
      make("title", {}, `from \u201c${tokens[query]}\u201d (${query}) to \u201c${tokens[key]}\u201d (${key}): ${weight.toFixed(2)}`))));
  });
  return svg;
}
