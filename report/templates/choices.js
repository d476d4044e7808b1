// The page of choices: a setting or a rule drives the answer, the grid or the table of rules, the plane, the curves and
// the table of runs.
// A page without any run has no data.
if (byId('kcb')) load().then(data => {
  const views = data.views.map(view => ({...view, opened: null}));
  const runs = runsPart(data), grid = data.grid;
  let at = data.start.view, choice = data.start.choice, shows = 'regret', slice = 0;

  const view = () => views[at];
  const box = name => document.querySelector(`[data-view="${at}"] ${name}`);
  const heat = () => box('table.heat');
  const cells = () => [...heat().querySelectorAll('button')];

  // The sentence of a choice: its kind, filled with the values of its facts.
  function answer() {
    const {answers, facts} = view(), [kind, worst, doubts] = answers[choice];
    const [, [saving], [regret], [most]] = facts[choice];
    return fill(view().templates[kind], {name: data.names[choice], monitor: view().monitorName, saving, regret, most, worst}) + doubts;
  }

  function openedView() {
    view().opened ??= opened(view());
    return view().opened;
  }

  // The cells take the values of the chosen further arguments, and of what the grid shows.
  function paintGrid() {
    const {heat: shown} = view(), texts = shown[shows], steps = shown[`${shows}Steps`];
    cells().forEach((cell, place) => {
      const number = grid.slices[slice][place];
      cell.dataset.setting = number;
      write(cell, texts[number]);
      cell.className = `h${steps[number]}${shown.hatched[number] ? ' hatched' : ''}${shown.framed[number] ? ' framed' : ''}`;
      const spoken = {name: data.names[number], regret: shown.regret[number], saving: shown.saving[number], doubt: shown.doubts[number]};
      set(cell, {'aria-label': fill(data.said.cell, spoken), 'aria-pressed': String(number === choice), tabindex: number === choice ? 0 : -1});
    });
    if (!cells().some(cell => cell.tabIndex === 0)) cells()[0].tabIndex = 0;
    write(box('table.heat caption span'), data.said[shows]);
  }

  // The plane of this view, opened when it is first shown: what is hidden has no size.
  function paintPlane() {
    view().plane ??= planePart(box('svg.plane'), view().points, data, choose);
    view().plane(choice, answer());
  }

  // The names in the table of rules become buttons.
  const rules = byId('rules') ? [...byId('rules').tBodies[0].rows].map((row, number) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = row.cells[0].textContent;
    button.addEventListener('click', () => choose(number));
    row.cells[0].replaceChildren(button);
    return [row, button];
  }) : [];

  function choose(number) {
    choice = number;
    slice = Math.max(grid.slices.findIndex(numbers => numbers.includes(number)), 0);
    write(byId('answer'), answer());
    document.querySelectorAll('dl.facts dd').forEach((fact, place) => {
      const [value, remark] = view().facts[choice][place];
      write(fact.querySelector('span'), value);
      write(fact.querySelector('small'), remark);
    });
    if (byId('code')) write(byId('code'), view().code[0] + view().codes[choice] + view().code[1]);
    rules.forEach(([row, button], place) => {
      row.classList.toggle('hot', place === number);
      set(button, {'aria-pressed': String(place === number)});
    });
    if (heat()) paintGrid();
    paintPlane();
    runs.show(openedView(), choice);
    others.forEach((other, place) => { other.value = grid.values[slice][place]; });
  }

  function turnTo(next) {
    at = next;
    for (const part of document.querySelectorAll('[data-view]')) part.hidden = Number(part.dataset.view) !== at;
    for (const button of document.querySelectorAll('[data-turn]')) {
      const [kind, value] = button.dataset.turn.split(' ');
      set(button, {'aria-pressed': String(view()[kind] === Number(value))});
    }
    // What else names the monitor or the runs of this view.
    document.querySelectorAll('dl.facts dt').forEach((term, place) => write(term, view().terms[place]));
    for (const [id, text] of Object.entries(view().texts)) {
      const element = byId(id);
      if (element) write(element.querySelector('button') || element, text);
    }
    choose(choice);
  }

  // The cells become buttons: arrow keys move among them, Enter chooses.
  for (const table of document.querySelectorAll('table.heat')) {
    for (const cell of table.tBodies[0].querySelectorAll('td')) {
      const button = document.createElement('button');
      button.type = 'button';
      cell.className = '';
      cell.replaceChildren(button);
    }
    table.addEventListener('click', event => {
      const button = event.target.closest('button');
      if (button) choose(Number(button.dataset.setting));
    });
    table.addEventListener('keydown', event => {
      const across = table.tHead.rows[0].cells.length - 1;
      const step = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across}[event.key];
      const from = cells().indexOf(document.activeElement), next = cells()[from + step];
      if (!step || from < 0) return;
      event.preventDefault();
      if (!next) return;
      cells()[from].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }

  const others = [...document.querySelectorAll('select[data-other]')];
  for (const other of others) {
    other.addEventListener('change', () => {
      const place = grid.slices[slice].indexOf(choice);
      const wanted = others.map(each => each.value);
      slice = grid.values.findIndex(values => values.every((value, number) => value === wanted[number]));
      choose(grid.slices[slice][Math.max(place, 0)]);
    });
  }
  for (const button of document.querySelectorAll('[data-shows]')) {
    button.addEventListener('click', () => {
      shows = button.dataset.shows;
      for (const each of document.querySelectorAll('[data-shows]')) set(each, {'aria-pressed': String(each.dataset.shows === shows)});
      paintGrid();
    });
  }
  for (const button of document.querySelectorAll('[data-turn]')) {
    button.addEventListener('click', () => {
      const [kind, value] = button.dataset.turn.split(' ');
      const wanted = {monitor: view().monitor, version: view().version, [kind]: Number(value)};
      turnTo(views.findIndex(each => each.monitor === wanted.monitor && each.version === wanted.version));
    });
  }

  const matrix = byId('matrix');
  if (matrix) {
    sortable(matrix, (row, key) => (key === 'name' ? row.cells[0].textContent.toLowerCase() : Number(row.cells[Number(key)].dataset.rank)), {key: '1', down: true});
    filterable(byId('matrix-filter'), byId('matrix-count'), matrix, row => row.cells[0].textContent, data.said.count);
  }

  for (const control of document.querySelectorAll('.control, .live')) control.hidden = false;
  runs.start(openedView(), choice);
  turnTo(at);
  document.documentElement.dataset.ready = 'yes';
});
