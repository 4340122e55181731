/* What the page is about: the data, read once; names, numbers as words, and which components a size keeps. */

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const svgSpace = document.querySelector("svg").namespaceURI;

/* An element with attributes, classes and children; words are always text, never markup. */
function make(tag, attributes, ...children) {
  const isDrawn = ["svg", "g", "rect", "path", "line", "circle", "text", "title"].includes(tag);
  const element = isDrawn ? document.createElementNS(svgSpace, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/* ---- names ---- */

/* "a3.h1<k>", "a3.kv0<v>", "m2", "m2.n17", "input", "logits" */
function parseName(name) {
  const match = /^(?:a(\d+)\.(h|kv)(\d+)(?:<([qkv])>)?|m(\d+)(?:\.n(\d+))?)$/.exec(name);
  if (!match) return { kind: name, layer: name === "input" ? -1 : data.model.n_layers, index: 0, channel: "" };
  if (match[5] !== undefined)
    return { kind: match[6] === undefined ? "mlp" : "neuron", layer: +match[5], index: +(match[6] || 0), channel: "" };
  return { kind: match[2] === "h" ? "head" : "kv", layer: +match[1], index: +match[3], channel: match[4] || "" };
}

/* The box that a reader or writer is drawn in: without channel, a neuron's MLP. */
const boxOf = (name) => name.replace(/<.>$/, "").replace(/\.n\d+$/, "");

/* Component order as a number: by layer, in it KV heads, heads, MLP. */
function orderOf(name) {
  const part = parseName(name);
  const kinds = { kv: 0, head: 1, mlp: 2, neuron: 3 };
  return (part.layer + 1) * 4e8 + (kinds[part.kind] || 0) * 1e8 + part.index;
}

/* The heads that read through a reader; the writer that an MLP's or a head's output is. */
function writersBehind(reader) {
  const part = parseName(reader);
  if (part.kind !== "kv") return part.kind === "logits" ? [] : [boxOf(reader)];
  const group = data.model.n_heads / data.model.n_kv_heads;
  return Array.from({ length: group }, (_, i) => `a${part.layer}.h${part.index * group + i}`);
}

/* ---- components ---- */

function readNode([name, role, effect, error, isIn, p, n, untouched, frequency]) {
  return { name, frequency, role, effect, error, isIn: isIn === 1, p, n: n || data.task.n, untouched: untouched === 1, part: parseName(name) };
}

function readEdge([from, to, effect, error, isIn, p, n, untouched, frequency]) {
  return {
    frequency, name: `${from}->${to}`, from, to, effect, error, isIn: isIn === 1, p, n: n || data.task.n, untouched: untouched === 1,
    channel: parseName(to).channel, isEdge: true,
  };
}

const nodes = data.nodes.map(readNode);
const nodeOf = new Map(nodes.map((node) => [node.name, node]));
const isEdges = data.edges.length > 0;
/* The rows of the ranking, strongest first: edges, or where there are none, what was measured of the nodes. */
const rows = isEdges ? data.edges.map(readEdge) : nodes.filter((node) => node.effect !== null);
rows.forEach((row, i) => { row.rank = i + 1; });
const rowOf = new Map(rows.map((row) => [row.name, row]));
const isNeurons = !isEdges && nodes.some((node) => node.part.kind === "neuron");
const unit = isEdges ? "edges" : isNeurons ? "neurons" : "nodes";
const roleOf = (name) => (nodeOf.get(boxOf(name)) || {}).role || "";
const itemOf = (name) => rowOf.get(name) || nodeOf.get(name);

/* ---- numbers as words ---- */

const minus = "\u2212";
const withMinus = (words) => words.replace(/-/g, minus);
const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

/* As on the figure: what would read as 0 gets up to two more decimals, and then a power of ten. */
function fixed(value) {
  let decimals = data.decimals;
  while (value !== 0 && decimals <= data.decimals + 2 && Math.abs(value) < 0.5 * 10 ** -decimals) decimals++;
  return withMinus(decimals > data.decimals + 2 ? value.toExponential(0) : value.toFixed(decimals));
}
const signed = (value) => (value > 0 ? "+" : "") + fixed(value);
const percent = (value, decimals) => withMinus((100 * value).toFixed(decimals)) + " %";
/* What the numbers are: measured, or estimates by gradients. */
const effectName = data.options.effects === "estimate" ? "estimate" : "effect";
const effectWords = (row) => (row.effect === null ? "not measured" : signed(row.effect));
const ratio = (value) => withMinus(value.toFixed(3));
const arrow = (name) => name.replace("->", " \u2192 ");
const pWords = (p) => (p === 0 ? "" : p < 0.0005 ? withMinus(p.toExponential(0)) : p.toFixed(3));

/* The 95 % interval of an effect: mean and so many standard errors to either side. */
function intervalOf(row) {
  const reach = data.t[row.n];
  if (row.effect === null || reach === undefined) return null;
  return [row.effect - reach * row.error, row.effect + reach * row.error];
}
const shareOf = (row) => (data.share === undefined || row.effect === null ? null : row.effect * data.share);

/* ---- what a size keeps ---- */

/* Writers as numbers, the input first: a slider that is dragged asks for thousands of edges at every step. */
const numberOf = new Map([["input", 0]]);
function writerNumber(name) {
  if (!numberOf.has(name)) numberOf.set(name, numberOf.size);
  return numberOf.get(name);
}
for (const row of rows) {
  if (!row.isEdge) continue;
  row.writer = writerNumber(row.from);
  row.behind = writersBehind(row.to).map(writerNumber);
}

/* Of edges: those that lead from the input to the logits through others that are kept, as the search prunes. */
function pruned(list) {
  if (!isEdges) return list;
  let kept = list;
  for (;;) {
    const isEntered = new Uint8Array(numberOf.size), isLeft = new Uint8Array(numberOf.size);
    isEntered[0] = 1;
    for (const edge of kept) {
      isLeft[edge.writer] = 1;
      for (const writer of edge.behind) isEntered[writer] = 1;
    }
    const leads = (edge) => edge.to === "logits" || edge.behind.some((writer) => isLeft[writer]);
    const next = kept.filter((edge) => isEntered[edge.writer] && leads(edge));
    if (next.length === kept.length) return kept;
    kept = next;
  }
}

const asFound = rows.filter((row) => row.isIn);

/* How many of the strongest, pruned, are the circuit as it was found; null where it is no such prefix. */
function sizeAsFound() {
  const size = asFound.reduce((most, row) => Math.max(most, row.rank), 0);
  const same = pruned(rows.slice(0, size));
  return data.n_in === asFound.length && same.length === asFound.length && same.every((row) => row.isIn) ? size : null;
}

/* What was measured of the first n: {at} that size, or the sizes {below} and {above} it. */
function measuredAt(n) {
  const points = data.prefixes.map(([size, kept, value, low, high]) => ({ n: size, kept, value, low, high }));
  return {
    at: points.find((point) => point.n === n) || null,
    below: points.filter((point) => point.n < n).pop() || null,
    above: points.find((point) => point.n > n) || null,
  };
}
