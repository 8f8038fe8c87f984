// SPDX-License-Identifier: Apache-2.0
//
// The parts around the map: facts, the explanation of one item, tables. Everything that comes from
// the data enters as text, never as HTML.
'use strict';

const ROWS = 15;  // Of a table, until more are asked for.

function describe(terms) {
  const list = element('dl', {});
  for (const [name, value] of terms) {
    if (value === null || value === '') continue;
    list.append(element('dt', {}, name), element('dd', {}, value));
  }
  return list;
}

const twoLines = (first, second) =>
  element('span', {}, first, ...(second ? [element('br', {}), element('small', {}, second)] : []));

function sourceRows(i) {
  const size = data.sources.length;
  return data.sources.map((source, s) => {
    const at = i * size + s;
    const obstacle = data.obstacleNames[points.obstacles[at]] || '';
    const rank = points.scoreRanks[at];
    const score = number(points.scores[at]);
    return [twoLines(source.name, source.share === null ? 'if none else' : percent(source.share)),
            OBSTACLES[obstacle] || `no: ${obstacle}`, probability(number(points.logQSource[at])),
            twoLines(short(score), rank < 0 ? '' : `rank ${whole(rank + 1)} of ${whole(source.ranked)}`)];
  });
}

function plainTable(head, rows, caption, numbers) {
  const cell = (name, text, k) => element(name, {class: numbers && numbers.includes(k) ? 'number' : undefined, scope: name === 'th' ? 'col' : undefined}, text);
  return element('div', {class: 'scroll'},
    element('table', {}, element('caption', {}, caption),
      element('thead', {}, element('tr', {}, ...head.map((text, k) => cell('th', text, k)))),
      element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map((text, k) => cell('td', text, k)))))));
}

function showDetail(i) {
  const panel = byId('detail');
  if (i < 0) {
    panel.replaceChildren(element('p', {class: 'note'}, 'Point at an item on the map, or choose one in a table, to see what it is to the row and why.'));
    return;
  }
  const logQ = number(points.logQ[i]);
  const neighbour = points.neighbourRanks[i];
  const mark = stateMark(i) || (marks[i].includes('near') ? markOf('near') : null);
  const distance = number(points.positiveDistances[i]);
  panel.replaceChildren(
    element('h3', {}, label(i)),
    points.labels[i] ? element('p', {class: 'note'}, `item ${points.ids[i]}`) : '',
    element('div', {class: 'state'}, icon(mark), element('span', {}, sentence(i))),
    describe([
      ['Probability', `${probability(logQ)}${Number.isFinite(logQ) ? ` (log q ${logQ.toFixed(3)})` : Number.isNaN(logQ) ? ' (no law tells it)' : ''}`],
      ['Neighbour', neighbour < 0 ? null : `rank ${neighbour + 1}, score ${short(number(points.neighbourScores[i]))}`],
      ['Categories', points.itemCategories[i].map((c) => points.categories[c]).join(', ') || 'none'],
      ['Alive', points.alive[i] ? 'yes' : 'no'],
      ['First chosen', points.firstPositive[i] ? `by the user, ${day(points.firstPositive[i])}` : null],
      ['Popularity', points.popularityRanks[i] ? `rank ${whole(points.popularityRanks[i])} of ${whole(data.collection.living)}, mass ${short(number(points.masses[i]))}` : `mass ${short(number(points.masses[i]))}`],
      ['Positive', Number.isFinite(distance) ? `${short(distance)} from ${points.nearestPositives[i]}, the nearest` : null],
      ['Embedding', isPlaced(i) ? null : 'none: not on the map'],
    ]),
    data.sources.length ? plainTable(['source', 'draws it?', 'probability', 'score'], sourceRows(i), 'By source with its share, on one draw of its own') : '');
}

// A table of items whose names select them.
function itemTable(place, order, head, row, caption) {
  const shown = (limit) => order.slice(0, limit).map((i) => {
    const button = element('button', {type: 'button', onclick: () => select(i, true), onfocus: () => showDetail(i)}, label(i));
    return [element('span', {class: 'named'}, icon(stateMark(i) || (marks[i].includes('near') ? markOf('near') : null)), button), ...row(i)];
  });
  const draw = (limit) => {
    const more = order.length > limit
      ? element('button', {type: 'button', onclick: () => draw(order.length)}, `Show all ${whole(order.length)}`) : '';
    place.replaceChildren(plainTable(['item', ...head], shown(limit), caption), more);
  };
  draw(ROWS);
}

