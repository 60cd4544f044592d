"use strict";
// Reads the values under the pointer, the finger or the arrow keys. Without it the page loses
// nothing but that: every value is in the tables.
document.querySelectorAll("figure.chart").forEach((chart) => {
  const data = JSON.parse(chart.querySelector("script").textContent);
  const output = chart.querySelector("output");
  const pictures = chart.querySelectorAll(":scope > svg");
  const count = data.periods.length;
  let current = -1;

  const number = (value) =>
    value === null ? "no value" : Number(value.toPrecision(4)).toLocaleString("en");

  const show = (place) => {
    current = Math.max(0, Math.min(count - 1, place));
    pictures.forEach((picture) => {
      const cursor = picture.querySelector(".cursor");
      const x = Number(picture.dataset.left) + (Number(picture.dataset.inner) * (current + 0.5)) / count;
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      cursor.removeAttribute("hidden");
    });
    const period = data.periods[current];
    const next = data.periods[current + 1] || "9999";
    const values = data.lines.map((line) => `${line.label} ${number(line.values[current])}`);
    const events = data.marks
      .filter((mark) => mark.date >= period && mark.date < next)
      .map((mark) => mark.label);
    const month = period.endsWith("-01") ? period.slice(0, 7) : period;
    output.textContent = `${month}: ${values.join(", ")}${events.length ? ". " + events.join("; ") : ""}`;
  };

  const hide = () => pictures.forEach((p) => p.querySelector(".cursor").setAttribute("hidden", ""));

  pictures.forEach((picture) => {
    const follow = (event) => {
      const box = picture.getBoundingClientRect();
      const across = ((event.clientX - box.left) / box.width) * picture.viewBox.baseVal.width;
      const share = (across - Number(picture.dataset.left)) / Number(picture.dataset.inner);
      show(Math.floor(share * count));
    };
    picture.addEventListener("pointermove", follow);
    picture.addEventListener("pointerdown", follow);
    picture.addEventListener("pointerleave", hide);
  });

  chart.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12 };
    if (event.key in moves) show((current < 0 ? 0 : current) + moves[event.key]);
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(count - 1);
    else if (event.key === "Escape") hide();
    else return;
    event.preventDefault();
  });
});
