"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
let strip = Math.max(0, data.strips.findIndex(({ events }) => events.some((event) => event[1] === "poll")));
let step = 0;
byId("steps").hidden = false;

// Everything that happened up to the present step, told again from the beginning: events are few.
function show() {
  const { events, names } = data.strips[strip];
  step = Math.min(Math.max(step, 0), events.length - 1);
  let queue = [];
  const waits = new Map();
  for (const [, kind, row, more] of events.slice(0, step + 1)) {
    const name = names[row];
    if (kind === "wake") queue.push(name), waits.delete(name);
    if (kind === "poll") queue.splice(Math.max(queue.indexOf(name), 0), 1), waits.set(name, more);
    if (kind === "end") waits.delete(name);
  }
  const due = (name) => events.slice(step + 1).find((event) => event[1] === "wake" && names[event[2]] === name);
  const list = (word) => [...waits].filter(([, more]) => more.includes(word));
  const later = (name) => { const event = due(name); return event ? `, woken at ${(event[0] / 1000).toFixed(1)} ms` : ""; };
  byId("queue").textContent = queue.join(", ") || "empty";
  byId("timers").textContent = list("point in time").map(([name]) => name + later(name)).join("; ") || "empty";
  byId("interest").textContent = list("descriptor").map(([name, more]) => `${name} ${more}`).join("; ") || "empty";
  const [at, kind, row, more] = events[step];
  const words = { wake: "is woken", poll: "is polled, then waits", spawn: "is spawned", end: "is done",
    select: "asks the selector", back: "is back from the selector:", state: "" }[kind];
  byId("event").textContent = `${(at / 1000).toFixed(3)} ms (${step + 1} of ${events.length}): ${names[row]} ${words} ${more}`;
  const group = document.querySelector(`[data-strip="${strip}"]`);
  const x = data.left + (data.plot * at) / data.longest;
  const { top, height } = group.dataset;
  byId("cursor").innerHTML = `<path class="cursor" d="M${x} ${top}v${height}"/>`;
}

function move(steps, strips) {
  if (strips) { strip = (strip + strips + data.strips.length) % data.strips.length; step = 0; }
  step += steps;
  show();
}
const keys = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let zoom = 1;
function scale(factor) {
  zoom = Math.min(Math.max(zoom * factor, 1), 16);
  document.querySelector(".timeline").style.width = `${100 * zoom}%`;
}
addEventListener("keydown", (event) => {
  if (event.key === "+") scale(1.5);
  if (event.key === "-") scale(1 / 1.5);
  if (keys[event.key]) { event.preventDefault(); move(...keys[event.key]); }
});
byId("back").onclick = () => move(-1, 0);
byId("next").onclick = () => move(1, 0);
addEventListener("click", (event) => {
  const clicked = event.target.closest("[data-job]");
  const job = clicked && clicked.dataset.job;
  for (const bar of document.querySelectorAll("[data-job]")) bar.classList.toggle("marked", bar.dataset.job === job);
});
show();
