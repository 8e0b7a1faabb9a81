const byId = (id) => document.getElementById(id);
const svg = document.querySelector(".wide svg");
const [left, ms, tall] = ["left", "ms", "lane"].map((name) => +svg.querySelector(".timeline").dataset[name]);
const xOf = (micros) => left + (micros / 1000) * ms;
const inMs = (micros) => `${(micros / 1000).toFixed(3)} ms`;

// The states of all lanes of each strip, in the order in which they begin. A lane that has one job has it in its name.
const strips = JSON.parse(byId("data").textContent).map((spans, number) => {
  const group = svg.querySelector(`[data-strip="${number}"]`), top = +group.dataset.top;
  const [title, ...names] = [...group.querySelectorAll("g > text:first-of-type")].map((text) => text.textContent);
  return spans.map(([lane, from, to, state, label]) => {
    const name = names[lane], job = name.split(": ")[1] ?? (label || name);
    const tells = `${name}: ${byId(`says-${state}`).textContent}${label && ` (${label})`}`;
    return { group, title, from, to, state, label, name, job, tells, number, y: top + tall * lane };
  });
});
const all = strips.flat();
let present = all.find(({ title }) => title.startsWith("event loop")) ?? all[0];

// Goes to the beginning of a state, and marks its job in all strips. A loop and its task change at one instant.
function go(span) {
  present = span;
  const { group, title, number, from } = present, strip = strips[number], step = strip.indexOf(present);
  const last = new Map(strip.filter((span) => span.from <= from).map((span) => [span.y, span]));
  const now = [...last.values()].sort((one, other) => one.from - other.from);
  const list = (id, wanted, word, more) => {
    const found = now.filter(({ state, label }) => state === wanted && label.includes(word));
    byId(id).textContent = found.map((span) => span.name + more(span)).join("; ") || "empty";
  };
  list("queue", "Ready", "", () => "");
  list("timers", "Parked", "point in time", ({ to }) => `, until ${inMs(to)}`);
  list("interest", "Parked", "descriptor", ({ label }) => ` waits ${label}`);
  byId("event").textContent = `${title.split(":")[0]}, event ${step + 1} of ${strip.length}, at ${inMs(from)}: ${present.tells}`;
  const same = all.filter(({ state, job }) => state !== "Idle" && job === present.job);
  const lines = same.map(({ from, to, y }) => `M${xOf(from)} ${y + 1}H${Math.max(xOf(to), xOf(from) + 1)}m0 ${tall - 2}H${xOf(from)}`);
  byId("marks").innerHTML = `<path class="mark" d="${lines.join("")}"/>
    <path class="mark" d="M${xOf(from)} ${group.dataset.top}v${group.dataset.height}"/>`;
}

function move(steps) {
  const strip = strips[present.number];
  go(strip[strip.indexOf(present) + steps] ?? present);
  byId("marks").lastChild.scrollIntoView({ block: "center", inline: "nearest" });
}

// Finds what is under the pointer. A poll may be thinner than a pixel, so what runs within two of them is found first.
function under({ clientX, clientY }) {
  const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
  const at = ((x - left) / ms) * 1000, near = 2000 / ms, lane = all.filter((span) => span.y <= y && y < span.y + tall);
  return lane.find(({ from, to, state }) => state === "Running" && from <= at + near && to >= at - near)
    ?? lane.find(({ from, to }) => from <= at && at < to);
}

const keys = { ArrowLeft: () => move(-1), ArrowRight: () => move(1) };
addEventListener("keydown", ({ key, ctrlKey, altKey, metaKey }) => {
  if (!ctrlKey && !altKey && !metaKey) keys[key]?.();
});
for (const button of document.querySelectorAll("button")) button.onclick = keys[button.value];
svg.onclick = (event) => go(under(event) ?? present);
svg.onpointermove = (event) => {
  const span = under(event);
  if (span) byId("hint").textContent = `${span.tells}; ${inMs(span.to - span.from)}, from ${inMs(span.from)}`;
};
byId("steps").hidden = false;
go(present);
