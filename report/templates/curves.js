// All curves in one chart. The pixel rows were made in Python; here they are joined, blue up to the stop, grey after it.
const MISSING = 65534, NOT_A_NUMBER = 65535, LEAST = 20000, MOST = 40000;
const MARGIN = {left: 56, right: 14, top: 10, bottom: 28};

function curveChart(box, label) {
  const [ground, front] = box.querySelectorAll('canvas');
  let view = null, choice = 0, picked = -1, size = {width: 0, height: 0}, colours = {};

  // Asked for when they change and not while drawing, for every answer of the browser costs a layout of the page.
  function look() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ['grid', 'muted', 'gone', 'curve', 'stop', 'best', 'ground']) colours[name] = style.getPropertyValue(`--${name}`).trim();
    size = {width: box.clientWidth, height: box.clientHeight};
  }
  const x = epoch => MARGIN.left + (size.width - MARGIN.left - MARGIN.right) * (epoch - view.chart.first) / (view.chart.last - view.chart.first);
  const y = row => size.height - MARGIN.bottom - (size.height - MARGIN.top - MARGIN.bottom) * (row - LEAST) / (MOST - LEAST);

  function prepare(canvas) {
    const ratio = devicePixelRatio || 1;
    canvas.width = size.width * ratio;
    canvas.height = size.height * ratio;
    const pen = canvas.getContext('2d');
    pen.scale(ratio, ratio);
    pen.font = '13px system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
    pen.lineJoin = pen.lineCap = 'round';
    return pen;
  }

  function clip(pen) {
    pen.beginPath();
    pen.rect(MARGIN.left - 4, MARGIN.top - 4, size.width - MARGIN.left - MARGIN.right + 8, size.height - MARGIN.top - MARGIN.bottom + 8);
    pen.clip();
  }

  // One curve between two epochs; `until` may lie between drawn epochs, where the row of the stop itself is known.
  function trace(pen, fit, from, until, end) {
    const {chart, first} = view, start = chart.offsets[fit];
    let down = false;
    pen.beginPath();
    const join = (epoch, row) => {
      if (row === MISSING) return;
      if (row === NOT_A_NUMBER) { down = false; return; }
      const [px, py] = [x(epoch), y(row)];
      if (down) pen.lineTo(px, py);
      else { pen.moveTo(px, py); pen.lineTo(px + .01, py); }
      down = true;
    };
    if (from.row >= 0) join(from.epoch, from.row);
    for (let place = Math.ceil((from.epoch - first[fit]) / chart.every); place < chart.lengths[fit]; place += 1) {
      const epoch = first[fit] + place * chart.every;
      if (epoch > until) break;
      join(epoch, chart.rows[start + place]);
    }
    if (end >= 0) join(until, end);
    pen.stroke();
  }

  function parts(fit) {
    const place = view.place(choice, fit), last = view.last[fit], start = {epoch: view.first[fit], row: -1};
    const stop = place < 0 ? -1 : view.stop[place];
    if (stop < 0) return {stop, row: -1, ran: [start, last, -1], rest: null};
    const row = view.rowAt('stop', place, fit);
    return {stop, row, ran: [start, stop, row], rest: [{epoch: stop, row}, last, -1]};
  }

  function axes(pen) {
    pen.strokeStyle = colours.grid;
    pen.fillStyle = colours.muted;
    pen.lineWidth = 1;
    pen.textAlign = 'end';
    for (const [row, text] of view.chart.y) {
      pen.beginPath();
      pen.moveTo(MARGIN.left, y(row));
      pen.lineTo(size.width - MARGIN.right, y(row));
      pen.stroke();
      pen.fillText(text, MARGIN.left - 8, y(row) + 4.5);
    }
    pen.textAlign = 'center';
    let free = -1;
    for (const [epoch, text] of view.chart.x) {
      const half = pen.measureText(text).width / 2;
      if (x(epoch) - half < free) continue;
      pen.fillText(text, Math.min(x(epoch), size.width - half), size.height - 8);
      free = x(epoch) + half + 14;
    }
  }

  function paint() {
    if (!view || !size.width) return;
    const pen = prepare(ground), fits = view.first.length;
    prepare(front);
    if (!view.chart) return;
    axes(pen);
    clip(pen);
    const alpha = fits > 200 ? .14 : fits > 40 ? .4 : .85;
    pen.lineWidth = fits > 40 ? 1 : 1.5;
    const found = view.first.map((_, fit) => parts(fit));
    pen.strokeStyle = colours.gone;
    pen.globalAlpha = alpha * .7;
    found.forEach(({rest}, fit) => { if (rest) trace(pen, fit, ...rest); });
    pen.strokeStyle = colours.curve;
    pen.globalAlpha = alpha;
    found.forEach(({ran}, fit) => trace(pen, fit, ...ran));
    pen.globalAlpha = fits > 200 ? .4 : .95;
    pen.fillStyle = colours.stop;
    found.forEach(({stop, row}) => { if (stop >= 0 && row >= 0) pen.fillRect(x(stop) - 3, y(row) - 3, 6, 6); });
    pick(picked, true);
  }

  // Brings one curve to the front; -1 none.
  function pick(fit, again = false) {
    if (!view || !view.chart || !size.width || (fit < 0 && picked < 0)) return;
    if (fit === picked && !again) return;
    picked = fit;
    const pen = prepare(front);
    if (fit < 0) return;
    clip(pen);
    const {stop, row, ran, rest} = parts(fit), place = view.place(choice, fit);
    pen.strokeStyle = colours.ground;
    pen.lineWidth = 6;
    trace(pen, fit, {epoch: view.first[fit], row: -1}, view.last[fit], -1);
    pen.lineWidth = 2.5;
    if (rest) {
      pen.strokeStyle = colours.gone;
      trace(pen, fit, ...rest);
    }
    pen.strokeStyle = colours.curve;
    trace(pen, fit, ...ran);
    pen.fillStyle = colours.stop;
    if (stop >= 0 && row >= 0) pen.fillRect(x(stop) - 4.5, y(row) - 4.5, 9, 9);
    const kept = place < 0 || view.kept[place] < 0 ? -1 : view.rowAt('kept', place, fit);
    if (kept >= 0) {
      pen.fillStyle = colours.best;
      pen.beginPath();
      pen.arc(x(view.kept[place]), y(kept), 5, 0, 7);
      pen.fill();
    }
  }

  // The curve nearest to the pointer in its column, -1 for none within reach.
  function nearest(event) {
    const frame = box.getBoundingClientRect(), {chart, first} = view;
    const height = event.clientY - frame.top;
    const share = (event.clientX - frame.left - MARGIN.left) / (size.width - MARGIN.left - MARGIN.right);
    const epoch = chart.first + share * (chart.last - chart.first);
    let found = -1, reach = 14;
    for (let fit = 0; fit < first.length; fit += 1) {
      const place = Math.round((epoch - first[fit]) / chart.every);
      if (place < 0 || place >= chart.lengths[fit]) continue;
      const row = chart.rows[chart.offsets[fit] + place];
      const away = row >= MISSING ? reach : Math.abs(y(row) - height);
      if (away < reach) [found, reach] = [fit, away];
    }
    return found;
  }

  let waiting = 0;
  const later = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(paint); };
  const lookAgain = () => { look(); paint(); };
  new ResizeObserver(() => { look(); later(); }).observe(box);
  for (const query of ['(prefers-color-scheme: dark)', 'print']) matchMedia(query).addEventListener('change', lookAgain);
  new MutationObserver(lookAgain).observe(document.documentElement, {attributeFilter: ['data-theme']});

  return {
    show(next, number) {
      [view, choice] = [next, number];
      set(box, {'aria-label': label});
      later();
    },
    pick: fit => pick(fit),
    nearest: event => (view && view.chart ? nearest(event) : -1),
  };
}
