// The explainer: looks up what Python replayed for the positions of the controls, and writes and draws it.
// After each change `document` gets a CustomEvent "kcb:moved" with the choice and its answer as `detail`.
load().then(data => {
  const words = data.words, text = number => number < 0 ? '' : data.texts[number];
  const cells = data.cells.map(([sentence, tail, verdict, best, threshold, wait, kind, level]) => ({sentence, tail, verdict, best, threshold, wait, kind, level}));
  const none = {wait: -1, kind: 0, level: -1};
  const choice = [...data.start], controls = data.axes.map((_, number) => byId(`control-${number}`));
  const body = byId('epochs').tBodies[0], slider = byId('epoch'), others = data.names.map((_, n) => n).filter(n => n !== data.lead);
  let scale = 0, follow = true, chart = null, first = data.first;
  const now = data.now = {};

  const pick = name => { const n = data.axes.findIndex(axis => axis.part < 0 && axis.name === name); return n < 0 ? 0 : choice[n]; };
  const number = part => data.axes.reduce((sum, axis, n) => axis.part === part ? sum * axis.texts[0].length + choice[n] : sum, 0);
  const lane = n => n < 0 ? [] : data.lanes[n];

  function look() {
    const monitor = pick('monitor'), table = data.tables[monitor * data.versions + pick('semantics')];
    const end = table.ends[table.endOf[table.endOf.length > 1 ? number(data.lead) : 0]];
    const path = table.paths.length ? table.paths[table.pathOf[table.pathOf.length > 1 ? number(data.reducer) : 0]] : null;
    const [endLane, row, , stopping, answer, closing, closingVerdict, facts, marks, regret, note, beyond, open, ending] = end;
    const moves = path !== null && path[0] === 1;
    const horizon = path ? path[4] : -1, behind = horizon >= 0 && row > table.horizons[horizon][0];
    const drops = path ? dropsOf(path, row, horizon < 0 ? Infinity : table.horizons[horizon][0]) : [];
    Object.assign(now, {monitor, table, end: row, case: end[2], stops: stopping > 0, own: stopping > 1, answer, closing, closingVerdict, facts, marks,
      regret, note, beyond, ending, open: text(open), path, moves, allDrops: drops, horizon, behind, endLane, metric: data.metrics[monitor]});
    now.drops = drops.filter(drop => drop.rate >= 0);
    now.steps = path ? stepsOf(path) : null;
  }

  // What happens to the rate until the end; behind the horizon it is a what-if.
  function dropsOf([, , , flat], end, horizon) {
    const drops = [];
    for (let n = 0; n < flat.length && flat[n] <= end; n += 2) {
      const [sentence, verdict, rate, height] = data.changes[flat[n + 1]];
      drops.push({row: flat[n], sentence, verdict, rate, height, whatIf: flat[n] > horizon});
    }
    return drops;
  }

  // The rate until the end, and the one after it where the next epoch does not begin with it.
  function stepsOf([kind, , first, , , , steps, after]) {
    if (kind === 2) return steps;
    if (kind === 1) return [[0, ...first], ...now.drops.map(drop => [drop.row + 1, drop.height, drop.rate])];
    const until = steps.filter(([row]) => row <= now.end), last = after[now.case];
    return last && last[2] !== until.at(-1)[2] ? [...until, last] : until;
  }

  const placeOf = drop => `${data.epochs[drop.row]}${drop.whatIf ? '?' : ''}`;
  const laneOf = part => moved(part) ? now.path[1] : part === data.lead ? now.endLane : companion(part).lane;
  const moved = part => part === data.reducer && now.moves;
  const companion = part => now.table.companions.find(each => each.position === part);
  const cellAt = (part, row) => { const found = row <= now.end && lane(laneOf(part))[row]; return found === false || found === undefined ? null : cells[found]; };
  const patience = part => { const n = data.axes.findIndex(axis => axis.part === part && axis.name === 'patience'); return n < 0 ? data.patience[part] : data.axes[n].texts[now.monitor][choice[n]]; };

  function noteOf(part) {
    if (moved(part)) return now.path[5][now.case];
    const far = now.behind ? now.table.horizons[now.horizon][1] : null;
    if (part === data.lead) return now.behind ? now.beyond[now.horizon] ?? far : now.note;
    const found = companion(part);
    return now.behind ? found.beyond[`${now.case} ${now.horizon}`] ?? far : found.notes[now.case];
  }

  function reductions() {
    if (!now.drops.length) return words['outcome.never_reduces'];
    const key = now.drops.length === 1 ? 'outcome.reduces_once' : 'outcome.reduces', last = now.drops.at(-1);
    const said = fill(words[key], {epochs: now.drops.map(placeOf).join(', '), old: text(now.steps[0][2]), new: text(last.rate)});
    return last.whatIf ? `${said} ${words['outcome.what_if_marks']}` : said;
  }

  const labelled = part => data.notes[noteOf(part)];
  const saidOf = part => moved(part) ? reductions() : part === data.lead ? text(now.answer) : text(companion(part).said[now.case]);

  function rateFacts() {
    const last = now.drops.at(-1), first = text(now.steps[0][2]);
    return [[words['fact.reductions'], String(now.drops.length), fill(words['fact.in_epochs'], {epochs: data.epochs.length})],
      [words['fact.rate_start'], first, words[`fact.rate_${data.rateSource}`]], [words['fact.rate_end'], last ? text(last.rate) : first, ''],
      [words['fact.holds'], words[`label.${text(labelled(data.lead)[0])}`], '']];
  }

  function stopLabel() {
    if (!now.stops) return '';
    const cell = cellAt(data.lead, now.end), epoch = data.epochs[now.end];
    const why = now.own && cell && cell.wait >= 0 ? fill(words['chart.count'], {wait: cell.wait, patience: patience(data.lead)}) : now.table.stoppedBy;
    return fill(words[text(labelled(data.lead)[0]) === 'hypothetical' ? 'chart.stop_what_if' : 'chart.stop'], {epoch, why});
  }

  function sentences(row) {
    if (row > now.end) return [fill(words['explainer.not_run'], {stop: data.epochs[now.end]})];
    return [...data.names.map((_, part) => {
      const cell = cellAt(part, row), parts = cell ? [text(cell.sentence)] : [];
      if (cell && cell.wait >= 0) parts.push(fill(words['sentence.wait'], {wait: cell.wait, patience: patience(part)}));
      if (cell) parts.push(text(cell.tail));
      if (part === data.lead && row === now.end) parts.push(text(now.closing));
      if (moved(part)) for (const drop of now.allDrops) if (drop.row === row) parts.push(text(drop.sentence));
      return parts.filter(Boolean).join(' ');
    }), ...(row === now.end && now.ending >= 0 ? [text(now.ending)] : [])];
  }

  function verdict(part, row) {
    const cell = cellAt(part, row);
    if (!cell) return '';
    const parts = [text(cell.verdict)];
    if (part === data.lead && row === now.end) parts.push(text(now.closingVerdict));
    if (moved(part)) for (const drop of now.allDrops) if (drop.row === row) parts.push(text(drop.verdict));
    return parts.filter(Boolean).join(', ');
  }

  function writeAnswer() {
    write(byId('answer'), saidOf(data.lead));
    const also = byId('also');
    others.forEach((part, n) => write(also.children[n].lastElementChild, saidOf(part)));
    const facts = now.facts.length ? now.facts.map(fact => fact.map(text)) : now.steps ? rateFacts() : [];
    [...byId('facts').children].forEach((each, n) => {
      const [term, value, remark] = facts[n];
      write(each.children[0], term);
      write(each.children[1].children[0], value);
      write(each.children[1].children[1], remark);
    });
    writeExact();
    const monitored = byId('monitored');
    if (monitored) write(monitored, now.metric.title);
    // Advice is about the settings that were asked for.
    const lints = byId('lints');
    if (lints) lints.hidden = choice.some((each, n) => each !== data.start[n]);
    write(byId('code').firstElementChild, `callbacks = [\n${data.code.map(line => `    ${code(line)},\n`).join('')}]`);
  }

  const code = line => line.called ? `${line.name}(${line.given.map(([axis, texts]) => texts[now.monitor][axis < 0 ? 0 : choice[axis]]).filter(Boolean).join(', ')})` : line.name;

  // Callbacks with the same limits are named together.
  function writeExact() {
    const together = new Map();
    data.names.forEach((name, part) => {
      const note = labelled(part), key = note.join(' ');
      together.set(key, {note, names: [...(together.get(key)?.names || []), name]});
    });
    const list = byId('exact'), items = [...together.values()];
    while (list.children.length > items.length) list.lastElementChild.remove();
    items.forEach(({note, names}, n) => {
      const item = list.children[n] || list.appendChild(document.createElement('li'));
      const said = [...(data.names.length > 1 ? [`${names.join(', ')}:`] : []), words[`label.${text(note[0])}`], text(note[1])];
      if (!item.children.length) said.forEach((_, place) => {
        if (place) item.append(place === said.length - 1 ? '. ' : ' ');
        item.append(document.createElement(place === said.length - 2 ? 'b' : 'span'));
      });
      said.forEach((each, place) => write(item.children[place], each));
    });
    list.parentElement.classList.toggle('exact', items.every(({note}) => text(note[0]) === 'exact'));
  }

  const mark = (line, chosen) => chosen ? line.setAttribute('aria-current', 'true') : line.removeAttribute('aria-current');

  function kindOf(row) {
    if (row > now.end) return 'gone';
    if (row === now.end && now.stops) return 'stopped';
    const cell = cellAt(data.lead, row);
    return cell && cell.kind === KIND.improved ? 'improved' : '';
  }

  // A long recording shows the rows around the chosen epoch.
  function writeTable() {
    const values = now.metric.values, of = patience(data.lead);
    write(byId('metric-head'), now.metric.name);
    write(byId('threshold-head'), words[now.metric.mode === 'max' ? 'explainer.threshold_max' : 'explainer.threshold_min']);
    [...body.rows].forEach((line, place) => {
      const row = first + place, cell = cellAt(data.lead, row), ran = row <= now.end;
      const said = [values[row], cell ? text(cell.best) : '', cell ? text(cell.threshold) : '', cell && cell.wait >= 0 ? `${cell.wait}/${of}` : '',
        ran ? verdict(data.lead, row) : words['explainer.not_run_verdict'], ...others.map(part => verdict(part, row))];
      const name = kindOf(row);
      if (line.className !== name) line.className = name;
      write(line.cells[0], String(data.epochs[row]));
      said.forEach((each, n) => write(line.cells[n + 1], each));
      mark(line, row === now.row);
    });
    const part = byId('part');
    if (part) write(part, fill(words['explainer.part'], {first: data.epochs[first], last: data.epochs[first + body.rows.length - 1]}));
  }

  function drawChart() {
    if (!chart) return;
    const waiter = data.counts ? data.lead : -1, waiting = [];
    if (waiter >= 0) for (let row = 0; row <= now.end; row++) waiting.push(cellAt(waiter, row) || none);
    const cooling = new Set();
    if (now.moves) lane(now.path[1]).forEach((cell, row) => { if (cells[cell].kind === KIND.cooling) cooling.add(row); });
    const saves = now.table.companions.flatMap(each => lane(each.lane).flatMap((cell, row) => cells[cell].kind === KIND.saved ? [row] : []));
    const from = now.behind ? now.table.horizons[now.horizon][0] + 1 : null;
    chart.draw({end: now.end, stops: now.stops, own: now.own, marks: now.marks, regret: now.regret, open: now.open, stopLabel: stopLabel(),
      counts: data.counts, waiting, patience: Number(patience(data.lead)), patienceLabel: fill(words['chart.patience'], {patience: patience(data.lead)}),
      recorded: now.path !== null && now.path[0] === 2, reduced: new Set(data.lead === data.reducer ? now.drops.map(drop => drop.row) : []), steps: now.steps, drops: now.drops.map(drop => ({...drop, place: placeOf(drop), label: fill(words['chart.epoch'], {epoch: placeOf(drop)})})), cooling, saves,
      whatIf: from, whatIfLabel: from === null ? '' : fill(words['chart.what_if'], {epoch: data.epochs[from]})}, scale);
    write(chart.svg.querySelector('desc'), [saidOf(data.lead), ...others.map(part => `${data.names[part]}: ${saidOf(part)}`)].join(' '));
  }

  function go(row, following) {
    const at = Math.max(0, Math.min(data.epochs.length - 1, row)), said = sentences(at), box = byId('say');
    follow = following;
    slider.value = at;
    const epoch = fill(words['explainer.epoch'], {epoch: data.epochs[at]}), several = data.names.length > 1 && said.length > 1;
    const lines = said.map((each, part) => each && several && part < data.names.length ? `${data.names[part]}: ${each}` : each).filter(Boolean);
    while (box.children.length > lines.length + 1) box.lastElementChild.remove();
    while (box.children.length < lines.length + 1) box.append(document.createElement('p'));
    write(box.children[0], epoch);
    lines.forEach((line, n) => write(box.children[n + 1], line));
    slider.setAttribute('aria-valuetext', [epoch, ...lines].join(' '));
    box.className = `epoch ${kindOf(at)}`;
    now.row = at;
    const shown = body.rows.length;
    if (at < first || at >= first + shown) {
      first = Math.max(0, Math.min(data.epochs.length - shown, at - Math.floor(shown / 2)));
      writeTable();
    } else [...body.rows].forEach((line, place) => mark(line, first + place === at));
    if (chart) chart.point(at, scale);
  }

  function show() {
    look();
    data.axes.forEach((axis, n) => {
      const output = byId(`value-${n}`);
      if (!output) return;
      write(output, axis.texts[now.monitor][choice[n]]);
      controls[n].setAttribute('aria-valuetext', axis.texts[now.monitor][choice[n]]);
    });
    writeAnswer();
    writeTable();
    drawChart();
    go(follow ? now.end : now.row, follow);
    tell();
  }

  function tell() {
    const settings = data.axes.map((axis, n) => ({part: axis.part, name: axis.name, value: axis.texts[now.monitor][choice[n]]}));
    document.dispatchEvent(new CustomEvent('kcb:moved', {detail: {choice: [...choice], settings, answer: saidOf(data.lead),
      also: others.map(saidOf), facts: now.facts.map(fact => fact.map(text)), lastEpoch: data.epochs[now.end], stops: now.stops}}));
  }

  function scales() {
    const names = now.metric.scales.map(each => each.name);
    scale = Math.min(scale, Math.max(names.length - 1, 0));
    for (const button of document.querySelectorAll('[data-scale]')) {
      const place = names.indexOf(button.dataset.scale);
      button.hidden = place < 0;
      button.setAttribute('aria-pressed', String(place === scale));
    }
  }

  controls.forEach((control, n) => control.addEventListener('input', () => {
    choice[n] = Number(control.value);
    if (data.axes[n].name === 'monitor' && data.axes[n].part < 0) scale = 0;
    show();
    scales();
  }));
  for (const button of document.querySelectorAll('[data-scale]')) button.addEventListener('click', () => {
    scale = now.metric.scales.findIndex(each => each.name === button.dataset.scale);
    scales();
    drawChart();
    go(now.row, follow);
  });
  slider.addEventListener('input', () => go(Number(slider.value), false));
  byId('previous').addEventListener('click', () => go(now.row - 1, false));
  byId('next').addEventListener('click', () => go(now.row + 1, false));
  byId('to-end').addEventListener('click', () => go(now.end, true));
  byId('copy').addEventListener('click', async () => {
    const status = byId('copied');
    try {
      await navigator.clipboard.writeText(byId('code').textContent);
      write(status, words['explainer.copied']);
    } catch {
      getSelection().selectAllChildren(byId('code'));
      write(status, words['explainer.select']);
    }
  });

  look();
  if (byId('curve-chart')) {
    chart = chartOf(data);
    const follows = event => { if (event.buttons || event.type === 'click') go(chart.rowAt(event.clientX), false); };
    chart.svg.addEventListener('click', follows);
    chart.svg.addEventListener('pointermove', follows);
  }
  byId('explainer').classList.add('on');
  show();
  scales();
});
