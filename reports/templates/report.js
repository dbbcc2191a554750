"use strict";
// The page says everything without this script; it adds filter, search, copy
// buttons, and opens what a link points into.
(() => {
  const form = document.getElementById("filter");
  const found = document.getElementById("found");
  const requirements = [...document.querySelectorAll(".requirement")];
  const areas = [...document.querySelectorAll(".area")];
  const texts = new Map(requirements.map((r) => [r, searchable(r)]));

  function searchable(requirement) {
    const parts = [requirement.querySelector("summary").textContent];
    for (const e of requirement.querySelectorAll(".source, .case > h4, .finding")) parts.push(e.textContent);
    return parts.join(" ").toLowerCase();
  }

  const chosen = (name) => [...form.querySelectorAll(`[name=${name}]:checked`)].map((box) => box.value);

  function apply() {
    const outcomes = chosen("outcome"), levels = chosen("level"), area = form.elements.area.value;
    const words = form.elements.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const r of requirements) {
      r.hidden = outcomes.length > 0 && !outcomes.includes(r.dataset.outcome)
        || levels.length > 0 && !levels.includes(r.dataset.level)
        || area !== "" && r.closest(".area").id !== area
        || !words.every((word) => texts.get(r).includes(word));
      if (!r.hidden) shown++;
    }
    for (const a of areas) a.hidden = !a.querySelector(".requirement:not([hidden]), .area > .case");
    found.textContent = `${shown} of ${requirements.length} requirements`;
  }

  // The filter stands in the address, so that what somebody looks at can be sent to others.
  const mark = "#filter?";

  function remember() {
    const state = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) state.append(name, value);
    history.replaceState(null, "", state.size > 0 ? mark + state : location.pathname + location.search);
  }

  function recall() {
    if (!location.hash.startsWith(mark)) return false;
    const state = new URLSearchParams(location.hash.slice(mark.length));
    form.reset();
    for (const box of form.querySelectorAll("[type=checkbox]")) box.checked = state.getAll(box.name).includes(box.value);
    for (const name of ["search", "area"]) form.elements[name].value = state.get(name) ?? "";
    apply();
    form.scrollIntoView();
    return true;
  }

  function changed() {
    apply();
    remember();
  }

  function copyButton(command) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    const code = command.querySelector("code");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    command.append(button);
  }

  // reveal opens whatever a fragment points into.
  function reveal() {
    if (recall()) return;
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let e = target; e; e = e.parentElement) {
      if (e.hidden) { form.reset(); apply(); }
      if (e instanceof HTMLDetailsElement) e.open = true;
    }
    target.scrollIntoView();
  }

  for (const c of document.querySelectorAll(".command")) copyButton(c);
  form.hidden = false;
  form.addEventListener("input", changed);
  form.querySelector("[type=reset]").addEventListener("click", () => setTimeout(changed));
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", reveal);
  apply();
  reveal();
})();