const stateText = (i) => points.drawCounts[i] > 0 ? `drawn, ${points.states[i]}` : points.states[i];
const firstOf = (size) => (size > ROWS ? `The first ${ROWS} of ${whole(size)}` : `All ${whole(size)}`);

function anchorText() {
  const {anchor} = data.map;
  const at = anchor ? points.ids.indexOf(anchor.id) : -1;
  const named = anchor && at >= 0 ? `${label(at)} (item ${anchor.id})` : '';
  return anchor ? {query: 'the query', item: `the positive, ${named}`, user: `the embedding of user ${anchor.id}`,
                   newest: `what the user chose last, ${named}`}[anchor.kind] : '';
}

function drawNear() {
  const order = points.ids.map((_, i) => i).filter((i) => points.neighbourRanks[i] >= 0)
    .sort((a, b) => points.neighbourRanks[a] - points.neighbourRanks[b]);
  if (!order.length) {
    const why = !data.collection.embeddings ? 'The collection has no embeddings, so nothing is near to anything.'
      : data.map.anchor ? 'No neighbours were asked for, or none is alive.'
      : data.row.user || data.row.positive ? 'Neither the user, the positive nor what the user chose last has an embedding.'
      : 'The page was made without an anchor: see --anchor-item and --user.';
    byId('near-note').textContent = '';
    byId('near-chart').replaceChildren(element('p', {class: 'empty'}, why));
    return;
  }
  const metric = {INNER_PRODUCT: 'inner product', COSINE: 'cosine', L2: 'minus squared distance'}[data.collection.metric] || data.collection.metric;
  byId('near-note').textContent = `The ${plural(order.length, 'living item')} with the highest score (${metric}) around ${anchorText()}, whatever the row excludes: in all ${plural(data.collection.dimension, 'dimension')}, unlike the map.`;
  byId('near-chart').replaceChildren(nearChart(order));
  itemTable(byId('near-table'), order, ['rank', 'score', 'what it is to the row', 'probability'],
    (i) => [String(points.neighbourRanks[i] + 1), short(number(points.neighbourScores[i])), stateText(i), probability(number(points.logQ[i]))],
    `${firstOf(order.length)} neighbours, nearest first`);
}

function drawDraws() {
  const {row} = data;
  const order = points.ids.map((_, i) => i).filter((i) => points.drawCounts[i] > 0)
    .sort((a, b) => points.drawCounts[b] - points.drawCounts[a] || a - b);
  const status = STATUSES[row.status];
  byId('draw-note').textContent = (order.length
    ? `${plural(row.drawn, 'draw')} with seed ${row.seed}: ${plural(order.length, 'different item')}. Law of the probabilities: ${row.law.toLowerCase().replace('_', ' ')}.`
    : 'Nothing was drawn.') + (status ? ` The row is ${row.status.toLowerCase().replace(/_/g, ' ')}: ${status}.` : '');
  if (!order.length) return;
  const bySource = data.sources.map((source, s) => {
    const own = order.filter((i) => points.drawSources[i] === s);
    return [source.name, source.share === null ? 'if none else' : percent(source.share), whole(own.length),
            whole(order.filter((i) => data.obstacleNames[points.obstacles[i * data.sources.length + s]] === 'UNSPECIFIED').length)];
  });
  byId('source-table').replaceChildren(plainTable(['source', 'share', 'items it drew first', 'drawn items it can draw'], bySource, 'By source', [1, 2, 3]));
  itemTable(byId('draw-table'), order, ['times', 'first by', 'categories', 'probability'],
    (i) => [String(points.drawCounts[i]), (data.sources[points.drawSources[i]] || {name: '-'}).name,
            points.itemCategories[i].map((c) => points.categories[c]).join(', ') || '-', probability(number(points.logQ[i]))],
    `${firstOf(order.length)} drawn items, most often drawn first`);
}

