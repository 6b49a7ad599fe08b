/* What a meter or a sensor measured, from the request `history`, read strictly.

   history(village, target, quantity, {from, to, step}, seconds)  {points, step_s, error}: points [[Unix ms, least, mean, most],
                    …], null until there are some; from and to are Unix ms, step as docs/mqtt.md has it; asked for again
                    when it is so many seconds old */
import { wanted } from "/app/asked.js";
import { number } from "/app/shapes.js";

export function history(village, target, quantity, { from, to, step }, seconds) {
  const fields = { device: target, quantity, from: new Date(from).toISOString(), to: new Date(to).toISOString(), step };
  const { answer, error } = wanted(village, "history", fields, seconds);
  return { points: Array.isArray(answer?.points) ? answer.points.filter(isPoint) : null, step_s: number(answer?.step_s), error };
}

const isPoint = (p) => Array.isArray(p) && p.length === 4 && p.every(Number.isFinite);
