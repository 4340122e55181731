/* The ranked table: filters, sorting, and rows that are made as they come into view. */

const filters = { search: [], layer: "", role: "", channels: new Set(["q", "k", "v", ""]) };
const sorting = { key: "rank", isDown: false };
const CHUNK = 120;
let listedRows = rows, matching = new Set(), nMade = 0, chosenName = null;

/* ---- filters ---- */

const endsOf = (row) => (row.isEdge ? [row.from, row.to] : [row.name]);

function matches(row) {
  const ends = endsOf(row);
  if (filters.layer !== "" && !ends.some((end) => String(parseName(end).layer) === filters.layer)) return false;
  if (filters.role !== "" && !ends.some((end) => roleOf(end) === filters.role)) return false;
  if (row.isEdge && !filters.channels.has(row.channel)) return false;
  const words = `${row.name} ${arrow(row.name)} ${ends.map(roleOf).join(" ")}`.toLowerCase();
  return filters.search.every((word) => words.includes(word));
}

function hasFilters() {
  return filters.search.length > 0 || filters.layer !== "" || filters.role !== "" || filters.channels.size < 4;
}

function fillFilters() {
  const roles = [...new Set(nodes.map((node) => node.role).filter(Boolean))].sort();
  for (let layer = 0; layer < data.model.n_layers; layer++) $("layer").append(make("option", { value: layer }, String(layer)));
  for (const role of roles) $("role").append(make("option", { value: role }, role));
  $("role").parentElement.hidden = roles.length === 0;
  $("channels").hidden = !isEdges;
}

function watchFilters(update) {
  const read = () => {
    filters.search = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    filters.layer = $("layer").value;
    filters.role = $("role").value;
    filters.channels = new Set([...$("channels").querySelectorAll(":checked")].map((box) => box.value));
    update();
  };
  for (const id of ["search", "layer", "role", "channels"]) $(id).addEventListener("input", read);
  $("clear-filters").addEventListener("click", () => {
    for (const id of ["search", "layer", "role"]) $(id).value = "";
    for (const box of $("channels").querySelectorAll("input")) box.checked = true;
    read();
  });
}

/* ---- columns ---- */

const largest = rows.reduce((most, row) => Math.max(most, Math.abs(row.effect || 0)), 0);
const hasInterval = rows.some((row) => intervalOf(row));

function barOf(row) {
  const box = make("span", { class: "bar-box", "aria-hidden": "true" });
  if (!row.effect || !largest) return box;
  const bar = make("span", { class: "bar" });
  bar.style.width = `${100 * Math.abs(row.effect) / largest}%`;
  bar.style.background = `var(--${row.effect > 0 ? "positive" : "negative"})`;
  box.append(bar);
  return box;
}

function intervalWords(row) {
  const interval = intervalOf(row);
  return interval ? `${signed(interval[0])} to ${signed(interval[1])}` : "";
}

const shareWords = (row) => (shareOf(row) === null ? "" : percent(shareOf(row), 1));
const last = (value) => (value === null ? Infinity : value);

const columns = [
  { key: "rank", head: "#", cell: (row) => String(row.rank), value: (row) => row.rank },
  { key: "name", head: isEdges ? "edge" : "component", cell: (row) => arrow(row.name), isLeft: true,
    value: (row) => (row.isEdge ? orderOf(row.to) * 1e3 + orderOf(row.from) / 1e9 : orderOf(row.name)) },
  { key: "role", head: "role", cell: (row) => [...new Set(endsOf(row).map(roleOf).filter(Boolean))].join(", "), isLeft: true,
    value: (row) => endsOf(row).map(roleOf).filter(Boolean)[0] || "\uffff", isThere: nodes.some((node) => node.role) },
  { key: "effect", head: effectName, cell: effectWords, value: (row) => last(row.effect), isSigned: true },
  { key: "bar", head: "", cell: barOf },
  { key: "error", head: "s.e.", cell: (row) => (row.effect === null ? "" : fixed(row.error)), value: (row) => row.error },
  { key: "interval", head: "95 % interval", cell: intervalWords, isThere: hasInterval },
  { key: "share", head: "share", cell: shareWords, value: (row) => last(shareOf(row)), isThere: data.share !== undefined },
  { key: "p", head: "p", cell: (row) => pWords(row.p), value: (row) => row.p || Infinity, isThere: rows.some((row) => row.p) },
  { key: "again", head: "chosen again", cell: (row) => (row.frequency === null ? "" : percent(row.frequency, 0)), value: (row) => -last(row.frequency),
    isThere: rows.some((row) => row.frequency !== null) },
  { key: "n", head: "n", cell: (row) => grouped(row.n), value: (row) => row.n, isThere: rows.some((row) => row.n !== data.task.n) },
  { key: "in", head: "found", cell: (row) => (row.isIn ? "\u25cf" : ""), value: (row) => (row.isIn ? 0 : 1) },
].filter((column) => column.isThere !== false);