function drawRoles() {
  const order = points.ids.map((_, i) => i).filter((i) => ['positive', 'uncertain'].includes(points.states[i]) || points.roles[i] & ROLE.named);
  const refused = points.states.filter((state) => state === 'excluded').length;
  byId('role-note').textContent = order.length || refused
    ? `${plural(points.states.filter((s) => s === 'positive').length, 'positive')}, ${whole(points.states.filter((s) => s === 'uncertain').length)} uncertain and ` +
      `${whole(refused)} excluded among the ${plural(count, 'item')} of this page.` +
      (data.row.user ? ' Of the history, the 200 newest positives are here, and those of the sample.' : '')
    : 'None among the items of this page.';
  if (!order.length) return;
  order.sort((a, b) => (points.firstPositive[b] || '').localeCompare(points.firstPositive[a] || '') || a - b);
  itemTable(byId('role-table'), order, ['what it is to the row', 'why', 'first chosen, UTC'],
    (i) => [points.states[i], groundsOf(i).join('; '), points.firstPositive[i] ? day(points.firstPositive[i]).replace(' UTC', '').replace(' ', '\u00a0') : '-'],
    `${firstOf(order.length)}, chosen last first`);
}

function drawFacts() {
  const {collection, row} = data;
  const who = [row.user && `user ${row.user}`, row.positive && `positive ${row.positive}`].filter(Boolean).join(', ');
  byId('row-line').textContent = `${who || 'Anybody'}, as of ${day(row.asOf)}; ${row.policy ? `policy ${row.policy.split('/').pop()}` : `sources ${data.sources.map((s) => s.name).join(', ')}`}${row.arm ? `, arm ${row.arm}` : ''}`;
  const facts = [
    ['items', whole(collection.items)], ['alive then', whole(collection.living)], ['users', whole(collection.users)],
    ['events before then', whole(collection.events)], ['embeddings', whole(collection.embeddings)],
    ['dimensions', collection.dimension ? `${collection.dimension}, ${collection.metric.toLowerCase().replace('_', ' ')}` : 'none'],
    ['model version', collection.modelVersion || 'none'],
    ['events', collection.firstEvent ? `${collection.firstEvent.slice(0, 10)} to ${collection.lastEvent.slice(0, 10)}` : 'none'],
    ['on this page', plural(count, 'item')],
  ];
  for (const [name, value] of facts) byId('facts').append(element('div', {}, element('dt', {}, name), element('dd', {}, String(value))));
  const warnings = [];
  if (row.firstCommit !== row.lastCommit) warnings.push(`The collection changed while it was read, from commit ${row.firstCommit} to ${row.lastCommit}: parts of this page may tell of different states.`);
  if (!row.historyComplete) warnings.push(`The search for the user's history ended after ${whole(row.eventsRead)} events: positives that it did not come to are marked only where they are in the sample.`);
  byId('warnings').append(...warnings.map((text) => element('li', {}, text)));
  byId('made').textContent = `Made by negatron inspect: ${collection.name}, commit ${row.lastCommit}, seed ${row.seed}. Nothing on this page comes from the network.`;
}

function find(event) {
  event.preventDefault();
  const text = byId('find-text').value.trim();
  const lower = text.toLowerCase();
  let at = points.ids.indexOf(text);
  if (at < 0 && lower) at = points.labels.findIndex((name) => name.toLowerCase().includes(lower));
  if (at < 0 && lower) at = points.ids.findIndex((id) => id.toLowerCase().includes(lower));
  byId('find-result').textContent = !text ? '' : at < 0 ? 'Not among the items of this page; negatron explain tells of any item.' : '';
  if (text && at >= 0) select(at, true);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId('theme').textContent = theme === 'dark' ? 'Light' : 'Dark';
  byId('theme').setAttribute('aria-label', `Change to the ${theme === 'dark' ? 'light' : 'dark'} theme`);
  if (map.view) drawMap();
}

function start() {
  setTheme(window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  byId('theme').onclick = () => setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
  byId('find').addEventListener('submit', find);
  drawFacts();
  startMap();
  drawNear();
  drawDraws();
  drawRoles();
  drawTime();
  showDetail(-1);
  const positive = points.ids.indexOf(data.map.anchor && data.map.anchor.kind !== 'user' ? data.map.anchor.id : '');
  if (positive >= 0 && window.innerWidth > 940) select(positive);
  window.addEventListener('resize', () => { drawNear(); drawTime(); });
}

start();
