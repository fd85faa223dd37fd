// The chart of attempts, failures and waiting requests; the table below it says the same in numbers.
"use strict";

{
  const chart = document.getElementById("chart");
  const place = chart.querySelector(".plot");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let plot = null;
  let shown = "day";

  const axis = (more) => ({ stroke: colour("--pico-color"), grid: { stroke: colour("--pico-muted-border-color"), width: 1 }, ...more });

  const written = (at, span) => {
    const options = span === "day" ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "numeric" };
    return new Date(at * 1000).toLocaleString([], options);
  };

  const draw = async (span) => {
    const answer = await fetch(`/queue/history?span=${span}`);
    if (!answer.ok) return;
    shown = span;
    const series = await answer.json();
    const start = Date.parse(series.starts_at) / 1000;
    const times = series.attempts.map((_, at) => start + at * series.step_s);
    plot?.destroy();
    plot = new uPlot({
      width: place.clientWidth,
      height: 240,
      series: [
        { label: chart.dataset.time, value: (_, at) => (at === null ? "–" : new Date(at * 1000).toLocaleString()) },
        { label: chart.dataset.attempts, stroke: colour("--pico-primary"), width: 2 },
        { label: chart.dataset.failed, stroke: colour("--bad"), width: 2, dash: [6, 3] },
        { label: chart.dataset.depth, stroke: colour("--warn"), width: 2, scale: "depth" },
      ],
      axes: [axis({ values: (_, times) => times.map((at) => written(at, span)) }), axis(), axis({ scale: "depth", side: 1, grid: { show: false } })],
      scales: { y: { range: (_, __, most) => [0, Math.max(most, 1)] }, depth: { range: (_, __, most) => [0, Math.max(most, 1)] } },
    }, [times, series.attempts, series.failed, series.depth], place);
    for (const button of chart.querySelectorAll("[data-span]")) {
      const isIt = button.dataset.span === span;
      button.setAttribute("aria-pressed", String(isIt));
      button.classList.toggle("outline", !isIt);
    }
  };

  chart.addEventListener("click", (clicked) => {
    const button = clicked.target.closest("[data-span]");
    if (button) draw(button.dataset.span);
  });
  new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: 240 })).observe(place);
  // A drawing keeps the colours that it was drawn with.
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(shown));
  draw(shown);
}
