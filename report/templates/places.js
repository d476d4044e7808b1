// Where labels of a chart go: each is tried at several places and stands where it covers least.
// The same rules and numbers as report/drawing/placing.py, so that a page looks as Python drew it before the program ran.
const WIDE = {plain: 7.5, bold: 8.3}, ASCENT = 11, DESCENT = 3.5;
const BOLD = new Set(['title', 'stop', 'best', 'kept', 'rate']);
const ON_LABEL = 1000, OUTSIDE = 500, ON_POINT = 4, LATER = 0.8;
const SHIFTS = [[0, 'middle'], [9, 'start'], [-9, 'end'], [42, 'end'], [-42, 'start']];
const FAR_ROWS = [38, -28, 56, -46, 74, -64];

// Hangul, kana and Han are as wide as they are high.
const SQUARE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/g;

const label = (x, y, anchor, role, text) => ({x, y, anchor, role, text});

function boxOf({x, y, anchor, role, text}) {
  const letters = [...text].length + 0.75 * (text.match(SQUARE) || []).length;
  const width = letters * (BOLD.has(role) ? WIDE.bold : WIDE.plain);
  const left = x - {start: 0, middle: width / 2, end: width}[anchor];
  return {left, top: y - ASCENT, right: left + width, bottom: y + DESCENT};
}

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const holds = (a, b) => a.left <= b.left && b.right <= a.right && a.top <= b.top && b.bottom <= a.bottom;

class Places {
  constructor(points) { this.points = points; this.placed = []; this.boxes = []; }

  cost(one, frame) {
    const box = boxOf(one);
    let cost = holds(frame, box) ? 0 : OUTSIDE;
    for (const other of this.boxes) if (overlap(box, other)) cost += ON_LABEL;
    for (const [x, y] of this.points) if (box.left - 1 <= x && x <= box.right + 1 && box.top <= y && y <= box.bottom) cost += ON_POINT;
    return cost;
  }

  put(candidates, frame) {
    let best = null, least = Infinity;
    candidates.forEach((one, rank) => {
      const cost = this.cost(one, frame) + rank * LATER;
      if (cost < least) [best, least] = [one, cost];
    });
    this.placed.push(best);
    this.boxes.push(boxOf(best));
  }

  putIfFree(candidates, frame) {
    const free = candidates.filter(one => this.cost(one, frame) < OUTSIDE);
    if (free.length) this.put(free, frame);
  }
}

function around(x, y, role, text, preferAbove) {
  const rows = preferAbove ? [y - 12, y + 21] : [y + 21, y - 12];
  const near = rows.flatMap(row => SHIFTS.map(([shift, anchor]) => label(x + shift, row, anchor, role, text)));
  near.push(label(x + 12, y + 4.5, 'start', role, text), label(x - 12, y + 4.5, 'end', role, text));
  return near.concat(FAR_ROWS.flatMap(drop => SHIFTS.map(([shift, anchor]) => label(x + shift, y + drop, anchor, role, text))));
}

const beside = (x, y, role, text, gap = 9) => [label(x + gap, y, 'start', role, text), label(x - gap, y, 'end', role, text)];

function between([x1, y1], [x2, y2]) {
  const steps = Math.min(Math.max(1, Math.round(Math.hypot(x2 - x1, y2 - y1) / 6)), 2000), points = [];
  for (let step = 1; step <= steps; step++) points.push([x1 + (x2 - x1) * step / steps, y1 + (y2 - y1) * step / steps]);
  return points;
}
