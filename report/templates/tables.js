// Tables that sort by their heads and filter by a part of a name. Without this program they stand as Python wrote them.

// Gives the heads of some columns buttons. `value(row, key)` is what a column sorts by; `first` is the order it
// has, null for one that is no column's.
function sortable(table, value, first) {
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells].filter(head => head.dataset.key !== undefined);
  let order = first;

  for (const head of heads) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener('click', () => {
      const again = order && order.key === head.dataset.key;
      order = {key: head.dataset.key, down: again ? !order.down : head.dataset.down === 'yes'};
      sort();
    });
  }

  function sort() {
    const sign = order.down ? -1 : 1;
    const keys = new Map(rows.map(row => [row, value(row, order.key)]));
    const sorted = [...rows].sort((one, two) => {
      const [a, b] = [keys.get(one), keys.get(two)];
      return (a < b ? -1 : a > b ? 1 : 0) * sign;
    });
    const shown = table.tBodies[0].rows;
    if (sorted.some((row, place) => shown[place] !== row)) table.tBodies[0].append(...sorted);
    for (const head of heads) {
      const own = head.dataset.key === order.key;
      set(head, {'aria-sort': own ? (order.down ? 'descending' : 'ascending') : 'none'});
    }
  }

  if (order) sort();
  else for (const head of heads) set(head, {'aria-sort': 'none'});
  return sort;
}

// Shows the rows whose text holds what is typed, and says how many there are.
function filterable(input, status, table, text, count) {
  const rows = [...table.tBodies[0].rows];
  const texts = rows.map(row => text(row).toLowerCase());
  function filter() {
    const wanted = input.value.toLowerCase();
    rows.forEach((row, place) => { row.hidden = row.dataset.gone === 'yes' || !texts[place].includes(wanted); });
    const all = rows.filter(row => row.dataset.gone !== 'yes');
    write(status, fill(count, {shown: all.filter(row => !row.hidden).length, all: all.length}));
  }
  input.addEventListener('input', filter);
  filter();
  return filter;
}
