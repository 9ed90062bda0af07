"use strict";

// The page of the inbox. Everything that comes from a mail is put into the
// document as text; its HTML is shown only in the sandboxed frame.
const PAGE = 100;
const POLL_MS = 2000;
const $ = (id) => document.getElementById(id);

let rows = [];      // summaries shown, newest first
let chosen = "";    // id of the open message
let etag = "";
let tab = "html";
let older = false;  // more pages were asked for: do not throw them away

function query(extra) {
  const params = new URLSearchParams({ view: "summary", limit: String(PAGE), ...extra });
  const q = $("search").value.trim();
  if (q) params.set("q", q);
  return "/api/messages?" + params;
}

async function call(url, options) {
  const answer = await fetch(url, options);
  if (!answer.ok && answer.status !== 304) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail || answer.statusText);
  }
  return answer;
}

let latest = 0;
async function refresh(force) {
  const turn = ++latest;
  try {
    const answer = await call(query(), { cache: "no-store", headers: force || !etag ? {} : { "If-None-Match": etag } });
    if (turn !== latest) return; // a newer search is under way
    report("");
    if (answer.status === 304) return;
    etag = answer.headers.get("ETag") || "";
    const page = await answer.json();
    if (turn !== latest) return;
    const last = page.messages.length ? BigInt(page.messages[page.messages.length - 1].id) : 0n;
    const kept = older && !force ? rows.filter((m) => BigInt(m.id) < last) : [];
    older = kept.length > 0;
    rows = page.messages.concat(page.messages.length ? kept : []);
    draw(page.total);
  } catch (error) {
    report(error.message || "The inbox does not answer.");
  }
}

async function showOlder() {
  if (!rows.length) return;
  try {
    const page = await (await call(query({ before: rows[rows.length - 1].id }))).json();
    older = true;
    rows = rows.concat(page.messages);
    draw(rows.length + page.total - page.messages.length);
  } catch (error) {
    report(error.message);
  }
}

function draw(total) {
  $("total").textContent = total === 1 ? "1 message" : total.toLocaleString() + " messages";
  $("list").replaceChildren(...rows.map(row));
  $("none").hidden = rows.length > 0;
  $("more").hidden = rows.length >= total;
}

function row(message) {
  const button = element("button", "", "");
  button.type = "button";
  button.setAttribute("aria-current", String(message.id === chosen));
  const time = element("time", "", when(message.receivedAt));
  time.dateTime = message.receivedAt;
  button.append(element("span", "subject", message.subject || "(no subject)"), time,
    element("span", "who", message.to.join(", ")));
  button.addEventListener("click", () => open(message.id));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.textContent = text;
  return node;
}

function when(stamp) {
  const at = new Date(stamp);
  return at.toDateString() === new Date().toDateString() ? at.toLocaleTimeString() : at.toLocaleString();
}

async function open(id) {
  try {
    const message = await (await call("/api/messages/" + encodeURIComponent(id))).json();
    chosen = id;
    document.querySelectorAll("#list button").forEach((button, i) =>
      button.setAttribute("aria-current", String(rows[i].id === id)));
    $("hint").hidden = true;
    $("open").hidden = false;
    $("subject").textContent = message.subject || "(no subject)";
    $("from").textContent = message.from;
    $("to").textContent = message.to.join(", ");
    $("received").textContent = new Date(message.receivedAt).toLocaleString();
    $("text").textContent = message.text;
    $("raw").href = "/api/messages/" + encodeURIComponent(id) + "/raw";
    $("headers").tBodies[0].replaceChildren(...Object.entries(message.headers).map(([name, value]) => {
      const line = document.createElement("tr");
      line.append(element("th", "", name), element("td", "", value));
      return line;
    }));
    if (message.html) $("html").src = "/messages/" + encodeURIComponent(id) + "/html";
    available("html", message.html !== "");
    available("text", message.text !== "");
    const wanted = document.querySelector(`[data-tab="${tab}"]`);
    show(wanted.disabled ? (message.html ? "html" : "text") : tab);
  } catch (error) {
    report(error.message);
  }
}

function available(name, yes) {
  document.querySelector(`[data-tab="${name}"]`).disabled = !yes;
}

function show(name) {
  for (const button of document.querySelectorAll("[data-tab]")) {
    const on = button.dataset.tab === name;
    button.setAttribute("aria-selected", String(on));
    $(button.dataset.tab).hidden = !on;
  }
  $("note").hidden = name !== "html";
}

function report(problem) {
  $("state").textContent = problem;
  $("state").classList.toggle("bad", problem !== "");
}

async function showFault() {
  const fault = await (await call("/api/faults")).json();
  $("fault-mode").value = fault.mode;
  if (fault.mode !== "ok") $("fault-rate").value = Math.round(fault.rate * 100);
  $("fault").classList.toggle("active", fault.mode !== "ok" && fault.rate > 0);
}

$("fault").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await call("/api/faults", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ mode: $("fault-mode").value, rate: Number($("fault-rate").value) / 100 }),
    });
    await showFault();
  } catch (error) {
    report(error.message);
  }
});

$("clear").addEventListener("click", async () => {
  if (!confirm("Delete all messages?")) return;
  try {
    await call("/api/messages", { method: "DELETE" });
    chosen = "";
    $("open").hidden = true;
    $("hint").hidden = false;
    refresh(true);
  } catch (error) {
    report(error.message);
  }
});

let typing;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => refresh(true), 150);
});
$("more").addEventListener("click", showOlder);
document.querySelectorAll("[data-tab]").forEach((button) => button.addEventListener("click", () => {
  tab = button.dataset.tab;
  show(tab);
}));
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, POLL_MS);
showFault().catch((error) => report(error.message));
refresh(true);
