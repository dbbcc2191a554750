"use strict";
// The page says everything without this script; it shows the values of a chart under the
// pointer, or step by step with the arrow keys.
(() => {
  for (const figure of document.querySelectorAll(".chart")) {
    const data = JSON.parse(figure.dataset.chart);
    const readout = document.createElement("p");
    readout.className = "readout";
    readout.setAttribute("aria-live", "polite");
    figure.append(readout);
    for (const kind of ["wide", "narrow"]) follow(figure.querySelector(".plot." + kind), data, data[kind], readout);
  }

  function follow(plot, data, [left, top, right, bottom, width], readout) {
    const cursor = document.createElement("div");
    cursor.className = "cursor";
    cursor.hidden = true;
    plot.append(cursor);
    plot.tabIndex = 0;
    let at = -1;

    function show(index) {
      at = Math.max(0, Math.min(data.x.length - 1, index));
      const scale = plot.clientWidth / width;
      const x = left + (right - left) * (data.x[at] - data.min) / (data.max - data.min);
      Object.assign(cursor.style, { left: `${x * scale}px`, top: `${top * scale}px`, height: `${(bottom - top) * scale}px` });
      cursor.hidden = false;
      const values = data.names.map((name, line) => `${name} ${data.values[line][at] || "nothing"}`);
      readout.textContent = `${data.at[at]}: ${values.join(", ")}`;
    }

    function nearest(event) {
      const box = plot.getBoundingClientRect();
      const pixel = (event.clientX - box.left) * width / box.width;
      const value = data.min + (data.max - data.min) * (pixel - left) / (right - left);
      let best = 0;
      for (let i = 1; i < data.x.length; i++) if (Math.abs(data.x[i] - value) < Math.abs(data.x[best] - value)) best = i;
      return best;
    }

    plot.addEventListener("pointermove", (event) => show(nearest(event)));
    plot.addEventListener("pointerdown", (event) => show(nearest(event)));
    plot.addEventListener("pointerleave", () => { cursor.hidden = true; });
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      show(at + step);
    });
  }
})();
