/* The panel that says all there is about what was chosen. */

function facts(pairs) {
  const list = make("dl", {});
  for (const [word, value] of pairs) if (value) list.append(make("dt", {}, word), make("dd", {}, value));
  return list;
}

function effectFacts(item) {
  if (item.effect === null) return facts([["effect", "not measured"]]);
  const interval = intervalOf(item), share = shareOf(item);
  return facts([
    [effectName, `${signed(item.effect)} \u00b1 ${fixed(item.error)}`],
    ["95 % interval", interval ? `${signed(interval[0])} to ${signed(interval[1])}` : ""],
    ["share", share === null ? "" : `${percent(share, 1)} of cutting everything`],
    ["p, all together", pWords(item.p)],
    ["chosen again", item.frequency === null ? "" : `in ${percent(item.frequency, 1)} of bootstraps over prompts`],
    ["prompts", grouped(item.n)],
    ["rank", item.rank ? `${grouped(item.rank)} of ${grouped(data.n)}` : ""],
    ["in the circuit", item.isIn ? "yes" : "no"],
    ["", item.untouched ? "it changed nothing on any prompt" : ""],
  ]);
}

function addPrompts(panel, item) {
  const values = promptsOf(item.name);
  if (!values) {
    const why = data.prompts ? "only the strongest components' are in this page" : "run.db was not there when this page was written";
    if (item.effect !== null) panel.append(make("h4", {}, `No effects of single prompts: ${why}.`));
    return;
  }
  const nLess = values.filter((value) => value < 0).length;
  panel.append(make("h4", {}, `On each of ${values.length} prompts: below 0 on ${nLess}`), drawPrompts(item, values));
}

function addAttention(panel, name) {
  const part = parseName(name);
  const heads = part.kind === "kv" ? writersBehind(name) : part.kind === "head" ? [boxOf(name)] : [];
  for (const head of heads) {
    const pattern = attentionOf(head);
    if (pattern) panel.append(make("h4", {}, `Attention of ${head} on prompt ${data.example.prompt + 1}, from rows to columns`), drawAttention(head, pattern));
    else if (heads.length === 1)
      panel.append(make("h4", {}, data.example ? `No attention pattern: only of the circuit's heads.` : "No attention pattern: run.db has no example prompt."));
  }
}

function addList(panel, title, list, choose) {
  const MOST = 12;
  if (list.length === 0) return;
  panel.append(make("h4", {}, `${title}: ${grouped(list.length)} listed` + (list.length > MOST ? `, the ${MOST} strongest` : "")));
  const items = make("ul", {});
  for (const edge of list.slice(0, MOST)) {
    const effect = make("span", { class: edge.effect > 0 ? "word-positive" : "word-negative" }, effectWords(edge));
    const button = make("button", { type: "button" }, make("span", {}, arrow(edge.name)), effect);
    button.addEventListener("click", () => choose(edge.name));
    items.append(make("li", {}, button));
  }
  panel.append(items);
}

function addEnds(panel, edge, choose) {
  const items = make("ul", {});
  for (const [word, name] of [["from", boxOf(edge.from)], ["to", boxOf(edge.to)]]) {
    const button = make("button", { type: "button" }, make("span", {}, `${word} ${name}`), make("span", {}, roleOf(name)));
    button.addEventListener("click", () => choose(name));
    items.append(make("li", {}, button));
  }
  panel.append(items);
}

function emptyDetail() {
  $("detail").replaceChildren(make("p", { class: "caption" },
    `Choose a box${isEdges ? " or an edge" : ""} in the figure, or a row of the table: its effect on every prompt, its interval` +
    " and, for a head, its attention on an example prompt."));
}

/* False if nothing is known by that name. */
function showDetail(name, choose) {
  const item = itemOf(name), panel = make("div", {});
  if (!item && !groupsOf.has(name)) return false;
  panel.append(make("h3", {}, arrow(name)));
  if (item && !item.isEdge && item.role) panel.append(make("p", { class: "caption" }, `${item.role} head`));
  if (item) panel.append(effectFacts(item));
  if (item && item.isEdge) addEnds(panel, item, choose);
  if (item) addPrompts(panel, item);
  addAttention(panel, item && item.isEdge ? item.to : name);
  if (!item || !item.isEdge) {
    addList(panel, "Edges out of it", rows.filter((row) => row.isEdge && row.from === name), choose);
    addList(panel, "Edges into it", rows.filter((row) => row.isEdge && boxOf(row.to) === name), choose);
  }
  $("detail").replaceChildren(panel);
  return true;
}

/* ---- the example, and where all comes from ---- */

function tokenList(tokens, others) {
  const line = make("div", { class: "tokens" });
  tokens.forEach((token, i) => line.append(make("span", others && others[i] !== token ? { class: "differs" } : {}, token)));
  return line;
}

function fillExample() {
  const example = data.example;
  if (!example) return;
  const add = (word, ...values) => $("example-text").append(make("dt", {}, word), make("dd", {}, ...values));
  $("example-title").textContent = `Prompt ${example.prompt + 1} of ${grouped(data.task.n)}`;
  add("clean", tokenList(example.clean, example.corrupted));
  add("corrupted", tokenList(example.corrupted, example.clean));
  for (const target of example.targets) {
    add(`answer behind token ${target.position}`, tokenList(target.answers));
    if (target.wrong.length) add("against", tokenList(target.wrong));
  }
  $("example").hidden = false;
}

function fillProvenance() {
  const flat = [["Patchclamp", data.version], ["model", data.model.name], ["model sha256", data.model.sha256],
    ["architecture", `${data.model.architecture}, ${data.model.n_layers} layers of ${data.model.n_heads} heads, d_model ${data.model.d_model}`],
    ["task", data.task.name], ["task sha256", data.task.sha256], ["prompts", grouped(data.task.n)], ["seed", String(data.task.seed)], ["split", data.task.split]];
  for (const [key, value] of Object.entries(data.options)) flat.push([key.replace(/_/g, " "), String(value)]);
  if (data.facts && data.facts.fingerprint) flat.push(["numeric fingerprint", data.facts.fingerprint]);
  for (const [group, numbers] of [["metric, ", data.baseline], ["evaluation, ", data.evaluation]])
    for (const [key, value] of Object.entries(numbers)) flat.push([group + key.replace(/_/g, " "), withMinus(String(value))]);
  for (const [key, value] of flat) if (value) $("facts").append(make("div", {}, make("span", {}, key), make("span", {}, value)));
  if (!data.facts) $("facts").append(make("div", {}, make("span", {}, "run.db"), make("span", {}, "was not there when this page was written: no effects of single prompts, no example, no command")));
  $("command").textContent = data.command || "";
  for (const id of ["command", "command-word", "copy"]) $(id).hidden = !data.command;
  $("copy").addEventListener("click", () => {
    const selection = getSelection();
    selection.selectAllChildren($("command"));
    if (navigator.clipboard) navigator.clipboard.writeText(data.command).catch(() => {});
  });
}