function fillHead(update) {
  for (const column of columns) {
    const head = make("th", { scope: "col", "data-key": column.key });
    if (column.isLeft) head.classList.add("left");
    if (column.value) {
      const button = make("button", { type: "button" }, column.head);
      button.addEventListener("click", () => {
        sorting.isDown = sorting.key === column.key && !sorting.isDown;
        sorting.key = column.key;
        update();
      });
      head.append(button);
    } else {
      head.style.padding = "0.45rem 0.7rem";
      head.append(column.head);
    }
    $("table").tHead.rows[0].append(head);
  }
}

/* ---- rows ---- */

function makeRow(row) {
  const line = make("tr", { tabindex: "-1", "data-name": row.name });
  for (const column of columns) {
    const cell = make("td", {}, column.cell(row));
    if (column.isLeft) cell.classList.add("left");
    if (column.isSigned && row.effect) cell.classList.add(row.effect > 0 ? "word-positive" : "word-negative");
    line.append(cell);
  }
  line.classList.toggle("away", !view.shown.has(row.name));
  line.classList.toggle("chosen", row.name === chosenName);
  return line;
}

function makeMore() {
  const part = document.createDocumentFragment();
  for (const row of listedRows.slice(nMade, nMade + CHUNK)) part.append(makeRow(row));
  nMade = Math.min(nMade + CHUNK, listedRows.length);
  $("table").tBodies[0].append(part);
}

function compareBy(column) {
  const sign = sorting.isDown ? -1 : 1;
  return (a, b) => {
    const x = column.value(a), y = column.value(b);
    return x < y ? -sign : x > y ? sign : a.rank - b.rank;
  };
}

function countWords() {
  const unlisted = data.n - rows.length;
  const words = [`${grouped(listedRows.length)} of ${grouped(data.n)} ${unit}`];
  words.push(hasFilters() ? " pass the filters." : " are listed, the strongest first; grey ones are not in view.");
  if (unlisted > 0)
    words.push(` ${grouped(unlisted)} weaker ones are not in this page` +
      (data.n_in > data.n_listed_in ? `, ${grouped(data.n_in - data.n_listed_in)} of them in the circuit` : "") +
      ": scores.csv and run.db have them.");
  return words.join("");
}

function updateTable() {
  const column = columns.find((one) => one.key === sorting.key);
  listedRows = rows.filter(matches).sort(compareBy(column));
  matching = new Set(listedRows.map((row) => row.name));
  for (const head of $("table").tHead.rows[0].cells) {
    if (head.dataset.key === sorting.key) head.setAttribute("aria-sort", sorting.isDown ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  $("table").tBodies[0].replaceChildren();
  nMade = 0;
  makeMore();
  const first = $("table").tBodies[0].rows[0];
  if (first) first.tabIndex = 0;
  $("table").setAttribute("aria-rowcount", String(listedRows.length + 1));
  $("ranking-count").textContent = countWords();
}

/* Which of the rows there are now are in view, without making them anew. */
function updateRowsInView() {
  for (const line of $("table").tBodies[0].rows) line.classList.toggle("away", !view.shown.has(line.dataset.name));
}

function markChosenRow(name) {
  chosenName = name;
  for (const line of $("table").tBodies[0].rows) line.classList.toggle("chosen", line.dataset.name === name);
}

function moveTo(line) {
  if (!line) return;
  for (const other of $("table").tBodies[0].rows) other.tabIndex = -1;
  line.tabIndex = 0;
  line.focus();
}

function watchTable(choose) {
  const box = $("table-box"), body = $("table").tBodies[0];
  box.addEventListener("scroll", () => {
    if (nMade < listedRows.length && box.scrollTop + box.clientHeight > box.scrollHeight - 600) makeMore();
  });
  body.addEventListener("click", (event) => {
    const line = event.target.closest("tr");
    if (line) choose(line.dataset.name);
  });
  body.addEventListener("keydown", (event) => {
    const line = event.target.closest("tr");
    if (!line) return;
    if (event.key === "ArrowDown" && !line.nextElementSibling) makeMore();
    if (event.key === "ArrowDown") moveTo(line.nextElementSibling);
    else if (event.key === "ArrowUp") moveTo(line.previousElementSibling);
    else if (event.key === "Home") moveTo(body.rows[0]);
    else if (event.key === "Enter" || event.key === " ") choose(line.dataset.name);
    else return;
    event.preventDefault();
  });
}
