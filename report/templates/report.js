// The report: its tables sort and filter, and a row picks out its curve. All else stands as Python wrote it.
// A cell sorts by the number that it begins with, one without a number below all; a text by itself.
function sortValue(cell) {
  const text = (cell.dataset.rank ?? cell.textContent).trim(), number = Number.parseFloat(text.replace(/[,≥ ]/g, ''));
  return cell.classList.contains('n') ? (Number.isNaN(number) ? -Infinity : number) : text.toLowerCase();
}

for (const control of document.querySelectorAll('.control')) control.hidden = false;
for (const [id, filter, count] of [['table', 'filter', 'count'], ['matrix', 'matrix-filter', 'matrix-count']]) {
  const table = byId(id);
  if (!table) continue;
  sortable(table, (row, key) => sortValue(row.cells[Number(key)]), null);
  filterable(byId(filter), byId(count), table, row => row.cells[0].textContent, table.dataset.count);
}

const curves = [...document.querySelectorAll('svg.all g g')];
let hot = null;
const table = byId('table');
if (table) table.addEventListener('pointerover', event => {
  const row = event.target.closest('tr');
  if (!row || row === hot) return;
  for (const each of [hot, hot && curves[hot.dataset.place]]) if (each) each.classList.remove('hot');
  hot = row;
  for (const each of [hot, curves[hot.dataset.place]]) if (each) each.classList.add('hot');
});
