"use strict";
const byId = (id) => document.getElementById(id);
const strips = JSON.parse(byId("data").textContent);
const svg = document.querySelector(".wide svg");
const { left, ms, lane: tall } = Object.fromEntries(Object.entries(svg.querySelector(".timeline").dataset).map(([name, text]) => [name, +text]));
const words = { Running: "runs", Ready: "is ready:", Blocked: "is blocked:", Lock: "waits for the GIL:", Parked: "is parked,", Idle: "is idle" };
const inMs = (micros) => `${(micros / 1000).toFixed(3)} ms`;
const jobOf = (name) => name.split(": ").pop();
const told = (name, state, label) => `${name} ${words[state]} ${state === "Idle" || label === jobOf(name) ? "" : label}`.replace(/:? $/, "");
let step = 0, zoom = 1;

// Each event is the beginning of a state: its time, the number of its lane, the state, and what it works at or waits for.
// The state of a lane ends with the lane's next event; `spans` has them by lane.
for (const [number, strip] of strips.entries()) {
  Object.assign(strip, document.querySelector(`[data-strip="${number}"]`).dataset);
  strip.end = Math.max(...strip.events.map(([at]) => at));
  strip.spans = strip.names.map(() => []);
  for (const [from, lane, state, label] of strip.events) {
    const last = strip.spans[lane].at(-1);
    if (last) last.to = from;
    strip.spans[lane].push({ from, to: strip.end, state, label });
  }
  // A lane that begins idle has changed nothing.
  strip.events = strip.events.filter(([at, , state]) => at > 0 || state !== "Idle");
  byId("strip").append(new Option(strip.title));
}
byId("strip").selectedIndex = Math.max(0, strips.findIndex(({ title }) => title.startsWith("event loop")));
byId("steps").hidden = false;
const xOf = (micros) => left + (micros / 1000) * ms;

function show(follows) {
  const { events, names, top, height } = strips[byId("strip").selectedIndex];
  step = Math.min(Math.max(step, 0), events.length - 1);
  const lanes = new Map();
  for (const event of events.slice(0, step + 1)) {
    lanes.delete(event[1]);
    lanes.set(event[1], event);
  }
  const later = (lane) => {
    const next = events.slice(step + 1).find((event) => event[1] === lane);
    return next ? `, until ${(next[0] / 1000).toFixed(1)} ms` : "";
  };
  const list = (state, word, more) => [...lanes.values()].filter((event) => event[2] === state && event[3].includes(word))
    .map(([, lane, , label]) => names[lane] + more(lane, label)).join("; ") || "empty";
  byId("queue").textContent = list("Ready", "", () => "");
  byId("timers").textContent = list("Parked", "point in time", later);
  byId("interest").textContent = list("Parked", "descriptor", (lane, label) => ` waits ${label}`);
  const [at, lane, state, label] = events[step];
  byId("event").textContent = `${inMs(at)} (${step + 1} of ${events.length}): ${told(names[lane], state, label)}`;
  const x = xOf(at);
  byId("cursor").innerHTML = `<path class="cursor" d="M${x} ${top}v${height}"/>`;
  if (follows) byId("cursor").firstChild.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// What is under the pointer. A poll may be thinner than a pixel, so what runs within two of them is found first.
function under(event) {
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const at = ((x - left) / ms) * 1000, near = 2000 / ms / zoom;
  for (const strip of strips) {
    const lane = Math.floor((y - strip.top) / tall);
    if (at < 0 || at > strip.end || lane < 0 || lane >= strip.spans.length) continue;
    const name = strip.names[lane], spans = strip.spans[lane];
    const span = spans.find(({ from, to, state }) => state === "Running" && from <= at + near && to >= at - near)
      ?? spans.find(({ from, to }) => from <= at && at < to);
    return span && { name, ...span };
  }
}

// Marks the job of a lane that is in a state, in all strips.
function mark(name, state, label) {
  const job = state === "Parked" || state === "Idle" ? jobOf(name) : label;
  let marks = "";
  for (const { names, spans, top } of strips) {
    for (const [lane, name] of names.entries()) {
      const parts = [];
      for (const { from, to, state, label } of spans[lane]) {
        if (state === "Idle" || (label !== job && jobOf(name) !== job)) continue;
        if (parts.at(-1)?.[1] === from) parts.at(-1)[1] = to;
        else parts.push([from, to]);
      }
      for (const [from, to] of parts) {
        const x = xOf(from), width = Math.max(xOf(to) - x, 1);
        marks += `M${x.toFixed(1)} ${+top + lane * tall + 1}h${width.toFixed(1)}v${tall - 2}h-${width.toFixed(1)}z`;
      }
    }
  }
  byId("marks").innerHTML = `<path class="marks" d="${marks}"/>`;
}

const move = (steps) => { step += steps; show(true); };
const scale = (factor) => {
  zoom = Math.min(Math.max(zoom * factor, 1), 16);
  svg.style.width = `${100 * zoom}%`;
  show(true);
};
const present = () => {
  const { events, names } = strips[byId("strip").selectedIndex], [, lane, state, label] = events[step];
  mark(names[lane], state, label);
};
const keys = { ArrowLeft: () => move(-1), ArrowRight: () => move(1), "+": () => scale(1.5), "-": () => scale(1 / 1.5), m: present };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
byId("strip").onchange = () => { step = 0; show(true); };
byId("back").onclick = () => move(-1);
byId("next").onclick = () => move(1);
byId("out").onclick = () => scale(1 / 1.5);
byId("in").onclick = () => scale(1.5);
byId("mark").onclick = present;
const hover = (event) => {
  const found = under(event), hint = byId("hint");
  hint.hidden = !found;
  if (!found) return;
  const { name, state, label, from, to } = found;
  hint.textContent = `${told(name, state, label)}; ${inMs(to - from)}, from ${inMs(from)}`;
  hint.style.left = `${Math.max(0, Math.min(event.clientX + 12, innerWidth - hint.offsetWidth - 8))}px`;
  hint.style.top = `${event.clientY + (event.clientY > innerHeight / 2 ? -hint.offsetHeight - 10 : 16)}px`;
};
svg.addEventListener("pointermove", hover);
svg.addEventListener("pointerleave", () => { byId("hint").hidden = true; });
svg.addEventListener("click", (event) => { hover(event); const { name, state, label } = under(event) ?? {}; mark(name, state, label); });
show();
