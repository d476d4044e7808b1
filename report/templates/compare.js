// The page of a comparison: one choice of a rule drives the answer, the table of rules, the plane, the curves, the runs.
// A page without any run has no data.
if (byId('kcb')) load().then(data => {
  const runs = runsPart(data), view = opened(data.view);
  const paintPlane = planePart(document.querySelector('svg.plane'), data.points, data, choose);
  const rules = [...byId('rules').tBodies[0].rows].map((row, number) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = row.cells[0].textContent;
    button.addEventListener('click', () => choose(number));
    row.cells[0].replaceChildren(button);
    return [row, button];
  });

  function choose(number) {
    write(byId('answer'), data.answers[number]);
    document.querySelectorAll('dl.facts dd').forEach((fact, place) => {
      const [value, remark] = data.facts[number][place];
      write(fact.querySelector('span'), value);
      write(fact.querySelector('small'), remark);
    });
    rules.forEach(([row, button], place) => {
      row.classList.toggle('hot', place === number);
      set(button, {'aria-pressed': String(place === number)});
    });
    paintPlane(number, data.answers[number]);
    runs.show(view, number);
  }

  for (const control of document.querySelectorAll('.control, .live')) control.hidden = false;
  const matrix = byId('matrix');
  sortable(matrix, (row, key) => (key === 'name' ? row.cells[0].textContent.toLowerCase() : Number(row.cells[Number(key)].dataset.rank)), {key: '1', down: true});
  filterable(byId('matrix-filter'), byId('matrix-count'), matrix, row => row.cells[0].textContent, data.runSaid.count);
  runs.start(view, 0);
  choose(0);
  document.documentElement.dataset.ready = 'yes';
});
