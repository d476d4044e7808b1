// A lesson: a prediction wakes the slider, the slider shows what stands on the page already, and when it has reached the
// asked position the sentence for the chosen answer is looked up. What comes after the answers is shown when all are there.
function wake(part, round, answered) {
  const slider = part.querySelector('input[type=range]');
  const verdict = part.querySelector('.verdict');
  const shown = [...part.querySelectorAll('.shown')];
  let chosen = null;
  let reached = false;

  function judge() {
    const isSeen = chosen !== null && reached;
    write(verdict.querySelector('strong'), !isSeen ? '' : chosen === round.right ? round.hit : round.missed);
    write(verdict.querySelector('span'), isSeen ? round.verdicts[chosen] : chosen === null ? round.first : round.now);
    verdict.dataset.is = !isSeen ? '' : chosen === round.right ? 'right' : 'wrong';
    if (isSeen) answered(part);
  }

  function move() {
    const place = slider.valueAsNumber;
    shown.forEach((each, number) => { each.hidden = number !== place; });
    write(part.querySelector('output'), round.values[place]);
    set(slider, {'aria-valuetext': round.spoken[place]});
    reached ||= place === round.asked;
    judge();
  }

  for (const choice of part.querySelectorAll('input[type=radio]')) {
    choice.addEventListener('change', () => {
      chosen = Number(choice.value);
      slider.disabled = false;
      judge();
    });
  }
  slider.addEventListener('input', move);
  part.querySelector('details').hidden = true;
  for (const each of part.querySelectorAll('.slide, .verdict')) each.hidden = false;
  move();
}

load().then(data => {
  const open = new Set(document.querySelectorAll('.round'));
  const later = [...document.querySelectorAll('.later')];
  const show = () => later.forEach(each => { each.hidden = open.size > 0; });
  [...open].forEach((part, number) => wake(part, data.rounds[number], done => {
    open.delete(done);
    show();
  }));
  show();
});
