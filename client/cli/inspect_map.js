// SPDX-License-Identifier: Apache-2.0
//
// The map: a canvas that is drawn again when something changes.
'use strict';

const COLOURED = 8;  // Categories with a colour of their own: more cannot be told apart.
const MARGIN = {left: 58, right: 14, top: 14, bottom: 44};

// An item of several categories has the colour of its rarest that has one: the commonest tell least.
// `categories` are in order of size.
const group = points.itemCategories.map((own) => {
  const shown = own.filter((c) => c < COLOURED);
  return shown.length ? Math.max(...shown) : own.length ? COLOURED : COLOURED + 1;
});
const isPlaced = (i) => Number.isFinite(number(points.x[i])) && Number.isFinite(number(points.y[i]));

const map = {
  canvas: byId('map'),
  hiddenGroups: new Set(),
  hiddenMarks: new Set(),
  shown: points.ids.map((_, i) => i).filter(isPlaced),
  hover: -1,
  selected: -1,
  view: null,  // Centre in the plane, and pixels a unit: the same on both axes.
};

const placesOf = (i) => [points.x[i], points.y[i]];
const isMarked = (i) => marks[i].some((key) => !map.hiddenMarks.has(key));
const isVisible = (i) => isMarked(i) || (points.roles[i] & ROLE.sample && marks[i].length === 0 && !map.hiddenGroups.has(group[i]));

// Measured when something is drawn, not for every point.
function measure() {
  const box = map.canvas.getBoundingClientRect();
  map.size = {width: box.width, height: box.height,
              w: box.width - MARGIN.left - MARGIN.right, h: box.height - MARGIN.top - MARGIN.bottom};
}
const plotSize = () => map.size;

function toPixel(x, y) {
  const {w, h} = plotSize();
  return [MARGIN.left + w / 2 + (x - map.view.x) * map.view.scale,
          MARGIN.top + h / 2 - (y - map.view.y) * map.view.scale];
}

// The range of values on an axis, without the `cut` part at either end.
function rangeOf(places, axis, cut) {
  const values = places.map((place) => place[axis]).sort((a, b) => a - b);
  const at = Math.floor(cut * values.length);
  return [values[at], values[values.length - 1 - at]];
}

function fit(indexes, cut = 0) {
  measure();
  const {w, h} = plotSize();
  const places = indexes.map(placesOf);
  if (!places.length) places.push([0, 0]);
  const {anchor} = data.map;
  const [x, y] = [0, 1].map((axis) => {
    const [low, high] = rangeOf(places, axis, cut);
    const own = anchor ? [anchor.x, anchor.y][axis] : low;
    return [Math.min(low, own), Math.max(high, own)];
  });
  const span = ([low, high], pixels) => (high > low ? (pixels - 24) / (high - low) : Infinity);
  const scale = Math.min(span(x, w), span(y, h));
  map.view = {x: (x[0] + x[1]) / 2, y: (y[0] + y[1]) / 2, scale: Number.isFinite(scale) ? scale : 100};
  map.firstScale = map.firstScale || map.view.scale;
  drawMap();
}

// At first without outliers, where these would press the rest into a corner.
function fitFirst() {
  const places = map.shown.map(placesOf);
  const crowded = places.length >= 100 && [0, 1].some((axis) => {
    const [low, high] = rangeOf(places, axis, 0);
    const [from, to] = rangeOf(places, axis, 0.005);
    return high - low > 1.6 * (to - from);
  });
  fit(map.shown, crowded ? 0.005 : 0);
}

// Round steps, so that labels are short and apart.
function steps(low, high, room) {
  const raw = (high - low) / Math.max(1, room);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= raw);
  const ticks = [];
  for (let k = Math.ceil(low / step); k * step <= high; ++k) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

