// SPDX-License-Identifier: Apache-2.0
//
// Charts in SVG: neighbours by score, hardness over time, ages of events.
'use strict';

const SERIES = [['--drawn', 'diamond'], ['--positive', 'square'], ['--uncertain', 'triangle'], ['--c2', 'ring'],
                ['--excluded', 'cross'], ['--c1', 'diamond'], ['--c5', 'square']];

// A frame with both axes. `x` and `y` map values to places; ticks are [value, text].
function frame(width, height, margin, title, xTicks, yTicks, x, y, xName, yName) {
  const chart = svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title});
  chart.append(svg('text', {x: margin.left, y: 20, class: 'strong'}, title));
  for (const [value, text] of yTicks) {
    chart.append(svg('line', {class: 'grid', x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value)}));
    chart.append(svg('text', {x: margin.left - 8, y: y(value) + 4, 'text-anchor': 'end'}, text));
  }
  for (const [value, text] of xTicks) {
    chart.append(svg('line', {class: 'grid', x1: x(value), x2: x(value), y1: height - margin.bottom, y2: height - margin.bottom + 5}));
    chart.append(svg('text', {x: x(value), y: height - margin.bottom + 19, 'text-anchor': 'middle'}, text));
  }
  chart.append(svg('line', {class: 'grid', x1: margin.left, x2: width - margin.right, y1: height - margin.bottom, y2: height - margin.bottom}));
  chart.append(svg('text', {x: (margin.left + width - margin.right) / 2, y: height - 6, 'text-anchor': 'middle'}, xName));
  chart.append(svg('text', {transform: `translate(15 ${(margin.top + height - margin.bottom) / 2}) rotate(-90)`, 'text-anchor': 'middle'}, yName));
  return chart;
}

// As wide as its place, so that text keeps its size on narrow screens.
const widthOf = (id) => Math.max(300, Math.min(1300, byId(id).clientWidth || 600));

function extent(values) {
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return [0, 1];
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

function nearChart(order) {
  const width = widthOf('near-chart');
  const height = 260;
  const margin = {left: 62, right: 18, top: 36, bottom: 46};
  const scores = order.map((i) => number(points.neighbourScores[i]));
  const [low, high] = extent(scores);
  const pad = (high - low) * 0.08;
  const x = (rank) => margin.left + 12 + (rank - 1) * (width - margin.left - margin.right - 24) / Math.max(1, order.length - 1);
  const y = (score) => height - margin.bottom - (score - low + pad) / (high - low + 2 * pad) * (height - margin.top - margin.bottom);
  const ranks = [1, ...steps(2, order.length, width / 90).filter((r) => Number.isInteger(r) && r > 1)];
  const chart = frame(width, height, margin, 'Score of neighbours by rank; hover or click for why',
                      ranks.map((r) => [r, String(r)]), steps(low, high, 5).map((v) => [v, short(v)]), x, y,
                      'rank, 1 is nearest', 'score');
  order.forEach((i, at) => {
    const mark = stateMark(i) || markOf('near');
    const drawn = svg('g', {class: 'mark', transform: `translate(${x(at + 1)} ${y(scores[at])})`},
                      svg('circle', {r: 9, fill: 'transparent'}), markSvg(mark, stateMark(i) ? 5.5 : 4));
    drawn.addEventListener('pointerenter', () => showDetail(i));
    drawn.addEventListener('pointerleave', () => showDetail(map.selected));
    drawn.addEventListener('click', () => select(i, true));
    chart.append(drawn);
  });
  return chart;
}

// Labels at the ends of lines, pushed apart.
function spread(labels, least, low, high) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  let last = -Infinity;
  for (const entry of sorted) last = entry.y = Math.max(entry.y, last + least, low);
  let next = high;
  for (const entry of sorted.reverse()) {
    entry.y = Math.min(entry.y, next);
    next = entry.y - least;
  }
}

function timeTicks(from, to, room) {
  const texts = (time, span) => {
    const iso = new Date(time).toISOString();
    return span > 2 * 86400e3 ? iso.slice(0, 10) : span > 300e3 ? iso.slice(11, 16) : iso.slice(11, 19);
  };
  const sizes = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800, 2592000].map((s) => s * 1000);
  const step = sizes.find((size) => (to - from) / size <= room) || sizes[sizes.length - 1] * Math.ceil((to - from) / sizes[sizes.length - 1] / room);
  const ticks = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) ticks.push([time, texts(time, to - from)]);
  return ticks;
}

