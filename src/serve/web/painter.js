// When an answer that comes is shown.

const kShare = 0.1; // of the time, at most, is spent on showing: the model may need the same processor
const kTelling_ms = 500;
const kFastest = 45; // events a second; above that the server puts several tokens into one

// `paint` is called soon after `paint()` of the result, `tell` with what is to be said of the speed,
// until `stop()`.
export function makePainter({ paint, tell }) {
  const begin = performance.now();
  let first = null; // when the answer began
  let parts = 0;
  let scheduled = null;
  let cost_ms = 0;

  const seconds = (since) => (performance.now() - since) / 1000;
  const show = () => {
    scheduled = null;
    const start = performance.now();
    paint();
    cost_ms = performance.now() - start;
  };
  const timer = setInterval(() => {
    if (first === null) return tell(`${seconds(begin).toFixed(0)} s`);
    const rate = (parts - 1) / seconds(first);
    tell(rate < kFastest ? `${rate.toFixed(1)} tokens/s` : "");
  }, kTelling_ms);
  return {
    paint() {
      ++parts;
      first ??= performance.now();
      scheduled ??= setTimeout(show, Math.max(16, cost_ms / kShare));
    },
    stop() {
      clearInterval(timer);
      clearTimeout(scheduled);
    },
  };
}
