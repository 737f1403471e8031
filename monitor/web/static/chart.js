// Draws what <figure class="chart"> holds as JSON, in the colours of the page, and again when either changes.
(() => {
  "use strict";
  const drawn = new WeakMap();
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const OTHERS = ["--mark", "--gap", "--good", "--soft"];

  function label(told, at, step) {
    const options = step < 86400 ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { day: "numeric", month: "short" };
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: told.timezone }).format(new Date(at * 1000));
  }

  function marks(told) {
    return {
      hooks: {
        draw: [plot => {
          const { ctx, bbox } = plot;
          ctx.save();
          ctx.strokeStyle = colour("--mark");
          ctx.lineWidth = devicePixelRatio;
          ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
          for (const mark of told.marks) {
            const x = Math.round(plot.valToPos(mark.at, "x", true));
            if (x < bbox.left || x > bbox.left + bbox.width) continue;
            ctx.beginPath();
            ctx.moveTo(x, bbox.top);
            ctx.lineTo(x, bbox.top + bbox.height);
            ctx.stroke();
          }
          ctx.restore();
        }],
      },
    };
  }

  function draw(figure) {
    const source = figure.querySelector("script[type='application/json']");
    const place = figure.querySelector(".plot");
    if (!source || !place || typeof uPlot === "undefined") return;
    const key = source.textContent + matchMedia("(prefers-color-scheme: dark)").matches + place.clientWidth;
    const before = drawn.get(figure);
    if (before && before.key === key) return;
    if (before) before.plot.destroy();
    place.replaceChildren();
    const told = JSON.parse(source.textContent);
    const times = told.observed.map((_, index) => told.start + index * told.step);
    const data = [times], series = [{}], bands = [];
    const add = (values, options) => { data.push(values); series.push({ points: { show: false }, ...options }); };
    if (told.high.length) {
      add(told.high, { stroke: "transparent" });
      add(told.low, { stroke: "transparent" });
      bands.push({ series: [1, 2], fill: colour("--band") });
      add(told.expected, { stroke: colour("--soft"), width: 1, dash: [4, 4] });
    }
    add(told.observed, { stroke: colour("--curve"), width: 2, fill: told.high.length ? undefined : colour("--band") });
    if (told.negative.length) add(told.negative, { stroke: colour("--negative"), width: 1.5, dash: [6, 2] });
    told.others.forEach((other, index) => add(other.values, { stroke: colour(OTHERS[index % OTHERS.length]), width: 1.5, dash: [2 + 2 * index, 3] }));
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: .5 }, ticks: { stroke: colour("--line") }, font: "11px system-ui" };
    const plot = new uPlot({
      width: place.clientWidth,
      height: place.clientHeight,
      tzDate: at => uPlot.tzDate(new Date(at * 1000), told.timezone),
      cursor: { drag: { x: false, y: false } },
      legend: { show: false },
      scales: { y: { range: (_, __, high) => [0, Math.max(1, high * 1.08)] } },
      axes: [
        { ...axis, size: 31, space: 60, values: (_, splits, __, ___, step) => splits.map(at => label(told, at, step)) },
        { ...axis, size: 36, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000] },
      ],
      series, bands,
      plugins: [marks(told)],
    }, data, place);
    drawn.set(figure, { key, plot });
  }

  const all = () => document.querySelectorAll("figure.chart").forEach(draw);
  all();
  addEventListener("resize", all);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  document.body.addEventListener("htmx:after:swap", all);
  document.body.addEventListener("htmx:after:settle", all);
})();
