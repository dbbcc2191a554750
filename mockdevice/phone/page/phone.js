// The page lets nobody approve what they have not seen. The server keeps the
// same rule: it takes an approval only after it was told that all was visible.
"use strict";

const waiting = document.getElementById("waiting");
const past = document.getElementById("history");
const more = document.getElementById("more");
const news = document.getElementById("news");
const announce = (text) => { news.textContent = text; };

// Every part ends in a mark; a part was seen once its end was on the screen.
const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting || document.visibilityState !== "visible") continue;
    entry.target.dataset.seen = "yes";
    observer.unobserve(entry.target);
    update(entry.target.closest("article"));
  }
});

const parts = (article) => [...article.querySelectorAll("[data-see]")];
const unseenParts = (article) => parts(article).filter((part) => !part.dataset.seen);

async function post(article, path, body) {
  const answer = await fetch(`/phone/requests/${article.dataset.ref}/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ digest: article.dataset.digest, ...body }),
  });
  if (answer.ok) return;
  const text = await answer.json().catch(() => ({}));
  throw new Error(text.error || `the device answers ${answer.status}`);
}

function complain(article, error) {
  const problem = article.querySelector(".problem");
  problem.textContent = `That did not work: ${error.message}.`;
  problem.hidden = false;
}

async function update(article) {
  if (!article || article.dataset.state !== "open") return;
  const left = unseenParts(article).length;
  article.querySelector(".next").hidden = left === 0;
  const status = article.querySelector(".unread");
  if (left > 0) {
    const text = `${left} of ${parts(article).length} parts not seen yet`;
    if (status.textContent !== text) status.textContent = text;
    return;
  }
  if (article.dataset.told) return;
  article.dataset.told = "yes";
  status.textContent = "You have seen all of it";
  try {
    await post(article, "shown", {});
    article.dataset.shown = "yes";
    relabel(article);
  } catch (error) {
    complain(article, error);
  }
}

// What is picked decides what the button does and whether it may.
function choice(article) {
  const boxes = (name) => [...article.querySelectorAll(`input[name=${name}]`)];
  const picked = (name) => boxes(name).filter((box) => box.checked).map((box) => box.value);
  const all = [...boxes("scopes"), ...boxes("details")];
  const result = { all: all.length, picked: all.filter((box) => box.checked).length };
  if (boxes("scopes").some((box) => !box.checked)) result.scopes = picked("scopes");
  if (boxes("details").some((box) => !box.checked)) result.details = picked("details").map(Number);
  return result;
}

function relabel(article) {
  const { all, picked, scopes, details } = choice(article);
  const approve = article.querySelector("button.approve");
  const nothing = details !== undefined && details.length === 0;
  approve.textContent = scopes || details ? `Approve ${picked} of ${all}` : "Approve";
  approve.disabled = !article.dataset.shown || nothing;
}

async function decide(article, decision) {
  const buttons = article.querySelectorAll(".buttons button");
  for (const button of buttons) button.disabled = true;
  const { scopes, details } = choice(article);
  const reason = article.querySelector("input[name=reason]").value;
  try {
    await post(article, "decision", decision === "approve" ? { decision, scopes, details } : { decision, reason });
    announce(decision === "approve" ? "Approved" : "Denied");
  } catch (error) {
    complain(article, error);
    for (const button of buttons) button.disabled = false;
    relabel(article);
  }
  refresh(article.dataset.ref);
}

function adopt(article) {
  for (const part of parts(article)) observer.observe(part);
  article.addEventListener("change", () => relabel(article));
  article.querySelector("button.deny").addEventListener("click", () => decide(article, "deny"));
  article.querySelector("button.approve").addEventListener("click", () => decide(article, "approve"));
  article.querySelector(".next").addEventListener("click", () => {
    const [first] = unseenParts(article);
    if (first) first.parentElement.scrollIntoView({ block: "start" });
  });
  update(article);
}

const idle = () => { document.getElementById("idle").hidden = waiting.children.length > 0 || !more.hidden; };

// refresh shows a request as it is now. One that is still open stays untouched,
// with all that was seen of it.
async function refresh(ref) {
  const answer = await fetch(`/phone/requests/${ref}`);
  const text = await answer.text();
  const known = document.getElementById(`r-${ref}`); // looked up last: two refreshes may cross
  if (!answer.ok) {
    if (answer.status === 404 && known) known.remove();
    idle();
    return;
  }
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("article");
  const open = fresh.dataset.state === "open";
  if (known && open && known.dataset.digest === fresh.dataset.digest) return;
  if (open && !known && waiting.children.length >= Number(waiting.dataset.most)) {
    more.hidden = false;
    return;
  }
  const hadFocus = known && known.contains(document.activeElement);
  if (known) known.remove();
  if (open) {
    waiting.append(fresh);
    adopt(fresh);
    announce(`New request: ${fresh.querySelector(".client").textContent}`);
  } else {
    past.prepend(fresh);
    if (hadFocus) document.getElementById("history-title").focus();
  }
  tick();
  idle();
}

function tick() {
  for (const article of document.querySelectorAll("article.request")) {
    const life = Number(article.dataset.left); // when the device rendered it; its clock need not be ours
    if (!life) continue;
    article.dataset.since ||= String(performance.now());
    const left = Math.max(0, life - (performance.now() - Number(article.dataset.since)));
    const seconds = Math.ceil(left / 1000);
    const text = seconds >= 3600 ? `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min left`
      : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
    article.querySelector(".left").textContent = text;
    const bar = article.querySelector(".bar b");
    bar.style.width = `${100 * left / life}%`;
    article.classList.toggle("soon", seconds <= 30);
    if (seconds === 30 && !article.dataset.warned) {
      article.dataset.warned = "yes";
      announce("30 seconds left to answer");
    }
    if (left === 0) expire(article);
  }
}

function expire(article) {
  if (article.dataset.state === "expired") return;
  article.dataset.state = "expired";
  for (const control of article.querySelectorAll("button, input")) control.disabled = true;
  announce("A request has expired");
  refresh(article.dataset.ref);
}

const link = document.getElementById("link");
const user = document.body.dataset.user;
const stream = new EventSource(`/phone/events?${new URLSearchParams({ user })}`);
let before = false;
stream.onopen = () => {
  link.textContent = "live";
  link.classList.add("live");
  if (before) location.reload(); // what happened meanwhile is not known
  before = true;
};
stream.onerror = () => {
  link.textContent = "offline";
  link.classList.remove("live");
};
stream.addEventListener("change", (event) => refresh(event.data));
stream.addEventListener("everything", () => location.reload());

for (const article of waiting.children) adopt(article);
idle();
tick();
setInterval(tick, 250);
