// The table of runs and the chart of all curves under one choice: everything is looked up in what Python replayed.
const KINDS = {Int8Array, Int16Array, Uint16Array, Int32Array};
const STRIP = {pad: 6, width: 180};

function numbers([kind, text]) {
  const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
  return new KINDS[kind](bytes.buffer);
}

// A view as it is worked with: typed arrays, and the place of the answer of a choice for a fit, -1 where there is none.
function opened(view) {
  const names = ['pick', 'starts', 'stop', 'best', 'kept', 'saved', 'regret', 'label'];
  const given = {...view.runs, rows: view.rows, kept: view.runs.kept ?? view.runs.best};
  const runs = {...given, ...Object.fromEntries(names.map(name => [name, numbers(given[name])]))};
  const count = runs.first.length;
  runs.place = (choice, fit) => {
    const pick = runs.pick[choice * count + fit];
    return pick < 0 ? -1 : runs.starts[fit] + pick;
  };
  runs.chart = view.curves && {...view.curves, offsets: []};
  if (runs.chart) {
    for (const name of ['rows', 'lengths', 'stopRow', 'keptRow']) runs.chart[name] = view.curves[name] && numbers(view.curves[name]);
    let offset = 0;
    for (const length of runs.chart.lengths) {
      runs.chart.offsets.push(offset);
      offset += length;
    }
  }
  // The pixel row of the stop of an answer, or of the epoch it keeps; -1 where there is no value to stand at.
  runs.rowAt = (name, at, fit) => {
    const given = runs.chart[`${name}Row`];
    if (given) return given[at];
    const row = runs.chart.rows[runs.chart.offsets[fit] + runs[name][at] - runs.first[fit]];
    return row < MISSING ? row : -1;
  };
  return runs;
}

