// SPDX-License-Identifier: Apache-2.0
//
// What the parts of the page share: its data, words, shapes, and small helpers.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const points = data.points;
const count = points.ids.length;

// Bits of `points.roles`; PointRole of inspection.h.
const ROLE = {sample: 1, neighbour: 2, drawn: 4, history: 8, rowPositive: 16, named: 32};

const byId = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Numbers that JSON cannot hold come as words.
const number = (value) =>
  value === null || value === undefined ? NaN : value === 'inf' ? Infinity : value === '-inf' ? -Infinity : value;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === 'onclick' || key === 'onfocus') made[key] = value;
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const whole = (value) => Number(value).toLocaleString('en');
const plural = (value, one, many) => `${whole(value)} ${value === 1 ? one : many || one + 's'}`;

function short(value) {
  if (!Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

// A probability from its logarithm.
function probability(logQ) {
  if (Number.isNaN(logQ)) return '-';
  if (logQ === -Infinity) return 'never';
  const q = Math.exp(logQ);
  if (q > 0.1) return `${(100 * q).toPrecision(3)}%`;
  return `1 in ${1 / q < 1e9 ? whole(Number((1 / q).toPrecision(4))) : (1 / q).toExponential(2)}`;
}

const percent = (part) => `${(100 * part).toPrecision(3)}%`;
const day = (time) => time.replace('T', ' ').replace(/(:\d\d)?(\.\d+)?Z$/, ' UTC');
const label = (i) => points.labels[i] || `item ${points.ids[i]}`;

// Marks: a shape and a colour for each kind, drawn from the last to the first.
const MARKS = [
  {key: 'anchor', name: 'anchor', shape: 'star', size: 11, text: 'what the neighbourhood is around'},
  {key: 'drawn', name: 'drawn', shape: 'diamond', size: 6.5, text: 'drawn by the policy for the row'},
  {key: 'positive', name: 'positive', shape: 'square', size: 5, text: 'chosen by the user before the time of the row, or its own positive'},
  {key: 'uncertain', name: 'uncertain', shape: 'triangle', size: 6, text: 'perhaps a positive, by the rules of the policy'},
  {key: 'excluded', name: 'excluded', shape: 'cross', size: 5, text: 'named by the row, or refused by filters or bounds of its sources'},
  {key: 'dead', name: 'not alive', shape: 'dash', size: 5, text: 'not alive at the time of the row'},
  {key: 'near', name: 'neighbour', shape: 'ring', size: 6.5, text: 'nearest to the anchor by score'},
];

// The marks of a point: what it is to the row, whether it was drawn, whether it is near.
function marksOf(i) {
  const found = [];
  if (points.roles[i] & ROLE.neighbour) found.push('near');
  const state = points.states[i];
  if (['positive', 'uncertain', 'excluded', 'dead'].includes(state)) found.push(state);
  if (points.drawCounts[i] > 0) found.push('drawn');
  return found;
}
const marks = points.ids.map((_, i) => marksOf(i));

// The outline of a shape around (0, 0), as commands for SVG and canvas.
function outline(shape, r) {
  const polygon = (corners) => `M${corners.map((c) => c.map((v) => v.toFixed(2)).join(' ')).join('L')}Z`;
  switch (shape) {
    case 'diamond': return polygon([[0, -r], [r, 0], [0, r], [-r, 0]]);
    case 'square': return polygon([[-r, -r], [r, -r], [r, r], [-r, r]]);
    case 'triangle': return polygon([[0, -r], [r * 0.95, r * 0.8], [-r * 0.95, r * 0.8]]);
    case 'cross': return `M${-r} ${-r}L${r} ${r}M${r} ${-r}L${-r} ${r}`;
    case 'dash': return `M${-r} 0L${r} 0`;
    case 'star': {
      const corners = [];
      for (let k = 0; k < 10; ++k) {
        const turn = Math.PI * (k / 5 - 0.5);
        const size = k % 2 ? r * 0.42 : r;
        corners.push([size * Math.cos(turn), size * Math.sin(turn)]);
      }
      return polygon(corners);
    }
    default: return `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`;
  }
}
const isOpen = (shape) => shape === 'cross' || shape === 'dash' || shape === 'ring';

function markSvg(mark, size) {
  const r = size || 6;
  const open = isOpen(mark.shape);
  return svg('path', {
    d: outline(mark.shape, mark.shape === 'star' ? r * 1.2 : r),
    fill: open ? 'none' : `var(--${mark.key})`,
    stroke: open ? `var(--${mark.key})` : 'var(--ground)',
    'stroke-width': mark.shape === 'cross' || mark.shape === 'dash' ? 2.2 : open ? 1.6 : 1,
  });
}

const markOf = (key) => MARKS.find((mark) => mark.key === key);
const stateMark = (i) => markOf(points.drawCounts[i] > 0 ? 'drawn' : marks[i].filter((k) => k !== 'near')[0] || 'none');

function icon(mark) {
  const drawn = svg('svg', {width: 16, height: 16, viewBox: '-8 -8 16 16', 'aria-hidden': 'true'});
  if (mark) drawn.append(markSvg(mark, 5.5));
  else drawn.append(svg('circle', {r: 3, fill: 'var(--other)'}));
  return drawn;
}

// Why, in words.
const GROUNDS = {
  ROW_POSITIVE: "the row's own positive",
  HISTORY: 'the user had chosen it by then',
  NAMED: 'named in the exclusions of the row',
  IN_HORIZON: 'the user chooses it soon after the time of the row',
  NEAR_POSITIVE: 'nearer to a positive than the policy allows',
};
const OBSTACLES = {
  UNSPECIFIED: 'yes',
  NO_SHARE: 'no: it has no share in this row',
  UNKNOWN_ITEM: 'no: there is no such item',
  DEAD: 'no: not alive',
  EXCLUDED: 'no: excluded',
  UNCERTAIN: 'no: uncertain',
  CATEGORY: 'no: not of its category',
  CATEGORY_FILTER: 'no: its category filter',
  PLAUSIBILITY: 'no: not plausible enough',
  NO_ANCHOR: 'no: the row has no anchor',
  NO_EMBEDDING: 'no: no fresh embedding',
  SCORE_BOUNDS: 'no: score out of bounds',
  NO_WEIGHT: 'no: no event gives it weight',
  NOT_IN_WINDOW: 'no: not in its window or pool',
};
const STATUSES = {
  NO_LIVING_ITEM: 'no item is alive at that time',
  EXHAUSTED: 'every item that the policy could draw is excluded',
  NO_EVENT: 'no source has an event to draw from',
  NO_ANCHOR: 'the policy needs an embedding of the user or the positive, and there is none',
  NO_CANDIDATE: 'no item that is left has an embedding, or guards refuse all of them',
  SHORT: 'fewer items are eligible than were asked for',
};

const groundsOf = (i) => points.grounds[i].split(' ').filter(Boolean).map((g) => GROUNDS[g] || g);

function sentence(i) {
  const grounds = groundsOf(i).join('; ');
  const drawn = points.drawCounts[i];
  const times = drawn ? `Drawn ${drawn === 1 ? 'once' : `${drawn} times`} in ${plural(data.row.drawn, 'draw')}.` : '';
  const state = {
    positive: `Positive, so never a negative: ${grounds}.`,
    excluded: grounds ? `Excluded: ${grounds}.` : 'Excluded: filters or bounds of every source refuse it.',
    uncertain: `Uncertain: ${grounds}.`,
    dead: 'Not alive at the time of the row, so never drawn.',
    drawable: 'A negative that the policy can draw.',
    'out of reach': 'A negative, but out of reach of every source of the policy.',
  }[points.states[i]];
  return `${state} ${times}`.trim();
}
