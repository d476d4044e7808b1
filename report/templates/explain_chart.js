// The chart of an explainer: pixel rows that Python worked out, cut and coloured at the end of the training.
const KIND = {improved: 1, waited: 2, cooling: 3, saved: 4};

function chartOf(data) {
  const svg = byId('curve-chart').querySelector('svg.chart'), place = data.place, x = place.x;
  const [top, bottom] = place.metric, clip = `url(#${svg.querySelector('clipPath').id})`;
  for (const old of [...svg.children]) if (!['title', 'desc', 'clipPath', 'pattern'].includes(old.tagName)) old.remove();
  const layers = {};
  for (const name of ['ground', 'curve', 'below', 'marks', 'labels', 'cursor']) layers[name] = draw(svg, 'g', {});
  layers.curve.setAttribute('clip-path', clip);
  const clear = layer => layer.replaceChildren();
  const path = (layer, name, d) => d && draw(layers[layer], 'path', {class: name, d});
  const inside = y => Math.min(Math.max(y, top), bottom);

  function curve(scale, end) {
    let ran = '', after = '', down = false, downAfter = false;
    scale.rows.forEach((y, row) => {
      const isNaN = data.now.metric.nan.includes(row);
      if (y === null && !isNaN) return;
      const point = isNaN ? '' : `${x[row]} ${y}`;
      if (row <= end) { if (point) ran += (down ? 'L' : 'M') + point; down = Boolean(point); }
      if (row > end) { if (point) after += (downAfter ? 'L' : 'M') + point; downAfter = Boolean(point); }
      else if (point) { after = 'M' + point; downAfter = true; } else downAfter = false;
    });
    path('curve', 'curve after', /L/.test(after) ? after : '');
    path('curve', 'curve', ran);
    if (scale.rows.some((y, row) => y === null && !data.now.metric.nan.includes(row)))
      scale.rows.forEach((y, row) => { if (y !== null) draw(layers.curve, 'circle', {class: row <= end ? 'dot' : 'dot after', cx: x[row], cy: y, r: 2.5}); });
  }

  // The best and what had to be beaten, wherever the callback waits.
  function levels(found, scale) {
    const lines = [];
    let best = '', threshold = '', before = -1;
    found.waiting.forEach((cell, row) => {
      const number = cell.level;
      if (number < 0) return;
      const [first, rows, needed] = data.levels[number];
      if (number !== before) {
        best += `M${x[first]} ${rows[scale]}`;
        if (needed) threshold += `M${x[first]} ${needed[scale]}`;
        lines.push([x[first], rows[scale], x[row]]);
      }
      best += `H${x[row]}`;
      if (needed) threshold += `H${x[row]}`;
      lines.at(-1)[2] = x[row];
      before = number;
    });
    path('curve', 'level line', best);
    path('curve', 'threshold line', threshold);
    return lines;
  }

  function waits(found) {
    if (!place.wait || !found.counts) return 0;
    const [high, low] = place.wait, width = Math.max(1, Math.min(10, 2 * place.half * 0.72));
    const longest = found.waiting.reduce((most, cell) => Math.max(most, cell.wait), 0);
    const full = Math.max(1, longest, Number.isFinite(found.patience) ? found.patience : 0);
    const paths = {bar: '', 'bar-stop': '', 'bar-rate': '', 'bar-best': ''};
    found.waiting.forEach((cell, row) => {
      const left = (x[row] - width / 2).toFixed(1);
      if (cell.kind === KIND.improved) paths['bar-best'] += `M${left} ${low + 1}h${width}v3h${-width}z`;
      if (cell.wait <= 0) return;
      const name = row === found.end && found.own ? 'bar-stop' : found.reduced.has(row) ? 'bar-rate' : 'bar';
      paths[name] += `M${left} ${low}V${(low - cell.wait / full * (low - high)).toFixed(1)}h${width}V${low}z`;
    });
    for (const [name, d] of Object.entries(paths)) path('below', name, d);
    path('below', 'axis', `M${place.left} ${low}H${place.right}`);
    if (!Number.isFinite(found.patience)) return 0;
    const y = low - found.patience / full * (low - high);
    path('below', 'patience', `M${place.left} ${y}H${place.right}`);
    return y;
  }

  function saves(found) {
    const y = place.saves, diamond = row => `M${(x[row] - 4).toFixed(1)} ${y}l4 -4 4 4 -4 4z`;
    path('below', 'save', found.saves.filter(row => row <= found.end).map(diamond).join(''));
    path('below', 'save after', found.saves.filter(row => row > found.end).map(diamond).join(''));
    if (found.saves.length) draw(layers.below, 'text', {class: 't-note', x: place.right + 10, y: y + 4.5}, `◇ ${data.words['chart.saved']}`);
  }

  function rate(found, places, canvas) {
    if (!place.rate || !found.steps) return;
    const [high, low] = place.rate, last = found.recorded ? x.length - 1 : found.end, steps = found.steps;
    const heights = steps.map(([, height]) => height), least = Math.min(...heights), most = Math.max(...heights);
    const y = height => most > least ? low - (height - least) / (most - least) * (low - high) : (low + high) / 2;
    const step = place.half, end = x[last] + step, begin = row => row > last ? end : x[row] - step;
    let start = -1;
    for (let row = 0; row <= last + 1; row++) {
      const cooling = row <= last && found.cooling.has(row);
      if (cooling && start < 0) start = row;
      if (!cooling && start >= 0) { draw(layers.below, 'rect', {class: 'cooldown', x: x[start] - step, y: high, width: x[row - 1] - x[start] + 2 * step, height: low - high}); start = -1; }
    }
    let d = `M${begin(steps[0][0])} ${y(heights[0])}`;
    steps.forEach(([row], number) => { if (number) d += `H${begin(row)}V${y(heights[number])}`; });
    const tail = steps.at(-1)[0] > last;
    path('below', 'rate-line', d + (tail ? 'h8' : `H${end}`));
    const first = data.texts[steps[0][2]], text = data.texts[steps.at(-1)[2]], count = found.drops.length;
    places.put([label(place.left - 8, y(heights[0]) + 4.5, 'end', 'axis', first)], canvas);
    if (count || steps.length > 1) {
      const said = count ? fill(data.words[count === 1 ? 'chart.drop' : 'chart.drops'], {rate: text, count}) : text, row = y(heights.at(-1)) + 4.5;
      places.put([0, 8, -8].map(shift => label(end + 12, row + shift, 'start', 'rate', said)).concat(label(end - 6, row - 14, 'end', 'rate', said)), canvas);
    }
    for (const drop of found.drops) {
      const at = x[drop.row] + step, from = steps.filter(([row]) => row <= drop.row).at(-1)[1], old = y(from);
      draw(layers.below, 'path', {class: drop.whatIf ? 'rate-hollow' : 'rate', d: `M${at - 6} ${old - 5}h12L${at} ${old + 1}z`});
      if (count > 12) continue;
      const texts = [drop.label, drop.place];
      places.putIfFree(texts.flatMap(said => [label(at, old - 9, 'middle', 'axis', said), label(at, old - 23, 'middle', 'axis', said)])
        .concat(texts.map(said => label(at + 6, old + 3, 'start', 'axis', said)), texts.map(said => label(at - 8, old + 16, 'end', 'axis', said))), canvas);
    }
  }

  function whatIf(found) {
    if (found.whatIf === null) return;
    const left = x[found.whatIf] - place.half;
    draw(layers.ground, 'rect', {class: 'what-if', x: left, y: top, width: place.right - left, height: place.bottom - top});
    path('ground', 'what-if-edge', `M${left} ${top}V${place.bottom}`);
  }

  function marks(found, rows) {
    if (found.stops) {
      path('marks', 'stop-line', `M${x[found.end]} 32V${place.bottom}`);
      draw(layers.marks, 'rect', {class: 'stop-square', x: x[found.end] - 4, y: 28, width: 8, height: 8});
    }
    const [, kept, low] = found.regret;
    if (kept >= 0 && rows[kept] !== null && rows[low] !== null) {
      const ends = [inside(rows[kept]), inside(rows[low])].sort((a, b) => a - b);
      path('marks', 'bracket', `M${place.right + 8} ${ends[0]}h6V${ends[1]}h-6`);
    }
    found.marks.forEach((mark, number) => {
      if (mark < 0 || rows[mark[0]] === null) return;
      const cx = x[mark[0]], cy = inside(rows[mark[0]]);
      if (number === 2) draw(layers.marks, 'rect', {class: 'kept', x: cx - 4.5, y: cy - 4.5, width: 9, height: 9});
      else draw(layers.marks, 'circle', {class: ['best', 'missed'][number], cx, cy, r: 5});
    });
  }

  function points(found, rows, lines) {
    const list = [];
    let before = null;
    rows.forEach((y, row) => {
      if (y === null) { if (data.now.metric.nan.includes(row)) before = null; return; }
      list.push(...between(before || [x[row], y], [x[row], y]));
      before = [x[row], y];
    });
    for (const [left, y, right] of lines) list.push(...between([left, y], [right, y]));
    for (const mark of found.marks)
      if (mark >= 0 || mark.length) { const y = rows[mark[0]]; if (y !== null) for (let n = 0; n < 12; n++) list.push([x[mark[0]], inside(y)]); }
    if (found.stops) { const line = between([x[found.end], top], [x[found.end], place.axis]); list.push(...line, ...line, ...line); }
    const [, kept, low] = found.regret;
    if (kept >= 0 && rows[kept] !== null && rows[low] !== null) {
      const bracket = between([place.right + 14, inside(rows[kept])], [place.right + 14, inside(rows[low])]);
      list.push(...bracket, ...bracket, ...bracket);
    }
    return list;
  }

  function titles(found, places, canvas) {
    places.put([label(place.left, 14, 'start', 'title', data.now.metric.title)], canvas);
    if (place.wait && found.counts) places.put([label(place.left, place.wait[0] - 16, 'start', 'title', place.waitTitle)], canvas);
    if (place.rate && found.steps) places.put([label(place.left, place.rate[0] - 20, 'start', 'title', place.rateTitle)], canvas);
    if (found.stops) places.put([found.stopLabel, found.stopLabel.replace('stops after ', ''), found.stopLabel.split(':')[0]].flatMap(said => beside(x[found.end], 36, 'stop', said)), canvas);
    else if (found.open) places.put([label(place.right, 36, 'end', 'stop', found.open)], canvas);
    places.put([label(place.right + 24, place.axis + 20, 'start', 'axis', data.words['chart.axis'])], canvas);
  }

  function markLabels(found, rows, places) {
    const frame = {left: place.left - 4, top: top + 1, right: place.width - 4, bottom: bottom + 22};
    const rising = data.now.metric.mode === 'max';
    found.marks.forEach((mark, number) => {
      if (mark < 0) return;
      const [row, text] = mark, role = ['best', 'missed', 'kept'][number], said = data.texts[text], y = rows[row];
      if (y === null) { places.put(around(x[row], bottom - 14, role, said, true), frame); return; }
      const arrow = y < top ? '↑ ' : y > bottom ? '↓ ' : '';
      places.put(around(x[row], inside(y), role, arrow + said, role === 'kept' ? !rising : rising), frame);
    });
  }

  function margin(found, rows, patienceRow, places, canvas) {
    const [text, kept, low] = found.regret;
    if (text >= 0 && kept >= 0 && rows[kept] !== null) {
      const y = (inside(rows[kept]) + inside(rows[low])) / 2 + 4.5;
      places.put([0, 16, -16, 32, -32].map(shift => label(place.right + 20, y + shift, 'start', 'missed', data.texts[text])), canvas);
    }
    if (patienceRow) places.put([label(place.right + 10, patienceRow + 4.5, 'start', 'stop', found.patienceLabel)], canvas);
  }

  function notes(found, scale, places) {
    const frame = {left: place.left - 4, top: top + 1, right: place.width - 4, bottom: bottom + 18};
    for (const [row, text, above] of scale.cuts) {
      const y = above ? top + 14 : bottom - 6;
      places.put([0, 18, 36].flatMap(down => beside(x[row], y + (above ? down : -down), 'note', text, 12)), frame);
    }
    if (found.whatIf !== null) {
      const left = x[found.whatIf] - place.half + 6, said = found.whatIfLabel;
      places.put([place.note, top + 14].map(row => label(left, row, 'start', 'note', said))
        .concat([place.right, left - 12].map(right => label(right, place.note, 'end', 'note', said))), frame);
    }
    const nan = data.now.metric.nanNote;
    if (nan) places.put([20, 38, 56].flatMap(up => beside(x[nan[0]], place.note - up, 'note', nan[1], 0)), frame);
  }

  return {
    draw(found, scaleNumber) {
      const scale = data.now.metric.scales[scaleNumber], rows = scale ? scale.rows : x.map(() => null);
      for (const name of ['ground', 'curve', 'below', 'marks', 'labels']) clear(layers[name]);
      whatIf(found);
      for (const [y] of scale ? scale.ticks : []) path('ground', 'grid', `M${place.left} ${y}H${place.right}`);
      if (data.wasStopped && !found.stops) draw(layers.ground, 'rect', {class: 'hatch', x: place.right, y: top, width: 6, height: place.bottom - top});
      path('ground', 'axis', `M${place.left} ${place.axis}H${place.right}`);
      if (scale) curve(scale, found.end);
      const lines = scale ? levels(found, scaleNumber) : [];
      saves(found);
      const patienceRow = waits(found);
      marks(found, rows);
      const places = new Places(points(found, rows, lines)), canvas = {left: 2, top: 2, right: place.width - 2, bottom: place.height};
      titles(found, places, canvas);
      markLabels(found, rows, places);
      margin(found, rows, patienceRow, places, canvas);
      if (scale) notes(found, scale, places);
      rate(found, places, canvas);
      const ticks = (scale ? scale.ticks : []).map(([y, text]) => label(place.left - 8, y + 4.5, 'end', 'axis', text))
        .concat(place.ticks.map(([at, text]) => label(at, place.axis + 20, 'middle', 'axis', text)));
      for (const {x: at, y, anchor, role, text} of ticks.concat(places.placed))
        draw(layers.labels, 'text', {class: `halo t-${role}`, x: at.toFixed(1), y: y.toFixed(1), 'text-anchor': anchor}, text);
    },
    point(row, scaleNumber) {
      const scale = data.now.metric.scales[scaleNumber], y = scale && scale.rows[row];
      clear(layers.cursor);
      path('cursor', 'cursor', `M${x[row]} ${top}V${place.bottom}`);
      if (y !== null && y !== undefined) draw(layers.cursor, 'circle', {class: 'cursor-dot', cx: x[row], cy: inside(y), r: 4});
    },
    // The epoch under a pixel column of the window.
    rowAt(clientX) {
      const box = svg.getBoundingClientRect(), at = (clientX - box.left) * place.width / box.width;
      return x.reduce((best, column, row) => Math.abs(column - at) < Math.abs(x[best] - at) ? row : best, 0);
    },
    svg,
  };
}