function runsPart(data) {
  const table = byId('runs'), body = table.tBodies[0], rows = [...body.rows];
  const {said} = data, last = data.lastEpoch;
  const box = byId('curves'), chart = box && curveChart(box, said.curves);
  const fitOf = new Map(), rowOf = new Map();
  let view = null, choice = 0, hot = -1, filling = 0;

  const along = epoch => (STRIP.pad + epoch / last * (STRIP.width - 2 * STRIP.pad)).toFixed(1);
  const place = row => view.place(choice, fitOf.get(row));

  // What stands in a column for the answer at `at`, and what the column sorts by; -1 is no answer.
  const texts = {
    stop: at => (at < 0 ? '' : view.stop[at] < 0 ? said.never : String(view.stop[at])),
    saved: at => (at < 0 ? '' : String(view.saved[at])),
    best: at => (at < 0 ? '' : view.best[at] < 0 ? said.none : String(view.best[at])),
    kept: at => (at < 0 ? '' : view.kept[at] < 0 ? said.none : String(view.kept[at])),
    lowest: (at, fit) => view.lowest[fit],
    regret: at => (at < 0 ? '' : view.regrets[view.regret[at]]),
    label: at => (at < 0 ? said.notAsked : data.labels[view.label[at]]),
  };
  const values = {
    name: (at, fit, row) => data.rows[row.dataset.row].toLowerCase(),
    stop: at => (at < 0 ? -1 : view.stop[at] < 0 ? Infinity : view.stop[at]),
    saved: at => (at < 0 ? -1 : view.saved[at]),
    best: at => (at < 0 ? -1 : view.best[at]),
    kept: at => (at < 0 ? -1 : view.kept[at]),
    lowest: (at, fit) => view.lowestRank[fit],
    regret: at => (at < 0 ? -1 : view.regret[at]),
    label: at => (at < 0 ? -1 : view.label[at]),
  };

  function strip(svg, at, fit) {
    const stop = at < 0 ? -1 : view.stop[at], best = at < 0 ? -1 : view.best[at], kept = at < 0 ? -1 : view.kept[at];
    const end = along(stop < 0 ? view.last[fit] : stop), [, ran, tick, lowest, mark] = svg.children;
    set(ran, {d: `M${along(view.first[fit] - 1)} 9H${end}`});
    set(tick, {d: stop < 0 ? '' : `M${end} 2v14`});
    set(lowest, {cx: along(view.lowestEpoch[fit] < 0 ? 0 : view.lowestEpoch[fit]), r: view.lowestEpoch[fit] < 0 ? 0 : 4});
    const shown = best < 0 ? kept : best;
    set(mark, {cx: along(shown < 0 ? 0 : shown), r: shown < 0 ? 0 : 4});
  }

  function fillRow(row) {
    const fit = fitOf.get(row), at = place(row);
    data.columns.forEach((key, column) => {
      const cell = row.cells[column];
      if (key === 'strip') {
        strip(cell.firstElementChild, at, fit);
        write(cell.lastElementChild, String(view.last[fit]));
      }
      else if (texts[key]) write(cell, texts[key](at, fit));
    });
  }

  function sentence(fit) {
    const at = view.place(choice, fit), row = rowOf.get(fit);
    const template = at < 0 ? said.unasked : view.stop[at] < 0 ? said.open : said.stopped;
    const found = Object.fromEntries(['stop', 'kept', 'saved', 'regret', 'label'].map(key => [key, texts[key](at, fit)]));
    return fill(template, {...found, run: data.rows[row.dataset.row], last: view.last[fit]});
  }

  function light(fit) {
    if (rowOf.has(hot)) rowOf.get(hot).classList.remove('hot');
    hot = fit;
    if (rowOf.has(fit)) rowOf.get(fit).classList.add('hot');
    if (chart) {
      chart.pick(fit);
      write(byId('picked'), fit < 0 ? said.squares : sentence(fit));
    }
  }

  let sort = () => {}, filter = () => {};
  function show(next, number) {
    if (next !== view) {
      view = next;
      fitOf.clear();
      rowOf.clear();
      rows.forEach(row => {
        const fit = view.rows ? view.rows[row.dataset.row] : Number(row.dataset.row);
        row.dataset.gone = fit < 0 ? 'yes' : 'no';
        if (fit < 0) return;
        fitOf.set(row, fit);
        rowOf.set(fit, row);
      });
      filter();
      hot = -1;
    }
    choice = number;
    if (chart) chart.show(view, choice);
    light(hot);
    clearTimeout(filling);
    set(table, {'aria-busy': 'true'});
    filling = setTimeout(fillTable, 20);
  }

  // Hundreds of rows take longer than a frame, so the table follows behind what is smaller; the last choice counts.
  function fillTable() {
    for (const row of fitOf.keys()) fillRow(row);
    sort();
    set(table, {'aria-busy': 'false'});
  }

  function start(next, number) {
    show(next, number);
    sort = sortable(table, (row, key) => (fitOf.has(row) ? values[key](place(row), fitOf.get(row), row) : Infinity), {key: 'regret', down: true});
    filter = filterable(byId('filter'), byId('count'), table, row => data.rows[row.dataset.row], said.count);
    body.addEventListener('pointerover', event => {
      const row = event.target.closest('tr');
      if (fitOf.has(row)) light(fitOf.get(row));
    });
    if (!chart) return;
    let moving = 0;
    box.addEventListener('pointermove', event => {
      cancelAnimationFrame(moving);
      moving = requestAnimationFrame(() => { const fit = chart.nearest(event); if (fit !== hot) light(fit); });
    });
    box.addEventListener('keydown', event => {
      const step = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
      if (event.key === 'Escape') light(-1);
      if (!step) return;
      event.preventDefault();
      const shown = [...body.rows].filter(row => !row.hidden), at = shown.indexOf(rowOf.get(hot));
      const next = at < 0 ? Math.min(step, 0) : at + step;
      const row = shown[(next + shown.length) % shown.length];
      if (row) light(fitOf.get(row));
    });
  }

  return {start, show};
}