function drawAxes(context, size) {
  const {x, y, scale} = map.view;
  const halfW = size.w / 2 / scale;
  const halfH = size.h / 2 / scale;
  const bottom = MARGIN.top + size.h;
  context.strokeStyle = colour('--line');
  context.fillStyle = colour('--soft');
  context.lineWidth = 1;
  context.font = '12px system-ui, "DejaVu Sans", sans-serif';
  context.textAlign = 'center';
  for (const tick of steps(x - halfW, x + halfW, size.w / 90)) {
    const [px] = toPixel(tick, y);
    context.beginPath();
    context.moveTo(Math.round(px) + 0.5, MARGIN.top);
    context.lineTo(Math.round(px) + 0.5, bottom + 4);
    context.stroke();
    context.fillText(short(tick), px, bottom + 17);
  }
  context.textAlign = 'right';
  for (const tick of steps(y - halfH, y + halfH, size.h / 60)) {
    const [, py] = toPixel(x, tick);
    context.beginPath();
    context.moveTo(MARGIN.left - 4, Math.round(py) + 0.5);
    context.lineTo(MARGIN.left + size.w, Math.round(py) + 0.5);
    context.stroke();
    context.fillText(short(tick), MARGIN.left - 7, py + 4);
  }
  context.textAlign = 'center';
  const parts = data.map.varianceParts;
  context.fillText(`axis 1: ${percent(parts[0])} of the variance`, MARGIN.left + size.w / 2, bottom + 36);
  context.save();
  context.translate(14, MARGIN.top + size.h / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(`axis 2: ${percent(parts[1])}`, 0, 0);
  context.restore();
}

function drawMark(context, mark, px, py) {
  const path = new Path2D(outline(mark.shape, mark.size));
  context.save();
  context.translate(px, py);
  const ink = colour(`--${mark.key}`);
  const ground = colour('--plot');
  context.lineJoin = 'round';
  if (isOpen(mark.shape)) {
    context.strokeStyle = ground;
    context.lineWidth = mark.shape === 'ring' ? 3.4 : 4.6;
    context.stroke(path);
    context.strokeStyle = ink;
    context.lineWidth = mark.shape === 'ring' ? 1.5 : 2.2;
    context.stroke(path);
  } else {
    context.strokeStyle = ground;
    context.lineWidth = 2.4;
    context.stroke(path);
    context.fillStyle = ink;
    context.fill(path);
  }
  context.restore();
}

function drawDots(context) {
  const colours = [];
  for (let c = 0; c < COLOURED; ++c) colours.push(colour(`--c${c}`));
  colours.push(colour('--other'), colour('--other'));
  const busy = data.row.user || data.row.positive || data.map.anchor;
  const near = map.view.scale / (map.firstScale || map.view.scale);
  const r = Math.min(5, (map.shown.length > 2000 ? 2.2 : 3) * Math.sqrt(Math.max(1, near)));
  context.globalAlpha = busy ? 0.7 : 0.85;
  for (const i of map.shown) {
    if (marks[i].length || !isVisible(i)) continue;
    const [px, py] = toPixel(points.x[i], points.y[i]);
    context.fillStyle = colours[group[i]];
    context.beginPath();
    context.arc(px, py, r, 0, 7);
    context.fill();
  }
  context.globalAlpha = 1;
}

function drawMap() {
  const {canvas} = map;
  measure();
  const size = plotSize();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  drawAxes(context, size);
  context.save();
  context.beginPath();
  context.rect(MARGIN.left, MARGIN.top, size.w, size.h);
  context.clip();
  drawDots(context);
  for (const mark of [...MARKS].reverse()) {
    if (mark.key === 'anchor' || map.hiddenMarks.has(mark.key)) continue;
    for (const i of map.shown) {
      if (marks[i].includes(mark.key)) drawMark(context, mark, ...toPixel(points.x[i], points.y[i]));
    }
  }
  const anchor = data.map.anchor;
  if (anchor && !map.hiddenMarks.has('anchor')) drawMark(context, MARKS[0], ...toPixel(anchor.x, anchor.y));
  for (const [i, width] of [[map.selected, 3], [map.hover, 2]]) {
    if (i < 0 || !isPlaced(i)) continue;
    context.strokeStyle = colour('--ink');
    context.lineWidth = width;
    context.beginPath();
    context.arc(...toPixel(points.x[i], points.y[i]), 12, 0, 7);
    context.stroke();
  }
  context.restore();
  const outside = map.shown.filter((i) => {
    const [px, py] = toPixel(points.x[i], points.y[i]);
    return isVisible(i) && (px < MARGIN.left || px > MARGIN.left + size.w || py < MARGIN.top || py > MARGIN.top + size.h);
  }).length;
  byId('map-outside').textContent = outside ? `${plural(outside, 'item')} ${outside === 1 ? 'lies' : 'lie'} outside of what is shown; All shows them.` : '';
}

// The visible point at a place of the canvas: marked ones are easier to hit.
function pointAt(px, py) {
  let best = -1;
  let least = 14;
  for (const i of map.shown) {
    if (!isVisible(i)) continue;
    const [x, y] = toPixel(points.x[i], points.y[i]);
    const far = Math.hypot(x - px, y - py) - (marks[i].length ? 4 : 0);
    if (far < least) [best, least] = [i, far];
  }
  return best;
}

function zoom(factor, px, py) {
  const {w, h} = plotSize();
  const dx = px === undefined ? 0 : px - MARGIN.left - w / 2;
  const dy = py === undefined ? 0 : py - MARGIN.top - h / 2;
  const scale = Math.min(Math.max(map.view.scale * factor, map.firstScale / 4), map.firstScale * 400);
  map.view.x += dx / map.view.scale - dx / scale;
  map.view.y -= dy / map.view.scale - dy / scale;
  map.view.scale = scale;
  drawMap();
}

function showTip(i) {
  const tip = byId('tip');
  tip.hidden = i < 0;
  if (i < 0) return;
  const names = marks[i].map((key) => markOf(key).name);
  tip.textContent = `${label(i)}: ${names.join(', ') || points.states[i]}`;
  const [px, py] = toPixel(points.x[i], points.y[i]);
  const {width, height} = plotSize();
  tip.style.left = `${Math.max(4, Math.min(px + 16, width - tip.offsetWidth - 6))}px`;
  tip.style.top = `${Math.max(4, py + 18 + tip.offsetHeight > height ? py - 14 - tip.offsetHeight : py + 14)}px`;
}

function setHover(i) {
  if (map.hover === i) return;
  map.hover = i;
  showTip(i);
  drawMap();
  showDetail(i >= 0 ? i : map.selected);
}

function select(i, bringIntoView) {
  map.selected = i;
  map.hover = -1;
  showTip(-1);
  if (map.view && isPlaced(i) && bringIntoView) {
    const [px, py] = toPixel(points.x[i], points.y[i]);
    const {width, height} = plotSize();
    if (px < MARGIN.left || py < 0 || px > width || py > height - MARGIN.bottom) {
      [map.view.x, map.view.y] = placesOf(i);
    }
  }
  if (map.view) drawMap();
  showDetail(i);
}

// From the selected point to the nearest one in a direction, within 45 degrees of it.
function step(dx, dy) {
  const from = map.selected >= 0 && isPlaced(map.selected) ? placesOf(map.selected) : [map.view.x, map.view.y];
  let best = -1;
  let least = Infinity;
  for (const i of map.shown) {
    if (i === map.selected || !isVisible(i)) continue;
    const [x, y] = [points.x[i] - from[0], points.y[i] - from[1]];
    const along = x * dx + y * dy;
    const across = Math.abs(x * dy - y * dx);
    if (along <= 0 || across > along) continue;
    if (along + across < least) [best, least] = [i, along + across];
  }
  if (best >= 0) select(best, true);
}

function stepMarked(by) {
  const marked = map.shown.filter((i) => marks[i].length && isVisible(i));
  if (!marked.length) return;
  const at = marked.indexOf(map.selected);
  const next = at < 0 ? (by > 0 ? 0 : marked.length - 1) : (at + by + marked.length) % marked.length;
  select(marked[next], true);
}

function zoomToMarked() {
  const near = map.shown.filter((i) => marks[i].length);
  fit(near.length ? near : map.shown);
}

function listenToMap() {
  const {canvas} = map;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let drag = null;
  canvas.addEventListener('pointerdown', (event) => {
    drag = {at: place(event), moved: false};
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    const [px, py] = place(event);
    if (!drag) return setHover(pointAt(px, py));
    if (!drag.moved && Math.hypot(px - drag.at[0], py - drag.at[1]) < 4) return undefined;
    map.view.x -= (px - drag.at[0]) / map.view.scale;
    map.view.y += (py - drag.at[1]) / map.view.scale;
    drag = {at: [px, py], moved: true};
    return drawMap();
  });
  canvas.addEventListener('pointerup', (event) => {
    if (drag && !drag.moved) {
      const hit = pointAt(...place(event));
      if (hit >= 0) select(hit);
    }
    drag = null;
  });
  canvas.addEventListener('pointerleave', () => setHover(-1));
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, ...place(event));
  }, {passive: false});
  const keys = {
    ArrowLeft: () => step(-1, 0), ArrowRight: () => step(1, 0), ArrowUp: () => step(0, 1), ArrowDown: () => step(0, -1),
    PageDown: () => stepMarked(1), PageUp: () => stepMarked(-1),
    '+': () => zoom(1.3), '=': () => zoom(1.3), '-': () => zoom(1 / 1.3), 0: () => fit(map.shown),
    Enter: () => map.hover >= 0 && select(map.hover),
  };
  canvas.addEventListener('keydown', (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  byId('zoom-in').onclick = () => zoom(1.5);
  byId('zoom-out').onclick = () => zoom(1 / 1.5);
  byId('zoom-reset').onclick = () => fit(map.shown);
  byId('zoom-marked').onclick = zoomToMarked;
  window.addEventListener('resize', drawMap);
}

function toggle(button, set, key) {
  const hidden = set.has(key);
  if (hidden) set.delete(key);
  else set.add(key);
  button.setAttribute('aria-pressed', String(hidden));
  drawMap();
}

function legendButton(drawn, name, amount, title, set, key) {
  const button = element('button', {type: 'button', 'aria-pressed': 'true', title}, drawn,
                         element('span', {}, name), amount === null ? null : element('span', {class: 'count'}, whole(amount)));
  button.onclick = () => toggle(button, set, key);
  return button;
}

function makeLegends() {
  for (const mark of MARKS) {
    const amount = mark.key === 'anchor' ? Number(Boolean(data.map.anchor))
                                         : map.shown.filter((i) => marks[i].includes(mark.key)).length;
    if (!amount) continue;
    byId('state-legend').append(
      legendButton(icon(mark), mark.name, mark.key === 'anchor' ? null : amount, mark.text, map.hiddenMarks, mark.key));
  }
  const sizes = new Array(COLOURED + 2).fill(0);
  for (const i of map.shown) ++sizes[group[i]];
  const names = [...points.categories.slice(0, COLOURED)];
  const dot = (c) => svg('svg', {width: 14, height: 14, viewBox: '-7 -7 14 14', 'aria-hidden': 'true'},
                         svg('circle', {r: 5, fill: c < COLOURED ? `var(--c${c})` : 'var(--other)'}));
  for (let c = 0; c < sizes.length; ++c) {
    if (!sizes[c]) continue;
    const name = c < COLOURED ? names[c] : c === COLOURED ? 'other categories' : 'no category';
    byId('category-legend').append(legendButton(dot(c), name, sizes[c], `Items of colour ${name}`, map.hiddenGroups, c));
  }
  byId('category-note').textContent = points.categories.length
    ? 'The eight commonest categories have a colour. An item of several has the colour of its rarest among them. Marked items stay.'
    : 'No item here has a category, so all have one colour.';
}

function startMap() {
  const {varianceParts, fitted, anchor} = data.map;
  let problem = '';
  if (!data.collection.dimension) problem = 'This collection has no embedding settings, so there is no map. What the policy draws and why is below.';
  else if (!data.collection.embeddings) problem = 'No item of this collection has an embedding yet, so there is no map. Push some with negatron push-embeddings.';
  else if (fitted < 2) problem = 'Fewer than two living items with an embedding were found at this time, so there is no map.';
  if (problem) {
    byId('map-empty').textContent = problem;
    byId('map-empty').hidden = false;
    byId('map-body').hidden = true;
    return;
  }
  const both = varianceParts[0] + varianceParts[1];
  const missing = points.ids.filter((_, i) => points.roles[i] & ROLE.sample && !isPlaced(i)).length;
  byId('map-note').textContent =
    `The plane that keeps most of the variance (PCA) of ${plural(fitted, 'item')}, drawn evenly from ${whole(data.collection.living)} living ones: ` +
    `${percent(both)} of the variance. Both axes have one scale. Items that are near here may be far apart in the other ` +
    `${plural(Math.max(0, data.collection.dimension - 2), 'dimension')}.` +
    (missing ? ` ${plural(missing, 'item')} of the sample ${missing === 1 ? 'has' : 'have'} no embedding.` : '');
  byId('zoom-marked').hidden = !anchor && !map.shown.some((i) => marks[i].length);
  makeLegends();
  fitFirst();
  listenToMap();
}