function hardnessChart(history) {
  const width = widthOf('hardness-chart');
  const height = 300;
  const margin = {left: 62, right: 128, top: 36, bottom: 46};
  const middles = history.starts.map((start, k) => (Date.parse(start) + Date.parse(history.ends[k])) / 2);
  const from = Date.parse(history.starts[0]);
  const to = Date.parse(history.ends[history.ends.length - 1]);
  const shown = history.sources.filter((source) => source.hardness.some((v) => Number.isFinite(number(v))));
  const [low, high] = extent(shown.flatMap((source) => source.hardness.map(number)));
  const pad = (high - low) * 0.08;
  const x = (time) => margin.left + (time - from) / Math.max(1, to - from) * (width - margin.left - margin.right);
  const y = (value) => height - margin.bottom - (value - low + pad) / (high - low + 2 * pad) * (height - margin.top - margin.bottom);
  const chart = frame(width, height, margin, 'Mean score of drawn negatives, by source', timeTicks(from, to, (width - 190) / 90),
                      steps(low, high, 5).map((v) => [v, short(v)]), x, y, 'time, UTC', 'score');
  const labels = shown.map((source, s) => {
    const [ink, shape] = SERIES[s % SERIES.length];
    const places = source.hardness.map((v, k) => [x(middles[k]), y(number(v)), number(v), k]).filter((p) => Number.isFinite(p[2]));
    // A line only between neighbours: none over a time in which nothing was drawn.
    const path = places.map((p, at) => `${at && places[at - 1][3] === p[3] - 1 ? 'L' : 'M'}${p[0]} ${p[1]}`).join('');
    chart.append(svg('path', {d: path, fill: 'none', stroke: `var(${ink})`, 'stroke-width': 1.8}));
    for (const [px, py, value, k] of places) {
      chart.append(svg('path', {d: outline(shape, 4), transform: `translate(${px} ${py})`, stroke: `var(${ink})`, 'stroke-width': isOpen(shape) ? 1.8 : 0,
                                fill: isOpen(shape) ? 'none' : `var(${ink})`},
                       svg('title', {}, `${source.name}, ${day(history.starts[k])}: ${short(value)}, ${whole(source.drawn[k])} drawn`)));
    }
    const end = places[places.length - 1];
    return {name: source.name, ink, x: end[0] + 9, y: end[1]};
  });
  spread(labels, 16, margin.top + 6, height - margin.bottom);
  for (const entry of labels) chart.append(svg('text', {x: entry.x, y: entry.y + 4, style: `fill: var(${entry.ink})`}, entry.name));
  return chart;
}

function span(seconds) {
  const units = [['year', 31557600], ['day', 86400], ['hour', 3600], ['min', 60], ['s', 1]];
  const [name, size] = units.find(([, unit]) => seconds >= unit) || units[4];
  const amount = Number((seconds / size).toPrecision(2));
  return name === 's' || name === 'min' ? `${amount} ${name}` : `${amount} ${name}${amount === 1 ? '' : 's'}`;
}

function ageChart(bounds, counts) {
  const width = widthOf('age-chart');
  const row = 24;
  const total = counts.reduce((a, b) => a + b, 0);
  const first = counts.findIndex((c) => c > 0);
  const last = counts.length - 1 - [...counts].reverse().findIndex((c) => c > 0);
  const names = counts.map((_, k) => k === bounds.length ? `above ${span(bounds[k - 1])}` : `up to ${span(bounds[k])}`);
  const shown = counts.map((c, k) => [c, names[k], k]).filter(([, , k]) => k >= first && k <= last);
  const left = 126;
  const most = Math.max(...counts);
  const height = 46 + shown.length * row;
  const chart = svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': 'Ages of the drawn events'});
  chart.append(svg('text', {x: 12, y: 20, class: 'strong'}, `Ages of the ${whole(total)} events behind draws, at the time of their rows`));
  shown.forEach(([c, name], k) => {
    const top = 34 + k * row;
    const length = c / most * (width - left - 90);
    chart.append(svg('text', {x: left - 8, y: top + 15, 'text-anchor': 'end'}, name));
    chart.append(svg('rect', {x: left, y: top + 2, width: Math.max(length, c ? 1 : 0), height: row - 6, rx: 2, fill: 'var(--c0)'}));
    chart.append(svg('text', {x: left + length + 6, y: top + 15}, c ? percent(c / total) : '0'));
  });
  return chart;
}

function drawTime() {
  const history = data.sampling;
  const hardness = byId('hardness-chart');
  const ages = byId('age-chart');
  hardness.replaceChildren();
  ages.replaceChildren();
  if (history.problem) {
    hardness.append(element('p', {class: 'empty'}, history.problem));
    return;
  }
  byId('time-note').textContent = `Sampling of all callers from ${day(history.starts[0])} to ${day(history.ends[history.ends.length - 1])}, by the server's clock, without the draws of this page. Scores and ages are those of observed draws.`;
  byId('time-table').replaceChildren(plainTable(
    ['source', 'drawn', 'with a score', 'mean', '10%', 'median', '90%', 'different items'],
    history.sources.map((source) => [source.name, whole(source.totalDrawn), whole(source.totalScored),
                                     ...source.totalScores.map((v) => (source.totalScored ? short(number(v)) : '-')),
                                     source.distinctItems ? `about ${whole(Number(source.distinctItems.toPrecision(3)))}` : '-']),
    'By source, in all of this time; the scores are the hardness of its negatives', [1, 2, 3, 4, 5, 6, 7]));
  const scored = history.sources.some((source) => source.hardness.some((v) => Number.isFinite(number(v))));
  hardness.append(scored ? hardnessChart(history)
                         : element('p', {class: 'empty'}, 'No negative with a score was drawn in this time, so there is no hardness to tell. Sources nearest, adversarial and dynamic have scores.'));
  ages.append(history.ageCounts.some((c) => c > 0) ? ageChart(history.ageBounds, history.ageCounts)
                                                  : element('p', {class: 'empty'}, 'No event was drawn in this time: sources popularity, exposure and mined draw by events.'));
}
