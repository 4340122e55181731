/* The figure: which of its edges and boxes show, and what the pointer and the keys do on it. */

const drawing = $("drawing");
const groupsOf = new Map();
for (const group of drawing.querySelectorAll("g[data-of]")) {
  const name = group.getAttribute("data-of");
  if (!groupsOf.has(name)) groupsOf.set(name, []);
  groupsOf.get(name).push(group);
}
const drawnEdges = rows.filter((row) => row.isEdge && groupsOf.has(row.name));
const boxes = [...groupsOf.keys()].filter((name) => !name.includes("->"));

/* ---- what shows ---- */

function setClass(name, word, isOn) {
  for (const group of groupsOf.get(name) || []) group.classList.toggle(word, isOn);
}

/* `shown` are the components in view, `passing` those that the filters let pass. */
function updateDrawing(shown, passing) {
  const used = new Set();
  for (const edge of drawnEdges) {
    const isShown = shown.has(edge.name);
    setClass(edge.name, "off", !isShown);
    setClass(edge.name, "dim", isShown && !passing.has(edge.name));
    if (!isShown) continue;
    used.add(edge.from).add(boxOf(edge.to));
  }
  for (const name of boxes) {
    if (isEdges) {
      setClass(name, "ghost", !used.has(name));
      continue;
    }
    setClass(name, "in", shown.has(name));
    setClass(name, "out", !shown.has(name));
    setClass(name, "dim", rowOf.has(name) && !passing.has(name));
  }
}

function markChosen(name, isChosen) {
  setClass(name, "chosen", isChosen);
}

/* ---- pointer and keys ---- */

const tip = $("tip");

function showTip(words, x, y) {
  tip.textContent = words;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 6))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18}px`;
}
const hideTip = () => { tip.hidden = true; };

function tipWords(name) {
  const item = itemOf(name);
  if (!item) return name;
  const lines = [arrow(name) + (item.role ? `, ${item.role}` : "")];
  const interval = intervalOf(item), share = shareOf(item);
  if (item.effect !== null) lines.push(`${signed(item.effect)} \u00b1 ${fixed(item.error)}`);
  if (interval) lines.push(`95 %: ${signed(interval[0])} to ${signed(interval[1])}`);
  if (share !== null) lines.push(`${percent(share, 1)} of cutting everything`);
  if (item.untouched) lines.push("it changed nothing on any prompt");
  return lines.join("\n");
}

function emphasise(name, isOn) {
  drawing.classList.toggle("hovering", isOn);
  for (const edge of drawnEdges)
    setClass(edge.name, "near", isOn && (edge.name === name || edge.from === name || boxOf(edge.to) === name));
}

function nameAt(target) {
  const group = target.closest && target.closest("g[data-of]");
  return group ? group.getAttribute("data-of") : null;
}

function watchDrawing(choose) {
  let over = null;
  drawing.addEventListener("pointermove", (event) => {
    const name = nameAt(event.target);
    if (name !== over) emphasise(name, name !== null);
    over = name;
    if (name) showTip(tipWords(name), event.clientX, event.clientY);
    else hideTip();
  });
  drawing.addEventListener("pointerleave", () => {
    over = null;
    emphasise(null, false);
    hideTip();
  });
  drawing.addEventListener("click", (event) => choose(nameAt(event.target)));
  drawing.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(nameAt(event.target));
  });
}

/* Thin curves get a wide invisible one to be hit by; labels get the rank of the whole table. */
function prepareDrawing() {
  const hasRanks = drawnEdges.length > 0 && [...drawing.querySelectorAll(".label + text")].every((t) => /^\d+$/.test(t.textContent));
  for (const edge of drawnEdges)
    for (const group of groupsOf.get(edge.name)) {
      group.classList.add("edge-of");
      const path = group.querySelector(".edge");
      if (path) group.append(make("path", { class: "hit", d: path.getAttribute("d") }));
      const label = group.querySelector("text");
      if (label && hasRanks) label.textContent = String(edge.rank);
    }
  for (const name of boxes)
    for (const group of groupsOf.get(name)) {
      const node = nodeOf.get(name);
      group.setAttribute("tabindex", "0");
      group.setAttribute("role", "button");
      group.setAttribute("aria-label", node && node.effect !== null ? `${name}, effect ${effectWords(node)}` : name);
    }
  const natural = drawing.viewBox.baseVal.width;
  drawing.style.maxWidth = `${Math.round(1.35 * natural)}px`;
  const fit = () => $("canvas").classList.toggle("fits", natural <= $("canvas").clientWidth * (innerWidth > 700 ? 1.6 : 1.25));
  addEventListener("resize", fit);
  fit();
}

/* ---- legend and caption ---- */

function sample(colour, width, dash) {
  const line = make("line", { x1: 1, y1: 6, x2: 31, y2: 6, stroke: `var(--${colour})`, "stroke-width": width });
  if (dash) line.setAttribute("stroke-dasharray", dash);
  return make("svg", { width: 32, height: 12, "aria-hidden": "true" }, line);
}

function fillLegend() {
  const add = (picture, words) => $("legend").append(make("li", {}, picture, words));
  const box = (fill, opacity, stroke) => make("svg", { width: 16, height: 12, "aria-hidden": "true" },
    make("rect", { x: 1, y: 1, width: 14, height: 10, rx: 3, fill: `var(--${fill})`, "fill-opacity": opacity, stroke: `var(--${stroke})` }));
  if (isEdges) {
    const strongest = Math.abs(rows[0].effect || 0);
    add(sample("positive", 3), "raises the metric");
    add(sample("negative", 3), "lowers the metric");
    if (strongest > 0) add(sample("quiet", 6), `|effect| ${fixed(strongest)}`);
    if (strongest > 0) add(sample("quiet", 0.7 + 5.3 / 4), fixed(strongest / 4));
    add(sample("quiet", 2, "6.8 3.8"), "into a query (q)");
    add(sample("quiet", 2), "into a key (k), MLP or logits");
    add(sample("quiet", 2, "1.8 2.4"), "into a value (v)");
    add(box("paper", 1, "pruned"), "no edge in view");
    if (nodes.some((node) => node.effect)) add(box("positive", 0.3, "box-line"), "shade: the component's own effect");
  } else {
    add(box("positive", 0.8, "pruned"), "raises the metric");
    add(box("negative", 0.8, "pruned"), "lowers the metric");
    add(box("paper", 1, "box-line"), "dark outline: in view");
  }
}

function updateCaption(shown) {
  const strength = rows.filter((row) => shown.has(row.name)).reduce((sum, row) => sum + Math.abs(row.effect || 0), 0);
  const words = [`${grouped(shown.size)} of ${grouped(data.n)} ${unit}`];
  if (data.sum > 0) words.push(`${percent(strength / data.sum, 1)} of the summed |effect| of all`);
  const nDrawn = isEdges ? drawnEdges.filter((edge) => shown.has(edge.name)).length : shown.size;
  let note = "";
  if (nDrawn < shown.size) note = ` ${grouped(nDrawn)} of them have a place in the figure; the table has the others.`;
  $("caption").textContent = `In view: ${words.join(", ")}.${note}${isEdges ? " Edges run upwards." : ""}`;
}
