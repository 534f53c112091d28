/* News from `sweep serve`: the same data again, when it has changed. */

const PAUSE = 2000;
const LONGEST_PAUSE = 30000;

function watch(app) {
  let [tag, pause] = [null, PAUSE];
  const note = document.getElementById('live');
  const tell = (text, isWrong) => {
    note.textContent = text;
    note.classList.toggle('error', isWrong);
  };
  async function look() {
    try {
      const answer = await fetch('data', { headers: tag ? { 'If-None-Match': tag } : {}, cache: 'no-store' });
      if (answer.status === 200) {
        tag = answer.headers.get('ETag');
        app.show(await answer.json());
      } else if (answer.status !== 304) throw new Error(`answer ${answer.status}`);
      const trouble = answer.headers.get('X-Sweep-Trouble');
      tell(trouble ? `live; the store could not be read: ${trouble}` : 'live', Boolean(trouble));
      pause = PAUSE;
    } catch {
      tell('sweep serve does not answer; this is what it said last', true);
      pause = Math.min(LONGEST_PAUSE, pause * 2);
    }
    setTimeout(look, pause);
  }
  look();
}
