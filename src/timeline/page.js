"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const words = { Running: "runs", Ready: "is ready", Blocked: "is blocked:", Lock: "waits for the GIL:", Parked: "is parked,", Idle: "is idle" };
let step = 0, zoom = 1;
for (const { title } of data.strips) byId("strip").append(new Option(title));
byId("strip").selectedIndex = Math.max(0, data.strips.findIndex(({ title }) => title.startsWith("event loop")));
byId("steps").hidden = false;

// Each event is the beginning of a state: its time, the number of its lane, the state, and what it works at or waits for.
function show() {
  const strip = byId("strip").selectedIndex;
  const { events, names } = data.strips[strip];
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
  byId("event").textContent =
    `${(at / 1000).toFixed(3)} ms (${step + 1} of ${events.length}): ${names[lane]} ${words[state]} ${label}`;
  const { top, height } = document.querySelector(`[data-strip="${strip}"]`).dataset;
  const x = data.left + (data.plot * at) / data.longest;
  byId("cursor").innerHTML = `<path class="cursor" d="M${x} ${top}v${height}"/>`;
  const wide = document.querySelector(".wide"), place = (x / 1180) * wide.scrollWidth;
  if (place < wide.scrollLeft || place > wide.scrollLeft + wide.clientWidth) wide.scrollLeft = place - wide.clientWidth / 2;
}

const move = (steps) => { step += steps; show(); };
const scale = (factor) => {
  zoom = Math.min(Math.max(zoom * factor, 1), 16);
  document.querySelector(".timeline").style.width = `${100 * zoom}%`;
  show();
};
const mark = (job) => {
  for (const bar of document.querySelectorAll("[data-job]")) bar.classList.toggle("marked", bar.dataset.job === job);
};
const present = () => {
  const { events, names } = data.strips[byId("strip").selectedIndex];
  mark(names[events[step][1]].split(": ").pop());
};
const keys = { ArrowLeft: () => move(-1), ArrowRight: () => move(1), "+": () => scale(1.5), "-": () => scale(1 / 1.5), m: present };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
byId("strip").onchange = () => { step = 0; show(); };
byId("back").onclick = () => move(-1);
byId("next").onclick = () => move(1);
byId("out").onclick = () => scale(1 / 1.5);
byId("in").onclick = () => scale(1.5);
byId("mark").onclick = present;
document.querySelector(".timeline").addEventListener("click", (event) => mark(event.target.closest("[data-job]:not([data-job=''])")?.dataset.job));
show();
