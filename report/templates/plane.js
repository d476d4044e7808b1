// The plane of saving and regret: marks the chosen point with its intervals and its name. All places were made in Python.
function planePart(svg, points, {names, plane, said}, choose) {
  const [across, up, dot, label] = svg.querySelector('.chosen').children;
  const ruler = document.createElement('canvas').getContext('2d');
  ruler.font = '650 13px system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
  // Measured once: every measurement costs a layout of the page.
  const labels = [...svg.querySelectorAll('.plane-label')].map(each => [each, each.getBBox()]);

  // The nearest point within reach, for dots are smaller than fingers.
  svg.addEventListener('click', event => {
    const seen = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    let found = -1, reach = 18;
    points.forEach((point, number) => {
      const away = point ? Math.hypot(point[0] - seen.x, point[1] - seen.y) : reach;
      if (away < reach) [found, reach] = [number, away];
    });
    if (found >= 0) choose(found);
  });

  return (choice, sentence) => {
    const point = points[choice];
    set(svg.querySelector('.chosen'), {class: point ? 'chosen' : 'chosen gone'});
    write(svg.querySelector('desc'), fill(said.described, {answer: sentence}));
    if (!point) return;
    const [x, y, left = x, right = x, bottom = y, top = y] = point;
    set(across, {d: `M${left} ${y}H${right}`});
    set(up, {d: `M${x} ${bottom}V${top}`});
    set(dot, {cx: x, cy: y});
    write(label, names[choice]);
    // The label stands above its point, on the side that has room; what it would cover steps back.
    const width = ruler.measureText(names[choice]).width * 1.06, beside = x > plane.middle ? x - 10 - width : x + 6;
    const start = Math.max(4, Math.min(beside, plane.width - 4 - width)), line = Math.max(y - 14, plane.top);
    set(label, {x: start, y: line});
    for (const [other, there] of labels) {
      const apart = there.x > start + width || start > there.x + there.width || Math.abs(there.y + there.height - 4 - line) > 16;
      other.classList.toggle('covered', !apart || other.textContent === names[choice]);
    }
  };
}
